"""Which nodes run next: what edges, branches, commands and joins of the nodes that have finished lead to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from nbflow.constants import END
from nbflow.core.marks import Unit
from nbflow.values import Send

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from nbflow.graph.blueprint import Blueprint

PUSH = ("__pregel_push",)


class Finished(NamedTuple):
    """A node that has finished in a step.

    Attributes:
        name: of the node, or START.
        goto: where its branches and commands lead.
    """

    name: str
    goto: Sequence[object]


class Plan(NamedTuple):
    """What runs next.

    Attributes:
        units: what runs, in the order in which the results count; their positions are not given yet.
        kept: what joins and deferred nodes wait for.
    """

    units: Sequence[Unit]
    kept: dict[str, Any]


def plan(
    graph: Blueprint,
    finished: Sequence[Finished],
    kept: Mapping[str, Any],
    pending: Iterable[Unit] = (),
    first: int | None = None,
) -> Plan:
    """Return what runs after a step.

    Nodes that edges lead to run once, ordered by name; after them each ``Send``, in the order of the senders.

    Args:
        graph: the graph.
        finished: the nodes of the step, in order.
        kept: what joins and deferred nodes waited for before it.
        pending: what runs anyway.
        first: position of the first unit's call; None leaves the positions open, as -1.
    """
    triggers: dict[str, list[str]] = {}
    sent: list[Unit] = []
    for name, goto in finished:
        for target in (*graph.edges.get(name, ()), *goto):
            if isinstance(target, Send):
                sent.append(Unit(str(target.node), -1, PUSH, (target.arg, target.timeout)))
            elif target != END:
                triggers.setdefault(target, []).append(f"branch:to:{target}")  # type: ignore[arg-type]  # a name
    if graph.is_plain:
        return Plan(_numbered(triggers, sent, first), {})
    joins = _joined(graph, {one.name for one in finished}, kept.get("joins", {}), triggers)
    held = {name: list(found) for name, found in kept.get("deferred", {}).items()}
    for name in tuple(triggers):
        if graph.nodes[name].defer:
            held.setdefault(name, []).extend(triggers.pop(name))
    others = [*pending, *sent]
    for name in _released(graph, held, {*triggers, *(unit.name for unit in others)}):
        triggers[name] = held.pop(name)
    left = {name: one for name, one in (("joins", joins), ("deferred", held)) if one}
    return Plan(_numbered(triggers, sent, first), left)


def _numbered(triggers: Mapping[str, Sequence[str]], sent: Sequence[Unit], first: int | None) -> list[Unit]:
    """Return what runs: nodes by name, then what was sent, with positions from the first one on."""
    found: list[Unit] = []
    for name in sorted(triggers) if len(triggers) > 1 else triggers:
        causes = triggers[name]
        position = -1 if first is None else first + len(found)
        found.append(Unit(name, position, tuple(dict.fromkeys(causes)) if len(causes) > 1 else tuple(causes)))
    if first is None:
        return [*found, *sent]
    start = first + len(found)
    return [*found, *(Unit(one.name, start + at, PUSH, one.payload) for at, one in enumerate(sent))]


def _joined(
    graph: Blueprint, finished: set[str], waiting: Mapping[str, Sequence[str]], triggers: dict[str, list[str]]
) -> dict[str, list[str]]:
    """Trigger the nodes whose joins are full; return what the others have got so far."""
    left: dict[str, list[str]] = {}
    for sources, end in graph.joins:
        label = _label(sources, end)
        there = {*waiting.get(label, ()), *(finished & set(sources))}
        if there == set(sources):
            if end != END:
                triggers.setdefault(end, []).append(label)
        elif there:
            left[label] = sorted(there)
    return left


def _released(graph: Blueprint, held: Mapping[str, object], active: set[str]) -> list[str]:
    """Return the deferred nodes that nothing which still runs can lead to."""
    if not held:
        return []
    on_the_way = active.union(*(graph.reaches[one] for one in active))
    if any(graph.nodes[one].may_lead_anywhere for one in on_the_way):
        return []
    free = [name for name in held if not any(name in graph.reaches[other] for other in active | (held.keys() - {name}))]
    return free or ([] if active else list(held))


_ESCAPED = str.maketrans({"+": "\\+", "\\": "\\\\"})


def _label(sources: Sequence[str], end: str) -> str:
    """Return what a join is called as a trigger; a plus in a name is escaped, so that no two joins share a label."""
    return f"join:{'+'.join(one.translate(_ESCAPED) for one in sources)}:{end}"


def unfilled(graph: Blueprint, kept: Mapping[str, Any]) -> list[str]:
    """Return, in words, which joins have got some of their sources and not all."""
    found, waiting = [], kept.get("joins", {})
    for sources, end in graph.joins:
        there = waiting.get(_label(sources, end), ())
        missing = [one for one in sources if one not in there]
        if there:
            found.append(
                f"node {end!r} has waited for {', '.join(map(repr, missing))} beside {', '.join(map(repr, there))}"
            )
    return found
