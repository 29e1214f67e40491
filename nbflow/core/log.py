"""The records of a run in order, and what replay wants to look up in them."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, TypeVar

from nbflow.core.record import Answered, Asked, CallFailed, CallReturned, Discarded, Record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

T = TypeVar("T")


class Log:
    """An append-only list of records that tells its listeners.

    Attributes:
        records: all that happened, in order; read it, never write it.
        settled: by path, the outcome that replay hands out.
        answers: by question id, the answer.
        asked: by question id, when it was asked first.
        listeners: called with each new record, one at a time.
    """

    __slots__ = ("answers", "asked", "listeners", "records", "settled")

    def __init__(self, records: Iterable[Record] = ()) -> None:
        self.records: list[Record] = list(records)
        self.settled: dict[str, CallReturned | CallFailed] = {}
        self.answers: dict[str, Answered] = {}
        self.asked: dict[str, Asked] = {}
        self.listeners: list[Callable[[Record], None]] = []
        for record in self.records:
            self._index(record)

    def append(self, record: Record) -> None:
        """Add what has just happened and tell the listeners."""
        self.records.append(record)
        self._index(record)
        for listener in tuple(self.listeners) if self.listeners else ():
            try:
                listener(record)
            except Exception as error:  # noqa: BLE001  # who only looks must not break what it looks at
                self.listeners.remove(listener)
                warnings.warn(f"{listener!r} raised {error!r} and is told nothing more", RuntimeWarning, stacklevel=2)

    def _index(self, record: Record) -> None:
        if isinstance(record, CallReturned) or (isinstance(record, CallFailed) and record.survived):
            self.settled[record.path] = record
        elif isinstance(record, Answered):
            self.answers[record.id] = record
        elif isinstance(record, Asked):
            self.asked.setdefault(record.id, record)
        elif isinstance(record, Discarded):
            forget_from(self.settled, record.path)


def forget_from(found: dict[str, T], path: str) -> None:
    """Take what stands at a position, and after it in that branch, out of what was found by path."""
    prefix, _, position = path.rpartition(".")
    for other in [other for other in found if other.startswith(f"{prefix}.")]:
        step = other[len(prefix) + 1 :].partition(".")[0]
        if step.isdigit() and int(step) >= int(position):
            del found[other]
