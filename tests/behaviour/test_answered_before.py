"""A run that takes results over tells, where it asks what a person has answered before, what that answer was."""

from __future__ import annotations

from contextlib import closing
from typing import Any

import pytest

import nbflow
from nbflow import Command, interrupt
from nbflow.types import NO_ANSWER, Reject
from tests.behaviour.flavours import Flavour

CONFIG: Any = {"configurable": {"thread_id": "t"}}


def earlier(result: Any) -> list[object]:
    """Return what the questions of a paused run were answered with before."""
    return [asked.earlier for asked in result["__interrupt__"]]


@pytest.mark.parametrize("answer", ["plain", None, False, [1, {"a": 2.5}], Reject("too dear"), Reject()])
def test_a_question_tells_its_earlier_answer_and_is_not_answered_by_it(flow: Flavour, answer: object) -> None:
    @flow.entrypoint
    def body(_: int) -> Any:
        try:
            return interrupt("Good?")
        except nbflow.errors.InterruptRejectedError as error:
            return error.reason

    first = flow.invoke(body, 0)
    assert earlier(first) == [NO_ANSWER], "nothing was answered before"
    flow.invoke(body, Command(resume=answer))

    again = flow.invoke(body, 0, reuse=True)

    assert earlier(again) == [answer]
    assert [one.earlier for one in body.get_state(CONFIG).interrupts] == [answer]
    assert [one.earlier for one in body.last_run(CONFIG).interrupts] == [answer]
    assert "earlier=" in repr(again["__interrupt__"][0])
    assert flow.invoke(body, Command(resume="new")) == "new"
    assert earlier(flow.invoke(body, 0, reuse=True)) == ["new"]


def test_without_reuse_nothing_is_told(flow: Flavour) -> None:
    @flow.entrypoint
    def body(_: int) -> Any:
        return interrupt("Good?")

    flow.invoke(body, 0)
    flow.invoke(body, Command(resume="yes"))
    assert earlier(flow.invoke(body, 0)) == [NO_ANSWER]


@pytest.mark.parametrize(
    ("text", "schema", "item", "is_same"),
    [
        ("Good?", str, 1, True),
        ("Really good?", str, 1, False),
        ({"question": "Good?"}, str, 1, False),
        ("Good?", None, 1, False),
        ("Good?", int, 1, False),
        ("Good?", str, 2, False),
    ],
)
def test_it_is_the_same_question_by_its_text_its_schema_and_the_call_that_asks(
    flow: Flavour, text: object, schema: Any, item: int, is_same: bool
) -> None:
    asks: list[Any] = ["Good?", str]

    @flow.task
    def review(_: int) -> Any:
        return interrupt(asks[0], response_schema=asks[1])

    @flow.entrypoint
    def body(given: int) -> Any:
        return (yield review(given))

    flow.invoke(body, 1)
    flow.invoke(body, Command(resume="yes"))
    asks[:] = text, schema
    assert earlier(flow.invoke(body, item, reuse=True)) == ["yes" if is_same else NO_ANSWER]


def test_arguments_that_are_too_long_to_be_shown_are_told_apart(flow: Flavour) -> None:
    @flow.task
    def review(_: str) -> Any:
        return interrupt("Good?")

    @flow.entrypoint
    def body(given: str) -> Any:
        return (yield review(given))

    flow.invoke(body, "x" * 5_000 + "a")
    flow.invoke(body, Command(resume="yes"))
    assert earlier(flow.invoke(body, "x" * 5_000 + "b", reuse=True)) == [NO_ANSWER]


