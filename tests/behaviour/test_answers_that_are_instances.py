"""An answer that is an instance of the wanted class, or holds some, is checked as any other is."""

from __future__ import annotations

import dataclasses
from typing import Annotated, Any, NamedTuple

import msgspec
import pydantic
import pytest

from nbflow import Command, interrupt
from nbflow.errors import InvalidAnswerError
from tests.behaviour.flavours import Flavour


@dataclasses.dataclass
class Pay:
    amount: int


@dataclasses.dataclass(frozen=True)
class Order:
    pays: list[Pay]
    main: Pay | None = None


class Point(NamedTuple):
    x: int
    y: int = 0


class Item(msgspec.Struct, rename="camel", tag=True):
    how_many: Annotated[int, msgspec.Meta(ge=0)]
    points: tuple[Point, ...] = ()


class Model(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="forbid", frozen=True)
    n: int = pydantic.Field(alias="N", gt=0)
    inner: Model | None = None


class Numbers(pydantic.RootModel[list[int]]):
    pass


@pydantic.dataclasses.dataclass
class Checked:
    n: pydantic.PositiveInt


@dataclasses.dataclass
class Mixed:
    model: Model
    checked: Checked


good = Model(N=1)
BAD_NUMBERS: Any = ["x"]
CASES: list[Any] = [
    (Pay, Pay("all of it"), Pay(1)),  # type: ignore[arg-type]
    (Pay | None, Pay("all of it"), Pay(1)),  # type: ignore[arg-type]
    (list[Pay], [Pay(1), Pay(None)], [Pay(1), Pay(2)]),  # type: ignore[arg-type]
    (dict[str, Pay], {"a": Pay(1.5)}, {"a": Pay(1)}),  # type: ignore[arg-type]
    (Order, Order([Pay("x")]), Order([Pay(1)], Pay(2))),  # type: ignore[arg-type]
    (Order, Order([], main=Pay("x")), Order([])),  # type: ignore[arg-type]
    (Order, Order("none"), Order([])),  # type: ignore[arg-type]
    (Point, Point("a"), Point(1, 2)),  # type: ignore[arg-type]
    (tuple[Point, ...], (Point(1), Point(1, "b")), (Point(1), Point(1, 2))),  # type: ignore[arg-type]
    (Item, Item(-1), Item(1)),
    (Item, Item(1, (Point("a"),)), Item(1, (Point(1),))),  # type: ignore[arg-type]
    (Model, Model.model_construct(n=-5), good),
    (Model, good.model_copy(update={"inner": Model.model_construct(n=-5)}), Model(N=1, inner=good)),
    (list[Model], [good, Model.model_construct(n="x")], [good]),
    (Numbers, Numbers.model_construct(BAD_NUMBERS), Numbers([1])),
    (Mixed, Mixed(Model.model_construct(n=-5), Checked(1)), Mixed(good, Checked(1))),
    (Mixed, Mixed(good, "x"), Mixed(good, Checked(1))),  # type: ignore[arg-type]
]


@pytest.mark.parametrize(("wanted", "bad", "fine"), CASES)
def test_a_bad_instance_is_refused_and_a_good_one_given_as_it_is(
    flow: Flavour, wanted: Any, bad: Any, fine: Any
) -> None:
    @flow.entrypoint
    def body(_: int) -> Any:
        answer = interrupt("what?", response_schema=wanted)
        return [answer == fine, type(answer) is type(fine)]

    flow.invoke(body, 1)
    with pytest.raises(InvalidAnswerError, match="what"):
        flow.invoke(body, Command(resume=bad))
    assert flow.invoke(body, Command(resume=fine)) == [True, True]


def test_a_field_that_only_the_class_knows_is_told(flow: Flavour) -> None:
    @dataclasses.dataclass
    class Even:
        n: Annotated[int, pydantic.AfterValidator(lambda n: n if n % 2 == 0 else 1 / 0)]

    @flow.entrypoint
    def body(_: int) -> Any:
        return interrupt("what?", response_schema=Even).n

    flow.invoke(body, 1)
    with pytest.raises(InvalidAnswerError, match="field 'n' of Even is 3"):
        flow.invoke(body, Command(resume=Even(3)))
