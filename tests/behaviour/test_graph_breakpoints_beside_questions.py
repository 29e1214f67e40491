"""A child that stands at a breakpoint beside questions of its siblings: each goes on for itself."""

from __future__ import annotations

import asyncio
from concurrent.futures import Future
from typing import Any

import pytest

from nbflow import interrupt
from nbflow.types import Command
from tests.behaviour.flavours import Flavour
from tests.behaviour.graphs import built
from tests.behaviour.test_graph_pauses import asking

CONFIG: Any = {"configurable": {"thread_id": "t"}}
KINDS = ["interrupt_before", "interrupt_after"]


def stops(kind: str, node: str) -> dict[str, Any]:
    return {kind: [node]}


def tasks(app: Any) -> dict[str, tuple[bool, int]]:
    """Return by node of the step whether it has finished, and its number of open questions."""
    return {one.name: (one.result is not None, len(one.interrupts)) for one in app.get_state(CONFIG).tasks}


class Beside:
    """A graph of a child with a breakpoint and a node that asks, in the same step; ``child`` orders them."""

    def __init__(self, flow: Flavour, kind: str, child: str = "sub") -> None:
        self.ran: list[str] = []
        self.name = child
        stopped = "c2" if kind == "interrupt_before" else "c1"
        inner = built(flow, "start>c1 c1>c2 c2>c3", self.ran).compile(**stops(kind, stopped))
        graph = built(flow, f"start>{child} start>q {child}+q>j", **{child: inner, "q": asking(flow, "q")})
        self.app = flow.compile(graph)


@pytest.mark.parametrize("child", ["a", "z"])
@pytest.mark.parametrize("kind", KINDS)
def test_an_answer_leaves_a_child_at_its_breakpoint(flow: Flavour, kind: str, child: str) -> None:
    beside = Beside(flow, kind, child)
    paused = flow.invoke(beside.app, {"a": []})
    assert [one.value for one in paused["__interrupt__"]] == ["q?"]
    assert tasks(beside.app) == {child: (False, 0), "q": (False, 1)}
    assert "__interrupt__" not in flow.invoke(beside.app, Command(resume="A"))
    assert beside.ran == ["c1"]
    assert tasks(beside.app) == {child: (False, 0), "q": (True, 0)}
    assert beside.app.get_state(CONFIG).next == (child,)
    assert sorted(flow.invoke(beside.app, None)["a"]) == ["c1", "c2", "c3", "j", "q:A"]
    assert beside.ran == ["c1", "c2", "c3"]


