"""The checkpoints of a run: which of its records are moments that a thread can go on from."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeGuard, cast

from nbflow.core.path import outside
from nbflow.core.record import (
    ENDS,
    ROOT,
    Answered,
    Asked,
    Marked,
    Record,
    Reopened,
    RunPaused,
    RunResumed,
    RunReturned,
    RunStarted,
    of_kind,
)

if TYPE_CHECKING:
    from collections.abc import Sequence


class Checkpoint(NamedTuple):
    """A checkpoint of a run.

    Attributes:
        id: names it.
        parent: id of the one before it, or None.
        end: the record that it stands for: that of the run's start, of a mark, of a pause or of the result.
        length: how many records of the run there were until it went on from there; all, for its input.
        mark: where the body had put itself down then, if it does so.
    """

    id: str
    parent: str | None
    end: Record
    length: int
    mark: Marked | None = None


def checkpoints(records: Sequence[Record]) -> list[Checkpoint]:
    """Return the checkpoints of a run, newest first: its result, its marks and pauses, its input.

    The input shows how the run stands now. What no body wrote is one checkpoint; a mark, the pause and the result
    that have the id of the one before them are the same moment.
    """
    started = records[0]
    assert isinstance(started, RunStarted), "a run's first record says that it started"
    found = [Checkpoint(started.run_id, started.parent, started, len(records))]
    for index, record in enumerate(records):
        if isinstance(record, RunResumed) and len(found) > 1 and found[-1].length == len(records):
            if found[-1].end is not found[-1].mark:
                found[-1] = found[-1]._replace(length=index)
        elif is_mark(record):
            _take(found, record, record.point, index, len(records), record)
        elif isinstance(record, RunReturned) and record.point == started.run_id and found[-1].mark is None:
            return [Checkpoint(record.point, started.parent, record, len(records))]
        elif isinstance(record, RunReturned) or (isinstance(record, RunPaused) and record.point):
            _take(found, record, record.point, index, len(records), found[-1].mark)
    return found[::-1]


def _take(found: list[Checkpoint], end: Record, key: str, index: int, length: int, mark: Marked | None) -> None:
    """Take in that a moment came about: a new one, or once more the last of those found."""
    last = found[-1]
    if last.id == key:
        kept = last.end if isinstance(last.end, type(end)) else end  # the first of several pauses
        found[-1] = last._replace(end=kept, length=length, mark=mark)
        return
    if last.mark is not None and last.length == length:
        found[-1] = last._replace(length=index)
    found.append(Checkpoint(key, last.id, end, length, mark))


def is_mark(record: Record) -> TypeGuard[Marked]:
    """Whether a record is a mark of the body of its run."""
    return isinstance(record, Marked) and outside(record.path) == ROOT


def current_checkpoint(records: Sequence[Record]) -> Checkpoint:
    """Return the checkpoint that a run goes on from: its result, its last mark, the pause it stands at, its input."""
    newest, *others = checkpoints(records)
    paused = standing_pause(records)
    if not isinstance(newest.end, RunPaused) or (paused is not None and paused.point == newest.id):
        return newest
    if newest.mark is None:
        return others[-1]
    mark = newest.mark  # the run has gone on from the pause, and has put itself down nowhere since
    at_mark = next(one for one in (newest, *others) if one.id == mark.point)
    return at_mark._replace(end=mark, length=len(records))


def origin_of(started: RunStarted, point: Checkpoint) -> tuple[str, int]:
    """Return the source and the step of a checkpoint: a result is the step after its input, a pause none of its own."""
    if point.mark is not None:
        return point.mark.source, point.mark.step
    if point.id == started.run_id:
        return started.source, started.step
    return "loop", started.step + isinstance(point.end, RunReturned)


def waiting_at(records: Sequence[Record], point: Checkpoint, *, goes_on: bool) -> list[Asked]:
    """Return the questions that an answer given at a checkpoint goes to.

    At a pause these are its own, whatever came after it. At the input of a run that the thread goes on with, they are
    those that are open now; at that of any other run, which begins again there, those that it comes to first.

    Args:
        records: of the run.
        point: the checkpoint.
        goes_on: whether the thread goes on with that run.
    """
    if isinstance(point.end, RunReturned):
        return []
    is_input = point.id == cast("RunStarted", records[0]).run_id
    known = records[: point.length]
    pauses = [index for index, record in enumerate(known) if isinstance(record, RunPaused)]
    if not pauses:
        return []
    last = pauses[0] if is_input and not goes_on else pauses[-1]
    asked = {record.id: record for record in of_kind(known[:last], Asked)}
    answered: set[str] = set()
    for record in known[last:] if is_input and goes_on else ():
        if isinstance(record, Answered):
            answered.add(record.id)
        elif isinstance(record, Reopened):
            answered.discard(record.id)
    return [asked[key] for key in cast("RunPaused", known[last]).ids if key in asked and key not in answered]


def standing_pause(records: Sequence[Record]) -> RunPaused | None:
    """Return the pause that a run stands at, by its last records; None if it stands at none."""
    for record in reversed(records):
        if isinstance(record, RunPaused):
            return record
        if isinstance(record, (RunStarted, RunResumed, *ENDS)):
            break
    return None
