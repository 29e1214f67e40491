"""The call graph of a run as a picture: by ``dot``, by graphviz-pure, or by the layout built in.

A picture is drawn in another process, within a time limit; whatever happens there, something is
shown: the built-in layout needs nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

import graphviz

from nbflow.views.callgraph import DATA, CallGraphModel, Edge, Node, graph_of
from nbflow.views.calls import CallRow, Record
from nbflow.views.progress import run_of
from nbflow_widgets import layered
from nbflow_widgets.markup import MUTED, colour, duration, listed, plural
from nbflow_widgets.pictures import FLOW, RENDERERS, as_image, cut, render, times_of, tint

if TYPE_CHECKING:
    from nbflow import Run


class CallGraph:
    """A call graph, ready to be shown.

    Attributes:
        model: nodes and edges.
        times: whether durations are shown; without, two runs that did the same give the same picture.
        renderer: what draws it: ``dot``, ``graphviz-pure`` or ``built-in``; None takes the first that is there.
    """

    def __init__(self, model: CallGraphModel, *, times: bool = True, renderer: str | None = None) -> None:
        self.model = model
        self.times = times
        self.renderer = renderer

    def __repr__(self) -> str:
        lines = [f"call graph by {self.model.by}: {plural(len(self.model.nodes), 'node')}"]
        for node in self.model.nodes:
            lines.append(f"  {_line(node)}" if self.model.by == "name" else f"  {node.id} {_line(node)}")
            lines += [
                f"    {'result to' if edge.kind == DATA else 'calls'} {edge.target}{times_of(edge.size)}"
                for edge in self.model.edges
                if edge.source == node.id
            ]
        return "\n".join(lines)

    def _repr_mimebundle_(self, **_limits: object) -> dict[str, str]:
        bundle = {"text/plain": repr(self)}
        if self.model.nodes:
            bundle["text/html"] = as_image(self.svg(), f"call graph of {self.model.nodes[0].name}")
        return bundle

    @property
    def _edges(self) -> list[Edge]:
        return [edge for edge in self.model.edges if not edge.implied]

    @cached_property
    def dot(self) -> str:
        """The graph in Graphviz's language."""
        graph = graphviz.Digraph("calls")
        graph.attr(rankdir="LR", bgcolor="transparent", pad="0.1", nodesep="0.18", ranksep="0.55")
        graph.attr("node", shape="box", style="rounded,filled", fontname="Helvetica", fontsize="11", penwidth="1.4")
        graph.attr("edge", arrowsize="0.6", color=MUTED, fontname="Helvetica", fontsize="9", fontcolor=MUTED)
        ids = {node.id: f"n{number}" for number, node in enumerate(self.model.nodes)}
        for node in self.model.nodes:
            graph.node(
                ids[node.id],
                graphviz.escape(_label(node, times=self.times)),
                color=colour(node.state),
                fillcolor=tint(colour(node.state)),
                fontcolor="#1f2328",
            )
        for edge in self._edges:
            data = {"color": FLOW, "fontcolor": FLOW} if edge.kind == DATA else {}
            graph.edge(ids[edge.source], ids[edge.target], label=times_of(edge.size).strip(), **data)
        return str(graph.source)

    def svg(self) -> str:
        """Return the picture; draws it if need be, for at most 10 seconds a renderer."""
        return self._drawn[0]

    @cached_property
    def drawn_by(self) -> str:
        """What drew the picture."""
        return self._drawn[1]

    @cached_property
    def _drawn(self) -> tuple[str, str]:
        for name in RENDERERS if self.renderer is None else (self.renderer,):
            svg = render(name, self.dot)
            if svg:
                return svg, name
        return self._built_in(), "built-in"

    def _built_in(self) -> str:
        boxes = []
        for node in self.model.nodes:
            title, *lines = _label(node, times=self.times).split("\n")
            tone = colour(node.state)
            boxes.append(layered.Box(id=node.id, title=title, lines=lines, fill=tint(tone), stroke=tone))
        arrows = [
            layered.Arrow(
                source=edge.source,
                target=edge.target,
                colour=FLOW if edge.kind == DATA else MUTED,
                label=times_of(edge.size).strip(),
            )
            for edge in self._edges
        ]
        return layered.draw(boxes, arrows, "call graph")


def callgraph(
    run: Run | Sequence[Record], by: str = "name", *, times: bool = True, renderer: str | None = None
) -> CallGraph:
    """Return the call graph of a run.

    Args:
        run: a run, or the records of one.
        by: ``"name"`` for a node per task, ``"call"`` for a node per call; above 300 calls always by name.
        times: whether durations are shown.
        renderer: ``"dot"``, ``"graphviz-pure"`` or ``"built-in"``; None takes the first that works.

    Raises:
        ValueError: if ``by`` or ``renderer`` is neither.
    """
    if by not in {"name", "call"}:
        msg = f"callgraph(): by is 'name' or 'call', not {by!r}"
        raise ValueError(msg)
    if renderer not in {None, *RENDERERS, "built-in"}:
        msg = f"callgraph(): renderer is 'dot', 'graphviz-pure' or 'built-in', not {renderer!r}"
        raise ValueError(msg)
    return CallGraph(graph_of(_rows(run), by), times=times, renderer=renderer)


def _rows(run: Run | Sequence[Record]) -> Sequence[CallRow]:
    live = not isinstance(run, Sequence) and not run.done()
    return list(run_of(run if isinstance(run, Sequence) else run.log, live=live).calls.rows.values())


def _label(node: Node, *, times: bool) -> str:
    facts = []
    if node.size > 1:
        facts.append(plural(node.size, "call"))
    if times and any(state not in {"waiting", "running"} for state in node.counts):
        facts.append(duration(node.seconds))
    others = {state: count for state, count in node.counts.items() if state != "done"}
    if others:
        facts.append(listed(others) if node.size > 1 else node.state)
    lines = [node.name, *([cut(node.shown)] if node.shown and node.kind not in {"entrypoint", "graph"} else [])]
    return "\n".join([*lines, *([" · ".join(facts)] if facts else [])])


def _line(node: Node) -> str:
    return " · ".join(_label(node, times=False).split("\n"))


__all__ = ["CallGraph", "callgraph"]
