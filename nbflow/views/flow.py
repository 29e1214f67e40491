"""How a run flowed: what its body called, as a picture to be drawn, with arrows along which results went.

Where it is not recorded what a call was given, an arrow from what had ended before it began stands for that.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from typing import TYPE_CHECKING

from nbflow.constants import END, START
from nbflow.core.path import around, caller_of, order_of
from nbflow.core.record import ROOT
from nbflow.views.calls import CallRow, in_order
from nbflow.views.drawing import DrawnEdge, DrawnGraph, DrawnNode

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

THEN = "then"
LIMIT = 300
"""Calls of one body above which only known results are drawn as arrows."""


def flow_of(rows: Iterable[CallRow], at: str = ROOT, *, xray: bool | int = False) -> DrawnGraph:
    """Return what a body called as a graph: a node for each name of what was called.

    An arrow goes from a call to one that was given its future. To one that was given none, a dashed arrow ``then``
    goes from the last calls that had ended before it began; what the body did with their results is not recorded.

    Args:
        rows: the calls of the run.
        at: position of the body.
        xray: whether calls that called others are drawn with those; a number for so many levels.
    """
    ordered = in_order(rows)
    own = [row for row in ordered if row.parent == at]
    found = DrawnGraph({START: DrawnNode(START, START)})
    counts = Counter(row.name for row in own)
    for row in own:
        about: dict[str, object] | None = {"calls": counts[row.name]} if counts[row.name] > 1 else None
        found.nodes.setdefault(row.name, DrawnNode(row.name, row.name, row.kind, about))
    found.nodes[END] = DrawnNode(END, END)
    edges = dict[tuple[str, str], DrawnEdge]()
    for edge in _edges(own, at):
        past = edges.get(edge[:2])
        if past is None or (past.conditional and not edge.conditional):
            edges[edge.source, edge.target] = edge
    found.edges = [edges[key] for key in sorted(edges)]
    if xray:
        _look_inside(found, ordered, own, xray=xray)
    return found


def _edges(own: Sequence[CallRow], at: str) -> Iterator[DrawnEdge]:
    """Yield where results went, from the start to the end."""
    names = {row.path: row.name for row in own}
    used: set[str] = set()
    ended: list[CallRow] = []  # of those, in the order in which they ended
    if len(own) <= LIMIT:
        ended = sorted((row for row in own if row.ended is not None), key=lambda row: row.ended or 0.0)
    ends = [row.ended or 0.0 for row in ended]
    for row in own:
        known = {path for source in row.edges for path in around(source) if caller_of(path) == at} & names.keys()
        used |= known
        yield from (DrawnEdge(names[path], row.name) for path in known)
        earlier = () if known else _just_before(row, ended[: bisect_right(ends, row.started)])
        used.update(one.path for one in earlier)
        yield from (DrawnEdge(one.name, row.name, THEN, conditional=True) for one in earlier)
        if not known and not earlier:
            yield DrawnEdge(START, row.name)
    yield from (DrawnEdge(row.name, END) for row in own if row.path not in used)
    if not own:
        yield DrawnEdge(START, END)


def _just_before(row: CallRow, before: Sequence[CallRow]) -> list[CallRow]:
    """Return the last calls before one, of those that had ended when it began: no other call lies in between."""
    place = order_of(row.path)
    others = [one for one in before if one.name != row.name and order_of(one.path) < place]
    if not others:
        return []
    last = max(others, key=lambda one: one.started)
    return [one for one in others if one is last or (one.ended or 0.0) > last.started]


def _look_inside(found: DrawnGraph, rows: Sequence[CallRow], own: Sequence[CallRow], *, xray: bool | int) -> None:
    """Draw calls that called others with those, each name as its first call that did."""
    callers = {row.parent for row in rows}
    deeper = xray if xray is True else xray - 1
    opened: set[str] = set()
    for row in own:
        if row.path in callers and row.name not in opened:
            opened.add(row.name)
            found.open(row.name, flow_of(rows, row.path, xray=deeper))


__all__ = ["LIMIT", "flow_of"]
