"""One SQLite file: one connection, one writer at a time, grouped commits.

Whoever holds the file's lock commits for all who wait, so results that end together share a
commit and a lone one pays no thread hop. WAL with ``synchronous=NORMAL``: a commit survives
the death of the process (sqlite.org/pragma.html#pragma_synchronous).
"""

from __future__ import annotations

import sqlite3
import threading
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, TypeVar
from weakref import WeakValueDictionary

from nbflow.database.migrations import Schema, check, migrate
from nbflow.database.opening import BUSY_SECONDS, connect, in_plain_words, plain
from nbflow.errors import NbflowError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

Statement = tuple[str, "Sequence[Sequence[object]]"]
Guard = Callable[[sqlite3.Connection], None]
T = TypeVar("T")


class _Turn:
    """The lock of one connection: who holds it has its transaction."""

    __slots__ = ("__weakref__", "connection", "lock")

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection  # as long as it is held here, no other one gets its id
        self.lock = threading.RLock()


_turns: WeakValueDictionary[int, _Turn] = WeakValueDictionary()
_turns_lock = threading.Lock()


def _turn_of(connection: sqlite3.Connection) -> _Turn:
    """Return the lock that everyone shares who was given this connection."""
    with _turns_lock:
        return _turns.setdefault(id(connection), _Turn(connection))


class _Ticket:
    """Statements that wait for the next commit."""

    __slots__ = ("done", "error", "guard", "statements")

    def __init__(self, statements: Sequence[Statement], guard: Guard | None) -> None:
        self.statements = statements
        self.guard = guard
        self.done = False
        self.error: BaseException | None = None


class SqliteFile:
    """A database file, shared by all threads of the process.

    Attributes:
        path: the file, or ``":memory:"``.

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
        self.path = "connection" if isinstance(source, sqlite3.Connection) else str(source)
        self._waiting: deque[_Ticket] = deque()
        with in_plain_words(self.path):
            self._connection = (
                source
                if isinstance(source, sqlite3.Connection)
                else connect(self.path, read_only=read_only, network=network)
            )
            self._turn = _turn_of(self._connection)
            self._lock = self._turn.lock
            with self._lock:
                self._connection.isolation_level = None  # which ends a transaction that is open
                try:
                    self._prepare(schema, read_only=read_only, network=network)
                except BaseException:
                    if self._connection is not source:
                        self._connection.close()
                    raise

    def _prepare(self, schema: Schema, *, read_only: bool, network: bool) -> None:
        self._connection.execute(f"PRAGMA busy_timeout={int(BUSY_SECONDS * 1000)}")
        if read_only:
            check(self._connection, self.path, schema)
            return
        # A write-ahead log needs memory that all who open the file share, which a network does not have.
        self._connection.execute(f"PRAGMA journal_mode={'DELETE' if network else 'WAL'}")
        self._connection.execute(f"PRAGMA synchronous={'FULL' if network else 'NORMAL'}")
        migrate(self._connection, self.path, schema)

    def write(self, *statements: Statement, guard: Guard | None = None) -> None:
        """Carry out statements in one transaction, perhaps shared with others; durable on return.

        Args:
            statements: pairs of SQL and the rows of its parameters.
            guard: looks at the file in the same transaction, and raises an NbflowError to refuse.

        Raises:
            NbflowError: what the guard raised; nothing was carried out.
            StorageError: if they could not be carried out; then none of them was.
        """
        ticket = _Ticket(statements, guard)
        self._waiting.append(ticket)
        with self._lock:
            if not ticket.done:
                self._commit_waiting()
        if isinstance(ticket.error, sqlite3.Error):
            raise plain(self.path, ticket.error) from ticket.error
        if ticket.error is not None:
            raise ticket.error

    def _commit_waiting(self) -> None:
        tickets = []
        while self._waiting:
            tickets.append(self._waiting.popleft())
        try:
            self._transact(partial(_carry_out, tickets=tickets))
        except sqlite3.Error as error:
            if len(tickets) > 1:  # one bad ticket must not fail its neighbours
                self._one_by_one(tickets)
            else:
                tickets[0].error = error
        finally:
            for ticket in tickets:
                ticket.done = True

    def _one_by_one(self, tickets: Sequence[_Ticket]) -> None:
        for ticket in tickets:
            try:
                self._transact(partial(_carry_out, tickets=(ticket,)))
            except sqlite3.Error as error:
                ticket.error = error

    def transact(self, work: Callable[[sqlite3.Connection], T], *, writing: bool = True) -> T:
        """Run ``work`` in a transaction: all of it or none, and all that it reads of one moment."""
        with in_plain_words(self.path):
            return self._transact(work, writing=writing)

    def _transact(self, work: Callable[[sqlite3.Connection], T], *, writing: bool = True) -> T:
        with self._lock:
            connection = self._connection
            connection.execute("BEGIN IMMEDIATE" if writing else "BEGIN")
            try:
                result = work(connection)
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise
            return result

    def read(self, sql: str, parameters: Sequence[object] = ()) -> list[tuple[object, ...]]:
        """Return all rows of a query."""
        with self._lock, in_plain_words(self.path):
            return self._connection.execute(sql, parameters).fetchall()

    def compact(self) -> None:
        """Write the file anew without the space of what was deleted, and empty its log."""
        with self._lock:
            self._connection.execute("VACUUM")
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def close(self) -> None:
        """Close the file; a later use raises ``sqlite3.ProgrammingError``."""
        with self._lock:
            self._connection.close()


def _carry_out(connection: sqlite3.Connection, tickets: Sequence[_Ticket]) -> None:
    for ticket in tickets:
        try:
            if ticket.guard is not None:
                ticket.guard(connection)
        except NbflowError as refusal:  # of this ticket; its neighbours go on
            ticket.error = refusal
            continue
        for sql, rows in ticket.statements:
            if len(rows) == 1:
                connection.execute(sql, rows[0])
            else:
                connection.executemany(sql, rows)
