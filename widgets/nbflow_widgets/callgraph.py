"""The call graph of a run as a picture: by ``dot``, by graphviz-pure, or by the layout built in.

A picture is drawn in another process, within a time limit; whatever happens there, something is
shown: the built-in layout needs nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

import graphviz

from nbflow.errors.usage import nearest
from nbflow.views.callgraph import DATA, LIMIT, MOST, REST, WAYS, CallGraphModel, Edge, Node, graph_of
from nbflow.views.calls import Record
from nbflow.views.progress import run_of
from nbflow_widgets import layered
from nbflow_widgets.markup import MUTED, colour, duration, listed, plural, visible
from nbflow_widgets.packed import is_wanted
from nbflow_widgets.pictures import (
    FLOW,
    RENDERERS,
    TEXT,
    Chosen,
    as_image,
    cut,
    render,
    script_of,
    times_of,
    tint,
)

if TYPE_CHECKING:
    from nbflow import Run


class CallGraph:
    """A call graph, ready to be shown.

    Attributes:
        model: nodes and edges.
        times: whether durations are shown; without, two runs that did the same give the same picture.
        renderer: what draws it: ``dot``, ``graphviz-pure`` or ``built-in``; None takes the first that is there.
        run_id: names the run.
        script: whether the picture comes with a script that shows it in the colours of the page, and selects a node's
            calls in a timeline of the run; nobody misses it where scripts don't run.
    """

    def __init__(
        self,
        model: CallGraphModel,
        *,
        times: bool = True,
        renderer: str | None = None,
        run_id: str = "",
        script: bool = False,
    ) -> None:
        self.model = model
        self.times = times
        self.renderer = renderer
        self.run_id = run_id
        self.script = script

    def __repr__(self) -> str:
        folded = ", folded" if self.model.folded else ""
        lines = [f"call graph by {self.model.by}{folded}: {plural(len(self.model.nodes), 'node')}"]
        names = {node.id: _place(node) for node in self.model.nodes}
        for node in self.model.nodes:
            place = f"{node.path} " if names[node.id] == node.path else ""
            lines.append(f"  {place}{_line(node)}")
            lines += [
                f"    {'result to' if edge.kind == DATA else 'calls'} {names[edge.target]}{times_of(edge.size)}"
                for edge in self.model.edges
                if edge.source == node.id
            ]
        return "\n".join(map(visible, lines))

    def _repr_mimebundle_(self, **_limits: object) -> dict[str, str]:
        bundle = {"text/plain": repr(self)}
        if self.model.nodes:
            title = f"call graph of {self.model.nodes[0].name}"
            bundle["text/html"] = as_image(self.svg(), title) + (self._script() if self.script else "")
        return bundle

    def _script(self) -> str:
        """Return what makes the picture one to click on, in trusted notebooks."""
        nodes = {
            f"n{number}": Chosen(node.path, node.name, node.size)
            for number, node in enumerate(self.model.nodes)
            if node.id != REST
        }
        return script_of(self.run_id, nodes)

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
                fontcolor=TEXT,
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
        ids = {node.id: f"n{number}" for number, node in enumerate(self.model.nodes)}
        for node in self.model.nodes:
            title, *lines = _label(node, times=self.times).split("\n")
            tone = colour(node.state)
            boxes.append(layered.Box(id=ids[node.id], title=title, lines=lines, fill=tint(tone), stroke=tone))
        arrows = [
            layered.Arrow(
                source=ids[edge.source],
                target=ids[edge.target],
                colour=FLOW if edge.kind == DATA else MUTED,
                label=times_of(edge.size).strip(),
            )
            for edge in self._edges
        ]
        return layered.draw(boxes, arrows, "call graph")


def callgraph(
    run: Run | Sequence[Record],
    by: str = "task",
    *,
    times: bool = True,
    renderer: str | None = None,
    whole: bool = False,
    script: bool = False,
) -> CallGraph:
    """Return the call graph of a run.

    Args:
        run: a run, or the records of one.
        by: ``"task"`` for a node per task, ``"level"`` for one per task and how deep its calls stand, ``"call"`` for a
            node per call; above 40 nodes it is folded.
        times: whether durations are shown: without the time in which the run stood still.
        renderer: ``"dot"``, ``"graphviz-pure"`` or ``"built-in"``; None takes the first that works.
        whole: whether it is folded above 300 nodes only.
        script: whether a click on a node selects its calls in a timeline of the run.

    Raises:
        ValueError: if ``by`` or ``renderer`` is another word.
    """
    if by not in WAYS:
        msg = f"callgraph(): by is {listed_words(WAYS)}, not {by!r}{nearest(by, WAYS)}"
        raise ValueError(msg)
    if renderer not in {None, *RENDERERS, "built-in"}:
        msg = f"callgraph(): renderer is 'dot', 'graphviz-pure' or 'built-in', not {renderer!r}"
        raise ValueError(msg)
    view = run_of(run if isinstance(run, Sequence) else run.log, live=not isinstance(run, Sequence) and not run.done())
    model = graph_of(view.calls.rows.values(), by, MOST if whole else LIMIT, view.progress)
    return CallGraph(model, times=times, renderer=renderer, run_id=view.progress.run_id, script=script and is_wanted())


def listed_words(words: Sequence[str]) -> str:
    """Return words as a choice: ``'a', 'b' or 'c'``."""
    *some, last = map(repr, words)
    return f"{', '.join(some)} or {last}"


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


def _place(node: Node) -> str:
    """Return what a node is called where another one leads to it: of a single call in a graph of calls its position."""
    return node.path if node.id == node.path else visible(node.name)


def _line(node: Node) -> str:
    return " · ".join(_label(node, times=False).split("\n"))


__all__ = ["CallGraph", "callgraph"]
