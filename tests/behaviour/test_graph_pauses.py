"""Graphs that ask: questions in nodes and branches, breakpoints, commands at a pause, subgraphs, travel."""

from __future__ import annotations

from typing import Any

import pytest

from nbflow import InMemorySaver, interrupt, task
from nbflow.checkpoint.base import RunKey
from nbflow.errors import NothingToResumeError
from nbflow.graph import END, START, StateGraph
from nbflow.types import Command, Send
from tests.behaviour.flavours import Flavour
from tests.behaviour.graphs import Notes, built, note

CONFIG = {"configurable": {"thread_id": "t"}}


def asking(flow: Flavour, name: str = "ask", ran: list[str] | None = None) -> Any:
    def ask(state: Any) -> Any:
        if ran is not None:
            ran.append(name)
        return {"a": [f"{name}:{interrupt(f'{name}?')}"]}

    ask.__name__ = name
    return flow.node(ask)


@pytest.mark.runs_once("a node that asks runs again each time that its run goes on")
def test_a_question_pauses_its_node_and_its_siblings_keep_their_results(flow: Flavour) -> None:
    ran: list[str] = []
    app = flow.compile(built(flow, "start>ask start>ok ask+ok>last", ran, ask=asking(flow, ran=ran)))
    paused = flow.invoke(app, {"a": ["i"]})
    assert paused["a"] == ["i"]
    assert [one.value for one in paused["__interrupt__"]] == ["ask?"]
    state = app.get_state(CONFIG)
    assert (state.next, state.values) == (("ask",), {"a": ["i"]})
    assert [(one.name, one.result, len(one.interrupts)) for one in state.tasks] == [
        ("ask", None, 1),
        ("ok", {"a": ["ok"]}, 0),
    ]
    assert flow.invoke(app, Command(resume="R")) == {"a": ["i", "ask:R", "ok", "last"]}
    assert ran.count("ok") == 1
    assert ran.count("ask") == 2


def test_several_questions_are_answered_by_id_in_any_order(flow: Flavour) -> None:
    app = flow.compile(built(flow, "start>p start>q p+q>j", p=asking(flow, "p"), q=asking(flow, "q")))
    asked = {one.value: one.id for one in flow.invoke(app, {"a": []})["__interrupt__"]}
    left = flow.invoke(app, Command(resume={asked["q?"]: "Q"}))
    assert [one.value for one in left["__interrupt__"]] == ["p?"]
    assert flow.invoke(app, Command(resume="P"))["a"] == ["p:P", "q:Q", "j"]


def test_a_node_may_ask_several_times(flow: Flavour) -> None:
    def ask(state: Any) -> Any:
        answers: list[Any] = []
        while not answers or answers[-1] != "done":
            answers.append(interrupt(f"after {len(answers)}?"))
        return {"a": answers}

    app = flow.compile(built(flow, "start>ask", ask=flow.node(ask)))
    flow.invoke(app, {"a": []})
    for answer in ("one", "two"):
        flow.invoke(app, Command(resume=answer))
    assert flow.invoke(app, Command(resume="done"))["a"] == ["one", "two", "done"]


def test_a_branch_may_ask(flow: Flavour) -> None:
    graph = built(flow, "start>x y>end z>end")
    graph.add_conditional_edges("x", lambda _: interrupt("where to?"), ["y", "z"])
    app = flow.compile(graph)
    assert flow.invoke(app, {"a": []})["a"] == []
    assert flow.invoke(app, Command(resume="z"))["a"] == ["x", "z"]


def test_sends_that_ask_keep_their_inputs(flow: Flavour) -> None:
    def work(given: Any) -> Any:
        return {"a": [f"{given}{interrupt(given)}"]}

    graph: StateGraph[Any] = StateGraph(Notes)
    graph.add_node("work", flow.node(work))
    graph.add_conditional_edges(START, lambda _: [Send("work", "p"), Send("work", "q")])
    app = flow.compile(graph)
    asked = flow.invoke(app, {"a": []})["__interrupt__"]
    answers = {one.id: one.value.upper() for one in asked}
    assert flow.invoke(app, Command(resume=answers))["a"] == ["pP", "qQ"]


@pytest.mark.parametrize("kind", ["interrupt_before", "interrupt_after"])
def test_breakpoints_stop_once_for_each_round(flow: Flavour, kind: str) -> None:
    graph = built(flow, "start>x x>y")
    graph.add_conditional_edges("y", lambda state: "y" if len(state["a"]) < 3 else END)
    app = flow.compile(graph, **{kind: ["y"]})
    expected = {"interrupt_before": [["x"], ["x", "y"]], "interrupt_after": [["x", "y"], ["x", "y", "y"]]}[kind]
    assert flow.invoke(app, {"a": []})["a"] == expected[0]
    assert "__interrupt__" not in flow.invoke(app, None)
    assert app.get_state(CONFIG).values["a"] == expected[1]
    assert flow.invoke(app, None)["a"] == ["x", "y", "y"]
    assert app.get_state(CONFIG).next == ()


