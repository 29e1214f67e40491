"""The order in which a body is given the results of its calls: one at a time, and on replay as recorded.

A result that has ended is not given to the body before the body waits, and no two are given without
time to react in between. So the body sees the same in a run and in its replay, in the order of the
durable rows. What it does not wait for is counted: a poll, a wait with a time limit or a timer that
came before the next result is a *miss*, and on replay the next result comes after as many misses.
"""

from __future__ import annotations

from collections import deque
from heapq import heappop
from itertools import count
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeVar

from nbflow.core.path import caller_of
from nbflow.core.record import CallFailed, CallSettled, Discarded, Observed, of_kind

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

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


class Recorded:
    """The order in which the bodies of a log were given results.

    Attributes:
        places: by position of a call, where its result stands among those of its body.
        misses: by position of a body, the recorded misses.
        timers: by position of a body, whose timers went off, as ``Observed.timers`` has them.
    """

    __slots__ = ("_bodies", "misses", "places", "timers")

    def __init__(self, records: Sequence[Record], settled: Mapping[str, CallSettled]) -> None:
        """Read it from a log: its records in order, and its outcomes by position, in the order of their rows."""
        self._bodies: dict[str, list[int]] = {}
        self.places = dict(zip(settled, count(1), strict=False))
        failures = of_kind(tuple(settled.values()), CallFailed)
        for body in {caller_of(one.path) for one in failures if one.place is not None}:
            self._put_in_order(body, settled)
        self.misses: dict[str, dict[int, int]] = {}
        self.timers: dict[str, list[tuple[int, str, int]]] = {}
        if _OF_BODIES.isdisjoint(map(type, records)):
            return
        for record in [one for one in records if type(one) in _OF_BODIES]:
            if isinstance(record, Observed):
                missed = self.misses.setdefault(record.path, {})
                for given, times in record.misses:
                    missed[given] = missed.get(given, 0) + times
                self.timers.setdefault(record.path, []).extend(record.timers)
            elif isinstance(record, Discarded) and not record.alone:
                self.misses.pop(caller_of(record.path), None)
                self.timers.pop(caller_of(record.path), None)

    def _put_in_order(self, body: str, settled: Mapping[str, CallSettled]) -> None:
        """Put failures of a body's calls at their places: they become durable when the body goes on, after others."""
        calls = [one for one in settled.values() if _is_given(one) and caller_of(one.path) == body]
        late = [one for one in calls if isinstance(one, CallFailed) and one.place is not None]
        order = [one.path for one in calls if one not in late]
        for one in sorted(late, key=lambda one: one.place or 0):
            order.insert(one.place or 0, one.path)
        self.places.update(zip(order, [self.places[one.path] for one in calls], strict=True))

    def of(self, body: str) -> list[int]:
        """Return the places of a body's results, in order."""
        if not self.places:
            return []
        if body not in self._bodies:
            places: dict[str, list[int]] = {}
            for path, place in self.places.items():
                places.setdefault(caller_of(path), []).append(place)
            self._bodies = {path: sorted(found) for path, found in places.items()}
            self._bodies.setdefault(body, [])
        return self._bodies[body]


_OF_BODIES = frozenset({Observed, Discarded})


def _is_given(record: CallSettled) -> bool:
    return not isinstance(record, CallFailed) or (record.survived and not (record.cancelled and record.place is None))


def _is_on_its_way(record: Record) -> bool:
    """Whether a record says that a call was cancelled, and its body has not come to learn of it yet."""
    return isinstance(record, CallFailed) and record.cancelled and record.place is None


