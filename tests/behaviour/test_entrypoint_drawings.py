"""Entrypoints as pictures: what a run of a thread called, or what the code names."""

from __future__ import annotations

from typing import Any

import pytest

from nbflow import interrupt
from nbflow.constants import END, START
from nbflow.errors import UnknownCheckpointError
from tests.behaviour.flavours import Flavour
from tests.behaviour.graphs import built

CONFIG: Any = {"configurable": {"thread_id": "t"}}


class Flow:
    """A workflow whose tasks pass futures on, wait for results, call each other, or never run."""

    def __init__(self, flow: Flavour) -> None:
        @flow.task
        def load(number: int) -> int:
            return number

        @flow.task
        def clean(number: int) -> int:
            return number

        @flow.task
        def tune(number: int) -> int:
            return number

        @flow.task
        def fit(one: int, other: int) -> Any:
            return (yield tune(one + other))

        @flow.task
        def report(number: int) -> str:
            return str(number)

        @flow.task
        def complain() -> None:
            """Never called."""

        def reported(number: int) -> Any:
            return report(number)

        @flow.entrypoint
        def study(number: int) -> Any:
            one, other = load(number), load(number + 1)
            found = yield fit(clean(one), other)
            if found < 0:
                yield complain()
            return (yield reported(found))

        self.study = study


def edges(drawn: Any) -> set[tuple[str, str, bool]]:
    return {(edge.source, edge.target, edge.conditional) for edge in drawn.edges}


def test_before_a_run_the_tasks_that_the_code_names_are_drawn(flow: Flavour) -> None:
    study = Flow(flow).study
    for drawn in (study.get_graph(), study.get_graph(CONFIG)):
        assert list(drawn.nodes)[:2] == [START, "study"]
        assert set(drawn.nodes) == {START, "study", "load", "clean", "fit", "report", "complain", END}
        assert edges(drawn) == {
            (START, "study", False),
            ("study", END, False),
            *(("study", name, True) for name in ("load", "clean", "fit", "report", "complain")),
        }
    assert ("fit", "tune", True) in edges(study.get_graph(xray=True))
    assert "study -.-> load;" in study.get_graph().draw_mermaid()


def test_a_run_is_drawn_by_where_results_went(flow: Flavour) -> None:
    study = Flow(flow).study
    assert flow.invoke(study, 1) == "3"
    drawn = study.get_graph(CONFIG)
    assert list(drawn.nodes) == [START, "load", "clean", "fit", "report", END]
    assert drawn.nodes["load"].metadata == {"calls": 2}
    assert edges(drawn) == {
        (START, "load", False),
        ("load", "clean", False),
        ("load", "fit", False),
        ("clean", "fit", False),
        ("fit", "report", True),  # a value that the body had waited for
        ("report", END, False),
    }
    assert {"source": "fit", "target": "report", "data": "then", "conditional": True} in drawn.to_json()["edges"]
    assert drawn.to_json()["nodes"][1] == {
        "id": "load",
        "type": "runnable",
        "data": {"id": ["nbflow", "task"], "name": "load"},
        "metadata": {"calls": 2},
    }
    assert drawn.last_node() == drawn.nodes[END]
    assert '"load" -> "clean"' in drawn.to_dot()


def test_calls_inside_of_calls_are_drawn_on_demand(flow: Flavour) -> None:
    study = Flow(flow).study
    flow.invoke(study, 1)
    drawn = study.get_graph(CONFIG, xray=True)
    assert list(drawn.nodes) == [START, "load", "clean", "fit:tune", "report", END]
    assert ("clean", "fit:tune", False) in edges(drawn)
    assert "\tsubgraph fit\n\tfit\\3atune(tune)\n\tend" in drawn.draw_mermaid()


def test_a_checkpoint_names_the_run_that_is_drawn(flow: Flavour) -> None:
    @flow.task
    def one(number: int) -> int:
        return number

    @flow.task
    def other(number: int) -> int:
        return number

    @flow.entrypoint
    def chosen(number: int) -> Any:
        found = yield (one if number == 1 else other)(number)
        return interrupt("which?") if number == 1 else found

    flow.invoke(chosen, 1)
    first = chosen.get_state(CONFIG).config
    assert list(chosen.get_graph(CONFIG).nodes) == [START, "one", END]
    flow.invoke(chosen, 2)
    assert list(chosen.get_graph(CONFIG).nodes) == [START, "other", END]
    assert list(chosen.get_graph(first).nodes) == [START, "one", END]
    with pytest.raises(UnknownCheckpointError):
        chosen.get_graph({"configurable": {"thread_id": "t", "checkpoint_id": "none"}})


def test_a_graph_that_a_body_calls_is_drawn_with_its_nodes(flow: Flavour) -> None:
    inner = built(flow, "start>x x>y").compile(name="inner")

    @flow.entrypoint
    def outer(given: dict[str, Any]) -> Any:
        return (yield flow.nested(inner, given))

    flow.invoke(outer, {"a": []})
    assert list(outer.get_graph().nodes) == [START, "outer", "inner", END]
    assert list(outer.get_graph(xray=True).nodes) == [START, "outer", "inner:x", "inner:y", END]
    assert list(outer.get_graph(CONFIG, xray=True).nodes) == [START, "inner:x", "inner:y", END]


def test_without_calls_the_body_is_drawn_alone(flow: Flavour) -> None:
    @flow.entrypoint
    def plain(number: int) -> int:
        return number

    flow.invoke(plain, 1)
    assert edges(plain.get_graph(CONFIG)) == {(START, "plain", False), ("plain", END, False)}
