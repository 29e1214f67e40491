"""Answers that do not fit: refused before they are stored, whoever knows it, or the question is open again."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

import msgspec
import pydantic
import pytest

from nbflow import Command, InMemorySaver, entrypoint, interrupt
from nbflow.checkpoint.base import BaseCheckpointSaver
from nbflow.errors import InvalidAnswerError, InvalidOptionError
from nbflow.schemas import answers
from tests.behaviour.flavours import Flavour

CONFIG: Any = {"configurable": {"thread_id": "t"}}
ID = "6ba7b810-9dad-11d1-80b4-00c04fd430c8"


class Movie(pydantic.BaseModel):
    year: int

    @pydantic.field_validator("year")
    @classmethod
    def after_the_first(cls, year: int) -> int:
        if year < 1888:
            raise ValueError("there were no films then")
        return year


class Fragile(pydantic.BaseModel):
    name: str

    @pydantic.field_validator("name")
    @classmethod
    def known(cls, name: str) -> str:
        return {"a": "A"}[name]  # a KeyError is no ValueError


@dataclass
class Row:
    name: str
    when: dt.date


TYPES: list[Any] = [
    pytest.param(dt.date, "tomorrow", "2026-01-31", "the answer is 'tomorrow'", id="date"),
    pytest.param(dt.timedelta, "long", "PT5S", "'long'", id="timedelta"),
    pytest.param(UUID, "x", ID, "'x'", id="uuid"),
    pytest.param(Decimal, "x", "1.5", "'x'", id="decimal"),
    pytest.param(bytes, "é", "eA==", "'é'", id="bytes"),
    pytest.param(dict[str, int], {"a": "b"}, {"a": 1}, "a is 'b', but must be of type integer", id="dict"),
    pytest.param(tuple[int, str], [1, 2], [1, "b"], r"\[1\] is 2, but must be of type string", id="tuple"),
    pytest.param(Annotated[str, msgspec.Meta(pattern="^a")], "b", "ab", "pattern", id="pattern"),
    pytest.param(
        list[Row], [{"name": "a", "when": "b"}], [{"name": "a", "when": "2026-01-31"}], r"\[0\].when", id="path"
    ),
]
MODELS: list[Any] = [
    pytest.param(dt.datetime, "noon", "2026-01-31T12:00:00Z", "'noon'", id="datetime"),
    pytest.param(dt.time, "noon", "12:00:00", "'noon'", id="time"),
    pytest.param(Movie, {"year": 3}, {"year": 1999}, "year is 3: there were no films then", id="validator"),
    pytest.param(Fragile, {"name": "b"}, {"name": "a"}, "'b'", id="validator-that-breaks"),
    pytest.param(list[Movie], [{"year": 3}], [{"year": 1999}], r"\[0\].year is 3", id="models"),
]
SCHEMAS: list[Any] = [
    pytest.param({"properties": {"a": {}}, "additionalProperties": False}, {"b": 1}, {"a": 1}, "'b'", id="additional"),
    pytest.param({"type": "string", "pattern": "^a"}, "b", "ab", "'b', but must be text that matches", id="pattern"),
    pytest.param({"type": "string", "format": "date"}, "b", "2026-01-31", "format date", id="format"),
    pytest.param({"prefixItems": [{"type": "string"}]}, [1], ["a"], r"\[0\] is 1", id="prefixItems"),
    pytest.param({"multipleOf": 3}, 4, 6, "a multiple of 3", id="multipleOf"),
    pytest.param({"allOf": [{"minimum": 3}, {"maximum": 5}]}, 2, 4, "at least 3", id="allOf"),
    pytest.param({"not": {"type": "string"}}, "x", 1, "must not fit", id="not"),
    pytest.param({"$ref": "#/$defs/a", "$defs": {"a": {"type": "string"}}}, 1, "x", "of type string", id="ref"),
    pytest.param({"anyOf": [{"type": "string"}, {"type": "null"}]}, 1, None, "string or null", id="anyOf"),
]


def ask(flow: Flavour, wanted: Any) -> Any:
    @flow.entrypoint
    def body(_: int) -> Any:
        answer = interrupt("what?", response_schema=wanted)
        return repr(answer)

    return body


@pytest.fixture(params=["the process that asked", "another one"])
def forgets(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Whether the process that answers knows no more than the stored question."""
    if request.param == "another one":
        monkeypatch.setattr(answers, "_types", {})
        monkeypatch.setattr(answers, "remember", lambda *_: None)
    return bool(request.param == "another one")


