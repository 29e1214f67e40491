"""Graphs as pictures and as schemas: nothing runs."""

from __future__ import annotations

import operator
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BaseModel

from nbflow import InMemorySaver
from nbflow.graph import END, START, StateGraph
from tests.behaviour.flavours import Flavour
from tests.behaviour.graphs import Notes, built

FLOW = Flavour("sync", InMemorySaver())


def test_nodes_and_edges_of_a_drawing() -> None:
    graph = built(FLOW, "start>x x>y")
    graph.add_conditional_edges("x", lambda _: "yes", {"yes": "y", "no": END})
    drawn = graph.compile().get_graph()
    assert list(drawn.nodes) == [START, "x", "y", END]
    assert [tuple(edge) for edge in drawn.edges] == [
        (START, "x", None, False),
        ("x", END, "no", True),
        ("x", "y", "yes", True),
        ("y", END, None, False),
    ]
    assert drawn.first_node() == drawn.nodes[START]
    assert drawn.last_node() == drawn.nodes[END]


def test_a_branch_that_may_answer_anything_leads_anywhere() -> None:
    graph = built(FLOW, "start>x y>end")
    graph.add_conditional_edges("x", lambda _: "y")
    drawn = graph.compile().get_graph()
    assert ("x", "?", "condition", True) in [tuple(edge) for edge in drawn.edges]


def test_mermaid_text() -> None:
    expected = (
        "---\nconfig:\n  flowchart:\n    curve: linear\n---\ngraph TD;\n"
        "\t__start__([<p>__start__</p>]):::first\n\tx(x)\n\ty(y)\n\t__end__([<p>__end__</p>]):::last\n"
        "\t__start__ --> x;\n\tx --> y;\n\ty --> __end__;\n"
        "\tclassDef default fill:#f2f0ff,line-height:1.2\n\tclassDef first fill-opacity:0\n"
        "\tclassDef last fill:#bfb6fc\n"
    )
    assert built(FLOW, "start>x x>y").compile().get_graph().draw_mermaid() == expected


def test_a_graph_inside_is_drawn_with_its_nodes() -> None:
    child = built(FLOW, "start>s1 s1>s2").compile()
    app = built(FLOW, "start>sub sub>post", sub=child).compile()
    assert list(app.get_graph().nodes) == [START, "sub", "post", END]
    drawn = app.get_graph(xray=True)
    assert list(drawn.nodes) == [START, "sub:s1", "sub:s2", "post", END]
    assert ("sub:s2", "post") in [edge[:2] for edge in drawn.edges]
    assert "subgraph sub" in drawn.draw_mermaid()
    assert '"sub:s2" -> "post"' in drawn.to_dot()
    assert [name for name, _ in app.get_subgraphs()] == ["sub"]


def test_drawings_as_json_with_metadata() -> None:
    graph: StateGraph[Any] = StateGraph(Notes)
    graph.add_node("x", lambda _: {}, metadata={"m": 1}, defer=True)
    graph.add_edge(START, "x")
    node = graph.compile(interrupt_before=["x"]).get_graph().to_json()["nodes"][1]
    assert (node["id"], node["metadata"]) == ("x", {"m": 1, "defer": True, "__interrupt": "before"})


@dataclass
class Box:
    n: Annotated[list[int], operator.add]
    text: str = "t"


class Model(BaseModel):
    n: int


def test_schemas_of_input_and_output() -> None:
    def schema(kind: Any) -> dict[str, Any]:
        graph: StateGraph[Any] = StateGraph(kind)
        graph.add_node("x", lambda _: None)
        graph.add_edge(START, "x")
        found: dict[str, Any] = graph.compile().get_input_jsonschema()
        return found

    assert schema(Notes)["title"] == "Notes"
    assert set(schema(Notes)["properties"]) == {"a", "b"}
    assert schema(Box)["title"] == "NbflowInput"
    assert schema(Box)["properties"]["text"]["default"] == "t"
    assert schema(Model) == Model.model_json_schema()
    assert schema(int) == {"title": "NbflowInput", "type": "integer"}
