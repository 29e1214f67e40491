"""``update_state`` of graphs: as if a node had returned something, and nothing else of the step is forgotten."""

from __future__ import annotations

from typing import Any

import pytest

from nbflow.errors import InvalidUpdateError
from nbflow.graph import END, START
from nbflow.types import Command, StateUpdate
from tests.behaviour.flavours import Flavour
from tests.behaviour.graphs import built
from tests.behaviour.test_graph_pauses import CONFIG, asking


def test_an_update_as_a_node_leads_along_its_edges(flow: Flavour) -> None:
    app = flow.compile(built(flow, "start>x x>y y>z"))
    flow.invoke(app, {"a": ["i"]})
    config = app.update_state(CONFIG, {"a": ["U"]}, as_node="x")
    state = app.get_state(CONFIG)
    assert state.config == config
    assert (state.next, state.values["a"], state.metadata["source"]) == (("y",), ["i", "x", "y", "z", "U"], "update")
    assert flow.invoke(app, None)["a"] == ["i", "x", "y", "z", "U", "y", "z"]


def test_without_a_node_the_one_that_led_there_is_meant(flow: Flavour) -> None:
    app = flow.compile(built(flow, "start>x x>y"), interrupt_before=["y"])
    flow.invoke(app, {"a": []})
    app.update_state(CONFIG, {"a": ["U"]})
    assert app.get_state(CONFIG).next == ("y",)
    assert flow.invoke(app, None)["a"] == ["x", "U", "y"]
    app.update_state(CONFIG, {"a": ["end"]})
    assert app.get_state(CONFIG).next == ()


def test_an_update_may_change_where_a_branch_leads(flow: Flavour) -> None:
    graph = built(flow, "start>agent tools>end", agent=flow.node(lambda _: {"b": "call"}))
    graph.add_conditional_edges("agent", lambda state: "tools" if state["b"] == "call" else END)
    app = flow.compile(graph, interrupt_before=["tools"])
    flow.invoke(app, {"a": []})
    assert app.get_state(CONFIG).next == ("tools",)
    app.update_state(CONFIG, {"b": "no call"}, as_node="agent")
    assert app.get_state(CONFIG).next == ()


def test_of_two_that_ask_one_is_settled_and_the_other_waits_on(flow: Flavour) -> None:
    app = flow.compile(built(flow, "start>p start>q p+q>j", p=asking(flow, "p"), q=asking(flow, "q")))
    flow.invoke(app, {"a": []})
    app.update_state(CONFIG, {"a": ["by hand"]}, as_node="p")
    state = app.get_state(CONFIG)
    assert [one.value for one in state.interrupts] == ["q?"]
    assert state.next == ("q",)
    assert flow.invoke(app, Command(resume="Q"))["a"] == ["by hand", "q:Q", "j"]


def test_settling_a_failed_node_keeps_what_its_siblings_returned(flow: Flavour) -> None:
    ran: list[str] = []

    def bad(state: Any) -> Any:
        raise RuntimeError("broken")

    app = flow.compile(built(flow, "start>bad start>ok ok>after bad>end", ran, bad=flow.node(bad)))
    with pytest.raises(RuntimeError):
        flow.invoke(app, {"a": []})
    app.update_state(CONFIG, {"a": ["mended"]}, as_node="bad")
    state = app.get_state(CONFIG)
    assert (state.values["a"], state.next) == (["mended", "ok"], ("after",))
    assert flow.invoke(app, None)["a"] == ["mended", "ok", "after"]
    assert ran == ["ok", "after"]


