"""Where the bodies of a thread's runs stand that put themselves down: read back from a saver."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from nbflow.checkpoint import points
from nbflow.checkpoint.base import RunKey
from nbflow.checkpoint.rows import load
from nbflow.core.checkpoints import Checkpoint, checkpoints, current_checkpoint, is_mark
from nbflow.core.marks import NOWHERE, Position, bare, marks_of, position_at

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nbflow.checkpoint.base import BaseCheckpointSaver
    from nbflow.core.record import Marked, Record, RunStarted


class Stand(NamedTuple):
    """Where a body stands at a checkpoint of its run.

    Attributes:
        records: of the run, up to that moment.
        position: of the body; NOWHERE before its first mark.
        mark: the last one; None before the first.
    """

    records: Sequence[Record]
    position: Position
    mark: Marked | None


def stand_at(saver: BaseCheckpointSaver, point: points.Point) -> Stand:
    """Return where a body stands at a checkpoint of its run."""
    started = point.head.started
    records = load(saver, RunKey(started.thread_id, started.run_id))
    current = current_checkpoint(records) if point.is_newest else None
    if current is not None and current.id == point.id:  # all that has happened since counts
        return stand_of(records, current)
    return stand_of(records, next(one for one in checkpoints(records) if one.id == point.id))


def stand_of(records: Sequence[Record], point: Checkpoint) -> Stand:
    """Return where a body stands at a checkpoint of the run that has these records.

    Of a step that the body has left behind, nothing has begun there; of one that it paused in, what had by then.
    """
    known = records[: point.length] if point.mark is not None else records[:1]
    if point.mark is not None and point.end is point.mark and any(map(is_mark, records[point.length :])):
        known = known[: known.index(point.mark) + 1]
    marks = marks_of(known)
    return Stand(known, position_at(marks), marks[-1]) if marks else Stand(known, NOWHERE, None)


def state_at(saver: BaseCheckpointSaver, point: points.Point) -> Mapping[str, object] | None:
    """Return the state of a graph at a checkpoint; before the first mark of a run, what that began from."""
    found = stand_at(saver, point)
    if found.mark is not None:
        return found.position.state
    return _parent_state(saver, point.head.started)


def _parent_state(saver: BaseCheckpointSaver, started: RunStarted) -> Mapping[str, object] | None:
    if started.parent is None or points.run_with(saver, started.thread_id, started.parent) is None:
        return None
    return state_at(saver, points.point_of(saver, started.thread_id, started.parent))


def base_of(saver: BaseCheckpointSaver, started: RunStarted) -> object:
    """Return the state that a run of a graph began from, as it is shown; None if there was none."""
    state = _parent_state(saver, started)
    return None if state is None else bare(state)
