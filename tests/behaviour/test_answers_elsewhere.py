"""A process that knows no more of a question than its schema takes every answer that the question's type takes."""

from __future__ import annotations

import dataclasses
import enum
import random
from decimal import Decimal
from typing import Annotated, Any, NamedTuple, NotRequired, TypedDict
from uuid import UUID

import msgspec
import pydantic
import pytest

from nbflow import Command, InMemorySaver, interrupt
from nbflow.errors import InvalidAnswerError, InvalidOptionError
from nbflow.schemas import answers
from tests.behaviour.flavours import Flavour


class Aliased(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="forbid")
    n: int = pydantic.Field(alias="N")


class Named(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="forbid", populate_by_name=True)
    n: int = pydantic.Field(alias="N")


class Bit(enum.Flag):
    A = 1
    B = 2
    C = 4


class Tagged(msgspec.Struct, tag=True):
    a: int


@dataclasses.dataclass
class Holds:
    price: Decimal
    key: UUID
    bits: Bit
    tags: set[int]
    item: Tagged


Tenths = Annotated[float, msgspec.Meta(multiple_of=0.1, ge=0)]


class Ticket(msgspec.Struct, frozen=True, rename="camel", tag=True):
    name: str
    its_price: Tenths = 0.5
    more: list[Tenths] = []


@dataclasses.dataclass(frozen=True, slots=True)
class Sale:
    ticket: Ticket
    paid: Tenths
    count: int = 1


class Order(TypedDict):
    total: Tenths
    sales: NotRequired[list[Sale]]


class Pair(NamedTuple):
    first: Tenths
    second: Tenths = 0.0


SOLD = {"ticket": {"type": "Ticket", "name": "a", "itsPrice": 0.3, "more": [0.7]}, "paid": 0.3}
UNIQUE = UUID("12345678123456781234567812345678")
GOOD: list[Any] = [
    (Aliased, {"N": 1}), (Aliased, Aliased(N=1)), (Aliased, {"N": "1"}), (Named, {"n": 1}), (Named, Named(N=1)),
    (Decimal, 1.5), (Decimal, 2), (Decimal, "1.5"), (Decimal, Decimal("1.5")), (list[Decimal], [1.5, "2"]),
    (UUID, UNIQUE.bytes), (UUID, UNIQUE.hex), (UUID, UNIQUE), (bytes, b"ab"), (bytes, "YWI="),
    (Bit, 3), (Bit, 0), (Bit, -2), (Bit, Bit.A | Bit.C), (set[int], [1, 1]), (frozenset[str], ["a", "a"]),
    (set[int], {1, 2}), (Tagged, {"a": 1}), (Tagged, {"type": "Tagged", "a": 1}), (Tagged, Tagged(1)),
    (Annotated[int, pydantic.Field()], "4"), (list[pydantic.PositiveInt], ["4", 5.0]),
    (Annotated[float, pydantic.Field(multiple_of=0.1)], 0.3),
    (Annotated[float, msgspec.Meta(multiple_of=0.1, ge=0)], 0.3),
    (list[Annotated[float, msgspec.Meta(multiple_of=0.01)] | None], [19.99, None]),
    (Ticket, {"type": "Ticket", "name": "a", "itsPrice": 0.3}), (Sale, SOLD), (Order, {"total": 0.3, "sales": [SOLD]}),
    (Order, {"total": 0.3}), (Pair, [0.3]), (dict[str, Sale | None], {"a": SOLD}), (Ticket, Ticket("a", 0.3)),
    (Holds, {"price": 1.5, "key": UNIQUE.bytes, "bits": 5, "tags": [1, 1], "item": {"a": 1}}),
]  # fmt: skip
BAD: list[Any] = [
    (Decimal, "x"), (Decimal, [1]), (UUID, "x"), (UUID, 5), (bytes, 5), (Bit, 8), (Bit, "A"), (set[int], ["a"]),
    (Annotated[float, msgspec.Meta(multiple_of=0.1, ge=0)], 0.33),
    (Annotated[float, msgspec.Meta(multiple_of=0.1, ge=0)], -0.3),
    (Sale, {**SOLD, "paid": 0.33}), (Sale, {**SOLD, "paid": -0.3}), (Order, {}), (Pair, [0.3, 0.33]),
    (Tagged, {"b": 1}), (Tagged, {"type": "Other", "a": 1}), (int, "4"), (bool, 1), (str, b"ab"),
]  # fmt: skip


