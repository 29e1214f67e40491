"""A compiled graph as a picture: where its nodes may lead, and, laid over that, where a run has been."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cached_property
from json import dumps
from typing import TYPE_CHECKING, Any

import graphviz

from nbflow.views.calls import CallRow, Record
from nbflow.views.flow import flow_of
from nbflow.views.progress import run_of
from nbflow.views.steps import routes_of
from nbflow_widgets import layered
from nbflow_widgets.display import mode
from nbflow_widgets.markup import MUTED, colour, duration, escape, listed, plural
from nbflow_widgets.packed import is_wanted
from nbflow_widgets.pictures import FLOW, RENDERERS, TEXT, Chosen, as_image, render, script_of, times_of, tint

if TYPE_CHECKING:
    from nbflow import Run

START, END = "__start__", "__end__"
PALE = "#afb8c1"


class GraphPicture:
    """A graph, ready to be shown.

    Attributes:
        name: of the graph.
        drawn: its nodes and edges, as ``app.get_graph()`` gives them.
        rows: calls of its nodes in a run, by name; None where no run is laid over it.
        routes: how often the run went from which node to which.
        schemas: JSON schemas by what they are of.
        run_id: names that run; empty where none is laid over it.
        script: whether the picture comes with a script, as a call graph does.
    """

    def __init__(
        self,
        name: str,
        drawn: Any,  # noqa: ANN401  # the runtime's, which the toolkit does not import
        rows: Mapping[str, Sequence[CallRow]] | None = None,
        routes: Mapping[tuple[str, str], int] | None = None,
        schemas: Mapping[str, object] | None = None,
        *,
        run_id: str = "",
        script: bool = False,
    ) -> None:
        self.name = name
        self.drawn = drawn
        self.rows = rows
        self.routes = routes or {}
        self.schemas = schemas or {}
        self.run_id = run_id
        self.script = script

    def __repr__(self) -> str:
        lines = [f"graph {self.name}"]
        for key in self.drawn.nodes:
            leads = [edge for edge in self._edges() if edge[0] == key]
            more = f" ({', '.join(self._facts(key))})" if self.rows is not None and key not in {START, END} else ""
            lines.append(f"  {key}{more}{' -> ' if leads else ''}{', '.join(target for _, target, *_ in leads)}")
        return "\n".join(lines)

    def _repr_mimebundle_(self, **_limits: object) -> dict[str, str]:
        html = as_image(self.svg, f"graph {self.name}")
        if self.script and is_wanted():
            html += script_of(self.run_id, self._chosen())
        for what, schema in self.schemas.items():
            text = escape(dumps(schema, indent=2, default=str))
            html += f"<details><summary>{escape(what)}</summary><pre>{text}</pre></details>"
        return {"text/plain": repr(self), "text/html": html}

    def _chosen(self) -> dict[str, Chosen]:
        """Return the calls that nodes stand for, by what the nodes are called in the picture."""
        found = {}
        for number, key in enumerate(self.drawn.nodes):
            rows = (self.rows or {}).get(key, ())
            if rows:
                state = self._state(key)
                path = next((row.path for row in rows if row.state == state), rows[0].path)
                found[f"n{number}"] = Chosen(path, rows[0].name, len(rows))
        return found

    @cached_property
    def svg(self) -> str:
        """The picture."""
        for name in RENDERERS:
            svg = render(name, self.dot)
            if svg:
                return svg
        return self._built_in()

    def _edges(self) -> list[tuple[str, str, str, bool, int | None]]:
        """Return edges: from, to, label, whether conditional, how often taken; None where no run is laid over."""
        found: dict[tuple[str, str], tuple[str, bool]] = {
            (edge.source, edge.target): (edge.data or "", edge.conditional) for edge in self.drawn.edges
        }
        if self.rows is None:
            return [(*key, label, dashed, None) for key, (label, dashed) in found.items()]
        for key in self.routes:
            found.setdefault(key, ("", True))
        return [(*key, label, dashed, self.routes.get(key, 0)) for key, (label, dashed) in found.items()]

    def _facts(self, key: str) -> list[str]:
        rows = (self.rows or {}).get(key, ())
        if not rows:
            return ["never ran"]
        seconds = sum(max(0.0, row.ended - row.started) for row in rows if row.ended is not None)
        states = Counter(row.state for row in rows if row.state != "done")
        facts = [plural(len(rows), "call"), duration(seconds)]
        return [*facts, *([listed(states)] if states else [])]

    def _state(self, key: str) -> str:
        rows = (self.rows or {}).get(key, ())
        states = {row.state for row in rows}
        urgent = ("failed", "asking", "running", "retrying", "waiting", "sleeping", "stopped", "done")
        return next((state for state in urgent if state in states), "done")

    @cached_property
    def dot(self) -> str:
        """The graph in Graphviz's language."""
        graph = graphviz.Digraph("graph")
        graph.attr(rankdir="LR", bgcolor="transparent", pad="0.1", nodesep="0.25", ranksep="0.5")
        graph.attr("node", shape="box", style="rounded,filled", fontname="Helvetica", fontsize="11", penwidth="1.4")
        graph.attr("edge", arrowsize="0.6", fontname="Helvetica", fontsize="9", fontcolor=MUTED)
        ids = {key: f"n{number}" for number, key in enumerate(self.drawn.nodes)}
        for key, node in self.drawn.nodes.items():
            stroke, fill = self._tones(key)
            shape = {"shape": "ellipse"} if key in {START, END} else {}
            text = graphviz.escape("\n".join([node.name.strip("_"), *self._lines(key)]))
            graph.node(ids[key], text, color=stroke, fillcolor=fill, fontcolor=TEXT, **shape)
        for source, target, label, dashed, taken in self._edges():
            tone = MUTED if taken is None else FLOW if taken else PALE
            text = f"{label}{times_of(taken or 0)}".strip()
            style = "dashed" if dashed else "solid"
            width = "1.8" if taken else "1"
            graph.edge(ids[source], ids[target], label=text, color=tone, style=style, penwidth=width)
        return str(graph.source)

    def _lines(self, key: str) -> list[str]:
        if key in {START, END, "?"}:
            return []
        about = [f"{name} = {value}" for name, value in (self.drawn.nodes[key].metadata or {}).items()]
        return [*about, *([" · ".join(self._facts(key))] if self.rows is not None else [])]

    def _tones(self, key: str) -> tuple[str, str]:
        """Return the colours of a node's border and of its inside."""
        if key in {START, END, "?"} or (self.rows is not None and not self.rows.get(key)):
            return PALE, tint(PALE)
        tone = colour(self._state(key)) if self.rows is not None else FLOW
        return tone, tint(tone)

    def _built_in(self) -> str:
        boxes = []
        ids = {key: f"n{number}" for number, key in enumerate(self.drawn.nodes)}
        for key, node in self.drawn.nodes.items():
            stroke, fill = self._tones(key)
            lines = self._lines(key)
            boxes.append(layered.Box(id=ids[key], title=node.name.strip("_"), lines=lines, fill=fill, stroke=stroke))
        arrows = [
            layered.Arrow(
                source=ids.get(source, source),
                target=ids.get(target, target),
                colour=MUTED if taken is None else FLOW if taken else PALE,
                label=f"{label}{times_of(taken or 0)}".strip(),
                dashed=dashed,
            )
            for source, target, label, dashed, taken in self._edges()
        ]
        return layered.draw(boxes, arrows, f"graph {self.name}")


