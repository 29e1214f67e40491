"""Words, colours and HTML that all that is shown shares; everything of a user's is escaped here.

What is made of these survives untrusted notebooks and exports: styled elements, no classes, no ``<style>``,
no ``<script>``. JupyterLab's CSS variables give light and dark; the value after the comma is for other readers.
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterable, Mapping, Sequence
from html import escape as _escape

from nbflow.types import Markdown

# Each reads on white and on near-black, since a saved page does not know its theme.
COLOURS = {
    "waiting": "#b9c0c9",
    "running": "#3d8bfd",
    "retrying": "#e39a2d",
    "asking": "#8f6bf0",
    "answered": "#b49cf5",
    "sleeping": "#6c8ebf",
    "done": "#3fa37c",
    "replayed": "#86b0a2",
    "cached": "#7fa6cf",
    "reused": "#7fa6cf",
    "failed": "#dc5a52",
    "stopped": "#8d96a0",
    "crashed": "#dc5a52",
}
MUTED = "#7d8590"
WIDTH = "1100px"
"""How wide a card is at most, live or static; so nothing jumps when one takes the place of the other."""
TRACK = "#7d859022"
FAINT = "color:var(--jp-ui-font-color2,#666)"
BORDER = "var(--jp-border-color2,#ddd)"
_COLOURS = {
    "info": "var(--jp-info-color1,#0288d1)",
    "warning": "var(--jp-warn-color1,#f57c00)",
    "error": "var(--jp-error-color1,#d32f2f)",
    "success": "var(--jp-success-color1,#388e3c)",
}
_BODY = "font-family:var(--jp-ui-font-family,sans-serif);font-size:var(--jp-ui-font-size1,13px);line-height:1.5"
_CODE = "font-family:var(--jp-code-font-family,monospace);font-size:var(--jp-code-font-size,13px)"
MOST = 20_000
"""How many characters of a value are shown."""
_LONG = 2000
_MINUTE, _HOUR, _DAY = 60.0, 3600.0, 86400.0


def _pictures() -> dict[int, str]:
    bidi = [0x61C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)]
    shown = {code: chr(0x2400 + code) for code in range(0x20) if chr(code) not in "\t\n\r"}
    return shown | {0x7F: "\u2421"} | {code: f"\\u{code:04x}" for code in bidi}


_PICTURES = _pictures()


def visible(text: str) -> str:
    """Return a text with those characters shown that pages or terminals obey: controls, changes of direction."""
    return text.translate(_PICTURES)


def escape(text: str) -> str:
    """Return a text as HTML that shows it as it is, whatever is in it."""
    return _escape(visible(text))


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


def moment(at: float) -> str:
    """Return a moment in the time of the kernel's machine, with its day unless that is today."""
    told, today = time.localtime(at), time.localtime()
    return time.strftime("%H:%M" if told[:3] == today[:3] else "%Y-%m-%d %H:%M", told)


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


def escaped(text: object) -> str:
    """Return a text as HTML that shows it as it is."""
    return escape(str(text))


def note(text: str, kind: str = "info") -> str:
    """Return a line of small print with a coloured edge; ``kind`` is info, warning, error or success."""
    return (
        f'<div style="{_BODY};{FAINT};border-left:3px solid {_COLOURS[kind]};padding:1px 8px;margin:4px 0">'
        f"{with_code(text)}</div>"
    )


def with_code(text: str) -> str:
    """Return a text as HTML, with what stands between backquotes as code."""
    parts = escaped(text).split("`")
    return "".join(code_span(part) if number % 2 else part for number, part in enumerate(parts))


def code_span(escaped_text: str) -> str:
    """Return text that is HTML already as inline code."""
    return f'<code style="{_CODE}">{escaped_text}</code>'


def paragraph(text: str) -> str:
    """Return a text with its line breaks."""
    return f'<div style="{_BODY};white-space:pre-wrap;overflow-wrap:anywhere">{escaped(text)}</div>'


def heading(text: str) -> str:
    """Return a question as it stands over its form."""
    return f'<div style="{_BODY};font-weight:600;white-space:pre-wrap;margin-bottom:4px">{escaped(text)}</div>'


def panel(inner: str) -> str:
    """Return HTML in a frame."""
    return f'<div style="border:1px solid {BORDER};border-radius:4px;padding:8px 12px;margin:6px 0">{inner}</div>'


def block(style: str, *content: str) -> str:
    """Return a block of text in the font of the page; the content is markup already."""
    return f'<div style="{_BODY};{style}">{"".join(content)}</div>'


def folded(text: str, shown: str) -> str:
    """Return what is shown of a text, folded if the text is long."""
    if len(text) <= _LONG:
        return shown
    summary = f'<summary style="{_BODY};{FAINT};cursor:pointer">{len(text):,} characters</summary>'
    return f"<details>{summary}{shown}</details>"


def preformatted(text: str) -> str:
    """Return a text as a block of code."""
    return (
        f'<pre style="{_CODE};white-space:pre-wrap;overflow-wrap:anywhere;margin:0;padding:4px 8px;'
        f'background:var(--jp-layout-color2,#f5f5f5);color:var(--jp-ui-font-color1,#222)">{escaped(text)}</pre>'
    )


def cut(text: str) -> str:
    """Return as much of a text as people read and a page takes, with a word of what is left out."""
    left = len(text) - MOST
    return text if left <= 0 else f"{text[:MOST]}\n… and {left:,} more characters"


def as_text(value: object) -> str:
    """Return a value as text: texts as they are, JSON where it is JSON, else its repr; cut where it is very long."""
    if isinstance(value, (str, Markdown)):
        return cut(value if isinstance(value, str) else value.text)
    try:
        return cut(json.dumps(_plain(value), indent=2, ensure_ascii=False))
    except (TypeError, ValueError, RecursionError):
        return cut(_repr(value))


def _repr(value: object) -> str:
    try:
        return repr(value)
    except Exception as error:  # noqa: BLE001  # a user's repr may raise anything, and this only shows
        return f"<{type(value).__name__}: {type(error).__name__} in its repr>"


def _plain(value: object) -> object:
    """Return a value in JSON's types, where it is made of them."""
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, (str, bytes)):
        return [_plain(one) for one in value]
    if value is None or isinstance(value, (str, int, float, bool)):
        return value
    return _repr(value)


__all__ = [
    "BORDER",
    "COLOURS",
    "FAINT",
    "MUTED",
    "TRACK",
    "WIDTH",
    "as_text",
    "bar",
    "block",
    "code_span",
    "colour",
    "div",
    "dot",
    "duration",
    "escape",
    "escaped",
    "folded",
    "heading",
    "image",
    "listed",
    "moment",
    "note",
    "panel",
    "paragraph",
    "plural",
    "preformatted",
    "span",
    "visible",
    "with_code",
]
