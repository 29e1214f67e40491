"""The pictures of "How it works": what a real run leaves, and the floors that the import contracts name."""

from __future__ import annotations

import html
import re
import shutil
import sqlite3
import sys
import tempfile
import tomllib
from contextlib import closing
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import graphviz

from docs.pages.example import SOURCES, study
from nbflow import Command, SqliteSaver, entrypoint
from nbflow_widgets.callgraph import callgraph
from nbflow_widgets.pictures import render
from nbflow_widgets.plan_view import PlanView
from nbflow_widgets.run_feed import RunFeed
from nbflow_widgets.timeline import Timeline

if TYPE_CHECKING:
    from nbflow import Run, RunnableConfig

ROOT = Path(__file__).parents[2]
LOG = ("seq", "kind", "path", "value")
INK = "#010203"
"""Stands in a drawing for the colour of the page's text, which Graphviz has no name for."""


def draw(target: Path) -> None:
    """Write each picture as a piece of HTML to a new folder."""
    if shutil.which("dot") is None:
        sys.exit("make docs draws graphs by Graphviz, and `dot` is not on PATH; on Debian: apt-get install graphviz")
    target.mkdir()
    shutil.copy(Path(__file__).with_name("example.py"), target)
    with tempfile.TemporaryDirectory() as folder:
        made = _of_a_run(Path(folder) / "runs.db")
    for name, text in {**made, "floors": _floors(), "rooms": _rooms()}.items():
        (target / f"{name}.html").write_text(text, encoding="utf-8")


def _of_a_run(file: Path) -> dict[str, str]:
    config: RunnableConfig = {"configurable": {"thread_id": "one"}}
    with closing(SqliteSaver(file)) as saver:
        flow = entrypoint(checkpointer=saver)(study)
        flow.invoke(SOURCES, config)
        paused, first = _timeline(flow.last_run(config)), _records(file)
        flow.invoke(Command(resume=True), config)
        run = flow.last_run(config)
        assert run is not None, "it was run above"
        return {
            "paused": paused,
            "asked": _table(LOG, first),
            "done": _timeline(run),
            "answered": _table(LOG, _records(file)[len(first) :]),
            "calls": callgraph(run, script=True)._repr_mimebundle_()["text/html"],  # as a notebook asks
            "plan": PlanView(flow.plan([*SOURCES, "east"], config, reuse=True), times=False).html(),
        }


def _timeline(run: Run[Any] | None) -> str:
    assert run is not None, "it was run above"
    return Timeline(RunFeed(run)).html(script=True)


def _records(file: Path) -> list[tuple[str, ...]]:
    """Return what the view ``log`` of the file has, of values the sizes."""
    with closing(sqlite3.connect(file)) as connection:
        found = connection.execute("SELECT seq, kind, path, value FROM log ORDER BY seq").fetchall()
    return [(str(seq), kind, path, f"{len(value)} bytes" if value else "") for seq, kind, path, value in found]


def _table(names: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    head = "".join(f"<th>{name}</th>" for name in names)
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return f'<table class="docutils"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'


def floors() -> list[list[str]]:
    """Return the rooms of nbflow floor by floor, from the top, as the first import contract has them."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contract = settings["tool"]["importlinter"]["contracts"][0]
    return [re.findall(r"\w+", layer) for layer in contract["layers"] if "__main__" not in layer]


def _floors() -> str:
    graph = graphviz.Digraph("floors")
    graph.attr(bgcolor="transparent", ranksep="0.22", pad="0.05")
    graph.attr("node", shape="plain", fontname="Helvetica", fontsize="11", fontcolor=INK)
    graph.attr("edge", arrowsize="0.6", color=INK)
    for number, rooms in enumerate(floors()):
        cells = "".join(f'<td color="{INK}" style="rounded" cellpadding="5">{room}</td>' for room in rooms)
        graph.node(str(number), f'<<table border="0" cellborder="1" cellspacing="5"><tr>{cells}</tr></table>>')
        if number:
            graph.edge(str(number - 1), str(number))
    svg = render("dot", graph.source)
    assert svg, "Graphviz draws a list of floors"
    return f'<div class="drawing">{re.sub("<title>.*?</title>", "", svg).replace(INK, "currentColor")}</div>'


def _rooms() -> str:
    """Return what each room says of itself, floor by floor."""
    rows: list[tuple[str, ...]] = []
    for number, rooms in enumerate(floors()):
        for room in rooms:
            first = (import_module(f"nbflow.{room}").__doc__ or "").partition("\n\n")[0]
            said = re.sub(r"``(.+?)``", r"<code>\1</code>", html.escape(" ".join(first.split())))
            rows.append((str(number + 1), f"<code>{room}</code>", said))
    return _table(("floor", "room", "what it is"), rows)
