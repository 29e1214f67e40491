"""A nested workflow with ``checkpointer=True`` goes on from what its own last call in this thread saved."""

from __future__ import annotations

from typing import Any

import pytest

from nbflow import Command, RetryPolicy, entrypoint, interrupt
from nbflow.cache.memory import InMemoryCache
from nbflow.errors import InvalidOptionError
from nbflow.types import CachePolicy
from tests.behaviour.flavours import Flavour


def counter(flow: Flavour, **options: Any) -> Any:
    """Return a nested workflow that adds its input to what it kept, and tells both."""

    @flow.entrypoint(checkpointer=True, **options)
    def counter(n: int, previous: int | None) -> Any:
        return entrypoint.final(value=[previous, n], save=(previous or 0) + n)

    return counter


def test_it_goes_on_where_its_last_finished_run_ended(flow: Flavour) -> None:
    nested = counter(flow)

    @flow.entrypoint
    def body(n: int, previous: Any) -> Any:
        inner = yield flow.nested(nested, n)
        return [previous is None, inner]

    results = [flow.invoke(body, n) for n in (1, 2, 3)]
    assert results == [[True, [None, 1]], [False, [1, 2]], [False, [3, 3]]]
    assert flow.invoke(body, 9, "another thread") == [True, [None, 9]]


def test_a_nested_workflow_without_it_has_no_previous(flow: Flavour) -> None:
    @flow.entrypoint(checkpointer=None)
    def nested(n: int, previous: Any) -> Any:
        return [previous, n]

    @flow.entrypoint
    def body(n: int) -> Any:
        return (yield flow.nested(nested, n))

    assert [flow.invoke(body, n) for n in (1, 2)] == [[None, 1], [None, 2]]


def test_each_of_several_calls_has_a_history_of_its_own(flow: Flavour) -> None:
    nested = counter(flow)
    calls = 2

    @flow.task
    def other() -> None: ...

    @flow.task
    def through(n: int) -> Any:
        return (yield flow.nested(nested, n))

    @flow.entrypoint
    def body(n: int) -> Any:
        if n > 1:
            yield other()  # more calls than before, which does not count
        sequential = []
        for number in range(calls):
            sequential += yield flow.nested(nested, n + number)
        parallel = yield [through(10 * n), through(100 * n)]
        return [sequential, *parallel]

    assert flow.invoke(body, 1) == [[None, 1, None, 2], [None, 10], [None, 100]]
    calls = 1
    assert flow.invoke(body, 2) == [[1, 2], [10, 20], [100, 200]]
    calls = 3
    assert flow.invoke(body, 3) == [[3, 3, 2, 4, None, 5], [30, 30], [300, 300]], "the second goes on from run one"


@pytest.mark.parametrize("trouble", ["a question", "a failure", "a retry"])
def test_what_it_was_given_stays_until_the_run_is_over(flow: Flavour, trouble: str) -> None:
    ran: list[Any] = []
    broken = False

    @flow.task
    def step(n: int, kept: int | None) -> int:
        ran.append((n, kept))
        return n + (kept or 0)

    @flow.entrypoint(checkpointer=True)
    def nested(n: int, previous: int | None) -> Any:
        nonlocal broken
        total = yield step(n, previous)
        if n == 2 and trouble == "a question":
            interrupt("go on?")
        if broken:
            broken = trouble == "a failure"
            raise ValueError(n)
        return total

    retried = ValueError if trouble == "a retry" else KeyError

    @flow.entrypoint(retry_policy=RetryPolicy(initial_interval=0, retry_on=retried))
    def body(n: int) -> Any:
        return (yield flow.nested(nested, n))

    assert flow.invoke(body, 1) == 1
    broken = trouble != "a question"
    if trouble == "a retry":
        assert flow.invoke(body, 2) == 3
    elif trouble == "a question":
        flow.invoke(body, 2)
        assert flow.invoke(body, Command(resume="yes")) == 3
    else:
        with pytest.raises(ValueError, match="2"):
            flow.invoke(body, 2)
        broken = False
        assert flow.invoke(body, None) == 3
    assert ran == [(1, None), (2, 1)]
    assert flow.invoke(body, 4) == 7


def test_a_run_that_was_given_up_leaves_it_alone(flow: Flavour) -> None:
    nested = counter(flow)

    @flow.entrypoint
    def body(n: int) -> Any:
        result = yield flow.nested(nested, n)
        return [result, interrupt("ok?")] if n == 2 else result

    assert flow.invoke(body, 1) == [None, 1]
    assert "__interrupt__" in flow.invoke(body, 2)
    assert flow.invoke(body, 3) == [1, 3], "the run with 2 never finished"


def test_it_is_never_skipped(flow: Flavour) -> None:
    nested = counter(flow, cache_policy=CachePolicy())

    @flow.task
    def through(n: int) -> Any:
        return (yield flow.nested(nested, n))

    @flow.entrypoint(cache=InMemoryCache())
    def body(n: int) -> Any:
        return (yield [flow.nested(nested, n), through(n)])

    assert flow.invoke(body, 1) == [[None, 1], [None, 1]]
    assert flow.invoke(body, 1, reuse=True) == [[1, 1], [1, 1]]
    assert flow.invoke(body, 1) == [[2, 1], [2, 1]]


def test_without_a_thread_there_is_nothing_to_go_on_from(flow: Flavour) -> None:
    nested = counter(flow)

    @flow.entrypoint(checkpointer=None)
    def body(n: int) -> Any:
        return (yield flow.nested(nested, n))

    assert [flow.invoke(body, n, config=None) for n in (1, 2)] == [[None, 1], [None, 2]]
    with pytest.raises(InvalidOptionError, match="nested"):
        flow.invoke(nested, 1)
