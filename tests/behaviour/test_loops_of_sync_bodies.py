"""Concurrent pipelines inside a sync body: the tasks of a loop that it runs of its own are branches."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import pytest

from nbflow import Command, entrypoint, interrupt, task
from nbflow.checkpoint.base import BaseCheckpointSaver
from nbflow.core.record import CallReturned

HERE: Any = {"configurable": {"thread_id": "t"}}


class Steps:
    """A task that notes what ran, and turns of a loop that differ from one execution to the next.

    Attributes:
        ran: how often, by name.
        slow: the pipeline that lets the loop turn between its calls.
    """

    def __init__(self, flavour: str) -> None:
        self.ran: Counter[str] = Counter()
        self.slow = ""

        def step(name: str) -> str:
            self.ran[name] += 1
            return name

        async def astep(name: str) -> str:
            return step(name)

        self.step: Any = task(step if flavour == "sync" else astep)

    async def turn(self, name: str) -> None:
        for _ in range(50 if name == self.slow else 0):
            await asyncio.sleep(0)


@pytest.fixture(params=["sync", "async"])
def steps(request: pytest.FixtureRequest) -> Steps:
    return Steps(request.param)


def paths(workflow: Any) -> dict[str, str]:
    """Return the positions of calls by what they returned."""
    log = [record for record in workflow.last_run(HERE).log if isinstance(record, CallReturned)]
    return {str(record.value.get()): record.path for record in log if record.value is not None}


def test_pipelines_keep_their_own_results_whoever_is_quicker(saver: BaseCheckpointSaver, steps: Steps) -> None:
    async def pipeline(name: str) -> list[str]:
        await steps.turn(name)
        first = await steps.step(f"{name} 1")
        await steps.turn(name)
        return [first, await steps.step(f"{name} 2")]

    async def both() -> list[list[str]]:
        return list(await asyncio.gather(pipeline("a"), pipeline("b")))

    @entrypoint(checkpointer=saver)
    def body(_: int) -> Any:
        found = asyncio.run(both())
        return [found, interrupt("?"), asyncio.run(both())]

    steps.slow = "a"
    body.invoke(1, HERE)
    steps.slow = "b"
    want = [["a 1", "a 2"], ["b 1", "b 2"]]
    assert body.invoke(Command(resume="yes"), HERE) == [want, "yes", want]
    assert steps.ran == {"a 1": 2, "a 2": 2, "b 1": 2, "b 2": 2}


def test_what_a_loop_is_run_for_counts_with_the_body(saver: BaseCheckpointSaver, steps: Steps) -> None:
    async def one(name: str) -> Any:
        return [await steps.step(f"{name} 1"), await steps.step(f"{name} 2")]

    async def other(name: str) -> Any:
        return await asyncio.create_task(one(name))

    @entrypoint(checkpointer=saver)
    def body(_: int) -> Any:
        found = [asyncio.run(one("a")), asyncio.run(one("b")), asyncio.run(other("c"))]
        return [*found, interrupt("?")]

    body.invoke(1, HERE)
    assert paths(body) == {"a 1": "0.0", "a 2": "0.1", "b 1": "0.2", "b 2": "0.3", "c 1": "0.b0.0", "c 2": "0.b0.1"}
    body.invoke(Command(resume="yes"), HERE)
    assert set(steps.ran.values()) == {1}


def test_pipelines_may_ask_and_have_branches_of_their_own(saver: BaseCheckpointSaver, steps: Steps) -> None:
    async def leaf(name: str) -> Any:
        await steps.turn(name)
        return [await steps.step(name), interrupt(f"{name}?")]

    async def pipeline(name: str) -> Any:
        first = await steps.step(name)
        return [first, *await asyncio.gather(leaf(f"{name}x"), leaf(f"{name}y"), return_exceptions=True)]

    async def both() -> Any:
        return await asyncio.gather(pipeline("a"), pipeline("b"), return_exceptions=True)

    @entrypoint(checkpointer=saver)
    def body(_: int) -> Any:
        return asyncio.run(both())

    for slow in ("ax", "by", "bx", "ay", ""):
        steps.slow = slow
        body.invoke(1 if slow == "ax" else None, HERE)
    questions = body.get_state(HERE).interrupts
    assert sorted(str(one.value) for one in questions) == ["ax?", "ay?", "bx?", "by?"]
    result = None
    for number, question in enumerate(questions):
        steps.slow = ("ay", "bx", "ax", "by")[number]
        result = body.invoke(Command(resume={question.id: question.value}), HERE)
    assert result == [["a", ["ax", "ax?"], ["ay", "ay?"]], ["b", ["bx", "bx?"], ["by", "by?"]]]
    assert set(steps.ran.values()) == {1}
