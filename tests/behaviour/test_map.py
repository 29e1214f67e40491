"""``task.map``: a call for each item, one future of a list, a rule that says when it is decided."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

import nbflow
from nbflow import Command, InMemorySaver, RetryPolicy, interrupt
from nbflow.core.record import CallFailed, MapReturned
from nbflow.errors import (
    CalledOutsideRunError,
    InvalidOptionError,
    LostFailureWarning,
    MapError,
    NotNeededError,
    ReplayMismatchError,
)
from nbflow.testing import crash_everywhere
from nbflow.views.calls import calls_of
from tests.behaviour.flavours import Flavour

CONFIG: Any = {"configurable": {"thread_id": "t"}}


def mapping(flow: Flavour, items: Any, bad: set[int] | None = None, **options: Any) -> tuple[Any, list[int]]:
    """Return a workflow that maps over items and then asks, and the items that were worked on."""
    ran: list[int] = []
    bad = bad if bad is not None else set()

    @flow.task
    def work(n: int) -> int:
        ran.append(n)
        if n in bad:
            raise ValueError(f"bad {n}")
        return n * n

    @flow.entrypoint
    def body(ask: bool) -> Any:
        found = yield work.map(items, **options)
        if ask:
            interrupt("go on?")
        return found

    return body, ran


def test_results_stand_in_the_order_of_the_items(flow: Flavour) -> None:
    body, ran = mapping(flow, range(50))
    assert flow.invoke(body, False) == [n * n for n in range(50)]
    assert sorted(ran) == list(range(50))
    run = body.last_run(CONFIG)
    assert [row.path for row in run.calls if row.name == "work"] == [f"0.0.b{n}.0" for n in range(50)]
    (mapped,) = [row for row in run.calls if row.kind == "map"]
    assert (mapped.path, mapped.name, mapped.state) == ("0.0", "work.map", "done")
    assert mapped.result == [n * n for n in range(50)]


def test_no_items_are_no_results(flow: Flavour) -> None:
    body, ran = mapping(flow, ())
    assert flow.invoke(body, False) == []
    assert ran == []


def test_it_is_replayed_without_running_anything(flow: Flavour) -> None:
    body, ran = mapping(flow, range(5))
    assert flow.invoke(body, True)["__interrupt__"]
    assert flow.invoke(body, Command(resume=1)) == [0, 1, 4, 9, 16]
    assert len(ran) == 5


def test_its_result_is_stored_once(flow: Flavour) -> None:
    @flow.task
    def work(n: int) -> bytes:
        return bytes([n]) * 3000

    @flow.entrypoint
    def body(_: Any) -> Any:
        found = yield work.map(range(20))
        return len(found)

    assert flow.invoke(body, 1) == 20
    records = nbflow.read_run(flow.saver, "t")
    (mapped,) = [record for record in records if isinstance(record, MapReturned)]
    assert mapped.value is None
    assert mapped.begun == mapped.count == 20


def test_what_had_returned_before_it_failed_does_not_run_again(flow: Flavour) -> None:
    ran: list[int] = []
    fails = [ValueError("bad")]

    @flow.task
    def work(n: int) -> int:
        ran.append(n)
        if n == 3 and fails:
            raise fails.pop()
        return n * n

    @flow.entrypoint
    def body(_: Any) -> Any:
        return (yield work.map(range(6), max_concurrency=1))

    with pytest.raises(MapError):
        flow.invoke(body, 1)
    assert ran == [0, 1, 2, 3]
    assert flow.invoke(body, None) == [0, 1, 4, 9, 16, 25]
    assert ran == [0, 1, 2, 3, 3, 4, 5]


def test_failures_and_cancelled_calls_of_a_map_that_failed_run_again(flow: Flavour) -> None:
    ran: list[int] = []
    fails = [ValueError("bad"), ValueError("bad")]

    @flow.task
    def work(n: int) -> int:
        ran.append(n)
        if n in {1, 2} and fails:
            raise fails.pop()
        return n

    @flow.entrypoint
    def body(_: Any) -> Any:
        return (yield work.map(range(4), max_concurrency=1, tolerate=1))

    with pytest.raises(MapError):
        flow.invoke(body, 1)
    assert flow.invoke(body, None) == [0, 1, 2, 3]
    assert ran == [0, 1, 2, 1, 2, 3]


def test_one_failure_is_too_many_unless_it_is_told_otherwise(flow: Flavour) -> None:
    body, _ = mapping(flow, range(4), bad={1})
    with pytest.raises(
        MapError, match=r"1 of 4 items of 'work' failed, 0 may: item 1: ValueError\('bad 1'\)"
    ) as caught:
        flow.invoke(body, False)
    assert {index: str(error) for index, error in caught.value.errors.items()} == {1: "bad 1"}
    assert isinstance(caught.value.__cause__, ValueError)


@pytest.mark.runs_once("a warning is told once")
@pytest.mark.parametrize(("tolerate", "fails"), [(2, False), ("20%", False), ("19.9%", True), (1, True), ("0%", True)])
def test_failures_are_tolerated_by_number_and_by_share(flow: Flavour, tolerate: Any, fails: bool) -> None:
    body, _ = mapping(flow, range(10), bad={3, 7}, tolerate=tolerate)
    if fails:
        with pytest.raises(MapError):
            flow.invoke(body, True)
        return
    told = r"2 of 10 items of 'work\.map', call 0\.0, failed and are left out: item 3: ValueError\('bad 3'\); item 7"
    with pytest.warns(LostFailureWarning, match=told):
        flow.invoke(body, True)
    result = flow.invoke(body, Command(resume=1))
    assert result == [n * n for n in range(10) if n not in {3, 7}]


def test_tolerated_failures_are_outcomes(flow: Flavour) -> None:
    body, ran = mapping(flow, range(5), bad={2}, tolerate=1, return_exceptions=True)
    assert flow.invoke(body, True)["__interrupt__"]
    found = flow.invoke(body, Command(resume=1))
    assert [str(one) for one in found] == ["0", "1", "bad 2", "9", "16"]
    assert isinstance(found[2], ValueError)
    assert sorted(ran) == [0, 1, 2, 3, 4]
    (failure,) = [record for record in nbflow.read_run(flow.saver, "t") if isinstance(record, CallFailed)]
    assert failure.survived
    (mapped,) = [row for row in body.last_run(CONFIG).calls if row.kind == "map"]
    assert [str(one) for one in mapped.result] == ["0", "1", "bad 2", "9", "16"]


def test_errors_in_the_list_are_any_number(flow: Flavour) -> None:
    body, _ = mapping(flow, range(3), bad={0, 1, 2}, return_exceptions=True)
    assert [str(one) for one in flow.invoke(body, False)] == ["bad 0", "bad 1", "bad 2"]


def test_enough_successes_end_it(flow: Flavour) -> None:
    body, ran = mapping(flow, range(100), max_concurrency=1, min_successes=3)
    assert flow.invoke(body, True)["__interrupt__"]
    assert flow.invoke(body, Command(resume=1)) == [0, 1, 4]
    assert ran == [0, 1, 2]


def test_what_was_not_needed_is_named(flow: Flavour) -> None:
    body, _ = mapping(flow, range(4), bad={0}, max_concurrency=1, min_successes=1, return_exceptions=True)
    assert flow.invoke(body, True)["__interrupt__"]
    found = flow.invoke(body, Command(resume=1))
    assert [type(one) for one in found] == [ValueError, int, NotNeededError, NotNeededError]
    assert found[2].path == "0.0.b2.0"


def test_too_few_successes_that_are_left_fail_it(flow: Flavour) -> None:
    body, ran = mapping(flow, range(5), bad={0, 1}, max_concurrency=1, min_successes=4)
    with pytest.raises(MapError, match="2 of 5 items"):
        flow.invoke(body, False)
    assert ran == [0, 1]


def test_calls_that_were_cancelled_are_outcomes_of_what_they_were(flow: Flavour) -> None:
    begun: list[int] = []

    @nbflow.task
    async def wait(n: int) -> int:
        begun.append(n)
        if n:
            await asyncio.Event().wait()
        return n

    @flow.entrypoint
    def body(_: Any) -> Any:
        found = yield wait.map(range(4), min_successes=1, return_exceptions=True)
        interrupt("go on?")
        return [type(one).__name__ for one in found]

    assert flow.invoke(body, 1)["__interrupt__"]
    names = flow.invoke(body, Command(resume=1))
    assert names == ["int", "NotNeededError", "NotNeededError", "NotNeededError"]
    assert begun[0] == 0


@pytest.mark.runs_once("it counts what is open")
def test_no_more_are_open_than_it_may_have(flow: Flavour) -> None:
    lock, at_work, most = threading.Lock(), 0, 0

    @flow.task
    def work(n: int) -> Any:
        nonlocal at_work, most
        with lock:
            at_work += 1
            most = max(most, at_work)
        yield pause()
        with lock:
            at_work -= 1
        return n

    @flow.task
    def pause() -> None:
        pass

    @flow.entrypoint
    def body(_: Any) -> Any:
        return (yield work.map(range(30), max_concurrency=3))

    assert flow.invoke(body, 1) == list(range(30))
    assert most <= 3


def test_items_may_be_a_future_or_hold_futures(flow: Flavour) -> None:
    @flow.task
    def listed(n: int) -> list[int]:
        return list(range(n))

    @flow.task
    def work(n: int) -> int:
        return n + 1

    @flow.entrypoint
    def body(n: int) -> Any:
        first = yield work.map(listed(n))
        second = yield work.map([work(n), n])
        interrupt("go on?")
        return first, second

    flow.invoke(body, 3)
    assert tuple(flow.invoke(body, Command(resume=1))) == ([1, 2, 3], [5, 4])


def test_it_is_an_argument_as_any_other_future(flow: Flavour) -> None:
    @flow.task
    def work(n: int) -> int:
        return n + 1

    @flow.task
    def total(numbers: list[int]) -> int:
        return sum(numbers)

    @flow.entrypoint
    def body(n: int) -> Any:
        return (yield total(work.map(range(n))))

    assert flow.invoke(body, 3) == 6
    (row,) = [row for row in body.last_run(CONFIG).calls if row.name == "total"]
    assert row.edges == ("0.0",)


def test_options_of_the_task_hold_for_each_item(flow: Flavour) -> None:
    tries: list[int] = []

    @flow.task(retry_policy=RetryPolicy(initial_interval=0, jitter=False, retry_on=ValueError), max_concurrency=2)
    def work(n: int) -> int:
        tries.append(n)
        if tries.count(n) < 2:
            raise ValueError(n)
        return n

    @flow.entrypoint
    def body(n: int) -> Any:
        return (yield work.map(range(n)))

    assert flow.invoke(body, 4) == [0, 1, 2, 3]
    assert sorted(tries) == [0, 0, 1, 1, 2, 2, 3, 3]


def test_items_may_ask_and_all_questions_come_at_once(flow: Flavour) -> None:
    ran: list[int] = []

    @flow.task
    def work(n: int) -> Any:
        if n % 2:
            return interrupt(f"what is {n}?")
        ran.append(n)
        return n

    @flow.entrypoint
    def body(n: int) -> Any:
        return (yield work.map(range(n)))

    asked = flow.invoke(body, 4)["__interrupt__"]
    assert [one.value for one in asked] == ["what is 1?", "what is 3?"]
    again = flow.invoke(body, Command(resume={asked[1].id: "three"}))["__interrupt__"]
    assert [one.value for one in again] == ["what is 1?"]
    assert flow.invoke(body, Command(resume="one")) == [0, "one", 2, "three"]
    assert ran == [0, 2]


def test_maps_may_stand_in_tasks_that_are_mapped(flow: Flavour) -> None:
    @flow.task
    def inner(n: int) -> int:
        return n * 10

    @flow.task
    def outer(n: int) -> Any:
        return (yield inner.map(range(n)))

    @flow.entrypoint
    def body(n: int) -> Any:
        found = yield outer.map(range(n), max_concurrency=2)
        interrupt("go on?")
        return found

    flow.invoke(body, 4)
    assert flow.invoke(body, Command(resume=1)) == [[], [0], [0, 10], [0, 10, 20]]


def test_many_maps_in_maps_do_not_run_out_of_workers(flow: Flavour) -> None:
    @flow.task
    def inner(n: int) -> int:
        return n

    @flow.task
    def outer(n: int) -> Any:
        return sum((yield inner.map(range(n))))

    @flow.entrypoint
    def body(n: int) -> Any:
        return sum((yield outer.map([3] * n)))

    assert flow.invoke(body, 300) == 900


def test_other_items_on_replay_are_told(flow: Flavour) -> None:
    items = [1, 2]
    body, _ = mapping(flow, items)
    flow.invoke(body, True)
    items.append(3)
    with pytest.raises(ReplayMismatchError, match=r"work\.map"):
        flow.invoke(body, Command(resume=1))


def test_another_width_on_replay_changes_nothing(flow: Flavour) -> None:
    width = [1]
    ran: list[int] = []

    @flow.task
    def work(n: int) -> int:
        ran.append(n)
        return n

    @flow.entrypoint
    def body(_: Any) -> Any:
        found = yield work.map([1, 2], max_concurrency=width[0])
        interrupt("go on?")
        return found

    flow.invoke(body, 1)
    width[0] = 7
    assert flow.invoke(body, Command(resume=1)) == [1, 2]
    assert len(ran) == 2


def test_what_did_not_change_is_reused_item_by_item(flow: Flavour) -> None:
    ran: list[int] = []

    @flow.task
    def work(n: int) -> int:
        ran.append(n)
        return n

    @flow.entrypoint
    def body(items: list[int]) -> Any:
        return (yield work.map(items))

    flow.invoke(body, [1, 2, 3])
    assert flow.invoke(body, [3, 4, 1], reuse=True) == [3, 4, 1]
    assert ran == [1, 2, 3, 4]


def test_a_fork_at_an_item_runs_it_alone(flow: Flavour) -> None:
    body, ran = mapping(flow, range(5))
    flow.invoke(body, False)
    ran.clear()
    assert body.fork(CONFIG, at="0.0.b2.0", replace=-1).result() == [0, 1, -1, 9, 16]
    assert ran == []
    assert body.fork(CONFIG, at="0.0.b1.0").result() == [0, 1, -1, 9, 16]
    assert ran == [1]


def test_a_fork_can_say_what_the_map_returned(flow: Flavour) -> None:
    body, ran = mapping(flow, range(5))
    flow.invoke(body, False)
    ran.clear()
    assert body.fork(CONFIG, at="0.0", replace=["x"]).result() == ["x"]
    assert ran == []


def test_methods_have_it_too(flow: Flavour) -> None:
    class Model:
        def __init__(self, factor: int) -> None:
            self.factor = factor

        @flow.task
        def times(self, n: int) -> int:
            return self.factor * n

    @flow.entrypoint(checkpointer=InMemorySaver())
    def body(_: Any) -> Any:
        return (yield Model(3).times.map([1, 2]))

    assert flow.invoke(body, 1) == [3, 6]


def test_amap_is_awaited() -> None:
    @nbflow.task
    def work(n: int) -> int:
        return n

    @nbflow.task
    async def later(n: int) -> int:
        return -n

    @nbflow.entrypoint(checkpointer=InMemorySaver())
    async def body(n: int) -> Any:
        return await work.amap(range(n)), await later.amap(range(n), max_concurrency=1)

    assert asyncio.run(body.ainvoke(3, CONFIG)) == ([0, 1, 2], [0, -1, -2])


def test_items_of_a_stream_are_shown_and_the_map_is_not(flow: Flavour) -> None:
    body, _ = mapping(flow, range(3))
    chunks = flow.stream(body, False, stream_mode="updates")
    assert sorted(map(str, chunks[:-1])) == [f"{{'work': {n * n}}}" for n in range(3)]


def test_a_map_that_is_cancelled_cancels_its_calls() -> None:
    begun, cancelled = asyncio.Event(), []

    @nbflow.task
    async def wait(n: int) -> int:
        begun.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.append(n)
            raise
        return n

    @nbflow.entrypoint(checkpointer=InMemorySaver())
    async def body(_: Any) -> Any:
        future = wait.map(range(3))
        await begun.wait()
        await asyncio.sleep(0)
        future.cancel()
        try:
            await future
        except asyncio.CancelledError:
            return "cancelled"

    assert asyncio.run(body.ainvoke(1, CONFIG)) == "cancelled"
    assert sorted(cancelled) == [0, 1, 2]


@pytest.mark.parametrize(
    ("items", "options", "text"),
    [
        ("abc", {}, "items is a str"),
        (5, {}, "items is a int"),
        ([1], {"max_concurrency": 0}, "max_concurrency is 0"),
        ([1], {"max_concurrency": True}, "max_concurrency is True"),
        ([1], {"min_successes": 2}, "min_successes is 2, but it is at most the number of items, which is 1"),
        ([], {"min_successes": 1}, "min_successes is 1"),
        ([1], {"min_successes": -1}, "min_successes is -1"),
        ([1], {"tolerate": -1}, "tolerate is -1"),
        ([1], {"tolerate": "5"}, "tolerate is '5'"),
        ([1], {"tolerate": "101%"}, "tolerate is '101%'"),
        ([1], {"tolerate": "nan%"}, "tolerate is 'nan%'"),
        ([1], {"tolerate": 0.05}, "tolerate is 0.05"),
        ([1], {"return_exceptions": 1}, "return_exceptions is 1"),
    ],
)
def test_bad_options_are_told(flow: Flavour, items: Any, options: Any, text: str) -> None:
    body, ran = mapping(flow, items, **options)
    with pytest.raises(InvalidOptionError) as caught:
        flow.invoke(body, False)
    assert text in str(caught.value)
    assert ran == []


def test_a_future_that_gives_no_list_is_told(flow: Flavour) -> None:
    @flow.task
    def work(n: int) -> int:
        return n

    @flow.entrypoint
    def body(_: Any) -> Any:
        return (yield work.map(work(3)))

    with pytest.raises(InvalidOptionError, match="a future of one"):
        flow.invoke(body, 1)


def test_outside_of_a_run_it_says_so() -> None:
    @nbflow.task
    def work(n: int) -> int:
        return n

    with pytest.raises(CalledOutsideRunError, match="task 'work'"):
        work.map([1])


def test_its_error_survives_the_way_to_the_disk(flow: Flavour) -> None:
    @flow.task
    def work(n: int) -> int:
        raise ValueError(n)

    @flow.entrypoint
    def body(_: Any) -> Any:
        try:
            yield work.map([1, 2])
        except MapError as error:
            return interrupt("go on?"), sorted(error.errors), repr(error.__cause__)

    flow.invoke(body, 1)
    answer, items, cause = flow.invoke(body, Command(resume="yes"))
    assert answer == "yes"
    assert items in ([0], [1], [0, 1])
    assert cause.startswith("ValueError")


def test_a_crash_anywhere_repeats_items_alone(flow: Flavour) -> None:
    @flow.task
    def work(n: int) -> int:
        return n

    @flow.entrypoint
    def body(n: int) -> Any:
        return (yield work.map(range(n), max_concurrency=2))

    report = crash_everywhere(body, 4)
    assert report.result == [0, 1, 2, 3]
    assert report.repeated <= {"work"}


def test_views_fold_a_map_from_its_records(flow: Flavour) -> None:
    body, _ = mapping(flow, range(4))
    flow.invoke(body, False)
    rows = calls_of(nbflow.read_run(flow.saver, "t"))
    assert [row.result for row in rows if row.kind == "map"] == [[0, 1, 4, 9]]
