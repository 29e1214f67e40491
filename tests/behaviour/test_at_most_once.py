"""Calls that must not happen twice: begun once in a run, whatever becomes of the process; keys for services."""

from __future__ import annotations

from typing import Any

import pytest

import nbflow
from nbflow import Command, RetryPolicy, get_runtime, interrupt
from nbflow.core.record import CallEntered, CallFailed
from nbflow.errors import CallInterruptedError, CannotPauseError, GraphDrained, InvalidOptionError
from tests.behaviour.flavours import Flavour

CONFIG: Any = {"configurable": {"thread_id": "t"}}


class Cut(BaseException):
    """Cuts a call off, as a crash does: nothing of its end is recorded."""


def charging(flow: Flavour, fails: list[BaseException], **options: Any) -> tuple[Any, list[int]]:
    """Return a workflow that charges once, and what was charged; the first charges end with what is in ``fails``."""
    charged: list[int] = []

    @flow.task(at_most_once=True, **options)
    def charge(amount: int) -> str:
        charged.append(amount)
        if fails:
            raise fails.pop(0)
        return f"paid {amount}"

    @flow.task
    def note(text: str) -> str:
        return text.upper()

    @flow.entrypoint
    def body(amount: int) -> Any:
        try:
            paid = yield charge(amount)
        except CallInterruptedError as error:
            paid = f"{error.path} was cut off; paid? {interrupt('was it paid?')}"
        return (yield note(paid))

    return body, charged


def test_its_result_is_replayed_as_any_other(flow: Flavour) -> None:
    body, charged = charging(flow, [])
    assert flow.invoke(body, 5) == "PAID 5"
    assert flow.invoke(body, None) == "PAID 5"
    assert charged == [5]
    kinds = [type(record).__name__ for record in body.last_run(CONFIG).log]
    assert kinds.index("CallEntered") < kinds.index("CallReturned")


def test_cut_off_it_is_told_and_never_run_again(flow: Flavour) -> None:
    body, charged = charging(flow, [Cut()])
    with pytest.raises((Cut, GraphDrained)):
        flow.invoke(body, 5)
    for _ in range(2):  # whoever goes on
        assert flow.invoke(body, None)["__interrupt__"][0].value == "was it paid?"
    assert flow.invoke(body, Command(resume="yes")) == "0.0 WAS CUT OFF; PAID? YES"
    assert charged == [5]


def test_a_run_that_does_not_catch_it_fails_the_same_way_each_time(flow: Flavour) -> None:
    ran: list[int] = []

    @flow.task(at_most_once=True)
    def charge() -> None:
        ran.append(1)
        raise Cut

    @flow.entrypoint
    def body(_: Any) -> Any:
        return (yield charge())

    with pytest.raises((Cut, GraphDrained)):
        flow.invoke(body, 1)
    for _ in range(2):
        with pytest.raises(CallInterruptedError, match=r"call 0\.0 of 'charge' began at 2.*at='0\.0', replace="):
            flow.invoke(body, None)
    assert ran == [1]
    assert body.fork(CONFIG, at="0.0", replace="found it in the bank's list").result() == "found it in the bank's list"
    assert ran == [1]


def test_a_fork_at_the_call_runs_it_once_more(flow: Flavour) -> None:
    body, charged = charging(flow, [Cut()])
    with pytest.raises((Cut, GraphDrained)):
        flow.invoke(body, 5)
    assert body.fork(CONFIG, at="0.0").result() == "PAID 5"
    assert charged == [5, 5]


def test_a_fork_behind_the_call_does_not(flow: Flavour) -> None:
    body, charged = charging(flow, [Cut()])
    with pytest.raises((Cut, GraphDrained)):
        flow.invoke(body, 5)
    assert flow.invoke(body, None)["__interrupt__"]
    assert flow.invoke(body, Command(resume="yes")).endswith("YES")
    assert body.fork(CONFIG, at="0.1").result().endswith("YES")
    assert charged == [5]


def test_its_failure_is_its_outcome(flow: Flavour) -> None:
    ran: list[int] = []

    @flow.task(at_most_once=True)
    def charge() -> None:
        ran.append(1)
        raise ValueError("the card was refused")

    @flow.entrypoint
    def body(_: Any) -> Any:
        return (yield charge())

    for value in (1, None, None):
        with pytest.raises(ValueError, match="refused"):
            flow.invoke(body, value)
    assert ran == [1]


def test_failures_that_were_seen_are_retried_by_its_policy(flow: Flavour) -> None:
    policy = RetryPolicy(initial_interval=0, jitter=False, retry_on=ValueError)
    body, charged = charging(flow, [ValueError("busy"), ValueError("busy")], retry_policy=policy)
    assert flow.invoke(body, 5) == "PAID 5"
    assert charged == [5, 5, 5]


@pytest.mark.runs_once("it counts executions")
def test_an_attempt_of_the_body_does_not_repeat_it(flow: Flavour) -> None:
    ran: list[str] = []

    @flow.task(at_most_once=True)
    def charge() -> None:
        ran.append("charge")
        raise ValueError("refused")

    @flow.entrypoint(retry_policy=RetryPolicy(initial_interval=0, jitter=False, retry_on=ValueError))
    def body(_: Any) -> Any:
        ran.append("body")
        return (yield charge())

    with pytest.raises(ValueError, match="refused"):
        flow.invoke(body, 1)
    assert ran == ["body", "charge", "body", "body"]