@pytest.mark.parametrize("child", ["a", "z"])
@pytest.mark.parametrize("kind", KINDS)
def test_none_passes_a_breakpoint_and_leaves_the_question_open(flow: Flavour, kind: str, child: str) -> None:
    beside = Beside(flow, kind, child)
    first = flow.invoke(beside.app, {"a": []})["__interrupt__"]
    assert flow.invoke(beside.app, None)["__interrupt__"] == first
    assert beside.ran == ["c1", "c2", "c3"]
    assert tasks(beside.app) == {child: (True, 0), "q": (False, 1)}
    assert sorted(flow.invoke(beside.app, Command(resume="A"))["a"]) == ["c1", "c2", "c3", "j", "q:A"]
    assert beside.ran == ["c1", "c2", "c3"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_child_at_a_breakpoint_is_kept_while_a_sibling_asks_again(flow: Flavour, kind: str) -> None:
    def ask(state: Any) -> Any:
        return {"a": [interrupt("one?"), interrupt("two?")]}

    ran: list[str] = []
    stopped = "c2" if kind == "interrupt_before" else "c1"
    inner = built(flow, "start>c1 c1>c2", ran).compile(**stops(kind, stopped))
    app = flow.compile(built(flow, "start>sub start>q", sub=inner, q=flow.node(ask)))
    flow.invoke(app, {"a": []})
    assert flow.invoke(app, Command(resume="1"))["__interrupt__"][0].value == "two?"
    assert ran == ["c1"]
    assert flow.invoke(app, None)["__interrupt__"][0].value == "two?"
    assert ran == ["c1", "c2"]
    assert flow.invoke(app, Command(resume="2"))["a"] == ["1", "2", "c1", "c2"]


def test_once_passed_a_breakpoint_stays_passed_while_its_node_asks(flow: Flavour) -> None:
    inner = built(flow, "start>c1 c1>c2", c2=asking(flow, "c2")).compile(interrupt_before=["c2"])
    app = flow.compile(built(flow, "start>sub start>q", sub=inner, q=asking(flow, "q")))
    flow.invoke(app, {"a": []})
    asked = {one.value: one.id for one in flow.invoke(app, None)["__interrupt__"]}
    assert sorted(asked) == ["c2?", "q?"]
    left = flow.invoke(app, Command(resume={asked["c2?"]: "C"}))
    assert [one.value for one in left["__interrupt__"]] == ["q?"]
    assert flow.invoke(app, Command(resume="Q"))["a"] == ["q:Q", "c1", "c2:C"]


def test_children_at_breakpoints_of_their_own_are_passed_together(flow: Flavour) -> None:
    ran: list[str] = []
    one = built(flow, "start>c1 c1>c2", ran).compile(interrupt_before=["c2"])
    other = built(flow, "start>ask ask>d1 d1>d2", ran, ask=asking(flow)).compile(interrupt_before=["d2"])
    app = flow.compile(built(flow, "start>one start>other", one=one, other=other))
    flow.invoke(app, {"a": []})
    assert "__interrupt__" not in flow.invoke(app, Command(resume="A"))
    assert sorted(ran) == ["c1", "d1"]
    assert flow.invoke(app, None)["a"] == ["c1", "c2", "ask:A", "d1", "d2"]


def test_a_breakpoint_of_a_grandchild_is_left_alone_too(flow: Flavour) -> None:
    ran: list[str] = []
    deep = built(flow, "start>c1 c1>c2", ran).compile(interrupt_before=["c2"])
    middle = built(flow, "start>deep", deep=deep).compile()
    app = flow.compile(built(flow, "start>middle start>q", middle=middle, q=asking(flow, "q")))
    flow.invoke(app, {"a": []})
    flow.invoke(app, Command(resume="A"))
    assert ran == ["c1"]
    assert flow.invoke(app, None)["a"] == ["c1", "c2", "q:A"]


def test_what_was_answered_counts_for_an_update_at_the_breakpoint(flow: Flavour) -> None:
    beside = Beside(flow, "interrupt_before")
    flow.invoke(beside.app, {"a": []})
    flow.invoke(beside.app, Command(resume="A"))
    beside.app.update_state(CONFIG, {"a": ["by hand"]}, as_node="sub")
    assert flow.invoke(beside.app, None)["a"] == ["q:A", "by hand", "j"]
    assert beside.ran == ["c1"]


def test_a_failure_after_an_answer_shows_what_was_answered(flow: Flavour) -> None:
    broken = [True]

    def shaky(state: Any) -> Any:
        answer = interrupt("shaky?")
        if broken[0]:
            raise RuntimeError("broken")
        return {"a": [answer]}

    app = flow.compile(built(flow, "start>q start>shaky", q=asking(flow, "q"), shaky=flow.node(shaky)))
    asked = {one.value: one.id for one in flow.invoke(app, {"a": []})["__interrupt__"]}
    with pytest.raises(RuntimeError):
        flow.invoke(app, Command(resume={asked["q?"]: "Q", asked["shaky?"]: "S"}))
    state = app.get_state(CONFIG)
    assert state.next == ("shaky",)
    first, second = state.tasks
    assert (first.name, first.result, first.interrupts) == ("q", {"a": ["q:Q"]}, ())
    assert "broken" in str(second.error)
    broken[0] = False
    assert flow.invoke(app, None)["a"] == ["q:Q", "S"]


def test_an_entrypoint_asks_beside_a_graph_that_stands_at_a_breakpoint(flow: Flavour) -> None:
    ran: list[str] = []
    inner = built(flow, "start>c1 c1>c2", ran).compile(interrupt_before=["c2"])

    @flow.task
    def search() -> Any:
        found = yield flow.nested(inner, {"a": []})
        return found["a"]

    left: Future[None] = Future()  # the body, by the breakpoint

    @flow.task
    def ask() -> Any:
        yield left if flow.name == "sync" else asyncio.wrap_future(left)
        return interrupt("ask?")

    @flow.entrypoint
    def body(given: int) -> Any:
        one, other = search(), ask()
        try:
            found = yield one
        finally:
            if not left.done():
                left.set_result(None)
        return [*found, (yield other)]

    assert flow.invoke(body, 1)["__interrupt__"][0].value == "ask?"
    flow.invoke(body, Command(resume="A"))
    assert ran == ["c1"]
    assert flow.invoke(body, None) == ["c1", "c2", "A"]
