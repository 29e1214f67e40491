"""Small graphs for tests: nodes that append their name, joined by edges written as text."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Annotated, Any, TypedDict

from nbflow.graph import END, START, StateGraph
from tests.behaviour.flavours import Flavour

ENDS = {"start": START, "end": END}


class Notes(TypedDict):
    a: Annotated[list[Any], operator.add]
    b: str


def note(flow: Flavour, name: str, ran: list[str] | None = None) -> Callable[..., Any]:
    """Return a node that appends its name to ``a``; ``ran`` notes that it ran."""

    def node(state: Any) -> dict[str, Any]:
        if ran is not None:
            ran.append(name)
        return {"a": [name]}

    node.__name__ = name
    return flow.node(node)


def built(
    flow: Flavour, edges: str, ran: list[str] | None = None, schema: Any = Notes, **nodes: Any
) -> StateGraph[Any]:
    """Return a graph of edges such as ``"start>x x>y x>z y+z>w"``; names without a node given append themselves."""
    graph: StateGraph[Any] = StateGraph(schema)
    pairs = [edge.split(">") for edge in edges.split()]
    names = dict.fromkeys(name for pair in pairs for side in pair for name in side.split("+"))
    for name in names:
        if name not in ENDS:
            graph.add_node(name, nodes.get(name) or note(flow, name, ran))
    for one, other in pairs:
        sources = [ENDS.get(name, name) for name in one.split("+")]
        graph.add_edge(sources if len(sources) > 1 else sources[0], ENDS.get(other, other))
    return graph
