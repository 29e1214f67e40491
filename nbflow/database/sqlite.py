"""One SQLite file: one connection, one writer at a time, grouped commits.

Whoever holds the file's lock commits for all who wait, so results that end together share a
commit and a lone one pays no thread hop. WAL with ``synchronous=NORMAL``: a commit survives
the death of the process (sqlite.org/pragma.html#pragma_synchronous).

A writer is told "stored" only once COMMIT has returned for its transaction. An exception, Ctrl-C
included, may come between any two steps: a ticket stays in the line until its fate is known, so
the next one who holds the lock finds it there, and what SQLite did is noted in the same call of
C that did it, between which and the next no signal handler runs.
"""

from __future__ import annotations

import sqlite3
from collections import deque
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from nbflow.database import forking
from nbflow.database.migrations import Schema, check, migrate
from nbflow.database.opening import BUSY_SECONDS, MEMORY, absolute, connect, in_plain_words, is_busy, place_of, plain
from nbflow.errors import CorruptFileError, LostFileError, StorageError

if TYPE_CHECKING:
    from collections.abc import Sequence

Statement = tuple[str, "Sequence[Sequence[object]]"]
Work = Callable[[sqlite3.Connection], None]
T = TypeVar("T")
_PATIENT, _AT_ONCE = f"PRAGMA busy_timeout={int(BUSY_SECONDS * 1000)}", "PRAGMA busy_timeout=0"
_COMMIT = ("COMMIT",)
_NO_WAIT = (False,)
_LARGEST = 20_000  # MiB that count
TICK = 1_000_000  # instructions of SQLite's, some 20 ms
_ENOUGH = 50  # ticks that any transaction may take, and as many again for each MiB of the file
_ROOM = 1000  # bytes for the rest of a row


class _Ticket:
    """A transaction's work that waits for the next commit.

    Attributes:
        work: what is to be done; once more if the first time came to nothing.
        committed: not empty once COMMIT has returned for a transaction that the work was part of.
        error: why it was not stored.
    """

    __slots__ = ("committed", "error", "work")

    def __init__(self, work: Work) -> None:
        self.work = work
        self.committed: Sequence[object] = ()
        self.error: BaseException | None = None


