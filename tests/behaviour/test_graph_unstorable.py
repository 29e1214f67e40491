"""What can't be stored is told as its author knows it: by node and key, or by what was sent to which node."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Annotated, Any, TypedDict

import pytest

from nbflow.errors import UnserializableError
from nbflow.graph import START, StateGraph
from nbflow.types import Command, Send
from tests.behaviour.flavours import Flavour
from tests.behaviour.graphs import built

CONFIG: Any = {"configurable": {"thread_id": "t"}}
Lock = threading.Lock


def told(call: Callable[[], object]) -> UnserializableError:
    with pytest.raises(UnserializableError) as raised:
        call()
    assert "register_type" in str(raised.value)
    return raised.value


def named(error: UnserializableError) -> tuple[str, str]:
    """Return what an error says the value is, and where in it."""
    return error.what, error.path


@pytest.mark.parametrize(
    ("returned", "what", "path"),
    [
        ({"b": Lock()}, "key 'b' of the state", ""),
        ({"a": [{"q": Lock()}]}, "key 'a' of the state", '[0]["q"]'),
        (Command(update={"b": Lock()}), "key 'b' of the state", ""),
        (Command(goto=[Send("z", 1), Send("y", {"k": [Lock()]})]), "the argument of the Send to node 'y'", '["k"][0]'),
    ],
    ids=["key", "inside a key", "command", "send"],
)
@pytest.mark.parametrize("is_inside", [False, True], ids=["", "in a child"])
def test_what_a_node_returns(flow: Flavour, returned: Any, what: str, path: str, is_inside: bool) -> None:
    graph = built(flow, "start>x y>end z>end", x=flow.node(lambda _: returned))
    app = flow.compile(built(flow, "start>sub", sub=graph.compile()) if is_inside else graph)
    error = told(lambda: flow.invoke(app, {"a": []}))
    assert named(error) == (what, path)
    assert error.__notes__[0].startswith("node 'x', call 0.1")
    assert "UntrackedValue" in str(error) or "Send" in what


@pytest.mark.parametrize(("source", "edges"), [("x", "start>x y>end"), (START, "y>end")])
def test_what_a_branch_sends(flow: Flavour, source: str, edges: str) -> None:
    graph = built(flow, edges)
    graph.add_conditional_edges(source, flow.node(lambda _: [Send("y", 1), Send("y", {"k": Lock()})]))
    error = told(lambda: flow.invoke(flow.compile(graph), {"a": []}))
    assert named(error) == ("the argument of the Send to node 'y'", '["k"]')
    assert "send what the node finds it by" in str(error)


def test_what_is_given_as_input(flow: Flavour) -> None:
    app = flow.compile(built(flow, "start>x"))
    assert named(told(lambda: flow.invoke(app, {"a": [], "b": Lock()}))) == ("key 'b' of the input", "")
    update = Command(update={"a": [Lock()]})
    assert named(told(lambda: flow.invoke(app, update))) == ("key 'a' of the input", "[0]")
    sent = Command(goto=Send("x", {"k": Lock()}))
    assert named(told(lambda: flow.invoke(app, sent))) == ("the argument of the Send to node 'x'", '["k"]')
    assert not flow.saver.runs("t")


class Made(TypedDict):
    n: Annotated[Any, lambda old, new: Lock()]


def test_what_a_reducer_makes(flow: Flavour) -> None:
    graph: StateGraph[Any] = StateGraph(Made)
    graph.add_node("x", flow.node(lambda _: {"n": 1}))
    graph.add_edge(START, "x")
    error = told(lambda: flow.invoke(flow.compile(graph), {"n": 0}))
    assert named(error) == ("key 'n' of the state after node 'x'", "")


def test_a_state_without_keys(flow: Flavour) -> None:
    app = flow.compile(built(flow, "start>x", schema=list, x=flow.node(lambda _: [1, Lock()])))
    assert named(told(lambda: flow.invoke(app, [1]))) == ("the state", "[1]")


def test_what_an_update_from_outside_holds(flow: Flavour) -> None:
    app = flow.compile(built(flow, "start>x x>y"))
    flow.invoke(app, {"a": []}, interrupt_before=["y"])
    error = told(lambda: app.update_state(CONFIG, {"b": Lock()}, as_node="x"))
    assert named(error) == ("key 'b' of the state after node 'x'", "")
    assert error.__notes__ == ["in update_state() of graph 'graph', as node 'x'"]
    error = told(lambda: app.update_state(CONFIG, Command(goto=Send("y", Lock())), as_node="x"))
    assert named(error) == ("the argument of the Send to node 'y'", "")
    assert flow.invoke(app, None)["a"] == ["x", "y"]