def test_of_several_sends_one_is_settled_by_its_id(flow: Flavour) -> None:
    from nbflow import interrupt
    from nbflow.types import Send

    graph = built(flow, "w>end", w=flow.node(lambda given: {"a": [f"{given}{interrupt(given)}"]}))
    graph.add_conditional_edges(START, lambda _: [Send("w", "p"), Send("w", "q")])
    app = flow.compile(graph)
    flow.invoke(app, {"a": []})
    with pytest.raises(InvalidUpdateError, match="several tasks in this step; task_id"):
        app.update_state(CONFIG, {"a": ["by hand"]}, as_node="w")
    first = app.get_state(CONFIG).tasks[0]
    app.update_state(CONFIG, {"a": ["by hand"]}, as_node="w", task_id=first.id)
    assert flow.invoke(app, Command(resume="Q"))["a"] == ["by hand", "qQ"]


def test_an_update_at_a_question_leaves_it_open(flow: Flavour) -> None:
    app = flow.compile(built(flow, "start>x x>ask", ask=asking(flow)))
    asked = flow.invoke(app, {"a": []})["__interrupt__"]
    app.update_state(CONFIG, {"a": ["U"]})
    state = app.get_state(CONFIG)
    assert (list(state.interrupts), state.next, state.values["a"]) == (asked, ("ask",), ["x", "U"])
    assert flow.invoke(app, Command(resume="R"))["a"] == ["x", "U", "ask:R"]


def test_an_update_as_the_node_that_asks_skips_its_question(flow: Flavour) -> None:
    app = flow.compile(built(flow, "start>ask ask>y", ask=asking(flow)))
    flow.invoke(app, {"a": []})
    app.update_state(CONFIG, {"a": ["by hand"]}, as_node="ask")
    assert app.get_state(CONFIG).interrupts == ()
    assert flow.invoke(app, None)["a"] == ["by hand", "y"]


def test_a_fork_at_an_older_step_is_gone_on_from(flow: Flavour) -> None:
    app = flow.compile(built(flow, "start>x x>y"))
    flow.invoke(app, {"a": ["i"]})
    old = next(one for one in app.get_state_history(CONFIG) if one.next == ("y",))
    config = app.update_state(old.config, {"a": ["FORK"]})
    assert flow.invoke(app, None, config=config)["a"] == ["i", "x", "FORK", "y"]
    assert app.get_state(config).parent_config == old.config


def test_a_command_given_as_values_leads_where_it_says(flow: Flavour) -> None:
    app = flow.compile(built(flow, "start>x z>end"))
    flow.invoke(app, {"a": []})
    app.update_state(CONFIG, Command(update={"a": ["U"]}, goto="z"), as_node="x")
    assert flow.invoke(app, None)["a"] == ["x", "U", "z"]


def test_updates_of_a_fresh_thread_count_as_its_input(flow: Flavour) -> None:
    app = flow.compile(built(flow, "start>x x>y"))
    app.update_state(CONFIG, {"a": ["i"]})
    assert app.get_state(CONFIG).next == ("x",)
    assert flow.invoke(app, None)["a"] == ["i", "x", "y"]
    app.update_state({"configurable": {"thread_id": "2"}}, {"a": ["i"]}, as_node="x")
    assert flow.invoke(app, None, thread="2")["a"] == ["i", "y"]


def test_the_end_gives_up_what_is_unfinished(flow: Flavour) -> None:
    app = flow.compile(built(flow, "start>ask start>ok", ask=asking(flow)))
    flow.invoke(app, {"a": ["i"]})
    app.update_state(CONFIG, None, as_node=END)
    assert (app.get_state(CONFIG).next, app.get_state(CONFIG).values["a"]) == ((), ["i", "ok"])
    assert flow.invoke(app, {"a": ["j"]})["a"] == ["i", "ok", "j"]


def test_a_copy_has_the_same_tasks(flow: Flavour) -> None:
    app = flow.compile(built(flow, "start>ask start>ok", ask=asking(flow)))
    flow.invoke(app, {"a": ["i"]})
    before = app.get_state(CONFIG)
    app.update_state(CONFIG, None, as_node="__copy__")
    after = app.get_state(CONFIG)
    assert (after.next, after.values, after.interrupts) == (before.next, before.values, before.interrupts)
    assert after.config != before.config
    assert after.parent_config == before.parent_config
    assert flow.invoke(app, Command(resume="R"))["a"] == ["i", "ask:R", "ok"]


