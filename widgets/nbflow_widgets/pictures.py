"""Graphs in Graphviz's language as pictures: drawn in another process, within a time limit, or not at all."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

from nbflow_widgets.markup import image

SECONDS = 10.0
RENDERERS = ("dot", "graphviz-pure")
FLOW = "#3d8bfd"
_POINTS = re.compile(r'<svg[^>]* width="([\d.]+)(pt|px)?"')


def as_image(svg: str, text: str) -> str:
    """Return a picture as HTML, as wide as it was drawn; ``text`` is what is read out."""
    found = _POINTS.search(svg)
    width = round(float(found[1]) * (4 / 3 if found[2] == "pt" else 1)) if found else 600
    return image(svg, text, f"width:{width}px;max-width:100%")


def cut(text: str, limit: int = 36) -> str:
    """Return text, shortened where it is longer than ``limit`` characters."""
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def times_of(count: int) -> str:
    """Return how often, to follow a name; empty for once."""
    return f" ×{count:,}" if count > 1 else ""  # noqa: RUF001  # the sign for "times"


def tint(tone: str) -> str:
    """Return a colour mixed with much white."""
    parts = (int(tone[i : i + 2], 16) for i in (1, 3, 5))
    return "#" + "".join(f"{round(255 - (255 - part) * 0.16):02x}" for part in parts)


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
