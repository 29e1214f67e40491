"""State snapshots as folds of a run's records: one for its input, one for each pause, one for its result."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from nbflow.core.checkpoints import Checkpoint, checkpoints, current_checkpoint, origin_of, waiting_at
from nbflow.core.record import ROOT, Asked, Record, RunFailed, RunPaused, RunReturned, RunStarted
from nbflow.values import PregelTask, RunnableConfig, StateSnapshot, config_at, iso
from nbflow.views.calls import calls_of

if TYPE_CHECKING:
    from collections.abc import Sequence


def empty_state(config: RunnableConfig) -> StateSnapshot:
    """Return the state of a thread that has no run."""
    return StateSnapshot({}, (), config, None, None, None, (), ())


def result_state(records: Sequence[Record]) -> StateSnapshot | None:
    """Return the state after a run's result; None if it has none."""
    started = cast("RunStarted", records[0])
    point = checkpoints(records)[0]
    if not isinstance(point.end, RunReturned):
        return None
    return StateSnapshot(
        values=_value(point.end),
        next=(),
        config=config_at(started.thread_id, point.id),
        metadata=metadata_at(started, *origin_of(started, point)),
        created_at=iso(point.end.at),
        parent_config=config_at(started.thread_id, point.parent) if point.parent else None,
        tasks=(),
        interrupts=(),
    )


def pause_state(records: Sequence[Record], point: Checkpoint, previous_result: object) -> StateSnapshot:
    """Return the state at a pause of a run: with the questions of that pause, whatever came after it.

    Args:
        records: of the run.
        point: the pause.
        previous_result: what the thread's last finished run before it returned, or None.
    """
    started = cast("RunStarted", records[0])
    known = records[: point.length]
    return _unfinished(known, waiting_at(known, point, goes_on=False), previous_result)._replace(
        config=config_at(started.thread_id, point.id),
        metadata=metadata_at(started, *origin_of(started, point)),
        created_at=iso(point.end.at),
        parent_config=config_at(started.thread_id, point.parent or started.run_id),
    )


def unfinished_state(records: Sequence[Record], previous_result: object) -> StateSnapshot:
    """Return the state that an unfinished run goes on from: its pause if it stands at one, else its input."""
    point = current_checkpoint(records)
    if isinstance(point.end, RunPaused):
        return pause_state(records, point, previous_result)
    return input_state(records, previous_result, goes_on=True)


def input_state(records: Sequence[Record], previous_result: object, *, goes_on: bool) -> StateSnapshot:
    """Return the state at a run's input: with what became of its body, and the questions that take an answer there.

    Args:
        records: of the run.
        previous_result: what the thread's last finished run before it returned, or None.
        goes_on: whether the thread goes on with that run; else it begins again there.
    """
    point = checkpoints(records)[-1]
    return _unfinished(records, waiting_at(records, point, goes_on=goes_on), previous_result)


def _unfinished(records: Sequence[Record], asked: Sequence[Asked], previous_result: object) -> StateSnapshot:
    """Return a state at which a body has something left to do."""
    started = cast("RunStarted", records[0])
    ended = _end(records)
    interrupts = tuple(one.as_interrupt() for one in asked)
    returned = isinstance(ended, RunReturned)
    task = PregelTask(
        id=started.run_id,
        name=started.workflow,
        path=("0",),
        error=_text(ended) if isinstance(ended, RunFailed) else None,
        interrupts=interrupts,
        result=_value(ended) if returned and ended is not None else None,
    )
    return at_input(started, previous_result, task)


def at_input(started: RunStarted, values: object, task: PregelTask) -> StateSnapshot:
    """Return the state at the input of a run.

    Args:
        started: the first record of the run.
        values: of the state.
        task: that is to be done there.
    """
    return StateSnapshot(
        values=values,
        next=(task.name,),
        config=config_at(started.thread_id, started.run_id),
        metadata=metadata_at(started, started.source, started.step),
        created_at=iso(started.at),
        parent_config=config_at(started.thread_id, started.parent) if started.parent else None,
        tasks=(task,),
        interrupts=task.interrupts,
    )


def with_calls(snapshot: StateSnapshot, records: Sequence[Record]) -> StateSnapshot:
    """Return a state with the calls of its run."""
    return snapshot._replace(calls=tuple(row for row in calls_of(records) if row.path != ROOT))


def _end(records: Sequence[Record]) -> Record | None:
    ends = (RunReturned, RunFailed, RunPaused)
    return next((record for record in reversed(records) if isinstance(record, ends)), None)


def metadata_at(started: RunStarted, source: str, step: int) -> dict[str, object]:
    """Return the metadata of a checkpoint."""
    return {"source": source, "step": step, "parents": {}, **started.shown_metadata}


def _text(record: Record) -> str:
    error = _value(record)
    return repr(error)


def _value(record: Record) -> object:
    return record.get()
