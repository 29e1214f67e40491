"""Whatever of the user's stands in the head of a record is refused where it is given, or can be read back."""

from __future__ import annotations

import enum
from collections.abc import Callable
from decimal import Decimal
from typing import Annotated, Any

import msgspec
import pydantic
import pytest

from nbflow import Command, InMemorySaver, interrupt
from nbflow.checkpoint.base import RunKey
from nbflow.checkpoint.rows import load, to_row
from nbflow.core.record import Asked, RunHalted, RunStarted
from nbflow.errors import CorruptValueError, GraphDrained, InvalidOptionError, NbflowError, UnserializableError
from nbflow.runtime import RunControl
from tests.behaviour.flavours import Flavour

HERE: Any = {"configurable": {"thread_id": "t"}}


class Text(str):
    __slots__ = ()


class Number(int):
    pass


class Word(str, enum.Enum):  # noqa: UP042  # the older form is what people have
    A = "a"


class Size(enum.IntEnum):
    A = 1


ODD: dict[str, Any] = {
    "surrogate": "\ud800", "text": Text("x"), "number": Number(3), "big": 2**70, "negative": -(2**70), "word": Word.A,
    "size": Size.A, "nan": float("nan"), "infinite": float("inf"), "none": None, "bytes": b"x", "five": 5, "half": 1.5,
    "decimal": Decimal("1.5"), "pair": (1, 2), "null": "\0", "list": [1], "set": frozenset({1}), "object": object(),
}  # fmt: skip


def nested(depth: int) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "integer"}
    for _ in range(depth):
        schema = {"not": schema}
    return schema


