"""Writers that share a commit: each is told what became of its own, whatever happens to its neighbours."""

from __future__ import annotations

import dis
import sqlite3
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from types import CodeType, FrameType, FunctionType
from typing import Any

import pytest

from nbflow.database import connected, sqlite
from nbflow.database.migrations import Schema
from nbflow.database.sqlite import SqliteFile
from nbflow.errors import LostFileError, StorageError

NOTES = Schema("notes", ("CREATE TABLE notes (text TEXT PRIMARY KEY)",))
INSERT = "INSERT INTO notes VALUES (?)"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "notes.db"


@pytest.fixture
def file(path: Path) -> Iterator[SqliteFile]:
    file = SqliteFile(path, NOTES)
    yield file
    file.close()


def stored(path: Path) -> set[str]:
    connection = sqlite3.connect(path)
    try:
        return {text for (text,) in connection.execute("SELECT text FROM notes")}
    finally:
        connection.close()


class Writers:
    """Threads that write a note each, while another one has the file; they are let go at once."""

    def __init__(self, file: SqliteFile, notes: list[Any]) -> None:
        self.fates: dict[Any, BaseException | None] = {}
        self._file = file
        self._threads = [threading.Thread(target=self._write, args=(note,), daemon=True) for note in notes]
        self._notes = len(notes)

    def _write(self, note: Any) -> None:
        try:
            self._file.write((INSERT, [(note,)]))
            self.fates[note] = None
        except BaseException as error:
            self.fates[note] = error

    def line_up(self) -> None:
        """Return once all of them wait for the lock that this thread holds."""
        for thread in self._threads:
            thread.start()
        while len(self._file._waiting) < self._notes:
            pass

    def join(self) -> None:
        for thread in self._threads:
            thread.join(20)
            assert not thread.is_alive(), "it waits for ever"


@pytest.mark.parametrize("bad", ["\ud800", object(), "there already"])
def test_a_bad_writer_fails_alone(file: SqliteFile, path: Path, bad: Any) -> None:
    file.write((INSERT, [("there already",)]))
    writers = Writers(file, ["a", bad, "b", "c"])
    with file._lock:
        writers.line_up()
    writers.join()
    assert {note for note, error in writers.fates.items() if error is None} == {"a", "b", "c"}
    assert isinstance(writers.fates[bad], (UnicodeEncodeError, sqlite3.Error, StorageError))
    assert stored(path) == {"there already", "a", "b", "c"}


