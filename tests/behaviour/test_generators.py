"""Functions that yield: each part is passed on as it comes, and the result is the list of them."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

import nbflow
from nbflow import Command, InMemorySaver, entrypoint, interrupt, task
from nbflow.checkpoint.base import BaseCheckpointSaver
from nbflow.errors import NodeTimeoutError
from nbflow.testing import FakeClock

CONFIG: Any = {"configurable": {"thread_id": "t"}}


def test_a_generator_task_streams_its_parts_and_returns_their_list(saver: BaseCheckpointSaver) -> None:
    ran = []

    @task
    def count(n: int) -> Iterator[int]:
        ran.append(n)
        yield from range(n)

    @entrypoint(checkpointer=saver)
    def body(n: int) -> Any:
        parts = count(n).result()
        return parts, interrupt("fine?")

    chunks = list(body.stream(3, CONFIG, stream_mode=["custom", "updates"]))
    assert chunks[:4] == [("custom", 0), ("custom", 1), ("custom", 2), ("updates", {"count": [0, 1, 2]})]
    assert list(body.stream(Command(resume="yes"), CONFIG, stream_mode="custom")) == []
    assert body.get_state(CONFIG).values == ([0, 1, 2], "yes")
    assert ran == [3]


def test_an_async_generator_task_does_so_too(saver: BaseCheckpointSaver) -> None:
    @task
    async def count(n: int) -> AsyncIterator[int]:
        for part in range(n):
            await asyncio.sleep(0)
            yield part

    @entrypoint(checkpointer=saver)
    async def body(n: int) -> Any:
        return await count(n)

    async def collect() -> list[Any]:
        return [chunk async for chunk in body.astream(3, CONFIG, stream_mode=["custom", "values"])]

    assert asyncio.run(collect()) == [("custom", 0), ("custom", 1), ("custom", 2), ("values", [0, 1, 2])]


def test_a_generator_may_be_a_body() -> None:
    @task
    def double(n: int) -> int:
        return 2 * n

    @entrypoint(checkpointer=InMemorySaver())
    def body(n: int) -> Iterator[int]:
        for part in range(n):
            yield double(part).result()

    assert body.invoke(3, CONFIG) == [0, 2, 4]
    assert list(body.stream(2, CONFIG, stream_mode="custom")) == [0, 2]


def test_a_generator_that_fails_keeps_nothing() -> None:
    @task
    def half() -> Iterator[int]:
        yield 1
        raise ValueError("half way")

    @entrypoint()
    def body(_: int) -> Any:
        return half().result()

    stream = body.stream(1, stream_mode="custom")
    assert next(stream) == 1
    with pytest.raises(ValueError, match="half way"):
        next(stream)


def test_the_future_of_a_generator_task_is_typed_as_a_list() -> None:
    @task
    def letters() -> Iterator[str]:
        yield "a"

    assert isinstance(letters, nbflow.func.Task)


@pytest.mark.parametrize("ended_by", ["its timeout", "the reader"])
def test_a_generator_without_end_stops_when_its_time_is_up_or_nobody_reads(ended_by: str) -> None:
    ended = threading.Event()

    @task(timeout=60 if ended_by == "its timeout" else None)
    def endless() -> Iterator[int]:
        try:
            while True:
                yield 1
                hands.advance(61)
        finally:
            ended.set()

    @entrypoint(checkpointer=InMemorySaver())
    def body(_: int) -> Any:
        with pytest.raises(NodeTimeoutError):
            endless().result()

    with FakeClock() as hands:
        stream: Any = body.stream(0, CONFIG, stream_mode="custom")
        assert next(stream) == 1
        if ended_by == "the reader":
            stream.close()
        else:
            assert set(stream) <= {1}
        assert ended.wait(30)


@pytest.mark.parametrize("is_traced", [False, True])
def test_what_a_generator_task_returns_is_told_to_be_lost(is_traced: bool) -> None:
    if is_traced:  # then functions are wrapped, to tell LangChain of them
        import langchain_core.runnables.config  # noqa: F401

    @task
    def count(n: int) -> Any:
        yield n
        return "the end"

    @entrypoint()
    def body(n: int) -> Any:
        return [count(n).result(), count(n).result()]

    with pytest.warns(UserWarning, match=r"'count' yields.*what it returns is lost: 'the end'") as told:
        assert body.invoke(1) == [[1], [1]]
    assert len(told) == 1
