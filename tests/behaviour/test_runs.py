"""Calls, futures, nesting, results: what a run is."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import Any

import pytest

import nbflow
from nbflow import Command, InMemorySaver, entrypoint, interrupt, task
from nbflow.checkpoint.base import RunKey
from nbflow.errors import CalledOutsideRunError, RunCancelledError, UnfinishedRunError
from tests.behaviour.flavours import Flavour


def test_parallel_calls_give_their_results_in_order(flow: Flavour) -> None:
    @flow.task
    def double(n: int) -> int:
        return 2 * n

    @flow.entrypoint
    def body(numbers: list[int]) -> Any:
        return (yield [double(n) for n in numbers])

    assert flow.invoke(body, [1, 2, 3]) == [2, 4, 6]


def test_a_task_calls_a_task(flow: Flavour) -> None:
    @flow.task
    def inner(n: int) -> int:
        return n + 1

    @flow.task
    def outer(n: int) -> Any:
        first = yield inner(n)
        return (yield inner(first))

    @flow.entrypoint
    def body(n: int) -> Any:
        return (yield outer(n))

    assert flow.invoke(body, 1) == 3
    assert [(call.path, call.name) for call in body.last_run({"thread_id": "t"}).calls] == [
        ("0", "body"),
        ("0.0", "outer"),
        ("0.0.0", "inner"),
        ("0.0.1", "inner"),
    ]


def test_a_future_as_an_argument_is_awaited_and_recorded_as_an_edge(flow: Flavour) -> None:
    @flow.task
    def one() -> int:
        return 1

    @flow.task
    def add(a: int, b: int) -> int:
        return a + b

    @flow.entrypoint
    def body(_: None) -> Any:
        return (yield add(one(), b=one()))

    assert flow.invoke(body, 0) == 2
    calls = {call.path: call for call in body.last_run({"thread_id": "t"}).calls}
    assert calls["0.2"].edges == ("0.0", "0.1")


def test_what_a_failed_argument_raised_is_raised(flow: Flavour) -> None:
    ran = []

    @flow.task
    def bad() -> int:
        raise KeyError("no")

    @flow.task
    def use(a: int) -> None:
        ran.append(a)

    @flow.entrypoint
    def body(_: None) -> Any:
        return (yield use(bad()))

    with pytest.raises(KeyError, match="no"):
        flow.invoke(body, 0)
    assert ran == []


def test_calls_that_nobody_awaited_end_before_the_run_does(flow: Flavour) -> None:
    done = []

    @flow.task
    def late(n: int) -> None:
        done.append(n)

    @flow.entrypoint
    def body(_: int) -> str:
        for n in range(5):
            late(n)
        return "returned"

    assert flow.invoke(body, 0) == "returned"
    assert sorted(done) == [0, 1, 2, 3, 4]


def test_previous_is_what_the_last_run_saved(flow: Flavour) -> None:
    @flow.entrypoint
    def counter(n: int, *, previous: int | None = None) -> Any:
        total = n + (previous or 0)
        return entrypoint.final(value=total, save=2 * total)

    assert [flow.invoke(counter, n) for n in (1, 2, 3)] == [1, 4, 11]
    assert flow.invoke(counter, 1, thread="other") == 1


def test_a_failed_run_leaves_previous_alone(flow: Flavour) -> None:
    @flow.entrypoint
    def body(n: int, previous: Any) -> Any:
        if n < 0:
            raise ValueError(n)
        return [previous, n]

    flow.invoke(body, 1)
    with pytest.raises(ValueError, match="-1"):
        flow.invoke(body, -1)
    assert flow.invoke(body, 2) == [[None, 1], 2]


def test_falsy_inputs_are_inputs(flow: Flavour) -> None:
    @flow.entrypoint
    def body(given: Any) -> Any:
        return [given]

    values: list[Any] = [0, "", [], {}, False]
    assert [flow.invoke(body, value) for value in values] == [[value] for value in values]


def test_a_nested_workflow_is_part_of_the_run(flow: Flavour) -> None:
    @flow.task
    def step(n: int) -> int:
        return n + 1

    @flow.entrypoint(checkpointer=None)
    def child(n: int) -> Any:
        return entrypoint.final(value=(yield step(n)), save="not for the caller")

    @flow.entrypoint
    def parent(n: int) -> Any:
        first = yield flow.nested(child, n)
        return (yield flow.nested(child, first))

    assert flow.invoke(parent, 1) == 3
    assert [(call.path, call.kind, call.name) for call in parent.last_run({"thread_id": "t"}).calls] == [
        ("0", "entrypoint", "parent"),
        ("0.0", "entrypoint", "child"),
        ("0.0.0", "task", "step"),
        ("0.1", "entrypoint", "child"),
        ("0.1.0", "task", "step"),
    ]


@pytest.mark.parametrize("where", ["body", "task"])
@pytest.mark.parametrize("asks", ["child", "parent"])
def test_finished_tasks_of_a_nested_workflow_do_not_run_again(flow: Flavour, where: str, asks: str) -> None:
    ran = []

    @flow.task
    def step(n: int) -> int:
        ran.append(n)
        return n

    @flow.entrypoint(checkpointer=None)
    def child(n: int) -> Any:
        value = yield step(n)
        if asks == "child":
            interrupt("child?")
        return value

    @flow.task
    def through(n: int) -> Any:
        return (yield flow.nested(child, n))

    @flow.entrypoint
    def parent(n: int) -> Any:
        value: Any = yield (through(n) if where == "task" else flow.nested(child, n))
        answer = interrupt("parent?") if asks == "parent" else "none"
        return [value, answer]

    chunks = flow.stream(parent, 5)
    assert sum("__interrupt__" in chunk for chunk in chunks) == 1
    assert flow.invoke(parent, Command(resume="yes")) == [5, "yes" if asks == "parent" else "none"]
    assert ran == [5]


def test_async_tasks_in_sync_bodies_and_the_other_way_round() -> None:
    @task
    async def slow(n: int) -> int:
        await asyncio.sleep(0)
        return n + 1

    @task
    def plain(n: int) -> int:
        return n * 10

    @entrypoint(checkpointer=InMemorySaver())
    def sync_body(n: int) -> list[int]:
        return [future.result() for future in (slow(n), plain(n))]

    @entrypoint(checkpointer=InMemorySaver())
    async def async_body(n: int) -> list[int]:
        return list(await asyncio.gather(slow(n), plain(n)))

    config = {"thread_id": "t"}
    assert sync_body.invoke(1, config) == async_body.invoke(1, config) == [2, 10]
    assert asyncio.run(sync_body.ainvoke(1, config)) == asyncio.run(async_body.ainvoke(1, config)) == [2, 10]


def test_invoke_works_inside_a_running_loop() -> None:
    @task
    async def slow(n: int) -> int:
        await asyncio.sleep(0)
        return n + 1

    @entrypoint()
    async def async_body(n: int) -> int:
        return await slow(n)

    @entrypoint()
    def sync_body(n: int) -> int:
        return slow(n).result()

    async def cell() -> list[int]:
        return [async_body.invoke(1), sync_body.invoke(2)]

    assert asyncio.run(cell()) == [2, 3]


@pytest.mark.parametrize("how", ["gather", "wait", "task_group", "create_task", "wait_for", "as_completed"])
def test_asyncio_takes_the_future(how: str) -> None:
    @task
    async def plus(n: int) -> int:
        await asyncio.sleep(0)
        return n + 1

    async def collect() -> list[int]:
        if how == "gather":
            return list(await asyncio.gather(plus(1), plus(2)))
        if how == "wait":
            done, _ = await asyncio.wait([plus(1), plus(2)])  # type: ignore[type-var]
            return sorted(one.result() for one in done)
        if how == "task_group":
            async with asyncio.TaskGroup() as group:
                started: list[Any] = [group.create_task(plus(n)) for n in (1, 2)]  # type: ignore[arg-type]
            return [one.result() for one in started]
        if how == "create_task":
            return [await asyncio.create_task(plus(1)), await asyncio.create_task(plus(2))]  # type: ignore[arg-type]
        if how == "wait_for":
            return [await asyncio.wait_for(plus(n), 60) for n in (1, 2)]
        return sorted([await one for one in asyncio.as_completed([plus(1), plus(2)])])

    @entrypoint()
    async def body(_: int) -> list[int]:
        return await collect()

    assert asyncio.run(body.ainvoke(0)) == [2, 3]
    assert body.invoke(0) == [2, 3]


def test_concurrent_futures_takes_the_future() -> None:
    @task
    def plus(n: int) -> int:
        return n + 1

    @entrypoint()
    def body(_: int) -> list[int]:
        futures = [plus(n) for n in range(4)]
        seen: list[int] = []
        futures[0].add_done_callback(lambda future: seen.append(future.result()))
        assert [future.exception() for future in futures] == [None] * 4
        assert all(future.done() for future in futures)
        return seen + [future.result(timeout=5) for future in futures]

    assert body.invoke(0) == [1, 1, 2, 3, 4]


def test_a_returned_awaitable_is_awaited() -> None:
    @task
    async def plus(n: int) -> int:
        return n + 1

    @entrypoint(checkpointer=InMemorySaver())
    async def gathered(numbers: list[int]) -> Any:
        return asyncio.gather(*[plus(n) for n in numbers])

    @entrypoint(checkpointer=InMemorySaver())
    def future(number: int) -> Any:
        return plus(number)

    config = {"thread_id": "t"}
    assert asyncio.run(gathered.ainvoke([1, 2], config)) == [2, 3]
    assert future.invoke(1, config) == 2


def test_concurrent_branches_of_an_async_body_keep_their_own_results() -> None:
    ran: list[str] = []
    gates = {0: asyncio.Event, 1: asyncio.Event}
    order = {"first": [0, 1], "second": [1, 0]}
    now = "first"

    @task
    async def s1(n: int) -> int:
        return n

    @task
    async def s2(n: int) -> int:
        ran.append(f"s2({n})")
        return n * 100

    @entrypoint(checkpointer=InMemorySaver())
    async def body(_: int) -> Any:
        events = {n: make() for n, make in gates.items()}
        for n in order[now]:
            asyncio.get_running_loop().call_later(0.001 * order[now].index(n), events[n].set)

        async def pipeline(n: int) -> int:
            value = await s1(n)
            await events[n].wait()
            return await s2(value)

        both = await asyncio.gather(pipeline(0), pipeline(1))
        interrupt("go?")
        return both

    config = {"thread_id": "t"}
    body.invoke(0, config)
    now = "second"
    assert body.invoke(Command(resume=1), config) == [0, 100]
    assert sorted(ran) == ["s2(0)", "s2(1)"]


def test_a_task_outside_of_a_run_says_so() -> None:
    @task
    def lonely() -> None: ...

    with pytest.raises(CalledOutsideRunError, match=r"task 'lonely'.*@entrypoint"):
        lonely()


def test_context_variables_reach_tasks_and_their_changes_stay_there() -> None:
    from contextvars import ContextVar

    variable = ContextVar("variable", default=0)

    @task
    def read_and_set() -> int:
        seen = variable.get()
        variable.set(99)
        return seen

    @entrypoint()
    def body(_: int) -> list[int]:
        variable.set(7)
        first = read_and_set().result()
        return [first, read_and_set().result(), variable.get()]

    assert body.invoke(0) == [7, 7, 7]
    assert variable.get() == 0


def test_a_method_as_a_task_binds_its_instance() -> None:
    class Adder:
        def __init__(self, by: int) -> None:
            self.by = by

        @task
        def add(self, n: int) -> int:
            return n + self.by

    @entrypoint()
    def body(n: int) -> int:
        return Adder(3).add(n).result()

    assert body.invoke(1) == 4


def test_injected_parameters(flow: Flavour) -> None:
    @flow.task
    def where(config: Any, runtime: nbflow.Runtime[Any]) -> Any:
        return [config["configurable"]["thread_id"], runtime.execution_info.task_id, runtime.context]

    @flow.entrypoint
    def body(_: int, *, config: nbflow.RunnableConfig, store: Any = "default", previous: Any = "none yet") -> Any:
        mine = config["configurable"]["flavour"]
        return [mine, store, previous, (yield where())]

    config = {"configurable": {"thread_id": "t", "flavour": "vanilla"}}
    assert flow.invoke(body, 0, config=config, context={"user": "u"}) == [
        "vanilla",
        "default",
        "none yet",
        ["t", "0.0", {"user": "u"}],
    ]


def test_start_returns_at_once_and_the_handle_tells() -> None:
    release = threading.Event()

    @task
    def wait() -> str:
        release.wait(30)
        return "woken"

    @entrypoint(checkpointer=InMemorySaver())
    def body(_: int) -> Any:
        return wait().result(), interrupt("more?")

    run = body.start(0, {"thread_id": "t"})
    statuses = [run.status]
    release.set()
    paused = run.result(timeout=30)
    assert [*statuses, run.status] == ["running", "asking"]
    assert paused["__interrupt__"] == list(run.interrupts)
    after = run.resume("yes")
    assert after.result(timeout=30) == ("woken", "yes")
    assert after.status == "done"


def test_who_listens_late_is_told_what_was_replayed_and_what_runs() -> None:
    release, entered = threading.Event(), threading.Event()

    @task
    def quick() -> int:
        return 1

    @task
    def slow() -> int:
        entered.set()
        release.wait(30)
        return 2

    @entrypoint(checkpointer=InMemorySaver())
    def body(_: int) -> Any:
        first = quick().result()
        interrupt("?")
        return [first, slow().result()]

    config = {"thread_id": "t"}
    body.invoke(0, config)
    run = body.start(Command(resume=1), config)
    assert entered.wait(30)
    seen: list[Any] = []
    stop = run.listen(seen.append)
    started = [(record.path, record.replayed) for record in seen if type(record).__name__ == "CallStarted"]
    assert started == [("0.0", True), ("0.1", False)]
    release.set()
    assert run.result(timeout=30) == [1, 2]
    assert type(seen[-1]).__name__ == "RunReturned"
    stop()


def test_a_run_that_is_cancelled_at_once_is_a_stopped_run() -> None:
    @entrypoint(checkpointer=InMemorySaver())
    def body(_: int) -> None:
        threading.Event().wait(0.01)

    for number in range(50):
        config = {"configurable": {"thread_id": f"t{number}"}}
        run = body.start(0, config)
        run.cancel()
        with pytest.raises(RunCancelledError):
            run.result()
        deadline = time.monotonic() + 60
        while (last := body.last_run(config)) is None or last.status != "stopped":
            assert time.monotonic() < deadline, "its end is written"
        assert [type(record).__name__ for record in last.log] == ["RunStarted", "CodeKept", "RunHalted"]


@pytest.mark.runs_once("it is stopped while its saver waits, and a chain is not while that stores something")
def test_a_run_that_is_stopped_before_it_has_begun_is_stopped_and_not_crashed() -> None:
    storing, go_on = threading.Event(), threading.Event()

    class SlowSaver(InMemorySaver):
        def append(self, run: Any, rows: Any, owner: str) -> None:
            storing.set()
            go_on.wait(30)
            super().append(run, rows, owner)

    @entrypoint(checkpointer=SlowSaver())
    def body(_: int) -> int:
        return 1

    run = body.start(1, {"thread_id": "t"})
    assert storing.wait(30)
    run.cancel("not now")
    assert run.status == "stopped"
    go_on.set()


def test_a_stored_run_without_an_end_has_no_result_and_says_so(flow: Flavour) -> None:
    @flow.task
    def work(n: int) -> int:
        if n < 0:
            raise ValueError(n)
        return n

    @flow.entrypoint
    def body(n: int) -> Any:
        return [(yield work(n)), interrupt("Go on?")]

    config: nbflow.RunnableConfig = {"configurable": {"thread_id": "t"}}

    def stored() -> Any:
        run = body.last_run(config)
        assert run is not None
        return run

    flow.invoke(body, 1)
    assert stored().result()["__interrupt__"][0].value == "Go on?"
    nbflow.record_answer(flow.saver, "t", "yes")
    with pytest.raises(UnfinishedRunError, match=r"'body' on thread 't' is answered, so it has no result\. Go on with"):
        stored().result()
    assert flow.invoke(body, None) == [1, "yes"]
    assert stored().result() == [1, "yes"]
    key = RunKey("t", flow.saver.runs("t")[0])
    rows = flow.saver.rows(key)
    with pytest.raises(ValueError, match="-1"):
        flow.invoke(body, -1, "failed")
    with pytest.raises(ValueError, match="-1"):
        body.last_run({"configurable": {"thread_id": "failed"}}).result()
    saver: Any = flow.saver
    saver.delete_thread("t")
    saver.lease("t", "the one who died")
    saver.append(key, rows[:3], "the one who died")
    saver.release("t", "the one who died")
    with pytest.raises(UnfinishedRunError, match="has not ended, or its process died"):
        stored().result()
    assert flow.invoke(body, None)["__interrupt__"]
