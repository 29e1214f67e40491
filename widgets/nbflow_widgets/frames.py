"""Tables as people read them: short durations, local times, coloured states, ids last, and nothing that is empty.

Underneath they are DataFrames like any other, with UTC times and Timedeltas to compute with.
"""

from __future__ import annotations

import reprlib
from collections.abc import Callable
from functools import partial

import pandas as pd

from nbflow_widgets.markup import BORDER, FAINT, dot, duration, escaped, note, plural, visible

WIDE = 60  # characters of a text
ROWS = 60  # of a longer table, the first and the last few
EDGE = 10  # how many of them
_DURATION = 8  # characters, so that columns of text are as wide in every run
HINT = 2000  # characters of what stands in the hint of a cell
_ROW = f"border-top:1px solid {BORDER}"
_CELL = "padding:2px 10px 2px 0;vertical-align:top;text-align:left;white-space:nowrap"
_REPR = reprlib.Repr()
_REPR.maxstring = _REPR.maxother = WIDE
_RIGHT = ";text-align:right;font-variant-numeric:tabular-nums"
_NUMBERS = frozenset("iufm")  # kinds of dtypes: numbers and durations
_TABLE = "border-collapse:collapse;margin:4px 0;font-size:var(--jp-ui-font-size1,13px)"


class RunFrame(pd.DataFrame):
    """A table of runs, shown for people; what is taken from it is one too."""

    @property
    def _constructor(self) -> Callable[..., RunFrame]:
        return RunFrame

    def __repr__(self) -> str:
        """Return the table as text."""
        shown = _clean(self)
        if shown.empty:
            return f"no rows; columns: {', '.join(map(str, self.columns))}"
        cut = _cut(shown)
        text = pd.DataFrame({name: _texts(cut[name], wide=True) for name in cut}, index=cut.index)
        lines = text.to_string(line_width=None).splitlines()
        if len(cut) < len(shown):
            lines.insert(1 + EDGE, f"… {_more(shown)}")
        return visible("\n".join(lines))

    def _repr_html_(self) -> str:
        """Return the table as HTML."""
        return table_html(_clean(self))


def table_html(shown: pd.DataFrame) -> str:
    """Return any DataFrame as HTML: the first and the last of many rows."""
    if shown.empty:
        return note("no rows")
    cut = _cut(shown)
    columns = {str(name): [*map(partial(_cell, cut[name]), _texts(cut[name]), cut[name])] for name in cut}
    named = shown.index.name is not None or not isinstance(shown.index, pd.RangeIndex)
    if named:
        labels = [_td(escaped(label), f"{_CELL};{FAINT}") for label in cut.index]
        columns = {str(shown.index.name or ""): labels, **columns}
    head = "".join(f'<th style="{_CELL};{FAINT};font-weight:600">{escaped(name)}</th>' for name in columns)
    rows = [f'<tr style="{_ROW}">{"".join(cells)}</tr>' for cells in zip(*columns.values(), strict=True)]
    if len(cut) < len(shown):
        rows.insert(EDGE, f'<tr><td colspan="{len(columns)}" style="{_CELL};{FAINT}">… {_more(shown)}</td></tr>')
    return f'<table style="{_TABLE}"><thead><tr>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table>'


def _clean(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a table without its empty columns, and ids last."""
    filled = [name for name in frame if not frame[name].isna().all()]
    return pd.DataFrame(frame)[sorted(filled, key=lambda name: str(name).endswith("id") and name != "thread_id")]


def _cut(frame: pd.DataFrame) -> pd.DataFrame:
    return frame if len(frame) <= ROWS else pd.concat([frame.iloc[:EDGE], frame.iloc[-EDGE:]])


def _more(frame: pd.DataFrame) -> str:
    return f"{plural(len(frame) - 2 * EDGE, 'more row')}"


def _texts(column: pd.Series, *, wide: bool = False) -> list[str]:
    """Return the values of a column as short texts; ``wide`` gives durations one width."""
    return ["" if _is_missing(value) else _text(value, wide=wide) for value in column]


def _text(value: object, *, wide: bool) -> str:
    if isinstance(value, pd.Timestamp):
        return f"{value.to_pydatetime().astimezone():%Y-%m-%d %H:%M:%S}"
    if isinstance(value, pd.Timedelta):
        text = duration(value.total_seconds())
        return text.rjust(_DURATION) if wide else text
    line = " ".join((value if isinstance(value, str) else _shown(value)).split())
    return line if len(line) <= WIDE else f"{line[: WIDE - 1]}…"


def _shown(value: object) -> str:
    """Return an object as one short text: of a large one the type and shape."""
    try:
        shape = getattr(value, "shape", ())
        return f"<{type(value).__name__} {'x'.join(map(str, shape))}>" if shape else _REPR.repr(value)
    except Exception as error:  # noqa: BLE001  # a user's repr may raise anything, and this only shows
        return f"<{type(value).__name__}: {type(error).__name__} in its repr>"


def _is_missing(value: object) -> bool:
    return value is None or (pd.api.types.is_scalar(value) and bool(pd.isna(value)))


def _cell(column: pd.Series, text: str, value: object) -> str:
    """Return a value of a column as a cell; the whole of it stands in the hint."""
    hint = value.isoformat() if isinstance(value, pd.Timestamp) and text else str(value) if text.endswith("…") else ""
    mark = dot(text) if column.name == "state" and text else ""
    return _td(f"{mark}{escaped(text)}", f"{_CELL}{_RIGHT}" if column.dtype.kind in _NUMBERS else _CELL, hint)


def _td(content: str, style: str, hint: str = "") -> str:
    title = f' title="{escaped(hint[:HINT])}"' if hint else ""
    return f'<td style="{style}"{title}>{content}</td>'
