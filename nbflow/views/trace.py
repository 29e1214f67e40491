"""A run as events of the Trace Event Format, which Perfetto and Chrome's tracing page open.

Times are in microseconds since the run began, with nanoseconds behind the point. Calls that ran side by side stand
on rows of their own; a call stands on the row of its caller where it lies within it and beside no other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from nbflow.core.path import is_below, order_of
from nbflow.core.record import ROOT, CallBegan, CallRetried
from nbflow.core.states import FINISHED
from nbflow.views.details import text_of_value
from nbflow.views.progress import RunView

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from nbflow.core.record import Record
    from nbflow.core.value import Value
    from nbflow.views.calls import CallRow

FORMAT = "nbflow trace"
PROCESS = 1
PAUSES = 0
"""The row that pauses stand on; those of calls are numbered from 1."""
TEXT = 1_000
"""Characters of arguments, results and errors."""
LARGE = 10_000_000
"""Bytes of a stored value above which its size alone is told."""
_NS = 1_000_000_000
Event = dict[str, object]


class Slice(NamedTuple):
    """A call on its row.

    Attributes:
        row: the call.
        begin, end: nanoseconds since the run began.
        lane: number of the row.
    """

    row: CallRow
    begin: int
    end: int
    lane: int


def trace_of(records: Iterable[Record], until: float | None = None) -> dict[str, object]:
    """Return a run in the JSON object form of the format.

    Args:
        records: of the run.
        until: seconds since 1970 where what has no end yet ends; None for the last that is known.
    """
    heard = tuple(records)
    view = RunView()
    for record in heard:
        view.fold(record)
    last = max((record.at for record in heard), default=0.0) if until is None else until
    progress = view.progress
    slices = _slices(view.calls.rows, progress.started, last)
    named = f"{progress.name}, thread {progress.thread_id}" if progress.thread_id else progress.name
    events = [_named("process_name", 0, named), _named("thread_name", PAUSES, "pauses")]
    lanes = sorted({one.lane for one in slices.values()})
    events += [_named("thread_name", lane, "body" if lane == 1 else f"calls {lane - 1}") for lane in lanes]
    for begin, end in progress.gaps:
        name = "waits for people" if (begin, end) in view.pauses else "stands still"
        events.append(_complete(name, "pause", PAUSES, _ns(begin, progress.started), _ns(end, progress.started), {}))
    events += [_call(one) for one in slices.values()]
    events += _attempts(heard, slices, progress.started)
    events += _waits(slices.values(), progress.started)
    events += _flows(slices)
    head = {"format": FORMAT, "run_id": progress.run_id, "thread_id": progress.thread_id, "began": progress.started}
    return {"otherData": head, "displayTimeUnit": "ms", "traceEvents": events}


def _slices(rows: Mapping[str, CallRow], started: float, last: float) -> dict[str, Slice]:
    """Return the calls on their rows, callers before what they called."""
    timed = []
    for row in rows.values():
        begin = _ns(row.started or row.requested, started)
        timed.append((begin, max(begin + 1, _ns(last if row.ended is None else row.ended, started)), row))
    found: dict[str, Slice] = {}
    stacks: list[list[Slice]] = []  # of each lane, those that have not ended, each within the one before
    for begin, end, row in sorted(timed, key=lambda one: (one[0], order_of(one[2].path))):
        caller = found.get(row.parent)
        lane = _free(stacks, row, begin, end, caller.lane if caller is not None else 1)
        found[row.path] = Slice(row, begin, end, lane)
        stacks[lane - 1].append(found[row.path])
    return found


def _free(stacks: list[list[Slice]], row: CallRow, begin: int, end: int, wanted: int) -> int:
    """Return the row that a call can stand on: that of its caller, else the first that is empty."""
    for stack in stacks:
        while stack and stack[-1].end <= begin:
            stack.pop()
    if wanted <= len(stacks):
        stack = stacks[wanted - 1]
        if not stack or (stack[-1].end >= end and is_below(row.path, stack[-1].row.path)):
            return wanted
    for lane, stack in enumerate(stacks[1:], 2):  # the first one is the body's
        if not stack:
            return lane
    stacks.append([])
    return len(stacks)


def _call(one: Slice) -> Event:
    row = one.row
    about: dict[str, object] = {"path": row.path, "state": row.state, "attempts": row.attempt}
    if row.shown:
        about["arguments"] = row.shown[:TEXT]
    if row.value is not None:
        about["result" if row.state in FINISHED else "error"] = _text(row.value)
    return _complete(row.name, row.kind, one.lane, one.begin, one.end, about)


def _text(value: Value) -> str:
    size = len(value.raw or b"")
    return f"<{size:,} bytes>" if size > LARGE else text_of_value(value, brief=True)[:TEXT]


def _attempts(records: Iterable[Record], slices: Mapping[str, Slice], started: float) -> list[Event]:
    """Return the failed attempts of calls, each with the wait after it; they are not stored, so of live runs alone."""
    found: list[Event] = []
    began: dict[str, float] = {}
    failed: dict[str, CallRetried] = {}
    for record in records:
        one = slices.get(record.path)
        if one is None or record.path == ROOT:
            continue
        if isinstance(record, CallBegan):
            began[record.path] = record.at
            before = failed.pop(record.path, None)
            if before is not None:
                found += _within(one, "waits to try again", before.at, record.at, started, {"seconds": before.wait})
        elif isinstance(record, CallRetried):
            failed[record.path] = record
            begin = began.get(record.path, one.row.started)
            error = {"error": _text(record.value)} if record.value is not None else {}
            found += _within(one, f"attempt {record.attempt}", begin, record.at, started, error)
    return found


def _within(
    one: Slice, name: str, begin: float, end: float, started: float, about: Mapping[str, object]
) -> list[Event]:
    """Return an event inside a call; nothing where clocks have it lie outside."""
    first, last = _ns(begin, started), _ns(end, started)
    fits = one.begin <= first < last <= one.end
    return [_complete(name, "attempt", one.lane, first, last, {"path": one.row.path, **about})] if fits else []


def _waits(slices: Iterable[Slice], started: float) -> list[Event]:
    """Return for how long calls waited for their turn, as far as that is known."""
    found: list[Event] = []
    for one in slices:
        asked = _ns(one.row.requested, started) if one.row.requested else one.begin
        if one.row.path == ROOT or asked >= one.begin:
            continue
        shared = {"name": f"{one.row.name} waits", "cat": "wait", "id": one.row.path, "pid": PROCESS, "tid": one.lane}
        found.append({**shared, "ph": "b", "ts": _us(asked), "args": {"path": one.row.path}})
        found.append({**shared, "ph": "e", "ts": _us(one.begin)})
    return found


def _flows(slices: Mapping[str, Slice]) -> list[Event]:
    """Return arrows from calls to those that were given their results."""
    found: list[Event] = []
    for one in slices.values():
        for source in (slices[path] for path in one.row.edges if path in slices):
            shared = {"name": "result", "cat": "data", "id": len(found) // 2 + 1, "pid": PROCESS}
            inside = source.end - min(1_000, (source.end - source.begin + 1) // 2)
            found.append({**shared, "ph": "s", "tid": source.lane, "ts": _us(inside)})
            found.append({**shared, "ph": "f", "bp": "e", "tid": one.lane, "ts": _us(max(inside, one.begin))})
    return found


def _named(what: str, lane: int, name: str) -> Event:
    return {"name": what, "ph": "M", "pid": PROCESS, "tid": lane, "args": {"name": name}}


def _complete(name: str, kind: str, lane: int, begin: int, end: int, about: Mapping[str, object]) -> Event:
    return {
        "name": name, "cat": kind, "ph": "X", "pid": PROCESS, "tid": lane,
        "ts": _us(begin), "dur": _us(max(1, end - begin)), "args": dict(about),
    }  # fmt: skip


def _ns(at: float, started: float) -> int:
    return max(0, round((at - started) * _NS))


def _us(nanoseconds: int) -> float:
    return nanoseconds / 1_000


__all__ = ["FORMAT", "trace_of"]
