"""Graphs run step by step: edges, joins, branches, sends, commands, and where they end."""

from __future__ import annotations

import functools
import operator
from typing import Annotated, Any, Literal, TypedDict

import pytest

from nbflow.errors import GraphRecursionError, GraphUpdateError, UnfilledJoinWarning, UnknownNodeError
from nbflow.graph import END, START, StateGraph
from nbflow.types import Command, Send
from tests.behaviour.flavours import Flavour
from tests.behaviour.graphs import Notes, built, note


def run(flow: Flavour, graph: StateGraph[Any], value: Any = None, **options: Any) -> Any:
    return flow.invoke(flow.compile(graph), {"a": []} if value is None else value, **options)


@pytest.mark.parametrize(
    ("edges", "expected"),
    [
        ("start>x", ["x"]),
        ("start>x x>y", ["x", "y"]),
        ("start>zz start>mm start>aa", ["aa", "mm", "zz"]),
        ("start>s s>b1 s>c1 b1>b2 b2>j c1>j", ["s", "b1", "c1", "b2", "j", "j"]),
        ("start>s s>b1 s>c1 b1>b2 b2+c1>j", ["s", "b1", "c1", "b2", "j"]),
        ("start>p start>q p>j q>j", ["p", "q", "j"]),
        ("start>x x>end", ["x"]),
    ],
)
def test_edges_lead_from_step_to_step(flow: Flavour, edges: str, expected: list[str]) -> None:
    assert run(flow, built(flow, edges))["a"] == expected


def test_a_deferred_node_waits_for_all_that_can_still_lead_to_it(flow: Flavour) -> None:
    graph = built(flow, "start>s s>b1 s>c1 b1>b2")
    graph.add_node("j", note(flow, "j"), defer=True)
    graph.add_edge("b2", "j")
    graph.add_edge("c1", "j")
    assert run(flow, graph)["a"] == ["s", "b1", "c1", "b2", "j"]


def test_a_deferred_node_does_not_wait_for_what_can_not_lead_to_it(flow: Flavour) -> None:
    graph = built(flow, "start>s s>b1 s>c1 c1>c2 c2>c3")
    graph.add_node("j", note(flow, "j"), defer=True)
    graph.add_edge("b1", "j")
    assert run(flow, graph)["a"] == ["s", "b1", "c1", "c2", "j", "c3"]


class MyCommandResult(TypedDict):
    a: list[str]


@pytest.mark.parametrize(
    ("annotation", "may_route"),
    [
        (MyCommandResult, False),
        ("MyCommandResult", False),
        ("NotThere.CommandLine", False),
        ("dict[str, Command]", False),
        (dict[str, Any], False),
        (list[MyCommandResult], False),
        (str | None, False),
        (None, False),
        (Command, True),
        ("Command", True),
        ("NotThere | Command", True),
        (Annotated[Command | None, "doc"], True),
        (list[Command | MyCommandResult], True),
        (list, True),
        ("Iterator[Send]", True),
        (Send, True),
        (Any, True),
        (object, True),
    ],
    ids=str,
)
def test_a_deferred_node_waits_for_nodes_that_are_annotated_to_lead_anywhere(
    flow: Flavour, annotation: Any, may_route: bool
) -> None:
    def last(state: Any) -> Any:
        return {"a": ["last"]}

    last.__annotations__ = {"return": annotation, "state": "OnlyForTypeCheckers"}
    graph = built(flow, "start>s s>b s>c c>d d>last", last=flow.node(last))
    graph.add_node("j", note(flow, "j"), defer=True)
    graph.add_edge("b", "j")
    ends = ["last", "j"] if may_route else ["j", "last"]
    assert run(flow, graph)["a"] == ["s", "b", "c", "d", *ends]


