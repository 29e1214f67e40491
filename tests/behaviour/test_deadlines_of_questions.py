"""Questions that nobody answers in time, or that a person refuses."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any, Literal

import pytest

from nbflow import Command, interrupt
from nbflow.errors import InterruptExpiredError, InterruptRejectedError, InvalidOptionError, UnknownInterruptError
from nbflow.types import Reject
from tests.behaviour.flavours import Flavour


class Clock:
    """Time as a test wants it."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[Clock]:
    clock = Clock()
    monkeypatch.setattr("nbflow._support.clock.now", clock)
    return clock  # type: ignore[return-value]  # a fixture without an end


def test_an_unanswered_question_takes_its_default(flow: Flavour, clock: Clock) -> None:
    @flow.entrypoint
    def body(_: int) -> Any:
        return interrupt("go?", timeout=60, default="no")

    paused = flow.invoke(body, 1)
    clock.now += 59
    assert flow.invoke(body, None) == paused
    clock.now += 2
    assert flow.invoke(body, None) == "no"


def test_without_a_default_it_fails_in_the_workflow(flow: Flavour, clock: Clock) -> None:
    @flow.entrypoint
    def body(_: int) -> Any:
        try:
            return interrupt("go?", timeout=timedelta(hours=1))
        except InterruptExpiredError:
            return "nobody was there"

    flow.invoke(body, 1)
    clock.now += 3601
    assert flow.invoke(body, None) == "nobody was there"


def test_an_answer_that_comes_late_but_first_counts(flow: Flavour, clock: Clock) -> None:
    @flow.entrypoint
    def body(_: int) -> Any:
        return interrupt("go?", timeout=60, default="no")

    flow.invoke(body, 1)
    clock.now += 100
    assert flow.invoke(body, Command(resume="yes")) == "yes"


def test_an_answer_to_one_question_lets_another_expire(flow: Flavour, clock: Clock) -> None:
    @flow.task
    def ask(what: str, seconds: float | None) -> Any:
        return interrupt(what, timeout=seconds, default=None) if seconds else interrupt(what)

    @flow.entrypoint
    def body(_: int) -> Any:
        return (yield [ask("a", 60), ask("b", None)])

    paused = flow.invoke(body, 1)
    ids = {question.value: question.id for question in paused["__interrupt__"]}
    clock.now += 61
    assert flow.invoke(body, Command(resume={ids["b"]: "B"})) == [None, "B"]


def test_the_default_is_what_the_question_wants(flow: Flavour) -> None:
    @flow.entrypoint
    def body(default: str) -> Any:
        return interrupt("go?", response_schema=Literal["yes", "no"], timeout=60, default=default)

    with pytest.raises(InvalidOptionError, match="response_schema"):
        flow.invoke(body, "maybe", thread="a")
    assert "__interrupt__" in flow.invoke(body, "no", thread="b")


@pytest.mark.parametrize("timeout", [0, -1, "soon"])
def test_a_time_that_cannot_be_is_refused(flow: Flavour, timeout: Any) -> None:
    @flow.entrypoint
    def body(_: int) -> Any:
        return interrupt("go?", timeout=timeout)

    with pytest.raises(InvalidOptionError, match="timeout"):
        flow.invoke(body, 1)


def test_a_default_needs_a_time(flow: Flavour) -> None:
    @flow.entrypoint
    def body(_: int) -> Any:
        return interrupt("go?", default="no")

    with pytest.raises(InvalidOptionError, match="timeout"):
        flow.invoke(body, 1)


def test_a_rejection_raises_in_the_workflow(flow: Flavour) -> None:
    @flow.task
    def undo() -> str:
        return "undone"

    @flow.entrypoint
    def body(_: int) -> Any:
        try:
            return interrupt("pay 100?", response_schema=bool)
        except InterruptRejectedError as error:
            return error.reason, (yield undo())

    flow.invoke(body, 1)
    assert flow.invoke(body, Command(resume=Reject("too expensive"))) == ("too expensive", "undone")


def test_a_rejection_that_is_not_caught_fails_the_run_and_stays(flow: Flavour) -> None:
    @flow.entrypoint
    def body(_: int) -> Any:
        return interrupt("pay?")

    paused = flow.invoke(body, 1)
    with pytest.raises(InterruptRejectedError, match="rejected: no money"):
        flow.invoke(body, Command(resume={paused["__interrupt__"][0].id: Reject("no money")}))
    with pytest.raises(InterruptRejectedError):
        flow.invoke(body, None)


def test_one_of_several_questions_may_be_rejected(flow: Flavour) -> None:
    @flow.task
    def ask(what: str) -> Any:
        try:
            return interrupt(what)
        except InterruptRejectedError as error:
            return f"rejected {error.reason}"

    @flow.entrypoint
    def body(_: int) -> Any:
        return (yield [ask("a"), ask("b")])

    paused = flow.invoke(body, 1)
    ids = {question.value: question.id for question in paused["__interrupt__"]}
    with pytest.raises(UnknownInterruptError):
        flow.invoke(body, Command(resume={"0" * 32: Reject()}))
    assert flow.invoke(body, Command(resume={ids["a"]: Reject("x"), ids["b"]: 1})) == ["rejected x", 1]
