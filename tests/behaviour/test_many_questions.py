"""Thousands of open questions: the work grows as their number does, no faster. Steps are counted, not time."""

from __future__ import annotations

import asyncio
import gc
import sys
import threading
from collections.abc import Callable
from typing import Any

import pytest

from nbflow import Command, InMemorySaver, entrypoint, interrupt, task

FEW, MANY = 60, 240
CONFIG: Any = {"configurable": {"thread_id": "t"}}


def steps(fn: Callable[[], Any]) -> tuple[int, Any]:
    """Return how many functions, builtin ones included, this thread enters while it does something."""
    count = 0

    def note(_frame: object, event: str, _arg: object) -> None:
        nonlocal count
        count += event in {"call", "c_call"}

    gc.disable()
    sys.setprofile(note)
    try:
        result = fn()
    finally:
        sys.setprofile(None)
        gc.enable()
    return count, result


def asked_at_once(nested: bool) -> Any:
    @task
    async def ask(n: int) -> Any:
        return interrupt(n, timeout=60, default=0)

    @entrypoint()
    async def inner(n: int) -> Any:
        return await ask(n)

    @entrypoint(checkpointer=InMemorySaver())
    async def body(count: int) -> Any:
        several = [inner.ainvoke(n) if nested else ask(n) for n in range(count)]
        return sum(await asyncio.gather(*several))

    return body


def asked_in_one_body(_nested: bool) -> Any:
    @entrypoint(checkpointer=InMemorySaver())
    async def body(count: int) -> Any:
        found = 0
        for n in range(count):
            try:
                found += interrupt(n)
            except BaseException:
                continue
        return found

    return body


def all_work(body: Any, count: int) -> dict[str, int]:
    """Return the steps of asking, looking, answering one, asking again in a stream, and answering the rest."""
    asking, paused = steps(lambda: asyncio.run(body.ainvoke(count, CONFIG)))
    ids = [question.id for question in paused["__interrupt__"]]
    assert len(ids) == count
    looking, state = steps(lambda: body.get_state(CONFIG, subgraphs=True))
    assert len(state.interrupts) == count
    one, _ = steps(lambda: asyncio.run(body.ainvoke(Command(resume={ids[0]: 1}), CONFIG)))
    streaming, _ = steps(lambda: asyncio.run(all_chunks(body)))
    rest = dict.fromkeys(ids[1:], 1)
    others, result = steps(lambda: asyncio.run(body.ainvoke(Command(resume=rest), CONFIG)))
    assert result == count
    return {"asking": asking, "looking": looking, "one answer": one, "streaming": streaming, "the others": others}


async def all_chunks(body: Any) -> list[Any]:
    return [chunk async for chunk in body.astream(None, CONFIG, stream_mode=["updates", "tasks"], subgraphs=True)]


@pytest.mark.parametrize(
    ("make", "nested"),
    [(asked_at_once, False), (asked_at_once, True), (asked_in_one_body, False)],
    ids=["tasks", "nested workflows", "one body"],
)
@pytest.mark.runs_once("it counts the steps of the thread that runs the body")
def test_the_work_grows_with_the_number_of_questions(make: Callable[[bool], Any], nested: bool) -> None:
    assert threading.current_thread() is threading.main_thread()
    all_work(make(nested), 5)  # what is done once in a process
    share = 2 if nested else 1  # of nested ones, the loop's driver still looks at all that is ready, for each of them
    few, many = all_work(make(nested), FEW // share), all_work(make(nested), MANY // share)
    grown = {name: many[name] / few[name] for name in (["looking"] if nested else few)}
    assert all(factor < 1.25 * MANY / FEW for factor in grown.values()), grown