def test_a_drained_run_has_not_begun_it(flow: Flavour) -> None:
    body, charged = charging(flow, [])
    control = nbflow.runtime.RunControl()
    control.request_drain("make room")
    with pytest.raises((Cut, GraphDrained)):
        flow.invoke(body, 5, control=control)
    assert flow.invoke(body, None) == "PAID 5"
    assert charged == [5]


@pytest.mark.runs_once("it counts executions")
@pytest.mark.parametrize("durability", ["sync", "async", "exit"])
def test_that_it_begins_is_on_the_disk_before_it_does(flow: Flavour, durability: Any) -> None:
    seen: list[int] = []

    @flow.task(at_most_once=True)
    def charge() -> str:
        records = nbflow.read_run(flow.saver, "t")
        seen.append(sum(isinstance(record, CallEntered) for record in records))
        return "paid"

    @flow.entrypoint
    def body(_: Any) -> Any:
        return (yield charge())

    assert flow.invoke(body, 1, durability=durability) == "paid"
    assert seen == [1]


def test_a_failure_is_kept_with_exit_durability_too(flow: Flavour) -> None:
    body, charged = charging(flow, [ValueError("refused")])
    with pytest.raises(ValueError, match="refused"):
        flow.invoke(body, 5, durability="exit")
    failures = [record for record in nbflow.read_run(flow.saver, "t") if isinstance(record, CallFailed)]
    assert [failure.survived for failure in failures] == [True]
    with pytest.raises(ValueError, match="refused"):
        flow.invoke(body, None, durability="exit")
    assert charged == [5]


def test_a_changed_body_does_not_run_it_again(flow: Flavour) -> None:
    ran: list[str] = []

    def make(word: str) -> Any:
        @flow.task
        def look(text: str) -> str:
            return text

        @flow.task(at_most_once=True)
        def charge() -> str:
            ran.append("charge")
            return "paid"

        @flow.entrypoint(name="body")
        def body(_: Any) -> Any:
            yield look(word)
            yield charge()
            return interrupt("and now?")

        return body

    assert flow.invoke(make("a"), 1)["__interrupt__"]
    with pytest.raises(CallInterruptedError):
        flow.invoke(make("b"), Command(resume=1), on_divergence="rerun")
    assert ran == ["charge"]


@pytest.mark.parametrize("inner", [False, True])
def test_it_can_not_ask(flow: Flavour, inner: bool) -> None:
    @flow.task
    def asks() -> Any:
        return interrupt("sure?")

    @flow.task(at_most_once=True)
    def charge() -> Any:
        return (yield asks()) if inner else interrupt("sure?")

    @flow.entrypoint
    def body(_: Any) -> Any:
        return (yield charge())

    with pytest.raises(CannotPauseError, match=r"call 0\.0 of 'charge'"):
        flow.invoke(body, 1)


def test_two_at_a_time_are_two(flow: Flavour) -> None:
    ran: list[int] = []

    @flow.task(at_most_once=True)
    def charge(n: int) -> int:
        ran.append(n)
        return n

    @flow.entrypoint
    def body(_: Any) -> Any:
        return (yield [charge(n) for n in range(20)])

    assert flow.invoke(body, 1) == list(range(20))
    assert sorted(ran) == list(range(20))


@pytest.mark.runs_once("it counts executions")
def test_the_key_of_a_call_stays_over_retries_and_resumes_and_differs_elsewhere(flow: Flavour) -> None:
    keys: list[str] = []
    fails = [ValueError("busy")]

    @flow.task(retry_policy=RetryPolicy(initial_interval=0, jitter=False, retry_on=ValueError))
    def pay(last: bool) -> str:
        keys.append(get_runtime().idempotency_key)
        if fails:
            raise fails.pop()
        if last and not interrupt("go on?"):
            raise AssertionError
        return keys[-1]

    @flow.entrypoint
    def body(_: Any) -> Any:
        first = yield pay(False)
        second = yield pay(True)
        return first, second

    assert flow.invoke(body, 1)["__interrupt__"]
    first, second = flow.invoke(body, Command(resume=True))
    assert keys == [first, first, second, second]
    assert len({*keys}) == 2
    assert all(len(key) == 32 and int(key, 16) for key in keys)
    assert body.fork(CONFIG, at="0.0").result()["__interrupt__"]
    assert flow.invoke(body, Command(resume=True), config={"configurable": {"thread_id": "t"}})
    assert len({*keys}) == 4


def test_a_key_needs_no_checkpointer(flow: Flavour) -> None:
    @flow.task
    def pay() -> str:
        return get_runtime().idempotency_key

    @flow.entrypoint(checkpointer=None)
    def body(_: Any) -> Any:
        return (yield [pay(), pay()])

    first, second = flow.invoke(body, 1)
    assert first != second
    assert flow.invoke(body, 1) != [first, second]


def test_the_option_is_checked() -> None:
    with pytest.raises(InvalidOptionError, match="at_most_once"):
        nbflow.task(at_most_once="yes")(lambda: None)  # type: ignore[call-overload]  # on purpose
