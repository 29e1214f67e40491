"""Where the time of a run went: the chain of calls that bounded it, how parallel it was, what it waited for.

The chain is found backwards from the end: what ended last before a moment is what was waited for until then. Where
calls run side by side, the longest one counts, as on the critical path of a plan.
"""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING, NamedTuple

from nbflow.core.record import ROOT
from nbflow.core.states import TAKEN
from nbflow.views.progress import time_in_run, worked

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from nbflow.views.calls import CallRow
    from nbflow.views.progress import Progress, RunView


class Link(NamedTuple):
    """A part of the chain: code of one call, without the calls that it waited for.

    Attributes:
        path: position of the call.
        name: of the task or body.
        begin, end: seconds since the run began, gaps left out.
    """

    path: str
    name: str
    begin: float
    end: float


class TaskTimes(NamedTuple):
    """All calls of one task.

    Attributes:
        name: of the task or nested workflow.
        kind: ``"task"``, ``"entrypoint"``, ``"graph"`` or ``"node"``.
        calls: how many there are.
        failed: how many failed.
        retried: how many took more than one attempt.
        taken: how many took their result from a cache or another run.
        seconds: how long those that ran took together.
        median, p95: seconds of half of them at most, and of 95 in 100; None if none ran.
        in_chain: seconds of the chain that are its own.
    """

    name: str
    kind: str
    calls: int
    failed: int
    retried: int
    taken: int
    seconds: float
    median: float | None
    p95: float | None
    in_chain: float


class Timing(NamedTuple):
    """Where the time of a run went.

    Attributes:
        worked: seconds that it ran, gaps left out.
        paused: seconds that it waited for people.
        stood: seconds that it stood still since it was stopped, had failed or crashed.
        chain: what bounded it, in order of time; without gaps from its begin to its end.
        busy: seconds that its tasks worked, each for itself.
        parallel: how many worked at a time, while any did; 0.0 if none did.
        tasks: by name, the one with most seconds first.
    """

    worked: float
    paused: float
    stood: float
    chain: Sequence[Link]
    busy: float
    parallel: float
    tasks: Sequence[TaskTimes]

    @property
    def bound(self) -> tuple[str, float]:
        """The name that has most seconds of the chain, and how many; empty if there is no chain."""
        seconds = _by_name(self.chain)
        return max(seconds.items(), key=lambda item: item[1], default=("", 0.0))


def timing_of(view: RunView, until: float | None = None) -> Timing:
    """Return where the time of a run went so far.

    Args:
        view: the run.
        until: seconds since 1970 where what has no end yet ends; None for the last end known.
    """
    progress, rows = view.progress, view.calls.rows
    last = max((row.ended or row.started for row in rows.values()), default=0.0)
    until = last if until is None else until
    spans = {path: span_of(row, progress, until) for path, row in rows.items()}
    ran = {path for path, row in rows.items() if _ran(row, progress)}
    below: dict[str, list[str]] = {}
    for path in ran:
        below.setdefault(rows[path].parent, []).append(path)
    chain = _chain(rows, spans, below) if ROOT in rows else []
    leaves = [spans[path] for path in ran if path != ROOT and path not in below]
    busy = sum(end - begin for begin, end in leaves)
    covered = _covered(leaves)
    paused = sum(end - begin for begin, end in view.pauses)
    stood = sum(end - begin for begin, end in progress.gaps) - paused
    return Timing(
        worked=worked(progress, until),
        paused=paused,
        stood=max(0.0, stood),
        chain=chain,
        busy=busy,
        parallel=busy / covered if covered else 0.0,
        tasks=_tasks(rows, spans, ran, _by_name(chain)),
    )


def span_of(row: CallRow, progress: Progress, until: float) -> tuple[float, float]:
    """Return when a call began and ended, in seconds of its run without gaps; at ``until`` if it has no end yet."""
    begin = time_in_run(progress, row.started or row.requested)
    return begin, max(begin, time_in_run(progress, until if row.ended is None else row.ended))


def _ran(row: CallRow, progress: Progress) -> bool:
    """Whether a call took time of this run; else its result is from a cache or another run."""
    return row.state not in TAKEN and (row.ended is None or row.ended >= progress.started)


def _chain(
    rows: Mapping[str, CallRow], spans: Mapping[str, tuple[float, float]], below: Mapping[str, Sequence[str]]
) -> list[Link]:
    found: list[Link] = []
    waiting = [(ROOT, *spans[ROOT])]
    while waiting:
        path, begin, end = waiting.pop()
        at, name = end, rows[path].name
        for child in sorted(below.get(path, ()), key=lambda one: -spans[one][1]):
            first, last = spans[child]
            if last > at or last <= begin:  # it ran beside one that is in the chain already
                continue
            if at > last:
                found.append(Link(path, name, last, at))
            first = max(first, begin)
            waiting.append((child, first, last))
            at = first
        if at > begin:
            found.append(Link(path, name, begin, at))
    return sorted(found, key=lambda link: link.begin)


def _by_name(chain: Iterable[Link]) -> dict[str, float]:
    seconds: dict[str, float] = {}
    for link in chain:
        seconds[link.name] = seconds.get(link.name, 0.0) + link.end - link.begin
    return seconds


def _covered(spans: Iterable[tuple[float, float]]) -> float:
    """Return for how long at least one of the spans lasted."""
    total, reached = 0.0, 0.0
    for begin, end in sorted(spans):
        total += max(0.0, end - max(begin, reached))
        reached = max(reached, end)
    return total


def _tasks(
    rows: Mapping[str, CallRow],
    spans: Mapping[str, tuple[float, float]],
    ran: Collection[str],
    in_chain: Mapping[str, float],
) -> list[TaskTimes]:
    members: dict[tuple[str, str], list[CallRow]] = {}
    for path, row in rows.items():
        if path != ROOT:
            members.setdefault((row.name, row.kind), []).append(row)
    found: list[TaskTimes] = []
    for (name, kind), calls in members.items():
        seconds = sorted(end - begin for begin, end in (spans[row.path] for row in calls if row.path in ran))
        found.append(
            TaskTimes(
                name=name,
                kind=kind,
                calls=len(calls),
                failed=sum(row.state == "failed" for row in calls),
                retried=sum(row.attempt > 1 for row in calls),
                taken=len(calls) - len(seconds),
                seconds=sum(seconds),
                median=median(seconds) if seconds else None,
                p95=seconds[-(-len(seconds) * 95 // 100) - 1] if seconds else None,
                in_chain=in_chain.get(name, 0.0),
            )
        )
    return sorted(found, key=lambda one: -one.seconds)


__all__ = ["Link", "TaskTimes", "Timing", "span_of", "timing_of"]
