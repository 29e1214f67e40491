"""What streams show of graphs: states after each step, updates of nodes, tasks, checkpoints, nested graphs."""

from __future__ import annotations

from typing import Any

import pytest

from nbflow.config import get_stream_writer
from nbflow.graph import START, StateGraph
from nbflow.types import Command, Send
from tests.behaviour.flavours import Flavour
from tests.behaviour.graphs import Notes, built
from tests.behaviour.test_graph_pauses import asking


def test_values_are_the_state_after_the_input_and_each_step_that_wrote(flow: Flavour) -> None:
    app = flow.compile(built(flow, "start>x x>silent silent>y", silent=flow.node(lambda _: None)))
    chunks = flow.stream(app, {"a": ["i"]}, stream_mode="values")
    assert chunks == [{"a": ["i"]}, {"a": ["i", "x"]}, {"a": ["i", "x", "y"]}]


def test_updates_are_what_each_node_returned(flow: Flavour) -> None:
    nodes: dict[str, Any] = {
        "none": flow.node(lambda _: None),
        "twice": flow.node(lambda _: Command(update=[("a", [1]), ("a", [2])])),
        "goes": flow.node(lambda _: Command(goto="y")),
    }
    app = flow.compile(built(flow, "start>x x>none none>twice twice>goes y>end", **nodes))
    assert flow.stream(app, {"a": []}) == [
        {"x": {"a": ["x"]}},
        {"none": None},
        {"twice": [{"a": [1]}, {"a": [2]}]},
        {"goes": None},
        {"y": {"a": ["y"]}},
    ]


def test_tasks_say_what_set_them_in_motion_and_how_they_ended(flow: Flavour) -> None:
    graph = built(flow, "start>x x>y x>z y+z>j w>end")
    graph.add_conditional_edges("j", lambda _: Send("w", {"a": ["sent"]}))
    chunks = flow.stream(flow.compile(graph), {"a": []}, stream_mode="tasks")
    starts = {one["name"]: (one["triggers"], one["input"]) for one in chunks if "input" in one}
    assert starts["x"] == (("branch:to:x",), {"a": []})
    assert starts["j"][0] == ("join:y+z:j",)
    assert starts["w"] == (("__pregel_push",), {"a": ["sent"]})
    ends = {one["name"]: one["result"] for one in chunks if "result" in one}
    assert ends == {name: {"a": [name]} for name in "xyzjw"}


def test_a_pause_is_shown_and_a_resumed_run_begins_with_its_state(flow: Flavour) -> None:
    app = flow.compile(built(flow, "start>ask start>ok ask+ok>z", ask=asking(flow)))
    modes = ["values", "updates"]
    first = flow.stream(app, {"a": ["i"]}, stream_mode=modes)
    assert first[0] == ("values", {"a": ["i"]})
    assert ("updates", {"ok": {"a": ["ok"]}}) in first
    (asked,) = first[-2][1]["__interrupt__"]
    assert asked.value == "ask?"
    assert first[-1] == ("values", {"a": ["i"], "__interrupt__": (asked,)})
    again = flow.stream(app, Command(resume="R"), stream_mode=modes)
    assert again[0] == ("values", {"a": ["i"]})
    assert ("updates", {"ok": {"a": ["ok"]}, "__metadata__": {"cached": True}}) in again
    assert again[-1] == ("values", {"a": ["i", "ask:R", "ok", "z"]})


def test_a_breakpoint_is_shown_last(flow: Flavour) -> None:
    app = flow.compile(built(flow, "start>x x>y"), interrupt_before=["y"])
    assert flow.stream(app, {"a": []}) == [{"x": {"a": ["x"]}}, {"__interrupt__": ()}]


def test_checkpoints_come_one_for_the_input_and_one_for_each_step(flow: Flavour) -> None:
    app = flow.compile(built(flow, "start>x x>y"))
    chunks = flow.stream(app, {"a": ["i"]}, stream_mode="checkpoints")
    assert [(one["metadata"]["step"], one["next"], one["values"]) for one in chunks] == [
        (-1, ["__start__"], {}),
        (0, ["x"], {"a": ["i"]}),
        (1, ["y"], {"a": ["i", "x"]}),
        (2, [], {"a": ["i", "x", "y"]}),
    ]
    states = list(app.get_state_history({"configurable": {"thread_id": "t"}}))
    assert [one["config"] for one in reversed(chunks)] == [one.config for one in states]


