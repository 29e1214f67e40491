"""Who called whom, and whose result went where: nodes and edges of a run.

One node per call, or one per task name; a large run is aggregated by name whatever was asked.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from nbflow.core.path import caller_of
from nbflow.core.states import URGENT
from nbflow.views.calls import CallRow, in_order

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

LIMIT = 300
CALLS = "calls"
DATA = "data"


class Node(NamedTuple):
    """One call, or all calls of one name.

    Attributes:
        id: position of the call, or the name.
        name: of the task or body.
        kind: ``"task"``, ``"entrypoint"``, ``"graph"`` or ``"node"``.
        size: how many calls it stands for.
        seconds: how long they took together.
        counts: how many of them are in which state.
        shown: the arguments as short text; empty for several calls.
    """

    id: str
    name: str
    kind: str
    size: int
    seconds: float
    counts: Mapping[str, int]
    shown: str = ""

    @property
    def state(self) -> str:
        """The state that matters most among its calls."""
        return next((state for state in URGENT if self.counts.get(state)), "done")


class Edge(NamedTuple):
    """Calls from one node to another, or results that went from one to another.

    Attributes:
        source, target: ids of nodes.
        kind: ``"calls"`` or ``"data"``.
        size: how many.
        implied: whether every call of it takes a result of a sibling, so that a picture can do without it.
    """

    source: str
    target: str
    kind: str
    size: int
    implied: bool = False


class CallGraphModel(NamedTuple):
    """A call graph.

    Attributes:
        nodes: callers before what they called.
        edges: in the order of their targets.
        by: ``"call"`` or ``"name"``: what a node is.
    """

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    by: str


def graph_of(rows: Iterable[CallRow], by: str = "name", limit: int = LIMIT) -> CallGraphModel:
    """Return the call graph of a run.

    Args:
        rows: its calls.
        by: ``"call"`` for a node per call, ``"name"`` for one per task name.
        limit: with more calls than this, ``"call"`` becomes ``"name"``.
    """
    ordered = in_order(rows)
    if by == "call" and len(ordered) > limit:
        by = "name"
    ids = {row.path: row.path if by == "call" else row.name for row in ordered}
    members: dict[str, list[CallRow]] = {}
    edges: Counter[tuple[str, str, str]] = Counter()
    needed: set[tuple[str, str, str]] = set()
    for row in ordered:
        members.setdefault(ids[row.path], []).append(row)
        sources = [source for source in row.edges if source in ids]
        if row.parent in ids:
            edge = (ids[row.parent], ids[row.path], CALLS)
            edges[edge] += 1
            if not any(caller_of(source) == row.parent for source in sources):
                needed.add(edge)
        edges.update((ids[source], ids[row.path], DATA) for source in sources)
    nodes = tuple(_node(key, calls) for key, calls in members.items())
    drawn = (Edge(*edge, count, implied=edge[2] == CALLS and edge not in needed) for edge, count in edges.items())
    return CallGraphModel(nodes, tuple(drawn), by)


def _node(key: str, calls: list[CallRow]) -> Node:
    seconds = sum(max(0.0, row.ended - row.started) for row in calls if row.ended is not None)
    counts = Counter(row.state for row in calls)
    return Node(
        key, calls[0].name, calls[0].kind, len(calls), seconds, counts, calls[0].shown if len(calls) == 1 else ""
    )


__all__ = ["CALLS", "DATA", "LIMIT", "CallGraphModel", "Edge", "Node", "graph_of"]
