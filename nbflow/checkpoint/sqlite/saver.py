"""Runs kept in one SQLite file; two kernels may use it at once.

Table ``runs`` numbers the runs, ``records`` holds a row for each of their records, ``blobs`` the large
values among them, and ``leases`` says which process works on a thread. View ``log`` shows all in words.
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
from nbflow.database.sqlite import SqliteFile, Statement

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
    # Rows under an integer key: those of a run lie together, in order, and one of a page's size needs no page more.
    """
    CREATE TABLE runs_of (number INTEGER PRIMARY KEY, thread_id TEXT NOT NULL, run_id TEXT NOT NULL);
    CREATE UNIQUE INDEX run_by_thread ON runs_of (thread_id, run_id);
    INSERT INTO runs_of (thread_id, run_id) SELECT DISTINCT thread_id, run_id FROM records ORDER BY run_id;
    CREATE TABLE rows_of (
        id INTEGER PRIMARY KEY,
        kind TEXT NOT NULL,
        path TEXT NOT NULL,
        head BLOB NOT NULL,
        value BLOB,
        blob BLOB
    );
    INSERT INTO rows_of SELECT number << 32 | seq, kind, path, head, value, NULL FROM records NATURAL JOIN runs_of;
    DROP TABLE records;
    ALTER TABLE runs_of RENAME TO runs;
    ALTER TABLE rows_of RENAME TO records;
    CREATE VIEW log AS SELECT thread_id, run_id, id & 4294967295 AS seq, kind, path, head, IFNULL(value, data) AS value
        FROM runs JOIN records ON id >> 32 = number LEFT JOIN blobs ON digest = blob;
    ALTER TABLE leases ADD COLUMN beat REAL
    """,
    blobs.TABLES,
)
_BEGIN = "INSERT OR IGNORE INTO runs (thread_id, run_id) VALUES (?, ?)"
_NUMBER = "(SELECT number FROM runs WHERE thread_id = ?1 AND run_id = ?2)"
# Nothing, for a run that was removed meanwhile: what comes in late for it is not wanted any more.
_INSERT = (
    "INSERT INTO records SELECT number << 32 | ?3, ?4, ?5, ?6, ?7, ?8 FROM runs WHERE thread_id = ?1 AND run_id = ?2"
)
_ROWS = (
    "SELECT id & 4294967295, kind, path, head, value, form, data FROM records LEFT JOIN blobs ON digest = blob "  # noqa: S608  # of constants
    f"WHERE id BETWEEN {_NUMBER} << 32 AND {_NUMBER} << 32 | 4294967295 ORDER BY id"
)
_RUNS = "SELECT run_id FROM runs WHERE thread_id = ? AND run_id < ? ORDER BY run_id DESC LIMIT ?"
_THREADS = "SELECT DISTINCT thread_id FROM runs ORDER BY thread_id"
# A value that several runs name counts for the newest of them: it stays until that one goes.
_SIZES = (
    "SELECT run_id, SUM(size) FROM ("
    "SELECT run_id, LENGTH(head) + IFNULL(LENGTH(value), 0) AS size FROM runs "
    "JOIN records ON id BETWEEN number << 32 AND number << 32 | 4294967295 WHERE thread_id = ?1 UNION ALL "
    "SELECT MAX(run_id), LENGTH(data) FROM runs "
    "JOIN records ON id BETWEEN number << 32 AND number << 32 | 4294967295 JOIN blobs ON digest = blob "
    "WHERE thread_id = ?1 GROUP BY digest) GROUP BY run_id"
)
_REMOVE = f"DELETE FROM records WHERE id BETWEEN {_NUMBER} << 32 AND {_NUMBER} << 32 | 4294967295"  # noqa: S608  # a constant
_END = "DELETE FROM runs WHERE thread_id = ? AND run_id = ?"


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
        before: list[Statement] = [(blobs.INSERT, [*large.values()])] if large else []
        if rows and rows[0].seq == 0:
            before.append((_BEGIN, [run]))
        self._file.write(*before, (_INSERT, stored), guard=guard)

    def rows(self, run: RunKey, *, first: int | None = None, last: int | None = None) -> list[Row]:
        """Return the rows of a run, in order."""
        if last is None:
            found = self._file.read(f"{_ROWS} LIMIT ?3", (*run, -1 if first is None else first))
        else:
            found = self._file.read(f"{_ROWS} DESC LIMIT ?3", (*run, last))[::-1]
        return [_to_row(*row) for row in found]  # type: ignore[arg-type]  # the columns' declared types

    def runs(self, thread_id: str, *, before: str | None = None, limit: int | None = None) -> list[str]:
        """Return ids of a thread's runs, newest first."""
        found = self._file.read(_RUNS, (thread_id, before or "~", -1 if limit is None else limit))
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
            self._file.write((_REMOVE, rows), (_END, rows), (blobs.SWEEP, [()]), guard=guard)

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
