"""A form asks what the question wants, checks it, sends it once, and keeps what was typed."""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypedDict

import ipywidgets
import pytest

import nbflow
from nbflow import Interrupt
from nbflow.types import Command, Reject, interrupt
from nbflow_widgets.fields import FieldError, field_of
from nbflow_widgets.forms import Form
from nbflow_widgets.shapes import question_of

TEXT = {"type": "string"}


class Sent(list[object]):
    """Takes answers; refuses the first few."""

    def __init__(self, *refusals: Exception) -> None:
        super().__init__()
        self._refusals = list(refusals)

    def __call__(self, answer: object) -> None:
        if self._refusals:
            raise self._refusals.pop(0)
        self.append(answer)


def widgets_of(form: Form, kind: type) -> list[Any]:
    """Return the widgets of a kind in a form, in order."""

    def walk(widget: Any) -> list[Any]:
        inner = [one for child in getattr(widget, "children", ()) for one in walk(child)]
        return [widget, *inner] if isinstance(widget, kind) else inner

    return walk(form.widget)


def click(form: Form, label: str) -> None:
    next(button for button in widgets_of(form, ipywidgets.Button) if button.description == label).click()


def page(form: Form) -> str:
    """Return all that the form shows as HTML."""
    return "".join(html.value for html in widgets_of(form, ipywidgets.HTML))


def form_of(value: object, schema: dict[str, Any] | None = None, **options: Any) -> tuple[Form, Sent]:
    sent = options.pop("sent", Sent())
    return Form(Interrupt(value, "a" * 32, response_schema=schema), sent, **options), sent


def schema_of(wanted: object) -> dict[str, Any]:
    """Return the schema that the runtime gives a question."""

    @nbflow.entrypoint(checkpointer=nbflow.InMemorySaver())
    def flow(_: object) -> Any:
        return interrupt("?", response_schema=wanted)

    asked: Interrupt = flow.invoke(1, {"configurable": {"thread_id": "t"}})["__interrupt__"][0]
    assert asked.response_schema is not None
    return asked.response_schema


def test_a_text_is_answered_by_a_text() -> None:
    form, sent = form_of("How are you?")
    assert "How are you?" in page(form)
    widgets_of(form, ipywidgets.Textarea)[0].value = "fine"
    click(form, "Submit")
    assert sent == ["fine"]
    assert (form.is_answered, form.answer, form.error) == (True, "fine", None)


def test_the_text_of_a_question_stands_over_what_is_shown_with_it() -> None:
    question = question_of({"essay": "long text", "question": "Good?", "options": ["a", "b"]})
    assert (question.text, dict(question.details), question.choices) == ("Good?", {"essay": "long text"}, ("a", "b"))
    form, sent = form_of({"message": "Which?", "choices": [1, "two"]})
    radio = widgets_of(form, ipywidgets.RadioButtons)[0]
    click(form, "Submit")
    assert "choose one" in page(form)
    radio.index = 0
    click(form, "Submit")
    assert sent == [1]


def test_a_value_without_a_question_is_shown_and_answered_in_json() -> None:
    form, sent = form_of([{"id": 1}])
    area = widgets_of(form, ipywidgets.Textarea)[0]
    area.value = "{nope"
    click(form, "Submit")
    assert "this is not JSON" in page(form)
    assert sent == []
    area.value = '{"ok": [1, null]}'
    click(form, "Submit")
    assert sent == [{"ok": [1, None]}]


@pytest.mark.parametrize(("label", "answer"), [("Yes", True), ("No", False)])
def test_a_bool_is_two_buttons(label: str, answer: bool) -> None:
    form, sent = form_of("Good?", schema_of(bool))
    click(form, label)
    assert sent == [answer]


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


@dataclass
class Address:
    street: str
    zip: str = ""


@dataclass
class Person:
    name: str
    age: int
    colour: Literal["red", "blue"]
    member: bool
    tags: list[str]
    address: Address
    weight: float | None = None
    extra: dict[str, int] | None = None


class Movie(TypedDict):
    title: str
    year: int


FILLED: list[tuple[object, list[object], object]] = [
    (str, ["x"], "x"),
    (int, ["42"], 42),
    (float, ["4.5"], 4.5),
    (Literal["a", "b"], ["b"], "b"),
    (Colour, ["red"], "red"),
    (list[str], ["one\n\n two "], ["one", "two"]),
    (Movie, ["Heat", "1995"], {"title": "Heat", "year": 1995}),
    (list[int], ["[1, 2]"], [1, 2]),
    (
        Person,
        ["Ann", "33", "blue", True, "a\nb", "Main", "", "", ""],
        {
            "name": "Ann",
            "age": 33,
            "colour": "blue",
            "member": True,
            "tags": ["a", "b"],
            "address": {"street": "Main"},
        },
    ),
]


@pytest.mark.parametrize(("wanted", "typed", "answer"), FILLED, ids=[str(one[0]) for one in FILLED])
def test_a_schema_makes_fields_that_read_as_it_wants(wanted: object, typed: list[object], answer: object) -> None:
    form, sent = form_of("Fill in", schema_of(wanted))
    inputs = widgets_of(
        form,
        (ipywidgets.Text, ipywidgets.Textarea, ipywidgets.RadioButtons, ipywidgets.ToggleButtons),  # type: ignore[arg-type]  # a tuple of types is fine
    )
    for box, value in zip(inputs, typed, strict=True):
        box.value = value
    click(form, "Submit")
    assert sent == [answer], page(form)


