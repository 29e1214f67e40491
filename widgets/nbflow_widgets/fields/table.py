"""A table that a person edits as the answer: in a grid where ipydatagrid is installed, else as lines of CSV.

Cells are texts while they are edited. What was not touched comes back as it was, what was becomes of its column's
type; rows and columns stay as they are.
"""

from __future__ import annotations

import csv
import io
import warnings
from collections.abc import Callable, Sequence
from typing import Any, cast

import ipywidgets

from nbflow_widgets.fields.base import EntryField, Field, FieldError, Path, placed
from nbflow_widgets.fields.entry import Entry
from nbflow_widgets.fields.schema import wanted
from nbflow_widgets.markup import note, visible

Cells = list[list[str]]
_YES, _NO = {"yes", "true", "1"}, {"no", "false", "0"}
_ROW, _MOST = 20, 420
_FEW = 5
_TAKEN = {"key", "index", "ipydguuid"}
"""Names of columns that the grid uses itself."""


def table_field(frame: Any) -> Field:  # noqa: ANN401  # a DataFrame; pandas is not imported here
    """Return the field for editing a DataFrame."""
    names = {_text(name) for name in frame.columns}
    fits = 0 < len(names) == len(frame.columns) and frame.columns.nlevels == 1 and not names & _TAKEN
    grid = _grid_type() if fits and len(frame) else None
    return GridField(frame, grid) if grid is not None else _lines(frame)


def _grid_type() -> Any:  # noqa: ANN401  # of ipydatagrid, which need not be there
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # its own imports are of an older style
            from ipydatagrid import DataGrid  # noqa: PLC0415  # half a second, and optional
    except ImportError:
        return None
    return DataGrid


def _lines(frame: Any) -> Field:  # noqa: ANN401  # a DataFrame
    """Return a field of several lines of CSV, the names of the columns in the first."""
    entry = Entry("area", code=True, rows=min(12, len(frame) + 2))
    field: EntryField

    def parse(typed: object) -> object:
        rows = [row for row in csv.reader(io.StringIO(str(typed or ""))) if row]
        names = [_text(name) for name in frame.columns]
        if not rows or rows[0] != names:
            raise ValueError(f"the first line must be the names of the columns: {', '.join(names)}")
        return with_cells(frame, rows[1:])

    def show(value: Any) -> str:  # noqa: ANN401  # a DataFrame
        out = io.StringIO()
        csv.writer(out, lineterminator="\n").writerows([[_text(name) for name in value.columns], *cells_of(value)])
        return out.getvalue()

    field = EntryField(
        wanted({"description": "A table as CSV: change its cells, and keep its lines"}), entry, parse, show
    )
    field.call("the table")
    field.fill(frame)
    return field


class GridField(Field):
    """A grid of ipydatagrid.

    Args:
        frame: what it holds at first.
        grid: the class of the grid.
    """

    def __init__(self, frame: Any, grid: Any) -> None:  # noqa: ANN401  # a DataFrame, and a class that is not typed
        super().__init__(wanted({}))
        self._frame = frame
        layout = {"height": f"{min(_MOST, _ROW * (len(frame) + 3))}px", "max_width": "100%"}
        self._problem = ipywidgets.HTML(layout={"margin": "0"})
        self._cells = cells_of(frame)
        self._places = {visible(_text(name)): place for place, name in enumerate(frame.columns)}
        self._grid = grid(self._shown(), editable=True, auto_fit_columns=True, layout=layout)
        self._grid.on_cell_change(self._changed)
        self.widget = ipywidgets.VBox([self._grid, self._problem])

    def _shown(self) -> Any:  # noqa: ANN401  # a DataFrame of texts
        cells = [[visible(text) for text in row] for row in self._cells]
        index = self._frame.index
        rows = [visible(_text(one)) for one in index] if index.is_unique else None
        return type(self._frame)(cells, index=rows, columns=list(self._places), dtype=object)

    def _changed(self, change: Any) -> None:  # noqa: ANN401  # of the grid
        self._cells[change["row"]][self._places[change["column"]]] = _text(change["value"])
        self.complain((), "")

    def read(self) -> object:  # noqa: D102  # as Field says
        self.complain((), "")
        try:
            return with_cells(self._frame, self._cells)
        except ValueError as error:
            self.complain((), str(error))
            raise FieldError(str(error)) from None

    def fill(self, value: Any) -> None:  # noqa: ANN401, D102  # as Field says
        self._cells = cells_of(value)
        self._grid.data = self._shown()

    def complain(self, path: Path, text: str) -> None:  # noqa: D102  # as Field says
        self._problem.value = note(placed(path, text), "error") if text else ""

    def draft(self) -> object:  # noqa: D102  # as Field says
        return [*map(list, self._cells)]

    def restore(self, draft: Any) -> None:  # noqa: ANN401, D102  # as Field says
        if [len(row) for row in draft] != [len(self._frame.columns)] * len(self._frame):
            raise ValueError("a draft of another table")
        self._cells = [[str(text) for text in row] for row in draft]
        self._grid.data = self._shown()

    def on_change(self, fn: Callable[[], None]) -> None:  # noqa: D102  # as Field says
        self._grid.on_cell_change(lambda _change: fn())

    def disable(self, *, disabled: bool) -> None:  # noqa: D102  # as Field says
        self._grid.editable = not disabled


