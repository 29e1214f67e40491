"""Every type and keyword has a field that reads as it wants, and tells what is wrong beside the place."""

from __future__ import annotations

import datetime as dt
import enum
import uuid
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any, Literal, NamedTuple, TypedDict

import msgspec
import pydantic
import pytest

import nbflow
from nbflow import Interrupt
from nbflow.types import Command, interrupt
from nbflow_widgets.fields import EMPTY, FieldError, field_of
from nbflow_widgets.forms import Form
from tests.widgets.people import all_in, buttons, click, entries, give, page, press, type_into

TEXT = {"type": "string"}


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


class Point(NamedTuple):
    x: int
    y: float


@dataclass
class Node:
    name: str
    inner: Node | None = None


class Flow:
    """A question of a type, with its form; what the form sends is given to the run."""

    def __init__(self, wanted: object) -> None:
        @nbflow.entrypoint(checkpointer=nbflow.InMemorySaver())
        def flow(_: object) -> Any:
            return interrupt("?", response_schema=wanted)

        self._flow = flow
        self._config = {"configurable": {"thread_id": "t"}}
        self.asked: Interrupt = flow.invoke(1, self._config)["__interrupt__"][0]
        self.result: object = EMPTY
        self.sent: list[object] = []
        self.form = Form(self.asked, self._send)

    def _send(self, answer: object) -> None:
        self.result = self._flow.invoke(Command(resume={self.asked.id: answer}), self._config)
        self.sent.append(answer)


ONE_INPUT: list[tuple[object, object, object]] = [
    (str, "x", "x"),
    (str, "", ""),
    (int, "42", 42),
    (float, "4.5", 4.5),
    (float, "4", 4.0),
    (Decimal, "0.10", Decimal("0.10")),
    (dt.date, "2026-02-28", dt.date(2026, 2, 28)),
    (dt.time, "08:30", dt.time(8, 30)),
    (dt.datetime, "2026-02-28T08:30", dt.datetime(2026, 2, 28, 8, 30, tzinfo=dt.timezone(dt.timedelta(hours=1)))),
    (Annotated[dt.datetime, msgspec.Meta(tz=False)], "2026-02-28T08:30", dt.datetime(2026, 2, 28, 8, 30)),
    (Annotated[dt.time, msgspec.Meta(tz=False)], "08:30", dt.time(8, 30)),
    (Annotated[dt.time, msgspec.Meta(tz=True)], "08:30", dt.time(8, 30, tzinfo=dt.timezone(dt.timedelta(hours=1)))),
    (pydantic.NaiveDatetime, "2026-02-28T08:30", dt.datetime(2026, 2, 28, 8, 30)),
    (dt.timedelta, "1h 30m", dt.timedelta(hours=1, minutes=30)),
    (dt.timedelta, "PT45S", dt.timedelta(seconds=45)),
    (uuid.UUID, "8b3e6f0a-4ab5-4d6e-9d3a-111111111111", uuid.UUID("8b3e6f0a-4ab5-4d6e-9d3a-111111111111")),
    (Literal["a", "b"], 1, "b"),
    (Literal[1, "1", True], 0, 1),
    (Colour, 1, Colour.RED),
    (list[Literal["a", "b"]], [1, 0], ["b", "a"]),
    (set[Colour], [1], {Colour.RED}),
    (Literal[tuple("abcdefghijklmnopq")], "k", "k"),
    (Literal[tuple("abcdefgh")], 3, "d"),
    (Any, "[1, 2]", [1, 2]),
    (dict, '{"a": 1}', {"a": 1}),
    (list, "[]", []),
    (int | None, "", None),
    (int | None, "7", 7),
    (bool | None, 1, False),
]


@pytest.mark.parametrize(("wanted", "typed", "result"), ONE_INPUT, ids=[f"{one[0]}-{one[1]}" for one in ONE_INPUT])
def test_what_is_typed_reaches_the_body_as_its_type(wanted: object, typed: object, result: object) -> None:
    flow = Flow(wanted)
    type_into(flow.form, typed)
    click(flow.form, "Submit")
    assert (flow.result, type(flow.result)) == (result, type(result)), page(flow.form)


