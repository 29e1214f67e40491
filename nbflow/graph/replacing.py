"""What stands for a node of a run that is forked with another result of it: an update, with its routes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nbflow.constants import HANDLER
from nbflow.core.marks import marks_below, position_at
from nbflow.core.path import around, order_of, outside
from nbflow.core.record import ROOT, Asked, CallSettled, Marked, Record
from nbflow.errors import GraphUpdateError
from nbflow.graph.models import validated
from nbflow.graph.updates import routed_update
from nbflow.values import NodeUpdate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nbflow.graph.blueprint import Blueprint
    from nbflow.workflow import Workflow


def replacement(workflow: Workflow, graph: Blueprint, records: Sequence[Record], at: str, value: object) -> object:
    """Return what a call of a graph's run is to have returned: of a node an update, with where its branches lead.

    Args:
        workflow: the graph as a workflow, whose store the branches may read.
        graph: that ran.
        records: of the run.
        at: position of the call.
        value: as it was given; of a call that is no node, or in a graph that is called and is no node, it stays.

    Raises:
        GraphUpdateError: if it is no update of that node's graph.
    """
    names = _names(records)
    body, home = outside(at), graph
    for path in [one for one in reversed(list(around(body))) if one != ROOT]:
        node = home.nodes.get(names.get(path, ""))
        if node is None or node.graph is None:
            return value
        home = node.graph.blueprint
    name = names.get(at, "").removeprefix(HANDLER)
    if name not in home.nodes:
        return value
    before = [one for one in marks_below(records, body) if order_of(one.path) < order_of(at)]
    state, where = position_at(before).state, f"the replacement for node {name!r}"
    update = home.reader.read(value, where, state)
    try:
        writes = validated(home, update.writes, state)
    except ValueError as error:  # pydantic's
        raise GraphUpdateError(f"{where} does not fit the state: {error}") from error
    return routed_update(workflow, home, name, state, NodeUpdate(tuple(writes), update.goto, update.parent))


def _names(records: Sequence[Record]) -> dict[str, str]:
    """Return the names of nodes by position: as marks say what comes next, and as calls say of themselves."""
    found: dict[str, str] = {}
    for record in records:
        if isinstance(record, Marked):
            position = position_at([record])
            found.update((f"{outside(record.path)}.{unit.position}", unit.name) for unit in position.units)
        elif isinstance(record, (CallSettled, Asked)):
            found[record.path] = record.name
    return found
