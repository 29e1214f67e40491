"""Answers to a thread whose workflow is not at hand: recorded, for the run to go on elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import ipywidgets

from nbflow import record_answer
from nbflow_widgets.fields import Entry as Input
from nbflow_widgets.forms import Form
from nbflow_widgets.markup import note
from nbflow_widgets.together import Answers, Refused, Together, send_one, send_together

if TYPE_CHECKING:
    from nbflow.types import BaseCheckpointSaver
    from nbflow_widgets.toolkit import Toolkit
    from nbflow_widgets.waiting import Waiting

Settle = Callable[[str, str, str], None]
_LATER = "the run goes on where its workflow is defined"
ANSWERED = "is answered"


class Recording:
    """The forms of a thread whose workflow is not at hand: answers are checked and recorded, and nothing runs.

    Args:
        kit: the shell's toolkit.
        saver: keeps the thread.
        item: the thread.
        settle: is told, when all questions have answers, the state of the entry and its HTML and text.

    Attributes:
        widget: what is shown.
    """

    def __init__(
        self, kit: Toolkit, saver: BaseCheckpointSaver, item: Waiting, settle: Callable[[str, str, str], None]
    ) -> None:
        self._saver, self._item, self._settle = saver, item, settle
        self._forms = {
            asked.id: Form(asked, partial(send_one, self._record, asked.id), post=kit.post, drafts=kit.drafts)
            for asked in item.interrupts
        }
        self._together = Together(self._record, kit.post)
        self._together.show(self._forms.values())
        self._comment = Input("text", label="Note", help="Kept with the answer; it may be empty")
        self._where = ipywidgets.HTML(note(f"{_not_here(item)} An answer is recorded; {_LATER}."))
        forms = [form.widget for form in self._forms.values()]
        self.widget = ipywidgets.VBox([self._where, self._together.widget, *forms, self._comment])

    def asks(self, item: Waiting) -> bool:
        """Whether the open forms are just those of the questions that a thread asks now."""
        return {asked.id for asked in item.interrupts} == {key for key, one in self._forms.items() if one.is_open}

    def _record(self, answers: Answers) -> Refused:
        """Record answers; called on a worker thread."""
        comment = str(self._comment.typed or "")
        left: list[int] = []

        def send(some: dict[str, object]) -> None:
            left.append(record_answer(self._saver, self._item.thread_id, some, comment=comment))

        refused = send_together(answers, send)
        for key, answer in answers.items():
            if key not in refused:
                self._forms[key].accept(answer)
        self._together.show(self._forms.values())
        if left and not left[-1]:
            self._recorded()
        return refused

    def _recorded(self) -> None:
        self._comment.disabled = True
        said = f"Recorded: {_LATER}, by its cell or by `{self._item.workflow}.go_on()`."
        self._where.value = note(said, "success")
        forms = self._forms.values()
        html, text = "".join(form.html() for form in forms), "\n".join(form.text() for form in forms)
        self._settle(ANSWERED, html + note(said), f"{text}\n{said.replace('`', '')}")


def _not_here(item: Waiting) -> str:
    where = f"; it is in `{item.begun}`" if any(item.begun) else ""
    return f"`{item.workflow}` is not defined in this kernel{where}."


def define_first(item: Waiting) -> str:
    """Return what to do about a workflow that is not at hand."""
    return f"{_not_here(item)} Run the cell that defines it, and it can go on here."
