"""Who works on a thread: one runner at a time, across worker threads, processes and machines.

A lease names its owner and its process. It is stale, and taken over, when that process is gone:
on the same machine the system says so at once, from another one, or another container, a heartbeat
that has stopped does. The row of a lease stays when it is given back, and says who had the thread
last: whoever had it before that is refused for ever.
"""

from __future__ import annotations

import os
import socket
import sqlite3
import sys
import threading
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, cast
from weakref import ReferenceType, WeakSet, ref

from nbflow._support import clock
from nbflow.checkpoint.base import Owner
from nbflow.errors import CorruptFileError, NbflowError, ThreadBusyError

if TYPE_CHECKING:
    from nbflow.database.sqlite import SqliteFile

BEAT_SECONDS = 10.0
STALE_SECONDS = 60.0  # several beats: a machine that is busy or asleep for a moment keeps its leases
_FREE = ""  # the process of a lease that was given back: the row says who had the thread last
_HOLDER = (
    "SELECT CAST(owner AS TEXT), CAST(process AS TEXT), CAST(beat AS REAL), CAST(token AS INTEGER) "
    "FROM leases WHERE thread_id = ?"
)
_TAKE = (
    "INSERT INTO leases (thread_id, owner, process, beat, token) VALUES (?, ?, ?, ?, ?) ON CONFLICT (thread_id) DO "
    "UPDATE SET owner = excluded.owner, process = excluded.process, beat = excluded.beat, token = excluded.token"
)
_REACH = """
IFNULL((SELECT MAX(id) + 1 & 4294967295 FROM records WHERE id BETWEEN number << 32 AND number << 32 | 4294967295), 0)
"""
# With the lease go notes of what there is, so that a loss of the newest run, or of its last rows, is seen.
_NOTES = (
    f"(newest, length) = (SELECT IFNULL(number, 0), {_REACH} FROM "  # noqa: S608  # a constant
    "(SELECT (SELECT MAX(number) FROM runs WHERE runs.thread_id = leases.thread_id) AS number))"
)
RELEASE = f"UPDATE leases SET process = '', {_NOTES} WHERE thread_id = ? AND owner = ?"  # noqa: S608  # as above
NOTE = f"UPDATE leases SET {_NOTES} WHERE thread_id = ?"  # noqa: S608  # as above
MEASURE = f"UPDATE runs SET length = {_REACH} WHERE number = ?"  # noqa: S608  # as above
MEASURE_NAMED = f"UPDATE runs SET length = {_REACH} WHERE thread_id = ? AND run_id = ?"  # noqa: S608  # as above
_BREAK = "UPDATE leases SET process = '' WHERE thread_id = ?"
_BEAT = "UPDATE leases SET beat = ? WHERE process = ?"

_NOT_HELD = object()
_Held = tuple[str, str, "float | None", int]
Key = tuple[str, str]  # a thread and its owner