@pytest.mark.parametrize("kind", ["interrupt_before", "interrupt_after"])
def test_a_crash_before_a_breakpoint_was_reached_does_not_pass_it(flow: Flavour, kind: str) -> None:
    app = flow.compile(built(flow, "start>x x>y"), **{kind: ["y" if kind == "interrupt_before" else "x"]})
    flow.invoke(app, {"a": []})
    run = RunKey("t", flow.saver.runs("t")[0])
    rows = flow.saver.rows(run)
    end = max(number for number, row in enumerate(rows, 1) if row.kind == "Marked")
    assert end < len(rows), "the halt comes after the mark"
    saver = InMemorySaver()
    saver.append(run, rows[:end], "the one who died")
    other = Flavour(flow.name, saver)
    again = other.compile(built(other, "start>x x>y"), **{kind: ["y" if kind == "interrupt_before" else "x"]})
    assert other.invoke(again, None)["a"] == ["x"]
    assert again.get_state(CONFIG).next == ("y",)
    assert other.invoke(again, None)["a"] == ["x", "y"]


def test_breakpoints_of_a_run_stand_for_those_of_the_graph(flow: Flavour) -> None:
    app = flow.compile(built(flow, "start>x x>y y>z"), interrupt_before=["y"])
    assert flow.invoke(app, {"a": []}, interrupt_before=["z"])["a"] == ["x", "y"]
    assert flow.invoke(app, Command(resume="like None"))["a"] == ["x", "y", "z"]
    assert flow.invoke(app, {"a": []}, interrupt_after="*")["a"] == ["x", "y", "z", "x"]


def test_a_command_at_a_pause_writes_and_leads_on_beside_the_question(flow: Flavour) -> None:
    app = flow.compile(built(flow, "start>n n>y z>end", n=asking(flow, "n")))
    flow.invoke(app, {"a": ["i"]})
    assert flow.invoke(app, Command(resume="R", update={"a": ["u"]}, goto="z"))["a"] == ["i", "u", "n:R", "z", "y"]


def test_an_update_at_a_pause_is_seen_by_the_node_and_the_question_stays(flow: Flavour) -> None:
    def ask(state: Any) -> Any:
        return {"a": [f"{interrupt('q?')} of {state['b']}"]}

    app = flow.compile(built(flow, "start>ask", ask=flow.node(ask)))
    first = flow.invoke(app, {"a": [], "b": "old"})["__interrupt__"]
    again = flow.invoke(app, Command(update={"b": "new"}))["__interrupt__"]
    assert again == first
    assert flow.invoke(app, Command(resume="R"))["a"] == ["R of new"]


def test_commands_on_a_finished_and_on_a_fresh_thread(flow: Flavour) -> None:
    app = flow.compile(built(flow, "start>x x>y"))
    flow.invoke(app, {"a": ["i"]})
    assert flow.invoke(app, Command(update={"a": ["u"]}))["a"] == ["i", "x", "y", "u"]
    assert flow.invoke(app, Command(goto="y"))["a"] == ["i", "x", "y", "u", "y"]
    assert flow.invoke(app, Command(update={"a": ["U"]}), thread="fresh")["a"] == ["U", "x", "y"]
    with pytest.raises(NothingToResumeError):
        flow.invoke(app, Command(resume="R"), thread="another")
    with pytest.raises(NothingToResumeError):
        flow.invoke(app, Command(resume="R"))


def test_an_early_answer_on_a_failed_thread_is_refused(flow: Flavour) -> None:
    def bad(state: Any) -> Any:
        raise RuntimeError("broken")

    app = flow.compile(built(flow, "start>bad bad>ask", bad=flow.node(bad), ask=asking(flow)))
    with pytest.raises(RuntimeError):
        flow.invoke(app, {"a": []})
    with pytest.raises(NothingToResumeError):
        flow.invoke(app, Command(resume="EARLY"))


def parts(flow: Flavour, child: Any) -> StateGraph[Any]:
    return built(flow, "start>pre pre>sub sub>post", sub=child)


