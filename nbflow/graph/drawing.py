"""A compiled graph as a picture to be drawn: its nodes and where they may lead."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nbflow.constants import END, START
from nbflow.views.drawing import DrawnEdge, DrawnGraph, DrawnNode

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nbflow.graph.blueprint import Blueprint, Branch, Node

ANYWHERE = "?"


def drawn(graph: Blueprint, *, xray: bool | int = False) -> DrawnGraph:
    """Return the drawing of a graph.

    Args:
        graph: the graph.
        xray: whether graphs that are nodes are drawn with their nodes; a number for so many levels.
    """
    found = DrawnGraph({START: DrawnNode(START, START)}, [])
    for name, node in graph.nodes.items():
        found.nodes[name] = DrawnNode(name, name, node, _metadata(graph, node))
    edges = dict[tuple[str, str], DrawnEdge]()
    for edge in _edges(graph):
        past = edges.get((edge.source, edge.target))
        if past is None or (edge.conditional and not past.conditional):
            edges[edge.source, edge.target] = edge
    found.edges = [edges[key] for key in sorted(edges)]
    if any(edge.target == END for edge in found.edges):
        found.nodes[END] = DrawnNode(END, END)
    if any(edge.target == ANYWHERE for edge in found.edges):
        found.nodes[ANYWHERE] = DrawnNode(ANYWHERE, "anywhere")
    for name, node in graph.nodes.items():
        if xray and node.graph is not None:
            found.open(name, drawn(node.graph.blueprint, xray=xray if xray is True else xray - 1))
    return found


def _edges(graph: Blueprint) -> Iterator[DrawnEdge]:
    """Yield all edges; those of a node that leads nowhere lead to the end."""
    for source, targets in graph.edges.items():
        for target in targets:
            yield DrawnEdge(source, target, None, conditional=source == START and target == END)
    for sources, target in graph.joins:
        yield from (DrawnEdge(source, target) for source in sources)
    for branches in graph.branches.values():
        for branch in branches:
            yield from _branched(branch)
    for name, node in graph.nodes.items():
        for target, label in node.destinations.items():
            yield DrawnEdge(name, target, label or None, conditional=True)
        leads = name in graph.edges or name in graph.branches or node.destinations
        if not leads and not any(name in sources for sources, _ in graph.joins):
            yield DrawnEdge(name, END)


def _branched(branch: Branch) -> Iterator[DrawnEdge]:
    """Yield where a branch leads: anywhere, if it may answer anything."""
    if branch.ends is None:
        yield DrawnEdge(branch.source, ANYWHERE, branch.name, conditional=True)
    for answer, target in (branch.ends or {}).items():
        yield DrawnEdge(branch.source, target, str(answer) if str(answer) != target else None, conditional=True)


def _metadata(graph: Blueprint, node: Node) -> dict[str, Any] | None:
    found = dict(node.metadata or {})
    if node.defer:
        found["defer"] = True
    stops = [word for word, names in (("before", graph.before), ("after", graph.after)) if node.name in names]
    if stops:
        found["__interrupt"] = ",".join(stops)
    return found or None
