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
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from nbflow.database.connected import AT_ONCE, ENOUGH, Connected
from nbflow.database.opening import in_plain_words, is_busy, place_of, plain
from nbflow.errors import CorruptFileError, LostFileError

if TYPE_CHECKING:
    from collections.abc import Sequence

Statement = tuple[str, "Sequence[Sequence[object]]"]
Work = Callable[[sqlite3.Connection], None]
T = TypeVar("T")
_COMMIT = ("COMMIT",)
_NO_WAIT = (False,)


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


class SqliteFile(Connected):
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
            connection.execute(AT_ONCE)
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
        if len(self._turn.budget) < ENOUGH:
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
            if len(self._turn.budget) < ENOUGH:
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

    def read(self, sql: str, parameters: Sequence[object] = ()) -> list[tuple[object, ...]]:
        """Return all rows of a query."""
        with self._lock, in_plain_words(self.path):
            connection = self._usable()
            if len(self._turn.budget) < ENOUGH:
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
            if len(self._turn.budget) < ENOUGH:
                self._refill(self._turn)
            found: list[tuple[Any, ...]] = []
            last = None
            for row in connection.execute(sql, parameters):
                if last is not None and (row[key] - last) * step <= 0:
                    raise CorruptFileError(self.path, "its pages refer to each other in circles; restore a copy")
                last = row[key]
                found.append(row)
            return found

    def compact(self) -> None:
        """Write the file anew without the space of what was deleted, and empty its log."""
        with self._lock, in_plain_words(self.path):
            connection = self._ready()
            self._refill(self._turn)
            connection.execute("VACUUM")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


_LOST = (
    "it was deleted, moved or replaced while it was in use, so what would be written now would be lost. Put it back "
    "where it was, or open the file that is there with a new object; what was stored before is in the old one"
)


def _carry_out(statements: Sequence[Statement], connection: sqlite3.Connection) -> None:
    for sql, rows in statements:
        if len(rows) == 1:
            connection.execute(sql, rows[0])
        else:
            connection.executemany(sql, rows)