class Leases:
    """The leases of one file.

    Attributes:
        mine: what the column ``process`` says of leases that this process may write under: held by it, or free.

    Args:
        file: where they are.
    """

    def __init__(self, file: SqliteFile) -> None:
        self._file = file
        self._held: dict[Key, ReferenceType[Owner] | None] = {}
        self._owed: dict[Key, None] = {}  # given up, but not given back yet
        self.mine = (_FREE, _process())
        _places.add(self)

    def take(self, thread_id: str, owner: str) -> int:
        """Reserve a thread for one runner; one that is gone is taken over.

        Returns:
            The fencing token; that of the lease that there is, if ``owner`` has it already.

        Raises:
            ThreadBusyError: if a living runner holds it.
        """
        key, name = (thread_id, str(owner)), str(owner)

        def take(connection: sqlite3.Connection) -> int:
            held = connection.execute(_HOLDER, (thread_id,)).fetchone()
            token = 1
            if held is not None:
                holder, process, beat, token = self._sound(held)
                if holder != name and _lives(thread_id, holder, process, beat):
                    raise ThreadBusyError(thread_id, _told(holder, process, beat))
                if holder != name or process != self.mine[1]:
                    token += 1
            connection.execute(_TAKE, (thread_id, name, self.mine[1], clock.wall(), token))
            return int(token)

        was = self._held.get(key, _NOT_HELD)
        try:
            self._held[key] = ref(owner) if isinstance(owner, Owner) else None
            _heart.keep(self)
            token = self._file.transact(take)
            self._owed.pop(key, None)
        except BaseException as error:
            if was is _NOT_HELD:
                if not isinstance(error, NbflowError):
                    self._owed[key] = None  # it may be in the file: an interruption can come after the commit
                self._held.pop(key, None)
            raise
        return token

    def release(self, thread_id: str, owner: str) -> None:
        """Give a thread back; does nothing if ``owner`` does not hold it.

        It counts as given back in this process whatever happens; if the file can't be written, that is
        done later.
        """
        key = (thread_id, str(owner))
        if key in self._held or key in self._owed:
            self._give_back(key)

    def given_back(self, thread_id: str, owner: str) -> None:
        """Note that a lease was given back together with the last rows of a run."""
        key = (thread_id, str(owner))
        self._held.pop(key, None)
        self._owed.pop(key, None)

    def _give_back(self, key: Key) -> None:
        self._owed[key] = None
        self._held.pop(key, None)
        self._file.write((RELEASE, [key]))
        self._owed.pop(key, None)

    def keeps(self, thread_id: str, owner: str) -> bool:
        """Whether a runner of this process holds a thread by way of this object, and lives."""
        key = (thread_id, owner)
        if key not in self._held:
            return False
        refers = self._held[key]
        if refers is None:
            return True
        holder = refers()
        return holder is not None and not holder.ended

    def holder(self, thread_id: str) -> str | None:
        """Return who works on a thread, in words; None if nobody does."""
        for held in self._file.read(_HOLDER, (thread_id,)):
            owner, process, beat, _ = self._sound(held)
            if _lives(thread_id, owner, process, beat):
                return _told(owner, process, beat)
        return None

    def _sound(self, held: tuple[object, ...]) -> _Held:
        if type(held[0]) is not str or type(held[1]) is not str or not _is_token(held[3]):
            raise CorruptFileError(self._file.path, f"its table of leases is damaged: {held!r}; restore a copy")
        return cast("_Held", held)

    def check(self, connection: sqlite3.Connection, *, thread_id: str, owner: str) -> None:
        """Refuse a writer whose thread was taken over; to be called in its transaction.

        Raises:
            ThreadBusyError: if another runner has the thread, or had it last.
        """
        held = connection.execute(_HOLDER, (thread_id,)).fetchone()
        if held is not None and (held[0] != owner or held[1] not in self.mine):
            raise self.refusal(thread_id, held[0], held[1])

    def refusal(self, thread_id: str, owner: str, process: str) -> ThreadBusyError:
        """Return why a writer may not write any more."""
        return ThreadBusyError(thread_id, _told(str(owner), str(process), None), gone=process == _FREE)

    def take_away(self, thread_id: str) -> None:
        """Free a thread from whoever holds it, alive or not; see ``BaseCheckpointSaver``."""
        self._file.write((_BREAK, [(thread_id,)]))

    def close(self) -> None:
        """Hold nothing any more."""
        with suppress(NbflowError, sqlite3.Error):
            for key in [*self._owed, *self._held]:
                self._give_back(key)
        self._held.clear()
        self._owed.clear()

    def inherit(self) -> None:
        """Hold nothing, in a process that was forked from the one that did."""
        self._held, self._owed = {}, {}
        self.mine = (_FREE, _process())

    @property
    def idle(self) -> bool:
        """Whether this process holds no lease of the file, and owes none."""
        return not self._held and not self._owed

    def beat(self) -> bool:
        """Tell other machines that this process is alive; False if it holds no lease any more.

        What was not given back in time, or whose runner is gone, is given back here.
        """
        if self.idle:
            return False
        try:
            for key in [*self._owed, *(key for key in tuple(self._held) if not self.keeps(*key))]:
                self._give_back(key)
            if self._held:
                self._file.write((_BEAT, [(clock.wall(), self.mine[1])]))
        except sqlite3.ProgrammingError:  # the file was closed
            self._held.clear()
            self._owed.clear()
            return False
        except (NbflowError, sqlite3.Error):  # a full or locked file: the next beat may do better
            return True
        return not self.idle


