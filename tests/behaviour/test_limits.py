"""Limits of a task, and of a run: how many at once, how many in a time."""

from __future__ import annotations

import threading
from contextlib import nullcontext
from typing import Any

import pytest

import nbflow
from nbflow.errors import InvalidOptionError, RunCancelledError
from tests.behaviour.flavours import Flavour


class Count:
    """How many are inside at the same time, and the most there were."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.inside = 0
        self.most = 0

    def __enter__(self) -> None:
        with self._lock:
            self.inside += 1
            self.most = max(self.most, self.inside)

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self.inside -= 1


@pytest.mark.parametrize("limit", [1, 2])
def test_a_task_has_a_limit_of_its_own_over_all_runs(limit: int) -> None:
    count, meet = Count(), threading.Barrier(3)

    @nbflow.task(max_concurrency=limit)
    def narrow(n: int) -> int:
        with count:
            return n

    @nbflow.entrypoint()
    def body(n: int) -> list[int]:
        meet.wait(30)
        return [future.result() for future in [narrow(k) for k in range(n)]]

    runs = [body.start(20) for _ in range(3)]
    assert [run.result() for run in runs] == [list(range(20))] * 3
    assert count.most <= limit


def test_a_narrow_task_that_calls_itself_does_not_wait_for_itself(flow: Flavour) -> None:
    @flow.task(max_concurrency=1)
    def down(n: int) -> Any:
        return 0 if n == 0 else 1 + (yield down(n - 1))

    @flow.entrypoint
    def body(n: int) -> Any:
        return (yield down(n))

    assert flow.invoke(body, 20) == 20


def test_two_narrow_tasks_that_call_each_other_do_not_either(flow: Flavour) -> None:
    @flow.task(max_concurrency=1)
    def even(n: int) -> Any:
        return True if n == 0 else (yield odd(n - 1))

    @flow.task(max_concurrency=1)
    def odd(n: int) -> Any:
        return False if n == 0 else (yield even(n - 1))

    @flow.entrypoint
    def body(n: int) -> Any:
        return (yield [even(n), odd(n), even(n + 1)])

    config = {"configurable": {"thread_id": "t"}, "max_concurrency": 1}
    assert flow.invoke(body, 10, config=config) == [True, False, False]


@pytest.mark.parametrize("how", ["cancel", "fail", "stop"])
def test_a_call_that_was_let_through_and_never_began_gives_its_slot_back(flow: Flavour, how: str) -> None:
    """Another limit held it up when its caller cancelled it, or its run ended; others wait for the same task."""
    began, held, go = threading.Event(), threading.Event(), threading.Event()

    @nbflow.task
    def block() -> None:
        began.set()
        assert go.wait(30)

    @flow.task(max_concurrency=1)
    def narrow(n: int) -> int:
        return n

    @flow.entrypoint(checkpointer=None)
    def body(_: int) -> Any:
        blocked = block()
        assert began.wait(30)
        waiting = narrow(1)
        if how == "fail":
            raise ValueError
        if how == "cancel":
            waiting.cancel()
            go.set()
        held.set()
        yield blocked

    @flow.entrypoint(checkpointer=None)
    def later(n: int) -> Any:
        return (yield narrow(n))

    run = body.start(0, {"max_concurrency": 1})
    if how == "stop":
        assert held.wait(30)
        run.cancel()
    with pytest.raises((ValueError, RunCancelledError)) if how != "cancel" else nullcontext():
        run.result()
    go.set()
    assert flow.invoke(later, 3) == 3


@pytest.mark.parametrize("limit", [1, 2])
def test_a_call_that_waits_for_an_argument_takes_no_slot(flow: Flavour, limit: int) -> None:
    """Else it takes the slot of a call that its argument needs."""

    @flow.task
    def leaf(n: int) -> int:
        return n

    @flow.task
    def middle(n: int) -> Any:
        return (yield leaf(n)) + (yield leaf(n))

    @flow.task
    def join(one: int, two: int) -> int:
        return one + two

    @flow.entrypoint
    def body(n: int) -> Any:
        first = middle(n)
        return (yield join(first, join(middle(1), first)))

    config = {"configurable": {"thread_id": "t"}, "max_concurrency": limit}
    assert flow.invoke(body, 3, config=config) == 14


def test_a_rate_holds_calls_back_and_loses_none(flow: Flavour) -> None:
    @flow.task(rate_limit="3/0.02s")
    def slow(n: int) -> int:
        return n

    @flow.entrypoint
    def body(n: int) -> Any:
        return (yield [slow(k) for k in range(n)])

    for limit in (None, 1, 2):
        config = {"configurable": {"thread_id": "t"}, "max_concurrency": limit}
        assert flow.invoke(body, 10, config=config) == list(range(10))


def test_a_finished_call_is_replayed_without_a_wait(flow: Flavour) -> None:
    @flow.task(rate_limit="1/day")
    def slow(n: int) -> int:
        return n

    @flow.entrypoint
    def body(_: int) -> Any:
        return (yield slow(1)), nbflow.interrupt("?")

    flow.invoke(body, 1)
    assert flow.invoke(body, nbflow.Command(resume=2)) == (1, 2)


@pytest.mark.parametrize("rate", ["fast", "0/s", "10", "10/fortnight", 10, "/s", "-1/s"])
def test_a_rate_that_makes_no_sense_is_refused(rate: Any) -> None:
    with pytest.raises(InvalidOptionError, match="'10/s'"):
        nbflow.task(rate_limit=rate)


@pytest.mark.parametrize("rate", ["10/s", "10 / sec", "100/min", "100/minutes", "5/10s", "2/0.5s", "1/h", "3/day"])
def test_rates_are_written_as_people_say_them(rate: str) -> None:
    assert nbflow.task(rate_limit=rate) is not None


@pytest.mark.parametrize("limit", [0, -1, 1.5, "two"])
def test_a_limit_that_makes_no_sense_is_refused(limit: Any) -> None:
    with pytest.raises(InvalidOptionError, match="whole number"):
        nbflow.task(max_concurrency=limit)


@pytest.mark.parametrize("limit", ["of the task", "of the run"])
def test_a_stored_run_tells_how_long_a_call_waited_for_its_turn(flow: Flavour, limit: str) -> None:
    @flow.task(max_concurrency=1 if limit == "of the task" else None)
    def narrow(n: int) -> int:
        return n

    @flow.entrypoint
    def body(n: int) -> Any:
        return (yield [narrow(k) for k in range(n)])

    config: Any = {"configurable": {"thread_id": "t"}, "max_concurrency": 1 if limit == "of the run" else None}
    flow.invoke(body, 3, config=config)
    calls = [row for row in body.last_run({"configurable": {"thread_id": "t"}}).calls if row.name == "narrow"]
    assert all(0 < row.requested <= row.started for row in calls)
