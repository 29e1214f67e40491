"""The order in which a body is given the results of its calls: one at a time, and on replay as recorded.

A result that has ended is not given to the body before the body waits, and no two are given without
time to react in between. So the body sees the same in a run and in its replay, in the order of the
durable rows. What it does not wait for is counted: a poll, a wait with a time limit or a timer that
came before the next result is a *miss*, and on replay the next result comes after as many misses.
"""

from __future__ import annotations

from heapq import heappop
from itertools import count
from typing import TYPE_CHECKING, Protocol, TypeVar

from nbflow.core.path import caller_of
from nbflow.core.record import CallFailed, CallSettled, Discarded, Observed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from nbflow.core.outcome import Outcome
    from nbflow.core.record import Record


Held = TypeVar("Held")


class Ending(Protocol):
    """A call as deliveries know it: how it ended, and what its caller holds of it."""

    @property
    def outcome(self) -> Outcome | None:
        """How it ended."""
        ...

    @property
    def failure(self) -> CallFailed | None:
        """The record of its failure."""
        ...

    @property
    def promise(self) -> object:
        """What its caller was given when it asked."""
        ...


class Deliveries:
    """The results on their way to one attempt of a body, its branches included.

    It is not thread-safe: the lock of the run is held around each method.

    Attributes:
        body: position of the call whose body it is.
        given: number of results that the body was given.
        pending: number of calls whose results it has not been given.
        arrived: a heap of the calls that have ended and whose results it has not been given: where each stands among
            those of this body, a running number, and the call.
        count: the highest running number so far.
        closed: whether the attempt is over; later results are given at once.
        unsaved: records of that, as far as there are any yet.
        is_unsaved: whether the body has seen something that is not durable.
        is_urgent: whether that must be before its next call begins: it has gone on from a failure.
        shelved: calls that the body is recorded to have cancelled, and has not cancelled yet.
        heard_on: the event loop that coroutines of the body wait on; None if none does.
        waker: what the driver needs to wake the body; the core does not touch it.
    """

    __slots__ = (
        "_expected", "_in_flight", "_misses", "_recorded", "arrived", "body", "closed", "count", "given", "heard_on",
        "is_unsaved",
        "is_urgent", "pending", "shelved", "unsaved", "waker",
    )  # fmt: skip

    def __init__(
        self, body: str, in_flight: Mapping[Held, int], expected: Mapping[int, int], recorded: int = 0
    ) -> None:
        """Begin an attempt.

        Args:
            body: position of the call whose body it is.
            in_flight: rows of results that are being made durable.
            expected: recorded misses, by the number of results given before.
            recorded: how many results the log holds; they are the first, and their rows count from 1.
        """
        self.body = body
        self.given = 0
        self.pending = 0
        self.closed = False
        self.unsaved: list[Record] = []
        self.is_unsaved = self.is_urgent = False
        self.shelved: list[Ending] = []
        self.heard_on: object = None
        self.waker: object = None
        self._in_flight = in_flight
        self._expected = dict(expected)
        self._recorded = recorded
        self._misses: dict[int, int] = {}
        self.arrived: list[tuple[int, int, Ending]] = []
        self.count = 0

    def take(self, until: object = None, *, overrule: bool = False, strictly: bool = False) -> list[Ending]:
        """Return the calls whose results the body is to be given now, in order; none if none is there yet.

        Args:
            until: the last one to take, of those that have arrived; None for one alone.
            overrule: whether recorded misses do not count, since the body waits for a result and will not miss.
            strictly: whether a recorded result comes after all that were recorded before it, asked for or not: for a
                body that was given results while it did something else.
        """
        taken: list[Ending] = []
        arrived, in_flight = self.arrived, self._in_flight
        while arrived:
            row = arrived[0][0]
            if self._expected and not overrule and self.expects_miss:
                break
            if in_flight and row > min([*in_flight.values()]):  # a copy: others add to it
                break
            if strictly and self.given + 1 < row and self.given < self._recorded:
                break
            call = heappop(arrived)[2]
            self.pending -= 1
            failure = call.failure
            if failure is not None:
                failure.place = self.given
                self.given += 1
            elif call.outcome is not None and call.outcome.error is None:
                self.given += 1
            taken.append(call)
            if until is None or call is until:
                break
        return taken

    @property
    def replays(self) -> Ending | None:
        """The call whose recorded result is the first to be given; None if it is a new one, or none has arrived."""
        return self.arrived[0][2] if self.arrived and self.given < self._recorded else None

    @property
    def expects_miss(self) -> bool:
        """Whether the body was recorded to have missed the next result once more."""
        return self._expected.get(self.given, 0) > 0

    def miss(self) -> None:
        """Count that the body looked for a result, or went on by itself, before the next one was given."""
        if self.expects_miss:
            self._expected[self.given] -= 1
        elif self.pending:
            self.is_unsaved = True
            self._misses[self.given] = self._misses.get(self.given, 0) + 1

    def observed(self, now: float) -> tuple[Record, ...]:
        """Take what the body has seen and that is not durable yet, as records."""
        records = tuple(self.unsaved)
        if self._misses:
            records = (*records, Observed(path=self.body, at=now, misses=tuple(self._misses.items())))
        self.unsaved, self._misses = [], {}
        self.is_unsaved = self.is_urgent = False
        return records

    def see_again(self, records: Sequence[Record]) -> None:
        """Keep for the next commit what could not be stored with this one."""
        self.unsaved[:0] = records
        self.is_unsaved = True

    def outlive(self, failures: Sequence[Record]) -> None:
        """Note failures that the body has gone on from."""
        self.unsaved += failures
        self.is_unsaved = self.is_urgent = True

    def shelve(self, call: Ending) -> None:
        """Leave a call alone that the body is recorded to have cancelled."""
        self.shelved.append(call)

    def unshelve(self, call: Ending) -> None:
        """Let such a call run after all."""
        if call in self.shelved:
            self.shelved.remove(call)


