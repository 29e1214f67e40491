"""Small pieces of HTML that survive untrusted notebooks: styled elements, everything escaped.

JupyterLab's CSS variables give light and dark; the value after the comma is for other readers.
"""

from __future__ import annotations

import html
import json
from collections.abc import Mapping, Sequence

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
_LONG = 2000


def escaped(text: object) -> str:
    """Return a text as HTML that shows it as it is."""
    return html.escape(str(text))


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


def labelled(name: str, value: object) -> str:
    """Return a value under its name: texts as they are, other values as indented JSON."""
    label = f'<div style="{_BODY};{FAINT};font-size:11px">{escaped(name)}</div>' if name else ""
    return f'<div style="margin:4px 0">{label}{readable(value)}</div>'


def readable(value: object) -> str:
    """Return any value in a form that people read; long ones folded."""
    text = as_text(value)
    shown = paragraph(text) if isinstance(value, str) else preformatted(text)
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


def as_text(value: object) -> str:
    """Return a value as text: texts as they are, JSON where it is JSON, else its repr."""
    if isinstance(value, str):
        return value
    try:
        return json.dumps(_plain(value), indent=2, ensure_ascii=False)
    except (TypeError, ValueError, RecursionError):
        return repr(value)


def _plain(value: object) -> object:
    """Return a value in JSON's types, where it is made of them."""
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, (str, bytes)):
        return [_plain(one) for one in value]
    if value is None or isinstance(value, (str, int, float, bool)):
        return value
    return repr(value)
