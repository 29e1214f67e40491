"""Connections and forks of the process: SQLite allows no connection to be carried over one.

Before a fork, every connection is brought to rest between two transactions. In the child, a file
that was opened by its path is opened again when it is next used; what can't be opened again says so.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from typing import Protocol
from weakref import WeakSet, WeakValueDictionary

from nbflow.errors import StorageError

PATIENCE = 10.0  # seconds that a fork waits for transactions to end


class Turn:
    """The lock of one connection: who holds it has its transaction.

    Attributes:
        connection: of which; as long as it is held here, no other one gets its id.
        lock: the lock.
        is_busy: whether a transaction of ours is under way.
        is_patient: whether the connection waits when another process holds the file.
        budget: one zero for each million of instructions that SQLite may still carry out.
    """

    __slots__ = ("__weakref__", "budget", "connection", "is_busy", "is_patient", "lock")

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection
        self.lock = threading.RLock()
        self.is_busy = False
        self.is_patient = True
        self.budget: list[int] = []

    def is_nested(self) -> bool:
        """Whether the thread that has just taken the lock had it already, for a transaction."""
        count = getattr(self.lock, "_recursion_count", None)  # Python's own; it can't be wrong after an interruption
        return self.is_busy and (count is None or count() > 1)


class Heir(Protocol):
    """What has a connection."""

    @property
    def turn(self) -> Turn:
        """The lock of its connection."""
        ...

    def inherit(self, *, quiet: bool) -> None:
        """Become usable in a child process, or say why that can't be; ``quiet`` says that no transaction was open."""
        ...


_turns: WeakValueDictionary[int, Turn] = WeakValueDictionary()
_files: WeakSet[Heir] = WeakSet()
_lock = threading.RLock()
_resting: list[Turn] = []
_kept: list[object] = []  # connections of the parent: closing one here could take its log away


def turn_of(connection: sqlite3.Connection) -> Turn:
    """Return the lock that everyone shares who was given this connection."""
    with _lock:
        return _turns.setdefault(id(connection), Turn(connection))


def watch(file: Heir) -> None:
    """See a file through the forks of the process, as long as it is there."""
    with _lock:
        _files.add(file)


class Inherited:
    """Stands in a child process for the connection of its parent.

    Attributes:
        in_transaction: sends who would use it to ``SqliteFile`` for another one.
    """

    in_transaction = True

    def __init__(self, connection: sqlite3.Connection, path: str, refusal: str | None) -> None:
        self._path = path
        self._refusal = refusal
        if refusal is not None:
            _kept.append(connection)

    def check(self) -> None:
        """Make sure that the file may be opened again.

        Raises:
            StorageError: if it can't be.
        """
        if self._refusal is not None:
            raise StorageError(self._path, self._refusal)

    def close(self) -> None:
        """Do nothing: there is nothing that is this process's."""


def _before() -> None:
    _lock.acquire()
    _resting.extend(turn for turn in _turns.values() if turn.lock.acquire(timeout=PATIENCE))


def _in_parent() -> None:
    while _resting:
        _resting.pop().lock.release()
    _lock.release()


def _in_child() -> None:
    global _lock, _turns  # those of the parent may be held by threads that are not here
    resting = {id(turn) for turn in _resting if not turn.is_busy}
    _resting.clear()
    _lock, _turns = threading.RLock(), WeakValueDictionary()
    for file in list(_files):
        file.inherit(quiet=id(file.turn) in resting)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before, after_in_parent=_in_parent, after_in_child=_in_child)
