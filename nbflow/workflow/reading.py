"""What a checkpointer holds, for who only looks: threads, their runs, the records of a run.

Nothing here writes, and nothing needs the workflow that wrote it.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from nbflow.checkpoint import points
from nbflow.checkpoint.base import RunKey
from nbflow.checkpoint.given import check_given
from nbflow.checkpoint.rows import load
from nbflow.core.record import RunStarted
from nbflow.core.resuming import status_of
from nbflow.core.states import until_of
from nbflow.workflow.definition import Definition

if TYPE_CHECKING:
    from nbflow.checkpoint.base import BaseCheckpointSaver
    from nbflow.core.record import Record


def list_threads(saver: BaseCheckpointSaver) -> list[str]:
    """Return the threads that have runs, sorted."""
    check_given("list_threads()", saver)
    return saver.thread_ids()


class ThreadInfo(NamedTuple):
    """A thread, as its newest run stands.

    Attributes:
        thread_id: the thread.
        workflow: what ran last.
        status: ``running`` while somebody works on it; else ``done``, ``asking``, ``sleeping``, ``failed``,
            ``stopped``, or ``crashed`` if its process died.
        runs: how many there are.
        updated_at: when something happened last, in UTC.
        size: bytes of its records and values.
        until: when it goes on, in seconds since 1970, if it sleeps; else None.
    """

    thread_id: str
    workflow: str
    status: str
    runs: int
    updated_at: datetime
    size: int
    until: float | None = None


def threads(saver: BaseCheckpointSaver | Definition) -> list[ThreadInfo]:
    """Return the threads of a checkpointer, the one with the newest event first.

    Args:
        saver: the checkpointer, or a workflow that has one.

    Raises:
        NoCheckpointerError: if the workflow has none.
    """
    kept = saver.saver("threads()") if isinstance(saver, Definition) else saver
    check_given("threads()", kept)
    found = (_thread(kept, thread_id) for thread_id in kept.thread_ids())
    return sorted((one for one in found if one is not None), key=lambda one: one.updated_at, reverse=True)


def _thread(saver: BaseCheckpointSaver, thread_id: str) -> ThreadInfo | None:
    sizes = saver.sizes(thread_id)
    newest = points.newest(saver, thread_id)
    first, last = (load(saver, newest, first=1), load(saver, newest, last=_TAIL)) if newest is not None else ([], [])
    if not first or not last:  # somebody was quicker to delete it
        return None
    started = first[0]
    status = status_of(last)
    if status == "crashed" and saver.holder(thread_id) is not None:
        status = "running"
    workflow = started.workflow if isinstance(started, RunStarted) else ""
    updated_at = datetime.fromtimestamp(last[-1].at, UTC)
    until, size = until_of(last) if status == "sleeping" else None, sum(sizes.values())
    return ThreadInfo(thread_id, workflow, status, len(saver.runs(thread_id)), updated_at, size, until)


_TAIL = 16  # records; what workers brought in after the end of a run may stand behind it


def list_runs(saver: BaseCheckpointSaver, thread_id: str, *, limit: int | None = None) -> list[str]:
    """Return the ids of a thread's runs, newest first; none for an unknown thread."""
    check_given("list_runs()", saver, thread_id)
    return saver.runs(thread_id, limit=limit)


def read_run(
    saver: BaseCheckpointSaver,
    thread_id: str,
    run_id: str | None = None,
    *,
    first: int | None = None,
    last: int | None = None,
) -> list[Record]:
    """Return the records of a stored run, in order; none if there is no such run.

    Args:
        saver: where the run is.
        thread_id: the thread.
        run_id: the run; None takes the newest of the thread.
        first: only so many from the start; None for all.
        last: only so many from the end; None for all.
    """
    check_given("read_run()", saver, thread_id)
    if run_id is None:
        newest = saver.runs(thread_id, limit=1)
        if not newest:
            return []
        run_id = newest[0]
    return load(saver, RunKey(thread_id, run_id), first=first, last=last)
