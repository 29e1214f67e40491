"""An async body that runs another workflow without ``await``: it works or says what to do, and never hangs."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from nbflow import InMemorySaver, entrypoint, task
from nbflow.errors import WouldBlockError

CONFIG: dict[str, Any] = {"configurable": {"thread_id": "t"}}


@task
def plus(n: int) -> int:
    return n + 1


@task
async def slow(n: int) -> int:
    await asyncio.sleep(0)
    return n + 1


@entrypoint()
def sync_child(n: int) -> int:
    return plus(n).result()


@entrypoint()
def needs_the_loop(n: int) -> int:
    return slow(n).result()


@task
def asks_the_loop(n: int) -> int:
    begun.set()
    return slow(n).result()


begun = threading.Event()


@task
def other_work() -> bool:
    return begun.wait(0.2)  # a worker is likely to have the other one by then; nothing hangs if not


@entrypoint()
def needs_the_loop_in_a_worker(n: int) -> int:
    begun.clear()
    work, asking = other_work(), asks_the_loop(n)
    work.result()
    return asking.result()


@entrypoint()
async def async_child(n: int) -> int:
    return await slow(n)


def test_a_stream_of_another_thread_says_to_await() -> None:
    saver = InMemorySaver()

    @entrypoint(checkpointer=saver)
    def other(n: int) -> int:
        return slow(n).result()

    @entrypoint(checkpointer=saver)
    async def body(n: int) -> Any:
        return list(other.stream(n, {"configurable": {"thread_id": "its own"}}))

    with pytest.raises(WouldBlockError, match="astream"):
        body.invoke(1, CONFIG)


def run(child: Any, how: str, limit: int | None, here: bool) -> Any:
    @task
    async def through(n: int) -> Any:
        return child.invoke(n) if how == "invoke" else list(child.stream(n, stream_mode=["updates", "values"]))

    @entrypoint(checkpointer=InMemorySaver())
    async def body(n: int) -> Any:
        return await through(n)

    config = {**CONFIG, "max_concurrency": limit}
    return asyncio.run(body.ainvoke(1, config)) if here else body.invoke(1, config)


@pytest.mark.parametrize("here", [True, False])
@pytest.mark.parametrize("limit", [None, 1])
@pytest.mark.parametrize("how", ["invoke", "stream"])
@pytest.mark.runs_once("a nested stream shows nothing of what is replayed")
def test_a_sync_workflow_runs_where_it_is_asked_for(how: str, limit: int | None, here: bool) -> None:
    expected: Any = 2 if how == "invoke" else [("updates", {"plus": 2}), ("updates", {"sync_child": 2}), ("values", 2)]
    assert run(sync_child, how, limit, here) == expected


@pytest.mark.parametrize("here", [True, False])
@pytest.mark.parametrize("limit", [None, 1])
@pytest.mark.parametrize("how", ["invoke", "stream"])
@pytest.mark.parametrize("child", [needs_the_loop, needs_the_loop_in_a_worker, async_child])
@pytest.mark.runs_once("a call that has ended needs no loop any more")
def test_one_that_needs_the_loop_says_to_await(child: Any, how: str, limit: int | None, here: bool) -> None:
    with pytest.raises(WouldBlockError, match="await"):
        run(child, how, limit, here)