def cells_of(frame: Any) -> Cells:  # noqa: ANN401  # a DataFrame
    """Return the texts of a table's cells, row by row, as people edit them; a missing value is empty."""
    return [[_text(one) for one in row] for row in frame.itertuples(index=False)]


def with_cells(frame: Any, cells: Sequence[Sequence[str]]) -> Any:  # noqa: ANN401  # DataFrames
    """Return a table like one, with the values that texts in its cells mean.

    Raises:
        ValueError: if there are other rows or columns, or a text is no value of its column; names the first few.
    """
    if [len(row) for row in cells] != [len(frame.columns)] * len(frame):
        raise ValueError(f"keep the {len(frame)} rows and {len(frame.columns)} columns of the table")
    made, problems = frame.copy(), list[str]()
    for place, name in enumerate(frame.columns):
        old, typed = list(frame.iloc[:, place]), [row[place] for row in cells]
        changed = [number for number, text in enumerate(typed) if text != _text(old[number])]
        read, values = _reader(frame.iloc[:, place].dtype), list(old)
        for number in changed:
            try:
                values[number] = read(typed[number])
            except (ValueError, OverflowError, TypeError) as error:
                problems.append(f"row {_text(frame.index[number])}, {_text(name)}: {typed[number]!r} {error}")
        if changed and not problems:
            column = type(frame.iloc[:, place])(values, index=frame.index, dtype=frame.iloc[:, place].dtype)
            made.isetitem(place, column)
    if problems:
        more = f"; and {len(problems) - _FEW} more" if len(problems) > _FEW else ""
        raise ValueError("; ".join(problems[:_FEW]) + more)
    return made


def _text(value: Any) -> str:  # noqa: ANN401  # of any cell
    import pandas as pd  # noqa: PLC0415  # only where there is a table

    if isinstance(value, str):
        return value
    missing = pd.isna(value)
    return "" if isinstance(missing, bool) and missing else str(value)


def _reader(dtype: Any) -> Callable[[str], object]:  # noqa: ANN401  # of a column
    """Return what reads a text as a value of a column; it raises ValueError with what is wrong."""
    import pandas as pd  # noqa: PLC0415  # only where there is a table

    types = pd.api.types
    readers: list[tuple[Callable[[Any], bool], Callable[[str], object]]] = [
        (
            lambda kind: isinstance(kind, pd.CategoricalDtype),
            lambda text: _one_of(text, {_text(one): one for one in dtype.categories}),
        ),
        (types.is_bool_dtype, _yes_or_no),
        (types.is_datetime64_any_dtype, lambda text: _moment(pd, text, getattr(dtype, "tz", None))),
        (types.is_timedelta64_dtype, lambda text: _span(pd, text)),
        (types.is_integer_dtype, lambda text: _whole(pd, dtype, text)),
        (types.is_float_dtype, lambda text: _told("is not a number", float, text) if text else float("nan")),
    ]
    return next((read for is_kind, read in readers if is_kind(dtype)), lambda text: text)


def _span(pd: Any, text: str) -> object:  # noqa: ANN401  # the module
    return _told("is not a duration, such as 1h 30m", pd.Timedelta, text) if text else pd.NaT


def _told(what: str, read: Callable[[str], object], text: str) -> object:
    try:
        return read(text)
    except (ValueError, OverflowError):
        raise ValueError(what) from None


def _one_of(text: str, choices: dict[str, object]) -> object:
    if text and text not in choices:
        raise ValueError(f"is none of {', '.join(choices)}")
    return choices.get(text)


def _yes_or_no(text: str) -> bool:
    if text.casefold() not in _YES | _NO:
        raise ValueError("is neither yes nor no")
    return text.casefold() in _YES


def _moment(pd: Any, text: str, zone: Any) -> object:  # noqa: ANN401  # the module, and a time zone
    if not text:
        return pd.NaT
    found = cast("Any", _told("is not a date, such as 2026-01-31 12:00", pd.Timestamp, text))
    if zone is None and found.tzinfo is not None:
        raise ValueError("has a time zone, and the column has none")
    return found if zone is None else found.tz_localize(zone) if found.tzinfo is None else found.tz_convert(zone)


def _whole(pd: Any, dtype: Any, text: str) -> object:  # noqa: ANN401  # the module, and the type of a column
    if not text and pd.api.types.is_extension_array_dtype(dtype):
        return pd.NA
    value = _told("is not a whole number", int, text)
    try:
        pd.array([value], dtype=dtype)
    except (ValueError, OverflowError, TypeError):
        raise ValueError(f"is not within {dtype}") from None
    return value
