"""Runs kept in one SQLite file; two kernels may use it at once.

Table ``records`` holds one row per record; ``leases`` says which process works on a thread.
A lease is stale when its process is gone, so a killed kernel blocks nothing.
"""

from __future__ import annotations

import os
import socket
from contextlib import contextmanager
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

from nbflow.checkpoint.base import Row, RunKey
from nbflow.checkpoint.shared import SharedMethods
from nbflow.database.migrations import Schema
from nbflow.database.sqlite import SqliteFile
from nbflow.errors import ThreadBusyError

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator, Sequence

MIGRATIONS = (
    """
    CREATE TABLE records (
        thread_id TEXT NOT NULL,
        run_id TEXT NOT NULL,
        seq INTEGER NOT NULL,
        kind TEXT NOT NULL,
        path TEXT NOT NULL,
        head BLOB NOT NULL,
        value BLOB,
        PRIMARY KEY (thread_id, run_id, seq)
    ) WITHOUT ROWID;
    CREATE INDEX runs ON records (thread_id, run_id) WHERE seq = 0;
    CREATE TABLE leases (thread_id TEXT PRIMARY KEY, owner TEXT NOT NULL, process TEXT NOT NULL) WITHOUT ROWID
    """,
)
_INSERT = "INSERT INTO records VALUES (?, ?, ?, ?, ?, ?, ?)"
_ROWS = "SELECT seq, kind, path, head, value FROM records WHERE thread_id = ? AND run_id = ? ORDER BY seq"
_THREADS = "SELECT DISTINCT thread_id FROM records WHERE seq = 0 ORDER BY thread_id"
_HOLDER = "SELECT owner, process FROM leases WHERE thread_id = ?"
_SIZES = "SELECT run_id, SUM(LENGTH(head) + IFNULL(LENGTH(value), 0)) FROM records WHERE thread_id = ? GROUP BY run_id"
_REMOVE = "DELETE FROM records WHERE thread_id = ? AND run_id = ?"
_RELEASE = "DELETE FROM leases WHERE thread_id = ? AND owner = ?"


class SqliteSaver(SharedMethods):
    """A checkpointer in a file, for sync and async code alike.

    Args:
        conn: path of the file, which is made when missing; or an open connection that was
            made with ``check_same_thread=False``.
        read_only: whether the file is only looked at: threads, states and histories can be read then, and
            nothing can run. It has to exist.
        network: whether the file may be on a network file system; it is used without a write-ahead log then,
            more slowly, and by one machine at a time.

    Raises:
        StorageError: if the file can't be used; its kinds say why.
    """

    def __init__(
        self, conn: str | Path | sqlite3.Connection, *, read_only: bool = False, network: bool = False
    ) -> None:
        self._file = SqliteFile(conn, Schema("checkpoints", MIGRATIONS), read_only=read_only, network=network)

    def __repr__(self) -> str:
        return f"SqliteSaver({self._file.path!r})"

    @classmethod
    @contextmanager
    def from_conn_string(cls, conn_string: str | Path) -> Iterator[SqliteSaver]:
        """Open a file for the time of a ``with`` block."""
        saver = cls(conn_string)
        try:
            yield saver
        finally:
            saver.close()

    def setup(self) -> None:
        """Do nothing: opening a file makes its tables. Kept for those who call it by habit."""

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def append(self, run: RunKey, rows: Sequence[Row], owner: str) -> None:
        """Store rows; see ``BaseCheckpointSaver``."""
        guard = partial(_check_holder, run.thread_id, owner)
        self._file.write((_INSERT, [(*run, *row) for row in rows]), guard=guard)

    def rows(self, run: RunKey, *, first: int | None = None, last: int | None = None) -> list[Row]:
        """Return the rows of a run, in order."""
        if last is None:
            found = self._file.read(f"{_ROWS} LIMIT ?", (*run, -1 if first is None else first))
        else:
            found = self._file.read(f"{_ROWS} DESC LIMIT ?", (*run, last))[::-1]
        return [Row(*row) for row in found]  # type: ignore[arg-type]  # the columns' declared types

    def runs(self, thread_id: str, *, before: str | None = None, limit: int | None = None) -> list[str]:
        """Return ids of a thread's runs, newest first."""
        found = self._file.read(
            "SELECT run_id FROM records WHERE thread_id = ? AND seq = 0 AND run_id < ? ORDER BY run_id DESC LIMIT ?",
            (thread_id, before or "~", -1 if limit is None else limit),
        )
        return [str(run_id) for (run_id,) in found]

    def thread_ids(self) -> list[str]:
        """Return the threads that have runs, sorted."""
        return [str(key) for (key,) in self._file.read(_THREADS)]

    def sizes(self, thread_id: str) -> dict[str, int]:
        """Return how many bytes the rows of each run take."""
        return {str(run): int(str(size)) for run, size in self._file.read(_SIZES, (thread_id,))}

    def remove(self, thread_id: str, run_ids: Sequence[str], owner: str) -> None:
        """Forget runs of a thread."""
        if run_ids:
            rows = [(thread_id, run_id) for run_id in run_ids]
            self._file.write((_REMOVE, rows), guard=partial(_check_holder, thread_id, owner))

    def vacuum(self) -> None:
        """Make the file as small as what is in it; for that time, nobody else can use it."""
        self._file.compact()

    def lease(self, thread_id: str, owner: str) -> None:
        """Reserve a thread for one runner; one whose process is gone is taken over."""

        def take(connection: sqlite3.Connection) -> None:
            held = connection.execute(_HOLDER, (thread_id,)).fetchone()
            if held is not None and held[0] != owner and _lives(*held):
                raise ThreadBusyError(thread_id, held[0])
            connection.execute("INSERT OR REPLACE INTO leases VALUES (?, ?, ?)", (thread_id, owner, _process()))

        self._file.transact(take)
        _owners_here.add(owner)

    def holder(self, thread_id: str) -> str | None:
        """Return the living runner that holds a thread."""
        held = self._file.read(_HOLDER, (thread_id,))
        owner, process = (str(part) for part in held[0]) if held else ("", "")
        return owner if held and _lives(owner, process) else None

    def release(self, thread_id: str, owner: str) -> None:
        """Give a thread back."""
        self._file.write((_RELEASE, [(thread_id, owner)]))
        _owners_here.discard(owner)


def _check_holder(thread_id: str, owner: str, connection: sqlite3.Connection) -> None:
    """Refuse a write to a thread that somebody else has taken."""
    holder = connection.execute(_HOLDER, (thread_id,)).fetchone()
    if holder is not None and holder[0] != owner:
        raise ThreadBusyError(thread_id, holder[0])


_owners_here: set[str] = set()


def _lives(owner: str, process: str) -> bool:
    """Whether the runner that took a lease may still be at work."""
    if process == _process():
        return owner in _owners_here
    host, pid, born = process.rsplit("/", 2)
    return host != socket.gethostname() or _birth(int(pid)) == born


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
