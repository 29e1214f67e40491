"""Readers of version v2 get values of the type that the graph declares for its state."""

from __future__ import annotations

import operator
from dataclasses import dataclass
from typing import Annotated, Any

import pytest
from pydantic import BaseModel

from nbflow import interrupt
from nbflow.graph import START, StateGraph
from nbflow.types import Command
from tests.behaviour.flavours import Flavour


@dataclass
class Box:
    n: int
    seen: Annotated[list[str], operator.add]
    text: str = "default"


class Model(BaseModel):
    n: int
    seen: Annotated[list[str], operator.add] = []
    text: str = "default"


class Small(BaseModel):
    n: int


SCHEMAS: Any = [Box, Model]


def counting(flow: Flavour, schema: Any, **options: Any) -> StateGraph[Any]:
    graph: StateGraph[Any] = StateGraph(schema, **options)
    graph.add_node("count", flow.node(lambda state: {"n": state.n + 1, "seen": ["count"]}))
    graph.add_edge(START, "count")
    return graph


@pytest.mark.parametrize("schema", SCHEMAS)
def test_values_are_instances_and_updates_are_dicts(flow: Flavour, schema: Any) -> None:
    app = flow.compile(counting(flow, schema))
    given = {"n": 1, "seen": []}
    chunks = flow.stream(app, given, stream_mode=["values", "updates"], version="v2")
    assert [(one["type"], one["data"]) for one in chunks] == [
        ("values", schema(n=1, seen=[])),
        ("updates", {"count": {"n": 2, "seen": ["count"]}}),
        ("values", schema(n=2, seen=["count"])),
    ]
    output = flow.invoke(app, given, thread="2", version="v2")
    assert output.value == schema(n=2, seen=["count"])
    assert (output["n"], "text" in output, "more" in output) == (2, True, False)
    assert flow.invoke(app, given, thread="3") == {"n": 2, "seen": ["count"]}


@pytest.mark.parametrize("schema", SCHEMAS)
def test_a_pause_gives_an_instance_and_the_questions(flow: Flavour, schema: Any) -> None:
    graph = counting(flow, schema)
    graph.add_node("ask", flow.node(lambda _: {"text": interrupt("?")}))
    graph.add_edge("count", "ask")
    app = flow.compile(graph)
    output = flow.invoke(app, {"n": 1, "seen": []}, version="v2")
    assert output.value == schema(n=2, seen=["count"])
    assert [one.value for one in output.interrupts] == ["?"]
    assert flow.invoke(app, Command(resume="R"), version="v2").value == schema(n=2, seen=["count"], text="R")


def test_the_result_is_of_the_output_schema(flow: Flavour) -> None:
    app = flow.compile(counting(flow, Model, output_schema=Small))
    assert flow.invoke(app, {"n": 1}, version="v2").value == Small(n=2)
    part = flow.invoke(app, {"n": 1}, thread="2", version="v2", output_keys=["n"])
    assert part.value == {"n": 2}


def test_values_of_graphs_inside_are_of_their_schemas(flow: Flavour) -> None:
    outer: StateGraph[Any] = StateGraph(Model)
    outer.add_node("sub", counting(flow, Box).compile())
    outer.add_edge(START, "sub")
    chunks = flow.stream(flow.compile(outer), {"n": 1, "seen": []}, stream_mode="values", version="v2", subgraphs=True)
    assert [type(one["data"]).__name__ for one in chunks] == ["Model", "Box", "Box", "Model"]


def test_what_lacks_a_value_stays_a_dict(flow: Flavour) -> None:
    class Late(BaseModel):
        seen: list[str] = []
        n: int

    graph: StateGraph[Any] = StateGraph(Late, input_schema=Small)
    graph.add_node("first", flow.node(lambda state: {"seen": ["first"]}), input_schema=Late)
    graph.add_edge(START, "first")
    first, last = flow.stream(flow.compile(graph), {"n": 1}, stream_mode="values", version="v2")
    assert first["data"] == Late(n=1)
    assert last["data"] == Late(n=1, seen=["first"])

    bare: StateGraph[Any] = StateGraph(Late)
    bare.add_node("only", flow.node(lambda state: {"seen": ["only"]}))
    bare.add_edge(START, "only")
    app = flow.compile(bare)
    assert app.typed({"seen": ["s"]}) == {"seen": ["s"]}
