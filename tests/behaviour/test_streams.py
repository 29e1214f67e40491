"""Chunks: their shapes, their order, and what a stream never shows."""

from __future__ import annotations

from typing import Any

import pytest

from nbflow import Command, StreamWriter, entrypoint, get_stream_writer, interrupt
from nbflow.errors import InvalidOptionError
from tests.behaviour.flavours import Flavour


def sample(flow: Flavour) -> Any:
    @flow.task
    def add_one(n: int, writer: StreamWriter) -> int:
        writer(f"adding to {n}")
        return n + 1

    @flow.entrypoint
    def main(n: int, *, writer: StreamWriter) -> Any:
        writer("hello")
        first = yield add_one(n)
        get_stream_writer()("world")
        second = yield add_one(first)
        answer = interrupt("enough?")
        return {"value": second, "answer": answer}

    return main


def test_updates_come_as_calls_end(flow: Flavour) -> None:
    main = sample(flow)
    first = flow.stream(main, 1)
    assert first[:2] == [{"add_one": 2}, {"add_one": 3}]
    (question,) = first[2]["__interrupt__"]
    assert isinstance(first[2]["__interrupt__"], tuple)
    assert question.value == "enough?"
    assert flow.stream(main, Command(resume="yes")) == [{"main": {"value": 3, "answer": "yes"}}]


def test_several_modes_interleave_in_real_time(flow: Flavour) -> None:
    main = sample(flow)
    chunks = flow.stream(main, 1, stream_mode=["custom", "updates", "values"])
    (update, values) = chunks[6:]
    assert chunks[:6] == [
        ("custom", "hello"),
        ("custom", "adding to 1"),
        ("updates", {"add_one": 2}),
        ("custom", "world"),
        ("custom", "adding to 2"),
        ("updates", {"add_one": 3}),
    ]
    assert (update[0], values[0]) == ("updates", "values")
    assert update[1] == values[1]
    after = flow.stream(main, Command(resume="yes"), stream_mode=["values", "updates"])
    result = {"value": 3, "answer": "yes"}
    assert after == [("values", None), ("updates", {"main": result}), ("values", result)]


def test_values_of_a_resumed_run_begin_with_the_last_result(flow: Flavour) -> None:
    @flow.entrypoint
    def body(n: int) -> Any:
        return interrupt("?") if n > 1 else n

    assert flow.stream(body, 1, stream_mode="values") == [1]
    flow.invoke(body, 2)
    assert flow.stream(body, Command(resume=3), stream_mode="values") == [1, 3]
    assert flow.stream(body, None, stream_mode="values") == [3]
    assert flow.stream(body, None) == []


def test_none_results_are_shown(flow: Flavour) -> None:
    @flow.task
    def nothing() -> None: ...

    @flow.entrypoint
    def body(_: int) -> Any:
        yield nothing()

    assert flow.stream(body, 0) == [{"nothing": None}, {"body": None}]


def test_a_failing_stream_shows_what_was_done_then_raises(flow: Flavour) -> None:
    @flow.task
    def fine() -> int:
        return 1

    @flow.task
    def bad() -> int:
        raise ValueError("boom")

    @flow.entrypoint
    def body(_: int) -> Any:
        yield fine()
        yield bad()

    seen: list[Any] = []
    with pytest.raises(ValueError, match="boom"):
        seen.extend(body.stream(0, {"thread_id": "t"}))
    assert seen == [{"fine": 1}]


def test_a_nested_run_passes_custom_output_on_and_keeps_its_updates(flow: Flavour) -> None:
    @flow.task
    def step(n: int, writer: StreamWriter) -> int:
        writer("from the step")
        return n + 1

    @flow.entrypoint(checkpointer=None)
    def child(n: int) -> Any:
        return (yield step(n))

    @flow.entrypoint
    def parent(n: int) -> Any:
        return (yield flow.nested(child, n))

    assert flow.stream(parent, 1, stream_mode=["updates", "custom"]) == [
        ("custom", "from the step"),
        ("updates", {"parent": 2}),
    ]


def test_a_body_can_stream_a_nested_run(flow: Flavour) -> None:
    @flow.task
    def step(n: int) -> int:
        return n + 1

    @flow.entrypoint(checkpointer=None)
    def child(n: int) -> Any:
        return (yield step(n))

    @entrypoint(checkpointer=flow.saver)
    def sync_parent(n: int) -> Any:
        return list(child.stream(n))

    @entrypoint(checkpointer=flow.saver)
    async def async_parent(n: int) -> Any:
        return [chunk async for chunk in child.astream(n)]

    parent = sync_parent if flow.name == "sync" else async_parent
    assert flow.invoke(parent, 1) == [{"step": 2}, {"child": 2}]


@pytest.mark.parametrize("mode", ["update", ["values", "nonsense"], "debugging"])
def test_an_unknown_mode_is_refused_before_anything_runs(flow: Flavour, mode: Any) -> None:
    ran = []

    @flow.entrypoint
    def body(n: int) -> None:
        ran.append(n)

    with pytest.raises(InvalidOptionError, match="values, updates, custom"):
        flow.stream(body, 1, stream_mode=mode)
    assert ran == []
    assert body.last_run({"thread_id": "t"}) is None


def test_invoke_with_another_mode_returns_the_chunks(flow: Flavour) -> None:
    @flow.task
    def one() -> int:
        return 1

    @flow.entrypoint
    def body(_: int) -> Any:
        return (yield one())

    assert flow.invoke(body, 0, stream_mode="updates") == [{"one": 1}, {"body": 1}]


def test_an_unknown_mode_of_a_nested_stream_is_refused_before_it_runs(flow: Flavour) -> None:
    ran = []

    @flow.entrypoint(checkpointer=None)
    def child(n: int) -> None:
        ran.append(n)

    @entrypoint(checkpointer=flow.saver)
    def parent(n: int) -> Any:
        with pytest.raises(InvalidOptionError, match="nonsense"):
            next(child.stream(n, stream_mode="nonsense"))
        return "refused"

    assert parent.invoke(1, {"thread_id": "t"}) == "refused"
    assert ran == []
