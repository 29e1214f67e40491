"""The forms that chunks come in: pairs, runs, dicts, printed lines."""

from __future__ import annotations

from typing import Any

import pytest

from nbflow import Command, RunnableConfig, StreamWriter, entrypoint, interrupt
from nbflow.errors import InvalidOptionError
from nbflow.types import GraphOutput
from nbflow.views.stream import StreamView
from tests.behaviour.flavours import Flavour


def family(flow: Flavour) -> Any:
    """Return a workflow that runs another one itself, and once more in a task."""

    @flow.task
    def step(n: int, writer: StreamWriter) -> int:
        writer(n)
        return n + 1

    @flow.entrypoint(checkpointer=None)
    def child(n: int) -> Any:
        return (yield step(n))

    @flow.task
    def helper(n: int) -> Any:
        return (yield flow.nested(child, n))

    @flow.entrypoint
    def parent(n: int) -> Any:
        first = yield helper(n)
        return (yield flow.nested(child, first))

    return parent


OF_HELPER, OF_BODY = ("parent:0", "helper:0.0"), ("parent:0",)


@pytest.mark.parametrize("modes", [["custom", "updates"], ("custom", "updates"), {"custom", "updates"}])
def test_several_modes_come_in_pairs_whatever_holds_them(flow: Flavour, modes: Any) -> None:
    assert flow.stream(family(flow), 1, stream_mode=modes) == [
        ("custom", 1),
        ("updates", {"helper": 2}),
        ("custom", 2),
        ("updates", {"parent": 3}),
    ]


def test_every_level_comes_under_the_name_of_its_run(flow: Flavour) -> None:
    assert flow.stream(family(flow), 1, stream_mode=["custom", "updates", "values"], subgraphs=True) == [
        (OF_HELPER, "custom", 1),
        (OF_HELPER, "updates", {"step": 2}),
        (OF_HELPER, "updates", {"child": 2}),
        (OF_HELPER, "values", 2),
        ((), "updates", {"helper": 2}),
        (OF_BODY, "custom", 2),
        (OF_BODY, "updates", {"step": 3}),
        (OF_BODY, "updates", {"child": 3}),
        (OF_BODY, "values", 3),
        ((), "updates", {"parent": 3}),
        ((), "values", 3),
    ]
    assert flow.stream(family(flow), 1, "u", stream_mode="custom", subgraphs=True) == [(OF_HELPER, 1), (OF_BODY, 2)]


def test_a_nested_body_starts_as_bodies_do(flow: Flavour) -> None:
    chunks = flow.stream(family(flow), 1, stream_mode="tasks", subgraphs=True)
    assert chunks[2:4] == [
        (OF_HELPER, {"id": "0.0.0", "name": "child", "input": 1, "triggers": ("__start__",)}),
        (OF_HELPER, {"id": "0.0.0.0", "name": "step", "input": ((1,), {}), "triggers": ("__pregel_push",)}),
    ]
    ends = [(ns, chunk["id"], chunk["result"]) for ns, chunk in chunks if "result" in chunk]
    assert ends[:3] == [
        (OF_HELPER, "0.0.0.0", {"__return__": 2}),
        (OF_HELPER, "0.0.0", {"__end__": 2}),
        ((), "0.0", {"__return__": 2}),
    ]


def test_a_nested_pause_is_told_once_per_level_innermost_first(flow: Flavour) -> None:
    @flow.entrypoint(checkpointer=None)
    def inner(_: int) -> Any:
        return interrupt("?")

    @flow.entrypoint(checkpointer=None)
    def middle(n: int) -> Any:
        return (yield flow.nested(inner, n))

    @flow.entrypoint(checkpointer=None)
    def done(n: int) -> int:
        return n

    @flow.entrypoint
    def outer(n: int) -> Any:
        yield flow.nested(done, n)
        return (yield flow.nested(middle, n))

    seen = flow.stream(outer, 1, stream_mode=["updates", "values", "tasks"], subgraphs=True)
    pauses = [(ns, mode) for ns, mode, payload in seen if "?" in str(payload)]
    levels = [("outer:0", "1", "middle:0.1"), ("outer:0", "1"), ()]
    assert pauses == [(ns, mode) for ns in levels for mode in ("updates", "values", "tasks")]
    after = flow.stream(outer, Command(resume="yes"), stream_mode="updates", subgraphs=True)
    assert after == [(levels[0], {"inner": "yes"}), (levels[1], {"middle": "yes"}), ((), {"outer": "yes"})]


