"""What a saver holds about a thread: its newest run, what it saved last, its checkpoints."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, cast

from nbflow import journal
from nbflow.checkpoint.base import RunKey
from nbflow.core.record import Record, RunReturned, RunStarted, Saved, Value
from nbflow.errors import UnknownCheckpointError
from nbflow.views import state

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nbflow.checkpoint.base import BaseCheckpointSaver
    from nbflow.values import RunnableConfig, StateSnapshot


class Head(NamedTuple):
    """The newest run of a thread, read without its calls.

    Attributes:
        started: its first record.
        returned: its last record, if it is finished.
        kept: what it saved for the next run, if it is finished.
    """

    started: RunStarted
    returned: RunReturned | None
    kept: Value | None


def read_head(saver: BaseCheckpointSaver, run: RunKey) -> Head:
    """Return the outline of a run."""
    started = cast("RunStarted", journal.load(saver, run, first=1)[0])
    tail = journal.load(saver, run, last=2)
    returned = tail[-1] if isinstance(tail[-1], RunReturned) else None
    kept = None
    if returned is not None:
        kept = tail[0].value if returned.saved and isinstance(tail[0], Saved) else returned.value
    return Head(started, returned, kept)


def newest(saver: BaseCheckpointSaver, thread_id: str) -> RunKey | None:
    """Return the newest run of a thread, or None."""
    found = saver.runs(thread_id, limit=1)
    return RunKey(thread_id, found[0]) if found else None


def last_result(saver: BaseCheckpointSaver, head: Head) -> Head | None:
    """Return the thread's last finished run, this one included; None if there is none."""
    if head.returned is not None:
        return head
    if head.started.prior is None:
        return None
    return read_head(saver, RunKey(head.started.thread_id, head.started.prior))


def state_of(saver: BaseCheckpointSaver, config: RunnableConfig, thread_id: str) -> StateSnapshot:
    """Return the state that a config addresses: the newest, or that of its ``checkpoint_id``.

    Raises:
        UnknownCheckpointError: if the thread has no such checkpoint.
    """
    point = config["configurable"].get("checkpoint_id")
    if point is None:
        return next(history_of(saver, thread_id), None) or state.empty_state(config)
    for snapshot in history_of(saver, thread_id, upto=str(point)):
        if snapshot.config["configurable"]["checkpoint_id"] == point:
            return snapshot
        break
    raise UnknownCheckpointError(thread_id, str(point))


def history_of(
    saver: BaseCheckpointSaver, thread_id: str, *, before: str | None = None, upto: str | None = None
) -> Iterator[StateSnapshot]:
    """Yield the checkpoints of a thread, newest first, reading one run at a time.

    Args:
        saver: where the runs are.
        thread_id: the thread.
        before: checkpoint id; only older ones are shown.
        upto: checkpoint id; only this and older ones are shown.
    """
    below = before if before is not None else (upto + "~" if upto is not None else None)
    while True:
        found = saver.runs(thread_id, before=below, limit=1)
        if not found:
            return
        below = found[0]
        records = journal.load(saver, RunKey(thread_id, below))
        for snapshot in _points(saver, records):
            point = snapshot.config["configurable"]["checkpoint_id"]
            if (before is None or point < before) and (upto is None or point <= upto):
                yield snapshot


def _points(saver: BaseCheckpointSaver, records: list[Record]) -> Iterator[StateSnapshot]:
    """Yield the result of a run, if there is one, then its input."""
    started = cast("RunStarted", records[0])
    result = state.result_state(records)
    if result is not None:
        yield result
    prior = read_head(saver, RunKey(started.thread_id, started.prior)).returned if started.prior else None
    yield state.input_state(records, prior.value.get() if prior is not None and prior.value is not None else None)
