"""Whether a graph can be compiled: every name leads somewhere, and something leaves START."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nbflow._support.warnings import warn
from nbflow.constants import END, START
from nbflow.errors import InvalidGraphError
from nbflow.errors.usage import nearest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from nbflow.graph.described import Description


def validate(graph: Description, stops: Iterable[str]) -> None:
    """Check a graph.

    Args:
        graph: as it was described.
        stops: nodes that runs are to stop at.

    Raises:
        InvalidGraphError: if it can't be compiled.
    """
    for name, where in _sources(graph):
        if name not in graph.nodes and name != START:
            raise InvalidGraphError(
                f"{where} starts at {name!r}, which is no node{nearest(name, graph.nodes)}; {_known(graph)}"
            )
    for name, where in _targets(graph):
        if name not in graph.nodes and name != END:
            raise InvalidGraphError(
                f"{where} leads to {name!r}, which is no node{nearest(name, graph.nodes)}; {_known(graph)}"
            )
    if not any(source == START for source, _ in _sources(graph)):
        raise InvalidGraphError("nothing leaves START; add_edge(START, name) says which node runs first")
    for name in stops:
        if name not in graph.nodes:
            raise InvalidGraphError(
                f"a breakpoint names {name!r}, which is no node{nearest(name, graph.nodes)}; {_known(graph)}"
            )
    _tell_double_routes(graph)


def _tell_double_routes(graph: Description) -> None:
    """Warn of nodes that declare where their Commands lead and have edges too: both are taken."""
    for node in graph.nodes.values():
        edges = [end for start, end in graph.edges if start == node.name]
        if node.destinations and edges:
            declared, others = (", ".join(map(repr, names)) for names in (node.destinations, edges))
            text = f"node {node.name!r} declares that its Commands lead to {declared}, and has an edge to {others}: "
            warn(f"{text}a Command leads there beside the edge, not instead of it", UserWarning)


def _sources(graph: Description) -> Iterator[tuple[str, str]]:
    for start, end in graph.edges:
        yield start, f"the edge to {end!r}"
    for source, branches in graph.branches.items():
        for branch in branches.values():
            yield source, f"the branch {branch.name!r}"


def _targets(graph: Description) -> Iterator[tuple[str, str]]:
    for start, end in graph.edges:
        yield end, f"the edge from {start!r}"
    for sources, end in graph.waiting_edges:
        yield end, f"the edge from {list(sources)}"
    for branches in graph.branches.values():
        for branch in branches.values():
            for answer, end in (branch.ends or {}).items():
                yield end, f"{branch.where}, at the answer {answer!r},"
    for node in graph.nodes.values():
        for target in node.destinations:
            yield target, f"a Command of node {node.name!r}"


def _known(graph: Description) -> str:
    return f"nodes are {', '.join(map(repr, graph.nodes))}" if graph.nodes else "there are no nodes"