def test_a_file_that_nobody_can_write_is_told_to_all(file: SqliteFile, path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(connected, "PATIENT", "PRAGMA busy_timeout=1")
    file._be_patient(file._connection)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    writers = Writers(file, ["a", "b", "c"])
    with file._lock:
        writers.line_up()
    writers.join()
    assert {note: type(error) for note, error in writers.fates.items()} == dict.fromkeys("abc", StorageError)
    other.close()
    assert stored(path) == set()
    file.write((INSERT, [("d",)]))
    assert stored(path) == {"d"}


# Ctrl-C wherever Python lets one in: after calls, at the start of functions, at the end of a loop's round.

_CHECKED = {"CALL", "CALL_FUNCTION_EX", "CALL_KW", "RESUME", "JUMP_BACKWARD"}


class Places:
    """Where a function can be interrupted: a signal is looked for at the end of some instructions."""

    def __init__(self, code: CodeType) -> None:
        self._names = {one.offset: one.opname for one in dis.get_instructions(code)}
        self._handlers = dis._parse_exception_table(code)  # type: ignore[attr-defined]  # the one way to know

    def _handler(self, offset: int) -> int | None:
        return next((one.target for one in self._handlers if one.start <= offset < one.end), None)

    def lets_in(self, last: int, offset: int) -> bool:
        """Whether what is raised before the instruction at ``offset`` might have been raised at the end of the last."""
        return self._names.get(last) in _CHECKED and self._handler(last) == self._handler(offset)


class Interruption:
    """A KeyboardInterrupt at the n-th place in the modules that lets one in."""

    def __init__(self, number: int) -> None:
        self.hit = False
        self._left = number
        self._places: dict[CodeType, Places] = {}
        self._last: dict[FrameType, int] = {}

    def step(self, frame: FrameType, offset: int) -> None:
        """Take in that an instruction is to be executed."""
        before, self._last[frame] = self._last.get(frame, -1), offset
        if frame.f_code not in self._places:
            self._places[frame.f_code] = Places(frame.f_code)
        if self._places[frame.f_code].lets_in(before, offset):
            self._left -= 1
            if self._left == 0:
                self.hit = True
                raise KeyboardInterrupt


@contextmanager
def each_instruction(step: Callable[[FrameType, int], None]) -> Iterator[None]:
    """Have each instruction of the modules told, in this thread."""

    def told(frame: FrameType, event: str, _: Any) -> Any:
        if event == "opcode":
            step(frame, frame.f_lasti)
        return told

    def enter(frame: FrameType, event: str, _: Any) -> Any:
        if frame.f_code not in CODES:
            return None
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        return told

    before = sys.gettrace()
    sys.settrace(enter)
    try:
        yield
    finally:
        sys.settrace(before)


@contextmanager
def each_monitored_instruction(step: Callable[[FrameType, int], None]) -> Iterator[None]:
    """As ``each_instruction``, for Python 3.12 and later, whose tracing leaves instructions out."""
    monitoring: Any = sys.monitoring  # type: ignore[attr-defined]  # of later Pythons
    here, tool, event = threading.get_ident(), monitoring.DEBUGGER_ID, monitoring.events.INSTRUCTION

    def told(_: CodeType, offset: int) -> None:
        if threading.get_ident() == here:
            step(sys._getframe(1), offset)

    monitoring.use_tool_id(tool, "interruptions")
    monitoring.register_callback(tool, event, told)
    for code in CODES:
        monitoring.set_local_events(tool, code, event)
    try:
        yield
    finally:
        for code in CODES:
            monitoring.set_local_events(tool, code, 0)
        monitoring.free_tool_id(tool)


def codes_in(holder: Any) -> set[CodeType]:
    """Return the code of the functions of a module or class, those inside them included."""
    found = {each.__code__ for each in vars(holder).values() if isinstance(each, FunctionType)}
    for each in tuple(found):
        found.update(const for const in each.co_consts if isinstance(const, CodeType))
    return found


CODES = {code for holder in (sqlite, SqliteFile, connected, connected.Connected) for code in codes_in(holder)}


def interrupted_at(number: int, work: Callable[[], None]) -> bool:
    """Run work with a KeyboardInterrupt at the n-th place in the modules that lets one in; False if it has fewer."""
    interruption = Interruption(number)
    telling = each_instruction if sys.version_info < (3, 12) else each_monitored_instruction
    with suppress(KeyboardInterrupt), telling(interruption.step):
        work()
    return interruption.hit


@pytest.mark.parametrize("attempt", [False, True])
def test_an_interrupted_writer_leaves_nobody_behind(tmp_path: Path, *, attempt: bool) -> None:
    def write(file: SqliteFile, mine: list[bool]) -> None:
        if attempt:
            mine.append(file.try_commit(lambda connection: connection.execute(INSERT, ("mine",))))  # type: ignore[arg-type]  # its cursor is of no use
        else:
            file.write((INSERT, [("mine",)]))
            mine.append(True)

    number, told = 0, True
    while told:
        number += 1
        path = tmp_path / f"{number}.db"
        file = SqliteFile(path, NOTES)
        writers = Writers(file, ["a", "b"])
        mine: list[bool] = []
        with file._lock:
            writers.line_up()
            told = interrupted_at(number, partial(write, file, mine))
        writers.join()
        assert writers.fates == {"a": None, "b": None}, number
        assert stored(path) - {"mine"} == {"a", "b"}, number
        if mine == [True]:
            assert "mine" in stored(path), number
        assert not file._connection.in_transaction, number
        file.write((INSERT, [("after",)]))
        assert "after" in stored(path), number
        free = threading.Thread(target=file.write, args=((INSERT, [("from elsewhere",)]),), daemon=True)
        free.start()
        free.join(10)
        assert not free.is_alive(), f"the lock is held for ever, {number}"
        file.close()
    assert number > 15


def test_what_was_stored_is_never_told_as_lost_to_who_waits(file: SqliteFile, path: Path) -> None:
    """The leader is interrupted right after COMMIT: those whose rows it has stored must not store them again."""
    writers = Writers(file, ["a", "b"])
    real: Any = file._commit_all

    def commit_and_stop(connection: sqlite3.Connection, tickets: Sequence[Any]) -> None:
        real(connection, tickets)
        raise KeyboardInterrupt

    with file._lock:
        writers.line_up()
        file._commit_all = commit_and_stop  # type: ignore[method-assign]  # Ctrl-C comes there
        with pytest.raises(KeyboardInterrupt):
            file.write((INSERT, [("mine",)]))
        file._commit_all = real  # type: ignore[method-assign]  # as above
    writers.join()
    assert writers.fates == {"a": None, "b": None}
    assert stored(path) == {"mine", "a", "b"}


# Without waiting.


def test_an_attempt_does_not_wait_for_another_process(file: SqliteFile, path: Path) -> None:
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    assert not attempt(file, "a")
    other.execute("COMMIT")
    other.close()
    assert attempt(file, "a")
    assert stored(path) == {"a"}
    (patience,) = file.read("PRAGMA busy_timeout")
    assert patience == (30_000,), "the next one waits again"


def test_an_attempt_does_not_wait_for_another_thread(file: SqliteFile, path: Path) -> None:
    told: list[bool] = []
    with file._lock:
        other = threading.Thread(target=lambda: told.append(attempt(file, "a")))
        other.start()
        other.join()
    assert told == [False]
    assert stored(path) == set()


def attempt(file: SqliteFile, note: str) -> bool:
    def work(connection: sqlite3.Connection) -> None:
        connection.execute(INSERT, (note,))

    return file.try_commit(work)


# A transaction that somebody left open, and a file that is not there any more.


def test_a_transaction_that_was_left_open_ends(file: SqliteFile, path: Path) -> None:
    file._connection.execute("BEGIN IMMEDIATE")
    file._connection.execute(INSERT, ("half",))
    file.write((INSERT, [("whole",)]))
    assert stored(path) == {"whole"}


def test_a_transaction_of_somebody_else_is_told(path: Path) -> None:
    connection = sqlite3.connect(path, check_same_thread=False)
    file = SqliteFile(connection, NOTES)
    connection.execute("BEGIN")
    connection.execute(INSERT, ("theirs",))
    with pytest.raises(StorageError, match="not nbflow's"):
        file.write((INSERT, [("ours",)]))
    connection.execute("COMMIT")
    file.write((INSERT, [("ours",)]))
    assert stored(path) == {"theirs", "ours"}
    connection.close()


def test_a_transaction_is_not_begun_within_one(file: SqliteFile, path: Path) -> None:
    def work(connection: sqlite3.Connection) -> None:
        connection.execute(INSERT, ("outer",))
        assert not attempt(file, "attempt")
        with pytest.raises(StorageError, match="in the middle"):
            file.write((INSERT, [("inner",)]))

    file.commit(work)
    assert stored(path) == {"outer"}


@pytest.mark.skipif(sys.platform == "win32", reason="an open file can't be deleted there")
@pytest.mark.parametrize("replaced", [False, True])
def test_a_file_that_was_deleted_or_replaced_is_told(file: SqliteFile, path: Path, *, replaced: bool) -> None:
    file.write((INSERT, [("a",)]))
    kept = path.rename(path.with_name("moved.db"))
    if replaced:
        SqliteFile(path, NOTES).close()
    for write in (
        lambda: file.write((INSERT, [("b",)])),
        lambda: attempt(file, "b"),
        lambda: file.transact(lambda connection: connection.execute(INSERT, ("b",))),
    ):
        with pytest.raises(LostFileError, match="deleted, moved or replaced"):
            write()
    if not replaced:  # else its log was taken for the other one's
        kept.rename(path)
        file.write((INSERT, [("c",)]))
        assert stored(path) == {"a", "c"}


def test_a_relative_path_means_the_folder_where_it_was_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    file = SqliteFile("notes.db", NOTES)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    file.write((INSERT, [("a",)]))
    file.close()
    assert stored(tmp_path / "notes.db") == {"a"}