@pytest.mark.parametrize("data", [b"\x00\xff\x01", b"", bytes(range(256)) * 5], ids=len)
def test_a_file_answers_with_its_bytes(data: bytes) -> None:
    flow = Flow(bytes)
    give(entries(flow.form)[0], data, part=100)
    click(flow.form, "Submit")
    assert flow.result == data


def test_a_file_is_an_answer_once_all_of_it_has_come() -> None:
    flow = Flow(bytes)
    (entry,) = entries(flow.form)
    give(entry, b"a" * 300, part=100, parts=2)
    click(flow.form, "Submit")
    assert "still on its way" in page(flow.form)
    give(entry, b"b" * 300, part=100, parts=1)  # another one in the place of the first
    give(entry, b"c" * 300, page="another page", part=100, parts=1)
    content = {"kind": "part", "page": "a page", "name": "a.bin", "size": 300, "at": 100}
    entry._on_message(entry, content, [memoryview(b"b" * 100)])
    click(flow.form, "Submit")
    assert "still on its way" in page(flow.form), "a page that has lost its turn adds nothing"
    press(entry, {"name": "film.bin", "size": entry.limit + 1})
    click(flow.form, "Submit")
    assert "at most 200,000,000" in page(flow.form)
    assert flow.sent == []
    give(entry, b"d" * 300, part=100)
    click(flow.form, "Submit")
    assert flow.result == b"d" * 300


def test_a_nested_type_is_filled_and_converted() -> None:
    flow = Flow(Person)
    form = flow.form
    assert [one.label for one in entries(form)] == [
        "name", "age", "colour", "member", "street", "zip", "weight"
    ]  # fmt: skip
    click(form, "+ Add")
    by_label = {one.label: one for one in entries(form)}
    tag = next(one for one in entries(form) if not one.label)
    for name, typed in {
        "name": "Ann",
        "age": "33",
        "colour": by_label["colour"].options.index("blue"),
        "member": 0,
    }.items():
        press(by_label[name], typed)
    press(tag, "a")
    press(by_label["street"], "Main")
    click(form, "Submit")
    expected = Person("Ann", 33, "blue", True, ["a"], Address("Main"))
    assert flow.result == expected, page(form)


def test_lists_grow_shrink_and_are_reordered() -> None:
    field = field_of({"type": "array", "items": {"type": "integer"}, "minItems": 2})
    assert len(entries(field)) == 2
    click(field, "+ Add")
    type_into(field, "1", "2", "3")
    assert field.read() == [1, 2, 3]
    click(field, "↓")
    assert field.read() == [2, 1, 3]
    [one for one in buttons(field) if one.description == "✕"][1].click()
    assert field.read() == [2, 3]
    click(field, "✕")
    with pytest.raises(FieldError, match="add at least 2"):
        field.read()


def test_names_and_values_read_as_a_dict() -> None:
    flow = Flow(dict[str, int])
    click(flow.form, "+ Add")
    click(flow.form, "+ Add")
    type_into(flow.form, "a", "1", "a", "2")
    click(flow.form, "Submit")
    assert "no two the same" in page(flow.form)
    type_into(flow.form, "a", "1", "b", "2")
    click(flow.form, "Submit")
    assert flow.result == {"a": 1, "b": 2}


def test_a_tuple_has_a_field_for_each_place() -> None:
    flow = Flow(tuple[int, str])
    type_into(flow.form, "1", "x")
    click(flow.form, "Submit")
    assert flow.result == (1, "x")


def test_one_of_several_types_is_chosen_first() -> None:
    flow = Flow(int | list[str] | Address)
    click(flow.form, "Submit")
    assert "choose one" in page(flow.form)
    options = entries(flow.form)[0].options
    press(entries(flow.form)[0], options.index("Address"))
    type_into(flow.form, ..., "Main")
    click(flow.form, "Submit")
    assert flow.result == Address("Main")


def test_a_type_that_holds_itself_is_opened_as_deep_as_is_wanted() -> None:
    flow = Flow(Node)
    type_into(flow.form, "outer", [0])
    type_into(flow.form, ..., ..., "inner")
    click(flow.form, "Submit")
    assert flow.result == Node("outer", Node("inner"))


