"""Whose results a call was given is recorded, whether they came as futures or as values."""

from __future__ import annotations

from enum import Enum
from typing import Any

import pytest

from nbflow import Command, interrupt
from nbflow.core.record import CallReturned
from tests.behaviour.flavours import Flavour

HERE = {"configurable": {"thread_id": "t"}}


class Colour(Enum):
    RED = 1


def edges(body: Any) -> dict[str, tuple[str, ...]]:
    log = body.last_run(HERE).log
    return {record.path: record.edges for record in log if isinstance(record, CallReturned)}


def test_a_result_that_is_an_argument_is_known_again(flow: Flavour) -> None:
    @flow.task
    def load(name: str) -> dict[str, str]:
        return {"name": name}

    @flow.task
    def join(*parts: Any, **named: Any) -> list[Any]:
        return [*parts, *named.values()]

    @flow.entrypoint
    def body(_: int) -> Any:
        one = yield load("one")
        two = yield load("two")
        future = load("three")
        both = yield join([one, two])
        named = yield join(both, again=two)
        yield join({"a": one, "b": [1]}, future)
        yield join("something else")
        return named

    flow.invoke(body, 1)
    assert edges(body) == {
        "0.0": (),
        "0.1": (),
        "0.2": (),
        "0.3": ("0.0", "0.1"),
        "0.4": ("0.3", "0.1"),
        "0.5": ("0.2", "0.0"),
        "0.6": (),
    }


def test_a_result_from_before_a_pause_is_known_again_after_it(flow: Flavour) -> None:
    @flow.task
    def load(n: int) -> list[int]:
        return [n] * 3

    @flow.task
    def fit(data: list[int]) -> int:
        return sum(data)

    @flow.entrypoint
    def body(n: int) -> Any:
        data = yield load(n)
        interrupt("go on?")
        total = yield fit(data)
        return total

    flow.invoke(body, 2)
    assert flow.invoke(body, Command(resume=True)) == 6
    assert edges(body)["0.1"] == ("0.0",)


@pytest.mark.parametrize("value", [7, None, True, "short", (), [], Colour.RED, 2.5])
def test_what_may_be_the_same_by_chance_tells_nothing(flow: Flavour, value: Any) -> None:
    @flow.task
    def give(_: int) -> Any:
        return value

    @flow.task
    def take(given: Any) -> bool:
        return given is not None

    @flow.entrypoint
    def body(_: int) -> Any:
        given = yield give(1)
        yield take(given)
        return 1

    flow.invoke(body, 1)
    assert edges(body)["0.1"] == ()


def test_a_long_text_is_known_again(flow: Flavour) -> None:
    @flow.task
    def write(n: int) -> str:
        return "a long text " * n

    @flow.task
    def read(text: str) -> int:
        return len(text)

    @flow.entrypoint
    def body(_: int) -> Any:
        text = yield write(3)
        length = yield read(text)
        yield read(text + "!")
        return length

    flow.invoke(body, 1)
    assert edges(body)["0.1"] == ("0.0",)
    assert edges(body)["0.2"] == ()
