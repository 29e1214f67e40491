"""Many calls at once, deep calls, limits, and stopping: nothing waits for itself."""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
import warnings
from typing import Any

import pytest

from nbflow import Command, InMemorySaver, entrypoint, interrupt, task
from nbflow.errors import RunCancelledError, ThreadBusyError, WouldBlockError
from tests.behaviour.flavours import Flavour


def test_a_chain_of_a_hundred_nested_tasks_ends(flow: Flavour) -> None:
    @flow.task
    def down(n: int) -> Any:
        return 1 + (yield down(n - 1)) if n else 0

    @flow.entrypoint
    def body(n: int) -> Any:
        return (yield down(n))

    assert flow.invoke(body, 100) == 100


@pytest.mark.parametrize("limit", [None, 1, 2, 7])
def test_two_hundred_tasks_that_each_call_three_end(flow: Flavour, limit: int | None) -> None:
    lock = threading.Lock()
    inside = peak = 0

    @flow.task
    def leaf(n: int) -> int:
        nonlocal inside, peak
        with lock:
            inside += 1
            peak = max(peak, inside)
        with lock:
            inside -= 1
        return n

    @flow.task
    def outer(n: int) -> Any:
        return sum((yield [leaf(n), leaf(n), leaf(n)]))

    @flow.entrypoint
    def body(n: int) -> Any:
        return sum((yield [outer(i) for i in range(n)]))

    config = {"configurable": {"thread_id": "t"}, "max_concurrency": limit}
    assert flow.invoke(body, 200, config=config) == 3 * sum(range(200))
    assert limit is None or peak <= limit


@pytest.mark.parametrize("kind", ["sync tasks", "async tasks"])
def test_max_concurrency_bounds_what_runs_at_once(kind: str) -> None:
    gate = threading.Semaphore(0)
    entered: list[int] = []

    @task
    def wait(n: int) -> int:
        entered.append(n)
        gate.acquire()
        return n

    @task
    async def await_(n: int) -> int:
        entered.append(n)
        await asyncio.to_thread(gate.acquire)
        return n

    @entrypoint()
    def body(n: int) -> list[int]:
        futures = [(wait if kind == "sync tasks" else await_)(i) for i in range(n)]
        return [future.result(timeout=30) for future in futures]

    run = body.start(6, {"max_concurrency": 2})
    for released in range(6):
        while len(entered) < min(2 + released, 6):
            threading.Event().wait(0.001)
        assert len(entered) <= 2 + released
        gate.release()
    assert run.result(timeout=30) == list(range(6))


def test_a_hundred_waiting_tasks_wait_together() -> None:
    barrier = threading.Barrier(100)

    @task
    def meet() -> int:
        return barrier.wait(timeout=60)

    @entrypoint()
    def body(n: int) -> int:
        return len({future.result() for future in [meet() for _ in range(n)]})

    assert body.start(100).result(timeout=60) == 100


def test_results_can_be_asked_for_with_a_time_limit(flow: Flavour) -> None:
    release = threading.Event()

    @task
    def wait() -> str:
        release.wait(60)
        return "late"

    @entrypoint(checkpointer=flow.saver)
    def body(_: int) -> Any:
        future = wait()
        try:
            future.result(timeout=0.01)
        except TimeoutError as error:
            release.set()
            return [str(error), future.result()]

    text, value = body.invoke(0, {"thread_id": "t"})
    assert "'wait'" in text
    assert value == "late"


def test_result_on_an_event_loop_says_to_await() -> None:
    @task
    async def slow() -> int:
        return 1

    @entrypoint()
    async def body(_: int) -> int:
        future = slow()
        with pytest.raises(WouldBlockError, match="await"):
            future.result()
        return await future

    assert body.invoke(0) == 1


def blocked(flow: Flavour) -> tuple[Any, threading.Event, threading.Event, list[str]]:
    """Return a workflow that stands in its second task until it is released."""
    entered, release, ran = threading.Event(), threading.Event(), []

    @task
    def first() -> str:
        ran.append("first")
        return "first"

    @task
    def second() -> str:
        ran.append("second")
        entered.set()
        release.wait(60)
        return "second"

    @task
    def third() -> str:
        ran.append("third")
        return "third"

    @entrypoint(checkpointer=flow.saver)
    def sync_body(_: int) -> list[str]:
        return [first().result(), second().result(), third().result()]

    @entrypoint(checkpointer=flow.saver, name="sync_body")
    async def async_body(_: int) -> list[str]:
        return [await first(), await second(), await third()]

    return (sync_body if flow.name == "sync" else async_body), entered, release, ran


def test_cancel_stops_at_once_and_the_thread_goes_on_later(flow: Flavour) -> None:
    body, entered, release, ran = blocked(flow)
    run = body.start(0, {"thread_id": "t"})
    assert entered.wait(30)
    assert run.cancel()
    with pytest.raises(RunCancelledError, match="'t'"):
        run.result(timeout=30)
    assert run.status == "stopped"
    release.set()
    assert not run.cancel()
    assert body.invoke(None, {"thread_id": "t"}) == ["first", "second", "third"]
    assert ran.count("first") == 1
    assert ran.count("third") == 1