class SqliteFile:
    """A database file, shared by all threads of the process.

    Attributes:
        path: the file, or ``":memory:"``.
        most: bytes that a value may have.

    Args:
        source: the file, or an open connection.
        schema: its tables.
        read_only: whether it is only looked at; a write raises ReadOnlyFileError then.
        network: whether it may be on a network file system: used without a write-ahead log, by one machine at a time.

    Raises:
        StorageError: if it can't be used; its kinds say why.
    """

    def __init__(
        self,
        source: str | Path | sqlite3.Connection,
        schema: Schema,
        *,
        read_only: bool = False,
        network: bool = False,
    ) -> None:
        given = isinstance(source, sqlite3.Connection)
        self.path = "connection" if given else str(source)
        self._file = absolute(self.path)
        self._is_ours = not given
        self._waiting: deque[_Ticket] = deque()
        self._open: Callable[[], sqlite3.Connection] = partial(
            connect, self._file, read_only=read_only, network=network
        )
        self._prepare = partial(_prepare, path=self.path, schema=schema, read_only=read_only, network=network)
        self._use(source if isinstance(source, sqlite3.Connection) else None)
        forking.watch(self)

    def _use(self, given: sqlite3.Connection | None) -> None:
        """Take a connection that was given, or open one, and make it ready."""
        with in_plain_words(self.path):
            connection = self._open() if given is None else given
            turn = forking.turn_of(connection)
            with turn.lock:
                try:
                    self._limit(connection, turn, given is None)
                    self._prepare(connection)
                except BaseException:
                    if given is None:
                        connection.close()
                    raise
        self.most = connection.getlimit(sqlite3.SQLITE_LIMIT_LENGTH) - _ROOM
        self._where = place_of(self._file) if given is None else None
        self._turn, self._lock, self._connection = turn, turn.lock, connection

    def write(self, *statements: Statement) -> None:
        """Carry out statements in one transaction, perhaps shared with others; durable on return.

        Args:
            statements: pairs of SQL and the rows of its parameters.

        Raises:
            StorageError: if they could not be carried out; then none of them was.
        """
        self.commit(partial(_carry_out, statements))

    def commit(self, work: Work) -> None:
        """Do something in one transaction, perhaps shared with others; durable on return.

        Args:
            work: what to do with the connection; it may be done again if a transaction came to nothing.

        Raises:
            Exception: what the work raised; then nothing of it was stored, and its neighbours are not touched.
            StorageError: if the file could not be written.
        """
        ticket = _Ticket(work)
        try:
            self._waiting.append(ticket)
            with self._lock:
                if self._turn.is_busy:
                    self._refuse_to_nest()
                while not ticket.committed and ticket.error is None:
                    self._commit_waiting()
        except BaseException as interruption:
            ticket.error = ticket.error or interruption  # whoever finds it in the line leaves it out
            raise
        if ticket.error is not None:
            self._tell(ticket.error)

    def try_commit(self, work: Work) -> bool:
        """As ``commit``, if that can be done without waiting for another thread or process; else return False."""
        held: list[bool] = []
        ticket = _Ticket(work)
        try:
            held.extend(map(self._lock.acquire, _NO_WAIT))
            if not held[0] or self._turn.is_nested():
                return False
            connection = self._ready()
            self._turn.is_patient = False
            connection.execute(_AT_ONCE)
            try:
                self._commit_all(connection, (ticket,))
            except Exception as error:  # noqa: BLE001  # told below
                ticket.error = error
            self._be_patient(connection)
        finally:
            if held and held[0]:
                self._lock.release()
        if is_busy(ticket.error):
            return False
        if ticket.error is not None:
            self._tell(ticket.error)
        return True

    def _tell(self, error: BaseException) -> None:
        if isinstance(error, (sqlite3.Error, UnicodeError)):
            raise plain(self.path, error) from error
        raise error

    def _commit_waiting(self) -> None:
        """Commit for all who wait; what remains in the line, if this is interrupted, is for whoever comes next."""
        waiting = self._waiting
        tickets: Sequence[_Ticket] = waiting.copy()
        if len(tickets) > 1:
            tickets = [one for one in tickets if not one.committed and one.error is None]
        try:
            connection = self._connection
            if connection.in_transaction or not self._turn.is_patient:
                connection = self._ready()
            self._commit_all(connection, tickets)
        except Exception as error:  # noqa: BLE001  # whatever it is, it is told to the one who brought it
            if len(tickets) == 1:
                tickets[0].error = error
            else:  # one bad ticket must not fail its neighbours
                self._one_by_one(tickets)
        while waiting and (waiting[0].committed or waiting[0].error is not None):
            waiting.popleft()

    def _one_by_one(self, tickets: Sequence[_Ticket]) -> None:
        for ticket in tickets:
            if ticket.error is None:
                try:
                    self._commit_all(self._ready(), (ticket,))
                except Exception as error:  # noqa: BLE001  # as above
                    ticket.error = error

    def _commit_all(self, connection: sqlite3.Connection, tickets: Sequence[_Ticket]) -> None:
        committed: list[object] = []
        if len(self._turn.budget) < _ENOUGH:
            self._refill(self._turn)
        with connection:  # which rolls back in C, so that nothing can come between
            try:
                connection.execute("BEGIN IMMEDIATE")
            except sqlite3.Error as error:  # nobody's own fault, so everybody's fate
                for ticket in tickets:
                    ticket.error = error
                return
            self._turn.is_busy = True
            try:
                if self._where is not None and place_of(self._file) != self._where:
                    raise LostFileError(self.path, _LOST)
                for ticket in tickets:
                    ticket.committed = committed
                    ticket.work(connection)
                committed.extend(map(connection.execute, _COMMIT))
            finally:
                self._turn.is_busy = False

    def transact(self, work: Callable[[sqlite3.Connection], T], *, writing: bool = True) -> T:
        """Run ``work`` in a transaction: all of it or none, and all that it reads of one moment."""
        with self._lock, in_plain_words(self.path):
            connection = self._ready()
            if len(self._turn.budget) < _ENOUGH:
                self._refill(self._turn)
            with connection:
                connection.execute("BEGIN IMMEDIATE" if writing else "BEGIN")
                self._turn.is_busy = True
                try:
                    if writing and self._where is not None and place_of(self._file) != self._where:
                        raise LostFileError(self.path, _LOST)
                    result = work(connection)
                    connection.execute("COMMIT")
                finally:
                    self._turn.is_busy = False
            return result

    def _ready(self) -> sqlite3.Connection:
        """Return the connection, free for a transaction; to be called with the lock held.

        Raises:
            StorageError: if it is in the middle of one.
        """
        connection = self._connection
        if isinstance(connection, forking.Inherited):
            connection.check()
            self._use(None)
            connection = self._connection
        if connection.in_transaction:
            self._refuse_to_nest()
            if not self._is_ours:
                raise StorageError(
                    self.path, "it has an open transaction that is not nbflow's; commit it or roll it back"
                )
            connection.execute("ROLLBACK")
        if not self._turn.is_patient:
            self._be_patient(connection)
        return connection

    def _refuse_to_nest(self) -> None:
        if self._turn.is_nested():
            raise StorageError(self.path, "it is in the middle of a transaction of this very thread")

    def _limit(self, connection: sqlite3.Connection, turn: forking.Turn, is_ours: bool) -> None:  # noqa: FBT001  # said once
        """Have SQLite stop when it does more than there can be to do: pages in circles could make it go on for ever."""
        turn.budget[:] = [0] * _ENOUGH
        if is_ours and self.path != MEMORY:
            self._refill(turn)
            # The method of a list, and no function of Python's, in which Ctrl-C would be lost: it gives zero, which
            # lets SQLite go on, until the list is empty.
            connection.set_progress_handler(turn.budget.pop, TICK)

    def _refill(self, turn: forking.Turn) -> None:
        """Let SQLite do as much again."""
        size = sum(Path(one).stat().st_size for one in (self._file, f"{self._file}-wal") if Path(one).exists())
        turn.budget[:] = [0] * (2 * _ENOUGH + _ENOUGH * min(size >> 20, _LARGEST))

    def _be_patient(self, connection: sqlite3.Connection) -> None:
        connection.execute(_PATIENT)
        self._turn.is_patient = True

    def read(self, sql: str, parameters: Sequence[object] = ()) -> list[tuple[object, ...]]:
        """Return all rows of a query."""
        with self._lock, in_plain_words(self.path):
            connection = self._usable()
            if len(self._turn.budget) < _ENOUGH:
                self._refill(self._turn)
            return connection.execute(sql, parameters).fetchall()

    def read_along(self, sql: str, parameters: Sequence[object], key: int, step: int) -> list[tuple[Any, ...]]:
        """Return all rows of a query that goes along a key, so that a file with pages in circles can't give any number.

        Args:
            sql: the query.
            parameters: its parameters.
            key: column of the key, an integer.
            step: 1 if it grows from row to row, -1 if it shrinks.

        Raises:
            CorruptFileError: if it does not.
        """
        with self._lock, in_plain_words(self.path):
            connection = self._usable()
            if len(self._turn.budget) < _ENOUGH:
                self._refill(self._turn)
            found: list[tuple[Any, ...]] = []
            last = None
            for row in connection.execute(sql, parameters):
                if last is not None and (row[key] - last) * step <= 0:
                    raise CorruptFileError(self.path, "its pages refer to each other in circles; restore a copy")
                last = row[key]
                found.append(row)
            return found

    def _usable(self) -> sqlite3.Connection:
        """Return the connection, perhaps in the middle of a transaction."""
        connection = self._connection
        if isinstance(connection, forking.Inherited):
            return self._ready()
        if not self._turn.is_patient:
            self._be_patient(connection)
        return connection

    def compact(self) -> None:
        """Write the file anew without the space of what was deleted, and empty its log."""
        with self._lock, in_plain_words(self.path):
            connection = self._ready()
            self._refill(self._turn)
            connection.execute("VACUUM")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def close(self) -> None:
        """Close the file; a later use raises ``sqlite3.ProgrammingError``."""
        with self._lock:
            self._connection.close()

    # What a fork of the process asks of it.

    @property
    def turn(self) -> forking.Turn:
        """The lock of its connection."""
        return self._turn

    def inherit(self, *, quiet: bool) -> None:
        """Become usable in a child process, which must not touch the connection of its parent.

        Args:
            quiet: whether no transaction was under way.
        """
        refusal = None
        if not self._is_ours:
            refusal = "its connection was handed in by the process that this one was forked from; open one here"
        elif self.path == MEMORY:
            refusal = "what is in memory stays in the process that this one was forked from; use a file"
        elif not quiet:
            refusal = "the process that this one was forked from was writing to it; open it anew here"
        else:
            self._connection.close()
        inherited = forking.Inherited(self._connection, self.path, refusal)
        self._waiting = deque()
        self._turn = forking.Turn(self._connection)
        self._lock = self._turn.lock
        self._connection = inherited  # type: ignore[assignment]  # until `_ready` opens another one


_LOST = (
    "it was deleted, moved or replaced while it was in use, so what would be written now would be lost. Put it back "
    "where it was, or open the file that is there with a new object; what was stored before is in the old one"
)


def _prepare(connection: sqlite3.Connection, *, path: str, schema: Schema, read_only: bool, network: bool) -> None:
    """Set a connection up and bring its tables up to date."""
    connection.isolation_level = None  # which ends a transaction that is open
    connection.execute(_PATIENT)
    connection.execute("PRAGMA trusted_schema=OFF")
    if read_only:
        check(connection, path, schema)
        return
    # A write-ahead log needs memory that all who open the file share, which a network does not have.
    connection.execute(f"PRAGMA journal_mode={'DELETE' if network else 'WAL'}")
    connection.execute(f"PRAGMA synchronous={'FULL' if network else 'NORMAL'}")
    migrate(connection, path, schema)


def _carry_out(statements: Sequence[Statement], connection: sqlite3.Connection) -> None:
    for sql, rows in statements:
        if len(rows) == 1:
            connection.execute(sql, rows[0])
        else:
            connection.executemany(sql, rows)
