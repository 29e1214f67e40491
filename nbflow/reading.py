"""What a checkpointer holds, for who only looks: threads, their runs, the records of a run.

Nothing here writes, and nothing needs the workflow that wrote it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nbflow import journal
from nbflow.checkpoint.base import RunKey

if TYPE_CHECKING:
    from nbflow.checkpoint.base import BaseCheckpointSaver
    from nbflow.core.record import Record


def list_threads(saver: BaseCheckpointSaver) -> list[str]:
    """Return the threads that have runs, sorted."""
    return saver.thread_ids()


def list_runs(saver: BaseCheckpointSaver, thread_id: str, *, limit: int | None = None) -> list[str]:
    """Return the ids of a thread's runs, newest first; none for an unknown thread."""
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
    if run_id is None:
        newest = saver.runs(thread_id, limit=1)
        if not newest:
            return []
        run_id = newest[0]
    return journal.load(saver, RunKey(thread_id, run_id), first=first, last=last)