def test_each_question_has_its_own(flow: Flavour) -> None:
    @flow.task
    def review(item: int) -> Any:
        return [item, interrupt("Good?"), interrupt("Good?")]

    @flow.entrypoint
    def body(items: list[int]) -> Any:
        return (yield [review(item) for item in items])

    result: Any = flow.invoke(body, [1, 2, 3])
    for letters in ("abc", "def"):
        answers = {one.id: letter for one, letter in zip(result["__interrupt__"], letters, strict=True)}
        result = flow.invoke(body, Command(resume=answers))
    assert result == [[1, "a", "d"], [2, "b", "e"], [3, "c", "f"]]

    result = flow.invoke(body, [3, 4, 1], reuse=True)
    assert earlier(result) == ["c", NO_ANSWER, "a"]
    result = flow.invoke(body, Command(resume=dict.fromkeys([one.id for one in result["__interrupt__"]], "new")))
    assert earlier(result) == ["f", NO_ANSWER, "d"], "also after the run went on, in another process perhaps"


def test_a_question_in_another_place_finds_its_answer_too(flow: Flavour) -> None:
    moved = False

    @flow.task
    def step() -> None: ...

    @flow.task
    def review() -> Any:
        return interrupt("Good?")

    @flow.entrypoint
    def body(_: int) -> Any:
        if moved:
            yield step()
        return (yield review())

    flow.invoke(body, 0)
    flow.invoke(body, Command(resume="yes"))
    moved = True
    assert earlier(flow.invoke(body, 0, reuse=True)) == ["yes"]


def test_what_was_not_confirmed_is_told_by_the_next_run_too(flow: Flavour) -> None:
    @flow.entrypoint
    def body(_: int) -> Any:
        return interrupt("Good?")

    flow.invoke(body, 0)
    flow.invoke(body, Command(resume="yes"))
    flow.invoke(body, 0, reuse=True)
    assert earlier(flow.invoke(body, 0, reuse=True)) == ["yes"]


def test_what_nobody_answered_in_time_is_no_answer(flow: Flavour, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1_000_000.0
    monkeypatch.setattr("nbflow._support.clock.now", lambda: now)

    @flow.entrypoint
    def body(_: int) -> Any:
        return interrupt("Good?", timeout=60, default="nobody")

    flow.invoke(body, 0)
    now += 61
    assert flow.invoke(body, None) == "nobody"
    assert earlier(flow.invoke(body, 0, reuse=True)) == [NO_ANSWER]


def test_an_answer_that_did_not_fit_is_told_with_the_question_opened_again(flow: Flavour) -> None:
    @flow.entrypoint
    def body(_: int) -> Any:
        return interrupt("How many?", response_schema=int)

    flow.invoke(body, 0)
    flow.invoke(body, Command(resume=3))
    asked = flow.invoke(body, 0, reuse=True)
    with pytest.raises(nbflow.errors.InvalidAnswerError):
        flow.invoke(body, Command(resume="many"))
    assert earlier(asked) == [3]
    assert [one.earlier for one in body.get_state(CONFIG).interrupts] == [3]


def test_the_plan_tells_it(flow: Flavour) -> None:
    @flow.entrypoint
    def body(_: int) -> Any:
        return interrupt("Good?")

    flow.invoke(body, 0)
    flow.invoke(body, Command(resume="yes"))
    assert "Good? (answered before: yes)" in str(body.plan(0, CONFIG, reuse=True))
    assert "answered before" not in str(body.plan(0, CONFIG))


def test_an_answer_travels_with_the_run_and_its_secrets_are_masked(flow: Flavour, tmp_path: Any) -> None:
    @flow.entrypoint
    def body(_: int) -> Any:
        return interrupt("Key?")

    flow.invoke(body, 0)
    flow.invoke(body, Command(resume={"api_key": "hush-hush"}))
    flow.invoke(body, 0, reuse=True)
    nbflow.export_run(flow.saver, "t", tmp_path / "run", redact=["api_key"])
    with closing(nbflow.SqliteSaver(str(tmp_path / "new.db"))) as there:
        nbflow.import_run(there, tmp_path / "run")
        (asked,) = nbflow.read_run(there, "t")[-2:-1]
        assert "hush" not in repr(asked)
        assert getattr(asked, "answered_before", None) not in (None, NO_ANSWER)