def test_pydantic_models_make_fields_too() -> None:
    pydantic = pytest.importorskip("pydantic")
    model = pydantic.create_model("Model", count=(int, pydantic.Field(ge=1, le=5, description="how many")))
    form, sent = form_of("?", schema_of(model))
    assert "how many" in page(form)
    box = widgets_of(form, ipywidgets.Text)[0]
    box.value = "9"
    click(form, "Submit")
    assert "is not a whole number, at least 1 and at most 5" in page(form)
    box.value = "3"
    click(form, "Submit")
    assert sent == [{"count": 3}]


@pytest.mark.parametrize(
    ("schema", "typed", "problem"),
    [
        ({"type": "integer"}, "4.5", "'4.5' is not a whole number"),
        ({"type": "integer"}, "", "type a whole number"),
        ({"type": "number", "exclusiveMinimum": 0, "maximum": 1}, "0", "above 0 and at most 1"),
        ({"type": "string", "minLength": 3}, "ab", "these are 2 characters, but it takes at least 3"),
        ({"type": "string", "minLength": 1, "maxLength": 2}, "abc", "it takes 1 to 2"),
        ({"type": "array", "items": TEXT, "minItems": 2}, "a", "these are 1 lines"),
        ({"enum": [1, 2]}, None, "choose one"),
    ],
)
def test_what_does_not_fit_is_told_before_it_is_sent(schema: dict[str, Any], typed: object, problem: str) -> None:
    field = field_of(schema)
    field.restore(typed)
    with pytest.raises(FieldError, match=problem):
        field.read()


def test_missing_parts_are_told_by_name() -> None:
    form, sent = form_of(
        "?", {"type": "object", "properties": {"a": TEXT, "b": {"type": "integer"}}, "required": ["b"]}
    )
    click(form, "Submit")
    assert "type a whole number" in page(form)
    assert sent == []


REQUEST = {
    "action_request": {"action": "send_mail", "args": {"to": "ann"}},
    "config": {"allow_accept": True, "allow_edit": True, "allow_respond": True, "allow_ignore": True},
    "description": "Send this?",
}


@pytest.mark.parametrize(
    ("label", "type_", "args"),
    [
        ("Accept", "accept", None),
        ("Reject", "ignore", None),
        ("Respond", "response", "no, later"),
        ("Send edited", "edit", {"action": "send_mail", "args": {"to": "bob"}}),
    ],
)
def test_a_tool_call_under_review_is_accepted_edited_answered_or_rejected(label: str, type_: str, args: object) -> None:
    form, sent = form_of([REQUEST])
    edit, response = widgets_of(form, ipywidgets.Textarea)
    edit.value = edit.value.replace("ann", "bob")
    response.value = "no, later"
    click(form, label)
    assert sent == [[{"type": type_, "args": args}]]


def test_only_what_is_allowed_is_offered() -> None:
    form, sent = form_of({**REQUEST, "config": {"allow_accept": True, "allow_edit": False}})
    assert [button.description for button in widgets_of(form, ipywidgets.Button)] == ["Accept"]
    click(form, "Accept")
    assert sent == [{"type": "accept", "args": None}]


def test_a_refusal_is_shown_and_nothing_is_lost() -> None:
    form, sent = form_of("?", sent=Sent(nbflow.NbflowError("must be shorter")))
    area = widgets_of(form, ipywidgets.Textarea)[0]
    area.value = "long"
    click(form, "Submit")
    assert "must be shorter" in page(form)
    assert (area.value, area.disabled, form.is_answered) == ("long", False, False)
    click(form, "Submit")
    assert sent == ["long"]


def test_an_error_of_a_callback_is_shown_and_kept() -> None:
    form, _ = form_of("?", sent=Sent(ZeroDivisionError("oops")))
    click(form, "Submit")
    assert isinstance(form.error, ZeroDivisionError)
    assert "ZeroDivisionError: oops" in page(form)


def test_a_double_click_sends_once() -> None:
    jobs: list[Callable[[], None]] = []
    form, sent = form_of("?", post=jobs.append)
    click(form, "Submit")
    click(form, "Submit")
    assert all(button.disabled for button in widgets_of(form, ipywidgets.Button))
    for job in jobs:
        job()
    click_again = Form.__dict__["_clicked"]
    click_again(form, lambda: "again")
    assert (len(jobs), sent) == (1, [""])


def test_drafts_outlive_the_form() -> None:
    drafts: dict[str, object] = {}
    form, _ = form_of("?", schema_of(Movie), drafts=drafts)
    widgets_of(form, ipywidgets.Text)[0].value = "Heat"
    form.close()
    again, _ = form_of("?", schema_of(Movie), drafts=drafts)
    title, year = widgets_of(again, ipywidgets.Text)
    assert title.value == "Heat"
    year.value = "1995"
    click(again, "Submit")
    assert drafts == {}


def test_the_answer_stays_visible_and_escaped() -> None:
    form, _ = form_of("<b>?</b>")
    widgets_of(form, ipywidgets.Textarea)[0].value = "<script>alert(1)</script>"
    click(form, "Submit")
    assert not widgets_of(form, ipywidgets.Button)
    for html in (page(form), form.html()):
        assert "&lt;b&gt;?&lt;/b&gt;" in html
        assert "&lt;script&gt;" in html
        assert "<script" not in html
    assert form.text() == "asks: <b>?</b>\n  answer: <script>alert(1)</script>"


def test_reprs_are_constant() -> None:
    form, _ = form_of("Good?")
    assert repr(form) == "<form: Good?>"
    assert Command(resume=1) == Command(resume=1)


@pytest.mark.parametrize(("value", "schema"), [("Go on?", {"type": "boolean"}), ("Say", TEXT), ({"a": 1}, None)])
def test_every_question_can_be_rejected(value: object, schema: Any) -> None:
    form, sent = form_of(value, schema)
    click(form, "Reject")
    assert sent == [Reject()]
    assert form.is_answered
    assert "Rejected" in form.html()
