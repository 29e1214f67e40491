"""The call graph as nodes and edges."""

from __future__ import annotations

from nbflow.core.record import (
    Answered,
    Asked,
    CallFailed,
    CallReturned,
    Record,
    RunPaused,
    RunResumed,
    RunReturned,
    RunStarted,
)
from nbflow.views.callgraph import CALLS, DATA, LIMIT, MOST, REST, WAYS, Edge, graph_of
from nbflow.views.calls import calls_of
from nbflow.views.progress import run_of
from tests.unit.stories import story


def test_by_task_calls_are_added_up() -> None:
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


def test_by_level_a_task_is_a_node_at_each_level() -> None:
    started = RunStarted(run_id="r", thread_id="t", workflow="flow")
    paths = {"0.0": "fold", "0.0.0": "fold", "0.0.0.0": "fold", "0.1": "fold", "0.0.1": "leaf"}
    calls = [CallReturned(path=path, name=name, started=1.0, at=2.0) for path, name in paths.items()]
    by_level, by_task = (graph_of(calls_of([started, *calls]), by) for by in ("level", "task"))
    assert [(node.name, node.size) for node in by_level.nodes] == [
        ("flow", 1),
        ("fold", 2),
        ("fold", 1),
        ("fold", 1),
        ("leaf", 1),
    ]
    assert [(node.name, node.size) for node in by_task.nodes] == [("flow", 1), ("fold", 4), ("leaf", 1)]


def large(names: list[str], parent: str = "0") -> list[Record]:
    started = RunStarted(run_id="r", thread_id="t", workflow="flow")
    calls = [
        CallReturned(path=f"{parent}.{place}", name=name, started=1.0, at=1.5 + place)
        for place, name in enumerate(names)
    ]
    return [started, *calls]


def test_a_large_graph_is_folded_by_caller_and_name() -> None:
    graph = graph_of(calls_of(large(["load", *["work"] * 300, "save"])), "call")
    assert (graph.by, graph.folded) == ("call", True)
    assert [(node.name, node.size, node.path) for node in graph.nodes] == [
        ("flow", 1, "0"),
        ("load", 1, "0.0"),
        ("work", 300, "0.1"),
        ("save", 1, "0.301"),
    ]
    whole = graph_of(calls_of(large(["work"] * 50)), "call", limit=MOST)
    assert (len(whole.nodes), whole.folded) == (51, False)


def test_calls_below_folded_ones_are_folded_with_them() -> None:
    started = RunStarted(run_id="r", thread_id="t", workflow="flow")
    outer = [CallReturned(path=f"0.{i}", name="outer", started=1.0, at=1.5) for i in range(30)]
    inner = [CallReturned(path=f"0.{i}.0", name="inner", started=1.0, at=1.5) for i in range(30)]
    graph = graph_of(calls_of([started, *outer, *inner]), "call")
    assert [(node.name, node.size) for node in graph.nodes] == [("flow", 1), ("outer", 30), ("inner", 30)]
    assert [(edge.source == graph.nodes[1].id, edge.size) for edge in graph.edges] == [(False, 30), (True, 30)]


def test_of_many_tasks_those_that_took_least_are_one_node() -> None:
    for by in WAYS:
        graph = graph_of(calls_of(large([f"task {i}" for i in range(100)])), by)
        assert (len(graph.nodes), graph.folded) == (LIMIT, True)
        rest = next(node for node in graph.nodes if node.id == REST)
        assert (rest.name, rest.size) == ("62 more tasks", 62)
        assert {"flow", "task 99"} <= {node.name for node in graph.nodes}


def test_time_in_which_the_run_waited_for_a_person_is_left_out() -> None:
    records: list[Record] = [
        RunStarted(run_id="r", thread_id="t", workflow="flow", at=0.0),
        Asked(id="q", name="flow", at=1.0),
        RunPaused(ids=("q",), point="p", at=1.0),
        Answered(id="q", at=3600.0),
        RunResumed(at=3601.0),
        CallReturned(path="0.1", name="work", started=3601.0, at=3603.0),
        RunReturned(point="e", at=3604.0),
    ]
    view = run_of(records)
    graph = graph_of(view.calls.rows.values(), progress=view.progress)
    assert {node.name: node.seconds for node in graph.nodes} == {"flow": 4.0, "work": 2.0}


def test_a_node_leads_to_the_call_that_matters_most() -> None:
    graph = graph_of(calls_of(story().kept), "level")
    assert {node.name: node.path for node in graph.nodes}["check"] == "0.6"
    started = RunStarted(run_id="r", thread_id="t", workflow="flow")
    good = CallReturned(path="0.0", name="work", started=1.0, at=1.5)
    bad = CallFailed(path="0.1", name="work", started=1.0, at=1.5)
    assert graph_of(calls_of([started, good, bad])).nodes[1].path == "0.1"
