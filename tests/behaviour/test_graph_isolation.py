"""What one thread, run, child or reducer of a graph does stays where it belongs."""

from __future__ import annotations

from typing import Annotated, Any, TypedDict

import pytest
from pydantic import BaseModel, ValidationError, model_validator

from nbflow import interrupt
from nbflow.errors import InvalidOptionError, InvalidUpdateError, NothingToResumeError
from nbflow.graph import END, START, StateGraph
from nbflow.types import Command, Overwrite
from tests.behaviour.flavours import Flavour
from tests.behaviour.graphs import Notes, built
from tests.behaviour.test_graph_pauses import CONFIG, asking


def in_place(left: list[Any], right: list[Any]) -> list[Any]:
    left.extend(right)
    return left


class Gathered(TypedDict):
    a: Annotated[list[Any], in_place]


def test_a_reducer_that_changes_its_argument_changes_no_other_thread(flow: Flavour) -> None:
    app = flow.compile(built(flow, "start>x x>y", schema=Gathered))
    assert [flow.invoke(app, {"a": ["i"]}, thread) for thread in "tu"] == [{"a": ["i", "x", "y"]}] * 2
    assert [one.values.get("a") for one in app.get_state_history(CONFIG)] == [["i", "x", "y"], ["i", "x"], ["i"], None]


def test_a_branch_sees_what_such_a_reducer_made_once(flow: Flavour) -> None:
    seen: list[Any] = []
    graph = built(flow, "start>x", schema=Gathered)

    def route(state: Any) -> str:
        seen.append([*state["a"]])
        return END

    graph.add_conditional_edges("x", flow.node(route))
    assert flow.invoke(flow.compile(graph), {"a": ["i"]}) == {"a": ["i", "x"]}
    assert seen == [["i", "x"]]


@pytest.mark.parametrize("command", [Command(goto="z"), Command(update={"a": ["C"]}, goto="z")])
def test_a_command_at_a_breakpoint_leads_on(flow: Flavour, command: Any) -> None:
    app = flow.compile(built(flow, "start>x x>y z>end"), interrupt_before=["y"])
    flow.invoke(app, {"a": []})
    ended = flow.invoke(app, command)["a"]
    assert "z" in ended
    assert ended.count("C") == (1 if command.update else 0)


def test_a_breakpoint_without_a_checkpointer_returns_the_state(flow: Flavour) -> None:
    app = flow.compile(built(flow, "start>x x>y"), checkpointer=None, interrupt_before=["y"])
    assert flow.invoke(app, {"a": ["i"]}) == {"a": ["i", "x"]}


def test_an_overwrite_in_a_child_stands_in_its_parent(flow: Flavour) -> None:
    child = built(flow, "start>s", s=flow.node(lambda _: {"a": Overwrite(["only"])})).compile()
    assert flow.invoke(flow.compile(built(flow, "start>sub", sub=child)), {"a": ["i"]}) == {"a": ["only"]}


def test_a_child_that_asks_passes_a_plain_key_through(flow: Flavour) -> None:
    child = built(flow, "start>ask", ask=asking(flow)).compile()
    app = flow.compile(built(flow, "start>sub start>x", sub=child, x=flow.node(lambda _: {"b": "x"})))
    flow.invoke(app, {"a": [], "b": "given"})
    assert flow.invoke(app, Command(resume="R")) == {"a": ["ask:R"], "b": "x"}


def test_a_child_that_keeps_its_state_goes_on_with_it_within_a_run_and_over_runs(flow: Flavour) -> None:
    class Count(TypedDict):
        n: int
        seen: int

    class Outer(TypedDict):
        seen: int
        rounds: int

    child: StateGraph[Any] = StateGraph(Count)
    child.add_node("more", flow.node(lambda state: {"n": state.get("n", 0) + 1, "seen": state.get("n", 0) + 1}))
    child.add_edge(START, "more")
    graph: StateGraph[Any] = StateGraph(Outer)
    graph.add_node("sub", child.compile(checkpointer=True))
    graph.add_node("count", flow.node(lambda state: {"rounds": state["rounds"] + 1}))
    graph.add_edge(START, "sub")
    graph.add_edge("sub", "count")
    graph.add_conditional_edges("count", lambda state: END if state["rounds"] == 3 else "sub")
    app = flow.compile(graph)
    assert [flow.invoke(app, {"rounds": 0})["seen"] for _ in range(3)] == [3, 6, 9]


class Span(BaseModel):
    low: int = 0
    high: int = 10

    @model_validator(mode="after")
    def _ordered(self) -> Span:
        if self.low > self.high:
            raise ValueError("low is above high")
        return self


def test_a_validator_over_several_keys_sees_them_together(flow: Flavour) -> None:
    graph: StateGraph[Any] = StateGraph(Span)
    graph.add_node("move", flow.node(lambda _: {"low": 20, "high": 30}))
    graph.add_edge(START, "move")
    assert flow.invoke(flow.compile(graph), {"low": 1}) == {"low": 20, "high": 30}


