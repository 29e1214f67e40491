"""A run as bars: what stands under what, from when to when, on a time line without idle gaps."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from nbflow.views.calls import CallRow, in_order
from nbflow.views.progress import time_in_run

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nbflow.views.progress import Progress, RunView

ABOVE_ALL = ("failed", "asking", "retrying", "running")


class Span(NamedTuple):
    """One bar.

    Attributes:
        row: the call.
        depth: how deep it stands below the body, which is 0.
        requested, begin, end: seconds since the run began, gaps left out.
        printed: whether an output of the call is kept.
    """

    row: CallRow
    depth: int
    requested: float
    begin: float
    end: float
    printed: bool = False


class Rest(NamedTuple):
    """Calls that are not shown one by one.

    Attributes:
        name: what they called.
        counts: how many are in which state.
        seconds: how long they took together.
    """

    name: str
    counts: Mapping[str, int]
    seconds: float


def spans_of(view: RunView, until: float | None = None) -> list[Span]:
    """Return the bars of a run in the order of positions.

    Args:
        view: the run.
        until: seconds since 1970 where a bar that has no end yet ends; None for the last end known.
    """
    progress, rows = view.progress, in_order(view.calls.rows.values())
    if until is None:
        until = max((row.ended or row.started for row in rows), default=0.0)
    depths: dict[str, int] = {}
    printed = view.calls.printed
    return [_span(row, progress, until, depths, printed=row.path in printed) for row in rows]


def _span(row: CallRow, progress: Progress, until: float, depths: dict[str, int], *, printed: bool) -> Span:
    depths[row.path] = depth = depths.get(row.parent, -1) + 1
    begin = time_in_run(progress, row.started)
    end = max(begin, time_in_run(progress, until if row.ended is None else row.ended))
    requested = time_in_run(progress, row.requested) if row.requested else begin
    return Span(row, depth, min(requested, begin), begin, end, printed)


def capped(spans: Sequence[Span], limit: int) -> tuple[list[Span], list[Rest]]:
    """Return at most ``limit`` bars, those first that a reader must see, and what the others sum up to."""
    if len(spans) <= limit:
        return list(spans), []
    urgent = [i for i, span in enumerate(spans) if span.row.state in ABOVE_ALL or not span.depth]
    chosen = set(urgent[: limit // 2])
    for number in range(len(spans)):
        if len(chosen) >= limit:
            break
        chosen.add(number)
    rest = [span for i, span in enumerate(spans) if i not in chosen]
    return [spans[i] for i in sorted(chosen)], _rests(rest)


def _rests(spans: Sequence[Span]) -> list[Rest]:
    counts: dict[str, Counter[str]] = {}
    seconds: Counter[str] = Counter()
    for span in spans:
        counts.setdefault(span.row.name, Counter())[span.row.state] += 1
        seconds[span.row.name] += span.end - span.begin  # type: ignore[assignment]  # a Counter of floats
    return [Rest(name, dict(found), seconds[name]) for name, found in counts.items()]


__all__ = ["Rest", "Span", "capped", "spans_of"]
