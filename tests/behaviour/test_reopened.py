"""Answers that only the body's process finds unfit, and rejections taken back: the question is open again."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

import pydantic
import pytest

from nbflow import Command, InMemorySaver, interrupt
from nbflow.checkpoint.base import RunKey
from nbflow.checkpoint.rows import encode_value, to_row
from nbflow.core.record import Answered, Asked, Record, Reopened, RunFailed, RunPaused, Value
from nbflow.errors import InterruptExpiredError, InterruptRejectedError, NothingToResumeError, UnknownInterruptError
from nbflow.schemas import answers
from nbflow.types import Reject
from tests.behaviour.flavours import Flavour

CONFIG: Any = {"configurable": {"thread_id": "t"}}
TOLD = "year is 3: there were no films then"
BAD, GOOD = {"year": 3}, {"year": 1999}


class Movie(pydantic.BaseModel):
    year: int

    @pydantic.field_validator("year")
    @classmethod
    def after_the_first(cls, year: int) -> int:
        if year < 1888:
            raise ValueError("there were no films then")
        return year


@pytest.fixture(autouse=True)
def _answered_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have whoever answers know no more than the stored question."""
    monkeypatch.setattr(answers, "_types", {})
    monkeypatch.setattr(answers, "remember", lambda *_: None)


def kinds(body: Any) -> list[str]:
    return [type(record).__name__ for record in body.last_run(CONFIG).log]


def test_an_answer_that_the_body_cannot_take_opens_the_question_again(flow: Flavour) -> None:
    ran: list[str] = []

    @flow.task
    def work() -> str:
        ran.append("work")
        return "done"

    @flow.entrypoint
    def body(_: int) -> Any:
        done = yield work()
        return [done, interrupt("what?", response_schema=Movie).year]

    (first,) = flow.invoke(body, 0)["__interrupt__"]
    (again,) = flow.invoke(body, Command(resume=BAD))["__interrupt__"]
    assert (again.id, again.value, again.problem) == (first.id, "what?", TOLD)
    run = body.last_run(CONFIG)
    assert run.status == "asking"
    assert run.interrupts == body.get_state(CONFIG).interrupts == (again,)
    (reopened,) = [record for record in run.log if isinstance(record, Reopened)]
    assert (reopened.id, reopened.problem) == (first.id, TOLD)
    assert reopened.value is not None
    assert reopened.value.get() == BAD
    assert flow.invoke(body, None)["__interrupt__"] == [again], "asking again keeps the reason"
    assert flow.invoke(body, Command(resume=GOOD)) == ["done", 1999]
    assert ran == ["work"]


@pytest.mark.parametrize("place", ["task", "nested workflow", "task in a nested workflow"])
def test_wherever_it_was_asked(flow: Flavour, place: str) -> None:
    @flow.task
    def ask() -> Any:
        return interrupt("what?", response_schema=Movie).year

    @flow.entrypoint(checkpointer=None)
    def inner(_: int) -> Any:
        if place == "nested workflow":
            return interrupt("what?", response_schema=Movie).year
        return (yield ask())

    @flow.entrypoint
    def body(_: int) -> Any:
        return (yield ask() if place == "task" else flow.nested(inner, 0))

    (first,) = flow.invoke(body, 0)["__interrupt__"]
    (again,) = flow.invoke(body, Command(resume=BAD))["__interrupt__"]
    assert (again.id, again.problem) == (first.id, TOLD)
    assert flow.invoke(body, Command(resume=GOOD)) == 1999


def test_of_several_questions_one_is_open_again(flow: Flavour) -> None:
    @flow.task
    def ask(n: int) -> Any:
        return interrupt(f"q{n}", response_schema=Movie).year

    @flow.entrypoint
    def body(_: int) -> Any:
        return (yield [ask(0), ask(1), ask(2)])

    ids = {one.value: one.id for one in flow.invoke(body, 0)["__interrupt__"]}
    paused = flow.invoke(body, Command(resume={ids["q0"]: GOOD, ids["q1"]: BAD}))["__interrupt__"]
    assert {one.value: one.problem for one in paused} == {"q1": TOLD, "q2": ""}
    assert flow.invoke(body, Command(resume={ids["q1"]: GOOD, ids["q2"]: GOOD})) == [1999] * 3


def test_a_question_that_is_open_again_may_be_rejected(flow: Flavour) -> None:
    @flow.entrypoint
    def body(_: int) -> Any:
        return interrupt("what?", response_schema=Movie).year

    flow.invoke(body, 0)
    flow.invoke(body, Command(resume=BAD))
    with pytest.raises(Exception, match=re.escape("question 'what?' was rejected: no")):
        flow.invoke(body, Command(resume=Reject("no")))


