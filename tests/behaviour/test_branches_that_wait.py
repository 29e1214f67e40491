"""Bodies whose branches wait for each other: cancelled, timed, asked; what they saw comes again, and nothing hangs."""

from __future__ import annotations

import asyncio
import queue
import threading
import time
from concurrent.futures import FIRST_COMPLETED, as_completed, wait
from typing import Any

import pytest

from nbflow import Command, InMemorySaver, entrypoint, interrupt, task

CONFIG: Any = {"configurable": {"thread_id": "t"}}


@task
async def step(name: object, seconds: float = 0.001) -> object:
    await asyncio.sleep(seconds)
    return name


@task
def sync_step(name: object, seconds: float = 0.001) -> object:
    time.sleep(seconds)
    return name


@task
async def asks(name: object) -> Any:
    return interrupt(f"{name}?")


def same_after_a_pause(flow: Any, calls: float = 1) -> Any:
    """Return what a body saw, which it asks about, once it has seen the same again after the answer."""
    asked = flow.invoke(calls, CONFIG)["__interrupt__"]
    seen, answer = flow.invoke(Command(resume="yes"), CONFIG)
    assert (seen, answer) == (asked[0].value, "yes")
    return seen


# A question in one branch, and others that wait for what that branch would do.


def test_a_worker_that_asks_is_seen_though_others_wait_for_its_queue() -> None:
    @entrypoint(checkpointer=InMemorySaver())
    async def flow(count: int) -> list[Any]:
        todo: asyncio.Queue[int] = asyncio.Queue()
        for number in range(count):
            todo.put_nowait(number)
        done: list[Any] = []

        async def work() -> None:
            while True:
                done.append(await asks(await todo.get()))
                todo.task_done()

        workers = [asyncio.create_task(work()) for _ in range(2)]
        await todo.join()
        for worker in workers:
            worker.cancel()
        return sorted(done)

    result = flow.invoke(3, CONFIG)
    while "__interrupt__" in result:
        result = flow.invoke(Command(resume={one.id: one.value for one in result["__interrupt__"]}), CONFIG)
    assert result == ["0?", "1?", "2?"]


@pytest.mark.parametrize("asker", ["the branch", "a task of it"])
def test_a_question_before_an_event_that_the_body_awaits_is_seen(asker: str) -> None:
    @entrypoint(checkpointer=InMemorySaver())
    async def flow(_: int) -> Any:
        ready, found = asyncio.Event(), []

        async def prepare() -> None:
            found.append(interrupt("ready?") if asker == "the branch" else await asks("ready"))
            ready.set()

        waiting = asyncio.create_task(prepare())
        await ready.wait()
        await waiting
        return found

    assert flow.invoke(1, CONFIG)["__interrupt__"][0].value == "ready?"
    assert flow.invoke(Command(resume="yes"), CONFIG) == ["yes"]


def test_a_body_whose_question_was_answered_may_take_its_time() -> None:
    @entrypoint(checkpointer=InMemorySaver())
    async def flow(_: int) -> object:
        async def branch() -> object:
            return interrupt("ready?")

        answer = await asyncio.create_task(branch())
        await asyncio.sleep(1.2)  # longer than a body with an open question may stand still
        return answer

    flow.invoke(1, CONFIG)
    assert flow.invoke(Command(resume="yes"), CONFIG) == "yes"


def test_calls_at_work_end_before_a_body_that_stands_still_is_ended() -> None:
    ran: list[object] = []

    @task
    async def slow(number: int) -> int:
        await asyncio.sleep(1.2)
        ran.append(number)
        return number

    @entrypoint(checkpointer=InMemorySaver())
    async def flow(_: int) -> Any:
        ready = asyncio.Event()

        async def prepare() -> None:
            await asks("ready")
            ready.set()

        branches = [asyncio.create_task(prepare()), asyncio.create_task(_await(slow(1)))]
        await ready.wait()
        return [await one for one in branches]

    assert "__interrupt__" in flow.invoke(1, CONFIG)
    assert flow.invoke(Command(resume="yes"), CONFIG) == [None, 1]
    assert ran == [1]


async def _await(value: Any) -> Any:
    return await value


# Cancelling: whoever cancels is believed.


def test_a_time_limit_around_calls_is_never_lost() -> None:
    @entrypoint()
    async def flow(_: int) -> str:
        try:
            async with asyncio.timeout(0.02):
                for number in range(100_000):
                    await step(number, 0)
        except TimeoutError:
            return "timed out"
        return "lost"

    assert [flow.invoke(1) for _ in range(25)] == ["timed out"] * 25


def test_a_cancelled_branch_ends() -> None:
    @entrypoint()
    async def flow(_: int) -> bool:
        async def loop_over_steps() -> None:
            for number in range(100_000):
                await step(number, 0)

        branch = asyncio.create_task(loop_over_steps())
        for number in range(5):
            await step(number)
        branch.cancel()
        await asyncio.wait({branch})
        return branch.cancelled()

    assert all(flow.invoke(1) for _ in range(25))