@pytest.mark.parametrize(
    ("schema", "typed", "problem"),
    [
        ({"type": "integer"}, "4.5", "'4.5' is not a whole number"),
        ({"type": "integer"}, "1_0", "is not a whole number"),
        ({"type": "integer"}, "", "type a whole number"),
        ({"type": "number"}, None, "type a number"),
        ({"type": "number"}, "1e999", "too large"),
        ({"type": "number"}, "nan", "is not a number"),
        ({"enum": [1, 2]}, None, "choose one"),
        ({"enum": [*range(20)]}, "77", "none of the 20 choices"),
        ({"type": "string", "format": "date"}, "", "choose a date"),
        ({"type": "string", "format": "duration"}, "soon", "'soon' is not a duration"),
        ({"type": "array", "items": {"enum": ["a", "b"]}, "minItems": 1}, [], "choose at least 1"),
        ({}, "{nope", "this is not JSON"),
        ({"type": "string", "contentEncoding": "base64"}, None, "choose a file"),
    ],
)
def test_what_can_not_be_read_is_told(schema: dict[str, Any], typed: object, problem: str) -> None:
    field = field_of(schema)
    type_into(field, typed)
    with pytest.raises(FieldError, match=problem):
        field.read()
    assert problem.strip("'") in page(field).replace("'", "") or problem in page(field)


@pytest.mark.parametrize(
    ("wanted", "typed", "problem"),
    [
        ({"type": "number", "exclusiveMinimum": 0, "maximum": 1}, "0", "must be above 0"),
        ({"type": "string", "minLength": 3}, "ab", "must be at least this long: 3"),
        ({"type": "string", "pattern": "^a+$"}, "b", "must be text that matches the pattern"),
        ({"type": "integer", "multipleOf": 5}, "7", "must be a multiple of 5"),
        ({"type": "array", "items": {"enum": [1, 2, 3]}, "maxItems": 1}, [0, 1], "of at most this many items"),
        ({"type": "string", "not": {"const": "no"}}, "no", "must not fit"),
        (Annotated[int, msgspec.Meta(ge=3)], "2", "must be at least 3"),
    ],
)
def test_what_does_not_fit_is_told_before_it_is_sent(wanted: object, typed: object, problem: str) -> None:
    flow = Flow(wanted)
    type_into(flow.form, typed)
    click(flow.form, "Submit")
    assert problem in entries(flow.form)[0].problem
    assert (flow.sent, flow.result) == ([], EMPTY)


def test_all_bad_fields_are_flagged_at_once_each_at_its_place() -> None:
    bounded = {"type": "integer", "minimum": 0}
    parts = {
        "a": {"type": "integer"},
        "b": bounded,
        "c": TEXT,
        "d": {"type": "object", "properties": {"e": bounded}, "required": ["e"]},
    }
    flow = Flow({"type": "object", "properties": parts, "required": ["a", "b", "c", "d"]})
    a, b, c, e = entries(flow.form)
    click(flow.form, "Submit")
    assert all(one.problem for one in (a, b, c, e))
    type_into(flow.form, "1", "-1", "x", "-2")
    assert not any(one.problem for one in (a, b, c, e)), "a complaint goes with the first key"
    click(flow.form, "Submit")
    assert ["must be at least 0" in one.problem for one in (a, b, c, e)] == [False, True, False, True]
    type_into(flow.form, "", "-1", "x", "-2")
    click(flow.form, "Submit")
    problems = [one.problem for one in (a, b, c, e)]
    assert problems == ["type a whole number", "must be at least 0", "", "must be at least 0"]
    assert flow.sent == []


def test_what_one_field_lacks_hides_no_other_complaint() -> None:
    """Each field is held to its own bounds, whether or not the whole can be read yet."""
    colour = {"$ref": "#/$defs/colour"}
    several = {"type": "array", "items": colour, "maxItems": 1}
    named = {"type": "object", "additionalProperties": {"type": "integer", "maximum": 3}, "maxProperties": 1}
    parts = {"lacks": {"type": "integer"}, "day": {"type": "string", "format": "email"}, "picks": several, "map": named}
    field = field_of(
        {"type": "object", "properties": parts, "required": ["lacks"], "$defs": {"colour": {"enum": ["red", "blue"]}}}
    )
    for _ in range(2):
        click(field, "+ Add")
    lacks, day, picks, *rows = entries(field)
    for entry, typed in zip((day, picks, *rows), ("no mail", [0, 1], "a", "1", "b", "2"), strict=True):
        press(entry, typed)
    with pytest.raises(FieldError):
        field.read()
    assert lacks.problem == "type a whole number"
    assert day.problem == "must be of the format email"
    assert picks.problem == "must be of at most this many items: 1"
    assert "too many" in page(field)
    press(rows[3], "4")
    with pytest.raises(FieldError):
        field.read()
    assert rows[3].problem == "must be at most 3"