def test_updates_in_bulk_are_all_written_or_none(flow: Flavour) -> None:
    app = flow.compile(built(flow, "start>p start>q p+q>j"))
    app.bulk_update_state(
        CONFIG,
        [[StateUpdate({"a": ["i"]}, "__start__")], [StateUpdate({"a": ["P"]}, "p"), StateUpdate({"a": ["Q"]}, "q")]],
    )
    assert (app.get_state(CONFIG).next, app.get_state(CONFIG).values["a"]) == (("j",), ["i", "P", "Q"])
    assert flow.invoke(app, None)["a"] == ["i", "P", "Q", "j"]
    count = len(list(app.get_state_history(CONFIG)))
    with pytest.raises(InvalidUpdateError, match="node 'nope' does not exist"):
        app.bulk_update_state(CONFIG, [[StateUpdate({"a": [1]}, "p")], [StateUpdate({"a": [1]}, "nope")]])
    assert len(list(app.get_state_history(CONFIG))) == count


@pytest.mark.parametrize(
    ("values", "as_node", "told"),
    [
        ({"aa": []}, "x", "wrote the key 'aa', which the state does not have"),
        ("text", "x", "gave 'text'"),
        ({"a": []}, "xx", "node 'xx' does not exist.*did you mean 'x'"),
        ({"a": []}, END, "takes None"),
        (Command(goto="nope"), "x", "leads to 'nope'"),
    ],
)
def test_a_bad_update_is_told_and_writes_nothing(flow: Flavour, values: Any, as_node: str, told: str) -> None:
    app = flow.compile(built(flow, "start>x x>y"))
    flow.invoke(app, {"a": []})
    before = list(app.get_state_history(CONFIG))
    with pytest.raises(InvalidUpdateError, match=told):
        app.update_state(CONFIG, values, as_node=as_node)
    assert list(app.get_state_history(CONFIG)) == before


def test_the_store_reaches_a_branch_that_an_update_asks(flow: Flavour) -> None:
    from nbflow.store.memory import InMemoryStore

    store = InMemoryStore()
    store.put(("routes",), "x", {"to": "y"})
    graph = built(flow, "start>x y>end")

    def route(state: Any, store: Any) -> Any:
        return store.get(("routes",), "x").value["to"]

    graph.add_conditional_edges("x", flow.node(route))
    app = flow.compile(graph, store=store)
    flow.invoke(app, {"a": []})
    app.update_state(CONFIG, {"a": ["U"]}, as_node="x")
    assert app.get_state(CONFIG).next == ("y",)


def test_a_parent_update_keeps_a_paused_child(flow: Flavour) -> None:
    ran: list[str] = []
    child = built(flow, "start>s1 s1>ask", ran, ask=asking(flow)).compile()
    app = flow.compile(built(flow, "start>pre pre>sub", sub=child))
    flow.invoke(app, {"a": []})
    app.update_state(CONFIG, {"b": "B"})
    assert flow.invoke(app, Command(resume="R")) == {"a": ["pre", "s1", "ask:R"], "b": "B"}
    assert ran == ["s1"]


def test_a_fork_at_a_node_may_replace_what_it_returned(flow: Flavour) -> None:
    ran: list[str] = []
    graph = built(flow, "start>x y>z w>z", ran)
    graph.add_conditional_edges("x", lambda state: "w" if "R" in state["a"] else "y", ["w", "y"])
    app = flow.compile(graph)
    flow.invoke(app, {"a": []})
    run = app.fork(CONFIG, at="0.1", replace={"a": ["R"]})
    assert run.result()["a"] == ["R", "w", "z"]
    assert ran == ["x", "y", "z", "w", "z"]
    with pytest.raises(InvalidUpdateError, match="'aa'"):
        app.fork(CONFIG, at="0.1", replace={"aa": 1})