def test_a_closed_async_stream_stops_the_run_and_it_goes_on_at_once(flow: Flavour) -> None:
    body, _, release, ran = blocked(flow)

    async def main() -> Any:
        async with contextlib.aclosing(body.astream(0, {"thread_id": "t"})) as chunks:
            async for chunk in chunks:
                assert chunk == {"first": "first"}
                break
        assert body.last_run({"thread_id": "t"}).status == "stopped"
        release.set()
        return await body.ainvoke(None, {"thread_id": "t"})

    assert asyncio.run(main()) == ["first", "second", "third"]
    assert ran.count("first") == 1


def test_a_closed_stream_stops_the_run(flow: Flavour) -> None:
    body, entered, release, ran = blocked(flow)
    chunks = body.stream(0, {"thread_id": "t"})
    assert next(chunks) == {"first": "first"}
    assert entered.wait(30)
    chunks.close()
    assert body.last_run({"thread_id": "t"}).status == "stopped"
    release.set()
    assert "third" not in ran


def test_a_cancelled_ainvoke_stops_the_run() -> None:
    @task
    async def forever() -> None:
        await asyncio.Event().wait()

    @entrypoint(checkpointer=InMemorySaver())
    async def body(_: int) -> None:
        await forever()

    async def main() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(body.ainvoke(0, {"thread_id": "t"}), 0.05)
        assert asyncio.get_running_loop().get_task_factory() is None

    asyncio.run(main())
    last = body.last_run({"thread_id": "t"})
    assert last is not None
    assert last.status == "stopped"


def test_a_keyboard_interrupt_in_a_task_stops_the_run_and_reaches_the_caller(flow: Flavour) -> None:
    ran = []
    stop = True

    @flow.task
    def first() -> int:
        ran.append("first")
        return 1

    @flow.task
    def second() -> int:
        ran.append("second")
        if stop:
            raise KeyboardInterrupt
        return 2

    @flow.entrypoint
    def body(_: int) -> Any:
        return [(yield first()), (yield second())]

    if flow.name == "async":
        with pytest.raises(KeyboardInterrupt):
            body.invoke(0, {"thread_id": "t"})
    else:
        with pytest.raises(KeyboardInterrupt):
            flow.invoke(body, 0)
    assert body.last_run({"thread_id": "t"}).status == "stopped"
    stop = False
    assert flow.invoke(body, None) == [1, 2]
    assert ran == ["first", "second", "second"]


def test_two_runs_on_one_thread_at_once_are_refused(flow: Flavour) -> None:
    body, entered, release, _ = blocked(flow)
    run = body.start(0, {"thread_id": "t"})
    assert entered.wait(30)
    with pytest.raises(ThreadBusyError, match="process"):
        body.invoke(1, {"thread_id": "t"})
    assert flow.saver.thread_ids() == ["t"]
    release.set()
    assert run.result(timeout=30) == ["first", "second", "third"]
    assert body.invoke(0, {"thread_id": "t"}) == ["first", "second", "third"]


def test_a_failure_does_not_wait_for_slow_siblings() -> None:
    release, ran = threading.Event(), []

    @task
    def slow() -> None:
        release.wait(60)

    @task
    def never(n: int) -> None:
        ran.append(n)

    @task
    def bad() -> None:
        raise ValueError("boom")

    @entrypoint(checkpointer=InMemorySaver())
    def body(_: int) -> Any:
        slow_one, failing = slow(), bad()
        failing.result()
        return slow_one.result()

    with pytest.raises(ValueError, match="boom"):
        body.invoke(0, {"thread_id": "t"})
    assert not release.is_set()
    release.set()


def test_a_cancelled_call_raises_where_it_is_awaited_and_runs_again_on_resume() -> None:
    ran = []

    @task
    async def slow(n: int) -> int:
        ran.append(n)
        if ran.count(n) == 1:
            await asyncio.Event().wait()
        return n

    @entrypoint(checkpointer=InMemorySaver())
    async def body(_: int) -> Any:
        future = slow(7)
        await asyncio.sleep(0)
        future.cancel()
        try:
            value: Any = await future
        except asyncio.CancelledError:
            value = "cancelled"
        return [value, interrupt("?")]

    config = {"thread_id": "t"}
    body.invoke(0, config)
    assert ran == [7]
    assert body.invoke(Command(resume=1), config)[1] == 1


def test_a_forked_child_has_workers_of_its_own() -> None:
    @task
    def plus(n: int) -> int:
        return n + 1

    @task
    async def aplus(n: int) -> int:
        return n + 1

    @entrypoint()
    def body(n: int) -> int:
        return sum(future.result(timeout=20) for future in [plus(n), plus(n), aplus(n)])

    assert body.invoke(1) == 6
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # newer Pythons warn of forks with threads
        child = os.fork()
    if child == 0:
        os._exit(body.invoke(2))
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9


def test_a_listener_that_raises_is_told_nothing_more_and_breaks_nothing() -> None:
    @task
    def plus(n: int) -> int:
        return n + 1

    entered, release = threading.Event(), threading.Event()

    @entrypoint()
    def body(n: int) -> int:
        entered.set()
        release.wait(30)
        return plus(n).result() + plus(n).result()

    run = body.start(1)
    assert entered.wait(30)
    heard = []

    def listen(record: object) -> None:
        heard.append(record)
        if type(record).__name__ == "CallStarted":
            raise ZeroDivisionError("in a listener")

    run.listen(listen)
    release.set()
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        assert run.result(timeout=30) == 4
    assert "ZeroDivisionError" in str(told[0].message)
    assert [type(record).__name__ for record in heard].count("CallStarted") == 1
