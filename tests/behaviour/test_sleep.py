"""Durable waiting: a sleep ends at its time whatever becomes of the process; a run may rest meanwhile."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

import nbflow
from nbflow import Command, InMemorySaver, asleep, asleep_until, interrupt, read_run, sleep, sleep_until
from nbflow.core.record import CallSleeps, RunHalted
from nbflow.errors import CalledOutsideRunError, InvalidOptionError, ReplayMismatchError, WouldBlockError
from nbflow.testing import FakeClock, crash_everywhere
from tests.behaviour.flavours import Flavour

CONFIG: Any = {"configurable": {"thread_id": "t"}}
HOUR = 3600.0


@pytest.fixture
def clock() -> Iterator[FakeClock]:
    with FakeClock() as moved:
        yield moved


def last(body: Any) -> Any:
    return body.last_run(CONFIG)


def sleeping(flow: Flavour, seconds: Any = HOUR) -> tuple[Any, list[str]]:
    """Return a workflow that does something, sleeps, and does something again; and what it did."""
    ran: list[str] = []

    @flow.task
    def note(word: str) -> str:
        ran.append(word)
        return word

    if flow.name == "async":

        @nbflow.entrypoint(checkpointer=flow.saver, name="body")
        async def abody(_: Any) -> Any:
            await note("before")
            await asleep(seconds)
            return await note("after")

        return abody, ran

    @nbflow.entrypoint(checkpointer=flow.saver)
    def body(_: Any) -> Any:
        note("before").result()
        sleep(seconds)
        return note("after").result()

    return body, ran


@pytest.mark.parametrize("seconds", [HOUR, timedelta(hours=1)])
def test_a_run_waits_for_its_sleep(flow: Flavour, clock: FakeClock, seconds: Any) -> None:
    body, ran = sleeping(flow, seconds)
    began = clock.now
    assert flow.invoke(body, 1) == "after"
    assert clock.now - began == pytest.approx(HOUR)
    assert ran == ["before", "after"]
    (row,) = [row for row in last(body).calls if row.kind == "sleep"]
    assert (row.name, row.state, row.ended - row.started) == ("sleep", "done", pytest.approx(HOUR))


def test_a_run_may_rest_and_goes_on_when_its_time_has_come(flow: Flavour, clock: FakeClock) -> None:
    body, ran = sleeping(flow)
    began = clock.now
    assert flow.invoke(body, 1, rest_after=60) == {"__interrupt__": []}
    run = last(body)
    assert run.status == "sleeping"
    assert run.until == began + HOUR
    (info,) = nbflow.threads(flow.saver)
    assert (info.status, info.until) == ("sleeping", began + HOUR)
    assert [row.state for row in run.calls] == ["sleeping", "done", "sleeping"]
    assert body.go_on(rest_after=60) == []
    clock.advance(HOUR)
    (gone_on,) = body.go_on()
    assert gone_on.result() == "after"
    assert ran == ["before", "after"]
    assert last(body).until is None


def test_too_early_it_sleeps_for_the_rest(flow: Flavour, clock: FakeClock) -> None:
    body, ran = sleeping(flow)
    began = clock.now
    flow.invoke(body, 1, rest_after=60)
    clock.advance(HOUR / 2)
    flow.invoke(body, None, rest_after=timedelta(seconds=60))
    assert last(body).until == began + HOUR
    assert flow.invoke(body, None) == "after"
    assert clock.now == pytest.approx(began + HOUR)
    assert ran == ["before", "after"]


def test_a_sleep_that_is_shorter_is_waited_for(flow: Flavour, clock: FakeClock) -> None:
    body, _ = sleeping(flow, 30)
    assert flow.invoke(body, 1, rest_after=60) == "after"


def test_without_a_checkpointer_it_waits(clock: FakeClock) -> None:
    @nbflow.entrypoint()
    def body(_: Any) -> str:
        sleep(HOUR)
        return "after"

    assert body.invoke(1, rest_after=0) == "after"


def test_one_that_crashed_sleeps_for_the_rest(flow: Flavour, clock: FakeClock) -> None:
    body, ran = sleeping(flow)
    flow.invoke(body, 1, rest_after=60)
    other = InMemorySaver()
    run = nbflow.checkpoint.base.RunKey("t", flow.saver.runs("t")[0])
    rows = [row for row in flow.saver.rows(run) if row.kind != "RunHalted"]
    other.append(run, rows, "the one who died")
    began = clock.now
    clock.advance(HOUR - 10)
    again, _ = sleeping(Flavour(flow.name, other))
    assert last(again).status == "crashed"
    assert flow.invoke(again, None) == "after"
    assert clock.now == pytest.approx(began + HOUR)
    assert ran == ["before"]


def test_it_may_be_crashed_everywhere(flow: Flavour) -> None:
    body, _ = sleeping(flow)
    with FakeClock():
        report = crash_everywhere(body, 1)
    assert report.result == "after"


def test_calls_beside_a_sleep_are_done_before_the_run_rests(flow: Flavour, clock: FakeClock) -> None:
    ran: list[int] = []

    @nbflow.task
    async def work(n: int) -> int:
        ran.append(n)
        return n

    @nbflow.entrypoint(checkpointer=flow.saver)
    async def body(_: Any) -> Any:
        return await asyncio.gather(asleep(HOUR), work(1), asleep(2 * HOUR), work(2))

    began = clock.now
    asyncio.run(body.ainvoke(1, CONFIG, rest_after=60))
    assert last(body).until == began + HOUR
    assert sorted(ran) == [1, 2]
    clock.advance(HOUR)
    asyncio.run(body.ainvoke(None, CONFIG, rest_after=60))
    assert last(body).until == began + 2 * HOUR
    clock.advance(HOUR)
    assert asyncio.run(body.ainvoke(None, CONFIG, rest_after=60)) == [None, 1, None, 2]
    assert sorted(ran) == [1, 2]


@pytest.mark.runs_once("it counts executions")
def test_a_task_may_sleep(flow: Flavour, clock: FakeClock) -> None:
    ran: list[str] = []

    @nbflow.task
    def nap() -> str:
        ran.append("nap")
        sleep(HOUR)
        return "rested"

    @flow.entrypoint
    def body(_: Any) -> Any:
        return (yield nap())

    flow.invoke(body, 1, rest_after=60)
    assert [(row.name, row.state) for row in last(body).calls] == [
        ("body", "sleeping"),
        ("nap", "sleeping"),
        ("sleep", "sleeping"),
    ]
    clock.advance(HOUR)
    assert flow.invoke(body, None) == "rested"
    assert ran == ["nap", "nap"]


def test_a_call_that_must_not_happen_twice_is_waited_for(flow: Flavour, clock: FakeClock) -> None:
    @nbflow.task(at_most_once=True)
    def nap() -> str:
        sleep(HOUR)
        return "rested"

    @flow.entrypoint
    def body(_: Any) -> Any:
        return (yield nap())

    assert flow.invoke(body, 1, rest_after=60) == "rested"


def test_a_body_that_hides_the_rest_rests_all_the_same(flow: Flavour, clock: FakeClock) -> None:
    @nbflow.entrypoint(checkpointer=flow.saver)
    def body(_: Any) -> str:
        try:
            sleep(HOUR)
        except BaseException:
            return "hidden"
        return "slept"

    body.invoke(1, CONFIG, rest_after=60)
    assert last(body).status == "sleeping"
    clock.advance(HOUR)
    assert body.invoke(None, CONFIG) == "slept"


def test_a_question_beside_a_sleep_is_asked(flow: Flavour, clock: FakeClock) -> None:
    @nbflow.task
    async def ask() -> Any:
        return interrupt("sure?")

    @nbflow.entrypoint(checkpointer=flow.saver)
    async def body(_: Any) -> Any:
        return await asyncio.gather(asleep(HOUR), ask())

    began = clock.now
    asked = asyncio.run(body.ainvoke(1, CONFIG, rest_after=60))
    assert [one.value for one in asked["__interrupt__"]] == ["sure?"]
    assert last(body).status == "asking"
    asyncio.run(body.ainvoke(Command(resume="yes"), CONFIG, rest_after=60))
    assert last(body).until == began + HOUR
    assert asyncio.run(body.ainvoke(None, CONFIG)) == [None, "yes"]
    assert clock.now == pytest.approx(began + HOUR)


def test_an_answer_to_a_run_that_sleeps_is_refused(flow: Flavour, clock: FakeClock) -> None:
    body, _ = sleeping(flow)
    flow.invoke(body, 1, rest_after=60)
    with pytest.raises(nbflow.errors.NothingToResumeError, match="sleeping"):
        flow.invoke(body, Command(resume=1))


def test_an_absolute_time_is_a_time(flow: Flavour, clock: FakeClock) -> None:
    @nbflow.entrypoint(checkpointer=flow.saver)
    def body(end: float) -> str:
        sleep_until(end)
        sleep_until(datetime.fromtimestamp(end + HOUR, UTC))
        return "after"

    @nbflow.entrypoint(checkpointer=InMemorySaver())
    async def abody(end: float) -> str:
        await asleep_until(end)
        await asleep_until(end - HOUR)
        return "after"

    began = clock.now
    assert body.invoke(began + HOUR, CONFIG) == "after"
    assert clock.now == pytest.approx(began + 2 * HOUR)
    assert asyncio.run(abody.ainvoke(clock.now + HOUR, CONFIG)) == "after"
    assert clock.now == pytest.approx(began + 3 * HOUR)


def test_another_length_on_replay_is_told(flow: Flavour, clock: FakeClock) -> None:
    length = [HOUR]

    @nbflow.entrypoint(checkpointer=flow.saver)
    def body(_: Any) -> Any:
        sleep(length[0])
        return interrupt("go on?")

    body.invoke(1, CONFIG)
    length[0] = 2 * HOUR
    with pytest.raises(ReplayMismatchError, match="sleep"):
        body.invoke(Command(resume=1), CONFIG)


def test_a_drain_ends_a_sleep(flow: Flavour, clock: FakeClock) -> None:
    body, _ = sleeping(flow)
    control = nbflow.runtime.RunControl()
    clock.advance(0)
    control.request_drain("make room")
    with pytest.raises(nbflow.errors.GraphDrained):
        flow.invoke(body, 1, control=control)
    assert last(body).status == "stopped"


@pytest.mark.runs_once("it stops the run that it began")
def test_a_stop_ends_a_sleep_at_once(flow: Flavour) -> None:
    body, _ = sleeping(flow)
    run = body.start(1, CONFIG)
    began = time.monotonic()
    while not any(isinstance(record, CallSleeps) for record in run.log):
        time.sleep(0.001)
    run.cancel("enough")
    run.on_done(lambda: None)
    while not run.done():
        time.sleep(0.001)
    assert time.monotonic() - began < HOUR
    halted = [record for record in read_run(flow.saver, "t") if isinstance(record, RunHalted)]
    assert [record.until for record in halted] == [None]
    assert last(body).status == "stopped"


def test_short_ones_leave_one_record(flow: Flavour, clock: FakeClock) -> None:
    body, _ = sleeping(flow, 0.5)
    assert flow.invoke(body, 1) == "after"
    assert not any(isinstance(record, CallSleeps) for record in read_run(flow.saver, "t"))


def test_in_async_code_it_says_what_to_write() -> None:
    @nbflow.entrypoint()
    async def body(_: Any) -> None:
        sleep(1)

    with pytest.raises(WouldBlockError, match=r"await asleep\(\.\.\.\)"):
        asyncio.run(body.ainvoke(1))


@pytest.mark.parametrize("seconds", [-1, float("nan"), float("inf"), "5", None, True])
def test_bad_lengths_are_told(seconds: Any) -> None:
    @nbflow.entrypoint()
    def body(_: Any) -> None:
        sleep(seconds)

    with pytest.raises(InvalidOptionError, match="seconds"):
        body.invoke(1)


@pytest.mark.parametrize("moment", [datetime(2030, 1, 1), "noon", float("nan"), None])
def test_bad_times_are_told(moment: Any) -> None:
    @nbflow.entrypoint()
    def body(_: Any) -> None:
        sleep_until(moment)

    with pytest.raises(InvalidOptionError, match="time"):
        body.invoke(1)


@pytest.mark.parametrize("after", [-1, "1", float("nan"), True])
def test_bad_rests_are_told(flow: Flavour, after: Any) -> None:
    body, ran = sleeping(flow)
    with pytest.raises(InvalidOptionError, match="rest_after"):
        flow.invoke(body, 1, rest_after=after)
    assert ran == []


def test_outside_of_a_run_it_says_so() -> None:
    with pytest.raises(CalledOutsideRunError, match=r"sleep\(\)"):
        sleep(1)
