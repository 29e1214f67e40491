"""A table that is edited as the answer: cells as texts, back as the types of their columns."""

from __future__ import annotations

import sys
from typing import Any

import pandas as pd
import pytest

import nbflow
from nbflow import Command, interrupt
from nbflow_widgets.fields.table import GridField, cells_of, table_field, with_cells
from nbflow_widgets.forms import Form
from tests.widgets.people import click, entries, page, press

FRAME = pd.DataFrame(
    {
        "count": [1, 2],
        "mass": [1.5, None],
        "day": pd.to_datetime(["2026-01-01", "2026-02-01"]),
        "at": pd.to_datetime(["2026-01-01", None]).tz_localize("Europe/Rome"),
        "wait": pd.to_timedelta(["1h", None]),
        "name": ["x, y", 'say "z"'],
        "ok": [True, False],
        "kind": pd.Categorical(["u", "v"], categories=["u", "v", "w"]),
        "some": pd.array([1, None], dtype="Int64"),
        "odd": [(1, 2), None],
    },
    index=["a", "b"],
)
EDITED = {
    "count": ("7", 7),
    "mass": ("2.5", 2.5),
    "day": ("2027-03-04", pd.Timestamp("2027-03-04")),
    "at": ("2027-03-04 10:00", pd.Timestamp("2027-03-04 10:00", tz="Europe/Rome")),
    "wait": ("90 min", pd.Timedelta(minutes=90)),
    "name": ("", ""),
    "ok": ("no", False),
    "kind": ("w", "w"),
    "some": ("", pd.NA),
    "odd": ("text", "text"),
}


@pytest.fixture(params=["lines", "grid"])
def kind(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Edit as lines of CSV, and in the grid where it is installed."""
    if request.param == "lines":
        monkeypatch.setitem(sys.modules, "ipydatagrid", None)
    elif not isinstance(table_field(FRAME), GridField):
        pytest.skip("no ipydatagrid")
    return str(request.param)


def edit(form: Form, column: str, text: str) -> None:
    """Type into a cell of the first row."""
    field: Any = form._fields["table"]
    place = list(FRAME.columns).index(column)
    if isinstance(field, GridField):
        content = {"event_type": "cell-changed", "row": 0, "column_index": place, "value": text}
        field._grid._handle_custom_msg(content, [])
        return
    cells = cells_of(FRAME)
    cells[0][place] = text
    quoted = [["".join(('"', one.replace('"', '""'), '"')) for one in row] for row in [[*FRAME.columns], *cells]]
    press(entries(form)[0], "\n".join(",".join(row) for row in quoted))


def asks() -> tuple[Form, list[Any], dict[str, object]]:
    @nbflow.entrypoint(checkpointer=nbflow.InMemorySaver())
    def flow(_: int) -> Any:
        return interrupt({"question": "Right?", "edit": FRAME})

    config: nbflow.RunnableConfig = {"configurable": {"thread_id": "t"}}
    asked = flow.invoke(1, config)["__interrupt__"][0]
    results: list[Any] = []
    drafts: dict[str, object] = {}
    send = lambda answer: results.append(flow.invoke(Command(resume=answer), config))  # noqa: E731  # in one line
    return Form(asked, send, drafts=drafts), results, drafts


def test_an_untouched_table_comes_back_as_it_was(kind: str) -> None:
    form, results, _ = asks()
    click(form, "Submit")
    pd.testing.assert_frame_equal(results[0], FRAME)
    assert "Answer" in page(form)
    assert "count" in form.text()


@pytest.mark.parametrize("column", EDITED)
def test_an_edited_cell_is_of_its_column_s_type(kind: str, column: str) -> None:
    form, results, drafts = asks()
    text, value = EDITED[column]
    edit(form, column, text)
    assert drafts
    again = Form(form.asked, lambda _answer: None, drafts=dict(drafts))
    assert again._fields["table"].draft() == form._fields["table"].draft()
    click(form, "Submit")
    assert results, page(form)
    expected = FRAME.copy()
    expected[column] = pd.Series([value, FRAME[column].iloc[1]], index=FRAME.index, dtype=FRAME[column].dtype)
    pd.testing.assert_frame_equal(results[0], expected)


@pytest.mark.parametrize(
    ("column", "text", "why"),
    [
        ("count", "1.5", "row a, count: '1.5' is not a whole number"),
        ("count", "", "is not a whole number"),
        ("count", "9" * 30, "is not within int64"),
        ("mass", "much", "is not a number"),
        ("day", "soon", "is not a date"),
        ("day", "2026-01-01T00:00Z", "has a time zone, and the column has none"),
        ("wait", "long", "is not a duration"),
        ("ok", "perhaps", "is neither yes nor no"),
        ("kind", "x", "is none of u, v, w"),
    ],
)
def test_what_does_not_fit_its_column_is_told_and_not_sent(kind: str, column: str, text: str, why: str) -> None:
    form, results, _ = asks()
    edit(form, column, text)
    click(form, "Submit")
    assert why in page(form).replace("&#x27;", "'")
    assert results == []


def test_rows_and_columns_stay() -> None:
    for cells in (cells_of(FRAME)[1:], [row[1:] for row in cells_of(FRAME)], [*cells_of(FRAME), cells_of(FRAME)[0]]):
        with pytest.raises(ValueError, match="keep the 2 rows and 10 columns"):
            with_cells(FRAME, cells)


@pytest.mark.parametrize(
    "frame",
    [
        pd.DataFrame([[1, 2]], columns=["a", "a"]),
        pd.DataFrame([[1, 2]], columns=pd.MultiIndex.from_tuples([("a", 1), ("a", 2)])),
        pd.DataFrame({"a": [1, 2]}, index=[0, 0]),
        pd.DataFrame({"a": []}),
        pd.DataFrame(),
    ],
)
def test_odd_tables_come_back_too(frame: pd.DataFrame) -> None:
    if len(frame.columns):
        pd.testing.assert_frame_equal(table_field(frame).read(), frame)
    pd.testing.assert_frame_equal(with_cells(frame, cells_of(frame)), frame)
