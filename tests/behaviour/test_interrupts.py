"""Questions to people: asked, surfaced, answered, refused."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any, Literal

import pytest

from nbflow import Command, InMemorySaver, entrypoint, interrupt, task
from nbflow.errors import (
    AmbiguousResumeError,
    GraphInterrupt,
    InvalidAnswerError,
    NoCheckpointerError,
    NothingToResumeError,
    UnknownInterruptError,
    UnserializableError,
)
from tests.behaviour.flavours import Flavour


def asked(result: Any) -> list[Any]:
    return [question.value for question in result["__interrupt__"]]


def test_a_question_pauses_and_its_answer_goes_on(flow: Flavour) -> None:
    ran = []

    @flow.task
    def draft(topic: str) -> str:
        ran.append(topic)
        return f"about {topic}"

    @flow.entrypoint
    def body(topic: str) -> Any:
        essay = yield draft(topic)
        return [essay, interrupt({"essay": essay})]

    paused = flow.invoke(body, "cats")
    assert asked(paused) == [{"essay": "about cats"}]
    assert list(paused) == ["__interrupt__"]
    assert flow.invoke(body, Command(resume="good")) == ["about cats", "good"]
    assert ran == ["cats"]


@pytest.mark.parametrize("answer", [None, False, 0, "", [], {}, {"a": 1}, [1, 2]])
def test_any_value_is_an_answer(flow: Flavour, answer: Any) -> None:
    @flow.entrypoint
    def body(_: int) -> Any:
        return [interrupt("?")]

    flow.invoke(body, 0)
    assert flow.invoke(body, Command(resume=answer)) == [answer]


def test_questions_one_after_the_other(flow: Flavour) -> None:
    @flow.task
    def twice() -> Any:
        return [interrupt("first"), interrupt("second")]

    @flow.entrypoint
    def body(_: int) -> Any:
        both = yield twice()
        return [*both, interrupt("third")]

    results = [flow.invoke(body, 0)] + [flow.invoke(body, Command(resume=answer)) for answer in "abc"]
    assert [asked(result) for result in results[:3]] == [["first"], ["second"], ["third"]]
    assert results[3] == ["a", "b", "c"]
    ids = [result["__interrupt__"][0].id for result in results[:3]]
    assert len(set(ids)) == 3


@pytest.mark.runs_once("tasks that ask note each time that they run")
def test_all_parallel_questions_are_surfaced_and_any_subset_is_answered(flow: Flavour) -> None:
    ran: list[Any] = []

    @flow.task
    def ask(n: int) -> Any:
        answer = interrupt(f"q{n}")
        ran.append(n)
        return answer

    @flow.task
    def work() -> str:
        ran.append("work")
        return "done"

    @flow.entrypoint
    def body(_: int) -> Any:
        return (yield [ask(0), work(), ask(1), ask(2)])

    first = flow.invoke(body, 0)
    assert sorted(asked(first)) == ["q0", "q1", "q2"]
    assert ran == ["work"]
    ids = {question.value: question.id for question in first["__interrupt__"]}
    with pytest.raises(AmbiguousResumeError) as ambiguous:
        flow.invoke(body, Command(resume="for whom?"))
    assert all(key in str(ambiguous.value) for key in ids.values())
    second = flow.invoke(body, Command(resume={ids["q2"]: "c", ids["q0"]: "a"}))
    assert asked(second) == ["q1"]
    assert second["__interrupt__"][0].id == ids["q1"]
    assert flow.invoke(body, Command(resume="b")) == ["a", "done", "b", "c"]
    assert sorted(ran, key=str) == [0, 1, 2, "work"]


def test_the_same_question_has_one_id_until_it_is_answered(flow: Flavour) -> None:
    @flow.entrypoint
    def body(_: int) -> Any:
        return interrupt("same?")

    first = flow.invoke(body, 0)["__interrupt__"][0].id
    assert flow.invoke(body, None)["__interrupt__"][0].id == first
    assert flow.invoke(body, 0)["__interrupt__"][0].id != first, "a new run asks anew"


def test_an_answer_is_bound_to_its_question(flow: Flavour) -> None:
    question = "A"

    @flow.entrypoint
    def body(_: int) -> Any:
        return [question, interrupt(question)]

    flow.invoke(body, 0)
    question = "B"
    assert asked(flow.invoke(body, Command(resume="for A"))) == ["B"]
    assert flow.invoke(body, Command(resume="for B")) == ["B", "for B"]


def test_a_resume_of_nothing_is_refused_and_writes_nothing(flow: Flavour) -> None:
    ran = []

    @flow.entrypoint
    def body(n: int) -> Any:
        ran.append(n)
        return [n, interrupt("?")]

    with pytest.raises(NothingToResumeError, match="no run at all"):
        flow.invoke(body, Command(resume="yes"))
    assert ran == []
    flow.invoke(body, 1)
    flow.invoke(body, Command(resume="yes"))
    before = list(body.get_state_history({"thread_id": "t"}))
    with pytest.raises(NothingToResumeError, match="sent twice"):
        flow.invoke(body, Command(resume="stale"))
    assert list(body.get_state_history({"thread_id": "t"})) == before
    assert asked(flow.invoke(body, 2)) == ["?"], "a stale answer must not approve a later question"


def test_an_unknown_id_is_refused_and_the_question_stays(flow: Flavour) -> None:
    @flow.entrypoint
    def body(_: int) -> Any:
        return interrupt("?")

    flow.invoke(body, 0)
    with pytest.raises(UnknownInterruptError, match="0" * 32):
        flow.invoke(body, Command(resume={"0" * 32: "x"}))
    assert flow.invoke(body, Command(resume="x")) == "x"


def test_except_exception_does_not_eat_a_pause(flow: Flavour) -> None:
    @flow.task
    def ask() -> Any:
        try:
            return interrupt("inner?")
        except Exception:
            return "swallowed"

    @flow.entrypoint
    def body(_: int) -> Any:
        try:
            return (yield ask())
        except Exception:
            return "swallowed"

    assert asked(flow.invoke(body, 0)) == ["inner?"]
    assert flow.invoke(body, Command(resume="answer")) == "answer"


@pytest.mark.runs_once("its body notes each time that it runs")
def test_even_a_pause_that_is_caught_pauses(flow: Flavour) -> None:
    ran = []

    @flow.task
    def ask() -> Any:
        try:
            return interrupt("inner?")
        except GraphInterrupt:
            return "swallowed by the task"

    @flow.task
    def outer() -> Any:
        ran.append("outer")
        try:
            return (yield ask())
        except GraphInterrupt:
            return "swallowed by the caller"

    @flow.entrypoint
    def body(_: int) -> Any:
        try:
            return (yield outer())
        except GraphInterrupt:
            return "swallowed by the body"

    assert asked(flow.invoke(body, 0)) == ["inner?"]
    assert flow.invoke(body, Command(resume="answer")) == "answer"
    assert ran == ["outer", "outer"]


@pytest.mark.parametrize("how", ["return_exceptions", "task_group"])
def test_asyncio_s_own_ways_to_hide_a_pause(how: str) -> None:
    @task
    async def ask(n: int) -> Any:
        return interrupt(n)

    @entrypoint(checkpointer=InMemorySaver())
    async def body(_: int) -> Any:
        if how == "return_exceptions":
            return await asyncio.gather(ask(0), ask(1), return_exceptions=True)
        async with asyncio.TaskGroup() as group:
            both: list[Any] = [group.create_task(ask(n)) for n in (0, 1)]  # type: ignore[arg-type]  # see test_runs
        return [one.result() for one in both]

    config = {"thread_id": "t"}
    paused = body.invoke(0, config)
    while "__interrupt__" in (result := paused if isinstance(paused, dict) else {}):
        paused = body.invoke(Command(resume={q.id: f"a{q.value}" for q in result["__interrupt__"]}), config)
    assert paused == ["a0", "a1"]


@pytest.mark.runs_once("its body notes each time that it runs")
def test_finally_blocks_run_and_the_body_runs_again(flow: Flavour) -> None:
    seen = []

    @flow.entrypoint
    def body(_: int) -> Any:
        seen.append("enter")
        try:
            return interrupt("?")
        finally:
            seen.append("leave")

    flow.invoke(body, 0)
    flow.invoke(body, Command(resume=1))
    assert seen == ["enter", "leave"] * 2


def test_without_a_checkpointer_a_question_is_reported_and_cannot_be_answered(flow: Flavour) -> None:
    @flow.entrypoint(checkpointer=None)
    def body(_: int) -> Any:
        return interrupt("?")

    assert asked(flow.invoke(body, 0, config=None)) == ["?"]
    with pytest.raises(NoCheckpointerError, match="SqliteSaver"):
        flow.invoke(body, Command(resume=1), config=None)


@dataclass
class Verdict:
    good: bool
    stars: int = 3


@pytest.mark.parametrize(
    ("schema", "bad", "good", "value"),
    [
        (bool, "yes", True, True),
        (int, "many", 4, 4),
        (Literal["a", "b"], "c", "b", "b"),
        (Verdict, {"stars": 1}, {"good": True, "stars": 5}, Verdict(good=True, stars=5)),
        ({"type": "string", "minLength": 2}, "x", "xy", "xy"),
        (list[str], ["a", 1], ["a"], ["a"]),
    ],
)
def test_a_bad_answer_is_refused_before_it_is_stored(
    flow: Flavour, schema: Any, bad: Any, good: Any, value: Any
) -> None:
    @flow.entrypoint
    def body(_: int) -> Any:
        answer = interrupt("?", response_schema=schema)
        assert type(answer) is type(value)
        return answer if schema is not Verdict else [answer.good, answer.stars]

    question = flow.invoke(body, 0)["__interrupt__"][0]
    assert isinstance(question.response_schema, dict)
    with pytest.raises(InvalidAnswerError, match=r"question .\?.: .*still open") as refused:
        flow.invoke(body, Command(resume=bad))
    assert refused.value.interrupt_id == question.id
    assert body.get_state({"thread_id": "t"}).interrupts == (question,)
    expected = [value.good, value.stars] if isinstance(value, Verdict) else value
    assert flow.invoke(body, Command(resume=good)) == expected


def test_a_question_that_cannot_be_stored_fails_where_it_is_asked(flow: Flavour) -> None:
    @flow.entrypoint
    def body(_: int) -> Any:
        return interrupt({"client": object()})

    with pytest.raises(UnserializableError, match=r'\["client"\]'):
        flow.invoke(body, 0)
    assert body.last_run({"thread_id": "t"}).status == "failed"


@dataclass
class Room:
    size: Literal["twin", "single"]


@dataclass
class Stay:
    hotel: Literal["none", "simple", "grand"]
    room: Room
    meals: list[Literal["lunch", "dinner"]]
    view: Literal["sea", "garden"] | None = None


def test_choices_keep_the_order_that_their_author_gave_them() -> None:
    @entrypoint(checkpointer=InMemorySaver())
    def body(_: int) -> Any:
        return interrupt("Where?", response_schema=Stay)

    config: Any = {"configurable": {"thread_id": "t"}}
    (asked_for,) = body.invoke(1, config)["__interrupt__"]
    text = str(asked_for.response_schema)
    for choices in (["none", "simple", "grand"], ["twin", "single"], ["lunch", "dinner"], ["sea", "garden"]):
        assert str(choices) in text
    answer = {"hotel": "simple", "room": {"size": "twin"}, "meals": ["dinner"]}
    assert body.invoke(Command(resume=answer), config) == Stay("simple", Room("twin"), ["dinner"])
