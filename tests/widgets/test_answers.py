"""Answers given before anybody asks: by order, by question, by thread, by workflow."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import nbflow
import nbflow.errors
from nbflow import Run
from nbflow.types import Reject
from nbflow_widgets.answers import UnansweredError, answers_for, answers_from, check_unanswered, record_answers


@nbflow.entrypoint(checkpointer=nbflow.InMemorySaver())
def flow(_: object) -> object:
    first = nbflow.interrupt({"question": "One?"})
    return first, nbflow.interrupt("Two?")


def paused(thread: str, *answers: object) -> Run:
    config = {"configurable": {"thread_id": thread}}
    flow.invoke(1, config)
    for answer in answers:
        flow.invoke(nbflow.Command(resume=answer), config)
    run = flow.last_run(config)
    assert run is not None
    return run


@pytest.mark.parametrize(
    ("answers", "first", "second"),
    [
        (["a", "b"], ["a"], ["b"]),
        (["a"], ["a"], []),
        ({"One?": None}, [None], []),
        ({"Two?": [1, 2]}, [], [[1, 2]]),
        ({"flow": "same"}, ["same"], ["same"]),
        ({"flow": ["a", "b"]}, ["a"], ["b"]),
        ({"t": ["a"], "flow": "b", "Two?": "c"}, ["a"], ["c"]),
        ("yes", ["yes"], ["yes"]),
        ({"other": 1}, [], []),
        (None, [], []),
    ],
)
def test_a_question_finds_its_answer(answers: object, first: list[object], second: list[object]) -> None:
    assert list(answers_for(paused("t"), answers).values()) == first
    assert list(answers_for(paused("t", "x"), answers).values()) == second


def test_an_id_is_a_key_too() -> None:
    run = paused("u")
    key = run.interrupts[0].id
    assert answers_for(run, {key: 0, "One?": 1}) == {key: 0}


def test_the_environment_holds_json_or_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert answers_from() is None
    monkeypatch.setenv("NBFLOW_ANSWERS", '["a"]')
    assert (answers_from(), answers_from([1])) == (["a"], [1])
    file = tmp_path / "answers.json"
    file.write_text(json.dumps({"One?": True}))
    monkeypatch.setenv("NBFLOW_ANSWERS", str(file))
    assert answers_from() == {"One?": True}
    monkeypatch.setenv("NBFLOW_ANSWERS", "nowhere.json")
    with pytest.raises(ValueError, match="JSON or the path of a JSON file"):
        answers_from()


def test_a_function_answers_what_it_knows() -> None:
    def answer(asked: nbflow.Interrupt) -> object:
        return {"Two?": 2}[str(asked.value)]

    assert answers_for(paused("v"), answer) == {}
    assert list(answers_for(paused("v", 1), answer).values()) == [2]


def test_json_says_a_rejection() -> None:
    assert list(answers_for(paused("w"), {"One?": {"$reject": "no"}}).values()) == [Reject("no")]
    assert list(answers_for(paused("w"), {"One?": {"$reject": "no", "a": 1}}).values()) == [{"$reject": "no", "a": 1}]


def test_a_run_that_nobody_answers_fails_its_cell_if_that_is_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    run = paused("x")
    check_unanswered(run)
    monkeypatch.setenv("NBFLOW_UNANSWERED", "error")
    with pytest.raises(UnansweredError, match=r"flow on thread 'x' waits for 'One\?'.*NBFLOW_ANSWERS"):
        check_unanswered(run)
    monkeypatch.setenv("NBFLOW_UNANSWERED", "eror")
    with pytest.raises(ValueError, match="one of wait, error"):
        check_unanswered(run)


def test_answers_by_hand_are_written_and_given_again(tmp_path: Path) -> None:
    saver = nbflow.InMemorySaver()

    @nbflow.entrypoint(checkpointer=saver)
    def work(times: int) -> list[object]:
        found = [nbflow.interrupt("Again?") for _ in range(times)]
        try:
            return [*found, nbflow.interrupt(f"Last of {times}?")]
        except nbflow.errors.InterruptRejectedError as error:
            return [*found, error.reason]

    given: dict[str, list[object]] = {"a": ["x", {"n": 1}], "b": [1, 2, Reject("no")], "c": ["y"]}
    for thread, answers in given.items():
        config: nbflow.RunnableConfig = {"configurable": {"thread_id": thread}}
        work.invoke(1 if thread != "b" else 2, config)
        for one in answers:
            work.invoke(nbflow.Command(resume=one), config)
    found = record_answers(tmp_path / "answers.json", saver)
    assert found == {"Again?": "x", "Last of 1?": {"n": 1}, "b": [1, 2, {"$reject": "no"}], "c": ["y"]}
    again = json.loads((tmp_path / "answers.json").read_text())
    assert again == found
    for thread, answers in given.items():
        config = {"configurable": {"thread_id": f"{thread}"}}
        work.checkpointer.delete_thread(thread)  # type: ignore[union-attr]  # a saver
        work.invoke(1 if thread != "b" else 2, config)
        for one in answers:
            run = work.last_run(config)
            assert run is not None
            assert list(answers_for(run, again.get(thread, again)).values()) == [one]
            work.invoke(nbflow.Command(resume=one), config)


def test_an_answer_that_is_no_json_is_named_and_nothing_is_written(tmp_path: Path) -> None:
    saver = nbflow.InMemorySaver()

    @nbflow.entrypoint(checkpointer=saver)
    def work(_: int) -> object:
        return nbflow.interrupt("What?")

    config: nbflow.RunnableConfig = {"configurable": {"thread_id": "t"}}
    work.invoke(1, config)
    work.invoke(nbflow.Command(resume=1j), config)
    with pytest.raises(TypeError, match=r"the answer to 'What\?' can't be written"):
        record_answers(tmp_path / "answers.json", saver)
    assert not (tmp_path / "answers.json").exists()
