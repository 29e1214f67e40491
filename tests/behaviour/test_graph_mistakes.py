"""Mistakes in how a graph is built, compiled and run: told with the place, a near name, and what to do."""

from __future__ import annotations

from typing import Any, Literal

import pytest

from nbflow import InMemorySaver
from nbflow.errors import (
    EmptyInputError,
    GraphUpdateError,
    InvalidGraphError,
    InvalidOptionError,
    UnknownOptionError,
)
from nbflow.graph import END, START, StateGraph
from nbflow.types import Command
from tests.behaviour.flavours import Flavour
from tests.behaviour.graphs import Notes, built
from tests.behaviour.test_graph_pauses import CONFIG

FLOW = Flavour("sync", InMemorySaver())


def node(state: Any) -> Any:
    return {}


def new() -> StateGraph[Any]:
    graph: StateGraph[Any] = StateGraph(Notes)
    graph.add_node("x", node).add_node("yes", node)
    return graph


@pytest.mark.parametrize(
    ("do", "told"),
    [
        (lambda graph: graph.add_node("x", node), "there is a node 'x' already"),
        (lambda graph: graph.add_node("n"), "node 'n' has nothing to run"),
        (lambda graph: graph.add_node("", node), "the name '' is empty"),
        (lambda graph: graph.add_node(START, node), "'__start__' is reserved"),
        (lambda graph: graph.add_node("a:b", node), "'a:b' is reserved for its ':'"),
        (lambda graph: graph.add_node("n", 3), "a node is a function of the state"),
        (lambda graph: graph.add_node("n", StateGraph(Notes)), "a node is a function of the state"),
        (lambda graph: graph.add_node("n", lambda: 1), "takes no argument"),
        (lambda graph: graph.add_node({"a": node}), "has no name"),
        (lambda graph: graph.add_edge(END, "x"), "END can't be the start"),
        (lambda graph: graph.add_edge("x", START), "START can't be the end"),
        (lambda graph: graph.add_edge(["x", "ys"], "yes"), "needs a node 'ys'"),
        (lambda graph: graph.add_edge([], "x"), "comes from no node"),
        (lambda graph: graph.add_edge(3, "x"), "is no name|not iterable"),
        (lambda graph: graph.add_sequence([]), "was given no nodes"),
        (lambda graph: graph.add_conditional_edges("x", node, "yes"), "it is a dict of answers, or a list"),
        (lambda graph: graph.add_conditional_edges("x", 3), "a node is a function"),
        (lambda graph: graph.add_conditional_edges(END, node), "END can't be the start"),
    ],
)
def test_what_can_not_be_built_is_told_at_once(do: Any, told: str) -> None:
    with pytest.raises((InvalidGraphError, TypeError), match=told):
        do(new())


def test_the_same_branch_twice_is_told() -> None:
    graph = new().add_conditional_edges("x", node)
    with pytest.raises(InvalidGraphError, match="node 'x' has a branch 'node' already"):
        graph.add_conditional_edges("x", node)


@pytest.mark.parametrize(
    ("do", "told"),
    [
        (lambda _: None, "nothing leaves START"),
        (lambda graph: graph.add_edge(START, "ye"), "leads to 'ye', which is no node.*did you mean 'yes'"),
        (lambda graph: graph.add_edge(START, "x").add_edge("xx", "yes"), "starts at 'xx'"),
        (lambda graph: graph.add_conditional_edges(START, node, {1: "ye"}), "at the answer 1, leads to 'ye'"),
        (
            lambda graph: graph.add_edge(START, "x").add_node("n", node, destinations=["nope"]),
            "a Command of node 'n' leads to 'nope'",
        ),
    ],
)
def test_what_can_not_be_compiled_is_told(do: Any, told: str) -> None:
    graph = new()
    do(graph)
    with pytest.raises(InvalidGraphError, match=told):
        graph.compile()