@pytest.mark.parametrize("failing", [2, 3])
def test_a_group_of_failing_branches_fails_with_the_same_errors_again(failing: int) -> None:
    @task
    async def bad(number: int) -> None:
        await asyncio.sleep(0.001 * (number % 2))
        raise ValueError(number)

    for _ in range(10):

        @entrypoint(checkpointer=InMemorySaver())
        async def flow(_: int) -> Any:
            seen: list[Any] = []
            try:
                async with asyncio.TaskGroup() as group:
                    for number in range(failing):
                        group.create_task(_await(bad(number)))
            except* ValueError as errors:
                seen = [one.args[0] for one in errors.exceptions]
            return seen, interrupt(seen)

        assert same_after_a_pause(flow)


# Timers of several branches, and time limits that are read off a clock.


def test_naps_of_branches_end_in_the_order_in_which_they_ended() -> None:
    @entrypoint(checkpointer=InMemorySaver())
    async def flow(_: int) -> Any:
        seen: list[Any] = []

        async def long() -> None:
            await asyncio.sleep(0.07)
            seen.append("long")

        async def steps() -> None:
            for number in range(3):
                seen.append(await step(number, 0.01))
                await asyncio.sleep(0.025)
                seen.append(("nap", number))

        await asyncio.gather(long(), steps())
        return seen, interrupt(seen)

    assert "long" in same_after_a_pause(flow)


def test_naps_after_the_last_result_keep_their_order_too() -> None:
    @entrypoint(checkpointer=InMemorySaver())
    async def flow(_: int) -> Any:
        seen: list[Any] = []

        async def long() -> None:
            await asyncio.sleep(0.08)
            seen.append("long")

        async def after_a_call() -> None:
            await step(1, 0.06)
            await asyncio.sleep(0.05)
            seen.append("short")

        await asyncio.gather(long(), after_a_call())
        return seen, interrupt(seen)

    assert sorted(same_after_a_pause(flow)) == ["long", "short"]


def test_time_limits_of_branches_are_hit_by_the_same_ones() -> None:
    @entrypoint(checkpointer=InMemorySaver())
    async def flow(_: int) -> Any:
        seen: list[Any] = []

        async def within(name: str, limit: float, seconds: float) -> None:
            for number in range(2):
                try:
                    seen.append(await asyncio.wait_for(step((name, number), seconds), limit))
                except TimeoutError:
                    seen.append((name, number, "late"))

        await asyncio.gather(within("a", 0.03, 0.02), within("b", 0.02, 0.04), within("c", 0.015, 0.03))
        return seen, interrupt(seen)

    for _ in range(5):
        same_after_a_pause(flow)


def stand_still(until: float) -> None:
    """Keep the loop from going on up to some time of its clock."""
    while (left := until - time.monotonic()) > 0:
        time.sleep(left)


def test_a_time_limit_that_ends_as_its_result_comes_hits_no_later_wait() -> None:
    """A timer that goes off in the same turn of the loop as a result comes ends nothing, and is not there on replay."""

    @entrypoint(checkpointer=InMemorySaver())
    async def flow(limit: float) -> Any:
        @task
        async def quick() -> str:
            until = time.monotonic() + limit
            await asyncio.sleep(limit / 2)
            stand_still(until)
            return "quick"

        async def within() -> list[Any]:
            first = await asyncio.wait_for(quick(), limit)
            late: list[str] = []
            timer = asyncio.get_running_loop().call_later(30, late.append, "late")
            second = await step("slow")
            timer.cancel()
            return [first, second, late]

        return [seen := await asyncio.gather(within(), step("other")), interrupt(seen)]

    assert same_after_a_pause(flow, 0.2)[0] == ["quick", "slow", []]


def test_a_timer_that_nothing_waited_for_takes_no_miss_of_a_later_one() -> None:
    has_waited = threading.Event()

    @task
    def gated(name: str) -> str:
        has_waited.wait(30)
        return name

    @entrypoint(checkpointer=InMemorySaver())
    async def flow(_: int) -> Any:
        await step("first")
        await asyncio.sleep(0.001)
        second = asyncio.ensure_future(gated("second"))
        ended, _pending = await asyncio.wait([second], timeout=0.01)
        has_waited.set()
        return [seen := [len(ended), await second], interrupt(seen)]

    assert same_after_a_pause(flow) == [0, "second"]


def test_as_completed_is_late_again() -> None:
    is_late = threading.Event()

    @task
    def gated(name: str) -> str:
        is_late.wait(30)
        return name

    @entrypoint(checkpointer=InMemorySaver())
    def flow(_: int) -> Any:
        calls: list[Any] = [sync_step("quick", 0.01), gated("slow")]
        seen: list[Any] = []
        try:
            for one in as_completed(calls, timeout=0.15):
                seen += [one.result()]
        except TimeoutError:
            seen.append("late")
        is_late.set()
        wait(calls)
        return seen, interrupt(seen)

    assert same_after_a_pause(flow)[-1] == "late"


@pytest.mark.parametrize("kind", [queue.Queue, queue.SimpleQueue])
def test_callbacks_and_waits_for_the_first_get_along_in_one_sync_body(kind: Any) -> None:
    @entrypoint(checkpointer=InMemorySaver())
    def flow(_: int) -> Any:
        arrived: Any = kind()
        step("first").add_done_callback(arrived.put)
        seen = [arrived.get().result()]
        for _ in range(10):
            calls: list[Any] = [step(number) for number in range(6)]
            for one in as_completed(calls):
                seen += [one.result()]
            wait(calls[:4], return_when=FIRST_COMPLETED)
        return seen, interrupt(seen)

    assert len(same_after_a_pause(flow)) == 61