def test_version_two_makes_every_chunk_a_dict(flow: Flavour) -> None:
    chunks = flow.stream(family(flow), 1, stream_mode=["custom", "values"], version="v2")
    assert chunks == [
        {"type": "custom", "ns": OF_HELPER, "data": 1},
        {"type": "custom", "ns": OF_BODY, "data": 2},
        {"type": "values", "ns": (), "data": 3, "interrupts": ()},
    ]
    assert flow.stream(family(flow), 1, "u", stream_mode="values", version="v2") == chunks[2:]


def asking(flow: Flavour) -> Any:
    @flow.entrypoint
    def ask(n: int) -> Any:
        return {"n": n, "answer": interrupt("?")}

    return ask


def test_version_two_sets_questions_apart_from_values(flow: Flavour) -> None:
    updates, values = flow.stream(asking(flow), 1, stream_mode=["updates", "values"], version="v2")
    (question,) = updates["data"]["__interrupt__"]
    assert "interrupts" not in updates
    assert values == {"type": "values", "ns": (), "data": {}, "interrupts": (question,)}


def test_invoke_of_version_two_returns_an_output(flow: Flavour) -> None:
    ask = asking(flow)
    paused = flow.invoke(ask, 1, version="v2")
    (question,) = paused.interrupts
    assert (paused, question.value) == (GraphOutput({}, (question,)), "?")
    assert "__interrupt__" in paused
    assert paused["__interrupt__"] == [question]
    output = flow.invoke(ask, Command(resume="yes"), version="v2")
    assert output == GraphOutput({"n": 1, "answer": "yes"})
    assert (output["answer"], "n" in output, "__interrupt__" in output) == ("yes", True, False)
    with pytest.raises(KeyError):
        output["__interrupt__"]
    assert flow.invoke(ask, None, version="v2") == output


def test_a_nested_invoke_of_version_two_returns_an_output_too(flow: Flavour) -> None:
    @flow.entrypoint(checkpointer=None)
    def child(n: int) -> int:
        return n

    @entrypoint(checkpointer=flow.saver)
    def sync_parent(n: int) -> Any:
        return child.invoke(n, version="v2").value

    @entrypoint(checkpointer=flow.saver)
    async def async_parent(n: int) -> Any:
        return (await child.ainvoke(n, version="v2")).value

    assert flow.invoke(sync_parent if flow.name == "sync" else async_parent, 5) == 5


def test_print_mode_prints_beside_what_is_streamed(flow: Flavour, capsys: pytest.CaptureFixture[str]) -> None:
    assert flow.stream(family(flow), 1, stream_mode="values", print_mode=["custom", "updates"]) == [3]
    lines = ["[custom] 1", "[updates] {'helper': 2}", "[custom] 2", "[updates] {'parent': 3}"]
    assert capsys.readouterr().out.splitlines() == lines
    assert flow.invoke(family(flow), 1, "u", print_mode="updates") == 3
    assert capsys.readouterr().out.splitlines() == lines[1::2]


def test_debug_prints_updates_and_values(flow: Flavour, capsys: pytest.CaptureFixture[str]) -> None:
    assert flow.stream(family(flow), 1, stream_mode="custom", debug=True) == [1, 2]
    assert capsys.readouterr().out.splitlines() == ["[updates] {'helper': 2}", "[updates] {'parent': 3}", "[values] 3"]