class _Heart:
    """One thread that beats for all files of the process that hold leases."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._files: WeakSet[Leases] = WeakSet()
        self._thread: threading.Thread | None = None

    def keep(self, leases: Leases) -> None:
        """Beat for these leases as long as there are any."""
        if leases in self._files and self._thread is not None and self._thread.is_alive():
            return
        with self._lock:
            self._files.add(leases)
            if self._thread is None or not self._thread.is_alive():  # a fork takes no threads along
                self._thread = threading.Thread(target=self._work, name="nbflow-heartbeat", daemon=True)
                with suppress(RuntimeError):  # no more threads; the next lease tries again
                    self._thread.start()

    def _work(self) -> None:
        pause = threading.Event()
        while not pause.wait(BEAT_SECONDS):
            with self._lock:
                files = list(self._files)
            silent = [file for file in files if not file.beat()]
            del files
            with self._lock:
                self._files.difference_update([file for file in silent if file.idle])
                if not self._files:
                    self._thread = None
                    return


def _is_token(found: object) -> bool:
    return type(found) is int and 0 <= found < 1 << 62


_heart = _Heart()
_places: WeakSet[Leases] = WeakSet()


def _in_child() -> None:
    global _heart  # noqa: PLW0603  # its lock may be held by a thread that is not here
    _heart = _Heart()
    for place in list(_places):
        place.inherit()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_child)


def _told(owner: str, process: str, beat: float | None) -> str:
    if process == _FREE:
        return owner
    host = _parts(process)[0]
    if host == socket.gethostname() and _parts(process)[3] in {"", _where()}:
        return owner
    ago = f", heard of {max(0.0, clock.wall() - beat):.0f} s ago" if beat is not None else ""
    return f"{owner} on {host}{ago}"


def _lives(thread_id: str, owner: str, process: str, beat: float | None) -> bool:
    """Whether the runner that took a lease may still be at work."""
    if process == _FREE:
        return False
    if process == _process():
        return any(place.keeps(thread_id, owner) for place in list(_places))
    host, pid, born, where = _parts(process)
    if host == socket.gethostname() and (where == _where() or (not where and beat is None)):
        alive = _birth(pid)
        if alive != UNKNOWN:
            return alive == born
    return beat is None or clock.wall() - beat < STALE_SECONDS


def _parts(process: str) -> tuple[str, int, str, str]:
    """Return the host, the id, the birth and the namespace that name a process; the last one is new."""
    named, _, where = process.partition("@")
    parts = named.rsplit("/", 2)
    if len(parts) == _NAMED and parts[1].isdecimal():
        return parts[0], int(parts[1]), parts[2], where
    return process, 0, "", where


_NAMED = 3


def _process() -> str:
    """Return what names this process among all that ever ran on this machine."""
    return _named(os.getpid())


@cache
def _named(pid: int) -> str:
    return f"{socket.gethostname()}/{pid}/{_birth(pid)}@{_where()}"


UNKNOWN = "unknown"


@cache
def _where() -> str:
    """Return what tells apart the sets of processes that count their ids by themselves, such as containers."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()[:8]
        return f"{boot}:{Path('/proc/self/ns/pid').readlink()}"
    except (OSError, ValueError):
        return sys.platform


def _birth(pid: int) -> str | None:
    """Return when a process began, as the system counts it; None if it is gone, UNKNOWN if that can't be told."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        return stat.rpartition(")")[2].split()[19]  # field 22, proc(5)
    except (OSError, IndexError):
        pass
    if Path("/proc/self/stat").exists():
        return None
    return _birth_elsewhere(pid)


def _birth_elsewhere(pid: int) -> str | None:
    """As ``_birth``, on systems without ``/proc``."""
    try:
        import psutil  # noqa: PLC0415  # only if it is there
    except ImportError:
        psutil = None
    if psutil is not None:
        try:
            return str(psutil.Process(pid).create_time())
        except psutil.NoSuchProcess:
            return None
        except psutil.Error:
            return UNKNOWN
    if os.name == "nt":  # where os.kill(pid, 0) ends the process
        return UNKNOWN
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return None
    except (OSError, OverflowError):
        pass
    return "alive"
