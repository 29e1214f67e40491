"""When what a graph's nodes return is durable: with the mark of their step, or before anything can come between."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, TypedDict

import pytest

from nbflow import InMemorySaver
from nbflow.checkpoint.base import Row, RunKey
from nbflow.graph import START, StateGraph
from nbflow.types import Command
from tests.behaviour.flavours import Flavour
from tests.behaviour.graphs import built

CONFIG = {"configurable": {"thread_id": "t"}}
pytestmark = pytest.mark.runs_once("it looks at single commits of one execution")


class Watched(InMemorySaver):
    """Notes which kinds of records each commit holds."""

    def __init__(self) -> None:
        super().__init__()
        self.commits: list[list[str]] = []

    def append(self, run: RunKey, rows: Sequence[Row], owner: str) -> None:
        self.commits.append([row.kind for row in rows if row.kind != "CodeKept"])
        super().append(run, rows, owner)

    def kinds(self) -> list[str]:
        return [row.kind for row in self.rows(RunKey("t", self.runs("t")[0]))]


@pytest.fixture
def flow(flow: Flavour) -> Flavour:
    return Flavour(flow.name, Watched())


def commits(flow: Flavour) -> list[list[str]]:
    assert isinstance(flow.saver, Watched)
    return flow.saver.commits


def kinds(flow: Flavour) -> list[str]:
    assert isinstance(flow.saver, Watched)
    return flow.saver.kinds()


def test_a_step_of_one_node_is_one_commit(flow: Flavour) -> None:
    flow.invoke(flow.compile(built(flow, "start>x x>y y>end")), {"a": []})
    assert commits(flow).count(["CallReturned", "Marked"]) == 2
    assert ["CallReturned"] not in commits(flow)


def test_of_several_nodes_each_is_durable_when_it_has_ended(flow: Flavour) -> None:
    flow.invoke(flow.compile(built(flow, "start>x start>y")), {"a": []})
    assert commits(flow).count(["CallReturned"]) == 2


def test_a_result_is_durable_before_a_reducer_of_the_users_runs(flow: Flavour) -> None:
    there: list[int] = []

    def add(old: list[str], new: list[str]) -> list[str]:
        there.append(kinds(flow).count("CallReturned"))
        return old + new

    class State(TypedDict):
        a: Annotated[list[str], add]

    flow.invoke(flow.compile(built(flow, "start>x x>y", schema=State)), {"a": []})
    assert there == [0, 1, 2], "of the input, of x, of y"


def test_a_result_is_durable_before_a_listener_is_told(flow: Flavour) -> None:
    there: list[int] = []
    app = flow.compile(built(flow, "start>x x>y"))

    def hear(record: Any) -> None:
        if type(record).__name__ == "CallReturned":
            there.append(kinds(flow).count("CallReturned"))

    run = app.start({"a": []}, CONFIG)
    run.listen(hear)
    run.result()
    assert all(count >= number for number, count in enumerate(there, 1))


def test_a_result_that_no_mark_follows_is_durable_with_what_does(flow: Flavour) -> None:
    """A child's node that leaves for the graph around it ends the child without a mark."""

    def leave(state: Any) -> Any:
        return Command(graph=Command.PARENT, goto="y", update={"b": "left"})

    child = built(flow, "start>x", x=flow.node(leave)).compile()
    graph: StateGraph[Any] = built(flow, "y>end")
    graph.add_node("c", child, destinations=("y",))
    graph.add_edge(START, "c")
    done = flow.invoke(flow.compile(graph), {"a": []})
    assert (done["a"], done["b"]) == (["y"], "left")
    assert kinds(flow).count("CallReturned") == 3, "x, c and y"


def test_a_node_that_fails_after_others_leaves_their_results(flow: Flavour) -> None:
    def fail(state: Any) -> Any:
        raise ValueError("no")

    ran: list[str] = []
    app = flow.compile(built(flow, "start>x x>y y>z", ran, z=flow.node(fail)))
    with pytest.raises(ValueError, match="no"):
        flow.invoke(app, {"a": []})
    with pytest.raises(ValueError, match="no"):
        flow.invoke(app, None)
    assert ran == ["x", "y"]
