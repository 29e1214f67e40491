"""Which threads of a saver wait for a person: open questions, and runs that did not end."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol, runtime_checkable

from nbflow import Interrupt, Run, list_runs, read_run
from nbflow.views.begun import Begun, begun_of
from nbflow.views.kinds import Answered, Record
from nbflow.views.progress import FINISHED, run_of
from nbflow_widgets.markup import plural

if TYPE_CHECKING:
    from nbflow.types import BaseCheckpointSaver

ENDED = {"RunReturned", "RunFailed"}
STATES = {
    "asking": "asks",
    "answered": "is answered, and waits to go on",
    "sleeping": "has slept, and waits to go on",
    "crashed": "its kernel died",
    "stopped": "was stopped",
}


class Waiting(NamedTuple):
    """One thread that waits.

    Attributes:
        thread_id: the thread.
        workflow: name of the workflow.
        status: asking, answered, sleeping, crashed or stopped.
        interrupts: the open questions.
        run: as it is stored.
        begun: the cell that began it.
        mark: how far the thread has come; another text as soon as it moves.
    """

    thread_id: str
    workflow: str
    status: str
    interrupts: tuple[Interrupt, ...]
    run: Run
    begun: Begun
    mark: str


@runtime_checkable
class Deletes(Protocol):
    """A saver whose threads can be deleted; all of nbflow's are."""

    def delete_thread(self, thread_id: str) -> None:
        """Forget all runs of a thread; raises if somebody works on it."""
        ...


def waiting_in(
    saver: BaseCheckpointSaver, last_run: Callable[[str], Run | None], known: Iterable[Waiting] = ()
) -> list[Waiting]:
    """Return the threads that wait for a person, or to go on; one that somebody works on does not, nor one that sleeps.

    Args:
        saver: keeps the threads.
        last_run: returns the newest run of a thread.
        known: what was returned before; what has not moved since is not read again.
    """
    before = {(item.thread_id, item.mark): item for item in known}
    found: list[Waiting] = []
    for thread_id in saver.thread_ids():
        mark = _mark(saver, thread_id)
        if not mark or saver.holder(thread_id) is not None:
            continue
        item = before.get((thread_id, mark)) or waiting_of(thread_id, last_run(thread_id), mark)
        if item is not None and (item.run.until is None or item.run.until <= time.time()):
            found.append(item)
    return found


def waiting_of(thread_id: str, run: Run | None, mark: str) -> Waiting | None:
    """Return a thread that waits for a person, given its newest run; None if it does not."""
    if run is None or run.status not in STATES:
        return None
    name = str(getattr(run.log[0], "workflow", ""))
    return Waiting(thread_id, name, run.status, run.interrupts, run, begun_of(run.log), mark)


def _mark(saver: BaseCheckpointSaver, thread_id: str) -> str:
    """Return how far a thread has come; empty if its last record, which alone is read, leaves nothing to do yet."""
    mark, last = mark_of(saver, thread_id)
    sleeps = (getattr(last, "until", None) or 0.0) > time.time()  # else its whole run would be read at each look
    return "" if type(last).__name__ in ENDED or sleeps else mark


def mark_of(saver: BaseCheckpointSaver, thread_id: str, run_id: str = "") -> tuple[str, Record | None]:
    """Return how far a thread, or one of its runs, has come, and its last record, which alone is read."""
    newest = [run_id] if run_id else saver.runs(thread_id, limit=1)
    last = read_run(saver, thread_id, newest[0], last=1) if newest else []
    return (f"{newest[0]} {type(last[0]).__name__} {last[0].at!r}", last[0]) if last else ("", None)


def lost_with(thread_id: str, records: Sequence[Record], saver: BaseCheckpointSaver) -> str:
    """Return what is lost if a thread is deleted, by the records of its newest run: ``4 finished calls, 1 answer``."""
    rows = run_of(records).calls.rows.values()
    counts = {
        "finished call": sum(bool(row.parent) and row.state in FINISHED for row in rows),
        "answer": sum(isinstance(record, Answered) for record in records),
        "earlier run": max(0, len(list_runs(saver, thread_id)) - 1),
    }
    return ", ".join(plural(count, noun) for noun, count in counts.items() if count) or "its input"


__all__ = ["STATES", "Deletes", "Waiting", "lost_with", "mark_of", "waiting_in", "waiting_of"]
