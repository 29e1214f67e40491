"""The states of a nested run, by its position: of a graph those of its steps, of an entrypoint its result and input."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from nbflow import interrupt
from nbflow.errors import InvalidOptionError, UnknownCheckpointError
from nbflow.types import Command
from tests.behaviour.flavours import Flavour
from tests.behaviour.graphs import built
from tests.behaviour.test_graph_pauses import asking

CONFIG: Any = {"configurable": {"thread_id": "t"}}


def parent(flow: Flavour) -> Any:
    child = built(flow, "start>s1 s1>ask ask>s2", ask=asking(flow)).compile()
    return flow.compile(built(flow, "start>pre pre>sub sub>post", sub=child))


def shown(states: Any) -> list[tuple[Any, ...]]:
    return [(one.metadata["step"], one.values["a"], one.next, len(one.interrupts)) for one in states]


def test_the_steps_of_a_graph_inside_are_its_history(flow: Flavour) -> None:
    app = parent(flow)
    flow.invoke(app, {"a": ["i"]})
    inside = app.get_state(CONFIG).tasks[0].state
    paused = [(1, ["i", "pre", "s1"], ("ask",), 1), (0, ["i", "pre"], ("s1",), 0)]
    assert shown(app.get_state_history(inside)) == paused
    flow.invoke(app, Command(resume="R"))
    assert app.get_state(CONFIG).next == ()
    done = [
        (3, ["i", "pre", "s1", "ask:R", "s2"], (), 0),
        (2, ["i", "pre", "s1", "ask:R"], ("s2",), 0),
        (1, ["i", "pre", "s1"], ("ask",), 0),
        (0, ["i", "pre"], ("s1",), 0),
    ]
    ns = inside["configurable"]["checkpoint_ns"]
    assert shown(app.get_state_history({"configurable": {"thread_id": "t", "checkpoint_ns": ns}})) == done
    assert shown(app.get_state_history(inside)) == paused, "as far as it had come at that pause"
    assert {one.metadata["source"] for one in app.get_state_history(inside)} == {"loop"}


def test_each_step_of_a_graph_inside_can_be_named(flow: Flavour) -> None:
    app = parent(flow)
    flow.invoke(app, {"a": []})
    flow.invoke(app, Command(resume="R"))
    ns = next(one for one in app.get_state_history(CONFIG) if one.next == ("sub",)).tasks[0].id
    inside: Any = {"configurable": {"thread_id": "t", "checkpoint_ns": ns}}
    states = list(app.get_state_history(inside))
    assert [app.get_state(one.config) for one in states] == states
    assert [one.parent_config for one in states] == [*(one.config for one in states[1:]), None]
    assert list(app.get_state_history(states[1].config)) == [states[1]]
    assert list(app.get_state_history(inside, before=states[1].config)) == states[2:]
    assert list(app.get_state_history(inside, limit=2)) == states[:2]
    assert list(app.get_state_history(inside, filter={"step": 1})) == [states[2]]
    assert app.get_state(inside) == states[0]

    async def collected() -> list[Any]:
        return [one async for one in app.aget_state_history(inside)]

    assert asyncio.run(collected()) == states


def test_an_entrypoint_inside_has_a_result_and_an_input(flow: Flavour) -> None:
    @flow.entrypoint(checkpointer=None)
    def inner(given: str) -> Any:
        return [given, interrupt("?")]

    @flow.entrypoint
    def body(given: str) -> Any:
        return (yield flow.nested(inner, given))

    inside: Any = {"configurable": {"thread_id": "t", "checkpoint_ns": "0.0"}}
    flow.invoke(body, "g")
    assert [(one.values, one.next, len(one.interrupts)) for one in body.get_state_history(inside)] == [
        (None, ("inner",), 1)
    ]
    flow.invoke(body, Command(resume="R"))
    states = list(body.get_state_history(inside))
    assert [(one.values, one.next) for one in states] == [(["g", "R"], ()), (None, ("inner",))]
    assert [one.metadata["source"] for one in states] == ["loop", "input"]


def test_what_names_no_nested_run_is_told(flow: Flavour) -> None:
    app = parent(flow)
    assert list(app.get_state_history({"configurable": {"thread_id": "new", "checkpoint_ns": "0.2"}})) == []
    flow.invoke(app, {"a": []})
    with pytest.raises(InvalidOptionError, match="checkpoint_ns"):
        app.get_state_history({"configurable": {"thread_id": "t", "checkpoint_ns": "sub"}})
    with pytest.raises(UnknownCheckpointError, match=r"nested run at 0\.77"):
        app.get_state_history({"configurable": {"thread_id": "t", "checkpoint_ns": "0.77"}})
    ns = app.get_state(CONFIG).tasks[0].id
    wrong: Any = {"configurable": {"thread_id": "t", "checkpoint_ns": ns, "checkpoint_map": {ns: "none"}}}
    with pytest.raises(UnknownCheckpointError, match="none of the nested run at"):
        app.get_state(wrong)
    own: Any = {"configurable": {"thread_id": "t", "checkpoint_ns": "0"}}
    assert list(app.get_state_history(own)) == list(app.get_state_history(CONFIG))
