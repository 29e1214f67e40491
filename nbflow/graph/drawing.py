"""A graph as a picture to be drawn: its nodes and where they may lead; as JSON, as Mermaid, as DOT."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from nbflow.constants import END, START

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nbflow.graph.blueprint import Blueprint, Branch, Node

ANYWHERE = "?"


class DrawnNode(NamedTuple):
    """A node of a drawing.

    Attributes:
        id: names it; of a node inside another one ``"outer:inner"``.
        name: what is written on it.
        data: what runs; None for START and END.
        metadata: of the user's, with ``defer`` and ``__interrupt``; None without any.
    """

    id: str
    name: str
    data: Any = None
    metadata: dict[str, Any] | None = None


class DrawnEdge(NamedTuple):
    """An edge of a drawing.

    Attributes:
        source, target: ids of nodes.
        data: a label, or None.
        conditional: whether it is taken only now and then.
    """

    source: str
    target: str
    data: str | None = None
    conditional: bool = False


@dataclass
class DrawnGraph:
    """A graph to be drawn: ``draw_mermaid()``, ``to_dot()``, ``to_json()``.

    Attributes:
        nodes: by id, START first and END last.
        edges: sorted by source and target.
    """

    nodes: dict[str, DrawnNode] = field(default_factory=dict)
    edges: list[DrawnEdge] = field(default_factory=list)

    def first_node(self) -> DrawnNode | None:
        """Return the one node that nothing leads to; None if there are several or none."""
        return self._only({edge.target for edge in self.edges})

    def last_node(self) -> DrawnNode | None:
        """Return the one node that leads nowhere; None if there are several or none."""
        return self._only({edge.source for edge in self.edges})

    def _only(self, others: set[str]) -> DrawnNode | None:
        found = [node for key, node in self.nodes.items() if key not in others]
        return found[0] if len(found) == 1 else None

    def to_json(self) -> dict[str, list[dict[str, Any]]]:
        """Return nodes and edges as plain data."""
        return {
            "nodes": [_node_data(node) for node in self.nodes.values()],
            "edges": [_edge_data(e) for e in self.edges],
        }

    def draw_mermaid(self, *, with_styles: bool = True) -> str:
        """Return the graph in Mermaid's language.

        Args:
            with_styles: whether nodes are listed with their shapes and colours; else edges alone.
        """
        lines = ["---", "config:", "  flowchart:", "    curve: linear", "---"] if with_styles else []
        lines.append("graph TD;")
        if with_styles:
            lines += [f"\t{_mermaid_node(node)}" for key, node in self.nodes.items() if ":" not in key]
        lines += [f"\t{_mermaid_edge(edge)}" for edge in self.edges if not _home(edge)]
        for home in dict.fromkeys(_home(edge) for edge in self.edges if _home(edge)):
            lines.append(f"\tsubgraph {home}")
            if with_styles:
                lines += [f"\t{_mermaid_node(node)}" for key, node in self.nodes.items() if key.startswith(f"{home}:")]
            lines += [f"\t{_mermaid_edge(edge)}" for edge in self.edges if _home(edge) == home]
            lines.append("\tend")
        if with_styles:
            lines += [
                "\tclassDef default fill:#f2f0ff,line-height:1.2",
                "\tclassDef first fill-opacity:0",
                "\tclassDef last fill:#bfb6fc",
            ]
        return "\n".join(lines) + "\n"

    def to_dot(self) -> str:
        """Return the graph in Graphviz's language."""
        lines = [
            "digraph {",
            '  rankdir=TB; bgcolor="transparent";',
            "  node [shape=box, style=rounded, fontname=Helvetica];",
        ]
        for key, node in self.nodes.items():
            shape = ", shape=ellipse" if key in {START, END} else ""
            lines.append(f"  {_quoted(key)} [label={_quoted(_label(node))}{shape}];")
        for edge in self.edges:
            label = f", label={_quoted(edge.data)}" if edge.data else ""
            lines.append(
                f"  {_quoted(edge.source)} -> {_quoted(edge.target)} "
                f"[style={'dashed' if edge.conditional else 'solid'}{label}];"
            )
        return "\n".join([*lines, "}"]) + "\n"


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
            _open(found, name, drawn(node.graph.blueprint, xray=xray if xray is True else xray - 1))
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