def test_a_child_pauses_its_parent_and_goes_on_inside(flow: Flavour) -> None:
    ran: list[str] = []
    child = built(flow, "start>s1 s1>ask ask>s2", ran, ask=asking(flow)).compile()
    app = flow.compile(parts(flow, child))
    paused = flow.invoke(app, {"a": ["i"]})
    assert [one.value for one in paused["__interrupt__"]] == ["ask?"]
    inner = app.get_state(CONFIG, subgraphs=True).tasks[0].state
    assert (inner.values["a"], inner.next) == (["i", "pre", "s1"], ("ask",))
    assert flow.invoke(app, Command(resume="R"))["a"] == ["i", "pre", "s1", "ask:R", "s2", "post"]
    assert ran == ["s1", "s2"]


@pytest.mark.parametrize("kept", [None, True, False])
def test_a_child_asks_several_times_whatever_its_checkpointer_says(flow: Flavour, kept: Any) -> None:
    ran: list[str] = []
    child = built(flow, "start>p p>s s>q", ran, p=asking(flow, "p"), q=asking(flow, "q")).compile(checkpointer=kept)
    app = flow.compile(parts(flow, child))
    flow.invoke(app, {"a": []})
    flow.invoke(app, Command(resume="P"))
    assert flow.invoke(app, Command(resume="Q"))["a"] == ["pre", "p:P", "s", "q:Q", "post"]
    assert ran == ["s"]


def test_a_child_that_keeps_its_state_goes_on_with_it(flow: Flavour) -> None:
    child = built(flow, "start>s1").compile(checkpointer=True)
    graph: StateGraph[Any] = StateGraph(Notes)
    seen: list[Any] = []
    graph.add_node("sub", child)
    graph.add_edge(START, "sub")
    app = flow.compile(graph)
    flow.invoke(app, {"a": ["1"]})
    seen.append(flow.invoke(app, {"a": ["2"]}))
    assert seen == [{"a": ["1", "s1", "2", "s1"]}]


def test_a_failed_child_goes_on_where_it_failed_also_when_it_is_retried(flow: Flavour) -> None:
    from nbflow.types import RetryPolicy

    ran: list[str] = []
    tries = [0]

    def shaky(state: Any) -> Any:
        tries[0] += 1
        if tries[0] < 3:
            raise ConnectionError("shaky")
        return {"a": ["shaky"]}

    child = built(flow, "start>s1 s1>shaky", ran, shaky=flow.node(shaky)).compile()
    graph: StateGraph[Any] = StateGraph(Notes)
    graph.add_node("sub", child, retry_policy=RetryPolicy(initial_interval=0, jitter=False))
    graph.add_edge(START, "sub")
    assert flow.invoke(flow.compile(graph), {"a": []})["a"] == ["s1", "shaky"]
    assert ran == ["s1"]


def test_nodes_call_tasks_graphs_and_entrypoints_and_are_asked_once_at_each_level(flow: Flavour) -> None:
    ran: list[str] = []

    @flow.task
    def work(value: str) -> str:
        ran.append(value)
        return value.upper()

    inner = built(flow, "start>deep", deep=asking(flow, "deep")).compile()

    @flow.entrypoint(checkpointer=None)
    def middle(value: str) -> Any:
        done = yield work(value)
        found = yield flow.nested(inner, {"a": [done]})
        answer = interrupt("middle?")
        return [*found["a"], answer]

    def node(state: Any) -> Any:
        one = yield work("first")
        found = yield flow.nested(middle, "second")
        return {"a": [one, *found]}

    app = flow.compile(built(flow, "start>node", node=flow.node(node)))
    assert flow.invoke(app, {"a": []})["__interrupt__"][0].value == "deep?"
    assert flow.invoke(app, Command(resume="D"))["__interrupt__"][0].value == "middle?"
    assert flow.invoke(app, Command(resume="M"))["a"] == ["FIRST", "SECOND", "deep:D", "M"]
    assert ran == ["first", "second"]


def test_entrypoints_call_graphs(flow: Flavour) -> None:
    ran: list[str] = []
    graph = built(flow, "start>x x>ask", ran, ask=asking(flow)).compile()

    @flow.entrypoint
    def body(value: str) -> Any:
        found = yield flow.nested(graph, {"a": [value]})
        return found["a"]

    flow.invoke(body, "v")
    assert flow.invoke(body, Command(resume="R")) == ["v", "x", "ask:R"]
    assert ran == ["x"]


def test_an_entrypoint_is_a_node(flow: Flavour) -> None:
    @flow.entrypoint(checkpointer=None)
    def inside(state: Any) -> Any:
        return {"a": [interrupt("inside?")]}

    graph = built(flow, "start>x x>inside", inside=inside)
    app = flow.compile(graph)
    flow.invoke(app, {"a": []})
    assert flow.invoke(app, Command(resume="R"))["a"] == ["x", "R"]


