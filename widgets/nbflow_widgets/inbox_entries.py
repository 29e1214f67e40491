"""What an entry of the inbox shows and does: forms where its workflow is at hand, and where it is not."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import ipywidgets

from nbflow import Interrupt, RunnableConfig, Workflow, record_answer
from nbflow_widgets.cell_run import CellRun
from nbflow_widgets.display import here
from nbflow_widgets.fields import Entry
from nbflow_widgets.forms import Form
from nbflow_widgets.inbox import Inbox, Waiting, waiting_in
from nbflow_widgets.markup import as_text, note
from nbflow_widgets.shown import labelled
from nbflow_widgets.toolkit import Toolkit, probe

if TYPE_CHECKING:
    from nbflow.types import BaseCheckpointSaver


def inbox_of(kit: Toolkit, saver: BaseCheckpointSaver) -> Inbox:
    """Return the inbox of a saver, with entries that can be answered where the workflow is known."""
    look = probe(saver)
    box: Inbox

    def entry(item: Waiting) -> object:
        workflow = kit.workflow_named(item.workflow, saver)
        if workflow is None:
            return Recording(kit, saver, item, box).widget if item.interrupts else define_first(item.workflow)
        return _entry(kit, workflow, item, box)

    box = Inbox(waiting_in(saver, lambda thread: look.last_run(config_of(thread))), entry)
    return box


def _entry(kit: Toolkit, workflow: Workflow, item: Waiting, box: Inbox) -> object:
    """Return what an item of the inbox shows: its forms, or a button to go on."""

    def returned(result: object) -> None:
        html, text = cell_run.run_display.twin()
        box.settled(item, f"{html}{labelled('Result', result)}", f"{text}\n{as_text(result)}")

    cell_run = stage(kit, workflow, item.thread_id, returned, compact=True)
    cell_run.open(item.run, past=len(item.run.log), changed=box.update)
    if item.status == "asking":
        cell_run.conclude()
        return cell_run.run_display.box
    button = ipywidgets.Button(description="Go on", button_style="primary")
    whole = ipywidgets.VBox([button, cell_run.run_display.box])

    def go_on(_button: object) -> None:
        button.disabled = True
        cell_run.start_again()

    button.on_click(lambda clicked: cell_run.calls.guarded(lambda: go_on(clicked)))
    return whole


class Recording:
    """The forms of a thread whose workflow is not at hand: answers are checked and recorded, and nothing runs.

    Attributes:
        widget: what is shown.
    """

    def __init__(self, kit: Toolkit, saver: BaseCheckpointSaver, item: Waiting, box: Inbox) -> None:
        self._saver, self._item, self._box = saver, item, box
        self._forms = {
            asked.id: Form(asked, partial(self._record, asked), post=kit.post, drafts=kit.drafts)
            for asked in item.interrupts
        }
        self._comment = Entry("text", label="Note", help="Kept with the answer; it may be empty")
        where = ipywidgets.HTML(
            note(f"`{item.workflow}` is not defined in this kernel. An answer is recorded; {_LATER}.")
        )
        self.widget = ipywidgets.VBox([where, *(form.widget for form in self._forms.values()), self._comment])

    def _record(self, asked: Interrupt, answer: object) -> None:
        """Record an answer; called on a worker thread."""
        comment = str(self._comment.typed or "")
        left = record_answer(self._saver, self._item.thread_id, {asked.id: answer}, comment=comment)
        self._forms[asked.id].accept(answer)
        if left:
            self._box.update()
            return
        self._comment.disabled = True
        said = f"Recorded: {_LATER}, by its cell or by `{self._item.workflow}.go_on()`."
        forms = self._forms.values()
        html, text = "".join(form.html() for form in forms), "\n".join(form.text() for form in forms)
        self._box.settled(self._item, html + note(said), f"{text}\n{said.replace('`', '')}")


_LATER = "the run goes on where its workflow is defined"


def stage(
    kit: Toolkit,
    workflow: Workflow,
    thread: str,
    on_return: Callable[[object], None] = lambda _result: None,
    *,
    compact: bool = False,
) -> CellRun:
    """Return what shows the run of a thread in the running cell, and in no other any more."""
    key = (id(workflow.checkpointer), thread)
    before = kit.cell_runs.pop(key, None)
    if before is not None:
        before.leave(here())

    def returned(result: object) -> None:
        kit.returned(key, result)
        on_return(result)

    cell_run = kit.cell_runs[key] = CellRun(
        kit, workflow, config_of(thread), mode="live", on_return=returned, compact=compact
    )
    return cell_run


def config_of(thread: str) -> RunnableConfig:
    """Return the config that names a thread."""
    return {"configurable": {"thread_id": thread}}


def define_first(name: str) -> str:
    """Return what to do about a workflow that is not at hand."""
    return f"Workflow {name!r} is not defined in this kernel: run the cell that defines it, then `%nbflow inbox` again."