class Recorded:
    """The order in which the bodies of a log were given results.

    Attributes:
        places: by position of a call, where its result stood among those of its body.
        misses: by position of a body, the recorded misses.
        counts: by position of a body, the number of its results.
    """

    __slots__ = ("counts", "misses", "places")

    def __init__(self, records: Iterable[Record]) -> None:
        """Read it from records, in order."""
        self.misses: dict[str, dict[int, int]] = {}
        bodies: dict[str, dict[str, CallSettled]] = {}
        branches: dict[str, dict[str, CallSettled]] = {}  # the same, by the branch that the calls were made in
        for record in records:
            if isinstance(record, CallSettled):
                if isinstance(record, CallFailed) and (not record.survived or record.cancelled):
                    continue
                branch = record.path.rpartition(".")[0]
                settled = branches.get(branch)
                if settled is None:
                    settled = branches[branch] = bodies.setdefault(caller_of(record.path), {})
                settled.pop(record.path, None)
                settled[record.path] = record
            elif isinstance(record, Observed):
                missed = self.misses.setdefault(record.path, {})
                for given, times in record.misses:
                    missed[given] = missed.get(given, 0) + times
            elif isinstance(record, Discarded):
                self.misses.pop(caller_of(record.path), None)
        self.counts = {body: len(settled) for body, settled in bodies.items()}
        self.places: dict[str, int] = {}
        for settled in bodies.values():
            self.places.update(zip(_in_order(settled), count(1), strict=False))


def _in_order(settled: Mapping[str, CallSettled]) -> list[str]:
    """Return the calls of a body as it was given their results: in the order of their rows, failures at their places.

    A failure becomes durable when its caller goes on, which may be after later results.
    """
    late = [record for record in settled.values() if isinstance(record, CallFailed) and record.place is not None]
    if not late:
        return list(settled)
    moved = {record.path for record in late}
    order = [path for path in settled if path not in moved]
    for record in sorted(late, key=lambda one: one.place or 0):
        order.insert(record.place or 0, record.path)
    return order
