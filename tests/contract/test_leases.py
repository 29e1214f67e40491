"""One runner per thread: who holds it is told, the dead are taken over, the living are not."""

from __future__ import annotations

import multiprocessing
import os
import sqlite3
import sys
from pathlib import Path
from typing import Any

import pytest

from nbflow import InMemorySaver, SqliteSaver, entrypoint
from nbflow._support import clock
from nbflow.checkpoint.base import BaseCheckpointSaver, Owner, Row, RunKey
from nbflow.checkpoint.sqlite import leases
from nbflow.errors import StorageError, ThreadBusyError

ROW = Row(0, "RunStarted", "0", b"", None)


@pytest.fixture(params=["memory", "sqlite"])
def saver(request: pytest.FixtureRequest, tmp_path: Path) -> BaseCheckpointSaver:
    return InMemorySaver() if request.param == "memory" else SqliteSaver(tmp_path / "runs.db")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "runs.db"


def test_the_second_runner_is_told_who_is_there(saver: BaseCheckpointSaver) -> None:
    saver.lease("t", "run 1 in process 7")
    with pytest.raises(ThreadBusyError, match="run 1 in process 7") as caught:
        saver.lease("t", "run 2")
    assert "take_away" in str(caught.value)
    assert saver.holder("t") == "run 1 in process 7"
    saver.lease("other", "run 2")
    saver.release("t", "run 1 in process 7")
    assert saver.holder("t") is None
    saver.lease("t", "run 2")


def test_the_last_rows_of_a_run_give_its_thread_back(saver: BaseCheckpointSaver) -> None:
    run, owner = RunKey("t", "r"), Owner("run r")
    saver.lease("t", owner)
    saver.append_last(run, [ROW], owner)
    assert saver.rows(run) == [ROW]
    assert saver.holder("t") is None
    late = Row(1, "CallReturned", "0.0", b"", None)
    saver.append(run, [late], owner)
    assert saver.rows(run) == [ROW, late], "what comes in late is kept until another runner takes the thread"
    saver.release("t", owner)
    other = Owner("run s")
    saver.lease("t", other)
    with pytest.raises(ThreadBusyError):
        saver.append_last(run, [Row(2, "RunReturned", "0", b"", None)], owner)
    assert saver.holder("t") == "run s"
    assert len(saver.rows(run)) == 2


def test_a_thread_that_was_taken_away_is_free_and_its_old_runner_is_refused(saver: BaseCheckpointSaver) -> None:
    saver.lease("t", "stuck")
    saver.take_away("t")
    assert saver.holder("t") is None
    saver.lease("t", "new")
    with pytest.raises(ThreadBusyError, match="new"):
        saver.append(RunKey("t", "r"), [ROW], "stuck")
    saver.release("t", "stuck")
    assert saver.holder("t") == "new"
    saver.take_away("unknown")


def hold(path: Path) -> None:
    SqliteSaver(path).lease("t", "the one who dies")
    os._exit(0)


def test_the_lease_of_a_process_that_is_gone_is_taken_over(path: Path) -> None:
    child = multiprocessing.get_context("spawn").Process(target=hold, args=(path,))
    child.start()
    child.join(60)
    saver = SqliteSaver(path)
    assert saver.holder("t") is None
    saver.lease("t", "the heir")
    assert saver.holder("t") == "the heir"


def write(path: Path, process: str, beat: float | None) -> None:
    connection = sqlite3.connect(path)
    connection.execute(
        "INSERT INTO leases (thread_id, owner, process, beat) VALUES ('t', 'far away', ?, ?)", (process, beat)
    )
    connection.commit()
    connection.close()


@pytest.mark.parametrize("silent_for", [5.0, leases.STALE_SECONDS - 1])
def test_a_runner_on_another_machine_is_alive_as_long_as_its_heart_beats(
    path: Path, monkeypatch: pytest.MonkeyPatch, silent_for: float
) -> None:
    monkeypatch.setattr("nbflow._support.clock.wall", lambda: 1_000_000.0)
    saver = SqliteSaver(path)
    write(path, "moon/12/34", 1_000_000.0 - silent_for)
    with pytest.raises(ThreadBusyError, match=rf"far away on moon, heard of {silent_for:.0f} s ago"):
        saver.lease("t", "me")


