"""Runs kept in one SQLite file; two kernels may use it at once.

Table ``runs`` numbers the runs, ``records`` holds a row for each of their records, ``blobs`` the large
values among them, and ``leases`` says which process works on a thread. View ``log`` shows all in words.
"""

from __future__ import annotations

from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from nbflow.checkpoint.shared import SharedMethods
from nbflow.checkpoint.sqlite import blobs, leases, seals
from nbflow.checkpoint.sqlite.leases import Leases
from nbflow.database.migrations import Schema
from nbflow.database.sqlite import SqliteFile
from nbflow.errors import CorruptFileError, CorruptRunError, UnserializableError

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from nbflow.checkpoint.base import Row, RunKey, Segment

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
    # Keys in the order of commits, seals that bind a row to its place, how long runs were, and who had a thread last.
    """
    ALTER TABLE records ADD COLUMN seq INTEGER;
    ALTER TABLE records ADD COLUMN seal INTEGER;
    ALTER TABLE runs ADD COLUMN length INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE runs ADD COLUMN before INTEGER;
    ALTER TABLE runs ADD COLUMN seal INTEGER;
    CREATE INDEX runs_in_order ON runs (thread_id);
    ALTER TABLE leases ADD COLUMN token INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE leases ADD COLUMN newest INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE leases ADD COLUMN length INTEGER NOT NULL DEFAULT 0;
    DROP VIEW log;
    CREATE VIEW log AS SELECT thread_id, run_id, IFNULL(seq, id & 4294967295) AS seq, kind, path, head,
        IFNULL(value, data) AS value
        FROM runs JOIN records ON id >> 32 = number LEFT JOIN blobs ON digest = blob
    """,
)
_OF = "id BETWEEN number << 32 AND number << 32 | 4294967295"
# A parameter that is needed more than once is given a name here, or given again: Python 3.12 warns of "?1".
_STATE = (
    f"SELECT owner, process, runs.number, (SELECT MAX(id) FROM records WHERE {_OF.replace('number', 'given.number')}) "  # noqa: S608  # of constants
    "FROM (SELECT ? AS thread, ? AS number, ? AS run) AS given LEFT JOIN leases ON leases.thread_id = given.thread "
    "LEFT JOIN runs ON runs.number = given.number AND runs.thread_id = given.thread AND run_id = given.run"
)
# Who holds the thread; a run's number and last key, if it is there; the newest number of all, and of its thread.
_PLACE = (
    f"SELECT owner, process, number, (SELECT MAX(id) FROM records WHERE {_OF}), "  # noqa: S608  # a constant
    "IFNULL((SELECT MAX(number) FROM runs), 0), "
    "IFNULL((SELECT MAX(number) FROM runs WHERE runs.thread_id = given.thread), 0) "
    "FROM (SELECT ? AS thread, ? AS run) AS given LEFT JOIN leases ON leases.thread_id = given.thread "
    "LEFT JOIN runs ON runs.thread_id = given.thread AND run_id = given.run"
)
_BEGIN = "INSERT INTO runs (number, thread_id, run_id, before, seal) VALUES (?, ?, ?, ?, ?)"
_INSERT = "INSERT INTO records (id, seq, kind, path, head, value, blob, seal) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
# Texts as bytes: Python's side of SQLite gives up at those that are none, and with them at all other rows.
_ROWS = (
    "SELECT MAX(runs.length, IFNULL(leases.length, 0)), id, records.seq, CAST(kind AS BLOB), CAST(path AS BLOB), "  # noqa: S608  # of constants
    "head, value, blob, records.seal, size, form, data FROM runs "
    "LEFT JOIN leases ON leases.thread_id = runs.thread_id AND newest = number "
    f"LEFT JOIN records ON {_OF} LEFT JOIN blobs ON digest = blob "
    "WHERE runs.thread_id = ? AND run_id = ? ORDER BY id"
)
_TYPES = "SELECT typeof(owner), typeof(process), typeof(token) FROM leases"
_OUTERMOST = "SELECT number, thread_id, run_id FROM runs NOT INDEXED "
# With the newest number that was noted; one row without a run if there was a lease and no run.
_RUNS = (
    "SELECT number, CAST(run_id AS BLOB), before, seal, newest FROM leases LEFT JOIN runs ON "
    "runs.thread_id = leases.thread_id WHERE leases.thread_id = ? ORDER BY number DESC LIMIT ?"
)
_RUNS_OF_NOBODY = (
    "SELECT number, CAST(run_id AS BLOB), before, seal, 0 FROM runs WHERE thread_id = ? ORDER BY number DESC LIMIT ?"
)
_RUNS_BEFORE = (
    "SELECT number, CAST(run_id AS BLOB), before, seal, 0 FROM runs WHERE thread_id = ? AND number <= "
    "(SELECT number FROM runs WHERE thread_id = ? AND run_id = ?) ORDER BY number DESC LIMIT ?"
)
_RELINK = "UPDATE runs SET before = ?, seal = ? WHERE number = ?"
_NEAREST = "SELECT run_id FROM runs WHERE thread_id = ? AND run_id <= ? ORDER BY run_id DESC LIMIT 1"
# A thread that had runs when it was given back is one, even if they were lost: reading it tells.
_THREADS = "SELECT thread_id FROM runs UNION SELECT thread_id FROM leases WHERE newest > 0 ORDER BY thread_id"
# A value that several runs name counts for the newest of them: it stays until that one goes.
_SIZES = (
    "SELECT run_id, SUM(bytes) FROM ("  # noqa: S608  # of constants
    f"SELECT number AS run, LENGTH(head) + IFNULL(LENGTH(value), 0) AS bytes FROM runs JOIN records ON {_OF} "
    "WHERE thread_id = ? UNION ALL "
    f"SELECT MAX(number), LENGTH(data) FROM runs JOIN records ON {_OF} JOIN blobs ON digest = blob "
    "WHERE thread_id = ? GROUP BY digest) JOIN runs ON number = run GROUP BY number"
)
_REMOVE = (
    "DELETE FROM records WHERE id BETWEEN (SELECT number FROM runs WHERE thread_id = ? AND run_id = ?) << 32 "
    "AND (SELECT number FROM runs WHERE thread_id = ? AND run_id = ?) << 32 | 4294967295"
)
_END = "DELETE FROM runs WHERE thread_id = ? AND run_id = ?"
_MOST = (1 << 31) - 1  # of runs: their numbers are the upper half of the keys of their rows
_NOT_FOUND = "it is listed, and can't be found"
_REMEMBERED = 1000  # runs whose numbers are known without asking; any number may be forgotten