@dataclass
class Kept:
    name: str
    data: bytes = b"abc"
    key: Annotated[str, msgspec.Meta(extra_json_schema={"format": "password"})] = "hunter2"


class Masked(pydantic.BaseModel):
    name: str
    key: pydantic.SecretStr = pydantic.SecretStr("hunter2")


@pytest.mark.parametrize(
    ("wanted", "result"), [(Kept, Kept("x")), (Masked, Masked(name="x"))], ids=["dataclass", "pydantic"]
)
def test_a_default_that_no_field_shows_stays_as_it_is(wanted: object, result: object) -> None:
    """The default of a secret is a mask in the schema of pydantic's, and a file has none to show."""
    flow = Flow(wanted)
    assert "***" not in repr([one.typed for one in entries(flow.form)])
    assert "hunter2" not in repr([one.typed for one in entries(flow.form)])
    type_into(flow.form, "x")
    click(flow.form, "Submit")
    assert flow.result == result, page(flow.form)


@pytest.mark.parametrize(
    ("part", "required", "typed", "answer"),
    [
        ({"type": "integer", "default": 5}, False, "5", {"x": 5}),
        ({"anyOf": [{"type": "integer"}, {"type": "null"}], "default": 5}, False, "", {"x": None}),
        ({"anyOf": [{"type": "integer"}, {"type": "null"}], "default": None}, False, "", {}),
        ({"anyOf": [{"type": "integer"}, {"type": "null"}]}, True, "", {"x": None}),
        ({"type": ["string", "null"]}, True, "", {"x": None}),
        ({"type": "string", "default": "abc"}, False, "", {"x": ""}),
        (TEXT, False, "", {}),
    ],
)
def test_an_empty_field_means_nothing_and_never_a_default_in_silence(
    part: dict[str, Any], required: bool, typed: str, answer: object
) -> None:
    field = field_of({"type": "object", "properties": {"x": part}, "required": ["x"] if required else []})
    type_into(field, typed)
    assert field.read() == answer


def test_a_number_that_was_taken_out_is_asked_for() -> None:
    field = field_of({"type": "object", "properties": {"x": {"type": "integer", "default": 5}}})
    type_into(field, "")
    with pytest.raises(FieldError, match="such as the default, 5"):
        field.read()


@pytest.mark.parametrize("wanted", [Person, Node, list[int], dict[str, int], tuple[int, str], int | list[str], Colour])
def test_a_draft_brings_back_what_was_typed_and_survives_json(wanted: object) -> None:
    flow = Flow(wanted)
    for _ in range(2):
        for button in [one for one in buttons(flow.form) if one.description == "+ Add"]:
            button.click()
    for number, entry in enumerate(entries(flow.form)):
        press(entry, [0] if entry.kind == "checks" else 0 if entry.options else f"{number}")
    kept = msgspec.json.decode(msgspec.json.encode(flow.form._fields["answer"].draft()))
    again = Form(flow.asked, lambda _answer: None)
    again._fields["answer"].restore(kept)
    assert again._fields["answer"].draft() == flow.form._fields["answer"].draft()


def test_secrets_are_no_drafts() -> None:
    drafts: dict[str, object] = {}
    schema = {
        "type": "object",
        "properties": {"key": {"type": "string", "format": "password"}, "x": TEXT},
        "required": ["key"],
    }
    form = Form(Interrupt("?", "a" * 32, response_schema=schema), lambda _answer: None, drafts=drafts)
    type_into(form, "hunter2", "seen")
    assert "hunter2" not in repr(drafts)
    assert "seen" in repr(drafts)


