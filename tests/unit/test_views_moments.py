"""What checkpoints hold, and what changed since the one before."""

from __future__ import annotations

import operator
from typing import Annotated, TypedDict

import pytest

import nbflow
from nbflow import Command, InMemorySaver, interrupt, list_runs, read_run
from nbflow.core.record import CallReturned, Record, RunStarted, Value
from nbflow.graph import END, START, StateGraph
from nbflow.views.moments import Moment, is_large, moments_of, size_of
from tests.unit.stories import essay, story


def held(one: Moment) -> dict[tuple[str, str], str]:
    return {(value.kind, value.name): value.change for value in one.values}


def named(one: Moment) -> tuple[str, str, int] | None:
    return None if one.point is None else (one.point.source, one.point.state, one.point.step)


class Notes(TypedDict):
    text: Annotated[list[str], operator.add]


def notes() -> nbflow.Workflow:
    builder = StateGraph(Notes)
    builder.add_node("draft", lambda _state: {"text": ["d"]})
    builder.add_node("review", lambda _state: {"text": [interrupt("ok?")]})
    builder.add_edge(START, "draft")
    builder.add_edge("draft", "review")
    builder.add_edge("review", END)
    return builder.compile(checkpointer=InMemorySaver())


def test_a_run_that_asked_has_its_input_its_question_and_its_result() -> None:
    result, pause, begun = moments_of(story().kept)
    assert [named(one) for one in (result, pause, begun)] == [
        ("loop", "done", 0),
        ("loop", "asking", -1),
        ("input", "done", -1),
    ]
    assert [one.kind for one in (result, pause, begun)] == ["result", "question", "input"]
    assert held(begun) == {("input", ""): "new"}
    assert held(pause) == {("input", ""): "equal", ("question", "essay"): "new"}
    assert held(result) == {
        ("input", ""): "equal",
        ("answer", ""): "new",
        ("result", ""): "new",
        ("question", "essay"): "gone",
    }
    assert sorted(call.name for call in pause.calls) == ["call", "check", *["fetch"] * 3, *["measure"] * 3, "summarise"]
    assert [len(begun.calls), len(result.calls)] == [0, 0]
    assert [value.kind for value in pause.changes] == ["question"]


def test_the_state_of_a_graph_is_compared_key_by_key_and_from_run_to_run() -> None:
    app = notes()
    config: nbflow.RunnableConfig = {"configurable": {"thread_id": "t"}}
    app.invoke({"text": ["a"]}, config)
    app.invoke(Command(resume="yes"), config)
    app.invoke({"text": ["b"]}, config)
    saver = app.saver("a test")
    newest, oldest = (read_run(saver, "t", run_id) for run_id in list_runs(saver, "t"))
    changes = [held(one).get(("state", "text")) for one in moments_of(oldest)]
    assert changes == ["changed", "changed", "new", None]
    assert [one.kind for one in moments_of(oldest)] == ["result", "question", "step", "input"]
    *_, begun = moments_of(newest, oldest)
    assert held(begun) == {
        ("state", "text"): "equal",
        ("input", ""): "changed",
        ("answer", "review"): "gone",
    }
    changed = next(value for value in begun.values if value.change == "changed")
    assert [value.get() for value in (changed.before, changed.value) if value is not None] == [
        {"text": ["a"]},
        {"text": ["b"]},
    ]


def test_what_has_come_after_the_last_checkpoint_is_told_too() -> None:
    @nbflow.task
    def work(number: int) -> int:
        return number

    @nbflow.entrypoint(checkpointer=InMemorySaver())
    def flow(count: int) -> int:
        return sum(work(number).result() for number in range(count)) // 0

    with pytest.raises(ZeroDivisionError):
        flow.invoke(2, {"configurable": {"thread_id": "t"}})
    since, begun = moments_of(read_run(flow.saver("a test"), "t"))
    assert (since.point, [call.name for call in since.calls]) == (None, ["work", "work"])
    assert held(since) == {("error", ""): "new"}
    assert named(begun) == ("input", "failed", -1)


def test_a_fork_tells_which_calls_it_took_over() -> None:
    flow = essay()
    config: nbflow.RunnableConfig = {"configurable": {"thread_id": "t"}}
    flow.invoke("cats", config)
    run = flow.fork(config, at="0.7", replace="other")
    run.result()
    calls = [call for one in moments_of(tuple(run.log)) for call in one.calls]
    assert {call.change for call in calls if call.name == "fetch"} == {"copied"}


def test_large_values_are_told_apart_without_being_loaded() -> None:
    def loads(_raw: bytes) -> object:
        raise AssertionError("a large value was loaded")

    large = Value(1, b"x" * 1_000_001, loads)
    records: list[Record] = [
        RunStarted(run_id="r", thread_id="t", workflow="flow", value=large),
        CallReturned(path="0.0", name="load", value=large),
    ]
    since, begun = moments_of(records)
    assert [is_large(begun.values[0].value), size_of(since.calls[0].value)] == [True, 1_000_001]


def test_nothing_gives_nothing() -> None:
    assert moments_of([]) == []