def test_graphs_inside_are_shown_under_the_name_of_their_node(flow: Flavour) -> None:
    inner = built(flow, "start>deep").compile()
    child = built(flow, "start>s1 s1>inner", inner=inner).compile()
    app = flow.compile(built(flow, "start>sub sub>post", sub=child))
    assert flow.stream(app, {"a": ["i"]}) == [{"sub": [{"a": ["s1"]}, {"a": ["deep"]}]}, {"post": {"a": ["post"]}}]
    chunks = flow.stream(app, {"a": ["i"]}, thread="2", subgraphs=True)
    shown = [(tuple(part.partition(":")[0] for part in ns), chunk) for ns, chunk in chunks]
    assert shown == [
        (("sub",), {"s1": {"a": ["s1"]}}),
        (("sub", "inner"), {"deep": {"a": ["deep"]}}),
        (("sub",), {"inner": {"a": ["deep"]}}),
        ((), {"sub": [{"a": ["s1"]}, {"a": ["deep"]}]}),
        ((), {"post": {"a": ["post"]}}),
    ]
    values = flow.stream(app, {"a": ["i"]}, thread="3", stream_mode="values", subgraphs=True)
    assert [len(ns) for ns, _ in values] == [0, 1, 1, 2, 2, 1, 0, 0]


def test_a_question_in_a_child_is_shown_at_each_level(flow: Flavour) -> None:
    child = built(flow, "start>ask", ask=asking(flow)).compile()
    app = flow.compile(built(flow, "start>sub", sub=child))
    chunks = flow.stream(app, {"a": []}, subgraphs=True)
    assert [(len(ns), "__interrupt__" in chunk) for ns, chunk in chunks] == [(1, True), (0, True)]


def test_tasks_and_writers_in_nodes_are_shown(flow: Flavour) -> None:
    @flow.task
    def work(value: int) -> int:
        return value + 1

    def node(state: Any) -> Any:
        get_stream_writer()("custom")
        value = yield work(5)
        return {"a": [value]}

    app = flow.compile(built(flow, "start>node", node=flow.node(node)))
    assert flow.stream(app, {"a": []}, stream_mode=["updates", "custom"]) == [
        ("custom", "custom"),
        ("updates", {"work": 6}),
        ("updates", {"node": {"a": [6]}}),
    ]


def test_a_failure_is_shown_before_it_is_raised(flow: Flavour) -> None:
    def bad(state: Any) -> Any:
        raise RuntimeError("broken")

    app = flow.compile(built(flow, "start>bad", bad=flow.node(bad)))
    shown: list[Any] = []
    with pytest.raises(RuntimeError):
        shown.extend(app.stream({"a": []}, {"configurable": {"thread_id": "t"}}, stream_mode="tasks"))
    again = app.stream(None, {"configurable": {"thread_id": "t"}}, stream_mode="tasks")
    assert next(again)["name"] == "bad"
    assert isinstance(next(again)["error"], RuntimeError)


def test_a_cached_node_says_so(flow: Flavour) -> None:
    from nbflow.cache.memory import InMemoryCache
    from nbflow.types import CachePolicy

    ran: list[str] = []

    def slow(state: Any) -> Any:
        ran.append("slow")
        return Command(update={"a": ["slow"]}, goto="y")

    graph = built(flow, "y>end")
    graph.add_node("slow", flow.node(slow), cache_policy=CachePolicy())
    graph.add_edge(START, "slow")
    app = flow.compile(graph, cache=InMemoryCache())
    assert flow.stream(app, {"a": []}, thread="1")[0] == {"slow": {"a": ["slow"]}}
    again = flow.stream(app, {"a": []}, thread="2")
    assert again == [{"slow": {"a": ["slow"]}, "__metadata__": {"cached": True}}, {"y": {"a": ["y"]}}]
    assert ran == ["slow"]


def test_messages_that_nodes_return_are_shown_with_where_they_come_from(flow: Flavour) -> None:
    from nbflow.graph import MessagesState

    graph: StateGraph[Any] = StateGraph(MessagesState)
    graph.add_node("speak", flow.node(lambda _: {"messages": [("ai", "hello")]}))
    graph.add_edge(START, "speak")
    app = flow.compile(graph)
    assert flow.invoke(app, {"messages": [("user", "hi")]})["messages"][-1].content == "hello"
    assert issubclass(Notes, dict)