def _open(outer: DrawnGraph, name: str, inner: DrawnGraph) -> None:
    """Put the nodes of a graph in the place of the node that it is."""
    inside = {key: node for key, node in inner.nodes.items() if key not in {START, END}}
    firsts = [edge.target for edge in inner.edges if edge.source == START and edge.target != END]
    lasts = [edge.source for edge in inner.edges if edge.target == END and edge.source != START]
    if not inside or not firsts or not lasts:
        return
    nodes: dict[str, DrawnNode] = {}
    for key, node in outer.nodes.items():
        if key != name:
            nodes[key] = node
            continue
        for inner_key, one in inside.items():
            nodes[f"{name}:{inner_key}"] = one._replace(id=f"{name}:{inner_key}")
    edges = [
        edge._replace(source=f"{name}:{edge.source}", target=f"{name}:{edge.target}")
        for edge in inner.edges
        if edge.source != START and edge.target != END
    ]
    for edge in outer.edges:
        sources = [f"{name}:{one}" for one in lasts] if edge.source == name else [edge.source]
        targets = [f"{name}:{one}" for one in firsts] if edge.target == name else [edge.target]
        edges += [edge._replace(source=one, target=other) for one in sources for other in targets]
    outer.nodes, outer.edges = nodes, sorted(edges, key=lambda edge: edge[:2])


def _metadata(graph: Blueprint, node: Node) -> dict[str, Any] | None:
    found = dict(node.metadata or {})
    if node.defer:
        found["defer"] = True
    stops = [word for word, names in (("before", graph.before), ("after", graph.after)) if node.name in names]
    if stops:
        found["__interrupt"] = ",".join(stops)
    return found or None


def _node_data(node: DrawnNode) -> dict[str, Any]:
    if node.data is None:
        return {"id": node.id}
    kind = type(node.data.graph or node.data.spec.fn)
    about = {
        "id": node.id,
        "type": "runnable",
        "data": {"id": [*kind.__module__.split("."), kind.__name__], "name": node.name},
    }
    return {**about, "metadata": node.metadata} if node.metadata else about


def _edge_data(edge: DrawnEdge) -> dict[str, Any]:
    found: dict[str, Any] = {"source": edge.source, "target": edge.target}
    if edge.data is not None:
        found["data"] = edge.data
    if edge.conditional:
        found["conditional"] = True
    return found


def _home(edge: DrawnEdge) -> str:
    """Return the graph inside which an edge stays; empty for none."""
    one, _, _ = edge.source.rpartition(":")
    other, _, _ = edge.target.rpartition(":")
    return one if one == other else ""


def _safe(key: str) -> str:
    """Return an id as Mermaid takes it."""
    return re.sub(r"[^\w-]", lambda found: f"\\{ord(found[0]):x}", key)


def _label(node: DrawnNode) -> str:
    more = [f"{name} = {value}" for name, value in (node.metadata or {}).items()]
    return "\n".join([node.name, *more])


def _mermaid_node(node: DrawnNode) -> str:
    if node.id in {START, END}:
        return f"{node.id}([<p>{node.id}</p>]):::{'first' if node.id == START else 'last'}"
    more = "".join(f"\n{name} = {value}" for name, value in (node.metadata or {}).items())
    extra = f"<hr/><small><em>{more.strip()}</em></small>" if more else ""
    return f"{_safe(node.id)}({node.name}{extra})"


def _mermaid_edge(edge: DrawnEdge) -> str:
    line = "-.->" if edge.conditional else "-->"
    if edge.data:
        line = f"-. &nbsp;{edge.data}&nbsp; .->" if edge.conditional else f"-- &nbsp;{edge.data}&nbsp; -->"
    return f"{_safe(edge.source)} {line} {_safe(edge.target)};"


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