def test_bad_options_are_told() -> None:
    with pytest.raises(UnknownOptionError, match="retries"):
        new().add_node("n", node, retries=3)
    with pytest.raises(UnknownOptionError, match="states"):
        StateGraph(Notes, states=1)
    with pytest.raises(InvalidOptionError, match="RetryPolicy"):
        new().add_node("n", node, retry_policy=3)  # type: ignore[arg-type]  # what is tested
    graph = new().add_edge(START, "x")
    with pytest.raises(InvalidGraphError, match=r"a breakpoint names 'ye'.*did you mean 'yes'"):
        graph.compile(interrupt_before=["ye"])
    with pytest.raises(InvalidGraphError, match="a list of names of nodes"):
        graph.compile(interrupt_before="x")
    with pytest.raises(InvalidOptionError, match="checkpointer"):
        graph.compile(checkpointer="file")  # type: ignore[arg-type]  # what is tested


def test_older_spellings_are_taken_with_a_warning() -> None:
    with pytest.warns(DeprecationWarning, match="input= is called input_schema="):
        assert StateGraph(Notes, input=dict).input_schema is dict
    with pytest.warns(DeprecationWarning, match="config_schema= is called context_schema="):
        assert StateGraph(Notes, config_schema=dict).context_schema is dict
    with pytest.warns(DeprecationWarning, match="retry= is called retry_policy="):
        new().add_node("n", node, retry=None)


def test_a_change_after_compiling_is_told() -> None:
    graph = new().add_edge(START, "x")
    app = graph.compile()
    with pytest.warns(UserWarning, match="what was compiled does not change"):
        graph.add_node("z", node)
    assert list(app.nodes) == [START, "x", "yes"]


@pytest.mark.parametrize(
    ("value", "error", "told"),
    [
        ("text", GraphUpdateError, "the input gave 'text'"),
        ({"aa": []}, GraphUpdateError, "the input wrote the key 'aa'.*did you mean 'a'"),
        (None, EmptyInputError, "thread"),
        (Command(goto="nope"), GraphUpdateError, "the Command leads to 'nope'"),
        (Command(update={"aa": 1}), GraphUpdateError, "wrote the key 'aa'"),
        (Command(update={"a": [1]}, graph="other"), GraphUpdateError, "the graph 'other'"),
    ],
)
def test_a_bad_input_is_told_and_leaves_the_thread_as_it_was(flow: Flavour, value: Any, error: Any, told: str) -> None:
    app = flow.compile(built(flow, "start>x"))
    with pytest.raises(error, match=told):
        flow.invoke(app, value)
    assert list(app.get_state_history(CONFIG)) == []
    flow.invoke(app, {"a": []})
    before = app.get_state(CONFIG)
    if value is not None:
        with pytest.raises(error, match=told):
            flow.invoke(app, value)
    assert app.get_state(CONFIG) == before


def test_unknown_breakpoints_and_keys_of_a_run_are_told(flow: Flavour) -> None:
    app = flow.compile(built(flow, "start>yes"))
    with pytest.raises(InvalidOptionError, match=r"'ye'.*did you mean 'yes'"):
        flow.invoke(app, {"a": []}, interrupt_before=["ye"])
    with pytest.raises(InvalidOptionError, match=r"'aa'.*did you mean 'a'"):
        flow.invoke(app, {"a": []}, output_keys=["aa"])
    with pytest.raises(InvalidOptionError, match="recursion_limit"):
        flow.invoke(app, {"a": []}, config={**CONFIG, "recursion_limit": 0})
    assert flow.invoke(app, {"a": [], "b": "B"}, output_keys="b") == "B"
    assert flow.invoke(app, {"a": [1]}, output_keys=["a"]) == {"a": ["yes", 1, "yes"]}


def test_graph_options_are_not_for_entrypoints(flow: Flavour) -> None:
    @flow.entrypoint
    def body(value: int) -> int:
        return value

    with pytest.raises(InvalidOptionError, match="that is for graphs"):
        flow.invoke(body, 1, interrupt_before=["x"])


def test_a_goto_beside_an_edge_is_told() -> None:
    def goes(state: Any) -> Command[Literal["yes"]]:
        return Command(goto="yes")

    graph = new().add_node("goes", goes).add_edge(START, "goes").add_edge("goes", "x")
    with pytest.warns(
        UserWarning, match="node 'goes' declares that its Commands lead to 'yes', and has an edge to 'x'"
    ):
        graph.compile()