class SqliteSaver(SharedMethods):
    """A checkpointer in a file, for sync and async code alike.

    Args:
        conn: path of the file, which is made when missing; or an open connection that was
            made with ``check_same_thread=False``.
        read_only: whether the file is only looked at: threads, states and histories can be read then, and
            nothing can run. It has to exist.
        network: whether the file may be on a network file system; it is used without a write-ahead log then,
            more slowly, and by one machine at a time.
        serde: only what is the default: None, or a ``JsonPlusSerializer()``; kept for LangGraph's users.

    Attributes:
        quick: False: another process may hold the file.

    Raises:
        StorageError: if the file can't be used; its kinds say why.

    Example:
        >>> from nbflow import SqliteSaver, entrypoint, list_threads
        >>> saver = SqliteSaver("runs.db")
        >>> @entrypoint(checkpointer=saver)
        ... def flow(n: int) -> int:
        ...     return n + 1
        >>> flow.invoke(1, {"configurable": {"thread_id": "one"}})
        2
        >>> list_threads(saver)
        ['one']
    """

    quick = False

    def __init__(
        self,
        conn: str | Path | sqlite3.Connection,
        *,
        read_only: bool = False,
        network: bool = False,
        serde: object = None,
    ) -> None:
        if serde is not None:
            from nbflow.checkpoint.serde.base import check_serde  # noqa: PLC0415  # hardly ever given

            check_serde("SqliteSaver()", serde)
        self._file = SqliteFile(conn, Schema("checkpoints", MIGRATIONS), read_only=read_only, network=network)
        self._leases = Leases(self._file)
        self._numbers: dict[RunKey, int] = {}
        self._check_indexes()

    def __repr__(self) -> str:
        return f"SqliteSaver({self._file.path!r})"

    @property
    def file(self) -> Path | None:
        """The file with its folders; None for one in memory, or of a connection that was given."""
        return self._file.place

    def _check_indexes(self) -> None:
        """Make sure that what is in the table of runs is found through its indexes, as far as a look can tell."""
        for order in ("DESC", "ASC"):
            for number, thread_id, run_id in self._file.read(f"{_OUTERMOST} ORDER BY number {order} LIMIT 1"):
                by_name = self._file.read(
                    "SELECT number FROM runs WHERE thread_id = ? AND run_id = ?", (thread_id, run_id)
                )
                in_order = self._file.read("SELECT MAX(number) FROM runs WHERE thread_id = ?", (thread_id,))
                if by_name != [(number,)] or in_order[0][0] is None:
                    raise CorruptFileError(self._file.path, "its indexes do not belong to its tables; restore a copy")
            for types in self._file.read(f"{_TYPES} ORDER BY thread_id {order} LIMIT 1"):
                if types != ("text", "text", "integer"):
                    raise CorruptFileError(self._file.path, "its table of leases holds something else; restore a copy")

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
        """Close the file; who has a lease of it can't write any more, and holds it no longer."""
        self._leases.close()
        self._file.close()

    def append(self, run: RunKey, rows: Sequence[Row], owner: str) -> None:
        """Store rows; see ``BaseCheckpointSaver``."""
        self._file.commit(partial(self._store, _Sealed(run, rows, self._file.most), owner))

    def try_append(self, run: RunKey, rows: Sequence[Row], owner: str) -> bool:
        """As ``append``, if nobody else holds the file; see ``BaseCheckpointSaver``."""
        if type(self).append is not SqliteSaver.append:  # what a subclass does there is to be done
            return False
        return self._file.try_commit(partial(self._store, _Sealed(run, rows, self._file.most), owner))

    def append_last(self, run: RunKey, rows: Sequence[Row], owner: str) -> None:
        """Store the last rows of a run and give its thread back, in one commit."""
        if type(self).append is not SqliteSaver.append:  # as in try_append
            super().append_last(run, rows, owner)
            return
        store = partial(self._store, _Sealed(run, rows, self._file.most), owner)

        def store_and_release(connection: sqlite3.Connection) -> None:
            store(connection)
            connection.execute(leases.RELEASE, (run.thread_id, owner))

        self._file.commit(store_and_release)
        self._leases.given_back(run.thread_id, owner)

    def append_all(self, segments: Sequence[Segment], owner: str) -> None:
        """Store rows of several runs, all or none."""
        sealed = [_Sealed(*segment, self._file.most) for segment in segments]

        def store(connection: sqlite3.Connection) -> None:
            for one in sealed:
                self._store(one, owner, connection)
                connection.execute(leases.MEASURE_NAMED, one.run)

        self._file.commit(store)

    def _store(self, sealed: _Sealed, owner: str, connection: sqlite3.Connection) -> None:
        """Insert rows, in a transaction, if ``owner`` may."""
        run, execute = sealed.run, connection.execute
        known = self._numbers.get(run)
        found = execute(_STATE, (run.thread_id, known, run.run_id)).fetchone() if known is not None else None
        if found is None or found[2] is None:
            found = execute(_PLACE, run).fetchone()
        held_by, process, number, last, *newest = found
        if held_by is not None and (held_by != owner or process not in self._leases.mine):
            raise self._leases.refusal(run.thread_id, held_by, process)
        if newest:  # its number was not known
            if number is None:
                if sealed.first != 0:  # the run was removed: what comes in late for it is not wanted any more
                    return
                number = self._begin(run, newest[0], newest[1], connection)
            if len(self._numbers) >= _REMEMBERED:
                self._numbers.clear()
            self._numbers[run] = number
        if sealed.blobs:
            connection.executemany(blobs.INSERT, sealed.blobs)
        for key, row in enumerate(sealed.rows, number << 32 if last is None else last + 1):
            execute(_INSERT, (key, *row))

    def _begin(self, run: RunKey, newest: object, before: int, connection: sqlite3.Connection) -> int:
        """Give a new run its number."""
        if type(newest) is not int or newest >= _MOST:
            raise CorruptFileError(self._file.path, f"its newest run has the number {newest!r}; restore a copy")
        number = newest + 1
        connection.execute(_BEGIN, (number, *run, before, seals.run_seal(*run, number, before)))
        if before:  # the length of the newest run stands with its lease, those of the others stand with them
            connection.execute(leases.MEASURE, (before,))
        return number

    def rows(self, run: RunKey, *, first: int | None = None, last: int | None = None) -> list[Row]:
        """Return the rows of a run, in order."""
        if last is not None:
            found = self._read(run, f"{_ROWS} DESC LIMIT ?", last + seals.NEAR, step=-1)
            return seals.last_of(self._file.path, run, [*map(_kept, found)], last, found[0][0] if found else 0)
        if first is not None:
            found = self._read(run, f"{_ROWS} LIMIT ?", first + seals.NEAR)
            return seals.first_of(self._file.path, run, [*map(_kept, found)], first)
        found = self._read(run, _ROWS)
        return seals.all_of(self._file.path, run, map(_kept, found), found[0][0] if found else 0)

    def _read(self, run: RunKey, sql: str, *limit: int, step: int = 1) -> list[tuple[Any, ...]]:
        found = self._file.read_along(sql, (*run, *limit), 1, step)
        if not found and run.run_id in self.runs(run.thread_id):  # which tells if one was lost, perhaps this one
            raise CorruptRunError(self._file.path, _NOT_FOUND, *run, None, 0)
        if found and found[0][1] is None:
            raise CorruptRunError(self._file.path, "all its records are missing", *run, 0, 0)
        return found

    def runs(self, thread_id: str, *, before: str | None = None, limit: int | None = None) -> list[str]:
        """Return ids of a thread's runs, newest first."""
        most = -1 if limit is None else limit + (before is not None)
        if before is None:
            found = self._file.read(_RUNS, (thread_id, most)) or self._file.read(_RUNS_OF_NOBODY, (thread_id, most))
        else:
            found = self._file.read(_RUNS_BEFORE, (thread_id, thread_id, before, most))
            if not found and before in self.runs(thread_id):
                raise CorruptRunError(self._file.path, _NOT_FOUND, thread_id, before, None, 0)
        listed = seals.listed(self._file.path, thread_id, found, to_the_end=limit is None)
        return listed if before is None else listed[1:]  # the first one is there to see that the next one follows it

    def nearest(self, thread_id: str, point: str) -> str | None:
        """Return the id of a thread's run that is the greatest, as a text, not above ``point``."""
        found = self._file.read(_NEAREST, (thread_id, point))
        return str(found[0][0]) if found else None

    def thread_ids(self) -> list[str]:
        """Return the threads that have runs, sorted."""
        return [str(key) for (key,) in self._file.read(_THREADS)]

    def sizes(self, thread_id: str) -> dict[str, int]:
        """Return how many bytes the rows of each run take."""
        found: dict[str, int] = {}
        for run_id, size in self._file.read(_SIZES, (thread_id, thread_id)):
            if not isinstance(size, int):
                raise CorruptFileError(self._file.path, f"the rows of run {run_id} hold nothing; restore a copy")
            found[str(run_id)] = size
        return found

    def remove(self, thread_id: str, run_ids: Sequence[str], owner: str) -> None:
        """Forget runs of a thread."""
        if not run_ids:
            return
        rows = [(thread_id, run_id) for run_id in run_ids]

        def forget(connection: sqlite3.Connection) -> None:
            self._leases.check(connection, thread_id=thread_id, owner=owner)
            connection.executemany(_REMOVE, [row + row for row in rows])
            connection.executemany(_END, rows)
            connection.execute(blobs.SWEEP)
            left = connection.execute(_RUNS_OF_NOBODY, (thread_id, -1)).fetchall()
            connection.executemany(_RELINK, seals.relinked(thread_id, left))
            connection.execute(leases.NOTE, (thread_id,))

        self._file.commit(forget)

    def vacuum(self) -> None:
        """Make the file as small as what is in it; for that time, nobody else can use it."""
        self._file.compact()

    def lease(self, thread_id: str, owner: str) -> int:
        """Reserve a thread for one runner; one that is gone is taken over."""
        return self._leases.take(thread_id, owner)

    def holder(self, thread_id: str) -> str | None:
        """Return the living runner that holds a thread."""
        return self._leases.holder(thread_id)

    def release(self, thread_id: str, owner: str) -> None:
        """Give a thread back."""
        self._leases.release(thread_id, owner)

    def take_away(self, thread_id: str) -> None:
        """Free a thread from whoever holds it; see ``BaseCheckpointSaver``."""
        self._leases.take_away(thread_id)