def graph(
    app: Any,  # noqa: ANN401  # a compiled graph, or an entrypoint
    run: Run | Sequence[Record] | None = None,
    *,
    at: str = "0",
    xray: bool | int = False,
    script: bool = False,
) -> GraphPicture:
    """Return a compiled graph as a picture, with what a run of it has done laid over if one is given.

    Of an entrypoint, whose code says no more than which tasks it names, a run is drawn as it went.

    Args:
        app: the compiled graph, or an entrypoint.
        run: a run of it, or the records of one: how often each node ran and how long, which edges were taken.
        at: position of the graph in that run, such as ``"0.2"`` of the third call of an entrypoint.
        xray: whether graphs that are nodes are drawn with their nodes; a number for so many levels.
        script: whether it is drawn in the colours of the page, and a click on a node selects its calls in a timeline.
    """
    schemas = {"input": app.get_input_jsonschema(), "output": app.get_output_jsonschema()}
    if run is None:
        return GraphPicture(app.name, app.get_graph(xray=xray), schemas=schemas, script=script)
    records = run if isinstance(run, Sequence) else run.log
    live = not isinstance(run, Sequence) and not run.done()
    view = run_of(records, live=live)
    calls = list(view.calls.rows.values())
    is_graph = hasattr(app, "builder")
    drawn = app.get_graph(xray=xray) if is_graph else flow_of(calls, at, xray=xray)
    rows: dict[str, list[CallRow]] = {}
    for row in calls:
        if row.parent == at and (row.kind == "node" or not is_graph):
            rows.setdefault(row.name, []).append(row)
    found = routes_of(records, at) if is_graph else {edge[:2]: 1 for edge in drawn.edges}
    routes = {key: count for key, count in found.items() if set(key) <= set(drawn.nodes)}
    return GraphPicture(app.name, drawn, rows, routes, schemas, run_id=view.progress.run_id, script=script)


def show_graphs(shell: Any) -> None:  # noqa: ANN401  # IPython's shell is untyped here
    """Have a shell show compiled graphs as pictures."""
    formatter = shell.display_formatter.mimebundle_formatter
    formatter.for_type_by_name("nbflow.graph.compiled", "CompiledStateGraph", _bundle)


def _bundle(app: Any, **limits: object) -> dict[str, str]:  # noqa: ANN401  # a compiled graph
    return graph(app, script=mode() == "live")._repr_mimebundle_(**limits)  # of this module


__all__ = ["GraphPicture", "graph", "show_graphs"]
