"""What can be done with a line of the explorer, and what is lost by it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, runtime_checkable

from nbflow import list_runs, read_run
from nbflow_widgets.elsewhere import begun_by_a_card
from nbflow_widgets.files import size_text
from nbflow_widgets.markup import plural
from nbflow_widgets.waiting import STATES, Deletes, lost_with

if TYPE_CHECKING:
    from nbflow import Run, RunnableConfig, Workflow
    from nbflow.types import BaseCheckpointSaver
    from nbflow_widgets.explorer_tree import Key, Line

DANGEROUS = ("prune", "delete")
BUSY = "somebody works on this thread: stop the run first, or wait for its end"
_SOURCE = {"thread": "the newest run", "run": "this run", "call": "this call", "point": "this checkpoint"}


class Action(NamedTuple):
    """A button.

    Attributes:
        name: fork, resume, compare, archive, prune or delete.
        label: what it says.
        hint: what it does; where it can't be done, why.
        can: whether it can be done.
    """

    name: str
    label: str
    hint: str
    can: bool = True


@runtime_checkable
class Prunes(Protocol):
    """A saver that drops runs which threads don't need to go on; all of nbflow's do."""

    def prune(self, thread_ids: Sequence[str], *, dry_run: bool = False) -> Any:  # noqa: ANN401  # counts, as the saver has them
        """Drop runs, or say what would be dropped: ``runs``, ``bytes``, and ``busy`` threads."""
        ...


class Thread(NamedTuple):
    """What is to be known of the thread of a line.

    Attributes:
        workflow: name of the workflow.
        state: how its newest run stands.
        here: whether the workflow is defined in this kernel.
        aside: whether it is archived.
        runs: how many runs it has.
    """

    workflow: str
    state: str
    here: bool
    aside: bool
    runs: int


def actions_of(line: Line, thread: Thread, saver: object, compared: Key | None) -> list[Action]:
    """Return the buttons of a line.

    Args:
        line: the line.
        thread: its thread.
        saver: keeps it.
        compared: what was chosen to be compared first; None if nothing was.
    """
    found = [_fork(line, thread), _resume(thread)] if line.key[0] in _SOURCE else []
    label = "Compare …" if compared is None else "Compare with it"
    hint = "Choose this run; then choose another one" if compared is None else "Show the two runs side by side"
    found.append(Action("compare", label, hint))
    if line.key[0] != "thread":
        return found
    tip = "Out of this list and the inbox until a run moves it"
    found.append(Action("archive", "Bring back" if thread.aside else "Archive", tip))
    busy = thread.state == "running"
    if isinstance(saver, Prunes):
        why = BUSY if busy else "it has one run only" if thread.runs < 2 else ""  # noqa: PLR2004  # the newest stays
        drops = why or "Drop the runs that the thread does not need to go on; asks first"
        found.append(Action("prune", "Prune …", drops, not why))
    if isinstance(saver, Deletes):
        found.append(Action("delete", "Delete …", BUSY if busy else "Delete the thread; asks first", not busy))
    return found


def _fork(line: Line, thread: Thread) -> Action:
    why = ""
    if not thread.here:
        why = _undefined(thread)
    elif thread.state == "running":
        why = BUSY
    elif line.key[0] == "point" and line.name == "result":
        why = "nothing follows a result; choose an input, a question or a step"
    elif line.key[0] == "point" and not line.key[3]:
        why = "this is no checkpoint yet; Resume goes on from here"
    what = f"Run again from {_SOURCE[line.key[0]]}, as a new run of the thread; what was there stays"
    return Action("fork", "Fork from here", why or what, not why)


def _resume(thread: Thread) -> Action:
    if thread.state not in STATES:
        why = BUSY if thread.state == "running" else "it asks nothing, and did not stop"
        return Action("resume", "Resume", why, can=False)
    return Action("resume", "Resume", "Show the forms of its questions, or a button to go on, below")


def _undefined(thread: Thread) -> str:
    return f"{thread.workflow!r} is not defined in this kernel: run the cell that defines it"


def fork(workflow: Workflow, saver: BaseCheckpointSaver, key: Key) -> Run:
    """Begin a new run from what a line stands for.

    Raises:
        NbflowError: if that can't be; nothing was written then.
    """
    kind, thread_id, *rest = key
    run_id = rest[0] if rest else list_runs(saver, thread_id, limit=1)[0]
    named: dict[str, Any] = {"thread_id": thread_id, "checkpoint_id": run_id}
    with begun_by_a_card():
        if kind == "point" and rest[1] != run_id:
            config: RunnableConfig = {"configurable": {**named, "checkpoint_id": rest[1]}}
            return workflow.start(None, config, on_divergence="rerun")
        at = rest[-1] if kind == "call" else "0"
        return workflow.fork({"configurable": named}, at=at, on_divergence="rerun")


def lost_by(name: str, saver: BaseCheckpointSaver, thread_id: str) -> str:
    """Return the question that is asked before something is lost; empty if nothing would be.

    Raises:
        ThreadBusyError: if somebody works on the thread.
    """
    if name == "delete":
        lost = lost_with(thread_id, read_run(saver, thread_id), saver)
        return f"Delete thread {thread_id!r} for good? What is lost: {lost}."
    assert isinstance(saver, Prunes), "without it there is no button"
    found = saver.prune([thread_id], dry_run=True)
    if found.busy:
        raise RuntimeError(BUSY)
    told = f"{plural(found.runs, 'run')}, {size_text(found.bytes)}"
    return f"Drop the runs of thread {thread_id!r} that it does not need? What is lost: {told}." if found.runs else ""


def lose(name: str, saver: BaseCheckpointSaver, thread_id: str) -> str:
    """Delete or prune a thread; return what was done. Called after a person has said so twice.

    Raises:
        ThreadBusyError: if somebody works on the thread; nothing was lost.
    """
    if name == "delete":
        assert isinstance(saver, Deletes), "without it there is no button"
        saver.delete_thread(thread_id)
        return f"Thread {thread_id!r} was deleted."
    assert isinstance(saver, Prunes), "as above"
    found = saver.prune([thread_id])
    if found.busy:
        raise RuntimeError(BUSY)
    return f"{plural(found.runs, 'run')} of thread {thread_id!r} dropped, {size_text(found.bytes)}."