class _Sealed:
    """Rows as they are inserted, made ready before the file is held.

    Attributes:
        run: which run they belong to.
        first: number of the first one; 0 if there is none, as nothing is to be stored then.
        rows: what is inserted of each, but for its key.
        blobs: large values among theirs.
    """

    __slots__ = ("blobs", "first", "rows", "run")

    def __init__(self, run: RunKey, rows: Sequence[Row], most: int) -> None:
        self.run = run
        self.first = rows[0].seq
        self.rows: list[tuple[object, ...]] = []
        self.blobs: list[blobs.Blob] = []
        for row in rows:
            value = row.value
            if value is not None and (len(value) > blobs.LARGE or row.kind in _SHARED):
                blob = blobs.pack(value) if row.kind not in _SHARED else blobs.pack_again(value)
                if len(blob.data) > most:
                    size = f"it takes {len(blob.data)} bytes and SQLite stores {most}"
                    hint = f"{size}; store it in a file, and its path here"
                    raise UnserializableError("", "bytes (encoded)", hint)
                self.blobs.append(blob)
                self.rows.append((*row[:-1], None, blob.digest, seals.seal(run, row, blob.digest)))
            else:
                self.rows.append((*row, None, seals.seal(run, row, None)))


_SHARED = frozenset({"CodeKept"})  # kinds of records whose values are those of many runs, whatever their size


def _kept(row: tuple[object, ...]) -> seals.Kept:
    return seals.Kept(*row[1:])