@pytest.mark.parametrize(("wanted", "bad", "good", "told"), [*TYPES, *SCHEMAS])
def test_a_bad_answer_is_refused_at_the_door(
    flow: Flavour, forgets: bool, wanted: Any, bad: Any, good: Any, told: str
) -> None:
    body = ask(flow, wanted)
    (question,) = flow.invoke(body, 0)["__interrupt__"]
    before = len(body.last_run(CONFIG).log)
    with pytest.raises(InvalidAnswerError, match=told) as refused:
        flow.invoke(body, Command(resume=bad))
    assert str(refused.value).startswith("question 'what?': ")
    assert len(body.last_run(CONFIG).log) == before, "nothing was written"
    assert body.get_state(CONFIG).interrupts == (question,)
    assert flow.invoke(body, Command(resume=good)) == repr(answers.convert(good, wanted))


@pytest.mark.parametrize(("wanted", "bad", "good", "told"), MODELS)
def test_a_type_at_hand_says_what_its_schema_cannot(flow: Flavour, wanted: Any, bad: Any, good: Any, told: str) -> None:
    body = ask(flow, wanted)
    flow.invoke(body, 0)
    with pytest.raises(InvalidAnswerError, match=told):
        flow.invoke(body, Command(resume=bad))
    assert flow.invoke(body, Command(resume=good)) == repr(answers.convert(good, wanted))


@pytest.mark.parametrize(
    ("wanted", "answer"),
    [(dt.date, dt.date(2026, 1, 31)), (UUID, UUID(ID)), (tuple[int, str], (1, "b")), (dict[int, str], {1: "a"})],
)
def test_an_answer_may_be_an_instance_of_the_type(flow: Flavour, forgets: bool, wanted: Any, answer: Any) -> None:
    body = ask(flow, wanted)
    flow.invoke(body, 0)
    assert flow.invoke(body, Command(resume=answer)) == repr(answer)


@pytest.mark.parametrize(
    ("schema", "told"),
    [
        ({"type": "strin"}, "'strin'"),
        ({"pattern": "("}, "'regex'"),
        ({"properties": {"a": {"minimum": "b"}}}, "properties.a.minimum"),
        ({"const": object()}, "JSON"),
        ({"$ref": "http://localhost:1/a.json"}, "nothing is fetched"),
        ({"items": {"$ref": "other.json"}}, "nothing is fetched"),
        ({"$ref": "#/$defs/gone"}, r"#/\$defs/gone"),
    ],
)
def test_a_wrong_schema_is_told_where_it_is_asked(flow: Flavour, schema: Any, told: str) -> None:
    body = ask(flow, schema)
    with pytest.raises(InvalidOptionError, match=told) as error:
        flow.invoke(body, 0)
    assert str(error.value).startswith("interrupt(): response_schema is ")


@pytest.mark.parametrize("wanted", [Movie, dt.date])
def test_a_default_fits_as_any_answer_does(flow: Flavour, wanted: Any) -> None:
    @flow.entrypoint
    def body(default: Any) -> Any:
        return interrupt("what?", response_schema=wanted, timeout=60, default=default)

    with pytest.raises(InvalidOptionError, match="must fit the response_schema"):
        flow.invoke(body, {"year": 3} if wanted is Movie else "tomorrow")


def test_a_process_keeps_the_types_of_its_latest_questions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers, "_types", {})
    monkeypatch.setattr(answers, "LIVE", 3)
    for number in range(10):
        answers.remember(str(number), int)
    assert list(answers._types) == ["7", "8", "9"]


def bodies(wanted: Any, saver: BaseCheckpointSaver) -> Any:
    @entrypoint(checkpointer=saver)
    def body(_: int) -> Any:
        return interrupt("what?", response_schema=wanted)

    return body


def test_a_schema_that_an_older_version_stored_unchecked_takes_an_answer() -> None:
    saver = InMemorySaver()
    body = bodies(None, saver)
    body.invoke(0, CONFIG)
    (question,) = body.last_run(CONFIG).interrupts
    assert answers.refusal(1, {"$ref": "http://localhost:1/a.json"}, question=question.id) is None
    assert answers.refusal(1, {"pattern": "("}, question=question.id) is None