def test_a_fallback_that_fits_no_more_opens_the_question_again(flow: Flavour, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1_000_000.0]
    monkeypatch.setattr("nbflow._support.clock.now", lambda: now[0])
    limit = [1888]

    class Film(pydantic.BaseModel):
        year: int

        @pydantic.field_validator("year")
        @classmethod
        def late(cls, year: int) -> int:
            if year < limit[0]:
                raise ValueError("too early")
            return year

    default: dict[str, Any] = {"year": 1900}

    @flow.entrypoint
    def body(_: int) -> Any:
        return interrupt("what?", response_schema=Film, timeout=60, default=default).year

    flow.invoke(body, 0)
    now[0] += 61
    limit[0], default["year"] = 1950, 1960
    (again,) = flow.invoke(body, None)["__interrupt__"]
    assert "too early" in again.problem
    assert body.last_run(CONFIG).expires == now[0] + 60, "its time begins anew"
    assert flow.invoke(body, None)["__interrupt__"] == [again]
    now[0] += 61
    assert flow.invoke(body, None) == 1960


def test_a_stale_fallback_answers_nothing(flow: Flavour, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1_000_000.0]
    monkeypatch.setattr("nbflow._support.clock.now", lambda: now[0])
    options: dict[str, Any] = {"timeout": 60, "default": "x"}
    wanted: list[Any] = [str]

    @flow.entrypoint
    def body(_: int) -> Any:
        return interrupt("what?", response_schema=wanted[0], **options)

    flow.invoke(body, 0)
    now[0] += 61
    wanted[0] = int
    del options["default"]
    flow.invoke(body, None)
    now[0] += 61
    with pytest.raises(InterruptExpiredError, match=re.escape("question 'what?' was not answered in time")):
        flow.invoke(body, None)


def bricked(flow: Flavour, body: Any, answer: object) -> str:
    """Leave a thread as earlier versions did: the bad answer stored, the run failed by it."""
    (question,) = flow.invoke(body, 0)["__interrupt__"]
    run = body.last_run(CONFIG)
    at = run.log[-1].at + 1
    records: list[Record] = [
        Answered(id=question.id, at=at, value=Value(answer)),
        RunFailed(at=at, value=Value(ValueError("Invalid RFC3339 encoded date"))),
    ]
    store(flow, run, records)
    assert body.last_run(CONFIG).status == "failed"
    return str(question.id)


def store(flow: Flavour, run: Any, records: list[Record]) -> None:
    for record in records:
        encode_value(record)
    key, first = RunKey(run.thread_id, run.run_id), len(run.log)
    flow.saver.lease("t", "an earlier version")
    flow.saver.append(key, [to_row(record, first + n) for n, record in enumerate(records)], "an earlier version")
    flow.saver.release("t", "an earlier version")


def film(flow: Flavour, wanted: Any = Movie) -> Any:
    @flow.entrypoint
    def body(_: int) -> Any:
        return repr(interrupt("what?", response_schema=wanted))

    return body


def test_a_thread_that_an_earlier_version_left_failed_asks_again(flow: Flavour) -> None:
    body = film(flow)
    bricked(flow, body, BAD)
    (again,) = flow.invoke(body, None)["__interrupt__"]
    assert again.problem == TOLD
    assert flow.invoke(body, Command(resume=GOOD)) == repr(Movie(year=1999))


@pytest.mark.parametrize("by_id", [True, False])
def test_or_takes_a_good_answer_at_once_where_the_schema_can_tell(flow: Flavour, by_id: bool) -> None:
    body = film(flow, dt.date)
    key = bricked(flow, body, "tomorrow")
    assert flow.invoke(body, Command(resume={key: "2026-01-31"} if by_id else "2026-01-31")) == repr(
        dt.date(2026, 1, 31)
    )
    assert [kind for kind in kinds(body) if kind in {"Answered", "Reopened"}] == ["Answered", "Reopened", "Answered"]


def test_a_failed_run_whose_answers_fit_takes_no_other(flow: Flavour) -> None:
    @flow.entrypoint
    def body(_: int) -> Any:
        interrupt("what?", response_schema=int)
        raise RuntimeError("boom")

    (question,) = flow.invoke(body, 0)["__interrupt__"]
    with pytest.raises(RuntimeError, match="boom"):
        flow.invoke(body, Command(resume=1))
    for answer in (2, {question.id: 2}):
        with pytest.raises((NothingToResumeError, UnknownInterruptError)):
            flow.invoke(body, Command(resume=answer))


