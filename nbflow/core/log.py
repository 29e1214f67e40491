"""The records of a run in order, and what replay wants to look up in them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from itertools import takewhile
from typing import TYPE_CHECKING, TypeVar

from nbflow.core.path import around, comes_from, outside
from nbflow.core.record import (
    Answered,
    AnsweredBefore,
    Asked,
    CallEntered,
    CallFailed,
    CallReturned,
    CallSleeps,
    Discarded,
    Marked,
    Patched,
    Record,
    Reopened,
    Told,
)
from nbflow.core.sources import SMALL
from nbflow.core.value import STORED

if TYPE_CHECKING:
    from collections.abc import Iterable

    from nbflow.core.sources import Made

T = TypeVar("T")
Listener = Callable[[Record], None]


class Log:
    """An append-only list of records that tells its listeners.

    Attributes:
        records: all that happened, in order; read it, never write it.
        settled: by path, the outcome that replay hands out; also the marks of bodies.
        marks: by the position of a body, its marks, in order; those that ``settled`` does not hold count no more.
        answers: by question id, the answer that counts.
        earlier: by question id, what the same question was answered with in an earlier run.
        answered: positions of the calls that an answer has reached: those that asked, and those around them.
        asked: by question id, when it was asked first, or first since it was opened again.
        entered: by path, the beginnings of calls that must not happen twice; also of those whose end counts no more.
        patches: by name, whether a change of the code counts in the run.
        problems: by question id, why the last answer that was taken back does not count.
        sleeps: by path, the beginnings of sleeps.
        listeners: called with each new record, one at a time and in order, by the driver: never with a lock held.
        told: by position of a nested run that a body streamed, what that body was given.
        feeds: how many of the listeners feed bodies, which must have been told of all before more is durable.
        untold: records that they have not been told of, each with those to tell.
        made: results that bodies were given in this process, to know them again as arguments.
    """

    __slots__ = (
        "answered",
        "answers",
        "asked",
        "earlier",
        "entered",
        "feeds",
        "listeners",
        "made",
        "marks",
        "patches",
        "problems",
        "records",
        "settled",
        "sleeps",
        "told",
        "untold",
    )

    def __init__(self, records: Iterable[Record] = ()) -> None:
        self.records: list[Record] = list(records)
        self.settled: dict[str, CallReturned | CallFailed | Marked] = {}
        self.marks: dict[str, list[Marked]] = {}
        self.answers: dict[str, Answered] = {}
        self.answered: set[str] = set()
        self.asked: dict[str, Asked] = {}
        self.earlier: dict[str, AnsweredBefore] = {}
        self.patches: dict[str, bool] = {}
        self.problems: dict[str, str] = {}
        self.entered: dict[str, CallEntered] = {}
        self.sleeps: dict[str, CallSleeps] = {}
        self.feeds = 0
        self.made: Made = {}
        self.told: dict[str, list[Told]] = {}
        self.listeners: list[Listener] = []
        self.untold: deque[tuple[Record, tuple[Listener, ...]]] = deque()
        for record in self.records:
            if type(record) is CallReturned:  # as most are
                self.settled[record.path] = record
            else:
                self._index(record)

    def append(self, record: Record) -> None:
        """Add what has just happened, and note that the listeners are to be told."""
        self.records.append(record)
        if type(record) is CallReturned:
            self.settled[record.path] = record
            live = record.value.live if record.value is not None else None
            if type(live) not in SMALL and live is not STORED:
                self.made[id(live)] = live, record.path
        else:
            self._index(record)
        if self.listeners:
            self.untold.append((record, tuple(self.listeners)))

    def introduce(self, listener: Listener, so_far: Iterable[Record]) -> None:
        """Have a listener told of records so far, then of each new one."""
        self.listeners.append(listener)
        self.untold.extend((record, (listener,)) for record in so_far)

    def _index(self, record: Record) -> None:
        if isinstance(record, CallReturned) or (isinstance(record, CallFailed) and record.survived):
            self.settled[record.path] = record
        elif isinstance(record, CallFailed):  # of what had returned: it counts no more
            self.settled.pop(record.path, None)
        elif isinstance(record, Marked):
            self.settled[record.path] = record
            self.marks.setdefault(outside(record.path), []).append(record)
        elif isinstance(record, CallEntered):
            self.entered[record.path] = record
        elif isinstance(record, CallSleeps):
            self.sleeps[record.path] = record
        elif isinstance(record, Discarded) and record.alone:
            self.settled.pop(record.path, None)
        elif isinstance(record, Discarded):
            forget_from(self.settled, record.path)
            forget_from(self.sleeps, record.path)
            self.told = {
                call: list(takewhile(lambda one: not comes_from(one.source, record.path), told))
                for call, told in self.told.items()
            }
        elif isinstance(record, Patched):
            self.patches.setdefault(record.name, record.taken)
        elif isinstance(record, Told):
            self.told.setdefault(record.call, []).append(record)
        else:
            self._index_question(record)

    def _index_question(self, record: Record) -> None:
        if isinstance(record, Answered):
            self.answers[record.id] = record
            self.answered.update(around(record.path))
        elif isinstance(record, Asked):
            self.asked.setdefault(record.id, record)
        elif isinstance(record, AnsweredBefore):
            self.earlier[record.id] = record
        elif isinstance(record, Reopened):
            self.answers.pop(record.id, None)
            self.asked.pop(record.id, None)
            self.problems[record.id] = record.problem
            for path in record.dropped:
                self.settled.pop(path, None)
                self.sleeps.pop(path, None)
            dropped = frozenset(record.dropped)
            self.told = {
                call: list(takewhile(lambda one: one.source not in dropped, told)) for call, told in self.told.items()
            }


def forget_from(found: dict[str, T], path: str) -> None:
    """Take what stands at a position, and after it in that branch, out of what was found by path."""
    for other in [other for other in found if comes_from(other, path)]:
        del found[other]
