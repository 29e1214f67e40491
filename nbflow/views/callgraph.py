"""Who called whom, and whose result went where: nodes and edges of a run.

One node per call, per task and level, or per task; what would be too large a picture is folded.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, NamedTuple

from nbflow.core.path import caller_of
from nbflow.core.states import URGENT
from nbflow.views.calls import CallRow, in_order
from nbflow.views.progress import Progress, time_in_run

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

LIMIT = 40
"""Nodes above which a graph is folded."""
MOST = 300
"""Nodes that are drawn at most where nothing is to be folded."""
WAYS = ("task", "level", "call")
CALLS = "calls"
DATA = "data"
REST = "\0rest"


class Node(NamedTuple):
    """One call, or several.

    Attributes:
        id: position of the call, or another name of the node.
        name: of the task or body; of a node for many tasks how many they are.
        kind: ``"task"``, ``"entrypoint"``, ``"graph"`` or ``"node"``.
        size: how many calls it stands for.
        seconds: how long they took together, without the time in which the run stood still, such as for a person.
        counts: how many of them are in which state.
        shown: the arguments as short text; empty for several calls.
        path: position of the call that matters most among them, by its state.
    """

    id: str
    name: str
    kind: str
    size: int
    seconds: float
    counts: Mapping[str, int]
    shown: str = ""
    path: str = ""

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
        by: ``"call"``, ``"level"`` or ``"task"``: what a node is.
        folded: whether it would have been larger than its limit, so that nodes stand for more than that.
    """

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    by: str
    folded: bool = False


def graph_of(
    rows: Iterable[CallRow], by: str = "task", limit: int = LIMIT, progress: Progress | None = None
) -> CallGraphModel:
    """Return the call graph of a run.

    Args:
        rows: its calls.
        by: ``"call"`` for a node per call, ``"level"`` for one per task and how deep its calls stand below the body,
            ``"task"`` for one per task.
        limit: with more nodes than this, calls of one name under one caller are one; if they are still more,
            ``"level"`` and then ``"task"`` is taken, and at last the tasks that took least time are one node.
        progress: how the run stands as a whole, so that times in which it stood still are left out.
    """
    ordered = in_order(rows)
    keys = {"call": (_alone, _beside, _by_level, _by_task), "level": (_by_level, _by_task), "task": (_by_task,)}[by]
    took = {row.path: _seconds(row, progress) for row in ordered}
    ids, folded = keys[0](ordered), False
    for key in keys[1:]:
        if len(set(ids.values())) > limit:
            ids, folded = key(ordered), True
    if len(set(ids.values())) > limit:
        ids, folded = _without_small(ordered, ids, took, limit), True
    return CallGraphModel(_nodes(ordered, ids, took), _edges(ordered, ids), by, folded)


def _alone(rows: Sequence[CallRow]) -> dict[str, str]:
    return {row.path: row.path for row in rows}


def _beside(rows: Sequence[CallRow]) -> dict[str, str]:
    """Return one id for the calls of one name under one caller; those under callers that are one count as such."""
    ids: dict[str, str] = {}
    sizes = Counter((row.parent, row.name) for row in rows)
    for row in rows:  # callers come first
        above = ids.get(row.parent, "")
        is_alone = sizes[row.parent, row.name] == 1 and above == row.parent
        ids[row.path] = row.path if is_alone else f"{above}\0{row.name}"
    return ids


def _by_level(rows: Sequence[CallRow]) -> dict[str, str]:
    depths: dict[str, int] = {}
    for row in rows:
        depths[row.path] = depths.get(row.parent, -1) + 1
    return {row.path: f"{depths[row.path]}\0{row.name}" for row in rows}


def _by_task(rows: Sequence[CallRow]) -> dict[str, str]:
    return {row.path: row.name for row in rows}


def _without_small(
    rows: Sequence[CallRow], ids: Mapping[str, str], took: Mapping[str, float], limit: int
) -> dict[str, str]:
    """Return ids in which the nodes that took least time are one, but for that of the body."""
    seconds: dict[str, float] = defaultdict(float)
    for path, key in ids.items():
        seconds[key] += took[path]
    first = ids[rows[0].path]
    kept = {first, *sorted((key for key in seconds if key != first), key=lambda key: -seconds[key])[: limit - 2]}
    return {path: key if key in kept else REST for path, key in ids.items()}


def _nodes(rows: Sequence[CallRow], ids: Mapping[str, str], took: Mapping[str, float]) -> tuple[Node, ...]:
    members: dict[str, list[CallRow]] = {}
    for row in rows:
        members.setdefault(ids[row.path], []).append(row)
    return tuple(_node(key, calls, took) for key, calls in members.items())


def _edges(rows: Sequence[CallRow], ids: Mapping[str, str]) -> tuple[Edge, ...]:
    edges: Counter[tuple[str, str, str]] = Counter()
    needed: set[tuple[str, str, str]] = set()
    for row in rows:
        sources = [source for source in row.edges if source in ids]
        if row.parent in ids:
            edge = (ids[row.parent], ids[row.path], CALLS)
            edges[edge] += 1
            if not any(caller_of(source) == row.parent for source in sources):
                needed.add(edge)
        edges.update((ids[source], ids[row.path], DATA) for source in sources)
    return tuple(Edge(*edge, count, implied=edge[2] == CALLS and edge not in needed) for edge, count in edges.items())


def _node(key: str, calls: list[CallRow], took: Mapping[str, float]) -> Node:
    counts = Counter(row.state for row in calls)
    first = calls[0]
    urgent = min(calls, key=lambda row: URGENT.index(row.state) if row.state in URGENT else len(URGENT))
    return Node(
        key,
        first.name if key != REST else f"{len({row.name for row in calls}):,} more tasks",
        first.kind,
        len(calls),
        sum(took[row.path] for row in calls),
        counts,
        first.shown if len(calls) == 1 else "",
        urgent.path,
    )


def _seconds(row: CallRow, progress: Progress | None) -> float:
    if row.ended is None:
        return 0.0
    if progress is None:
        return max(0.0, row.ended - row.started)
    return max(0.0, time_in_run(progress, row.ended) - time_in_run(progress, row.started))


__all__ = ["CALLS", "DATA", "LIMIT", "MOST", "REST", "WAYS", "CallGraphModel", "Edge", "Node", "graph_of"]
