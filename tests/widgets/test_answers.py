"""Answers given before anybody asks: by order, by question, by thread, by workflow."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import nbflow
from nbflow import Run
from nbflow_widgets.answers import answers_for, answers_from


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
