"""A run of a graph, forked at a node with another result: what that leads to, beside nodes that route themselves."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel

from nbflow import interrupt
from nbflow.errors import GraphUpdateError, InvalidOptionError, UnknownNodeError
from nbflow.graph import START, StateGraph
from nbflow.types import Command, Send
from tests.behaviour.flavours import Flavour
from tests.behaviour.graphs import built

CONFIG: Any = {"configurable": {"thread_id": "t"}}


def go(_: Any) -> Any:
    return Command(update={"a": ["go"]}, goto=["p", Send("w", {})])


def forked(app: Any, name: str, replace: Any) -> Any:
    """Return the result of the newest run, forked at the call of a name with another result of it."""
    at = next(one.path for one in app.last_run(CONFIG).calls if one.name == name)
    return app.fork(CONFIG, at, replace).result(10)["a"]


@pytest.mark.parametrize(
    ("replace", "expected"),
    [
        ({"a": ["R"]}, ["R", "z", "y"]),
        (None, ["z", "y"]),
        (Command(update={"a": ["R"]}, goto="q"), ["R", "z", "q", "y"]),
        (Command(update={"a": ["R"]}, goto=Send("w", {})), ["R", "z", "y", "w"]),
    ],
    ids=["update", "nothing", "goto", "send"],
)
def test_another_result_of_a_node_that_routes_has_its_own_routes(flow: Flavour, replace: Any, expected: Any) -> None:
    app = flow.compile(built(flow, "start>go start>z z>y p>end q>end w>end", go=flow.node(go)))
    assert flow.invoke(app, {"a": []})["a"] == ["go", "z", "p", "y", "w"]
    assert forked(app, "go", replace) == expected


def test_the_routes_of_a_sibling_are_kept(flow: Flavour) -> None:
    ran: list[str] = []

    def goes(state: Any) -> Any:
        ran.append("go")
        return go(state)

    app = flow.compile(built(flow, "start>go start>z z>y p>end w>end", ran, go=flow.node(goes)))
    flow.invoke(app, {"a": []})
    assert forked(app, "z", {"a": ["R"]}) == ["go", "R", "p", "y", "w"]
    assert ran.count("go") == 1


@pytest.mark.parametrize("depth", [1, 2])
def test_a_node_inside_of_a_child_is_replaced_with_its_routes(flow: Flavour, depth: int) -> None:
    graph = built(flow, "start>go start>z z>y p>end q>end w>end", go=flow.node(go))
    graph.add_conditional_edges("z", lambda state: "q" if "R" in state["a"] else "p")
    for _ in range(depth):
        graph = built(flow, "start>sub sub>post", sub=graph.compile())
    app = flow.compile(graph)
    flow.invoke(app, {"a": []})
    posts = ["post"] * depth
    assert forked(app, "go", Command(update={"a": ["G"]}, goto="q")) == ["G", "z", "p", "q", "y", *posts]
    flow.invoke(app, {"a": []}, thread="other")
    assert forked(app, "z", {"a": ["R"]}) == ["G", "R", "q", "y", *posts]


def test_a_node_of_a_child_that_asks_is_replaced(flow: Flavour) -> None:
    def ask(_: Any) -> Any:
        return {"a": [interrupt("?")]}

    child = built(flow, "start>ask ask>s", ask=flow.node(ask)).compile()
    app = flow.compile(built(flow, "start>sub sub>post", sub=child))
    flow.invoke(app, {"a": []})
    assert forked(app, "ask", {"a": ["R"]}) == ["R", "s", "post"]


def test_a_replacement_that_does_not_fit_is_told(flow: Flavour) -> None:
    class Counted(BaseModel):
        n: int = 0

    inner: StateGraph[Any] = StateGraph(Counted)
    inner.add_node("count", flow.node(lambda state: {"n": state.n + 1}))
    inner.add_edge(START, "count")
    outer: StateGraph[Any] = StateGraph(Counted)
    outer.add_node("sub", inner.compile())
    outer.add_edge(START, "sub")
    app = flow.compile(outer)
    flow.invoke(app, {"n": 1})
    with pytest.raises(GraphUpdateError, match="replacement for node 'count' does not fit the state"):
        forked(app, "count", {"n": "many"})
    with pytest.raises(UnknownNodeError, match="replacement for node 'count' leads to 'nowhere'"):
        forked(app, "count", Command(goto="nowhere"))
    with pytest.raises(GraphUpdateError, match="the key 'm', which the state does not have"):
        forked(app, "sub", {"m": 1})
    assert len(flow.saver.runs("t")) == 1


def test_a_node_of_a_graph_that_a_body_calls_is_not_replaced(flow: Flavour) -> None:
    inner = built(flow, "start>x x>y").compile()

    @flow.entrypoint
    def body(given: str) -> Any:
        return (yield flow.nested(inner, {"a": [given]}))

    def node(state: Any) -> Any:
        return (yield flow.nested(inner, {"a": ["v"]}))

    for app, given in ((body, "v"), (flow.compile(built(flow, "start>node", node=flow.node(node))), {"a": []})):
        flow.invoke(app, given)
        with pytest.raises(InvalidOptionError, match="replace the result of that call, 0"):
            forked(app, "x", {"a": ["R"]})
    flow.invoke(body, "v", thread="t2")
    run = body.fork({"configurable": {"thread_id": "t2"}}, "0.0", {"a": ["R"]})
    assert run.result(10) == {"a": ["R"]}
