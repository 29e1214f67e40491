"""What is drawn of graphs and of runs: nodes and where they lead; as JSON, as Mermaid, as DOT."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import NamedTuple

from nbflow.constants import END, START


class DrawnNode(NamedTuple):
    """A node of a drawing.

    Attributes:
        id: names it; of a node inside another one ``"outer:inner"``.
        name: what is written on it.
        data: what runs; of a recorded call its kind, such as ``"task"``; None for START and END.
        metadata: of the user's, with ``defer`` and ``__interrupt``; None without any.
    """

    id: str
    name: str
    data: object = None
    metadata: dict[str, object] | None = None


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

    def open(self, name: str, inner: DrawnGraph) -> None:
        """Put the nodes of a graph in the place of the node that it is."""
        inside = {key: node for key, node in inner.nodes.items() if key not in {START, END}}
        firsts = [edge.target for edge in inner.edges if edge.source == START and edge.target != END]
        lasts = [edge.source for edge in inner.edges if edge.target == END and edge.source != START]
        if not inside or not firsts or not lasts:
            return
        nodes: dict[str, DrawnNode] = {}
        for key, node in self.nodes.items():
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
        for edge in self.edges:
            sources = [f"{name}:{one}" for one in lasts] if edge.source == name else [edge.source]
            targets = [f"{name}:{one}" for one in firsts] if edge.target == name else [edge.target]
            edges += [edge._replace(source=one, target=other) for one in sources for other in targets]
        self.nodes, self.edges = nodes, sorted(edges, key=lambda edge: edge[:2])

    def to_json(self) -> dict[str, list[dict[str, object]]]:
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
        for home in dict.fromkeys(key.rpartition(":")[0] for key in self.nodes if ":" in key):
            lines.append(f"\tsubgraph {home}")
            if with_styles:
                own = [node for key, node in self.nodes.items() if key.rpartition(":")[0] == home]
                lines += [f"\t{_mermaid_node(node)}" for node in own]
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


def _node_data(node: DrawnNode) -> dict[str, object]:
    if node.data is None:
        return {"id": node.id}
    about: dict[str, object] = {
        "id": node.id,
        "type": "runnable",
        "data": {"id": _kind_of(node.data), "name": node.name},
    }
    return {**about, "metadata": node.metadata} if node.metadata else about


def _kind_of(data: object) -> list[str]:
    if isinstance(data, str):
        return ["nbflow", data]
    if hasattr(data, "graph") and hasattr(data, "spec"):  # a graph's node
        data = data.graph or data.spec.fn
    kind = type(data)
    return [*kind.__module__.split("."), kind.__name__]


def _edge_data(edge: DrawnEdge) -> dict[str, object]:
    found: dict[str, object] = {"source": edge.source, "target": edge.target}
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
