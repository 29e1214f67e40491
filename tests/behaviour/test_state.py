"""States and history: what a thread shows of itself."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from nbflow import Command, interrupt
from nbflow.errors import InvalidOptionError, UnknownCheckpointError
from tests.behaviour.flavours import Flavour

HERE = {"configurable": {"thread_id": "t"}}


def test_two_checkpoints_per_run(flow: Flavour) -> None:
    @flow.entrypoint
    def body(n: int, previous: Any) -> Any:
        return [previous, n]

    flow.invoke(body, 1)
    flow.invoke(body, 2)
    states = list(body.get_state_history(HERE))
    assert [state.metadata["source"] for state in states] == ["loop", "input", "loop", "input"]
    assert [state.metadata["step"] for state in states] == [2, 1, 0, -1]
    assert [state.values for state in states] == [[[None, 1], 2], [None, 1], [None, 1], None]
    assert [state.next for state in states] == [(), ("body",), (), ("body",)]
    ids = [state.config["configurable"]["checkpoint_id"] for state in states]
    assert ids == sorted(ids, reverse=True)
    assert [state.parent_config and state.parent_config["configurable"]["checkpoint_id"] for state in states] == [
        *ids[1:],
        None,
    ]
    assert states[1].tasks[0].result == [[None, 1], 2]
    assert all(state.created_at.endswith("+00:00") for state in states)


def test_history_pages(flow: Flavour) -> None:
    @flow.entrypoint
    def body(n: int) -> int:
        return n

    for n in range(3):
        flow.invoke(body, n)
    everything = list(body.get_state_history(HERE))
    assert list(body.get_state_history(HERE, limit=2)) == everything[:2]
    for number, state in enumerate(everything):
        assert list(body.get_state_history(HERE, before=state.config)) == everything[number + 1 :]
        assert body.get_state(state.config) == state

    async def collect() -> list[Any]:
        assert await body.aget_state(HERE) == everything[0]
        return [state async for state in body.aget_state_history(HERE, limit=2)]

    assert asyncio.run(collect()) == everything[:2]


def test_the_state_of_a_paused_run(flow: Flavour) -> None:
    @flow.entrypoint
    def body(n: int) -> Any:
        return interrupt(f"q{n}")

    flow.invoke(body, 1)
    state = body.get_state(HERE)
    assert state.next == ("body",)
    assert state.values is None
    assert [question.value for question in state.interrupts] == ["q1"]
    assert state.tasks[0].interrupts == state.interrupts
    flow.invoke(body, Command(resume="a"))
    after = body.get_state(HERE)
    assert (after.values, after.next, after.interrupts) == ("a", (), ())


def test_an_unknown_thread_has_an_empty_state(flow: Flavour) -> None:
    @flow.entrypoint
    def body(n: int) -> int:
        return n

    state = body.get_state({"configurable": {"thread_id": "nobody"}})
    assert (state.values, state.next, state.metadata, state.tasks) == ({}, (), None, ())
    assert list(body.get_state_history({"thread_id": "nobody"})) == []
    flow.invoke(body, 1)
    with pytest.raises(UnknownCheckpointError, match="'bogus'"):
        body.get_state({"configurable": {"thread_id": "t", "checkpoint_id": "bogus"}})


def test_plain_metadata_is_kept(flow: Flavour) -> None:
    @flow.entrypoint
    def body(n: int) -> int:
        return n

    config = {"configurable": {"thread_id": "t", "user": "ada"}, "metadata": {"tag": 7, "object": object()}}
    flow.invoke(body, 1, config=config)
    assert body.get_state(HERE).metadata == {"source": "loop", "step": 0, "parents": {}, "user": "ada", "tag": 7}


def test_what_a_task_returned_cannot_be_changed_afterwards(flow: Flavour) -> None:
    @flow.task
    def make() -> list[Any]:
        return [1]

    @flow.entrypoint
    def body(given: list[Any]) -> Any:
        given.append("changed")
        made = yield make()
        made.append("changed")
        return [given, made, interrupt("?")]

    flow.invoke(body, ["input"])
    assert flow.invoke(body, Command(resume=1)) == [["input", "changed"], [1, "changed"], 1]


def test_a_run_knows_its_input_and_whether_its_code_is_current(flow: Flavour) -> None:
    @flow.task(name="step", version="1")
    def one(n: int) -> int:
        return n

    @flow.task(name="step", version="2")
    def two(n: int) -> int:
        return n

    def make(step: Any) -> Any:
        @flow.entrypoint(name="flow")
        def body(n: int) -> Any:
            return (yield step(n))

        return body

    flow.invoke(make(one), {"n": [1]})
    last = make(one).last_run(HERE)
    assert last.began_with({"n": [1]})
    assert not last.began_with({"n": [2]})
    assert last.is_current
    assert not make(two).last_run(HERE).is_current
    assert (last.changed, make(two).last_run(HERE).changed) == ((), ("step",))


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [(1, 1, True), (1, 2, False), ({"a": [1]}, {"a": [1]}, True), ("a", "b", False), (None, None, True)],
)
def test_inputs_are_compared_by_content(flow: Flavour, one: Any, other: Any, same: bool) -> None:
    @flow.entrypoint
    def body(given: Any) -> Any:
        return [given]

    flow.invoke(body, [one])
    assert body.last_run(HERE).began_with([other]) is same


def test_the_calls_of_a_run_are_shown(flow: Flavour) -> None:
    @flow.task
    def good(n: int) -> int:
        return n + 1

    @flow.task
    def bad() -> int:
        raise ValueError("boom")

    @flow.task
    def asks() -> Any:
        return interrupt("?")

    @flow.entrypoint
    def body(n: int) -> Any:
        one = yield good(n)
        try:
            yield bad()
        except ValueError:
            pass
        return [one, (yield asks())]

    flow.invoke(body, 1)
    state = body.get_state(HERE)
    calls = [(call.path, call.name, call.state, call.shown, call.result) for call in state.calls]
    assert calls == [
        ("0.0", "good", "done", "1", 2),
        ("0.1", "bad", "failed", "", None),
        ("0.2", "asks", "asking", "", None),
    ]
    assert repr(state.calls[1].error) == "ValueError('boom')"
    assert all(call.started <= (call.ended or 0) for call in state.calls)
    flow.invoke(body, Command(resume="a"))
    assert [call.state for call in body.get_state(HERE).calls] == ["done", "failed", "done"]


def test_the_error_of_a_run_is_gone_once_it_has_succeeded(flow: Flavour) -> None:
    broken = [True]

    @flow.task
    def work() -> int:
        if broken:
            raise ValueError("boom")
        return 1

    @flow.entrypoint
    def body(n: int) -> Any:
        return (yield work())

    with pytest.raises(ValueError, match="boom"):
        flow.invoke(body, 1)
    failed = body.get_state(HERE)
    assert failed.tasks[0].error == "ValueError('boom')"
    assert [call.state for call in failed.calls] == ["failed"]
    broken.clear()
    flow.invoke(body, None)
    after = body.get_state(failed.config)
    assert (after.tasks[0].error, after.tasks[0].result) == (None, 1)
    assert [(call.state, call.error) for call in after.calls] == [("done", None)]


def test_history_is_filtered_by_metadata(flow: Flavour) -> None:
    @flow.entrypoint
    def body(n: int) -> int:
        return n

    for n in range(3):
        flow.invoke(body, n, config={"configurable": {"thread_id": "t", "user": "ab"[n % 2]}})
    everything = list(body.get_state_history(HERE))
    found = list(body.get_state_history(HERE, filter={"source": "loop", "user": "a"}))
    assert found == [state for state in everything if state.values in (0, 2) and not state.next]
    assert list(body.get_state_history(HERE, filter={"source": "loop"}, limit=1)) == everything[:1]
    assert list(body.get_state_history(HERE, filter={"step": 2}, before=everything[2].config)) == []
    assert list(body.get_state_history(HERE, filter={"unknown": None})) == []


def test_nested_runs_have_states_of_their_own(flow: Flavour) -> None:
    @flow.task
    def asks(name: str) -> Any:
        return interrupt(f"{name}?")

    @flow.entrypoint
    def inner(name: str) -> Any:
        answer = yield asks(name)
        return [name, answer]

    @flow.entrypoint
    def child(name: str) -> Any:
        return (yield flow.nested(inner, name))

    @flow.task
    def around() -> Any:
        return (yield flow.nested(child, "deep"))

    @flow.entrypoint
    def body(n: int) -> Any:
        first = yield flow.nested(child, "first")
        return [first, (yield around())]

    flow.invoke(body, 1)
    state = body.get_state(HERE, subgraphs=True)
    assert body.get_state(HERE).tasks[0].state is None
    [unit] = state.tasks[0].state
    assert (unit.name, unit.path, unit.interrupts) == ("child", ("0", "0"), state.interrupts)
    assert (unit.state.values, unit.state.next) == (None, ("child",))
    assert unit.state.tasks[0].state[0].state.next == ("inner",)
    flow.invoke(body, Command(resume=1))
    state = body.get_state(HERE, subgraphs=True)
    done, deep = state.tasks[0].state
    assert (done.result, done.state.values, done.state.next, done.interrupts) == (["first", 1], ["first", 1], (), ())
    assert (deep.path, deep.interrupts) == (("0", "1", "0"), state.interrupts)
    by_path = body.get_state({"configurable": {"thread_id": "t", "checkpoint_ns": "0.1.0"}})
    assert by_path == deep.state
    assert body.get_state(by_path.config) == by_path
    assert [call.path for call in by_path.calls] == ["0.1.0.0", "0.1.0.0.0"]
    for wrong in ("parent:1", "bogus"):
        with pytest.raises(InvalidOptionError, match="checkpoint_ns"):
            body.get_state({"configurable": {"thread_id": "t", "checkpoint_ns": wrong}})


def test_a_pause_shows_the_questions_it_had_and_the_input_those_of_the_first_pause(flow: Flavour) -> None:
    @flow.task
    def ask(name: str) -> Any:
        return interrupt(name)

    @flow.entrypoint
    def body(n: int) -> Any:
        return (yield [ask("one"), ask("two")])

    flow.invoke(body, 1)
    state = body.get_state(HERE)
    flow.invoke(body, Command(resume={state.interrupts[0].id: 1}))
    assert [one.value for one in body.get_state(HERE).interrupts] == ["two"]
    flow.invoke(body, Command(resume=2))
    asked = [[one.value for one in older.interrupts] for older in body.get_state_history(HERE)]
    assert asked == [[], ["two"], ["one", "two"], ["one", "two"]]
    assert body.get_state(state.config) == state


def test_frames_and_arrays_are_compared_by_content(flow: Flavour) -> None:
    import numpy as np
    import pandas as pd

    @flow.entrypoint
    def body(given: Any) -> int:
        return len(given)

    frame = pd.DataFrame({"n": np.arange(3)})
    flow.invoke(body, frame)
    assert body.last_run(HERE).began_with(frame.copy())
    assert not body.last_run(HERE).began_with(frame + 1)
