"""Code that is changed under a waiting run: runs that began before it go the old way, others the new one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, TypedDict

import pytest

import nbflow
from nbflow import Command, InMemorySaver, entrypoint, get_runtime, interrupt, list_runs, patch, read_run, task
from nbflow.core.record import Patched
from nbflow.errors import CalledOutsideBodyError, CalledOutsideRunError, InvalidOptionError, ReplayMismatchError
from nbflow.graph import END, START, StateGraph
from nbflow.testing import crash_everywhere
from nbflow.types import RetryPolicy
from tests.behaviour.flavours import Flavour

CONFIG: Any = {"configurable": {"thread_id": "t"}}


class Made:
    """Tasks, and what they did."""

    def __init__(self, flow: Flavour) -> None:
        ran = self.ran = list[str]()
        self.flow = flow

        @flow.task
        def step(name: str) -> str:
            ran.append(name)
            return name

        self.step: Any = step

    def old(self) -> Any:
        """Return the body as it was: it draws, asks, and closes."""
        step = self.step

        @self.flow.entrypoint(name="body")
        def body(_: Any) -> Any:
            first = yield step("draw")
            answer = interrupt("go on?")
            last = yield step("close")
            return [first, answer, last]

        return body

    def new(self) -> Any:
        """Return it with another step before the question, and another one after it."""
        step = self.step

        @self.flow.entrypoint(name="body")
        def body(_: Any) -> Any:
            first = yield step("draw")
            if patch("check"):
                first = yield step("check")
            answer = interrupt("go on?")
            if patch("close well"):
                last = yield step("close well")
            else:
                last = yield step("close")
            return [first, answer, last]

        return body


def decisions(saver: Any) -> list[tuple[str, bool]]:
    return [(one.name, one.taken) for one in read_run(saver, "t") if isinstance(one, Patched)]


def test_a_run_that_began_before_goes_the_old_way_to_its_end(flow: Flavour) -> None:
    made = Made(flow)
    flow.invoke(made.old(), 1)
    assert flow.invoke(made.new(), Command(resume="yes")) == ["draw", "yes", "close"]
    assert made.ran == ["draw", "close"]
    assert decisions(flow.saver) == [("check", False), ("close well", False)]


def test_a_run_that_begins_after_goes_the_new_way(flow: Flavour) -> None:
    made = Made(flow)
    new = made.new()
    flow.invoke(new, 1)
    assert decisions(flow.saver) == [("check", True)]
    assert flow.invoke(new, Command(resume="yes")) == ["check", "yes", "close well"]
    assert made.ran == ["draw", "check", "close well"]
    assert decisions(flow.saver) == [("check", True), ("close well", True)]


def test_without_it_the_error_prints_the_line_to_add(flow: Flavour) -> None:
    made = Made(flow)
    flow.invoke(made.old(), 1)
    step = made.step

    @flow.entrypoint(name="body")
    def body(_: Any) -> Any:
        yield step("draw more")

    with pytest.raises(ReplayMismatchError) as told:
        flow.invoke(body, Command(resume="yes"))
    line = 'if nbflow.patch("changed-at-0.0"):'
    assert f"put the new code under `{line}`" in str(told.value)

    @flow.entrypoint(name="body")
    def patched(_: Any) -> Any:
        if nbflow.patch("changed-at-0.0"):
            return (yield step("draw more"))
        first = yield step("draw")
        return [first, interrupt("go on?")]

    assert flow.invoke(patched, None) == ["draw", "yes"]
    assert flow.invoke(patched, 2) == "draw more"


def test_what_was_decided_stays_whatever_is_changed_later(flow: Flavour) -> None:
    made = Made(flow)
    step = made.step

    def version(extra: bool) -> Any:
        @flow.entrypoint(name="body")
        def body(_: Any) -> Any:
            first = (yield step("new")) if patch("way") else (yield step("old"))
            answer = interrupt("one?")
            if extra:
                answer += interrupt("two?")
            return [first, answer, patch("way"), patch("later")]

        return body

    flow.invoke(version(extra=False), 1)
    flow.invoke(version(extra=True), Command(resume=1))
    # `later` stands in the code that it began with, `extra` does not
    assert flow.invoke(version(extra=True), Command(resume=2)) == ["new", 3, True, True]
    assert made.ran == ["new"]


def test_a_name_that_came_with_a_later_change_does_not_count(flow: Flavour) -> None:
    made = Made(flow)
    step = made.step

    @flow.entrypoint(name="body")
    def one(_: Any) -> Any:
        interrupt("go on?")
        return patch("first")

    @flow.entrypoint(name="body")
    def two(_: Any) -> Any:
        interrupt("go on?")
        return [patch("first"), patch("second"), (yield step("end"))]

    flow.invoke(one, 1)
    assert flow.invoke(two, Command(resume=1)) == [True, False, "end"]


def test_a_run_that_crashed_decides_as_one_that_paused(flow: Flavour) -> None:
    made = Made(flow)
    step = made.step

    @flow.entrypoint(name="body")
    def dies(_: Any) -> Any:
        yield step("draw")
        raise KeyError("boom")

    with pytest.raises(KeyError):
        flow.invoke(dies, 1)
    flow.invoke(made.new(), None)
    assert decisions(flow.saver) == [("check", False)]
    assert made.ran == ["draw"]


@pytest.mark.parametrize("durability", ["sync", "async", "exit"])
def test_it_is_the_same_over_crashes_at_every_record(flow: Flavour, durability: Any) -> None:
    made = Made(flow)
    flow.invoke(made.new(), 1, durability=durability)
    assert crash_everywhere(made.new(), 1, answers=["yes"]).result == ["check", "yes", "close well"]
    assert flow.invoke(made.new(), Command(resume="yes"), durability=durability) == ["check", "yes", "close well"]


def test_tasks_decide_too_and_share_what_was_decided(flow: Flavour) -> None:
    ran: list[str] = []

    def version(new: bool) -> Any:
        @flow.task
        def inner(n: int) -> int:
            ran.append(f"inner {n}")
            return n

        @flow.task
        def outer(n: int) -> Any:
            if new and patch("twice"):
                yield inner(n)
            found = yield inner(n)
            interrupt("sure?")
            return found

        @flow.entrypoint(name="body")
        def body(_: Any) -> Any:
            found = yield outer(1)
            return [found, patch("twice") if new else None]

        return body

    flow.invoke(version(new=False), 1)
    # the code of `outer` has changed, which is told of calls that have ended; this one has not
    assert flow.invoke(version(new=True), Command(resume=1)) == [1, False]
    assert ran == ["inner 1"]
    assert flow.invoke(version(new=True), 2)["__interrupt__"]
    assert ran == ["inner 1", "inner 1", "inner 1"]
    assert flow.invoke(version(new=True), Command(resume=1)) == [1, True]


def test_a_fork_keeps_what_was_decided_before_the_call_and_decides_the_rest_anew(flow: Flavour) -> None:
    made = Made(flow)
    flow.invoke(made.old(), 1)
    new = made.new()
    flow.invoke(new, Command(resume="yes"))
    forked = new.fork(CONFIG, at="0.1")
    assert forked.result() == ["draw", "yes", "close well"]
    assert decisions(flow.saver) == [("check", False), ("close well", True)]
    again = new.fork(CONFIG, at="0")
    again.result()
    assert again.resume("no").result() == ["check", "no", "close well"]


def test_a_run_that_is_repeated_from_its_input_is_a_new_one(flow: Flavour) -> None:
    made = Made(flow)
    flow.invoke(made.old(), 1)
    new = made.new()
    flow.invoke(new, Command(resume="yes"))
    first = list_runs(flow.saver, "t")[-1]
    there = {"configurable": {"thread_id": "t", "checkpoint_id": first}}
    flow.invoke(new, None, config=there)
    assert decisions(flow.saver) == [("check", True)]
    assert flow.invoke(new, Command(resume="no")) == ["check", "no", "close well"]
    assert made.ran == ["draw", "close", "check", "close well"]


def test_a_new_run_that_takes_results_over_goes_the_new_way(flow: Flavour) -> None:
    made = Made(flow)
    flow.invoke(made.old(), 1)
    new = made.new()
    flow.invoke(new, 1, reuse=True)
    assert flow.invoke(new, Command(resume="yes")) == ["check", "yes", "close well"]
    assert made.ran == ["draw", "check", "close well"]


def test_nodes_of_a_graph_decide(flow: Flavour) -> None:
    class State(TypedDict, total=False):
        n: int

    def version(*, new: bool, edited: bool = False) -> Any:
        builder = StateGraph(State)

        def one(state: State) -> State:
            return {"n": state["n"] + 1}

        def old_ask(state: State) -> State:
            return {"n": state["n"] + interrupt("more?")}

        def new_ask(state: State) -> State:
            tens = patch("tens")
            more = interrupt("more?") + (1000 if edited else 0)
            return {"n": state["n"] + more + (10 if tens and patch("also after it") else 0)}

        def two(state: State) -> State:
            return {"n": state["n"] + (100 if new and patch("hundreds") else 1)}

        builder.add_node("ask", flow.node(new_ask if new else old_ask))
        for node in (one, two):
            builder.add_node(node.__name__, flow.node(node))
        builder.add_edge(START, "one")
        builder.add_edge("one", "ask")
        builder.add_edge("ask", "two")
        builder.add_edge("two", END)
        return flow.compile(builder, name="graph")

    flow.invoke(version(new=False), {"n": 0})
    assert flow.invoke(version(new=True), Command(resume=5)) == {"n": 106}
    assert decisions(flow.saver) == [("tens", False), ("hundreds", True)]
    flow.invoke(version(new=True), {"n": 0}, thread="u")
    assert flow.invoke(version(new=True), Command(resume=5), thread="u") == {"n": 116}


def test_concurrent_branches_agree() -> None:
    saver = InMemorySaver()

    @task
    async def step(n: int) -> int:
        return n

    def version(new: bool) -> Any:
        async def branch(n: int) -> Any:
            await step(n)
            if new and patch("more"):
                await step(10 * n)
            return interrupt(f"{n}?")

        @entrypoint(checkpointer=saver, name="body")
        async def body(_: Any) -> Any:
            return await asyncio.gather(branch(1), branch(2))

        return body

    asyncio.run(version(new=False).ainvoke(1, CONFIG))
    asyncio.run(version(new=True).ainvoke(Command(resume="one"), CONFIG))
    assert asyncio.run(version(new=True).ainvoke(Command(resume="two"), CONFIG)) == ["one", "two"]
    assert decisions(saver) == [("more", False)]
    asyncio.run(version(new=True).ainvoke(2, CONFIG))
    assert len(version(new=True).last_run(CONFIG).calls) == 5
    assert decisions(saver) == [("more", True)]


def test_retries_decide_as_the_first_attempt(flow: Flavour) -> None:
    seen: list[bool] = []

    @flow.task(retry_policy=RetryPolicy(initial_interval=0.0, max_attempts=2))
    def flaky() -> None:
        seen.append(patch("way"))
        if get_runtime().execution_info.node_attempt == 1:
            raise ConnectionError

    @flow.entrypoint
    def body(_: Any) -> Any:
        yield flaky()

    flow.invoke(body, 1)
    assert seen == [True, True]


def test_without_a_checkpointer_every_change_counts() -> None:
    @entrypoint()
    def body(_: Any) -> bool:
        return patch("anything")

    assert body.invoke(1) is True


def test_outside_of_a_body_it_says_so() -> None:
    with pytest.raises(CalledOutsideRunError, match=r"patch\(\)"):
        patch("x")

    @task(retry_policy=RetryPolicy(retry_on=lambda _: patch("x")))
    def fails() -> None:
        raise ValueError("no")

    @entrypoint()
    def body(_: Any) -> None:
        fails().result()

    with pytest.raises(CalledOutsideBodyError, match=r"patch\(\)"):
        body.invoke(1)


@pytest.mark.parametrize("name", ["", None, 3, b"x", "\ud800"])
def test_bad_names_are_told(name: Any) -> None:
    @entrypoint()
    def body(_: Any) -> bool:
        return patch(name)

    with pytest.raises(InvalidOptionError, match="patch"):
        body.invoke(1)


def test_a_plan_decides_as_the_run_would(flow: Flavour) -> None:
    made = Made(flow)
    flow.invoke(made.old(), 1)
    plan: Callable[..., Any] = made.new().plan
    assert "check" not in [call.name for call in plan(None, CONFIG).calls]
    assert decisions(flow.saver) == []
