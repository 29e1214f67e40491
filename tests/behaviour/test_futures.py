"""The futures of calls in the hands of the standard library, and what replay makes of it."""

from __future__ import annotations

import asyncio
from concurrent.futures import ALL_COMPLETED, FIRST_COMPLETED, FIRST_EXCEPTION, as_completed, wait
from threading import Event
from typing import Any

import pytest

from nbflow import Command, InMemorySaver, RetryPolicy, entrypoint, interrupt, task
from nbflow.errors import RunCancelledError, RunStopped, UnserializableError, WouldBlockError
from tests.behaviour.flavours import Flavour

THREAD = {"thread_id": "t"}


@pytest.mark.parametrize("how", ["gather", "task_group", "wait"])
def test_a_failure_that_asyncio_caught_is_an_outcome_and_is_replayed(how: str) -> None:
    ran: list[int] = []

    @task
    async def odd_fails(n: int) -> int:
        ran.append(n)
        await asyncio.sleep(0)
        if n % 2:
            raise ValueError(n)
        return n

    async def collect() -> list[str]:
        if how == "gather":
            return [str(one) for one in await asyncio.gather(*map(odd_fails, range(4)), return_exceptions=True)]
        if how == "wait":
            calls: list[Any] = [odd_fails(n) for n in range(4)]
            await asyncio.wait(calls)
            return [str(call.exception() or call.result()) for call in calls]
        with pytest.raises(ExceptionGroup) as raised:
            async with asyncio.TaskGroup() as group:
                group.create_task(odd_fails(1))  # type: ignore[arg-type]  # as in test_runs
        return [str(one) for one in raised.value.exceptions]

    @entrypoint(checkpointer=InMemorySaver())
    async def body(_: int) -> Any:
        return [await collect(), interrupt("go on?")]

    expected = ["1"] if how == "task_group" else ["0", "1", "2", "3"]
    assert "__interrupt__" in body.invoke(0, THREAD)
    assert body.invoke(Command(resume="yes"), THREAD) == [expected, "yes"]
    assert sorted(ran) == sorted(int(n) for n in expected)


@pytest.mark.runs_once("it lets a call end after a time-out that nothing durable tells of yet")
def test_concurrent_futures_wait_and_as_completed_take_the_future() -> None:
    go = Event()

    @task
    def square(n: int) -> int:
        return n * n

    @task
    def held() -> str:
        assert go.wait(30)
        return "held"

    @entrypoint(checkpointer=InMemorySaver())
    def body(_: int) -> list[Any]:
        waiting: Any = held()
        squares: list[Any] = [square(n) for n in range(4)]
        some, rest = wait([*squares, waiting], return_when=FIRST_COMPLETED)
        assert some
        assert waiting in rest
        completed = sorted(call.result() for call in as_completed(squares))
        with pytest.raises(TimeoutError):
            list(as_completed([waiting], timeout=0.01))
        go.set()
        done, rest = wait([*squares, waiting], timeout=30, return_when=ALL_COMPLETED)
        return [completed, len(done), len(rest)]

    assert body.invoke(0, THREAD) == [[0, 1, 4, 9], 5, 0]


@pytest.mark.parametrize("settled_before", [False, True])
def test_concurrent_futures_wait_knows_failures_and_cancelled_calls(settled_before: bool) -> None:
    @task
    def fails() -> None:
        raise ValueError("no")

    @task
    async def held() -> None:
        await asyncio.Event().wait()

    @entrypoint(checkpointer=InMemorySaver())
    def body(_: int) -> Any:
        failing: Any = fails()
        waiting: Any = held()
        if settled_before:
            failing.exception()
        settled, rest = wait([failing, waiting], return_when=FIRST_EXCEPTION)
        assert (settled, rest) == ({failing}, {waiting})
        waiting.cancel()
        ended = wait([failing, waiting], timeout=30).done
        return [str(failing.exception()), len(ended), waiting.cancelled()]

    assert body.invoke(0, THREAD) == ["no", 2, True]


def test_concurrent_futures_wait_on_an_event_loop_says_to_await() -> None:
    @task
    async def one() -> int:
        return 1

    @entrypoint(checkpointer=InMemorySaver())
    async def body(_: int) -> Any:
        call: Any = one()
        with pytest.raises(WouldBlockError):
            wait([call])
        return await call

    assert body.invoke(0, THREAD) == 1


@pytest.mark.parametrize("where", ["in a worker", "in the waiting thread", "afterwards"])
def test_a_callback_that_raises_breaks_nothing(where: str) -> None:
    go, told = Event(), []

    @task
    def held() -> str:
        assert go.wait(30)
        return "held"

    def broken(_: object) -> None:
        raise ZeroDivisionError("in a callback")

    @entrypoint(checkpointer=InMemorySaver())
    def body(_: int) -> Any:
        call: Any = held()
        if where == "afterwards":
            go.set()
            call.result()
        elif where == "in a worker":
            with pytest.raises(TimeoutError):
                call.result(timeout=0.05)  # so that a worker takes it
        call.add_done_callback(broken)
        call.add_done_callback(lambda done: told.append(done.result()))
        go.set()
        while not told:
            call.result()
        return call.result()

    with pytest.warns(RuntimeWarning, match="in a callback"):
        assert body.invoke(0, THREAD) == "held"
    assert told == ["held"]