def test_one_annotation_that_can_not_be_read_leaves_the_others(flow: Flavour) -> None:
    def route(state: Notes, config: OnlyForTypeCheckers) -> Literal["y"]:  # type: ignore[name-defined]  # noqa: F821
        return "y"

    def leading(state: Private, more: OnlyForTypeCheckers = None) -> Command[Literal["z"]]:  # type: ignore[name-defined]  # noqa: F821
        return Command(update={"a": [sorted(state)]}, goto="z")

    graph = built(flow, "start>x x>end y>end z>end", leading=None)
    graph.add_conditional_edges("x", route)
    graph.add_node("leading", leading)
    assert graph.branches["x"]["route"].ends == {"y": "y"}
    assert list(graph.nodes["leading"].ends) == ["z"]
    assert graph.nodes["leading"].input_schema is Private


class Private(TypedDict):
    b: str


def test_the_next_input_is_merged_into_the_state_of_the_thread(flow: Flavour) -> None:
    app = flow.compile(built(flow, "start>x"))
    flow.invoke(app, {"a": ["i"], "b": "kept"})
    assert flow.invoke(app, {"a": ["j"]}) == {"a": ["i", "x", "j", "x"], "b": "kept"}


def test_a_branch_decides_where_the_graph_goes(flow: Flavour) -> None:
    def route(state: Notes) -> Literal["x", "__end__"]:
        return "x" if len(state["a"]) < 3 else "__end__"

    graph = built(flow, "start>x")
    graph.add_conditional_edges("x", flow.node(route))
    assert run(flow, graph)["a"] == ["x", "x", "x"]


def test_a_branch_sees_what_its_node_wrote_and_not_what_others_write(flow: Flavour) -> None:
    seen: list[Any] = []

    def route(state: Any) -> str:
        seen.append(list(state["a"]))
        return END

    graph = built(flow, "start>x start>y")
    graph.add_conditional_edges("x", flow.node(route))
    run(flow, graph, {"a": ["i"]})
    assert seen == [["i", "x"]]


def test_branches_at_start_and_maps_of_answers(flow: Flavour) -> None:
    graph = built(flow, "x>y")
    graph.add_conditional_edges(START, flow.node(lambda state: state["b"] == "yes"), {True: "x", False: "y"})
    assert run(flow, graph, {"a": [], "b": "yes"}, thread="1")["a"] == ["x", "y"]
    assert run(flow, graph, {"a": [], "b": "no"}, thread="2")["a"] == ["y"]


def test_two_lambdas_may_be_branches_of_one_node(flow: Flavour) -> None:
    graph = built(flow, "start>x y>end z>end")
    graph.add_conditional_edges("x", lambda _: "y")
    graph.add_conditional_edges("x", lambda _: "z")
    assert run(flow, graph)["a"] == ["x", "y", "z"]


def test_each_send_runs_its_node_once_more_in_the_order_of_sending(flow: Flavour) -> None:
    def work(given: Any) -> Any:
        return {"a": [given["n"]]}

    graph = built(flow, "b>end", w=None)
    graph.add_node("w", flow.node(work))
    graph.add_conditional_edges(START, lambda _: [Send("w", {"n": 3}), "b", Send("w", {"n": 1}), Send("w", {"n": 2})])
    assert run(flow, graph)["a"] == ["b", 3, 1, 2]


def test_sends_may_send_again(flow: Flavour) -> None:
    def count(number: Any) -> Any:
        more = [Send("count", number - 1)] if number else []
        return Command(update={"a": [number]}, goto=more)

    graph: StateGraph[Any] = StateGraph(Notes)
    graph.add_node("count", flow.node(count))
    graph.add_conditional_edges(START, lambda _: [Send("count", 2), Send("count", 1)])
    assert run(flow, graph)["a"] == [2, 1, 1, 0, 0]


def test_a_command_writes_and_leads_on_beside_the_edges(flow: Flavour) -> None:
    graph = built(flow, "start>x x>y z>end", x=flow.node(lambda _: Command(update={"a": ["x"]}, goto="z")))
    assert run(flow, graph)["a"] == ["x", "y", "z"]


