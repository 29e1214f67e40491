"""Chunks from hand-made records: where results came from, which run a call belongs to."""

from __future__ import annotations

from typing import Any

import pytest
from langchain_core.messages import AIMessage, AIMessageChunk

from nbflow.core.record import CallFailed, CallReturned, CallStarted, Emitted, RunHalted, RunStarted, Value
from nbflow.views.levels import Levels
from nbflow.views.messages import ShownMessages, messages_in
from nbflow.views.stream import Chunk, StreamView

STARTED = RunStarted(run_id="r", thread_id="", workflow="main", value=Value(1))


def view_of(*modes: str, **options: Any) -> StreamView:
    view = StreamView(modes, name="main", **options)
    view.recall([STARTED])
    return view


@pytest.mark.parametrize(
    ("flags", "more"),
    [
        ({}, {}),
        ({"cached": True}, {"__metadata__": {"cached": True}}),
        ({"reused": True}, {"__metadata__": {"reused": True}}),
    ],
)
def test_an_update_says_where_its_result_came_from(flags: Any, more: dict[str, Any]) -> None:
    record = CallReturned(path="0.0", name="step", value=Value(2), **flags)
    assert list(view_of("updates").fold(record)) == [Chunk((), "updates", {"step": 2, **more})]


def test_calls_of_branches_belong_to_the_body_around_them() -> None:
    levels = Levels(name="body")
    for path, name, kind in [("0.b0.1", "helper", "task"), ("0.b0.1.0", "child", "entrypoint"), ("0.1", "one", "task")]:
        levels.fold(CallStarted(path=path, name=name, kind=kind))
    assert levels.ns("0.b0.1.0") == ("body:0", "helper:0.b0.1")
    assert (levels.ns("0"), levels.ns("0.b0.1"), levels.ns("0.1")) == ((), (), ())
    assert [run.name for run in levels.open_runs()] == ["child"]
    levels.fold(CallFailed(path="0.b0.1.0", name="child", kind="entrypoint"))
    assert levels.open_runs() == []


def test_a_nested_view_sees_nothing_of_its_neighbours() -> None:
    view = view_of("custom", "tasks", root="0.1")
    assert list(view.fold(STARTED)) == []
    assert list(view.fold(CallStarted(path="0.10", name="other"))) == []
    assert list(view.fold(Emitted(path="0.1.0", value=Value("seen")))) == [Chunk((), "custom", "seen")]


def test_a_nested_run_that_failed_shows_its_error_on_its_level() -> None:
    view, error = view_of("tasks", subgraphs=True), ValueError("boom")
    list(view.fold(CallStarted(path="0.0", name="child", kind="entrypoint", value=Value((("in",), {})))))
    ((ns, _, payload),) = view.fold(CallFailed(path="0.0", name="child", kind="entrypoint", value=Value(error)))
    assert (ns, payload) == (
        ("main:0",),
        {"id": "0.0", "name": "child", "error": error, "interrupts": [], "result": {}},
    )


def test_a_start_whose_arguments_nobody_kept_is_shown_without_them() -> None:
    record = CallStarted(path="0.0", name="step", replayed=True)
    ((_, _, payload),) = view_of("tasks").fold(record)
    assert payload["input"] == ((), {})  # type: ignore[index]  # a dict


def test_a_stopped_run_shows_nothing_more() -> None:
    assert list(view_of("updates", "values", "tasks").fold(RunHalted(reason="closed"))) == []


def test_messages_are_found_in_what_results_are_made_of() -> None:
    one, two, piece = AIMessage("one"), AIMessage("two"), AIMessageChunk(content="three")
    assert list(messages_in({"messages": [one, (two, "text")], "piece": piece, "n": 1})) == [one, two, piece]
    assert list(messages_in("text")) == []
    loop: list[Any] = [one]
    loop.append(loop)
    assert one in messages_in(loop)


def test_messages_without_an_id_are_known_by_identity() -> None:
    shown = ShownMessages()
    one, same_text = AIMessage("hi"), AIMessage("hi")
    assert shown.unseen([one, one]) == [one]
    assert shown.unseen(same_text) == [same_text]
    shown.note(AIMessageChunk(content="h", id="m"))
    assert shown.unseen(AIMessage("hi", id="m")) == []
