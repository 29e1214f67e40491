"""The states of a thread: one for each of its checkpoints, read from a saver one run at a time."""

from __future__ import annotations

from itertools import dropwhile, islice
from typing import TYPE_CHECKING, cast

from nbflow.checkpoint.points import back_from, newest, prior, run_with
from nbflow.checkpoint.rows import load
from nbflow.core.checkpoints import Checkpoint, checkpoints, current_checkpoint
from nbflow.core.record import ROOT, Record, RunPaused, RunReturned, RunStarted
from nbflow.errors import UnknownCheckpointError
from nbflow.runs.positions import base_of
from nbflow.views import state
from nbflow.views.nested import NestedRuns
from nbflow.views.steps import step_state

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from nbflow.checkpoint.base import BaseCheckpointSaver
    from nbflow.values import StateSnapshot


def state_of(
    saver: BaseCheckpointSaver,
    thread_id: str,
    point: str | None,
    *,
    ns: str = "",
    step: str | None = None,
    subgraphs: bool = False,
) -> StateSnapshot | None:
    """Return the state at a checkpoint; None stands for the newest one, and is returned if there is no run.

    Args:
        saver: where the runs are.
        thread_id: the thread.
        point: names the checkpoint.
        ns: position of a nested run, or of a call in one, whose state is wanted instead; empty for none.
        step: names a step of that nested run; None for its last one.
        subgraphs: whether the states of nested runs are shown in that of the body.

    Raises:
        UnknownCheckpointError: if the thread has no such checkpoint.
    """
    found = _found(saver, thread_id, point)
    if found is None:
        return None
    snapshot, records = found
    if not ns and not subgraphs:
        return snapshot
    nested = NestedRuns(records, snapshot)
    run = nested.around(ns)
    return nested.state(run, step) if run != ROOT else nested.shown_in(snapshot) if subgraphs else snapshot


def nested_history_of(
    saver: BaseCheckpointSaver,
    thread_id: str,
    point: str | None,
    ns: str,
    *,
    before: str | None = None,
    step: str | None = None,
    metadata: Mapping[str, object] | None = None,
) -> Iterator[StateSnapshot]:
    """Return the states of a nested run, newest first, as far as it had come at a checkpoint of the run around it.

    Args:
        saver: where the runs are.
        thread_id: the thread.
        point: names the checkpoint; None stands for the newest one.
        ns: position of the nested run, or of a call in it.
        before: a step of it; only older ones are shown.
        step: the one step that is wanted; None for all.
        metadata: as of ``history_of``.

    Raises:
        UnknownCheckpointError: if the thread has no such checkpoint, or no run is nested there.
    """
    found = _found(saver, thread_id, point)
    if found is None:
        return iter(())
    nested = NestedRuns(found[1], found[0])
    run = nested.around(ns)
    if run == ROOT:
        raise UnknownCheckpointError(thread_id, f"of a nested run at {ns}")
    states = iter([nested.state(run, step)]) if step is not None else nested.history(run)
    if before is not None:
        states = islice(dropwhile(lambda one: _step(one, run) != before, states), 1, None)
    return (one for one in states if _has(one, metadata))


def _found(saver: BaseCheckpointSaver, thread_id: str, point: str | None) -> tuple[StateSnapshot, list[Record]] | None:
    """Return the state at a checkpoint, and the records of its run until then; None if the thread has no run.

    Raises:
        UnknownCheckpointError: if the thread has no such checkpoint.
    """
    if point is None:
        return _current(saver, thread_id)
    found = next(_states(saver, thread_id, point), None)
    if found is None:
        raise UnknownCheckpointError(thread_id, point)
    return found


def _step(snapshot: StateSnapshot, run: str) -> str | None:
    """Return which step of a nested run a state is; None for one of a body that takes none."""
    return (snapshot.config["configurable"].get("checkpoint_map") or {}).get(run)


