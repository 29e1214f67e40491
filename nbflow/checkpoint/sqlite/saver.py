"""Runs kept in one SQLite file; two kernels may use it at once.

Table ``records`` holds one row per record, ``blobs`` the large values among them, and ``leases``
says which process works on a thread.
"""

from __future__ import annotations

from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

from nbflow.checkpoint.base import Row, RunKey
from nbflow.checkpoint.shared import SharedMethods
from nbflow.checkpoint.sqlite import blobs
from nbflow.checkpoint.sqlite.leases import Leases
from nbflow.database.migrations import Schema
from nbflow.database.sqlite import SqliteFile

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator, Sequence
    from pathlib import Path

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
    f"ALTER TABLE leases ADD COLUMN beat REAL; {blobs.TABLES}",
)
_INSERT = "INSERT INTO records VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
_ROWS = (
    "SELECT seq, kind, path, head, value, form, data FROM records LEFT JOIN blobs ON digest = blob "
    "WHERE thread_id = ? AND run_id = ? ORDER BY seq"
)
_THREADS = "SELECT DISTINCT thread_id FROM records WHERE seq = 0 ORDER BY thread_id"
# A value that several runs name counts for the newest of them: it stays until that one goes.
_SIZES = (
    "SELECT run_id, SUM(size) FROM ("
    "SELECT run_id, LENGTH(head) + IFNULL(LENGTH(value), 0) AS size FROM records WHERE thread_id = ?1 UNION ALL "
    "SELECT MAX(run_id), LENGTH(data) FROM records JOIN blobs ON digest = blob WHERE thread_id = ?1 GROUP BY digest"
    ") GROUP BY run_id"
)
_REMOVE = "DELETE FROM records WHERE thread_id = ? AND run_id = ?"


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
        self._leases = Leases(self._file)

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
        large = {
            row.seq: blobs.pack(row.value) for row in rows if row.value is not None and len(row.value) > blobs.LARGE
        }
        stored = [
            (*run, *row[:-1], None, large[row.seq].digest) if row.seq in large else (*run, *row, None) for row in rows
        ]
        guard = partial(self._leases.check, thread_id=run.thread_id, owner=owner)
        if large:
            self._file.write((blobs.INSERT, [*large.values()]), (_INSERT, stored), guard=guard)
        else:
            self._file.write((_INSERT, stored), guard=guard)

    def rows(self, run: RunKey, *, first: int | None = None, last: int | None = None) -> list[Row]:
        """Return the rows of a run, in order."""
        if last is None:
            found = self._file.read(f"{_ROWS} LIMIT ?", (*run, -1 if first is None else first))
        else:
            found = self._file.read(f"{_ROWS} DESC LIMIT ?", (*run, last))[::-1]
        return [_to_row(*row) for row in found]  # type: ignore[arg-type]  # the columns' declared types

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
            guard = partial(self._leases.check, thread_id=thread_id, owner=owner)
            self._file.write((_REMOVE, rows), (blobs.SWEEP, [()]), guard=guard)

    def vacuum(self) -> None:
        """Make the file as small as what is in it; for that time, nobody else can use it."""
        self._file.compact()

    def lease(self, thread_id: str, owner: str) -> None:
        """Reserve a thread for one runner; one that is gone is taken over."""
        self._leases.take(thread_id, owner)

    def holder(self, thread_id: str) -> str | None:
        """Return the living runner that holds a thread."""
        return self._leases.holder(thread_id)

    def release(self, thread_id: str, owner: str) -> None:
        """Give a thread back."""
        self._leases.release(thread_id, owner)

    def take_away(self, thread_id: str) -> None:
        """Free a thread from whoever holds it; once another runner has taken it, that one's writes are refused."""
        self._leases.take_away(thread_id)


def _to_row(seq: int, kind: str, path: str, head: bytes, value: bytes | None, form: int | None, data: bytes) -> Row:
    return Row(seq, kind, path, head, value if form is None else blobs.unpack(form, data))