def test_several_commands_and_updates_count_from_left_to_right(flow: Flavour) -> None:
    returned = [Command(update={"a": [1]}), {"a": [2]}, None, Command(update=[("a", [3]), ("a", [4])], goto=["y"])]
    graph = built(flow, "start>x y>end", x=flow.node(lambda _: returned))
    assert run(flow, graph)["a"] == [1, 2, 3, 4, "y"]


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ("nope", "leads to 'nope', which is no node"),
        (None, "leads to None"),
        (START, "leads to '__start__'"),
        (Send("nope", 1), "leads to 'nope'"),
        (Send(END, 1), "leads to '__end__'"),
        (["y", "yy"], "did you mean 'y'"),
    ],
)
def test_a_route_to_no_node_is_told(flow: Flavour, answer: Any, told: str) -> None:
    graph = built(flow, "start>x y>end")
    graph.add_conditional_edges("x", flow.node(lambda _: answer))
    app = flow.compile(graph)
    with pytest.raises(UnknownNodeError, match=told) as error:
        flow.invoke(app, {"a": []})
    assert "branch 'condition' of node 'x'" in str(error.value)
    state = app.get_state({"configurable": {"thread_id": "t"}})
    assert state.next == ("x",)
    assert state.tasks[0].error is not None


def test_an_answer_that_the_map_does_not_have_is_told(flow: Flavour) -> None:
    graph = built(flow, "start>x y>end")
    graph.add_conditional_edges("x", flow.node(lambda _: "yes"), {"yess": "y"})
    with pytest.raises(GraphUpdateError, match=r"answered 'yes', and its answers are 'yess'.*did you mean"):
        run(flow, graph)


def test_a_command_to_no_node_is_told(flow: Flavour) -> None:
    graph = built(flow, "start>x yes>end", x=flow.node(lambda _: Command(goto="yess")))
    with pytest.raises(UnknownNodeError, match=r"node 'x' leads to 'yess'.*did you mean 'yes'"):
        run(flow, graph)


@pytest.mark.parametrize("returned", [[], [{"a": [1]}], "text", 3])
def test_a_result_that_is_no_update_fails_its_node(flow: Flavour, returned: Any) -> None:
    with pytest.raises(GraphUpdateError, match="node 'x'"):
        run(flow, built(flow, "start>x", x=flow.node(lambda _: returned)))


def test_an_unknown_key_is_told_with_a_near_one(flow: Flavour) -> None:
    class State(TypedDict):
        answer: str

    graph = built(flow, "start>x", schema=State, x=flow.node(lambda _: {"anwser": "1"}))
    with pytest.raises(GraphUpdateError, match=r"node 'x' wrote the key 'anwser'.*did you mean 'answer'"):
        flow.invoke(flow.compile(graph), {"answer": ""})


def test_two_writes_of_a_plain_key_in_one_step_name_both_nodes_and_can_be_mended(flow: Flavour) -> None:
    wrong = [True]
    values: dict[str, Any] = {"x": lambda _: {"b": "x"}, "y": lambda _: {"b": "y"} if wrong[0] else {}}
    nodes: dict[str, Any] = {name: flow.node(fn) for name, fn in values.items()}
    app = flow.compile(built(flow, "start>x start>y", **nodes))
    with pytest.raises(GraphUpdateError, match="key 'b' was written by node 'x' and node 'y' in one step"):
        flow.invoke(app, {"a": []})
    state = app.get_state({"configurable": {"thread_id": "t"}})
    assert state.next == ("x", "y")
    assert all("written by" in str(task.error) for task in state.tasks)
    wrong[0] = False
    assert flow.invoke(app, None) == {"a": [], "b": "x"}
    assert flow.invoke(app, {"a": [1]}) == {"a": [1], "b": "x"}


