"""The connection to one SQLite file: opened, made ready, in nobody's middle, and its way through a fork."""

from __future__ import annotations

import os
import sqlite3
import weakref
from collections import deque
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from nbflow.database import forking
from nbflow.database.migrations import Schema, check, migrate
from nbflow.database.opening import BUSY_SECONDS, MEMORY, absolute, connect, in_plain_words, place_of
from nbflow.errors import InvalidOptionError, StorageError

PATIENT, AT_ONCE = f"PRAGMA busy_timeout={int(BUSY_SECONDS * 1000)}", "PRAGMA busy_timeout=0"
TICK = 1_000_000  # instructions of SQLite's, some 20 ms
ENOUGH = 50  # ticks that any transaction may take, and as many again for each MiB of the file
_LARGEST = 20_000  # MiB that count
_ROOM = 1000  # bytes for the rest of a row


class Connected:
    """What has a connection of its own, or shares one that was given.

    Attributes:
        path: the file, or ``":memory:"``.
        most: bytes that a value may have.

    Args:
        source: the file, or an open connection.
        schema: its tables.
        read_only: whether it is only looked at.
        network: whether it may be on a network file system.

    Raises:
        InvalidOptionError: if the source is none.
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
        if not given and not isinstance(source, (str, os.PathLike)):
            expected = "it is the path of a file such as 'runs.db', ':memory:', or a connection of sqlite3"
            raise InvalidOptionError("a SQLite file", "conn", repr(source), expected)
        self.path = "connection" if given else str(source)
        self._file = absolute(self.path)
        self.place = None if given or self.path == MEMORY else Path(self._file)
        self._is_ours = not given
        self._waiting: deque[Any] = deque()
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
        if given is None:
            # Few users close what they let go of, and Python 3.13 warns of connections that are collected open.
            self._closing = weakref.finalize(self, connection.close)
            self._closing.atexit = False  # threads may be at work with it until the very end

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
        turn.budget[:] = [0] * ENOUGH
        if is_ours and self.path != MEMORY:
            self._refill(turn)
            # The method of a list, and no function of Python's, in which Ctrl-C would be lost: it gives zero, which
            # lets SQLite go on, until the list is empty.
            connection.set_progress_handler(turn.budget.pop, TICK)

    def _refill(self, turn: forking.Turn) -> None:
        """Let SQLite do as much again."""
        size = sum(Path(one).stat().st_size for one in (self._file, f"{self._file}-wal") if Path(one).exists())
        turn.budget[:] = [0] * (2 * ENOUGH + ENOUGH * min(size >> 20, _LARGEST))

    def _be_patient(self, connection: sqlite3.Connection) -> None:
        connection.execute(PATIENT)
        self._turn.is_patient = True

    def _usable(self) -> sqlite3.Connection:
        """Return the connection, perhaps in the middle of a transaction."""
        connection = self._connection
        if isinstance(connection, forking.Inherited):
            return self._ready()
        if not self._turn.is_patient:
            self._be_patient(connection)
        return connection

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
        if self._is_ours:
            self._closing.detach()
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


def _prepare(connection: sqlite3.Connection, *, path: str, schema: Schema, read_only: bool, network: bool) -> None:
    """Set a connection up and bring its tables up to date."""
    connection.isolation_level = None  # which ends a transaction that is open
    connection.execute(PATIENT)
    connection.execute("PRAGMA trusted_schema=OFF")
    if read_only:
        check(connection, path, schema)
        return
    # A write-ahead log needs memory that all who open the file share, which a network does not have.
    connection.execute(f"PRAGMA journal_mode={'DELETE' if network else 'WAL'}")
    connection.execute(f"PRAGMA synchronous={'FULL' if network else 'NORMAL'}")
    migrate(connection, path, schema)