def test_travel_to_an_older_step_runs_what_came_after_anew(flow: Flavour) -> None:
    ran: list[str] = []
    app = flow.compile(built(flow, "start>x x>y y>z", ran))
    flow.invoke(app, {"a": ["i"]})
    before_y = next(one for one in app.get_state_history(CONFIG) if one.next == ("y",))
    assert flow.invoke(app, None, config=before_y.config)["a"] == ["i", "x", "y", "z"]
    assert ran == ["x", "y", "z", "y", "z"]
    newest = app.get_state(CONFIG)
    assert newest.values["a"] == ["i", "x", "y", "z"]
    assert flow.invoke(app, {"a": ["j"]}, config=before_y.config)["a"] == ["i", "x", "j", "x", "y", "z"]


def test_an_answer_at_an_older_pause_forks_with_that_answer(flow: Flavour) -> None:
    ran: list[str] = []
    app = flow.compile(built(flow, "start>ask start>ok ask+ok>z", ran, ask=asking(flow, ran=ran)))
    flow.invoke(app, {"a": []})
    paused = app.get_state(CONFIG)
    assert flow.invoke(app, Command(resume="R1"))["a"] == ["ask:R1", "ok", "z"]
    assert flow.invoke(app, Command(resume="R3"), config=paused.config)["a"] == ["ask:R3", "ok", "z"]
    assert ran.count("ok") == 1
    again = flow.invoke(app, None, config=paused.config)
    assert again["__interrupt__"][0].id != paused.interrupts[0].id
    assert ran.count("ok") == 2


def test_history_shows_each_step_with_what_its_nodes_returned(flow: Flavour) -> None:
    app = flow.compile(built(flow, "start>x x>y"))
    flow.invoke(app, {"a": ["i"]})
    shown = [
        (one.metadata["source"], one.metadata["step"], one.next, one.values, [task.result for task in one.tasks])
        for one in app.get_state_history(CONFIG)
    ]
    assert shown == [
        ("loop", 2, (), {"a": ["i", "x", "y"]}, []),
        ("loop", 1, ("y",), {"a": ["i", "x"]}, [{"a": ["y"]}]),
        ("loop", 0, ("x",), {"a": ["i"]}, [{"a": ["x"]}]),
        ("input", -1, ("__start__",), {}, [{"a": ["i"]}]),
    ]
    parents = [one.parent_config for one in app.get_state_history(CONFIG)]
    ids = [one.config for one in app.get_state_history(CONFIG)]
    assert parents == [*ids[1:], None]


def test_a_renamed_pending_node_is_told(flow: Flavour) -> None:
    app = flow.compile(built(flow, "start>ask", ask=asking(flow)), name="g")
    flow.invoke(app, {"a": []})
    other = flow.compile(built(flow, "start>asks", asks=asking(flow)), name="g")
    with pytest.raises(ValueError, match=r"'ask', which is no node.*did you mean 'asks'"):
        flow.invoke(other, Command(resume="R"))


@task
def plain(value: int) -> int:
    return value + 1


def test_state_after_a_restart_is_the_same(flow: Flavour) -> None:
    graph = built(flow, "start>x x>ask ask>y", ask=asking(flow))
    flow.invoke(flow.compile(graph), {"a": [("t", 1), {"k": {1, 2}}]})
    again = flow.compile(graph)
    assert flow.invoke(again, Command(resume="R"))["a"] == [("t", 1), {"k": {1, 2}}, "x", "ask:R", "y"]
    assert note(flow, "x").__name__ == "x"


def test_ids_of_messages_differ_over_pauses_and_stay(flow: Flavour) -> None:
    from nbflow.graph import MessagesState

    graph: StateGraph[Any] = StateGraph(MessagesState)
    graph.add_node("one", flow.node(lambda _: {"messages": [("ai", "one")]}))
    graph.add_node("ask", flow.node(lambda _: {"messages": [("human", interrupt("?"))]}))
    graph.add_node("two", flow.node(lambda _: {"messages": [("ai", "two")]}))
    for edge in ((START, "one"), ("one", "ask"), ("ask", "two")):
        graph.add_edge(*edge)
    app = flow.compile(graph)
    before = flow.invoke(app, {"messages": [("human", "hi")]})["messages"]
    after = flow.invoke(app, Command(resume="answer"))["messages"]
    assert [one.content for one in after] == ["hi", "one", "answer", "two"]
    assert [one.id for one in after[:2]] == [one.id for one in before]
    assert len({one.id for one in after}) == 4