@pytest.mark.parametrize("how", ["stop", "cancel"])
def test_a_callback_that_asks_for_a_result_there_is_none_of_breaks_nothing(flow: Flavour, how: str) -> None:
    """What it lets out is that its call was stopped or cancelled, which is no ``Exception``."""
    asked, go = Event(), Event()

    @task
    def held() -> str:
        assert go.wait(30)
        return "held"

    @flow.entrypoint
    def body(_: int) -> Any:
        calls: Any = [held() for _ in range(3)]
        for call in calls:
            call.add_done_callback(lambda done: done.result())
        if how == "cancel":
            calls[0].cancel()
            go.set()
            return (yield calls[1:])
        asked.set()
        yield calls

    run = body.start(0, {"configurable": THREAD})
    if how == "cancel":
        assert run.result(30) == ["held", "held"]
        return
    assert asked.wait(30)
    assert run.cancel()
    with pytest.raises(RunCancelledError):
        run.result(30)
    go.set()


@pytest.mark.parametrize("how", ["await", "gather", "gather all", "wait", "shield", "wait_for", "as_completed"])
def test_asyncio_knows_a_call_that_was_cancelled(how: str) -> None:
    """Whoever waits for it is told so, and never waits on."""

    @task
    async def held() -> None:
        await asyncio.Event().wait()

    async def waits(call: Any) -> Any:
        if how == "gather":
            return await asyncio.gather(call)
        if how == "gather all":
            return (await asyncio.gather(call, return_exceptions=True))[0]
        if how == "wait":
            done, _ = await asyncio.wait([call])
            return await done.pop()
        if how == "as_completed":
            return [await one for one in asyncio.as_completed([call])]
        return await {"await": lambda: call, "shield": lambda: asyncio.shield(call)}.get(
            how, lambda: asyncio.wait_for(call, 30)
        )()

    @entrypoint(checkpointer=InMemorySaver())
    async def body(_: int) -> str:
        call: Any = held()
        waiting = asyncio.create_task(waits(call))
        await asyncio.sleep(0)
        call.cancel()
        try:
            return type(await waiting).__name__
        except asyncio.CancelledError as error:
            return type(error).__name__

    assert body.invoke(0, THREAD) == "CancelledError"


def test_a_future_in_a_returned_list_is_told_what_to_do() -> None:
    @task
    def one() -> int:
        return 1

    @entrypoint(checkpointer=InMemorySaver())
    def body(_: int) -> Any:
        return {"calls": [one()]}

    with pytest.raises(
        UnserializableError, match=r"a call of 'one', .*ask for its result\(\), one\(\.\.\.\)\.result\(\)"
    ) as told:
        body.invoke(0, THREAD)
    assert told.value.path == '["calls"][0]'
    assert "register_type" not in str(told.value)


@pytest.mark.parametrize("where", ["in a body", "in a task"])
def test_sync_code_may_run_a_loop_of_its_own(where: str) -> None:
    ran: list[int] = []

    @task
    async def slow(n: int) -> int:
        ran.append(n)
        await asyncio.sleep(0)
        return n

    @task
    def quick(n: int) -> int:
        ran.append(n)
        return n

    async def gathered() -> list[int]:
        return [*await asyncio.gather(slow(1), quick(2)), await slow(3)]

    @task
    def runs_a_loop() -> list[int]:
        return asyncio.run(gathered())

    @entrypoint(checkpointer=InMemorySaver())
    def body(_: int) -> Any:
        return [asyncio.run(gathered()) if where == "in a body" else runs_a_loop().result(), interrupt("?")]

    assert "__interrupt__" in body.invoke(0, THREAD)
    assert body.invoke(Command(resume="yes"), THREAD) == [[1, 2, 3], "yes"]
    assert sorted(ran) == [1, 2, 3]


@pytest.mark.parametrize("over", ["the run", "the attempt"])
@pytest.mark.runs_once("what one body left running goes on beside the next")
def test_what_a_body_left_running_makes_no_call_when_it_is_over(over: str) -> None:
    told: list[str] = []
    ran: list[str] = []
    asked = Event()

    @task
    async def step(what: str) -> str:
        ran.append(what)
        return what

    retried: Any = task(retry_policy=RetryPolicy(initial_interval=0, retry_on=ValueError))

    @retried
    async def leaves_something_running() -> str:
        first = not ran

        async def late() -> None:
            await gate.wait()
            try:
                await step("late")
            except RunStopped as stopped:
                told.append(str(stopped))
            asked.set()

        if first:
            gate = asyncio.Event()
            running.append(asyncio.create_task(late()))
            await step("first")
            gates.append(gate)
            if over == "the attempt":
                gate.set()
                raise ValueError("again")
        else:
            await asyncio.gather(*running)
        return await step("last")

    running: list[Any] = []
    gates: list[asyncio.Event] = []

    @entrypoint(checkpointer=InMemorySaver())
    async def body(n: int, previous: Any) -> Any:
        return [n, previous, await leaves_something_running()] if n == 1 else [n, previous is not None]

    async def both() -> Any:
        config: Any = {"configurable": THREAD}
        await body.ainvoke(1, config)
        gates[0].set()
        await asyncio.gather(*running)
        return await body.ainvoke(2, config)

    assert asyncio.run(both()) == [2, True]
    assert asked.is_set()
    assert told == ["the attempt that made this call is over"]
    assert "late" not in ran