def history_of(
    saver: BaseCheckpointSaver,
    thread_id: str,
    *,
    before: str | None = None,
    upto: str | None = None,
    metadata: Mapping[str, object] | None = None,
) -> Iterator[StateSnapshot]:
    """Yield the checkpoints of a thread, newest first, reading one run at a time.

    Args:
        saver: where the runs are.
        thread_id: the thread.
        before: checkpoint id; only older ones are shown.
        upto: checkpoint id; only this and older ones are shown.
        metadata: what the metadata of those that are shown hold; None shows all.
    """
    found = _states(saver, thread_id, before if before is not None else upto)
    if before is not None:
        if run_with(saver, thread_id, before) is not None:
            found = islice(found, 1, None)
        else:  # it is of another thread, or was pruned: its time is what is left of it
            found = (one for one in _states(saver, thread_id, None) if _id(one[0]) < before)
        if upto is not None:
            found = dropwhile(lambda one: _id(one[0]) != upto, found)
    for snapshot, _ in found:
        if _has(snapshot, metadata):
            yield snapshot


def _states(
    saver: BaseCheckpointSaver, thread_id: str, point: str | None
) -> Iterator[tuple[StateSnapshot, list[Record]]]:
    """Yield checkpoints with the records of their runs, newest first, from ``point`` on."""
    head = run_with(saver, thread_id, point) if point is not None else None
    if point is not None and head is None:
        return
    begun, top = point is None, newest(saver, thread_id)
    for run in back_from(saver, thread_id, head.started.run_id if head is not None else None):
        records = load(saver, run)
        for one in checkpoints(records) if records else ():  # else it was pruned meanwhile
            begun = begun or one.id == point
            if begun:
                yield _shown(saver, records, one, goes_on=run == top)


def _current(saver: BaseCheckpointSaver, thread_id: str) -> tuple[StateSnapshot, list[Record]] | None:
    """Return the checkpoint that a thread goes on from, with the records of its run; None if it has no run."""
    run = newest(saver, thread_id)
    records = load(saver, run) if run is not None else []
    return _shown(saver, records, current_checkpoint(records), goes_on=True) if records else None


def _shown(
    saver: BaseCheckpointSaver, records: list[Record], point: Checkpoint, *, goes_on: bool
) -> tuple[StateSnapshot, list[Record]]:
    """Return the state at a checkpoint of a run, with its calls, and the records that there were at that moment.

    Args:
        saver: where the thread is.
        records: of the run.
        point: the checkpoint.
        goes_on: whether the run is the newest of its thread, which goes on with it until it has returned.
    """
    known = records[: point.length]
    goes_on = goes_on and not isinstance(records[-1], RunReturned)
    snapshot = state.with_calls(_state(saver, records, point, goes_on=goes_on), known)
    is_first = point.id == cast("RunStarted", records[0]).run_id  # the others have a parent in the same run
    return (_rooted(saver, snapshot) if is_first else snapshot), known


def _id(snapshot: StateSnapshot) -> str:
    return str(snapshot.config["configurable"]["checkpoint_id"])


def _has(snapshot: StateSnapshot, metadata: Mapping[str, object] | None) -> bool:
    own = snapshot.metadata or {}
    return not metadata or all(name in own and own[name] == value for name, value in metadata.items())


def _state(saver: BaseCheckpointSaver, records: list[Record], point: Checkpoint, *, goes_on: bool) -> StateSnapshot:
    """Return the state at a checkpoint of a run."""
    started = cast("RunStarted", records[0])
    if started.kind == "graph":
        return step_state(records, point, base_of(saver, started) if point.mark is None else None)
    if isinstance(point.end, RunReturned):
        return cast("StateSnapshot", state.result_state(records))
    last = prior(saver, started)
    previous = last.result.get() if last is not None and last.result is not None else None
    if isinstance(point.end, RunPaused):
        return state.pause_state(records, point, previous)
    return state.input_state(records, previous, goes_on=goes_on)


def _rooted(saver: BaseCheckpointSaver, snapshot: StateSnapshot) -> StateSnapshot:
    """Return a state without its parent, if that was pruned."""
    if snapshot.parent_config is None:
        return snapshot
    parent = snapshot.parent_config["configurable"]
    known = run_with(saver, parent["thread_id"], parent["checkpoint_id"]) is not None
    return snapshot if known else snapshot._replace(parent_config=None)