@pytest.mark.parametrize("by_id", [True, False])
def test_a_rejection_that_ended_the_run_can_be_taken_back(flow: Flavour, by_id: bool) -> None:
    body = film(flow, int)
    (question,) = flow.invoke(body, 0)["__interrupt__"]
    for reason in ("no", "still no"):
        with pytest.raises(Exception, match=re.escape(f"question 'what?' was rejected: {reason}")) as error:
            flow.invoke(body, Command(resume={question.id: Reject(reason)} if by_id else Reject(reason)))
        assert question.id not in str(error.value)
    assert flow.invoke(body, Command(resume={question.id: 3} if by_id else 3)) == "3"
    with pytest.raises(NothingToResumeError, match="has finished"):
        flow.invoke(body, Command(resume={question.id: 4}))


def test_a_rejection_closes_no_other_question(flow: Flavour) -> None:
    @flow.task
    def ask(what: str) -> Any:
        return interrupt(what)

    @flow.entrypoint
    def body(_: int) -> Any:
        return (yield [ask("a"), ask("b")])

    ids = {one.value: one.id for one in flow.invoke(body, 0)["__interrupt__"]}
    with pytest.raises(InterruptRejectedError, match="question 'a' was rejected"):
        flow.invoke(body, Command(resume={ids["a"]: Reject()}))
    with pytest.raises(UnknownInterruptError):
        flow.invoke(body, Command(resume={"0" * 32: 1}))
    assert flow.invoke(body, Command(resume={ids["b"]: "B", ids["a"]: "A"})) == ["A", "B"]


def test_what_a_rejection_had_led_to_runs_again(flow: Flavour) -> None:
    ran: list[str] = []

    @flow.task
    def ask(what: str) -> Any:
        return interrupt(what)

    @flow.task
    def work(what: str) -> str:
        ran.append(what)
        return what

    @flow.entrypoint
    def body(_: int) -> Any:
        before = yield work("before")
        try:
            found = yield ask("pay?")
        except Exception:
            found = yield work("instead")
        return [before, found, interrupt("and then?")]

    (pay,) = flow.invoke(body, 0)["__interrupt__"]
    (then,) = flow.invoke(body, Command(resume=Reject("no")))["__interrupt__"]
    assert then.value == "and then?"
    with pytest.raises(UnknownInterruptError):
        flow.invoke(body, Command(resume={pay.id: 1, "0" * 32: 2}))
    paused = flow.invoke(body, Command(resume={pay.id: "paid"}))
    assert paused["__interrupt__"] == [then]
    assert flow.invoke(body, Command(resume="end")) == ["before", "paid", "end"]
    assert ran == ["before", "instead"]


def test_a_fork_takes_over_no_answer_that_does_not_count(flow: Flavour) -> None:
    @flow.task
    def work(n: int) -> int:
        return n

    @flow.entrypoint
    def body(_: int) -> Any:
        year = interrupt("what?", response_schema=Movie).year
        return [year, (yield work(1))]

    flow.invoke(body, 0)
    flow.invoke(body, Command(resume=BAD))
    assert flow.invoke(body, Command(resume=GOOD)) == [1999, 1]
    run = body.fork(CONFIG, at="0.0")
    assert run.result() == [1999, 1]
    told = [record for record in run.log if isinstance(record, Answered)]
    assert [record.value.get() for record in told if record.value is not None] == [GOOD]


@pytest.mark.runs_once("a question that is asked again is another record")
def test_the_records_of_a_reopened_question(flow: Flavour) -> None:
    body = film(flow)
    flow.invoke(body, 0)
    flow.invoke(body, Command(resume=BAD))
    log = body.last_run(CONFIG).log
    assert [type(one).__name__ for one in log[-3:]] == ["Reopened", "Asked", "RunPaused"]
    asked, paused = log[-2], log[-1]
    assert isinstance(asked, Asked)
    assert isinstance(paused, RunPaused)
    assert paused.ids == (asked.id,)
    assert asked.problem == TOLD


def test_why_a_question_was_opened_again_outlives_a_crash_before_it_was_asked(flow: Flavour) -> None:
    body = film(flow)
    flow.invoke(body, 0)
    flow.invoke(body, Command(resume=BAD))
    run = RunKey("t", flow.saver.runs("t")[0])
    rows = flow.saver.rows(run)
    saver = InMemorySaver()
    (end,) = [number for number, row in enumerate(rows, 1) if row.kind == "Reopened"]
    saver.append(run, rows[:end], "the one who died")
    (again,) = flow.invoke(body.with_checkpointer(saver), None)["__interrupt__"]
    assert again.problem == TOLD