class Seen(NamedTuple):
    """What bodies have seen, on its way into the log.

    Attributes:
        parts: each body with the records of what it has seen.
    """

    parts: Sequence[tuple[Deliveries, tuple[Record, ...]]]

    @property
    def records(self) -> list[Record]:
        """All of it."""
        return [record for _, records in self.parts for record in records]


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
        missed: number of times that it looked for a result, or went on by itself.
        closed: whether the attempt is over; later results are given at once.
        unsaved: records of that, as far as there are any yet.
        is_urgent: whether the body has seen something that must be durable before a call begins: it has gone on from
            a failure.
        saving: what it has seen and a commit under way carries; None if none does.
        held_up: called once that commit is over.
        shelved: calls that the body is recorded to have cancelled, and has not cancelled yet.
        wanted: the call whose end the body is given at once if it is next in turn: it carries that call out while
            it waits, or waits on a loop that has nothing else to do; None if there is none.
        heard_on: the event loop that coroutines of the body wait on; None if none does.
        waker: what the driver needs to wake the body; the core does not touch it.
        due: what the driver needs to have its timers go off one after the other; the core does not touch it.
    """

    __slots__ = (
        "_expected",
        "_in_flight",
        "_misses",
        "_next_timers",
        "_recorded",
        "_timers",
        "arrived",
        "behind",
        "body",
        "closed",
        "count",
        "due",
        "given",
        "heard_on",
        "held_up",
        "is_urgent",
        "missed",
        "pending",
        "saving",
        "shelved",
        "unsaved",
        "waker",
        "wanted",
    )  # fmt: skip

    def __init__(
        self, body: str, in_flight: Mapping[Held, int], recorded: Recorded, behind: set[Deliveries] | None = None
    ) -> None:
        """Begin an attempt.

        Args:
            body: position of the call whose body it is.
            in_flight: rows of results that are being made durable.
            recorded: what the log tells.
            behind: those that have seen something that is not durable, of all bodies of the run.
        """
        self.body = body
        self.given = 0
        self.pending = 0
        self.closed = False
        self.unsaved: list[Record] = []
        self.is_urgent = False
        self.behind: set[Deliveries] = behind if behind is not None else set()
        self.saving: Seen | None = None
        self.held_up: list[Callable[[], None]] = []
        self.shelved: list[Ending] = []
        self.wanted: object = None
        self.heard_on: object = None
        self.waker: object = None
        self.due: object = None
        self._in_flight = in_flight
        self._expected = dict(recorded.misses.get(body, ()))
        self._recorded = recorded
        self._misses: dict[int, int] = {}
        self._timers: list[tuple[int, str, int]] = []
        self._next_timers = deque(recorded.timers.get(body, ()))
        self.missed = 0
        self.arrived: list[tuple[int, int, Ending]] = []
        self.count = 0

    def take(self, *, overrule: bool = False, strictly: bool = False) -> Ending | None:
        """Return the call whose result the body is to be given now; None if there is none yet.

        Args:
            overrule: whether recorded misses do not count, since the body waits for a result and will not miss.
            strictly: whether a recorded result comes after all that were recorded before it, asked for or not: for a
                body that was given results while it did something else.
        """
        if not self.arrived or (self._expected and not overrule and self.expects_miss):
            return None
        row, _, call = self.arrived[0]
        if self._in_flight and row > min([*self._in_flight.values()]):  # a copy: others add to it
            return None
        if strictly and self._recorded.of(self.body)[self.given : self.given + 1] not in ([], [row]):
            return None
        heappop(self.arrived)
        self.pending -= 1
        if call.failure is not None:
            call.failure.place = self.given
            self.given += 1
        elif call.outcome is not None and call.outcome.error is None:
            self.given += 1
        return call

    def take_until(self, last: object, *, overrule: bool = False) -> list[Ending]:
        """Return all calls up to the ``last``, of those that have arrived and whose results it may be given now."""
        taken: list[Ending] = []
        while (call := self.take(overrule=overrule)) is not None:
            taken.append(call)
            if call is last:
                break
        return taken

    def is_first(self, call: Ending) -> bool:
        """Whether the body is to be given the result of a call that it waits for at once; it counts as given then."""
        if self.arrived or self._in_flight or self._expected or call.failure is not None:
            return False
        self.pending -= 1
        if call.outcome is not None and call.outcome.error is None:
            self.given += 1
        return True

    @property
    def replays(self) -> Ending | None:
        """The call whose recorded result is the first to be given; None if it is a new one, or none has arrived."""
        return self.arrived[0][2] if self.arrived and self.given < len(self._recorded.of(self.body)) else None

    @property
    def expects_miss(self) -> bool:
        """Whether the body was recorded to have missed the next result once more."""
        return self._expected.get(self.given, 0) > 0

    @property
    def next_timer(self) -> str | None:
        """The branch whose timer is recorded to go off next, before the next result; None if that is not known."""
        while self._next_timers and self._next_timers[0][0] < self.given:
            self._next_timers.popleft()
        return self._next_timers[0][1] if self._next_timers and self._next_timers[0][0] == self.given else None

    def may_go_off(self, branch: str) -> bool:
        """Whether a timer of a branch comes next as far as that is recorded, before other timers and results."""
        expected = self.next_timer
        if expected is not None:
            return expected == branch
        if not (self.pending or branch):  # no miss either
            return True
        return self.expects_miss or self.given >= len(self._recorded.of(self.body))

    def miss(self, branch: str | None = None) -> None:
        """Count that the body looked for a result, or went on by itself, before the next one was given.

        Args:
            branch: position, below the body, of the branch whose timer went off; None if it was no timer.
        """
        self.missed += 1
        if not (self.pending or branch):  # nothing was to come, so that it was not recorded either
            return
        if branch is not None and branch == self.next_timer:
            given, _, times = self._next_timers.popleft()
            if times > 1:
                self._next_timers.appendleft((given, branch, times - 1))
        if self.expects_miss:
            self._expected[self.given] -= 1
        else:
            self.behind.add(self)
            self._misses[self.given] = self._misses.get(self.given, 0) + 1
            if branch is not None:
                self._note_timer(branch)

    def _note_timer(self, branch: str) -> None:
        last = self._timers[-1] if self._timers else None
        if last is not None and last[:2] == (self.given, branch):
            self._timers[-1] = (self.given, branch, last[2] + 1)
        else:
            self._timers.append((self.given, branch, 1))

    @property
    def is_unsaved(self) -> bool:
        """Whether the body has seen something that is not durable."""
        return self in self.behind

    def observed(self, now: float) -> tuple[Record, ...]:
        """Take what the body has seen and that no commit carries yet, as records."""
        records = tuple(one for one in self.unsaved if not _is_on_its_way(one))
        if self._misses:
            timers = tuple(self._timers) if any(branch for _, branch, _ in self._timers) else ()
            records = (*records, Observed(path=self.body, at=now, misses=tuple(self._misses.items()), timers=timers))
        self.unsaved, self._misses, self._timers = [one for one in self.unsaved if _is_on_its_way(one)], {}, []
        return records

    def saved(self) -> None:
        """Take in that what was taken of what it has seen is durable, or was given back."""
        self.saving = None
        self.is_urgent = any(isinstance(one, CallFailed) and not one.cancelled for one in self.unsaved)
        if not self.unsaved and not self._misses:
            self.behind.discard(self)

    def see_again(self, records: Sequence[Record]) -> None:
        """Keep for the next commit what is not durable, or could not be stored with another one."""
        self.unsaved[:0] = records
        self.behind.add(self)

    def outlive(self, failures: Sequence[Record]) -> None:
        """Note failures that the body has gone on from."""
        self.unsaved += failures
        self.is_urgent = True
        self.behind.add(self)

    def note(self, record: Record) -> None:
        """Keep for the next commit what the body is about to see."""
        self.unsaved.append(record)
        self.behind.add(self)

    def shelve(self, call: Ending) -> None:
        """Leave a call alone that the body is recorded to have cancelled."""
        self.shelved.append(call)

    def unshelve(self, call: Ending) -> None:
        """Let such a call run after all."""
        if call in self.shelved:
            self.shelved.remove(call)
