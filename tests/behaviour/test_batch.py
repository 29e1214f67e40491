"""Several runs at once: results in the order of the inputs."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

import nbflow
from nbflow.errors import InvalidOptionError, MissingThreadIdError, ThreadBusyError
from tests.behaviour.flavours import Flavour


def batch(flow: Flavour, workflow: Any, inputs: Any, *args: Any, **options: Any) -> Any:
    if flow.name == "async":
        return asyncio.run(workflow.abatch(inputs, *args, **options))
    return workflow.batch(inputs, *args, **options)


def threads(count: int) -> list[Any]:
    return [{"configurable": {"thread_id": f"t{n}"}} for n in range(count)]


def test_results_stand_in_the_order_of_the_inputs(flow: Flavour) -> None:
    @flow.task
    def double(n: int) -> int:
        return 2 * n

    @flow.entrypoint
    def body(n: int) -> Any:
        return (yield double(n))

    assert batch(flow, body, range(5), threads(5)) == [0, 2, 4, 6, 8]
    assert body.get_state({"configurable": {"thread_id": "t3"}}).values == 6
    assert batch(flow, body, [], None) == []


def test_the_first_error_is_raised_once_all_have_ended(flow: Flavour) -> None:
    ended = []

    @flow.entrypoint
    def body(n: int) -> int:
        if n == 1:
            raise ValueError("one")
        ended.append(n)
        return n

    with pytest.raises(ValueError, match="one"):
        batch(flow, body, [0, 1, 2], threads(3))
    assert sorted(ended) == [0, 2]
    results = batch(flow, body, [0, 1, 2], threads(3), return_exceptions=True)
    assert [str(result) for result in results] == ["0", "one", "2"]


def test_runs_go_on_side_by_side() -> None:
    meet = threading.Barrier(4)

    @nbflow.entrypoint()
    def body(n: int) -> int:
        meet.wait(30)
        return n

    assert body.batch([1, 2, 3, 4]) == [1, 2, 3, 4]


@pytest.mark.parametrize("limit", [1, 2])
def test_max_concurrency_bounds_the_runs(flow: Flavour, limit: int) -> None:
    lock, inside, most = threading.Lock(), [0], [0]

    @flow.entrypoint(checkpointer=None)
    def body(n: int) -> int:
        with lock:
            inside[0] += 1
            most[0] = max(most[0], inside[0])
        with lock:
            inside[0] -= 1
        return n

    assert batch(flow, body, range(20), {"max_concurrency": limit}) == list(range(20))
    assert most[0] <= limit


def test_one_thread_can_not_carry_two_runs_at_once() -> None:
    go = threading.Event()

    @nbflow.entrypoint(checkpointer=nbflow.InMemorySaver())
    def body(n: int) -> int:
        assert go.wait(30)
        return n

    timer = threading.Timer(0.05, go.set)
    timer.start()
    results = body.batch([1, 2], {"configurable": {"thread_id": "same"}}, return_exceptions=True)
    timer.join()
    assert results[0] == 1
    assert isinstance(results[1], ThreadBusyError)


def test_mistakes_are_told(flow: Flavour) -> None:
    @flow.entrypoint
    def body(n: int) -> int:
        return n

    with pytest.raises(InvalidOptionError, match="there are 2 inputs"):
        batch(flow, body, [1, 2], threads(3))
    with pytest.raises(MissingThreadIdError):
        batch(flow, body, [1, 2])


def test_a_batch_inside_a_run_is_a_part_of_it(flow: Flavour) -> None:
    ran = []

    @flow.task
    def step(n: int) -> int:
        ran.append(n)
        return n

    @flow.entrypoint
    def inner(n: int) -> Any:
        return (yield step(n))

    @nbflow.task
    def many() -> Any:
        return inner.batch([1, 2, 3])

    @nbflow.task
    async def amany() -> Any:
        return await inner.abatch([1, 2, 3])

    @flow.entrypoint
    def outer(_: int) -> Any:
        done = yield (amany() if flow.name == "async" else many())
        return done, nbflow.interrupt("?")

    flow.invoke(outer, 1)
    assert flow.invoke(outer, nbflow.Command(resume=0)) == ([1, 2, 3], 0)
    assert sorted(ran) == [1, 2, 3]
