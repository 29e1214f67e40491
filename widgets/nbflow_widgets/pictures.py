"""Graphs in Graphviz's language as pictures: drawn in another process, within a time limit, or not at all."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from nbflow_widgets.markup import image, visible
from nbflow_widgets.packed import joined

STATIC = Path(__file__).with_name("static")
SECONDS = 10.0
RENDERERS = ("dot", "graphviz-pure")
FLOW = "#3d8bfd"
TEXT = "#6f7883"
"""The tone of what is written on nodes: it reads on white and on near-black, as a saved picture knows no theme."""
_POINTS = re.compile(r'<svg[^>]* width="([\d.]+)(pt|px)?"')


def as_image(svg: str, text: str) -> str:
    """Return a picture as HTML, as wide as it was drawn; ``text`` is what is read out."""
    found = _POINTS.search(svg)
    width = round(float(found[1]) * (4 / 3 if found[2] == "pt" else 1)) if found else 600
    return image(svg, text, f"width:{width}px;max-width:100%")


class Chosen(NamedTuple):
    """What a click on a node shows in a timeline.

    Attributes:
        path: position of a call.
        name: of its task.
        size: how many calls of that name are shown; of one its details.
    """

    path: str
    name: str
    size: int


def script_of(run_id: str, nodes: Mapping[str, Chosen]) -> str:
    """Return the script that draws the image before it in the colours of the page, with nodes to click on.

    Args:
        run_id: the run whose timeline shows calls; empty for none.
        nodes: what the nodes of the picture stand for, by the ids that they have in it.
    """
    told = {key: {**node._asdict(), "name": visible(node.name)} for key, node in nodes.items()}
    data = json.dumps({"run": run_id, "nodes": told, "text": TEXT}).replace("<", "\\u003c")
    return f"<script>{joined('callgraph.js').replace('KEYS', joined('keys.js')).replace('TOLD', data)}</script>"


def cut(text: str, limit: int = 36) -> str:
    """Return text, shortened where it is longer than ``limit`` characters."""
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def times_of(count: int) -> str:
    """Return how often, to follow a name; empty for once."""
    return f" ×{count:,}" if count > 1 else ""  # noqa: RUF001  # the sign for "times"


def tint(tone: str) -> str:
    """Return a colour that lets most of the page through, light or dark."""
    return f"{tone}29"


def render(name: str, source: str) -> str:
    """Return the SVG that a program makes of DOT; empty if it is not there, fails, or takes too long."""
    program = find(name)
    if program is None:
        return ""
    try:
        run = subprocess.run(  # noqa: S603  # a program found on PATH, with fixed arguments
            [program, "-Kdot", "-Tsvg"], input=source.encode(), capture_output=True, timeout=SECONDS, check=True
        )
        svg = run.stdout.decode()
    except (OSError, subprocess.SubprocessError, UnicodeDecodeError):
        return ""
    start = svg.find("<svg")
    return svg[start:] if start >= 0 else ""


def find(name: str) -> str | None:
    """Return the program: beside this Python, among its scripts, on PATH."""
    folders = [str(Path(sys.executable).parent), sysconfig.get_path("scripts")]
    beside = shutil.which(name, path=os.pathsep.join(folders)) if name == "graphviz-pure" else None
    return beside or shutil.which(name)
