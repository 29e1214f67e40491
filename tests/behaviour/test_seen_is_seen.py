"""Replay shows a body what it saw: who came first, what had timed out, what was not there yet."""

from __future__ import annotations

import asyncio
import queue
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ALL_COMPLETED, FIRST_COMPLETED, as_completed, wait
from typing import Any

import pytest

from nbflow import Command, Run, entrypoint, interrupt, task
from nbflow.checkpoint.base import BaseCheckpointSaver
from nbflow.core.record import CallFailed, CallReturned, Record

HERE = {"configurable": {"thread_id": "t"}}
LONG = 30.0
pytestmark = pytest.mark.runs_once(
    "a listener lets its calls end one by one, and a replay has them end at other moments; laws/test_seen.py cuts races"
)


class InOrder:
    """Lets calls end one after the other, in a given order, each when the one before is durable."""

    def __init__(self) -> None:
        self.ran: Counter[Any] = Counter()
        self.turns: dict[Any, threading.Event] = {}
        self.order: list[Any] = []
        self.is_set = False

    def expect(self, *order: Any) -> None:
        """Set the order; a body that runs again finds it as it is."""
        if self.is_set:
            return
        self.is_set = True
        self.order = list(order)
        self.turns = {name: threading.Event() for name in order}
        self.allow()

    def allow(self) -> None:
        """Let the next one end."""
        if self.order:
            self.turns[self.order.pop(0)].set()


@pytest.fixture
def order() -> Iterator[InOrder]:
    order = InOrder()

    def hear(record: Record) -> None:
        if isinstance(record, (CallReturned, CallFailed)):
            order.allow()

    def watch(run: Run) -> None:
        run.listen(hear)

    Run.watchers.append(watch)
    yield order
    Run.watchers.remove(watch)


@pytest.fixture
def one(order: InOrder) -> Any:
    @task
    def one(name: Any) -> Any:
        order.ran[name] += 1
        if name in order.turns:
            assert order.turns[name].wait(LONG)
        if name == "bad":
            raise ValueError(name)
        return name

    return one


@pytest.fixture
def aone(order: InOrder) -> Any:
    @task
    async def aone(name: Any) -> Any:
        order.ran[name] += 1
        while name in order.turns and not order.turns[name].is_set():  # noqa: ASYNC110  # another thread sets it
            await asyncio.sleep(0.001)
        if name == "bad":
            raise ValueError(name)
        return name

    return aone


def is_seen_again(saver: BaseCheckpointSaver, order: InOrder, body: Callable[[], Any], expected: Any = None) -> None:
    """Run a body up to a question about all that it saw, and go on: it sees the same, and nothing runs again."""
    if asyncio.iscoroutinefunction(body):

        @entrypoint(checkpointer=saver)
        async def flow(_: int) -> Any:
            seen = await body()
            return seen, interrupt(seen)

    else:

        @entrypoint(checkpointer=saver)
        def flow(_: int) -> Any:
            seen = body()
            return seen, interrupt(seen)

    asked = flow.invoke(1, HERE)["__interrupt__"][0].value
    assert expected is None or asked == expected
    ran = Counter(order.ran)
    order.turns.clear()
    assert flow.invoke(Command(resume="yes"), HERE) == (asked, "yes")
    assert order.ran == ran, "what has ended does not run again"


def test_the_first_of_several(saver: BaseCheckpointSaver, order: InOrder, one: Any) -> None:
    def body() -> Any:
        order.expect(1, 2, 0)
        done, pending = wait([one(n) for n in range(3)], return_when=FIRST_COMPLETED)
        return [[f.result() for f in done], [f.result() for f in as_completed(pending)]]

    is_seen_again(saver, order, body)


def test_as_completed(saver: BaseCheckpointSaver, order: InOrder, one: Any) -> None:
    def body() -> Any:
        order.expect(3, 1, 4, 0, 2)
        return [f.result() for f in as_completed([one(n) for n in range(5)])]

    is_seen_again(saver, order, body)


def test_calls_made_in_the_order_of_completion(saver: BaseCheckpointSaver, order: InOrder, one: Any) -> None:
    def body() -> Any:
        order.expect(2, 0, 1)
        return [one(f"after {f.result()}").result() for f in as_completed([one(n) for n in range(3)])]

    is_seen_again(saver, order, body)


