"""An answer is a fact of its thread: recorded where the workflow is not at hand, it moves the run where it is."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any

import pytest
from msgspec import Meta

import nbflow
from nbflow import Command, interrupt, record_answer
from nbflow.errors import (
    AmbiguousResumeError,
    InterruptRejectedError,
    InvalidAnswerError,
    InvalidOptionError,
    NothingToResumeError,
    ThreadBusyError,
    UnknownInterruptError,
    UnserializableError,
)
from nbflow.schemas import answers
from nbflow.types import Reject
from nbflow.views.rows import questions_of
from tests.behaviour.flavours import Flavour

CONFIG: nbflow.RunnableConfig = {"configurable": {"thread_id": "t"}}


def status(flow: Flavour, thread: str = "t") -> str:
    return next(one.status for one in nbflow.threads(flow.saver) if one.thread_id == thread)


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have answers checked as a process does that has the file of threads alone."""
    monkeypatch.setattr(answers, "_types", {})


@pytest.fixture
def steps() -> list[str]:
    return []


def asks_for_a_date(flow: Flavour, steps: list[str]) -> Any:
    @flow.task
    def load(n: int) -> int:
        steps.append("load")
        return n + 1

    @flow.entrypoint
    def work(n: int) -> Any:
        loaded = yield load(n)
        print("loaded")  # noqa: T201  # what a body says
        day = interrupt("Which day?", response_schema=dt.date)
        print("answered")  # noqa: T201  # what a body says
        after = yield load(loaded)
        return [after, day]

    return work


