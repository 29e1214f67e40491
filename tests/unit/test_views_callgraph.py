"""The call graph as nodes and edges."""

from __future__ import annotations

from nbflow.core.record import CallReturned, RunStarted
from nbflow.views.callgraph import CALLS, DATA, Edge, graph_of
from nbflow.views.calls import calls_of
from tests.unit.stories import story


def test_by_name_calls_are_added_up() -> None:
    graph = graph_of(calls_of(story().kept))
    assert [(node.id, node.size, node.state) for node in graph.nodes] == [
        ("essay", 1, "done"),
        ("fetch", 3, "done"),
        ("measure", 3, "done"),
        ("check", 1, "failed"),
        ("summarise", 1, "done"),
        ("call", 1, "done"),
    ]
    assert set(graph.edges) == {
        Edge("essay", "fetch", CALLS, 3),
        Edge("essay", "measure", CALLS, 3, implied=True),
        Edge("fetch", "measure", DATA, 3),
        Edge("essay", "check", CALLS, 1, implied=True),
        Edge("fetch", "check", DATA, 1),
        Edge("essay", "summarise", CALLS, 1),
        Edge("summarise", "call", CALLS, 1),
    }


def test_by_call_each_is_a_node() -> None:
    graph = graph_of(calls_of(story().kept), "call")
    assert [node.id for node in graph.nodes][:3] == ["0", "0.0", "0.1"]
    assert Edge("0.0", "0.3", DATA, 1) in graph.edges
    assert Edge("0.7", "0.7.0", CALLS, 1) in graph.edges


def test_a_large_graph_is_drawn_by_name() -> None:
    started = RunStarted(run_id="r", thread_id="t", workflow="flow")
    calls = [CallReturned(path=f"0.{i}", name="work", started=1.0, at=1.5) for i in range(301)]
    graph = graph_of(calls_of([started, *calls]), "call")
    assert (graph.by, [(node.name, node.size, node.seconds) for node in graph.nodes]) == (
        "name",
        [("flow", 1, 0.0), ("work", 301, 150.5)],
    )