def as_key(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def asks(schema: Callable[[Any], Any]) -> Callable[[Flavour, Any], None]:
    def story(flow: Flavour, odd: Any) -> None:
        wanted = schema(odd)

        @flow.entrypoint
        def body(_: int) -> Any:
            return interrupt("q", response_schema=wanted)

        flow.invoke(body, 1)

    return story


def model(odd: Any) -> Any:
    class Form(pydantic.BaseModel):
        model_config = pydantic.ConfigDict(json_schema_extra={as_key(odd): 1})
        n: int = pydantic.Field(1, json_schema_extra={"x": odd})

    return Form


def configured(make: Callable[[Any], dict[str, Any]]) -> Callable[[Flavour, Any], None]:
    def story(flow: Flavour, odd: Any) -> None:
        @flow.entrypoint
        def body(_: int) -> Any:
            return interrupt("q")

        flow.invoke(body, 1, config=make(odd))

    return story


def named(flow: Flavour, odd: Any) -> None:
    @flow.task(name=odd)
    def ask() -> Any:
        return interrupt("q")

    @flow.entrypoint
    def body(_: int) -> Any:
        return (yield ask())

    flow.invoke(body, 1)
    flow.invoke(body, Command(resume=1))


def workflow_named(flow: Flavour, odd: Any) -> None:
    @flow.entrypoint(name=odd)
    def body(_: int) -> Any:
        return interrupt("q")

    flow.invoke(body, 1)


def drained(flow: Flavour, odd: Any) -> None:
    control = RunControl()

    @flow.task
    def step() -> None:
        control.request_drain(odd)

    @flow.entrypoint
    def body(_: int) -> Any:
        yield step()
        yield step()

    with pytest.raises(GraphDrained):
        flow.invoke(body, 1, control=control)


def keyed(flow: Flavour, odd: Any) -> None:
    @flow.task
    def change(**given: Any) -> None:
        next(iter(given.values())).append(1)

    @flow.entrypoint
    def body(_: int) -> Any:
        yield change(**{odd: [1]})

    if isinstance(odd, str):
        with pytest.warns(UserWarning, match="changed"):
            flow.invoke(body, 1)


def misfit(flow: Flavour, odd: Any) -> None:
    class Form(msgspec.Struct):
        n: int

        def __post_init__(self) -> None:
            raise ValueError(odd)

    @flow.entrypoint
    def body(_: int) -> Any:
        return interrupt("q", response_schema=Form)

    flow.invoke(body, 1)
    flow.invoke(body, Command(resume={"n": 1}))


STORIES: dict[str, Callable[[Flavour, Any], None]] = {
    "a key of a schema": asks(lambda odd: {"type": "integer", as_key(odd): "x"}),
    "a key inside a schema": asks(lambda odd: {"type": "integer", "x": [{as_key(odd): "x"}]}),
    "a value in a schema": asks(lambda odd: {"type": "integer", "x": odd}),
    "a choice in a schema": asks(lambda odd: {"enum": [odd]}),
    "what a model adds to its schema": asks(model),
    "what a type adds to its schema": asks(lambda odd: Annotated[int, msgspec.Meta(extra_json_schema={"x": odd})]),
    "a value in metadata": configured(lambda odd: {**HERE, "metadata": {"x": odd}}),
    "a name in metadata": configured(lambda odd: {**HERE, "metadata": {as_key(odd): 1}}),
    "a value in configurable": configured(lambda odd: {"configurable": {"thread_id": "t", "x": odd}}),
    "a name in configurable": configured(lambda odd: {"configurable": {"thread_id": "t", as_key(odd): 1}}),
    "the name of a task": named,
    "the name of a workflow": workflow_named,
    "the reason of a halt": drained,
    "the name of an argument": keyed,
    "the problem of an answer": misfit,
}


@pytest.mark.parametrize("story", STORIES)
@pytest.mark.parametrize("odd", ODD)
def test_it_is_refused_or_can_be_read_back(story: str, odd: str) -> None:
    flow = Flavour("sync", InMemorySaver())
    try:
        STORIES[story](flow, ODD[odd])
    except NbflowError as error:
        assert not isinstance(error, CorruptValueError)  # others are what was expected
    for run in flow.saver.runs("t"):
        records = load(flow.saver, RunKey("t", run))
        assert isinstance(records[0], RunStarted)


def test_a_schema_that_cannot_be_kept_is_refused_where_it_is_asked(flow: Flavour) -> None:
    for schema in ({"type": "integer", 1: "x"}, {"maximum": 2**70}, {"x": {"y": [object()]}}, nested(3000)):

        @flow.entrypoint
        def body(_: int, schema: Any = schema) -> Any:
            return interrupt("q", response_schema=schema)

        with pytest.raises(InvalidOptionError, match="response_schema"):
            flow.invoke(body, 1)
        assert body.get_state(HERE).interrupts == ()


@pytest.mark.parametrize("part", ["metadata", "configurable"])
def test_a_name_in_a_config_that_is_no_text_is_refused(flow: Flavour, part: str) -> None:
    @flow.entrypoint
    def body(_: int) -> int:
        return 1

    with pytest.raises(InvalidOptionError, match=f"{part}.*its keys are text"):
        flow.invoke(body, 1, config={**HERE, part: {"thread_id": "t", 5: 1}})
    assert flow.saver.runs("t") == []


@pytest.mark.parametrize(
    "record",
    [
        RunHalted(reason=5),  # type: ignore[arg-type]
        Asked(id="a", name="ask", schema={1: 2}),  # type: ignore[dict-item]
        Asked(id="a", name="ask", schema={"a": object()}),
        RunStarted(run_id="r", thread_id="t", workflow="w", metadata={"n": 2**70}),
    ],
)
def test_no_row_is_made_that_could_not_be_read(record: Any) -> None:
    with pytest.raises(UnserializableError):
        to_row(record, 0)


def test_metadata_of_subclasses_are_kept_as_plain_values() -> None:
    flow = Flavour("sync", InMemorySaver())

    @flow.entrypoint
    def body(_: int) -> int:
        return 1

    flow.invoke(body, 1, config={**HERE, "metadata": {"w": Word.A, "s": Size.A, "t": Text("x")}})
    metadata = body.get_state(HERE).metadata
    assert {name: metadata[name] for name in "wst"} == {"w": "a", "s": 1, "t": "x"}
    assert {type(metadata[name]) for name in "wst"} == {str, int}
