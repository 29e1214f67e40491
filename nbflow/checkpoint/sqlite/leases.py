"""Who works on a thread: one runner at a time, across worker threads, processes and machines.

A lease names its owner and its process. It is stale, and taken over, when that process is gone:
on the same machine the system says so at once, from another one a heartbeat that has stopped does.
"""

from __future__ import annotations

import os
import socket
import sqlite3
import threading
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING
from weakref import WeakSet

from nbflow import clock
from nbflow.errors import NbflowError, ThreadBusyError

if TYPE_CHECKING:
    from nbflow.database.sqlite import SqliteFile

BEAT_SECONDS = 10.0
STALE_SECONDS = 60.0  # several beats: a machine that is busy or asleep for a moment keeps its leases
_HOLDER = "SELECT owner, process, beat FROM leases WHERE thread_id = ?"
_TAKE = "INSERT OR REPLACE INTO leases (thread_id, owner, process, beat) VALUES (?, ?, ?, ?)"
_RELEASE = "DELETE FROM leases WHERE thread_id = ? AND owner = ?"
_BREAK = "DELETE FROM leases WHERE thread_id = ?"
_BEAT = "UPDATE leases SET beat = ? WHERE process = ?"


class Leases:
    """The leases of one file.

    Args:
        file: where they are.
    """

    def __init__(self, file: SqliteFile) -> None:
        self._file = file
        self._mine: set[str] = set()

    def take(self, thread_id: str, owner: str) -> None:
        """Reserve a thread for one runner; one that is gone is taken over.

        Raises:
            ThreadBusyError: if a living runner holds it.
        """

        def take(connection: sqlite3.Connection) -> None:
            held = connection.execute(_HOLDER, (thread_id,)).fetchone()
            if held is not None and held[0] != owner and _lives(*held):
                raise ThreadBusyError(thread_id, _told(*held))
            connection.execute(_TAKE, (thread_id, owner, _process(), clock.wall()))

        self._file.transact(take)
        self._mine.add(owner)
        _owners_here.add(owner)
        _heart.keep(self)

    def release(self, thread_id: str, owner: str) -> None:
        """Give a thread back; does nothing if ``owner`` does not hold it."""
        self._file.write((_RELEASE, [(thread_id, owner)]))
        self._mine.discard(owner)
        _owners_here.discard(owner)

    def holder(self, thread_id: str) -> str | None:
        """Return who works on a thread, in words; None if nobody does."""
        held = self._file.read(_HOLDER, (thread_id,))
        return _told(*held[0]) if held and _lives(*held[0]) else None  # type: ignore[arg-type]  # the columns' types

    def check(self, connection: sqlite3.Connection, *, thread_id: str, owner: str) -> None:
        """Refuse a writer whose thread was taken over; to be called in its transaction.

        Raises:
            ThreadBusyError: if another runner has the thread.
        """
        held = connection.execute(_HOLDER, (thread_id,)).fetchone()
        if held is not None and held[0] != owner:
            raise ThreadBusyError(thread_id, _told(*held))

    def take_away(self, thread_id: str) -> None:
        """Free a thread from whoever holds it, alive or not; see ``BaseCheckpointSaver``."""
        self._file.write((_BREAK, [(thread_id,)]))

    @property
    def idle(self) -> bool:
        """Whether this process holds no lease of the file."""
        return not self._mine

    def beat(self) -> bool:
        """Tell other machines that this process is alive; False if it holds no lease any more."""
        if not self._mine:
            return False
        try:
            self._file.write((_BEAT, [(clock.wall(), _process())]))
        except sqlite3.ProgrammingError:  # the file was closed
            self._mine.clear()
            return False
        except (NbflowError, sqlite3.Error):  # a full or locked file: the next beat may do better
            return True
        return True


class _Heart:
    """One thread that beats for all files of the process that hold leases."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._files: WeakSet[Leases] = WeakSet()
        self._pid = 0

    def keep(self, leases: Leases) -> None:
        """Beat for these leases as long as there are any."""
        with self._lock:
            self._files.add(leases)
            if self._pid == os.getpid():
                return
            self._pid = os.getpid()  # a fork takes no threads along
        threading.Thread(target=self._work, name="nbflow-heartbeat", daemon=True).start()

    def _work(self) -> None:
        pause = threading.Event()
        while not pause.wait(BEAT_SECONDS):
            with self._lock:
                files = list(self._files)
            silent = [file for file in files if not file.beat()]
            with self._lock:
                self._files.difference_update([file for file in silent if file.idle])
                if not self._files:
                    self._pid = 0
                    return


_heart = _Heart()
_owners_here: set[str] = set()


def _told(owner: str, process: str, beat: float | None) -> str:
    host = process.rsplit("/", 2)[0]
    if host == socket.gethostname():
        return owner
    ago = f", heard of {max(0.0, clock.wall() - beat):.0f} s ago" if beat is not None else ""
    return f"{owner} on {host}{ago}"


def _lives(owner: str, process: str, beat: float | None) -> bool:
    """Whether the runner that took a lease may still be at work."""
    if process == _process():
        return owner in _owners_here
    host, pid, born = process.rsplit("/", 2)
    if host == socket.gethostname():
        return _birth(int(pid)) == born
    return beat is None or clock.wall() - beat < STALE_SECONDS


def _process() -> str:
    """Return what names this process among all that ever ran on this machine."""
    return _named(os.getpid())


@cache
def _named(pid: int) -> str:
    return f"{socket.gethostname()}/{pid}/{_birth(pid)}"


def _birth(pid: int) -> str | None:
    """Return when a process began, as the system counts it; None if it is gone."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        return stat.rpartition(")")[2].split()[19]  # field 22, proc(5)
    except OSError:
        pass
    if Path("/proc/self/stat").exists():
        return None
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return None
    except OSError:
        pass
    return "alive"
