"""The states of a thread: one for each of its checkpoints, read from a saver one run at a time."""

from __future__ import annotations

from itertools import dropwhile, islice
from typing import TYPE_CHECKING, cast

from nbflow.checkpoint.points import back_from, prior, run_with
from nbflow.checkpoint.rows import load
from nbflow.core.record import ROOT, Record, RunStarted
from nbflow.errors import UnknownCheckpointError
from nbflow.views import state
from nbflow.views.nested import NestedRuns

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from nbflow.checkpoint.base import BaseCheckpointSaver
    from nbflow.values import StateSnapshot


def state_of(
    saver: BaseCheckpointSaver, thread_id: str, point: str | None, *, ns: str = "", subgraphs: bool = False
) -> StateSnapshot | None:
    """Return the state at a checkpoint; None stands for the newest one, and is returned if there is no run.

    Args:
        saver: where the runs are.
        thread_id: the thread.
        point: names the checkpoint.
        ns: position of a nested run, or of a call in one, whose state is wanted instead; empty for none.
        subgraphs: whether the states of nested runs are shown in that of the body.

    Raises:
        UnknownCheckpointError: if the thread has no such checkpoint.
    """
    found = next(_states(saver, thread_id, point), None)
    if found is None and point is None:
        return None
    if found is None:
        raise UnknownCheckpointError(thread_id, str(point))
    snapshot, records = found
    if point is None:
        snapshot = state.open_only(snapshot, records)
    if not ns and not subgraphs:
        return snapshot
    nested = NestedRuns(records, snapshot)
    run = nested.around(ns)
    return nested.state(run) if run != ROOT else nested.shown_in(snapshot) if subgraphs else snapshot


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
    begun = point is None
    for run in back_from(saver, thread_id, head.started.run_id if head is not None else None):
        records = load(saver, run)
        for snapshot in _points(saver, records):
            begun = begun or _id(snapshot) == point
            if begun:
                yield _rooted(saver, state.with_calls(snapshot, records)), records


def _id(snapshot: StateSnapshot) -> str:
    return str(snapshot.config["configurable"]["checkpoint_id"])


def _has(snapshot: StateSnapshot, metadata: Mapping[str, object] | None) -> bool:
    own = snapshot.metadata or {}
    return not metadata or all(name in own and own[name] == value for name, value in metadata.items())


def _points(saver: BaseCheckpointSaver, records: list[Record]) -> Iterator[StateSnapshot]:
    """Yield the result of a run, if there is one, then its input; one checkpoint for what no body wrote."""
    if not records:  # it was pruned meanwhile
        return
    started = cast("RunStarted", records[0])
    result = state.result_state(records)
    if result is not None:
        yield result
        if _id(result) == started.run_id:
            return
    last = prior(saver, started)
    yield state.input_state(records, last.result.get() if last is not None and last.result is not None else None)


def _rooted(saver: BaseCheckpointSaver, snapshot: StateSnapshot) -> StateSnapshot:
    """Return a state without its parent, if that was pruned."""
    if snapshot.parent_config is None:
        return snapshot
    parent = snapshot.parent_config["configurable"]
    known = run_with(saver, parent["thread_id"], parent["checkpoint_id"]) is not None
    return snapshot if known else snapshot._replace(parent_config=None)
