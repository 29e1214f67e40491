"""Values as people see them: texts, Markdown, pictures, tables and lists as such; anything else as code.

Like all markup here it survives untrusted notebooks and exports, and nothing of a user's is markup in it.
"""

from __future__ import annotations

import base64
import io
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from nbflow.types import Markdown
from nbflow_widgets.markup import (
    BORDER,
    FAINT,
    as_text,
    block,
    escaped,
    folded,
    paragraph,
    preformatted,
    visible,
)

DEEP = 3
MANY = 50
COLUMNS = 12
PIXELS = 800
_PICTURES = {b"\x89PNG": "png", b"\xff\xd8\xff": "jpeg", b"GIF8": "gif"}
_BYTES = 2_000_000
_LARGE = 300_000


def labelled(name: str, value: object) -> str:
    """Return a value under its name."""
    label = f'<div style="{FAINT};font-size:11px">{escaped(name)}</div>' if name else ""
    return block("margin:4px 0", label, shown(value))


def shown(value: object, deep: int = DEEP) -> str:
    """Return any value as HTML that people read; long ones folded, or cut with a word of it."""
    if isinstance(value, Markdown):
        return block("overflow-wrap:anywhere", _markdown().render(visible(as_text(value))))
    picture = _picture(value)
    if picture:
        return picture
    pandas: Any = sys.modules.get("pandas")
    if pandas is not None and isinstance(value, (pandas.DataFrame, pandas.Series)):
        from nbflow_widgets.frames import table_html  # noqa: PLC0415  # pandas: half a second that only tables cost

        return table_html(value.to_frame() if isinstance(value, pandas.Series) else value)
    made = _structure(value, deep) if deep else ""
    if made:
        return made
    text = as_text(value)
    plain = value is None or isinstance(value, (str, int, float))
    return folded(text, paragraph(text) if plain else preformatted(text))


@cache
def _markdown() -> Any:  # noqa: ANN401  # of markdown-it
    """Return what makes HTML of Markdown.

    No raw HTML, and no pictures, which would be fetched; links that a page would run are no links in it.
    """
    from markdown_it import MarkdownIt  # noqa: PLC0415  # only when there is Markdown

    return MarkdownIt("js-default").disable(["image"])


def _structure(value: object, deep: int) -> str:
    """Return a list, a list of records or a dict as such; empty for what is none, or too large to be read so."""
    if not isinstance(value, (dict, list, tuple)) or not 0 < len(value) <= MANY:
        return ""
    if isinstance(value, dict):
        return _pairs(value, deep)
    if all(isinstance(one, dict) and one for one in value):
        names = list(dict.fromkeys(str(name) for one in value for name in one))
        if len(names) <= COLUMNS and len(value) > 1:
            return _grid(names, [[one.get(name, "") for name in names] for one in value], deep)
    items = "".join(f"<li>{shown(one, deep - 1)}</li>" for one in value)
    return f'<ul style="margin:2px 0;padding-left:20px">{items}</ul>'


_TABLE = "border-collapse:collapse;margin:2px 0"
_TD = "padding:2px 12px 2px 0;vertical-align:top;text-align:left"


def _pairs(value: Mapping[Any, object], deep: int) -> str:
    rows = "".join(
        f'<tr><td style="{_TD};{FAINT};white-space:nowrap">{escaped(name)}</td>'
        f'<td style="{_TD}">{shown(one, deep - 1)}</td></tr>'
        for name, one in value.items()
    )
    return f'<table style="{_TABLE}"><tbody>{rows}</tbody></table>'


def _grid(names: Sequence[str], rows: Sequence[Sequence[object]], deep: int) -> str:
    head = "".join(f'<th style="{_TD};{FAINT};font-weight:600">{escaped(name)}</th>' for name in names)
    body = "".join(
        f'<tr style="border-top:1px solid {BORDER}">'
        + "".join(f'<td style="{_TD}">{shown(one, deep - 1)}</td>' for one in row)
        + "</tr>"
        for row in rows
    )
    return f'<table style="{_TABLE}"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'


def _picture(value: object) -> str:
    """Return an image, as an object of PIL or as the bytes of a file, as one; empty for anything else."""
    if isinstance(value, bytes) and len(value) <= _BYTES:
        kind = next((kind for start, kind in _PICTURES.items() if value.startswith(start)), "")
        return _img(kind, value, f"{kind.upper()}, {len(value):,} bytes") if kind else ""
    pil: Any = sys.modules.get("PIL.Image")
    if pil is None or not isinstance(value, pil.Image):
        return ""
    image: Any = value
    small, alt = image.convert("RGBA"), f"image, {image.size[0]} x {image.size[1]}"
    small.thumbnail((PIXELS, PIXELS))
    drawn = io.BytesIO()
    small.save(drawn, "PNG")
    if drawn.tell() > _LARGE:  # a photograph
        drawn = io.BytesIO()
        small.convert("RGB").save(drawn, "JPEG", quality=80)
        return _img("jpeg", drawn.getvalue(), alt)
    return _img("png", drawn.getvalue(), alt)


def _img(kind: str, data: bytes, alt: str) -> str:
    source = f"data:image/{kind};base64,{base64.b64encode(data).decode('ascii')}"
    return f'<img src="{source}" alt="{escaped(alt)}" style="max-width:100%;max-height:480px;margin:2px 0">'
