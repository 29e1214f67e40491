"""States of bodies that put down where they stand: one snapshot for each mark, from the records alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from nbflow.constants import END, HANDLER, START
from nbflow.core.checkpoints import Checkpoint, is_mark, origin_of
from nbflow.core.marks import Unit, bare, marks_below, positions
from nbflow.core.path import around, outside
from nbflow.core.record import (
    ROOT,
    Answered,
    Asked,
    CallFailed,
    CallReturned,
    Marked,
    Record,
    Reopened,
    RunReturned,
    RunStarted,
)
from nbflow.values import (
    ROOT_KEY,
    Final,
    NodeUpdate,
    PregelTask,
    RunnableConfig,
    StateSnapshot,
    config_at,
    iso,
)
from nbflow.views.state import at_input, metadata_at

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nbflow.core.marks import Position


def step_state(records: Sequence[Record], point: Checkpoint, base: object) -> StateSnapshot:
    """Return the state at a checkpoint of a run whose body puts itself down.

    Args:
        records: of the run.
        point: the checkpoint.
        base: the state that the run began from.
    """
    started = cast("RunStarted", records[0])
    known = records[: point.length]
    if point.mark is None:
        return _input_state(started, base, _latest(known, {ROOT: Unit("", 0)})[1].get(ROOT, []))
    position = positions(marks_below(known, ROOT))[point.mark.point]
    has_gone_on = point.end is point.mark and any(map(is_mark, records[point.length :]))
    tasks = tasks_of(known, point.mark, position, thread_id=started.thread_id, point=point.id)
    return StateSnapshot(
        values=bare(position.state),
        next=tuple(task.name for task in tasks if has_gone_on or task.result is None),
        config=config_at(started.thread_id, point.id),
        metadata=metadata_at(started, *origin_of(started, point)),
        created_at=iso(point.mark.at),
        parent_config=config_at(started.thread_id, point.parent) if point.parent else None,
        tasks=tasks,
        interrupts=tuple(one for task in tasks for one in task.interrupts),
    )


def _input_state(started: RunStarted, base: object, asked: Sequence[Asked]) -> StateSnapshot:
    """Return the state at the input of a run, before it is a part of the state."""
    given = started.get()
    interrupts = tuple(one.as_interrupt() for one in asked)  # by a branch of START
    task = PregelTask(started.run_id, START, ("__pregel_pull", START), interrupts=interrupts, result=given)
    return at_input(started, {} if base is None else base, task)


def tasks_of(
    records: Sequence[Record], mark: Marked, position: Position, *, thread_id: str, point: str
) -> tuple[PregelTask, ...]:
    """Return the nodes that a body goes on with at a mark, each as it stands by the last of the records.

    Args:
        records: of the run, up to that moment.
        mark: the mark.
        position: at it.
        thread_id: the thread.
        point: checkpoint id.
    """
    prefix = outside(mark.path)
    paths = {f"{prefix}.{unit.position}": unit for unit in position.units}
    ends, asked = _latest(records, paths)
    inside = {outside(record.path) for record in records if isinstance(record, Marked)}
    return tuple(
        _task(path, unit, ends.get(path), asked.get(path, []), path in inside, thread_id, point)
        for path, unit in paths.items()
    )


def _latest(
    records: Sequence[Record], paths: Mapping[str, Unit]
) -> tuple[dict[str, CallReturned | CallFailed], dict[str, list[Asked]]]:
    """Return the last end of each call, and the open questions in it."""
    ends: dict[str, CallReturned | CallFailed] = {}
    asked: dict[str, Asked] = {}
    answered: set[str] = set()
    for record in records:
        if isinstance(record, (CallReturned, CallFailed)) and record.path in paths:
            ends[record.path] = record
        elif isinstance(record, Asked):
            asked[record.id] = record
        elif isinstance(record, Answered):
            answered.add(record.id)
        elif isinstance(record, Reopened):
            answered.discard(record.id)
    waiting: dict[str, list[Asked]] = {}
    for key, one in asked.items():
        place = next((path for path in around(one.path) if path in paths), None) or _handled_by(one, paths)
        if place is not None and key not in answered and not isinstance(ends.get(place), CallReturned):
            waiting.setdefault(place, []).append(one)
    return ends, waiting


def _handled_by(asked: Asked, paths: Mapping[str, Unit]) -> str | None:
    """Return the node whose error handler asks a question; None if none does."""
    names = [caller.name.removeprefix(HANDLER) for caller in asked.callers if caller.name.startswith(HANDLER)]
    return next((path for path, unit in paths.items() if unit.name in names), None)


def _task(  # all that a task shows
    path: str,
    unit: Unit,
    end: CallReturned | CallFailed | None,
    asked: Sequence[Asked],
    is_graph: bool,  # noqa: FBT001  # as above
    thread_id: str,
    point: str,
) -> PregelTask:
    where: RunnableConfig = {"configurable": {"thread_id": thread_id, "checkpoint_ns": path, "checkpoint_id": point}}
    returned = [end.get()] if isinstance(end, CallReturned) else unit.result
    return PregelTask(
        id=path,
        name=unit.name,
        path=("__pregel_push", str(unit.position)) if unit.payload else ("__pregel_pull", unit.name),
        error=repr(end.get()) if isinstance(end, CallFailed) else None,
        interrupts=tuple(one.as_interrupt() for one in asked),
        state=where if is_graph else None,
        result=update_of(returned[0]).result if returned else None,
    )


def update_of(value: object) -> NodeUpdate:
    """Return what a node is recorded to have returned as an update."""
    found = value.value if isinstance(value, Final) else value
    return found if isinstance(found, NodeUpdate) else NodeUpdate(((ROOT_KEY, found),))


def routes_of(records: Sequence[Record], body: str = ROOT) -> dict[tuple[str, str], int]:
    """Return how often the body at a position went from which node to which, START and END included."""
    found: dict[tuple[str, str], int] = {}
    marks = marks_below(records, body)
    stood = positions(marks)
    ended = any(isinstance(one, RunReturned) or (isinstance(one, CallReturned) and one.path == body) for one in records)
    for mark in marks:
        position = stood[mark.point]
        names = dict.fromkeys(unit.name for unit in position.units)
        if not names and ended and mark is marks[-1]:
            names = {END: None}
        for source in position.after or (START,):
            for target in names:
                found[source, target] = found.get((source, target), 0) + 1
    return found


__all__ = ["routes_of", "step_state", "tasks_of", "update_of"]