def test_a_reducer_that_raises_is_told_with_key_and_node_and_a_new_input_goes_on(flow: Flavour) -> None:
    def add(old: list[int], new: list[int]) -> list[int]:
        if 13 in new:
            raise ValueError("unlucky")
        return old + new

    class State(TypedDict):
        n: Annotated[list[int], add]
        bad: bool

    graph = built(flow, "start>x", schema=State, x=flow.node(lambda state: {"n": [13 if state["bad"] else 1]}))
    app = flow.compile(graph)
    with pytest.raises(ValueError, match="unlucky") as error:
        flow.invoke(app, {"n": [], "bad": True})
    assert any("reducer 'add' of the key 'n'" in one and "node 'x'" in one for one in error.value.__notes__)
    assert flow.invoke(app, {"n": [2], "bad": False}) == {"n": [2, 1], "bad": False}


@pytest.mark.runs_once("a run that goes on has all its steps to go again")
def test_a_run_may_take_as_many_steps_as_its_limit_and_goes_on_after_more(flow: Flavour) -> None:
    graph = built(flow, "start>ping ping>pong")
    graph.add_conditional_edges("pong", lambda state: END if len(state["a"]) >= 6 else "ping")
    app = flow.compile(graph)
    config = {"configurable": {"thread_id": "t"}, "recursion_limit": 4}
    with pytest.raises(GraphRecursionError, match=r"took 4 steps.*ping -> pong -> ping -> pong"):
        flow.invoke(app, {"a": []}, config=config)
    assert app.get_state(config).next == ("ping",)
    assert flow.invoke(app, None, config={**config, "recursion_limit": 2})["a"] == ["ping", "pong"] * 3


def test_a_graph_that_ends_at_its_limit_is_done(flow: Flavour) -> None:
    assert run(flow, built(flow, "start>x"), config={"configurable": {"thread_id": "t"}, "recursion_limit": 1})[
        "a"
    ] == ["x"]


def test_a_failed_node_runs_again_and_its_siblings_do_not(flow: Flavour) -> None:
    ran: list[str] = []
    broken = [True]

    def bad(state: Any) -> Any:
        ran.append("bad")
        if broken[0]:
            raise RuntimeError("broken")
        return {"a": ["bad"]}

    app = flow.compile(built(flow, "start>bad start>ok bad+ok>end2", ran, bad=flow.node(bad)))
    with pytest.raises(RuntimeError, match="broken"):
        flow.invoke(app, {"a": []})
    state = app.get_state({"configurable": {"thread_id": "t"}})
    assert state.next == ("bad",)
    assert [(task.name, task.result, task.error) for task in state.tasks] == [
        ("bad", None, "RuntimeError('broken')"),
        ("ok", {"a": ["ok"]}, None),
    ]
    broken[0] = False
    assert flow.invoke(app, None)["a"] == ["bad", "ok", "end2"]
    assert sorted(ran[:2]) == ["bad", "ok"]
    assert ran[2:] == ["bad", "end2"]


def test_a_new_input_abandons_an_unfinished_step(flow: Flavour) -> None:
    broken = [True]

    def bad(state: Any) -> Any:
        if broken[0]:
            raise RuntimeError("broken")
        return {"a": ["bad"]}

    app = flow.compile(built(flow, "start>bad start>ok", bad=flow.node(bad)))
    with pytest.raises(RuntimeError):
        flow.invoke(app, {"a": ["i"]})
    broken[0] = False
    assert flow.invoke(app, {"a": ["j"]})["a"] == ["i", "j", "bad", "ok"]


def test_joins_begin_anew_with_an_input(flow: Flavour) -> None:
    graph = built(flow, "p+q>j")
    graph.add_conditional_edges(START, lambda state: state["b"])
    app = flow.compile(graph)
    with pytest.warns(UserWarning, match="node 'j' has waited for 'q' beside 'p'"):
        flow.invoke(app, {"b": "p"})
    with pytest.warns(UserWarning, match="node 'j' has waited for 'p' beside 'q'"):
        assert flow.invoke(app, {"b": "q"})["a"] == ["p", "q"]


