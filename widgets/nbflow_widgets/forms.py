"""The form of a question: shown, checked, sent, and kept with its answer.

A click only posts: whoever is given as ``post`` runs the sending elsewhere. A callback raises
nothing; what goes wrong is shown in the form and kept as its ``error``.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import ipywidgets

from nbflow import NbflowError
from nbflow.types import NO_ANSWER, Reject, misfits
from nbflow_widgets.asked import before_html, question_html, refused, waiting_html, waiting_text
from nbflow_widgets.display import close_tree, has_person, make_live
from nbflow_widgets.fields import EMPTY, Field, FieldError, field_of, like
from nbflow_widgets.fields.own import own_field
from nbflow_widgets.fields.schema import wanted
from nbflow_widgets.fields.table import table_field
from nbflow_widgets.form_parts import FormKeys, Rejection
from nbflow_widgets.markup import as_text, cut, heading, note, panel
from nbflow_widgets.shapes import Question, Review, question_of
from nbflow_widgets.shown import labelled

if TYPE_CHECKING:
    from nbflow import Interrupt

Submit = Callable[[object], None]
Post = Callable[[Callable[[], None]], None]
_Action = tuple[str, Callable[[], object]]
_LABELS = {"accept": "Accept", "edit": "Send edited", "response": "Respond", "ignore": "Ignore"}
_STYLES = {"Accept": "success", "Yes": "success", "Submit": "primary"}


class Form:
    """One question with its fields and buttons.

    Args:
        asked: the question.
        submit: sends an answer; raises if it is refused.
        post: runs a function elsewhere and returns at once; None runs it here.
        drafts: what was typed, by question id; kept by the caller over the form's life.

    Attributes:
        widget: what is shown.
        error: what the last callback raised, or None.
        is_answered: whether an answer was taken.
        answer: the answer, once it was taken.
        reopened: how often the workflow could not use an answer, and the question was opened again.
        is_offered_back: whether the rejection that it was answered with can be taken back.
        taken_back: the rejection that is to be replaced by another answer; None if there is none.
    """

    def __init__(
        self,
        asked: Interrupt,
        submit: Submit,
        *,
        post: Post | None = None,
        drafts: MutableMapping[str, object] | None = None,
    ) -> None:
        self.asked = asked
        self.question = question_of(asked.value)
        self.error: BaseException | None = None
        self.is_answered = False
        self.answer: object = None
        self.reopened = 0
        self.is_offered_back = False
        self.taken_back: Reject | None = None
        self._left = self._whose = ""
        self._submit = submit
        self._post = post if post is not None else (lambda job: job())
        self._drafts = drafts if drafts is not None else {}
        self._claim = threading.Lock()
        self._is_sending = False
        self._message = ipywidgets.HTML()
        self._fields: dict[str, Field] = {}
        self._own_actions = self._actions()
        self._buttons = [self._button(*one) for one in self._own_actions]
        _repeating(self._buttons, asked.earlier).add_class("nbflow-submit")
        self._rejection = Rejection(lambda answer: self._guarded(self._clicked, lambda: answer))
        self._keys = FormKeys()
        self._back = ipywidgets.Button(description="Take back", layout=_SMALL, style={"font_size": "11px"})
        self._back.on_click(lambda _button: self._guarded(lambda _: self._take_back(), None))
        _load_checks(asked, post)
        _recall(self._fields, self.question, asked.earlier, self._drafts.get(asked.id))
        for field in self._fields.values():
            field.on_change(self._keep)
        if asked.problem:
            self._say(refused(asked), "error")
        fields = [field.widget for field in self._fields.values()]
        row = ipywidgets.HBox([ipywidgets.HBox(self._buttons), self._rejection.widget], layout=_ROW)
        head = ipywidgets.HTML(_head_html(self.question, self._fields) + before_html(self.asked))
        self._parts = [head, *fields, row, self._rejection.asking, self._message, self._keys]
        self.widget = ipywidgets.VBox(self._parts, layout=_FRAME)
        self.widget.add_class("nbflow-form")
        make_live(self.widget)

    def __repr__(self) -> str:
        return f"<form: {self.question.text or self.asked.id}>"

    def _actions(self) -> list[_Action]:
        """Make the fields; return the buttons, each with what it sends."""
        question, schema = self.question, self.asked.response_schema
        own = own_field(self.asked)
        if own is not None:
            self._fields["answer"] = own
        elif schema is not None:
            if wanted(schema).kind == "yes_no" and not wanted(schema).nullable:
                return [("Yes", lambda: True), ("No", lambda: False)]
            self._fields["answer"] = field_of(schema)
        elif question.review is not None:
            return _review_actions(question.review, self._fields, self._read)
        elif question.table is not None:
            self._fields["table"] = table_field(question.table)
            return [("Submit", self._read("table"))]
        elif question.choices:
            self._fields["answer"] = field_of({"enum": list(question.choices)})
        else:
            self._fields["answer"] = field_of({"type": "string"} if question.is_free else {})
        return [("Submit", self._read("answer"))]

    def _read(self, name: str) -> Callable[[], object]:
        return lambda: _value_of(self._fields[name], self.asked.response_schema if name == "answer" else None)

    def _button(self, label: str, read: Callable[[], object]) -> Any:  # noqa: ANN401  # untyped package
        layout = {"width": "auto", "min_width": "88px", "margin": "2px 6px 2px 0"}
        button = ipywidgets.Button(description=label, button_style=_STYLES.get(label, ""), layout=layout)
        button.on_click(lambda button: self._guarded(self._clicked, _checking(button, read)))
        return button

    def _clicked(self, read: Callable[[], object]) -> None:
        answer = self._taken(read)
        if answer is not EMPTY:
            self._post(lambda: self._guarded(self.send, answer))

    def take(self) -> object:
        """Return what is typed, and take no typing until it was sent; EMPTY, and why, if it is no answer yet."""
        if not self.has_one_answer:
            self._say("Not sent: this question has buttons of its own.", "warning")
            return EMPTY
        return self._taken(_checking(self._buttons[0], self._own_actions[0][1]), needs=True)

    @property
    def is_open(self) -> bool:
        """Whether it takes an answer here."""
        return not self.is_answered and not self._left

    @property
    def has_one_answer(self) -> bool:
        """Whether one button sends what is typed: it is not the buttons that are the answer."""
        return len(self._own_actions) == 1

    def _taken(self, read: Callable[[], object], *, needs: bool = False) -> object:
        with self._claim:  # two clicks, perhaps on two threads, are one answer
            if self._is_sending or self.is_answered:
                return EMPTY
            try:
                answer = read()
            except FieldError:
                self._say("Not sent: see above.", "error")
                return EMPTY
            if needs and (answer is None or (isinstance(answer, str) and not answer)):
                self._say("Not sent: nothing is typed. Its own button sends an empty answer.", "error")
                return EMPTY
            self._is_sending = True
        self._enable(enabled=False)
        self._say("Sending …", "info")
        return answer

    def send(self, answer: object) -> None:
        """Send an answer, and show what became of it; called where it may take a while."""
        turn = self.reopened
        try:
            self._submit(answer)
        except BaseException as error:
            self.refuse(error)
            if not isinstance(error, NbflowError):
                raise
        else:
            self.sent(answer, turn)

    def sent(self, answer: object, turn: int) -> None:
        """Show that an answer was taken, unless the run, which had opened the question ``turn`` times, asks again."""
        with self._claim:
            if self.reopened == turn and not self.is_answered:
                self.accept(answer)

    def accept(self, answer: object, *, whose: str = "") -> None:
        """Show the answer, read-only; ``whose`` says who gave it where, if that was not here."""
        self._is_sending = False
        self._whose = whose
        self.is_answered = True
        self.answer = answer
        self.taken_back = None
        self._drafts.pop(self.asked.id, None)
        self._message.value = ""
        self.widget.layout = {"margin": "0"}
        self.widget.children = [_printed(self.html())]

    def offer_back(self, *, offered: bool) -> None:
        """Show, or show no longer, the button that takes a rejection back; as long as the run can take it back."""
        self.is_offered_back = offered
        if self.is_answered and isinstance(self.answer, Reject):
            self._back.disabled = False
            self.widget.children = [_printed(self.html()), *([self._back] if offered else [])]

    def leave(self, where: str) -> None:
        """Take no answer any more: the question is answered, or asked, elsewhere."""
        self.is_offered_back = False
        if not self.is_answered:
            self._left = where
        self.widget.layout = {"margin": "0"}
        self.widget.children = [_printed(self.html())]

    def keep_rejection(self) -> None:
        """Show the rejection again that was to be taken back: the run has ended with it."""
        if self.taken_back is not None:
            self.accept(self.taken_back)

    def _take_back(self) -> None:
        with self._claim:
            if self.is_answered and isinstance(self.answer, Reject):
                self.taken_back = self.answer
                self._take_again(_TAKEN_BACK, "info")

    def refuse(self, error: BaseException) -> None:
        """Take typing again, and show why the answer was not taken."""
        self.error = error
        self._take_again(str(getattr(error, "problem", error)) or repr(error))

    def reopen(self, asked: Interrupt, times: int) -> None:
        """Take typing again, because the workflow could not use the answer; this is the ``times``-th time."""
        with self._claim:
            self.asked, self.reopened = asked, times
            self._take_again(refused(asked))

    def _take_again(self, why: str, kind: str = "error") -> None:
        self._is_sending = False
        self.is_answered = False
        self.widget.layout = _FRAME
        self.widget.children = self._parts
        self._enable(enabled=True)
        self._say(why, kind)

    def _guarded(self, fn: Callable[[Any], None], argument: object) -> None:
        """Call ``fn``; an error is shown here, for it would be lost in a log."""
        try:
            fn(argument)
        except Exception as error:  # noqa: BLE001  # whatever it is, the page must show it
            self.error = error
            self._say(f"{type(error).__name__}: {error}", "error")

    def _enable(self, *, enabled: bool) -> None:
        for button in self._buttons:
            button.disabled = not enabled
        for field in self._fields.values():
            field.disable(disabled=not enabled)
        self._rejection.enable(enabled=enabled)

    def count_down(self, until: float) -> None:
        """Show how long the run waits for an answer; ``until`` is in seconds since 1970."""
        self._keys.until = until

    def _say(self, text: str, kind: str) -> None:
        self._message.value = note(text, kind)

    def _keep(self) -> None:
        self._drafts[self.asked.id] = {name: field.draft() for name, field in self._fields.items()}

    def html(self) -> str:
        """Return the static version: the question, and the answer if there is one."""
        if not self.is_answered:
            return waiting_html(self.asked, self._left, self._keys.until)
        return panel(question_html(self.question) + labelled(f"Answer{self._whose}", _said(self.answer)))

    def text(self) -> str:
        """Return the question, and the answer if there is one, as text."""
        text = waiting_text(self.asked, self._left)
        return f"{text}\n  answer{self._whose}: {as_text(_said(self.answer))}" if self.is_answered else text

    def close(self) -> None:
        """Take the form away; what was typed stays with the caller."""
        for part in (*self._parts, self._back, self.widget):
            close_tree(part)


def _checking(button: Any, read: Callable[[], object]) -> Callable[[], object]:  # noqa: ANN401  # untyped package
    """Return what reads and checks an answer, while its button says so."""

    def checked() -> object:
        label, button.description, button.disabled = button.description, "Checking …", True
        try:
            return read()
        finally:
            button.description, button.disabled = label, False

    return checked


def _load_checks(asked: Interrupt, post: Post | None) -> None:
    """Have what checks an answer loaded elsewhere, while a person reads the question."""

    def load() -> None:
        misfits(None, asked.response_schema or {})

    if post is not None and has_person():
        post(load)


_TAKEN_BACK = "The rejection is taken back as soon as another answer is sent."
_SMALL = {"width": "auto", "height": "22px", "margin": "0 0 6px 2px", "align_self": "flex-start"}
_ROW = {"justify_content": "space-between", "align_items": "center", "flex_flow": "row wrap", "max_width": "640px"}
_FRAME = {
    "border": "1px solid var(--jp-border-color2, #ddd)",
    "padding": "8px 12px",
    "margin": "6px 0",
    "border_left": "3px solid var(--jp-brand-color1, #1976d2)",
}


def _value_of(field: Field, schema: dict[str, Any] | None) -> object:
    """Return what a field holds, if it fits; raises FieldError, and shows why, if it does not."""
    value = field.read()
    value = None if value is EMPTY else value
    wrong = misfits(value, schema) if schema is not None else []
    for path, why in wrong:
        field.complain(path, why)
    if wrong:
        raise FieldError(wrong[0][1])
    return value


def _review_actions(
    review: Review, fields: dict[str, Field], read: Callable[[str], Callable[[], object]]
) -> list[_Action]:
    """Make the fields of a review; return its buttons, each with what it sends."""
    if "edit" in review.allowed:
        fields["edit"] = field_of(like(review.args), value=review.args)
    if "response" in review.allowed:
        fields["response"] = field_of({"type": "string", "description": "What to say instead"})
    return [(_LABELS[kind], _reviewed(review, kind, read(kind))) for kind in review.allowed]


def _reviewed(review: Review, kind: str, typed: Callable[[], object]) -> Callable[[], object]:
    """Return what makes the answer that a button of a review sends."""

    def read() -> object:
        args = typed() if kind in {"edit", "response"} else None
        answer = {"type": kind, "args": {"action": review.action, "args": args} if kind == "edit" else args}
        return [answer] if review.in_list else answer

    return read


def _printed(html: str) -> Any:  # noqa: ANN401  # untyped package
    return ipywidgets.HTML(html, layout={"margin": "0"})


def _said(answer: object) -> object:
    """Return an answer as people say it."""
    if isinstance(answer, Reject):
        return f"Rejected: {answer.reason}" if answer.reason else "Rejected"
    return {True: "Yes", False: "No"}[answer] if isinstance(answer, bool) else answer


def _head_html(question: Question, fields: Mapping[str, Field]) -> str:
    """Return what stands over the fields; what a field holds is not shown twice."""
    if "edit" in fields and question.review is not None:
        return heading(cut(question.text)) + labelled(question.review.action, "")
    return question_html(replace(question, table=None) if "table" in fields else question)


def _repeating(buttons: Sequence[Any], earlier: object) -> Any:  # noqa: ANN401  # untyped package
    """Return the button that sends the answer of before once more, else the first."""
    said = "No" if earlier is False else _LABELS.get(_reviewed_as(earlier)[0])
    return next((one for one in buttons if one.description == said), buttons[0])


def _recall(fields: Mapping[str, Field], question: Question, earlier: object, kept: object) -> None:
    """Bring back what was typed before, as far as it was kept, else what was answered before."""
    if kept is None and earlier is not NO_ANSWER and not isinstance(earlier, Reject):
        _fill(fields, question, earlier)
    for name, field in fields.items():
        if isinstance(kept, Mapping) and name in kept:
            with suppress(Exception):  # a draft of another version of the form
                field.restore(kept[name])


def _fill(fields: Mapping[str, Field], question: Question, answer: object) -> None:
    """Fill in what was answered before."""
    kind, args = _reviewed_as(answer)
    for name, field in fields.items():
        if question.review is None or name == kind:
            with suppress(Exception):  # an answer of another kind than the form's
                field.fill(answer if question.review is None else args)


def _reviewed_as(answer: object) -> tuple[str, object]:
    """Return which button of a review gave an answer, and what was typed there; empty and None for another answer."""
    one = answer[0] if isinstance(answer, list) and len(answer) == 1 else answer
    if not isinstance(one, Mapping) or one.get("type") not in _LABELS:
        return "", None
    args = one.get("args")
    return str(one["type"]), args.get("args") if one["type"] == "edit" and isinstance(args, Mapping) else args
