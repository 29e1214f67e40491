"""The context of a run: given once, there after every restart."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any

import pytest

import nbflow
from nbflow import Command, get_runtime, interrupt
from nbflow.errors import MissingContextError
from tests.behaviour.flavours import Flavour


@dataclass
class Who:
    name: str


def asking(flow: Flavour) -> Any:
    @flow.task
    def inside() -> Any:
        return get_runtime().context

    @flow.entrypoint
    def body(_: int, runtime: nbflow.Runtime[Any]) -> Any:
        return interrupt("?"), runtime.context, (yield inside())

    return body


@pytest.mark.parametrize("context", [Who("ada"), {"name": "ada"}, 5, ("a", 1)])
def test_a_resumed_run_has_the_context_that_it_began_with(flow: Flavour, context: Any) -> None:
    body = asking(flow)
    flow.invoke(body, 1, context=context)
    assert flow.invoke(body, Command(resume="a")) == ("a", context, context)


def test_a_context_that_is_given_again_counts_from_then_on(flow: Flavour) -> None:
    @flow.entrypoint
    def body(_: int, runtime: nbflow.Runtime[Any]) -> Any:
        return interrupt(1), interrupt(2), runtime.context

    flow.invoke(body, 1, context="old")
    flow.invoke(body, Command(resume="a"), context="new")
    assert flow.invoke(body, Command(resume="b")) == ("a", "b", "new")


def test_a_context_that_cannot_be_saved_has_to_be_given_again(flow: Flavour) -> None:
    body = asking(flow)
    lock = threading.Lock()
    flow.invoke(body, 1, context=lock)
    with pytest.raises(MissingContextError, match="lock"):
        flow.invoke(body, Command(resume="a"))
    assert flow.invoke(body, Command(resume="a"), context="a string")[1] == "a string"


def test_a_new_run_has_no_context_of_an_earlier_one(flow: Flavour) -> None:
    @flow.entrypoint
    def body(_: int, runtime: nbflow.Runtime[Any]) -> Any:
        return runtime.context

    assert flow.invoke(body, 1, context="mine") == "mine"
    assert flow.invoke(body, 1) is None


def test_nested_workflows_share_the_context(flow: Flavour) -> None:
    @flow.entrypoint
    def inner(_: int, runtime: nbflow.Runtime[Any]) -> Any:
        return runtime.context

    @flow.entrypoint
    def outer(n: int) -> Any:
        return (yield flow.nested(inner, n))

    assert flow.invoke(outer, 1, context="shared") == "shared"
