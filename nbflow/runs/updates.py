"""Changes of a thread from outside: each is a new segment of records that no body wrote.

``__input__``, ``__end__`` and ``__copy__`` are LangGraph's names for what is not the body's doing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from msgspec.structs import replace

from nbflow._support import clock
from nbflow.checkpoint import points
from nbflow.checkpoint.base import RunKey, Segment
from nbflow.checkpoint.points import Head, Point
from nbflow.checkpoint.rows import encode_value, load, to_row
from nbflow.checkpoint.upkeep import leased
from nbflow.config import merge, thread_of
from nbflow.core.checkpoints import checkpoints
from nbflow.core.fork import begun_again
from nbflow.core.record import ENDS, Record, RunHalted, RunPaused, RunReturned, RunStarted, Saved, Value
from nbflow.errors import InvalidOptionError, InvalidUpdateError
from nbflow.runs.forks import whole
from nbflow.runs.request import started_at
from nbflow.values import Final, StateUpdate, config_at

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nbflow.checkpoint.base import BaseCheckpointSaver
    from nbflow.values import RunnableConfig
    from nbflow.workflow.definition import Definition

INPUT, END, COPY = "__input__", "__end__", "__copy__"


def update(
    workflow: Definition,
    where: str,
    config: RunnableConfig | dict[str, object],
    supersteps: Sequence[Sequence[StateUpdate]],
) -> RunnableConfig:
    """Write one checkpoint for each superstep; all of them or none. Return the config of the last.

    Raises:
        InvalidOptionError: if there is nothing to write.
        InvalidUpdateError: if an update can't be made.
        ThreadBusyError: if somebody works on the thread.
        UnknownCheckpointError: if the config names a checkpoint that the thread does not have.
        UnserializableError: if a value can't be saved.
    """
    saver = workflow.saver(where)
    merged = merge(where, workflow.config, config)
    thread_id = thread_of(merged, workflow.name)
    updates = _checked(workflow, where, supersteps)
    with leased(saver, where, thread_id) as owner:
        named = merged["configurable"].get("checkpoint_id")
        if named is None:
            point = points.newest_point(saver, thread_id)
        else:
            point = points.point_of(saver, thread_id, str(named))
        segments: list[list[Record]] = []
        for one in updates:
            started = started_at(workflow, thread_id, merged, point)
            records = _segment(workflow, saver, one, started, point, segments)
            for record in records:
                encode_value(record)
            segments.append(records)
            point = _after(records, point)
        saver.append_all([stored(records) for records in segments], owner)
    assert point is not None, "there is at least one update"
    return config_at(thread_id, point.id)


def stored(records: Sequence[Record]) -> Segment:
    """Return the rows of a segment; its values are encoded."""
    started = cast("RunStarted", records[0])
    rows = [to_row(record, number) for number, record in enumerate(records)]
    return Segment(RunKey(started.thread_id, started.run_id), rows)


def _checked(workflow: Definition, where: str, supersteps: Sequence[Sequence[StateUpdate]]) -> list[StateUpdate]:
    """Return the one update of each superstep, its node filled in."""
    steps = [list(updates) for updates in supersteps]
    if not steps or not all(steps):
        raise InvalidOptionError(
            where, "supersteps", repr(supersteps), "it is a list of lists of StateUpdate, none empty"
        )
    found = []
    for updates in steps:
        for one in updates:
            if not isinstance(one, StateUpdate):
                raise InvalidOptionError(
                    where, "supersteps", repr(one), "each update is a StateUpdate(values, as_node)"
                )
        if len(updates) > 1:
            raise InvalidUpdateError(
                workflow.name, "a step has one update, as an entrypoint has one body; make several steps of them"
            )
        found.append(updates[0]._replace(as_node=updates[0].as_node or workflow.spec.name))
    for one in found:
        _check(workflow, one)
    return found


def _check(workflow: Definition, one: StateUpdate) -> None:
    if one.as_node not in {workflow.spec.name, workflow.name, INPUT, END, COPY}:
        known = f"{workflow.spec.name!r}, '{INPUT}', '{END}' and '{COPY}'"
        raise InvalidUpdateError(workflow.name, f"node {one.as_node!r} does not exist; there are {known}")
    if one.as_node in {END, COPY} and one.values is not None:
        raise InvalidUpdateError(workflow.name, f"as_node={one.as_node!r} takes None, not {one.values!r}")


def _segment(
    workflow: Definition,
    saver: BaseCheckpointSaver,
    one: StateUpdate,
    started: RunStarted,
    point: Point | None,
    unsaved: Sequence[Sequence[Record]],
) -> list[Record]:
    """Return the records of one update, the first of which is ``started``."""
    unit = point.head.started.run_id if point is not None else None
    if one.task_id is not None and one.task_id != unit:
        raise InvalidUpdateError(workflow.name, f"task_id={one.task_id!r} is not that of the checkpoint, {unit!r}")
    if one.as_node == INPUT:
        started.value = Value(one.values)
        return [started, RunHalted(at=started.at, reason="the input waits to be run")]
    if one.as_node == COPY:
        if point is None:
            raise InvalidUpdateError(workflow.name, "the thread has no checkpoint that could be copied")
        return _copy(saver, started, point, unsaved)
    started.source, started.step = "update", max(started.step, 0)
    if one.as_node == END:
        last = point.last if point is not None else None
        if last is None:
            return [started, *whole(started, Value(None), None)]
        return [started, *whole(started, last.result, last.kept if last.saved else None)]
    if isinstance(one.values, Final):
        return [started, *whole(started, Value(one.values.value), Value(one.values.save))]
    return [started, *whole(started, Value(one.values), None)]


def _copy(
    saver: BaseCheckpointSaver, started: RunStarted, point: Point, unsaved: Sequence[Sequence[Record]]
) -> list[Record]:
    """Return a sibling of a checkpoint: the same result, or the same unfinished run."""
    head = point.head
    of = head.started
    started.source, started.value = "fork", of.value
    if point.is_result:
        started.parent = of.parent if head.is_whole else of.run_id
        return [started, *whole(started, head.result, head.kept if head.saved else None)]
    started.parent, started.origin, started.code = of.parent, of.origin or of.run_id, of.code
    new = [records for records in unsaved if records[0] is of]
    source = new[0] if new else load(saver, RunKey(of.thread_id, of.run_id))
    halted = RunHalted(at=started.at, reason="the copy of an input waits to be run")
    if point.is_pause:
        source = next(source[: one.length] for one in checkpoints(source) if one.id == point.id)
    elif head.returned is not None:
        return [started, *begun_again(source), halted]
    taken = [_renamed(record) for record in source[1:]]
    if not taken or not isinstance(taken[-1], ENDS):
        taken.append(halted)
    return [started, *taken]


def _renamed(record: Record) -> Record:
    """Return a record for a copy of its run, whose pauses are checkpoints of their own."""
    if isinstance(record, RunPaused) and record.point:
        return replace(record, point=clock.new_id())
    return record


def _after(records: list[Record], before: Point | None) -> Point:
    """Return the checkpoint that a segment is, before it is stored."""
    started, end = cast("RunStarted", records[0]), records[-1]
    returned = end if isinstance(end, RunReturned) else None
    kept = None
    if returned is not None:
        kept = records[-2].value if isinstance(records[-2], Saved) else returned.value
    head = Head(started, returned, kept)
    last = head if returned is not None else before.last if before is not None else None
    return Point(started.run_id, head, is_result=returned is not None, is_newest=True, last=last)
