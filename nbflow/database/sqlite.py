"""One SQLite file: one connection, one writer at a time, grouped commits, migrations.

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
from pathlib import Path
from typing import TYPE_CHECKING

from nbflow.errors import NbflowError, NewerFormatError

if TYPE_CHECKING:
    from collections.abc import Sequence

BUSY_SECONDS = 30.0
Statement = tuple[str, "Sequence[Sequence[object]]"]
Guard = Callable[[sqlite3.Connection], None]


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
    """

    def __init__(self, source: str | Path | sqlite3.Connection, migrations: Sequence[str]) -> None:
        self.path = "connection" if isinstance(source, sqlite3.Connection) else str(source)
        self._lock = threading.RLock()
        self._waiting: deque[_Ticket] = deque()
        self._connection = source if isinstance(source, sqlite3.Connection) else self._connect()
        self._connection.isolation_level = None
        with self._lock:
            self._connection.execute("PRAGMA journal_mode=WAL")
            self._connection.execute("PRAGMA synchronous=NORMAL")
            self._connection.execute(f"PRAGMA busy_timeout={int(BUSY_SECONDS * 1000)}")
            self._migrate(migrations)

    def _connect(self) -> sqlite3.Connection:
        if self.path != ":memory:":
            Path(self.path).expanduser().parent.mkdir(parents=True, exist_ok=True)
        path = self.path if self.path == ":memory:" else str(Path(self.path).expanduser())
        return sqlite3.connect(path, timeout=BUSY_SECONDS, check_same_thread=False)

    def _migrate(self, migrations: Sequence[str]) -> None:
        (version,) = self._connection.execute("PRAGMA user_version").fetchone()
        if version > len(migrations):
            raise NewerFormatError(self.path, version, len(migrations))
        if version == len(migrations):
            return
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            (version,) = self._connection.execute("PRAGMA user_version").fetchone()
            for script in migrations[version:]:
                for statement in script.split(";"):
                    self._connection.execute(statement)
            self._connection.execute(f"PRAGMA user_version={len(migrations)}")
            self._connection.execute("COMMIT")
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise

    def write(self, *statements: Statement, guard: Guard | None = None) -> None:
        """Carry out statements in one transaction, perhaps shared with others; durable on return.

        Args:
            statements: pairs of SQL and the rows of its parameters.
            guard: looks at the file in the same transaction, and raises an NbflowError to refuse.

        Raises:
            NbflowError: what the guard raised; nothing was carried out.
            sqlite3.Error: if they could not be carried out; then none of them was.
        """
        ticket = _Ticket(statements, guard)
        self._waiting.append(ticket)
        with self._lock:
            if not ticket.done:
                self._commit_waiting()
        if ticket.error is not None:
            raise ticket.error

    def _commit_waiting(self) -> None:
        tickets = []
        while self._waiting:
            tickets.append(self._waiting.popleft())
        try:
            self.transact(partial(_carry_out, tickets=tickets))
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
                self.transact(partial(_carry_out, tickets=(ticket,)))
            except sqlite3.Error as error:
                ticket.error = error

    def transact(self, work: Callable[[sqlite3.Connection], None]) -> None:
        """Run ``work`` in a write transaction: all of it or none."""
        with self._lock:
            connection = self._connection
            connection.execute("BEGIN IMMEDIATE")
            try:
                work(connection)
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise

    def read(self, sql: str, parameters: Sequence[object] = ()) -> list[tuple[object, ...]]:
        """Return all rows of a query."""
        with self._lock:
            return self._connection.execute(sql, parameters).fetchall()

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
