"""Words, colours and HTML that the static forms share; everything of a user's is escaped here.

What is made of these survives untrusted notebooks and exports: styled ``<div>``s, no classes, no
``<style>``, no ``<script>``.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from html import escape

# Each reads on white and on near-black, since a saved page does not know its theme.
COLOURS = {
    "waiting": "#b9c0c9",
    "running": "#3d8bfd",
    "retrying": "#e39a2d",
    "asking": "#8f6bf0",
    "done": "#3fa37c",
    "replayed": "#86b0a2",
    "cached": "#7fa6cf",
    "reused": "#7fa6cf",
    "failed": "#dc5a52",
    "stopped": "#8d96a0",
    "crashed": "#dc5a52",
}
MUTED = "#7d8590"
TRACK = "#7d859022"
_MINUTE, _HOUR, _DAY = 60.0, 3600.0, 86400.0


def colour(state: str) -> str:
    """Return the colour of a state."""
    return COLOURS.get(state, MUTED)


def duration(seconds: float) -> str:
    """Return a duration as people say it: ``0.4 ms``, ``12.3 s``, ``1m 05s``, ``2h 10m``, ``3d 04h``."""
    if seconds < 0.9995:  # noqa: PLR2004  # what rounds to 1000 ms is a second
        return f"{seconds * 1000:.1f} ms" if seconds < 0.00995 else f"{seconds * 1000:.0f} ms"  # noqa: PLR2004  # 3 digits
    if seconds < _MINUTE - 0.05:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < _HOUR:
        return f"{whole // 60}m {whole % 60:02d}s"
    if whole < _DAY:
        return f"{whole // 3600}h {whole % 3600 // 60:02d}m"
    return f"{whole // 86400}d {whole % 86400 // 3600:02d}h"


def plural(count: int, noun: str) -> str:
    """Return ``1 call``, ``2 calls``."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def listed(counts: Mapping[str, int]) -> str:
    """Return counts by state as text: ``4 done, 1 replayed``."""
    return ", ".join(f"{count:,} {state}" for state, count in counts.items() if count)


def div(style: str, *content: str, title: str = "") -> str:
    """Return a ``<div>``; the content is markup already, the title is text."""
    hint = f' title="{escape(title)}"' if title else ""
    return f'<div style="{style}"{hint}>{"".join(content)}</div>'


def span(style: str, text: str) -> str:
    """Return a ``<span>`` with a text."""
    return f'<span style="{style}">{escape(text)}</span>'


def dot(state: str) -> str:
    """Return the round mark of a state."""
    size = "display:inline-block;width:8px;height:8px;border-radius:4px;margin-right:7px"
    return f'<span style="{size};background-color:{colour(state)}"></span>'


def bar(parts: Iterable[tuple[str, float]], height: int = 4) -> str:
    """Return a bar of coloured parts; each is a state and its share of the whole in percent."""
    cells = "".join(
        f'<div style="flex:0 0 {share:.2f}%;height:{height}px;background-color:{colour(state)}"></div>'
        for state, share in parts
        if share > 0
    )
    style = f"display:flex;height:{height}px;border-radius:{height / 2:g}px;overflow:hidden;background-color:{TRACK}"
    return f'<div style="{style}">{cells}</div>'


def image(svg: str, alt: str, style: str = "max-width:100%") -> str:
    """Return an SVG as an ``<img>`` that carries it."""
    data = base64.b64encode(svg.encode()).decode("ascii")
    return f'<img src="data:image/svg+xml;base64,{data}" alt="{escape(alt)}" style="{style}">'


__all__ = [
    "COLOURS", "MUTED", "TRACK", "bar", "colour", "div", "dot", "duration", "escape", "image", "listed", "plural",
    "span",
]  # fmt: skip
