"""The kit that users test their workflows with."""

from __future__ import annotations

import itertools
import threading
import time
from typing import Any

import pytest

import nbflow
from nbflow import Command, InMemorySaver, interrupt
from nbflow.errors import NodeTimeoutError, ReplayMismatchError
from nbflow.testing import CrashTestError, FakeClock, FaultySaver, ReplayError, crash_everywhere, replay
from nbflow.types import RetryPolicy
from tests.behaviour.flavours import Flavour

CONFIG: Any = {"configurable": {"thread_id": "t"}}
pytestmark = pytest.mark.runs_once("the kit crashes and replays runs itself, and counts the places")


def honest(flow: Flavour) -> Any:
    @flow.task
    def fetch(n: int) -> int:
        return n + 1

    @flow.task
    def join(*numbers: int) -> Any:
        part = yield fetch(100)
        return sum(numbers) + part

    @flow.entrypoint
    def body(n: int) -> Any:
        parts = yield [fetch(k) for k in range(n)]
        total = yield join(*parts)
        return total, interrupt(f"is {total} right?")

    return body


def test_a_workflow_survives_a_crash_at_every_save(flow: Flavour) -> None:
    report = crash_everywhere(honest(flow), 3, answers=["yes"])
    assert report.result == (107, "yes")
    assert report.points == 10
    assert report.repeated == {"fetch", "join"}
    assert flow.saver.thread_ids() == []


def test_answers_may_come_from_a_function(flow: Flavour) -> None:
    report = crash_everywhere(honest(flow), 1, answers=lambda question: str(question.value).upper())
    assert report.result == (102, "IS 102 RIGHT?")


def test_a_body_that_depends_on_more_than_its_tasks_is_found_out(flow: Flavour) -> None:
    numbers = itertools.count()

    @flow.task
    def step(n: int) -> int:
        return n

    @flow.entrypoint
    def body(_: int) -> Any:
        drawn = next(numbers)
        yield step(0)
        return drawn

    with pytest.raises(CrashTestError, match="random numbers"):
        crash_everywhere(body, 1)


def test_a_body_that_makes_other_calls_is_found_out(flow: Flavour) -> None:
    numbers = itertools.count()

    @flow.task
    def step(n: int) -> int:
        return n

    @flow.entrypoint
    def body(_: int) -> Any:
        yield step(next(numbers))
        yield step(1)
        return "same"

    with pytest.raises(CrashTestError, match="could not go on"):
        crash_everywhere(body, 1)


def test_a_question_without_an_answer_is_told(flow: Flavour) -> None:
    with pytest.raises(CrashTestError, match="is 102 right"):
        crash_everywhere(honest(flow), 1)


def test_a_recorded_run_is_replayed_without_running_a_task(flow: Flavour) -> None:
    ran = []

    def build(extra: bool = False, other: bool = False, question: str = "?") -> Any:
        @flow.task(version="1")
        def step(n: int) -> int:
            ran.append(n)
            return n

        @flow.entrypoint(name="body")
        def body(n: int) -> Any:
            one = yield step(n + other)
            two = (yield step(9)) if extra else 0
            return one + two, interrupt(question)

        return body

    flow.invoke(build(), 5)
    flow.invoke(build(), Command(resume="fine"))
    run = build().last_run(CONFIG)
    assert replay(run, build()) == (5, "fine")
    assert replay(nbflow.read_run(flow.saver, "t"), build()) == (5, "fine")
    with pytest.raises(ReplayError, match=r"call 0\.1 of task 'step'"):
        replay(run, build(extra=True))
    with pytest.raises(ReplayMismatchError, match="arguments 6"):
        replay(run, build(other=True))
    with pytest.raises(ReplayError, match=r"now asks .*'else'"):
        replay(run, build(question="else"))
    assert ran == [5]
    with pytest.raises(ReplayError, match="no recorded run"):
        replay([], build())


def test_a_fake_clock_takes_no_time(flow: Flavour) -> None:
    attempts = []

    @flow.task(retry_policy=RetryPolicy(initial_interval=1000, max_interval=10_000, max_attempts=4, jitter=False))
    def flaky() -> str:
        attempts.append(fake.now)
        if len(attempts) < 4:
            raise ConnectionError("down")
        return "up"

    @flow.task(rate_limit="1/h")
    def slow(n: int) -> int:
        return n

    @flow.entrypoint
    def body(_: int) -> Any:
        return (yield flaky()), (yield [slow(1), slow(2)])

    with FakeClock(start=0.0) as fake:
        assert flow.invoke(body, 1) == ("up", [1, 2])
    assert attempts == [0, 1000, 3000, 7000]
    assert fake.now >= 7000 + 3600
    assert nbflow._support.clock.now() == pytest.approx(time.time(), abs=3600)


def test_time_may_be_moved_by_hand(flow: Flavour) -> None:
    @flow.task(timeout=60)
    def stuck(tell: nbflow.StreamWriter) -> Any:
        fake.advance(61)
        yield Never()

    @flow.entrypoint
    def body(_: int) -> Any:
        yield stuck()

    OVER.clear()
    with FakeClock() as fake, pytest.raises(NodeTimeoutError, match="longer than 60 s"):
        flow.invoke(body, 1)
    OVER.set()


OVER = threading.Event()


class Never:
    """Waited for, in either flavour, until nobody does any more."""

    def result(self) -> None:
        OVER.wait(30)

    def __await__(self) -> Any:
        while True:
            yield


def test_a_question_expires_on_a_fake_clock(flow: Flavour) -> None:
    @flow.entrypoint
    def body(_: int) -> Any:
        return interrupt("?", timeout=3600, default="nobody")

    with FakeClock() as fake:
        flow.invoke(body, 1)
        fake.advance(3601)
        assert flow.invoke(body, None) == "nobody"


def test_storage_may_be_made_to_fail(flow: Flavour) -> None:
    ran = []

    @flow.task
    def step(n: int) -> int:
        ran.append(n)
        return n

    def build(saver: InMemorySaver) -> Any:
        @flow.entrypoint(checkpointer=saver)
        def body(_: int) -> Any:
            return (yield step(1)), (yield step(2))

        return body

    saver = FaultySaver(fail_at=2)
    body = build(saver)
    with pytest.raises(OSError, match="no space left"):
        flow.invoke(body, 1)
    assert flow.invoke(body, None) == (1, 2)
    assert ran == [1, 2, 2]
    for_good = build(FaultySaver(fail_at=0, error=PermissionError("read-only"), for_good=True))
    with pytest.raises(PermissionError, match="read-only"):
        flow.invoke(for_good, 1)


class TooMany(Exception):
    def __init__(self, retry_after: str) -> None:
        super().__init__(retry_after)
        self.response = type("Response", (), {"status_code": 429, "headers": {"retry-after": retry_after}})()


@pytest.mark.parametrize(
    ("header", "waited"),
    [("30", 30.0), ("0", 1.0), ("Thu, 01 Jan 1970 00:05:00 GMT", 300.0), ("soon", 1.0)],
)
def test_a_server_that_says_when_to_come_back_is_heard(flow: Flavour, header: str, waited: float) -> None:
    attempts = []

    @flow.task(retry_policy=RetryPolicy(initial_interval=1, jitter=False))
    def call() -> str:
        attempts.append(fake.now)
        if len(attempts) == 1:
            raise TooMany(header)
        return "ok"

    @flow.entrypoint
    def body(_: int) -> Any:
        return (yield call())

    with FakeClock(start=0.0) as fake:
        assert flow.invoke(body, 1) == "ok"
    assert attempts == [0.0, waited]
