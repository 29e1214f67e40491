"""Checkpoints in the shape that users of LangGraph's savers know: a view of ours, made when it is asked for."""

from __future__ import annotations

import heapq
from itertools import dropwhile, islice
from typing import TYPE_CHECKING, cast

from nbflow.checkpoint.base import CheckpointTuple
from nbflow.checkpoint.points import back_from, newest, prior, run_with
from nbflow.checkpoint.rows import load
from nbflow.core.checkpoints import Checkpoint, checkpoints, origin_of, waiting_at
from nbflow.core.marks import marks_below, positions
from nbflow.core.record import (
    ROOT,
    CallFailed,
    CallReturned,
    Record,
    RunFailed,
    RunPaused,
    RunReturned,
    RunStarted,
    Saved,
)
from nbflow.errors import InvalidOptionError
from nbflow.values import config_at, iso

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from nbflow.checkpoint.base import BaseCheckpointSaver
    from nbflow.core.record import Value

VERSION = 4


def find(saver: BaseCheckpointSaver, config: Mapping[str, object]) -> CheckpointTuple | None:
    """Return the checkpoint that a config names, or the newest of its thread; None if there is none."""
    thread_id, point, ns = _address("get_tuple()", config)
    if thread_id is None:
        raise InvalidOptionError("get_tuple()", "config", repr(config), "it names a thread_id")
    return next(_of_thread(saver, thread_id, point), None) if not ns else None


def listed(
    saver: BaseCheckpointSaver,
    config: Mapping[str, object] | None,
    metadata: Mapping[str, object] | None,
    before: Mapping[str, object] | None,
    limit: int | None,
) -> Iterator[CheckpointTuple]:
    """Yield checkpoints, newest first, of one thread or of all; arguments as for a saver's ``list``."""
    thread_id, point, ns = _address("list()", config) if config is not None else (None, None, "")
    threads = [thread_id] if thread_id is not None else saver.thread_ids()
    of, below, _ = _address("list()", before) if before is not None else (None, None, "")
    found = [_older(_of_thread(saver, one, point), saver, one, below, of) for one in threads]
    merged = heapq.merge(*found, key=_id, reverse=True)  # which leaves the order within a thread as it is
    wanted = (
        one
        for one in merged
        if not ns
        and (point is None or _id(one) == point)
        and all(name in one.metadata and one.metadata[name] == value for name, value in (metadata or {}).items())
    )
    return islice(wanted, limit)


def _older(
    tuples: Iterator[CheckpointTuple], saver: BaseCheckpointSaver, thread_id: str, below: str | None, of: str | None
) -> Iterator[CheckpointTuple]:
    """Return those checkpoints of a thread that are older than one: by its place in the thread if it is there."""
    if below is None:
        return tuples
    if of in {None, thread_id} and run_with(saver, thread_id, below) is not None:
        return islice(dropwhile(lambda one: _id(one) != below, tuples), 1, None)
    return (one for one in tuples if _id(one) < below)


def _address(where: str, config: Mapping[str, object]) -> tuple[str | None, str | None, str]:
    """Return the thread, the checkpoint and the namespace of a config."""
    if not isinstance(config, dict):
        raise InvalidOptionError(where, "config", repr(config), "it is a dict such as {'configurable': {...}}")
    given = {**config, **cast("dict[str, object]", config.get("configurable") or {})}
    thread_id, point = given.get("thread_id"), given.get("checkpoint_id")
    ns = str(given.get("checkpoint_ns") or "")
    return None if thread_id is None else str(thread_id), None if point is None else str(point), ns


def _of_thread(saver: BaseCheckpointSaver, thread_id: str, point: str | None) -> Iterator[CheckpointTuple]:
    """Yield the checkpoints of a thread, newest first and from ``point`` on, reading one run at a time."""
    head = run_with(saver, thread_id, point) if point is not None else None
    if point is not None and head is None:
        return
    begun, top = point is None, newest(saver, thread_id)
    for run in back_from(saver, thread_id, head.started.run_id if head is not None else None):
        for one in _of_run(saver, load(saver, run), goes_on=run == top):
            begun = begun or _id(one) == point
            if begun:
                yield one


def _of_run(saver: BaseCheckpointSaver, records: Sequence[Record], *, goes_on: bool) -> Iterator[CheckpointTuple]:
    """Yield the checkpoints of a run; ``goes_on`` says whether it is the newest of its thread."""
    if not records:  # it was pruned meanwhile
        return
    started = cast("RunStarted", records[0])
    channels: dict[str, object] | None = None
    stood = positions(marks_below(records, ROOT))
    for point in checkpoints(records):
        if point.mark is not None:
            known = records[: point.length]
            yield _tuple(started, point, dict(stood[point.mark.point].state), _writes(known, point, goes_on=False))
            continue
        if isinstance(point.end, RunReturned):
            yield _tuple(started, point, _result_channels(records, point.end), [])
            continue
        if channels is None:
            last = prior(saver, started)
            carried = {"__end__": _get(last.result), "__previous__": _get(last.kept)} if last is not None else {}
            channels = {"__start__": _get(started.value), **carried}
        yield _tuple(started, point, dict(channels), _writes(records, point, goes_on=goes_on))


def _result_channels(records: Sequence[Record], ended: RunReturned) -> dict[str, object]:
    saved = next((record for record in reversed(records) if isinstance(record, Saved)), None)
    kept = saved.value if ended.saved and saved is not None else ended.value
    return {"__end__": _get(ended.value), "__previous__": _get(kept)}


def _tuple(
    started: RunStarted, point: Checkpoint, channels: dict[str, object], writes: list[tuple[str, str, object]]
) -> CheckpointTuple:
    source, step = origin_of(started, point)
    checkpoint = {
        "v": VERSION,
        "id": point.id,
        "ts": iso(point.end.at),
        "channel_values": channels,
    }
    return CheckpointTuple(
        config=config_at(started.thread_id, point.id),
        checkpoint=checkpoint,
        metadata={"source": source, "step": step, "parents": {}, **started.shown_metadata},
        parent_config=config_at(started.thread_id, point.parent) if point.parent else None,
        pending_writes=writes,
    )


def _writes(records: Sequence[Record], point: Checkpoint, *, goes_on: bool) -> list[tuple[str, str, object]]:
    """Return how calls and the body ended, the last end of each, and with which questions a body waits there."""
    found: dict[str, tuple[str, str, object]] = {}
    questions = tuple(one.as_interrupt() for one in waiting_at(records, point, goes_on=goes_on))
    for record in records[: point.length]:
        if isinstance(record, CallReturned):
            found[record.path] = (record.path, "__return__", _get(record.value))
        elif isinstance(record, (CallFailed, RunFailed)):
            found[record.path] = (record.path, "__error__", _get(record.value))
        elif isinstance(record, RunPaused):
            found[record.path] = (record.path, "__interrupt__", questions)
        elif isinstance(record, RunReturned):
            found[record.path] = (record.path, "__end__", _get(record.value))
    return list(found.values())


def _get(value: Value | None) -> object:
    return value.get() if value is not None else None


def _id(one: CheckpointTuple) -> str:
    return str(one.checkpoint["id"])