def test_an_error_handler_stands_in_and_the_graph_goes_on_along_the_edges(flow: Flavour) -> None:
    from nbflow.errors import NodeError

    def bad(state: Any) -> Any:
        raise RuntimeError("broken")

    def handler(state: Any, error: NodeError) -> Any:
        return {"a": [f"{error.node}: {error.error}"]}

    graph = built(flow, "start>ok next>end")
    graph.add_node("bad", flow.node(bad), error_handler=flow.node(handler))
    graph.add_edge(START, "bad")
    graph.add_edge("bad", "next")
    assert run(flow, graph)["a"] == ["bad: broken", "ok", "next"]


def test_nodes_that_yield_write_each_part(flow: Flavour) -> None:
    def parts(state: Any) -> Any:
        yield {"a": [1]}
        yield {"a": [2]}

    graph = built(flow, "start>y")
    graph.add_node("parts", parts)
    graph.add_edge(START, "parts")
    assert run(flow, graph)["a"] == [1, 2, "y"]


def test_what_a_node_that_yields_returns_is_its_last_part(flow: Flavour) -> None:
    def parts(state: Any) -> Any:
        yield {"a": [1]}
        return {"a": [2]}

    def nothing(state: Any) -> Any:
        yield Command(update={"a": [3]}, goto="last")
        return

    made = functools.partial(lambda make, state: make(state), parts)  # no generator function, but it gives a generator
    graph = built(flow, "start>parts parts>made made>nothing last>end", parts=parts, made=made, nothing=nothing)
    assert run(flow, graph)["a"] == [1, 2, 1, 2, 3, "last"]


def test_joins_of_nodes_with_a_plus_in_their_names_are_told_apart(flow: Flavour) -> None:
    graph: StateGraph[Any] = StateGraph(Notes)
    for name in ("a", "b+c", "a+b", "c", "d", "e"):
        graph.add_node(name, note(flow, name))
    for one, other in ((START, "a"), ("a", "c"), ("c", "b+c"), ("d", "e")):
        graph.add_edge(one, other)
    graph.add_edge(["a", "b+c"], "d")
    graph.add_edge(["a+b", "c"], "d")
    with pytest.warns(UnfilledJoinWarning, match=r"'d' has waited for 'a\+b' beside 'c'"):
        assert run(flow, graph)["a"] == ["a", "c", "b+c", "d", "e"]


def test_what_a_node_changes_in_place_changes_nothing_else(flow: Flavour) -> None:
    def spoil(state: Any) -> Any:
        state["a"].append("spoilt")
        return {}

    graph = built(flow, "start>one start>two one+two>three", one=flow.node(spoil))
    assert run(flow, graph, {"a": ["i"]})["a"] == ["i", "two", "three"]


def test_sums(flow: Flavour) -> None:
    class State(TypedDict):
        total: Annotated[int, operator.add]

    graph = built(
        flow, "start>x x>y", schema=State, x=flow.node(lambda _: {"total": 2}), y=flow.node(lambda _: {"total": 3})
    )
    assert flow.invoke(flow.compile(graph), {}) == {"total": 5}


def test_a_graph_of_sync_and_async_nodes_runs_in_both_flavours(flow: Flavour) -> None:
    async def later(state: Any) -> Any:
        return {"a": ["later"]}

    async def route(state: Any) -> str:
        return "y"

    graph = built(flow, "start>x start>later y>end", later=later)
    graph.add_conditional_edges("x", route)
    assert run(flow, graph)["a"] == ["later", "x", "y"]
    assert flow.compile(graph).invoke({"a": []}, {"configurable": {"thread_id": "sync"}})["a"] == ["later", "x", "y"]