@pytest.mark.runs_once("a nested stream shows nothing of what is replayed")
def test_a_nested_invoke_prints_its_own_chunks(flow: Flavour, capsys: pytest.CaptureFixture[str]) -> None:
    @flow.task
    def step(n: int) -> int:
        return n + 1

    @flow.entrypoint(checkpointer=None)
    def child(n: int) -> Any:
        return (yield step(n))

    @entrypoint(checkpointer=flow.saver)
    def sync_parent(n: int) -> Any:
        return step(child.invoke(n, print_mode="updates")).result()

    @entrypoint(checkpointer=flow.saver)
    async def async_parent(n: int) -> Any:
        return await step(await child.ainvoke(n, print_mode="updates"))

    assert flow.invoke(sync_parent if flow.name == "sync" else async_parent, 1) == 3
    assert capsys.readouterr().out.splitlines() == ["[updates] {'step': 2}", "[updates] {'child': 2}"]


@pytest.mark.parametrize(
    ("option", "value"),
    [("print_mode", "update"), ("print_mode", ["values", "nonsense"]), ("version", "v3"), ("stream_mode", 5)],
)
def test_what_does_not_exist_is_refused_at_the_call(flow: Flavour, option: str, value: Any) -> None:
    ask = asking(flow)
    for method in (ask.stream, ask.astream, ask.invoke):
        with pytest.raises(InvalidOptionError, match=option):
            method(1, {"thread_id": "t"}, **{option: value})
    assert ask.last_run({"thread_id": "t"}) is None


def test_a_stream_that_nobody_reads_begins_nothing(flow: Flavour) -> None:
    ask = asking(flow)
    ask.stream(1, {"thread_id": "t"}).close()
    assert ask.last_run({"thread_id": "t"}) is None


@pytest.mark.runs_once("a nested stream shows nothing of what is replayed")
def test_a_nested_stream_counts_runs_from_itself(flow: Flavour) -> None:
    parent = family(flow)

    @entrypoint(checkpointer=flow.saver)
    def sync_outer(n: int) -> Any:
        return list(parent.stream(n, stream_mode="values", subgraphs=True))

    @entrypoint(checkpointer=flow.saver)
    async def async_outer(n: int) -> Any:
        return [chunk async for chunk in parent.astream(n, stream_mode="values", subgraphs=True)]

    seen = flow.invoke(sync_outer if flow.name == "sync" else async_outer, 1)
    assert seen == [(("parent:0.0", "helper:0.0.0"), 2), (("parent:0.0",), 3), ((), 3)]


@pytest.mark.runs_once("a nested stream shows nothing of what is replayed")
def test_a_nested_stream_shows_values_when_it_is_handed_its_callers_config(flow: Flavour) -> None:
    @flow.entrypoint(checkpointer=None)
    def child(n: int) -> int:
        return n

    @entrypoint(checkpointer=flow.saver)
    def sync_parent(n: int, config: RunnableConfig) -> Any:
        return [*child.stream(n), *child.stream(n, config), *child.stream(n, config, stream_mode="updates")]

    @entrypoint(checkpointer=flow.saver)
    async def async_parent(n: int, config: RunnableConfig) -> Any:
        streams = child.astream(n), child.astream(n, config), child.astream(n, config, stream_mode="updates")
        return [chunk for stream in streams async for chunk in stream]

    parent = sync_parent if flow.name == "sync" else async_parent
    assert flow.invoke(parent, 1) == [{"child": 1}, 1, {"child": 1}]
    run = parent.last_run({"thread_id": "t"})
    assert run is not None
    assert [(row.path, row.name) for row in run.calls[1:]] == [("0.0", "child"), ("0.1", "child"), ("0.2", "child")]


def test_a_stream_that_cannot_begin_gives_its_thread_back(flow: Flavour, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise OSError("the stored result is unreadable")

    ask = asking(flow)
    with monkeypatch.context() as patch:
        patch.setattr(StreamView, "begin", fail)
        with pytest.raises(OSError, match="unreadable"):
            flow.stream(ask, 1)
    assert "__interrupt__" in flow.invoke(ask, 1)