def test_a_validator_over_several_keys_is_told_to_a_node_that_breaks_it(flow: Flavour) -> None:
    graph: StateGraph[Any] = StateGraph(Span)
    graph.add_node("move", flow.node(lambda _: {"low": 20}))
    graph.add_edge(START, "move")
    app = flow.compile(graph)
    with pytest.raises(ValidationError, match="low is above high"):
        flow.invoke(app, {"low": 1})
    with pytest.raises(InvalidUpdateError, match="low is above high"):
        app.update_state(CONFIG, {"low": 30}, as_node="move")


def test_a_settled_node_of_an_unfinished_step_takes_no_update(flow: Flavour) -> None:
    app = flow.compile(built(flow, "start>ask start>ok ask+ok>last", ask=asking(flow)))
    flow.invoke(app, {"a": []})
    before = list(app.get_state_history(CONFIG))
    with pytest.raises(InvalidUpdateError, match="node 'ok' has finished in this step"):
        app.update_state(CONFIG, {"a": ["again"]}, as_node="ok")
    with pytest.raises(InvalidUpdateError, match=r"'0\.99' is no"):
        app.update_state(CONFIG, {"a": ["again"]}, as_node="ask", task_id="0.99")
    inside = {"configurable": {"thread_id": "t", "checkpoint_ns": "sub"}}
    with pytest.raises(InvalidOptionError, match="checkpoint_ns"):
        app.update_state(inside, {"a": ["x"]}, as_node="ask")
    assert list(app.get_state_history(CONFIG)) == before


def test_an_update_whose_branch_asks_is_refused(flow: Flavour) -> None:
    graph = built(flow, "start>x y>end")
    graph.add_conditional_edges("x", flow.node(lambda _: interrupt("where?")))
    app = flow.compile(graph)
    flow.invoke(app, {"a": []})
    assert flow.invoke(app, Command(resume="y"))["a"] == ["x", "y"]
    with pytest.raises(InvalidUpdateError, match="a branch of node 'x' asks a question"):
        app.update_state(CONFIG, {"a": ["U"]}, as_node="x")


def test_an_answer_where_a_step_asked_nothing_is_refused(flow: Flavour) -> None:
    app = flow.compile(built(flow, "start>x x>ask", ask=asking(flow)))
    flow.invoke(app, {"a": []})
    flow.invoke(app, Command(resume="R"))
    before_x = next(one for one in app.get_state_history(CONFIG) if one.next == ("x",))
    with pytest.raises(NothingToResumeError):
        flow.invoke(app, Command(resume="early"), config=before_x.config)
    at_input = list(app.get_state_history(CONFIG))[-1]
    with pytest.raises(InvalidOptionError, match="at the input of a run"):
        flow.invoke(app, Command(update={"a": ["C"]}), config=at_input.config)


def test_questions_of_error_handlers_and_of_branches_after_the_start_are_shown(flow: Flavour) -> None:
    def bad(state: Any) -> Any:
        raise ValueError("broken")

    graph: StateGraph[Any] = StateGraph(Notes)
    graph.add_node("bad", flow.node(bad), error_handler=flow.node(lambda state: {"a": [interrupt("mend?")]}))
    graph.add_conditional_edges(START, flow.node(lambda state: interrupt("where?")), ["bad"])
    app = flow.compile(graph)
    flow.invoke(app, {"a": []})
    state = app.get_state(CONFIG)
    assert ([one.value for one in state.interrupts], state.next) == (["where?"], (START,))
    flow.invoke(app, Command(resume="bad"))
    state = app.get_state(CONFIG)
    assert [(one.name, [asked.value for asked in one.interrupts]) for one in state.tasks] == [("bad", ["mend?"])]
    assert flow.invoke(app, Command(resume="mended"))["a"] == ["mended"]


def test_a_deferred_node_waits_for_commands_that_nobody_declared(flow: Flavour) -> None:
    graph: StateGraph[Any] = StateGraph(Notes)
    graph.add_node("x", flow.node(lambda state: Command(update={"a": ["x"]}, goto="y")))
    graph.add_node("y", flow.node(lambda state: Command(update={"a": ["y"]}, goto="last")))
    graph.add_node("short", flow.node(lambda state: {"a": ["short"]}))
    graph.add_node("last", flow.node(lambda state: {"a": [len(state["a"])]}), defer=True)
    graph.add_edge(START, "x")
    graph.add_edge(START, "short")
    graph.add_edge("short", "last")
    assert flow.invoke(flow.compile(graph), {"a": []})["a"] == ["short", "x", "y", 3]


def test_a_fork_of_a_graph_with_another_input_begins_at_its_beginning(flow: Flavour) -> None:
    app = flow.compile(built(flow, "start>x x>y"))
    flow.invoke(app, {"a": []})
    with pytest.raises(InvalidOptionError, match="at='0' begins with another input"):
        app.fork(CONFIG, at="0.1", input={"a": ["other"]})


def test_an_edge_from_nothing_is_told() -> None:
    graph: StateGraph[Any] = StateGraph(Notes)
    with pytest.raises(ValueError, match="no name of a node"):
        graph.add_edge(None, END)  # type: ignore[arg-type]  # what is wrong