def test_one_whose_heart_has_stopped_is_taken_over(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nbflow._support.clock.wall", lambda: 1_000_000.0)
    saver = SqliteSaver(path)
    write(path, "moon/12/34", 1_000_000.0 - leases.STALE_SECONDS - 1)
    saver.lease("t", "me")
    assert saver.holder("t") == "me"


def test_a_lease_from_before_heartbeats_is_kept(path: Path) -> None:
    saver = SqliteSaver(path)
    write(path, "moon/12/34", None)
    with pytest.raises(ThreadBusyError, match="moon"):
        saver.lease("t", "me")


def test_the_heart_beats_while_there_is_a_lease(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]
    monkeypatch.setattr("nbflow._support.clock.wall", lambda: now[0])
    saver = SqliteSaver(path)
    saver.lease("t", "me")
    now[0] = 1010.0
    assert saver._leases.beat()
    assert saver._file.read("SELECT beat FROM leases") == [(1010.0,)]
    saver.release("t", "me")
    assert not saver._leases.beat()


def test_a_file_that_was_closed_has_no_heart(path: Path) -> None:
    saver = SqliteSaver(path)
    saver.lease("t", "me")
    saver.close()
    assert not saver._leases.beat()
    assert saver._leases.idle


def test_a_run_that_has_lost_its_thread_can_not_write(path: Path) -> None:
    saver = SqliteSaver(path)
    config: Any = {"configurable": {"thread_id": "t"}}

    @entrypoint(checkpointer=saver)
    def body(n: int) -> int:
        saver.take_away("t")
        saver.lease("t", "somebody else")
        return n

    with pytest.raises(ThreadBusyError, match="somebody else"):
        body.invoke(1, config)


# Who is alive: asked of the system only where its answer is about the same processes.


def process(path: Path, saver: BaseCheckpointSaver) -> str:
    """Return how this process names itself in a file."""
    saver.lease("name", "me")
    connection = sqlite3.connect(path)
    ((name,),) = connection.execute("SELECT process FROM leases WHERE thread_id = 'name'").fetchall()
    connection.close()
    saver.release("name", "me")
    return str(name)


@pytest.mark.parametrize("where", ["another boot:pid:[1]", "", "linux"])
def test_a_process_of_another_container_is_alive_as_long_as_its_heart_beats(
    path: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    """Its host has our name, and its process id means another process here, or none."""
    monkeypatch.setattr("nbflow._support.clock.wall", lambda: 1_000_000.0)
    saver = SqliteSaver(path)
    host = process(path, saver).partition("/")[0]
    write(path, f"{host}/999999999/12{f'@{where}' if where else ''}", 1_000_000.0 - 5)
    with pytest.raises(ThreadBusyError, match="far away"):
        saver.lease("t", "me")
    connection = sqlite3.connect(path)
    connection.execute("UPDATE leases SET beat = ?", (1_000_000.0 - leases.STALE_SECONDS - 1,))
    connection.commit()
    connection.close()
    saver.lease("t", "me")


def test_a_process_that_began_later_is_another_one(path: Path) -> None:
    saver = SqliteSaver(path)
    named, _, where = process(path, saver).partition("@")
    host, pid, _ = named.rsplit("/", 2)
    write(path, f"{host}/{pid}/1@{where}", None)
    saver.lease("t", "me")
    assert saver.holder("t") == "me"


def test_no_process_is_asked_by_a_signal_on_windows(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """There, os.kill(pid, 0) ends it."""

    def kill(pid: int, signal: int) -> None:
        raise AssertionError(f"os.kill({pid}, {signal})")

    saver = SqliteSaver(path)
    named, _, where = process(path, saver).partition("@")
    host = named.rpartition("/")[0].rpartition("/")[0]
    monkeypatch.setattr("os.kill", kill)
    monkeypatch.setattr("nbflow.checkpoint.sqlite.leases.os.name", "nt")
    monkeypatch.setattr(leases, "Path", lambda _: tmp_nowhere)
    monkeypatch.setitem(sys.modules, "psutil", None)
    monkeypatch.setattr(leases, "_where", lambda: where)
    assert leases._birth(12) == leases.UNKNOWN
    assert leases._lives("t", "far away", f"{host}/12/34@{where}", clock.wall())
    assert not leases._lives("t", "far away", f"{host}/12/34@{where}", clock.wall() - leases.STALE_SECONDS - 1)


tmp_nowhere = Path("/nowhere/at/all")


# A lease that could not be given back.


def test_a_lease_that_can_not_be_given_back_is_over_here_and_given_back_later(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    saver, other = SqliteSaver(path), SqliteSaver(path)
    saver.lease("t", "me")
    with monkeypatch.context() as patched:
        patched.setattr(saver._file, "write", broken)
        with pytest.raises(StorageError):
            saver.release("t", "me")
    assert other.holder("t") is None, "this process knows that nobody is there"
    assert rows_of(path) == [("t", "me", True)], "others do not"
    assert not saver._leases.beat(), "there is nothing more to beat for"
    assert rows_of(path) == [("t", "me", False)]


def broken(*_: object) -> None:
    raise StorageError("runs.db", "the disk is away")


def rows_of(path: Path) -> list[tuple[str, str, bool]]:
    connection = sqlite3.connect(path)
    try:
        return connection.execute("SELECT thread_id, owner, process <> '' FROM leases").fetchall()
    finally:
        connection.close()


def test_what_a_forgotten_runner_held_is_given_back_by_the_heart(path: Path) -> None:
    saver = SqliteSaver(path)
    owner = Owner("run 1")
    saver.lease("t", owner)
    assert saver._leases.beat()
    del owner
    assert not saver._leases.beat()
    assert rows_of(path) == [("t", "run 1", False)]


@pytest.mark.parametrize("kind", [KeyboardInterrupt, OSError])
def test_a_lease_that_was_taken_by_half_is_no_lease(
    path: Path, monkeypatch: pytest.MonkeyPatch, kind: type[BaseException]
) -> None:
    """The interruption comes when the row is in the file, and nobody has been told so."""
    saver = SqliteSaver(path)
    real = saver._file.transact

    def transact(work: Any) -> None:
        real(work)
        raise kind

    with monkeypatch.context() as patched:
        patched.setattr(saver._file, "transact", transact)
        with pytest.raises(kind):
            saver.lease("t", "me")
    assert saver.holder("t") is None
    saver.lease("t", "you")
    assert saver.holder("t") == "you"
    assert saver._leases.beat()
    assert rows_of(path) == [("t", "you", True)]


def test_an_owner_of_several_threads_keeps_the_others(path: Path) -> None:
    saver, other = SqliteSaver(path), SqliteSaver(path)
    for thread in ("t", "u"):
        saver.lease(thread, "me")
    saver.release("t", "me")
    with pytest.raises(ThreadBusyError):
        other.lease("u", "you")
    saver.close()
    assert other.holder("u") is None, "who can't write any more holds nothing"


def test_a_heart_that_could_not_begin_begins_with_the_next_lease(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    saver = SqliteSaver(path)
    monkeypatch.setattr(leases, "_heart", leases._Heart())
    with monkeypatch.context() as patched:
        patched.setattr("threading.Thread.start", no_thread)
        saver.lease("t", "me")
    thread = leases._heart._thread
    assert thread is None or not thread.is_alive()
    saver.lease("u", "me")
    assert leases._heart._thread is not None
    assert leases._heart._thread.is_alive()


def no_thread(_: object) -> None:
    raise RuntimeError("can't start new thread")
