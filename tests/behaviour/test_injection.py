"""What the runtime fills in: by name or by type, and never what the caller has given."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Optional

import pytest

import nbflow
from nbflow import InMemorySaver, Runtime, entrypoint, task
from nbflow.store.base import BaseStore
from nbflow.store.memory import InMemoryStore
from nbflow.types import RunnableConfig, StreamWriter
from tests.behaviour.flavours import Flavour

CONFIG: Any = {"configurable": {"thread_id": "t", "model": "small"}}


@dataclass
class Who:
    name: str


def test_parameters_are_filled_by_name(flow: Flavour) -> None:
    @flow.task
    def inside(config: Any, store: Any, writer: Any, previous: Any, runtime: Any) -> Any:
        writer("hello")
        return config["configurable"]["model"], store is runtime.store, previous

    @flow.entrypoint(store=InMemoryStore())
    def body(_: int, previous: Any) -> Any:
        return (yield inside()), previous

    assert flow.invoke(body, 1, config=CONFIG) == (("small", True, None), None)


def test_parameters_are_filled_by_type_whatever_their_name(flow: Flavour) -> None:
    @flow.task
    def inside(
        given: int,
        settings: RunnableConfig,
        memory: InMemoryStore,
        tell: StreamWriter,
        rt: Runtime[Who],
        maybe: Optional[BaseStore] = None,  # noqa: UP045  # the older spelling is what is tested
        other: BaseStore | None = None,
    ) -> Any:
        tell(given)
        same = memory is rt.store is maybe is other
        return given, settings["configurable"]["model"], same, rt.context.name

    @flow.entrypoint(store=InMemoryStore())
    def body(_: int) -> Any:
        return (yield inside(7))

    assert flow.invoke(body, 1, config=CONFIG, context=Who("ada")) == (7, "small", True, "ada")


def test_types_are_recognised_without_postponed_evaluation() -> None:
    space: dict[str, Any] = {}
    exec(
        "from nbflow import Runtime\n"
        "from nbflow.types import RunnableConfig\n"
        "from nbflow.store.memory import InMemoryStore\n"
        "def inside(a: int, rt: Runtime | None, cfg: RunnableConfig, s: InMemoryStore | None = None):\n"
        "    return a, rt.execution_info.node_attempt, cfg['configurable']['model'], s is not None\n",
        space,
    )
    inside = task(space["inside"])

    @entrypoint(store=InMemoryStore())
    def body(_: int) -> Any:
        return inside(1).result()

    assert body.invoke(1, CONFIG) == (1, 1, "small", True)


def test_a_default_stands_where_there_is_nothing_to_fill_in(flow: Flavour) -> None:
    @flow.entrypoint
    def body(_: int, previous: str = "first", store: BaseStore | None = None) -> Any:
        return previous, store

    assert flow.invoke(body, 1) == ("first", None)
    assert flow.invoke(body, 1) == (("first", None), None)


def test_what_the_caller_gives_wins(flow: Flavour) -> None:
    @flow.task
    def inside(value: int, previous: str = "p", writer: object = None, config: object = None) -> Any:
        return value, previous, writer, config

    @flow.entrypoint
    def body(_: int) -> Any:
        by_position = yield inside(1, "mine", "w", "c")
        by_keyword = yield inside(2, previous=None, writer=None, config=3)
        return by_position, by_keyword

    assert flow.invoke(body, 1) == ((1, "mine", "w", "c"), (2, None, None, 3))


@pytest.mark.parametrize("name", ["config", "store", "writer", "previous", "runtime"])
def test_the_first_parameter_is_the_input_whatever_its_name(name: str) -> None:
    space: dict[str, Any] = {}
    exec(f"def body({name}): return {name}", space)
    assert entrypoint(checkpointer=InMemorySaver())(space["body"]).invoke(5, CONFIG) == 5


def test_an_annotation_of_another_kind_leaves_a_parameter_alone() -> None:
    @entrypoint(store=InMemoryStore())
    def body(_: int, store: dict[str, int] | None = None, config: int = 3) -> Any:
        return store, config

    assert body.invoke(1, CONFIG) == (None, 3)


def test_a_method_is_bound_and_filled_in() -> None:
    class Bot:
        def __init__(self, name: str) -> None:
            self.name = name

        @task
        def say(self, word: str, rt: Runtime[None]) -> str:
            return f"{self.name} {word} {rt.execution_info.task_id}"

    @entrypoint()
    def body(_: int) -> str:
        return Bot("eve").say("hi").result()  # type: ignore[call-arg]  # the runtime fills the other one in

    assert body.invoke(1) == "eve hi 0.0"


async def _double(n: int) -> int:
    return 2 * n


def test_an_async_task_is_known_as_a_coroutine_function() -> None:
    import asyncio

    known = asyncio.iscoroutinefunction if hasattr(asyncio.coroutines, "_is_coroutine") else None
    if known is None:
        pytest.skip("this Python asks inspect, which looks at code alone")
    assert known(task(_double))
    assert not known(task(lambda: 1))
    assert nbflow.task(_double).__name__ == "_double"