def test_a_wait_that_timed_out(saver: BaseCheckpointSaver, order: InOrder, one: Any) -> None:
    def body() -> Any:
        order.turns = {0: threading.Event()}
        future = one(0)
        try:
            seen = future.result(timeout=0.01)
        except TimeoutError:
            seen = "fallback"
        order.turns[0].set()
        return [seen, future.result(timeout=LONG)]

    is_seen_again(saver, order, body, ["fallback", 0])


def test_a_wait_for_several_that_timed_out(saver: BaseCheckpointSaver, order: InOrder, one: Any) -> None:
    def body() -> Any:
        order.turns = {1: threading.Event()}
        futures = [one(0), one(1)]
        futures[0].result()
        done, _ = wait(futures, timeout=0.01, return_when=ALL_COMPLETED)
        order.turns[1].set()
        return [[f.result() for f in done], futures[1].result()]

    is_seen_again(saver, order, body, [[0], 1])


def test_polls(saver: BaseCheckpointSaver, order: InOrder, one: Any) -> None:
    def body() -> Any:
        order.turns = {0: threading.Event()}
        future, polls = one(0), 0
        while not future.done():
            polls += 1
            if polls == 3:
                order.turns[0].set()
            time.sleep(0.001)
        return polls

    is_seen_again(saver, order, body)


def test_callbacks_of_sync_code(saver: BaseCheckpointSaver, order: InOrder, one: Any) -> None:
    def body() -> Any:
        order.expect(1, 2, 0)
        ended: queue.Queue[Any] = queue.Queue()
        for future in [one(n) for n in range(3)]:
            future.add_done_callback(ended.put)
        return [ended.get(timeout=LONG).result() for _ in range(3)]

    is_seen_again(saver, order, body, [1, 2, 0])


def test_pipelines_side_by_side_in_a_sync_body(saver: BaseCheckpointSaver, order: InOrder, aone: Any) -> None:
    async def pipeline(name: int) -> Any:
        return [await aone(name), await aone(f"then {name}")]

    async def several() -> Any:
        return await asyncio.gather(*map(pipeline, range(3)))

    def body() -> Any:
        order.expect(2, 0, "then 2", 1, "then 1", "then 0")
        return asyncio.run(several())

    is_seen_again(saver, order, body)


def test_the_first_of_several_on_a_loop(saver: BaseCheckpointSaver, order: InOrder, one: Any, aone: Any) -> None:
    async def body() -> Any:
        order.expect(1, 2, 0)
        futures = [aone(0), one(1), aone(2)]
        done, pending = await asyncio.wait(futures, return_when=asyncio.FIRST_COMPLETED)
        return [[f.result() for f in done], [await f for f in asyncio.as_completed(pending)]]

    is_seen_again(saver, order, body)


def test_as_completed_over_coroutines(saver: BaseCheckpointSaver, order: InOrder, aone: Any) -> None:
    async def pipeline(name: int) -> Any:
        return [await aone(name), await aone(f"then {name}")]

    async def body() -> Any:
        order.expect(3, 1, "then 1", 0, "then 3", 2, "then 2", "then 0")
        return [await each for each in asyncio.as_completed([pipeline(n) for n in range(4)])]

    is_seen_again(saver, order, body)


def test_workers_at_a_queue(saver: BaseCheckpointSaver, order: InOrder, aone: Any) -> None:
    async def body() -> Any:
        order.expect(1, 2, 0, 4, 3, 5)
        jobs: asyncio.Queue[int] = asyncio.Queue()
        for n in range(6):
            jobs.put_nowait(n)
        done = []

        async def worker(name: str) -> None:
            while not jobs.empty():
                done.append((name, await aone(jobs.get_nowait())))

        async with asyncio.TaskGroup() as group:
            for name in "abc":
                group.create_task(worker(name))
        return done

    is_seen_again(saver, order, body)


def test_a_call_that_was_given_up(saver: BaseCheckpointSaver, order: InOrder, one: Any, aone: Any) -> None:
    """The time-out comes again at once, and the call that it ended does not run again."""

    async def body() -> Any:
        order.turns = {0: threading.Event(), 1: threading.Event()}
        seen: list[Any] = []
        for call in (aone, one):
            try:
                seen.append(await asyncio.wait_for(call(len(seen)), 0.01))
            except TimeoutError:
                seen.append("late")
        order.turns[1].set()
        return [*seen, await aone(2)]

    is_seen_again(saver, order, body, ["late", "late", 2])


