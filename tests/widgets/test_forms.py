"""A form asks what the question wants, checks it, sends it once, and keeps what was typed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypedDict

import ipywidgets
import pytest

import nbflow
from nbflow import Interrupt
from nbflow.types import Command, Markdown, Reject, interrupt
from nbflow_widgets import forms
from nbflow_widgets.fields.own import register_form
from nbflow_widgets.forms import Form
from nbflow_widgets.shapes import question_of
from tests.widgets.people import all_in, buttons, click, entries, page, type_into

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
    type_into(form, "fine")
    click(form, "Submit")
    assert sent == ["fine"]
    assert (form.is_answered, form.answer, form.error) == (True, "fine", None)


def test_the_text_of_a_question_stands_over_what_is_shown_with_it() -> None:
    question = question_of({"essay": "long text", "question": "Good?", "options": ["a", "b"]})
    assert (question.text, dict(question.details), question.choices) == ("Good?", {"essay": "long text"}, ("a", "b"))
    form, sent = form_of({"message": "Which?", "choices": [1, "two"]})
    click(form, "Submit")
    assert "choose one" in page(form)
    type_into(form, 0)
    click(form, "Submit")
    assert sent == [1]


def test_a_value_without_a_question_is_shown_and_answered_in_json() -> None:
    form, sent = form_of([{"id": 1}])
    type_into(form, "{nope")
    click(form, "Submit")
    assert "this is not JSON" in page(form)
    assert sent == []
    type_into(form, '{"ok": [1, null]}')
    click(form, "Submit")
    assert sent == [{"ok": [1, None]}]


@pytest.mark.parametrize(("label", "answer"), [("Yes", True), ("No", False)])
def test_a_bool_is_two_buttons(label: str, answer: bool) -> None:
    form, sent = form_of("Good?", schema_of(bool))
    click(form, label)
    assert sent == [answer]


class Movie(TypedDict):
    title: str
    year: int


def test_pydantic_models_make_fields_too() -> None:
    pydantic = pytest.importorskip("pydantic")
    model = pydantic.create_model("Model", count=(int, pydantic.Field(ge=1, le=5, description="how many")))
    form, sent = form_of("?", schema_of(model))
    assert "how many" in page(form)
    type_into(form, "9")
    click(form, "Submit")
    assert "must be at most 5" in page(form)
    type_into(form, "3")
    click(form, "Submit")
    assert sent == [{"count": 3}]


REQUEST = {
    "action_request": {"action": "send_mail", "args": {"to": "ann"}},
    "config": {"allow_accept": True, "allow_edit": True, "allow_respond": True, "allow_ignore": True},
    "description": "Send this?",
}


@pytest.mark.parametrize(
    ("label", "type_", "args"),
    [
        ("Accept", "accept", None),
        ("Ignore", "ignore", None),
        ("Respond", "response", "no, later"),
        ("Send edited", "edit", {"action": "send_mail", "args": {"to": "bob"}}),
    ],
)
def test_a_tool_call_under_review_is_accepted_edited_answered_or_rejected(label: str, type_: str, args: object) -> None:
    form, sent = form_of([REQUEST])
    assert entries(form)[0].typed == "ann"
    type_into(form, "bob", "no, later")
    click(form, label)
    assert sent == [[{"type": type_, "args": args}]]


def test_only_what_is_allowed_is_offered() -> None:
    form, sent = form_of({**REQUEST, "config": {"allow_accept": True, "allow_edit": False}})
    assert [button.description for button in buttons(form)][:2] == ["Accept", "Reject …"]
    click(form, "Accept")
    assert sent == [{"type": "accept", "args": None}]


def test_a_refusal_is_shown_and_nothing_is_lost() -> None:
    form, sent = form_of("?", sent=Sent(nbflow.NbflowError("must be shorter")))
    type_into(form, "long")
    area = entries(form)[0]
    click(form, "Submit")
    assert "must be shorter" in page(form)
    assert (area.typed, area.disabled, form.is_answered) == ("long", False, False)
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
    assert all(button.disabled for button in buttons(form))
    for job in jobs:
        job()
    click_again = Form.__dict__["_clicked"]
    click_again(form, lambda: "again")
    assert (len(jobs), sent) == (1, [""])


def test_drafts_outlive_the_form() -> None:
    drafts: dict[str, object] = {}
    form, _ = form_of("?", schema_of(Movie), drafts=drafts)
    type_into(form, "Heat")
    form.close()
    again, _ = form_of("?", schema_of(Movie), drafts=drafts)
    assert entries(again)[0].typed == "Heat"
    type_into(again, "Heat", "1995")
    click(again, "Submit")
    assert drafts == {}


def test_the_answer_stays_visible_and_escaped() -> None:
    form, _ = form_of("<b>?</b>")
    type_into(form, "<script>alert(1)</script>")
    click(form, "Submit")
    assert not buttons(form)
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
    click(form, "Reject …")
    click(form, "Cancel")
    click(form, "Reject …")
    type_into(form, *[...] * len(entries(form)), "too dear")
    assert sent == []
    click(form, "Reject")
    assert sent == [Reject("too dear")]
    assert form.is_answered
    assert "Rejected: too dear" in form.html()


def test_a_question_is_asked_with_a_widget_of_the_users_own() -> None:
    made: list[Interrupt] = []

    def slider(asked: Interrupt) -> Any:
        made.append(asked)
        return ipywidgets.IntSlider(value=3, max=10)

    forget = register_form(lambda asked: asked.value == "How much?", slider)
    try:
        form, sent = form_of("How much?", {"type": "integer", "maximum": 5})
        other, _ = form_of("Else?")
    finally:
        forget()
    assert [asked.value for asked in made] == ["How much?"]
    assert entries(other)
    assert not entries(form)
    (own,) = all_in(form.widget, ipywidgets.IntSlider)
    own.value = 7
    click(form, "Submit")
    assert "must be at most 5" in page(form)
    own.value = 4
    click(form, "Submit")
    assert sent == [4]
    again, _ = form_of("How much?")
    assert entries(again), "the registration was taken back"


@pytest.mark.parametrize(
    "long", ["x" * 1_000_000, Markdown("x" * 1_000_000), ["x" * 1_000_000], {"a": "x" * 1_000_000}]
)
def test_what_is_very_long_is_cut_in_the_page_and_sent_whole(long: object) -> None:
    form, sent = form_of({"question": "x" * 1_000_000, "shown": long}, TEXT)
    type_into(form, "y" * 1_000_000)
    for shown in (page(form), form.html(), form.text()):
        assert "more characters" in shown
        assert len(shown) < 60_000
    click(form, "Submit")
    assert sent == ["y" * 1_000_000]
    for shown in (page(form), form.html(), form.text()):
        assert shown.count("more characters") >= 3
        assert len(shown) < 80_000


def test_a_button_says_that_it_checks_while_an_answer_is_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    form, sent = form_of("How many?", {"type": "integer"})
    seen: list[tuple[str, bool]] = []
    button = buttons(form)[0]

    def watched(answer: object, schema: dict[str, Any]) -> list[tuple[list[str | int], str]]:
        seen.append((button.description, button.disabled))
        return nbflow.types.misfits(answer, schema)

    monkeypatch.setattr(forms, "misfits", watched)
    type_into(form, "many")
    click(form, "Submit")
    assert (button.description, button.disabled, sent) == ("Submit", False, []), "it can be sent again"
    type_into(form, "3")
    click(form, "Submit")
    assert (sent, button.description) == ([3], "Submit")
    assert seen == [("Checking …", True)]


@pytest.mark.parametrize("is_here", [True, False])
def test_what_checks_answers_is_loaded_with_the_form_where_a_person_is(
    monkeypatch: pytest.MonkeyPatch, *, is_here: bool
) -> None:
    monkeypatch.setattr(forms, "has_person", lambda: is_here)
    posted: list[Callable[[], None]] = []
    seen: list[object] = []
    monkeypatch.setattr(forms, "misfits", lambda _, schema: seen.append(schema))
    form, _ = form_of("Sure?", {"type": "boolean"}, post=posted.append)
    assert not seen, "not where the form is made"
    for job in posted:
        job()
    assert seen == ([{"type": "boolean"}] if is_here else [])
    assert form.error is None


def before(value: object, earlier: object, schema: dict[str, Any] | None = None, **options: Any) -> tuple[Form, Sent]:
    """Return the form of a question that was answered before."""
    sent = Sent()
    return Form(Interrupt(value, "a" * 32, response_schema=schema, earlier=earlier), sent, **options), sent


@pytest.mark.parametrize(
    ("value", "schema", "earlier", "button", "line"),
    [
        ("How are you?", None, "fine", "Submit", "Answered before: fine"),
        ("Good?", {"type": "boolean"}, False, "No", "Answered before: no"),
        ("Good?", {"type": "boolean"}, True, "Yes", "Answered before: yes"),
        ("How many?", {"type": "integer", "minimum": 1}, 7, "Submit", "Answered before: 7"),
        ({"question": "Which?", "options": ["a", "b"]}, None, "b", "Submit", "Answered before: b"),
        ([{"id": 1}], None, {"ok": [1, None]}, "Submit", "Answered before: {'ok': [1, None]}"),
        ("Fill in", schema_of(Movie), {"title": "Alien", "year": 1979}, "Submit", "'Alien'"),
        (REQUEST, None, {"type": "response", "args": "ask Ben"}, "Respond", "ask Ben"),
        (REQUEST, None, {"type": "ignore", "args": None}, "Ignore", "'ignore'"),
        (
            [REQUEST],
            None,
            [{"type": "edit", "args": {"action": "send_mail", "args": {"to": "bob"}}}],
            "Send edited",
            "'edit'",
        ),
    ],
)
def test_an_answer_of_before_stands_in_the_form_and_one_click_confirms_it(
    value: object, schema: dict[str, Any] | None, earlier: object, button: str, line: str
) -> None:
    form, sent = before(value, earlier, schema)
    assert line in page(form).replace("&#x27;", "'").replace("&quot;", '"')
    assert sent == [], "it answers nothing by itself"
    (marked,) = [one for one in buttons(form) if "nbflow-submit" in one._dom_classes and one.description != "Reject"]
    assert marked.description == button, "Enter sends the same again"
    click(form, button)
    assert sent == [earlier]


def test_an_answer_of_before_gives_way_to_what_was_typed_since() -> None:
    drafts: dict[str, object] = {}
    form, _ = before("How are you?", "fine", drafts=drafts)
    type_into(form, "well")
    form.close()
    form, sent = before("How are you?", "fine", drafts=drafts)
    click(form, "Submit")
    assert sent == ["well"]


def test_a_rejection_of_before_is_told() -> None:
    form, _ = before("How are you?", Reject("none of your business"))
    assert "Answered before: rejected (none of your business)" in page(form)
    assert "Answered before: rejected (none of your business)" in form.html()
    assert "answered before: rejected (none of your business)" in form.text()


def test_an_answer_of_before_that_does_not_fit_the_field_is_told_alone() -> None:
    form, sent = before("How many?", {"no": "number"}, {"type": "integer"})
    assert "Answered before" in page(form)
    type_into(form, "3")
    click(form, "Submit")
    assert sent == [3]


@pytest.mark.parametrize("secret", [{"type": "string", "format": "password"}, {"type": "string", "writeOnly": True}])
def test_a_secret_of_before_is_neither_shown_nor_filled_in(secret: dict[str, Any]) -> None:
    schema = {"type": "object", "properties": {"name": TEXT, "key": secret}, "required": ["name", "key"]}
    form, sent = before("Who?", {"name": "ann", "key": "hush"}, schema)
    assert "Answered before, with a secret" in page(form)
    assert "hush" not in page(form) + form.html() + form.text()
    assert [entry.typed for entry in entries(form)] == ["ann", ""]
    click(form, "Submit")
    assert sent == []
    form, _ = before("Key?", "hush", secret)
    assert "hush" not in page(form) + form.html() + form.text() + repr([entry.typed for entry in entries(form)])


def rest(entry: Any) -> None:
    """Pause after typing, or leave the input."""
    entry._on_message(entry, {"kind": "rest"}, [])


@pytest.mark.parametrize(
    ("schema", "typed", "problem"),
    [
        ({"type": "integer", "maximum": 5}, "9", "must be at most 5"),
        ({"type": "integer"}, "many", "'many' is not a whole number"),
        ({"type": "number"}, None, "type a number"),
        ({"type": "string", "minLength": 3}, "ab", "must be at least this long: 3"),
        ({"type": "string", "pattern": "^[a-z]+$"}, "A1", "must be text that matches"),
        ({"type": "string", "format": "duration"}, "soon", "is not a duration"),
        ({"type": "string", "format": "date"}, "2026-13-01", "month must be in 1..12"),
        ({}, "{nope", "this is not JSON"),
    ],
)
@pytest.mark.parametrize("is_part", [False, True])
def test_a_misfit_is_told_when_typing_pauses(
    schema: dict[str, Any], typed: object, problem: str, is_part: bool
) -> None:
    whole = {"type": "object", "properties": {"one": schema}, "required": ["one"]} if is_part else schema
    form, sent = form_of([{"id": 1}], whole or None)
    (entry,) = entries(form)
    type_into(form, typed)
    assert entry.problem == "", "not while it is typed"
    rest(entry)
    assert problem in entry.problem
    type_into(form, typed)
    assert entry.problem == "", "it goes as soon as something is typed"
    assert sent == []


def test_what_fits_is_not_complained_about_at_rest() -> None:
    form, _ = form_of("?", {"type": "integer", "maximum": 5})
    (entry,) = entries(form)
    type_into(form, "9")
    rest(entry)
    type_into(form, "4")
    rest(entry)
    assert entry.problem == ""
