"""How a run is named in a line: a thread's newest one, or one of its others after an ``@``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from nbflow import list_runs, list_threads, read_run
from nbflow.errors.usage import nearest
from nbflow.views.calls import Record
from nbflow.views.rows import points_of

if TYPE_CHECKING:
    from nbflow.types import BaseCheckpointSaver

LAST, PREVIOUS = "last", "previous"


def records_of(given: str, saver: BaseCheckpointSaver) -> Sequence[Record]:
    """Return the records of a run.

    Args:
        given: ``THREAD`` or ``THREAD@last`` for the thread's newest run, ``THREAD@previous`` for the one before it,
            ``THREAD@ID`` with the id of a run or of a checkpoint.
        saver: where threads are looked for.

    Raises:
        LookupError: if there is no such run; says which there are.
    """
    if list_runs(saver, given, limit=1):  # also of a thread with an @ in its name
        return read_run(saver, given)
    thread, at, which = given.rpartition("@")
    runs = _executed(saver, thread) if at else []
    if not runs:
        raise LookupError(unknown_thread(given, saver))
    return read_run(saver, thread, _chosen(saver, thread, which, runs))


def unknown_thread(thread: str, saver: BaseCheckpointSaver) -> str:
    """Return what to say of a thread that a saver does not have: which there are."""
    known = list_threads(saver)
    listed = ", ".join(map(repr, known[-_LISTED:])) or "none"
    return f"there is no thread {thread!r} in {saver!r}{nearest(thread, known)}; known are {listed}"


def _executed(saver: BaseCheckpointSaver, thread: str) -> list[str]:
    """Return the runs of a thread, newest first, without the states that were written by hand."""
    runs = list_runs(saver, thread)
    written = {one for one in runs if getattr(read_run(saver, thread, one, first=1)[0], "source", "") == "update"}
    return [one for one in runs if one not in written] or runs


def _chosen(saver: BaseCheckpointSaver, thread: str, which: str, runs: Sequence[str]) -> str:
    if which == LAST or which in runs:
        return runs[0] if which == LAST else which
    if which == PREVIOUS:
        if len(runs) > 1:
            return runs[1]
        raise LookupError(f"thread {thread!r} has one run only; name two threads, or two of its runs as THREAD@RUN_ID")
    for run_id in list_runs(saver, thread):
        if run_id == which or any(point.checkpoint_id == which for point in points_of(read_run(saver, thread, run_id))):
            return run_id
    raise LookupError(
        f"thread {thread!r} has no run or checkpoint {which!r}; say @{LAST}, @{PREVIOUS}, "
        f"or an id that `history()` shows, such as {runs[0]!r}"
    )


_LISTED = 10
__all__ = ["records_of", "unknown_thread"]