def test_a_call_that_was_cancelled_before_a_pause(saver: BaseCheckpointSaver, order: InOrder, one: Any) -> None:
    """It is cancelled again, neither run nor waited for, and what comes after the pause can be waited for."""

    @entrypoint(checkpointer=saver)
    def flow(given: int) -> Any:
        order.turns = {0: threading.Event()}
        future = one(0)
        seen = [future.cancel(), future.cancelled(), one(1).result()]
        order.turns[0].set()
        answer = interrupt(seen)
        done, _ = wait([one(2), one(3)])
        return seen, answer, sorted(each.result() for each in done)

    assert flow.invoke(1, HERE)["__interrupt__"][0].value == [True, True, 1]
    assert flow.invoke(Command(resume="yes"), HERE) == ([True, True, 1], "yes", [2, 3])
    assert order.ran[1] == 1


def test_a_result_that_is_asked_for_twice_reaches_both(saver: BaseCheckpointSaver, order: InOrder, one: Any) -> None:
    """Asking for a result takes it from nobody who waits for it in another way."""

    def body() -> Any:
        order.expect(0, 1)
        first, second = one(0), one(1)
        each = as_completed([first, second], timeout=LONG)
        seen = [next(each).result()]
        return [*seen, second.result(), *[future.result() for future in each]]

    is_seen_again(saver, order, body)


def test_a_result_that_one_branch_takes_wakes_the_other(saver: BaseCheckpointSaver, order: InOrder, one: Any) -> None:
    async def body() -> Any:
        future = one(0)

        async def waits() -> Any:
            return await future

        async def looks() -> Any:
            while future.call.outcome is None:  # noqa: ASYNC110  # without awaiting the call itself
                await asyncio.sleep(0)
            return future.result()

        return await asyncio.wait_for(asyncio.gather(waits(), looks()), LONG)

    is_seen_again(saver, order, body, [0, 0])


def test_a_call_that_came_after_all(saver: BaseCheckpointSaver, order: InOrder, aone: Any) -> None:
    async def body() -> Any:
        order.turns = {0: threading.Event()}
        future = aone(0)
        try:
            seen = await asyncio.wait_for(asyncio.shield(future), 0.01)
        except TimeoutError:
            seen = "late"
        order.turns[0].set()
        return [seen, await future]

    is_seen_again(saver, order, body, ["late", 0])


def test_a_pause_between_two_looks(saver: BaseCheckpointSaver, order: InOrder, one: Any) -> None:
    async def body() -> Any:
        order.turns = {0: threading.Event()}
        future, naps = one(0), 0
        while not future.done():
            naps += 1
            if naps == 3:
                order.turns[0].set()
            await asyncio.sleep(0.001)
        return naps

    is_seen_again(saver, order, body)


def test_a_failure_between_results(saver: BaseCheckpointSaver, order: InOrder, one: Any) -> None:
    async def body() -> Any:
        order.expect(0, "bad", 2, 1)
        seen = []
        for each in asyncio.as_completed([one(0), one("bad"), one(1), one(2)]):
            try:
                seen.append(await each)
            except ValueError:
                seen.append("failed")
        return seen

    is_seen_again(saver, order, body, [0, "failed", 2, 1])


def test_a_changed_body_gets_what_it_waits_for(saver: BaseCheckpointSaver, order: InOrder, one: Any) -> None:
    """A recorded time-out that the body has no more keeps no result back."""
    patient = False

    def body() -> Any:
        order.turns = {} if patient else {0: threading.Event()}
        future = one(0)
        try:
            seen = future.result() if patient else future.result(timeout=0.01)
        except TimeoutError:
            seen = "late"
        if not patient:
            order.turns[0].set()
        return [seen, one(1).result(), future.result()]

    @entrypoint(checkpointer=saver)
    def flow(_: int) -> Any:
        return [body(), interrupt("?")]

    flow.invoke(1, HERE)
    patient = True
    assert flow.invoke(Command(resume="!"), HERE) == [[0, 1, 0], "!"]
