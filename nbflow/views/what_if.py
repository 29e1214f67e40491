"""How long a run would have taken had something been otherwise: its recorded calls, gone through again on paper.

A body's own code takes as long as it did between what it waited for and what it did next. It is taken to have waited,
before each call and before its end, for all of its calls that had ended since the one before. A call that waited for
its turn, since a limit kept it, waits in line for a place; all others begin when they were asked for.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Mapping
from heapq import heappop, heappush
from typing import TYPE_CHECKING, NamedTuple

from nbflow.core.path import order_of, outside
from nbflow.core.record import ROOT
from nbflow.core.states import TAKEN
from nbflow.errors import InvalidOptionError
from nbflow.views.progress import time_in_run
from nbflow.views.timing import span_of, timing_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from nbflow.views.calls import CallRow
    from nbflow.views.progress import RunView
    from nbflow.views.timing import Timing

LISTED = 5
"""Tasks that are asked about, those with most seconds."""
_WAITED = 1e-3  # seconds from which on a call waited for its turn
_WORTH = 1.005  # times faster, from which on it is worth a line


class Scenario(NamedTuple):
    """What would be otherwise.

    Attributes:
        what: in words; ``"as it was"`` for the run as it was recorded.
        seconds: how long it would have taken.
        faster: how many times faster that is than it was.
    """

    what: str
    seconds: float
    faster: float


_Where = tuple[str, int, int]
"""Where the code of a call stands: the call, its branch, its next step; as branch -1 what waits for its arguments."""


class _Step(NamedTuple):
    """What a body does next: makes a call, or ends.

    Attributes:
        before: calls that have to have ended.
        seconds: that its own code takes then.
        call: the call that it makes; empty for its end.
    """

    before: tuple[str, ...]
    seconds: float
    call: str


class Recorded:
    """The calls of a run, as they depended on each other.

    Args:
        view: the run.

    Attributes:
        seconds: how long it worked.
        names: of all tasks.
        limited: names of those that had to wait for their turn.
        places: how many of them worked at a time at most; 0 if none waited.
    """

    def __init__(self, view: RunView) -> None:
        progress = view.progress
        self.rows = {path: row for path, row in view.calls.rows.items() if row.ended is not None or path == ROOT}
        until = max((row.ended or row.started for row in self.rows.values()), default=0.0)
        self.spans = {path: _span(row, view, until) for path, row in self.rows.items()}
        self._asked = {
            path: min(self.spans[path][0], time_in_run(progress, row.requested)) if row.requested else span[0]
            for (path, row), span in zip(self.rows.items(), self.spans.values(), strict=True)
        }
        self.seconds = self.spans[ROOT][1] if ROOT in self.spans else 0.0
        self._below: dict[str, list[str]] = defaultdict(list)
        for path in sorted(self.rows, key=order_of):
            if path != ROOT:
                self._below[self.rows[path].parent].append(path)
        self.given = {path: [one for one in row.edges if one in self.rows] for path, row in self.rows.items()}
        self.programs = {path: self._program(path) for path in self.rows}
        self.names = {row.name for path, row in self.rows.items() if path != ROOT}
        waited = [path for path in self.rows if path != ROOT and self._waited(path) > _WAITED]
        self.limited = {self.rows[path].name for path in waited}
        self.places = _most_at_once(self.spans[path] for path in self.leaves(self.limited)) if waited else 0

    def leaves(self, names: Collection[str]) -> list[str]:
        """Return the calls of some tasks that made no calls themselves."""
        return [path for path, row in self.rows.items() if row.name in names and path not in self._below]

    def _waited(self, path: str) -> float:
        ready = max([self._asked[path], *(self.spans[one][1] for one in self.given[path])])
        return self.spans[path][0] - ready

    def _program(self, path: str) -> list[list[_Step]]:
        """Return what the code of a call did: its own steps, then those of each of its branches."""
        begin, end = self.spans[path]
        children = self._below.get(path, [])
        frames: dict[str, list[str]] = {path: []}
        for child in children:
            frames.setdefault(outside(child), []).append(child)
        all_ends, found = self._ends(children), []
        for frame, calls in frames.items():
            ends = self._ends(calls)
            steps, last = [], begin
            known = all_ends if frame != path else ends
            for call in sorted(calls, key=lambda one: self._asked[one]):
                at = max(last, self._asked[call])
                steps.append(self._step(known, last, at, call))
                last, known = at, ends
            if frame == path:
                steps.append(self._step(all_ends, last, end, ""))
            found.append(steps)
        return found

    def _ends(self, calls: Iterable[str]) -> list[tuple[float, str]]:
        """Return when calls ended, in order."""
        return sorted((self.spans[one][1], one) for one in calls)

    @staticmethod
    def _step(ends: Sequence[tuple[float, str]], last: float, at: float, call: str) -> _Step:
        first, beyond = (bisect_right(ends, moment, key=lambda one: one[0]) for moment in (last, at))
        ended = [pair for pair in ends[first:beyond] if pair[1] != call]
        since = ended[-1][0] if ended else last
        return _Step(tuple(one for _, one in ended), at - since, call)

    def takes(
        self, *, faster: Mapping[str, float] | None = None, places: int | None = None, names: Collection[str] = ()
    ) -> float:
        """Return how many seconds it would take.

        Args:
            faster: by name, how many times faster the code of a task works.
            places: how many calls of ``names`` work at a time; None for any number.
            names: tasks whose calls wait in line.
        """
        return _Play(self, faster or {}, places, names).seconds()

    def as_it_was(self) -> float:
        """Return how long it takes on paper with nothing changed."""
        return self.takes(places=self.places or None, names=self.limited)


class _Play:
    """One time through the calls."""

    def __init__(
        self, recorded: Recorded, faster: Mapping[str, float], places: int | None, names: Collection[str]
    ) -> None:
        self.rows, self.programs, self.given, self._faster = recorded.rows, recorded.programs, recorded.given, faster
        self._places = float("inf") if places is None else places
        self._names = names
        self._ended: dict[str, float] = {}
        self._waiting: dict[str, list[_Where]] = defaultdict(list)  # by call, who waits for its end
        self._missing: dict[_Where, int] = {}
        self._line: list[tuple[float, int, str]] = []
        self._events: list[tuple[float, int, _Where]] = []
        self._count = 0

    def seconds(self) -> float:
        self._begin(ROOT, 0.0)
        while self._events:
            at, _, where = heappop(self._events)
            self._do(where, at)
        return self._ended.get(ROOT, 0.0)

    def _ask(self, path: str, at: float) -> None:
        """Have a call begin when what it was given is there, and there is a place."""
        if not self._waits(self.given[path], (path, -1, 0)):
            self._line_up(path, at)

    def _waits(self, calls: Iterable[str], where: _Where) -> bool:
        """Return whether some calls have not ended; if so, have what stands there go on when they have."""
        left = [one for one in calls if one not in self._ended]
        for one in left:
            self._waiting[one].append(where)
        self._missing[where] = len(left)
        return bool(left)

    def _line_up(self, path: str, at: float) -> None:
        if self._is_limited(path):
            self._count += 1
            heappush(self._line, (at, self._count, path))
            self._let_in(at)
        else:
            self._begin(path, at)

    def _is_limited(self, path: str) -> bool:
        return self.rows[path].name in self._names and len(self.programs[path][0]) == 1

    def _let_in(self, at: float) -> None:
        while self._line and self._places > 0:
            self._places -= 1
            self._begin(heappop(self._line)[2], at)

    def _begin(self, path: str, at: float) -> None:
        for branch in range(len(self.programs[path])):
            self._go_on((path, branch, 0), at)

    def _go_on(self, where: _Where, at: float) -> None:
        """Have the code of a call wait for what comes before its next step."""
        path, branch, number = where
        steps = self.programs[path][branch]
        if number < len(steps) and not self._waits(steps[number].before, where):
            self._count += 1
            seconds = steps[number].seconds / self._faster.get(self.rows[path].name, 1.0)
            heappush(self._events, (at + seconds, self._count, where))

    def _do(self, where: _Where, at: float) -> None:
        path, branch, number = where
        call = self.programs[path][branch][number].call
        if not call:
            self._end(path, at)
            return
        self._ask(call, at)
        self._go_on((path, branch, number + 1), at)

    def _end(self, path: str, at: float) -> None:
        if path in self._ended:
            return
        self._ended[path] = at
        for where in self._waiting.pop(path, ()):
            self._missing[where] -= 1
            if not self._missing[where]:
                if where[1] < 0:
                    self._line_up(where[0], at)
                else:
                    self._go_on(where, at)
        if self._is_limited(path):
            self._places += 1
            self._let_in(at)


def _span(row: CallRow, view: RunView, until: float) -> tuple[float, float]:
    begin, end = span_of(row, view.progress, until)
    return begin, begin if row.state in TAKEN else end


def _most_at_once(spans: Iterable[tuple[float, float]]) -> int:
    """Return how many of some spans there are at the same moment at most."""
    changes = sorted(change for begin, end in spans if end > begin for change in ((begin, 1), (end, -1)))
    now = most = 0
    for _, change in changes:
        now += change
        most = max(most, now)
    return most


def what_if(view: RunView, *, workers: int | None = None, faster: Mapping[str, float] | None = None) -> list[Scenario]:
    """Return how long a run would have taken had something been otherwise.

    With neither ``workers`` nor ``faster`` it asks what may be worth asking: without people, with more workers where
    calls had to wait for their turn, with each of the slowest tasks twice as fast.

    Args:
        view: the run.
        workers: how many calls work at a time, of those tasks that had to wait for their turn; of all if none had.
        faster: by name of a task, how many times faster its own code works.

    Raises:
        InvalidOptionError: if ``workers`` is no whole number from 1, or ``faster`` names no task, or no number above 0.

    Returns:
        The run as it was first, as it is on paper: compare others with that. Then the others, the fastest first.
    """
    recorded, timing = Recorded(view), timing_of(view)
    _check(workers, faster, recorded.names)
    base, paused = recorded.as_it_was(), timing.paused
    before = base + paused
    as_it_was = Scenario("as it was", before, 1.0)
    if workers is None and not faster:
        asked = [*_worth_asking(recorded, timing)]
        others = [Scenario(what, seconds, before / seconds) for what, seconds in asked if seconds > 0]
        return [as_it_was, *sorted((one for one in others if one.faster >= _WORTH), key=lambda one: one.seconds)]
    told = [f"with {workers:,} worker{'s' * (workers != 1)}"] if workers is not None else []
    told += [f"{name} {factor:g} times as fast" for name, factor in (faster or {}).items()]
    names = recorded.limited or (recorded.names if workers is not None else set())
    places = workers if workers is not None else recorded.places or None
    seconds = recorded.takes(faster=faster, places=places, names=names) + paused
    return [as_it_was, Scenario(", ".join(told), seconds, before / seconds if seconds else 1.0)]


def _check(workers: object, faster: object, names: Collection[str]) -> None:
    where = "what_if()"
    if workers is not None and not (isinstance(workers, int) and not isinstance(workers, bool) and workers >= 1):
        raise InvalidOptionError(where, "workers", repr(workers), "it is a whole number from 1")
    if faster is None:
        return
    known = f"it is a dict of tasks of the run ({', '.join(sorted(names))}) and numbers above 0"
    if not isinstance(faster, Mapping) or not all(
        name in names and isinstance(factor, (int, float)) and 0 < factor < float("inf")
        for name, factor in faster.items()
    ):
        raise InvalidOptionError(where, "faster", repr(faster), known)


def _worth_asking(recorded: Recorded, timing: Timing) -> Iterator[tuple[str, float]]:
    """Yield what may be worth asking, with how long it would have taken."""
    base, paused, now, limited = recorded.as_it_was(), timing.paused, recorded.places, recorded.limited
    if paused > _WAITED:
        yield "without waiting for people", base
    for places in (2 * now, 4 * now, None) if now else ():
        told = f"with {places:,} workers" if places is not None else "with any number of workers"
        yield told, paused + recorded.takes(places=places, names=limited)
    for task in timing.tasks[:LISTED]:
        seconds = recorded.takes(faster={task.name: 2.0}, places=now or None, names=limited)
        yield f"{task.name} twice as fast", paused + seconds


__all__ = ["Recorded", "Scenario", "what_if"]