def test_references_allof_and_titles_are_understood() -> None:
    schema = {
        "$ref": "#/$defs/A",
        "$defs": {
            "A": {
                "allOf": [
                    {"type": "object", "properties": {"x": {"$ref": "#/$defs/X"}}, "required": ["x"]},
                    {"properties": {"y": TEXT}},
                ]
            },
            "X": {
                "oneOf": [{"const": 1, "title": "One"}, {"const": 2, "title": "Two"}],
                "title": "How many",
                "description": "of them",
            },
        },
    }
    flow = Flow(schema)
    x, y = entries(flow.form)
    assert (x.label, x.help, x.options, x.required, y.required) == ("x", "of them", ["One", "Two"], True, False)
    type_into(flow.form, 1, "")
    click(flow.form, "Submit")
    assert flow.result == {"x": 2}


def test_the_page_is_told_no_more_than_it_must_know_and_other_pages_see_what_is_typed() -> None:
    field = field_of(TEXT)
    entry = entries(field)[0]
    told: list[object] = []
    entry.send = lambda content, buffers=None: told.append(content)
    press(entry, "ab", page="one")
    assert told == [{"kind": "value", "value": "ab", "page": "one"}]
    entry._on_message(entry, {"kind": "hello", "page": "two"}, [])
    assert told[-1] == {"kind": "value", "value": "ab"}
    assert all_in(field.widget, type(entry)) == [entry]


_NODE = {"$ref": "#/$defs/node"}


@pytest.mark.parametrize(
    "node",
    [
        {"type": "object", "properties": {"next": _NODE}, "required": ["next"]},
        {
            "type": "object",
            "properties": {"all": {"type": "array", "items": _NODE, "minItems": 1}},
            "required": ["all"],
        },
        {"type": "array", "prefixItems": [{"allOf": [_NODE]}]},
        {"type": "object", "additionalProperties": _NODE, "minProperties": 2},
        {"type": "object", "properties": {"next": {"$ref": "#"}}, "required": ["next"]},
    ],
)
def test_a_type_that_must_hold_itself_ends_as_json(node: dict[str, Any]) -> None:
    field = field_of({**_NODE, "$defs": {"node": node}})
    assert entries(field)[-1].code
    with pytest.raises(FieldError):
        field.read()


def test_each_row_that_is_asked_for_is_as_deep_as_the_first() -> None:
    node = {
        "type": "object",
        "properties": {"name": TEXT, "all": {"type": "array", "items": _NODE}},
        "required": ["name"],
    }
    field = field_of({**_NODE, "$defs": {"node": node}})
    type_into(field, "root")
    for depth in range(4):
        click(field, "+ Add")
        press(entries(field)[-1], f"leaf {depth}")
        assert not any(one.code for one in entries(field))


@pytest.mark.parametrize(
    ("part", "default"),
    [
        ({"type": "string", "format": "date-time"}, "now"),
        ({"type": "string", "format": "date"}, "today"),
        ({"type": "string", "format": "time"}, 5),
        ({"type": "string", "format": "duration"}, {}),
        ({"type": "array", "items": {"enum": [1, 2]}}, 5),
        ({"type": "array", "items": {"enum": [1, 2]}}, [[]]),
        ({"type": "array", "items": {"type": "integer"}}, "x"),
        ({"type": "array", "prefixItems": [{"type": "integer"}]}, ["x"]),
        ({"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}, [1]),
        ({"type": "object", "additionalProperties": {"type": "integer"}}, "x"),
        ({"anyOf": [{"type": "integer"}, {"type": "string"}]}, [1]),
        ({"enum": [1, 2]}, 3),
        ({"type": "boolean"}, "x"),
        ({"type": "string"}, 5),
        ({"type": "integer"}, "x"),
    ],
)
def test_a_default_that_does_not_fit_its_schema_is_none(part: dict[str, Any], default: object) -> None:
    field = field_of({"type": "object", "properties": {"x": {**part, "default": default}}})
    assert field.read() == {}


def test_a_draft_of_another_field_is_left() -> None:
    drafts: list[object] = [{"x": 1}, [7], 99, "choice", [None], [[0]], True]
    for schema in ({"enum": [1, 2]}, {"type": "boolean"}, {"type": "array", "items": {"enum": [1, 2]}}, TEXT):
        for draft in drafts:
            kept: dict[str, object] = {"a" * 32: {"answer": draft}}
            form = Form(Interrupt("?", "a" * 32, response_schema=schema), lambda _answer: None, drafts=kept)
            for entry in entries(form):
                assert entry.typed in ("", None, []) or (schema is TEXT and entry.typed == draft == "choice")