def test_a_recorded_answer_moves_the_run_where_it_is_gone_on_with(
    flow: Flavour, steps: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    work = asks_for_a_date(flow, steps)
    flow.invoke(work, 1)
    monkeypatch.setattr(answers, "_types", {})
    assert record_answer(flow.saver, "t", "2026-03-01", by="Ann", comment="by phone") == 0
    assert (status(flow), steps) == ("answered", ["load"])
    state = work.get_state(CONFIG)
    assert (state.interrupts, state.next) == ((), (work.name,))
    assert flow.invoke(work, None) == [3, dt.date(2026, 3, 1)]
    assert (status(flow), steps) == ("done", ["load", "load"])
    assert capsys.readouterr().out == "loaded\nanswered\n", "each is said once"
    (row,) = questions_of(nbflow.read_run(flow.saver, "t"))
    assert (row.state, row.answer, row.by, row.comment) == ("answered", "2026-03-01", "Ann", "by phone")


def test_go_on_takes_up_all_threads_that_were_answered(flow: Flavour, steps: list[str]) -> None:
    work = asks_for_a_date(flow, steps)
    for thread in "abc":
        flow.invoke(work, 1, thread)
    for thread in "ca":
        record_answer(flow.saver, thread, "2026-03-01")
    assert work.go_on({"configurable": {"thread_id": "b"}}) == []
    runs = work.go_on()
    assert [run.thread_id for run in runs] == ["c", "a"]
    assert [run.result()[0] for run in runs] == [3, 3]
    assert work.go_on() == []
    assert [status(flow, thread) for thread in "abc"] == ["done", "asking", "done"]


def asks_twice_at_once(flow: Flavour) -> Any:
    @flow.task
    def ask(text: str) -> Any:
        return interrupt(text)

    @flow.entrypoint
    def work(_: int) -> Any:
        found = yield [ask("first?"), ask("second?")]
        return [*found, interrupt("third?")]

    return work


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
@pytest.mark.parametrize("recorded", [(True, True), (True, False), (False, True)])
def test_questions_are_answered_in_any_order_recorded_or_not(
    flow: Flavour, order: tuple[int, int], recorded: tuple[bool, bool]
) -> None:
    work = asks_twice_at_once(flow)
    asked = flow.invoke(work, 1)["__interrupt__"]
    for place, by_record in zip(order, recorded, strict=True):
        answer = {asked[place].id: f"answer {place}"}
        if by_record:
            record_answer(flow.saver, "t", answer)
        else:
            flow.invoke(work, Command(resume=answer))
    left = {one.value for one in work.get_state(CONFIG).interrupts}
    assert left == (set() if recorded[1] else {"third?"})
    if recorded[1]:
        assert [one.value for one in flow.invoke(work, None)["__interrupt__"]] == ["third?"]
    assert flow.invoke(work, Command(resume="3")) == ["answer 0", "answer 1", "3"]


def test_what_can_not_be_recorded_leaves_the_thread_as_it_was(flow: Flavour, elsewhere: None) -> None:
    work = asks_twice_at_once(flow)
    flow.invoke(work, 1)
    before = nbflow.read_run(flow.saver, "t")
    bad: list[tuple[object, type[Exception], dict[str, Any]]] = [
        ("plain", AmbiguousResumeError, {}),
        ({"a" * 32: 1}, UnknownInterruptError, {}),
        ({work.get_state(CONFIG).interrupts[0].id: object()}, UnserializableError, {}),
        ({work.get_state(CONFIG).interrupts[0].id: 1}, InvalidOptionError, {"by": "\ud800"}),
        ("plain", InvalidOptionError, {"by": 3}),
        ("plain", InvalidOptionError, {"comment": None}),
    ]
    for answer, error, options in bad:
        with pytest.raises(error):
            record_answer(flow.saver, "t", answer, **options)
    with pytest.raises(NothingToResumeError, match="no run at all"):
        record_answer(flow.saver, "other", 1)
    with pytest.raises(InvalidOptionError, match="thread_id is 3"):
        record_answer(flow.saver, 3, 1)  # type: ignore[arg-type]  # a mistake that people make
    assert len(nbflow.read_run(flow.saver, "t")) == len(before)
    assert flow.saver.holder("t") is None


@pytest.mark.parametrize(
    ("wanted", "bad", "good"),
    [
        (Annotated[dt.datetime, Meta(tz=False)], "2026-03-01T10:00:00+01:00", "2026-03-01T10:00:00"),
        (Annotated[dt.time, Meta(tz=False)], "10:00:00Z", "10:00:00"),
        (Annotated[dt.time, Meta(tz=True)], "10:00:00", "10:00:00Z"),
        (dt.datetime, "10:00", "2026-03-01T10:00:00"),
    ],
)
def test_a_zone_that_a_type_does_not_take_is_refused_elsewhere_too(
    flow: Flavour, elsewhere: None, wanted: object, bad: str, good: str
) -> None:
    @flow.task
    def same(n: int) -> int:
        return n

    @flow.entrypoint
    def work(n: int) -> Any:
        yield same(n)
        return interrupt("When?", response_schema=wanted)

    flow.invoke(work, 1)
    answers._types.clear()
    with pytest.raises(InvalidAnswerError, match="of the format"):
        record_answer(flow.saver, "t", bad)
    record_answer(flow.saver, "t", good)
    assert flow.invoke(work, None).isoformat() == good.replace("Z", "+00:00")


def test_a_bad_answer_never_reaches_the_log(flow: Flavour, steps: list[str], elsewhere: None) -> None:
    work = asks_for_a_date(flow, steps)
    flow.invoke(work, 1)
    answers._types.clear()
    before = len(nbflow.read_run(flow.saver, "t"))
    with pytest.raises(InvalidAnswerError, match="Which day"):
        record_answer(flow.saver, "t", "tomorrow")
    assert len(nbflow.read_run(flow.saver, "t")) == before
    record_answer(flow.saver, "t", "2026-03-01")
    with pytest.raises(NothingToResumeError, match="all its questions answered"):
        record_answer(flow.saver, "t", "2026-03-02")
    with pytest.raises(NothingToResumeError, match="all its questions answered"):
        flow.invoke(work, Command(resume="2026-03-02"))
    assert flow.invoke(work, None)[1] == dt.date(2026, 3, 1), "the first answer counts, and no other"


def test_a_recorded_rejection_is_taken_back_by_another_answer(flow: Flavour, steps: list[str]) -> None:
    work = asks_for_a_date(flow, steps)
    flow.invoke(work, 1)
    (asked,) = work.get_state(CONFIG).interrupts
    record_answer(flow.saver, "t", Reject("not today"))
    record_answer(flow.saver, "t", {asked.id: "2026-03-01"})
    assert flow.invoke(work, None)[1] == dt.date(2026, 3, 1)
    flow.invoke(work, 1, "u")
    record_answer(flow.saver, "u", Reject("not today"))
    with pytest.raises(InterruptRejectedError, match="not today"):
        flow.invoke(work, None, "u")


def test_a_thread_that_somebody_works_on_takes_no_record(flow: Flavour, steps: list[str]) -> None:
    work = asks_for_a_date(flow, steps)
    flow.invoke(work, 1)
    flow.saver.lease("t", "somebody")
    with pytest.raises(ThreadBusyError):
        record_answer(flow.saver, "t", "2026-03-01")
    flow.saver.release("t", "somebody")
    assert record_answer(flow.saver, "t", "2026-03-01") == 0


def test_a_question_of_a_nested_workflow_is_answered_by_a_record(flow: Flavour) -> None:
    @flow.entrypoint
    def inner(n: int) -> Any:
        yield []
        return [n, interrupt("inner?")]

    @flow.entrypoint
    def outer(n: int) -> Any:
        found = yield flow.nested(inner, n)
        return ["outer", *found]

    flow.invoke(outer, 1)
    record_answer(flow.saver, "t", "yes")
    assert flow.invoke(outer, None) == ["outer", 1, "yes"]


def test_the_history_shows_each_record_and_is_gone_back_to(flow: Flavour) -> None:
    work = asks_twice_at_once(flow)
    asked = flow.invoke(work, 1)["__interrupt__"]
    for one in asked:
        record_answer(flow.saver, "t", {one.id: f"to {one.value}"})
    flow.invoke(work, None)
    flow.invoke(work, Command(resume="3"))
    shown = [[one.value for one in state.interrupts] for state in work.get_state_history(CONFIG)]
    assert list(reversed(shown))[1:5] == [["first?", "second?"], ["second?"], [], ["third?"]]
    states = list(work.get_state_history(CONFIG))
    half = next(one for one in states if [asked.value for asked in one.interrupts] == ["second?"])
    forked = flow.invoke(work, Command(resume="other"), config=half.config)
    assert [one.value for one in forked["__interrupt__"]] == ["third?"]
    assert flow.invoke(work, Command(resume="4")) == ["to first?", "other", "4"]


def test_a_graph_goes_on_with_a_record_too(flow: Flavour) -> None:
    from nbflow.graph import END, START, StateGraph

    def ask(_state: dict[str, Any]) -> Any:
        yield []
        return {"said": interrupt("node?")}

    builder = StateGraph(dict)
    builder.add_node("ask", flow.node(ask))
    builder.add_edge(START, "ask")
    builder.add_edge("ask", END)
    app = flow.compile(builder)
    flow.invoke(app, {"n": 1})
    record_answer(flow.saver, "t", "yes")
    assert app.get_state(CONFIG).next == ("ask",)
    assert flow.invoke(app, None)["said"] == "yes"


def test_time_that_is_up_meanwhile_and_what_a_new_input_does(flow: Flavour) -> None:
    @flow.entrypoint
    def work(n: int) -> Any:
        yield []
        return [n, interrupt("in time?", timeout=1000, default="late")]

    flow.invoke(work, 1)
    record_answer(flow.saver, "t", "in time")
    assert flow.invoke(work, 2)["__interrupt__"][0].value == "in time?", "another input begins another run"
    assert flow.invoke(work, Command(resume="now")) == [2, "now"]
