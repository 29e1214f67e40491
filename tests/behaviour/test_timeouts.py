"""Attempts that take too long: ended, told, tried again."""

from __future__ import annotations

import asyncio
import threading
from datetime import timedelta
from typing import Any

import pytest

import nbflow
from nbflow.errors import NodeTimeoutError, RunStopped
from nbflow.testing import FakeClock
from nbflow.types import RetryPolicy, TimeoutPolicy
from tests.behaviour.flavours import Flavour

SHORT = 0.02


class Stuck:
    """A body that comes to an end only when it is told to."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.ended: list[str] = []
        self.left = threading.Event()

    def wait(self) -> str:
        assert self.go.wait(30)
        self.ended.append("sync")
        self.left.set()
        return "late"

    async def await_(self) -> str:
        try:
            await asyncio.Event().wait()
        finally:
            self.ended.append("async")
        return "never"


@pytest.fixture
def stuck() -> Any:
    stuck = Stuck()
    yield stuck
    stuck.go.set()


def stuck_in(flow: Flavour, stuck: Stuck) -> Any:
    return stuck.await_ if flow.name == "async" else stuck.wait


@pytest.mark.parametrize("timeout", [SHORT, timedelta(seconds=SHORT), TimeoutPolicy(run_timeout=SHORT)])
def test_a_task_that_takes_too_long_fails(flow: Flavour, stuck: Stuck, timeout: Any) -> None:
    slow: Any = nbflow.task(stuck_in(flow, stuck), name="slow", timeout=timeout)

    @flow.entrypoint
    def body(_: int) -> Any:
        try:
            yield slow()
        except NodeTimeoutError as error:
            return error.node, error.kind, error.timeout, error.elapsed >= SHORT

    assert flow.invoke(body, 1) == ("slow", "run", SHORT, True)
    assert stuck.ended == (["async"] if flow.name == "async" else [])


def test_the_failure_is_an_outcome_of_the_run(flow: Flavour, stuck: Stuck) -> None:
    slow: Any = nbflow.task(stuck_in(flow, stuck), timeout=SHORT)

    @flow.entrypoint
    def body(_: int) -> Any:
        return (yield slow())

    with pytest.raises(NodeTimeoutError, match=r"took longer than 0\.02 s"):
        flow.invoke(body, 1)


def test_a_timed_out_attempt_is_tried_again(flow: Flavour, stuck: Stuck) -> None:
    attempts = []

    @flow.task(timeout=60, retry_policy=RetryPolicy(initial_interval=0, max_attempts=3))
    def steady(value: str) -> str:
        return value

    async def later() -> str:
        attempts.append(1)
        if len(attempts) > 1:
            return "done"
        hands.advance(61)
        return await stuck.await_()

    def now() -> str:
        attempts.append(1)
        if len(attempts) > 1:
            return "done"
        hands.advance(61)
        return stuck.wait()

    either: Any = later if flow.name == "async" else now
    flaky: Any = nbflow.task(either, timeout=60, retry_policy=RetryPolicy(initial_interval=0))

    @flow.entrypoint
    def body(_: int) -> Any:
        one = yield flaky()
        two = yield steady(one)
        return one, two

    with FakeClock() as hands:
        assert flow.invoke(body, 1) == ("done", "done")
    assert len(attempts) == 2


def test_an_attempt_that_is_over_makes_no_more_calls() -> None:
    """A sync body can't be stopped; what it does later must not count."""
    go, refused = threading.Event(), []
    left = threading.Event()

    @nbflow.task
    def inner() -> str:
        return "inner"

    @nbflow.task(timeout=SHORT)
    def outer() -> str:
        assert go.wait(30)
        try:
            return inner().result()
        except RunStopped as error:
            refused.append(str(error))
            raise
        finally:
            left.set()

    @nbflow.entrypoint()
    def body(_: int) -> str:
        with pytest.raises(NodeTimeoutError):
            outer().result()
        go.set()
        assert left.wait(30)
        return "body"

    assert body.invoke(1) == "body"
    assert "over" in refused[0]


def test_a_body_has_a_timeout_of_its_own(flow: Flavour, stuck: Stuck) -> None:
    async def later(_: int) -> str:
        return await stuck.await_()

    def now(_: int) -> str:
        return stuck.wait()

    body = nbflow.entrypoint(checkpointer=flow.saver, timeout=SHORT)(later if flow.name == "async" else now)
    with pytest.raises(NodeTimeoutError):
        flow.invoke(body, 1)
    assert flow.saver.runs("t") != []


def test_progress_keeps_an_idle_timeout_away(flow: Flavour) -> None:
    """Each sign of life comes later than the one before by less than the limit, and all together by more."""
    clock = [100.0]

    @flow.task
    def step(n: int) -> int:
        clock[0] += 6
        return n

    @flow.task(timeout=TimeoutPolicy(idle_timeout=10))
    def busy(runtime: nbflow.Runtime[None]) -> Any:
        for n in range(3):
            yield step(n)
            clock[0] += 1
            runtime.stream_writer(n)
            clock[0] += 6
            runtime.heartbeat()
        return clock[0]

    @flow.entrypoint
    def body(_: int) -> Any:
        return (yield busy())

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("nbflow._support.clock.now", lambda: clock[0])
        assert flow.invoke(body, 1) > 130


def test_only_heartbeats_count_where_the_policy_says_so(flow: Flavour, stuck: Stuck) -> None:
    slow: Any = nbflow.task(
        stuck_in(flow, stuck), timeout=TimeoutPolicy(idle_timeout=SHORT, run_timeout=60, refresh_on="heartbeat")
    )

    @flow.entrypoint
    def body(_: int) -> Any:
        try:
            yield slow()
        except NodeTimeoutError as error:
            return error.kind, error.idle_timeout, error.run_timeout

    assert flow.invoke(body, 1) == ("idle", SHORT, 60.0)