@pytest.fixture(params=["the process that asked", "another one"], autouse=True)
def _forgets(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "another one":
        monkeypatch.setattr(answers, "_types", {})
        monkeypatch.setattr(answers, "remember", lambda *_: None)


def ask(flow: Flavour, wanted: Any) -> Any:
    @flow.entrypoint
    def body(_: int) -> Any:
        return repr(interrupt("what?", response_schema=wanted))

    flow.invoke(body, 1)
    return body


@pytest.mark.parametrize(("wanted", "answer"), GOOD)
def test_what_the_type_takes_is_taken(flow: Flavour, wanted: Any, answer: Any) -> None:
    body = ask(flow, wanted)
    assert flow.invoke(body, Command(resume=answer)) == repr(answers.convert(answer, wanted))


@pytest.mark.parametrize(("wanted", "answer"), BAD)
def test_what_no_form_of_the_type_is_is_refused(flow: Flavour, wanted: Any, answer: Any) -> None:
    body = ask(flow, wanted)
    with pytest.raises(InvalidAnswerError):
        flow.invoke(body, Command(resume=answer))


def test_what_holds_multiples_of_decimal_numbers_is_of_its_own_class() -> None:
    sale = answers.convert(SOLD, Sale)
    assert (type(sale), type(sale.ticket)) == (Sale, Ticket)
    assert sale == Sale(Ticket("a", 0.3, [0.7]), 0.3)
    assert type(answers.convert([0.3], Pair)) is Pair
    with pytest.raises(msgspec.ValidationError):
        answers.convert({**SOLD, "paid": 0.33}, Sale)


def test_what_a_model_alone_can_tell_opens_the_question_again_or_is_refused(flow: Flavour) -> None:
    body = ask(flow, Aliased)
    try:
        (again,) = flow.invoke(body, Command(resume={"N": "x"}))["__interrupt__"]
        assert "integer" in again.problem
    except InvalidAnswerError as error:
        assert "integer" in str(error)
    assert flow.invoke(body, Command(resume={"N": 4})) == "Aliased(n=4)"


def test_multiples_are_those_of_the_numbers_as_they_are_written() -> None:
    flow, chance = Flavour("sync", InMemorySaver()), random.Random(5)
    for digits in (1, 2, 3):
        body = ask(flow, {"type": "number", "multipleOf": float(f"1e-{digits}")})
        for _ in range(20):
            number = chance.randrange(-(10**6), 10**6)
            answer = float(Decimal(number).scaleb(-digits))
            with pytest.raises(InvalidAnswerError, match="multiple"):
                flow.invoke(body, Command(resume=answer + 0.4 * 10**-digits))
            assert flow.invoke(body, Command(resume=answer)) == repr(answer)
            flow.invoke(body, 1)
        flow.saver.delete_thread("t")  # type: ignore[attr-defined]
    whole = ask(flow, {"multipleOf": 7})
    with pytest.raises(InvalidAnswerError, match="multiple"):
        flow.invoke(whole, Command(resume=7 * 10**60 + 1))
    assert flow.invoke(whole, Command(resume=7 * 10**60)) == repr(7 * 10**60)


ENDLESS: list[Any] = [
    {"$ref": "#"},
    {"allOf": [{"$ref": "#"}]},
    {"anyOf": [{"type": "null"}, {"$ref": "#"}]},
    {"not": {"$ref": "#"}},
    {"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"oneOf": [{"$ref": "#/$defs/a"}]}}},
    {"type": "object", "properties": {"a": {"$ref": "#/properties/a"}}},
    {"items": {"if": {"$ref": "#/items"}}},
]


@pytest.mark.parametrize("schema", ENDLESS)
def test_a_schema_that_leads_to_itself_is_refused_where_it_is_asked(flow: Flavour, schema: Any) -> None:
    with pytest.raises(InvalidOptionError, match="leads back to itself"):
        ask(flow, schema)


def test_a_schema_of_trees_is_fine(flow: Flavour) -> None:
    tree = {"type": "object", "properties": {"a": {"$ref": "#"}, "b": {"type": "array", "items": {"$ref": "#"}}}}
    body = ask(flow, {"$ref": "#/$defs/tree", "$defs": {"tree": tree}})
    answer: Any = {"a": {"b": [{}, {"a": {}}]}}
    assert flow.invoke(body, Command(resume=answer)) == repr(answer)
