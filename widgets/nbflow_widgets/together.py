"""Several questions of one run: how many wait, and a button that sends all answers at once."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any

import ipywidgets

from nbflow.errors import InvalidAnswerError
from nbflow_widgets.display import make_live
from nbflow_widgets.fields import EMPTY
from nbflow_widgets.markup import note, plural

if TYPE_CHECKING:
    from nbflow_widgets.forms import Form, Post

MANY = 2
Answers = Mapping[str, object]
Refused = dict[str, BaseException]


class Together:
    """The line above the forms of a run.

    Args:
        send: sends answers by question id, and returns those that were refused, each with why; called on a worker
            thread.
        post: runs a function elsewhere and returns at once.

    Attributes:
        widget: what is shown; nothing of it with fewer than two open questions.
    """

    def __init__(self, send: Callable[[Answers], Refused], post: Post) -> None:
        self._send, self._post = send, post
        self._forms: list[Form] = []
        self._line, self._message = ipywidgets.HTML(), ipywidgets.HTML()
        self._button = ipywidgets.Button(description="Submit all", tooltip="Send every answer that is complete")
        self._button.layout = {"width": "auto", "margin": "2px 0 2px 8px"}
        self._button.on_click(lambda _button: self.submit())
        row = ipywidgets.HBox([self._line, self._button], layout={"align_items": "center", "flex_flow": "row wrap"})
        self.widget: Any = ipywidgets.VBox([row, self._message], layout={"display": "none", "margin": "0"})
        self.widget.add_class("nbflow-together")
        make_live(self.widget)

    def show(self, forms: Collection[Form]) -> None:
        """Show how many of these questions wait; called whenever that may have changed."""
        self._forms = [form for form in forms if form.is_open]
        several = len(self._forms) >= MANY
        self.widget.layout.display = None if several else "none"
        self._line.value = note(f"{plural(len(self._forms), 'question')} wait; in any order, or together.")
        self._button.layout.display = None if sum(form.has_one_answer for form in self._forms) >= MANY else "none"
        self._button.disabled = False

    def submit(self) -> None:
        """Send what is complete, and flag what is not."""
        forms = {form.asked.id: form for form in self._forms}
        turns = {key: form.reopened for key, form in forms.items()}
        answers = {key: answer for key, form in forms.items() if (answer := form.take()) is not EMPTY}
        missing = len(forms) - len(answers)
        self._message.value = note(f"{plural(missing, 'answer')} not complete: see below.", "error") if missing else ""
        if answers:
            self._button.disabled = True
            self._post(lambda: self._submit({key: forms[key] for key in answers}, answers, turns))

    def _submit(self, forms: Mapping[str, Form], answers: Answers, turns: Mapping[str, int]) -> None:
        try:
            refused = self._send(answers)
        except Exception as error:  # noqa: BLE001  # whatever it is, the page must show it
            refused = dict.fromkeys(answers, error)
        for key, form in forms.items():
            if key in refused:
                form.refuse(refused[key])
            else:
                form.sent(answers[key], turns[key])
        self.show(tuple(self._forms))


def send_one(send: Callable[[Answers], Refused], key: str, answer: object) -> None:
    """Send one answer as several are sent; raises why it was refused."""
    for error in send({key: answer}).values():
        raise error


def send_together(answers: Answers, send: Callable[[dict[str, object]], None]) -> Refused:
    """Send answers at once, without those that do not fit their questions; return these, each with why.

    Raises:
        NbflowError: if something else stands against it.
    """
    left, refused = dict(answers), Refused()
    while left:
        try:
            send(left)
        except InvalidAnswerError as error:
            if error.interrupt_id not in left:
                raise
            refused[error.interrupt_id] = error
            del left[error.interrupt_id]
        else:
            break
    return refused


__all__ = ["MANY", "Together", "send_one", "send_together"]
