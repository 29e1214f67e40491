"""Tables as they are shown: short, local, coloured, harmless; and still DataFrames."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pandas as pd
import pytest

from nbflow import InMemorySaver, entrypoint, task
from nbflow.views.progress import Progress, run_of
from nbflow.views.timing import timing_of
from nbflow_widgets import tables
from nbflow_widgets.frames import EDGE, ROWS, RunFrame
from nbflow_widgets.timing import is_worth_timing, timing_text
from tests.unit.stories import story

WHEN = datetime(2026, 3, 1, 12, 30, 5, tzinfo=UTC)


class Angry:
    def __repr__(self) -> str:
        raise ValueError("no")


def frame(**columns: Any) -> RunFrame:
    return RunFrame({name: pd.Series(values) for name, values in columns.items()})


def test_times_are_local_durations_short_and_ids_last() -> None:
    shown = frame(run_id=["r1"], thread_id=["t"], started=[pd.Timestamp(WHEN)], took=[pd.Timedelta(seconds=0.7034)])
    lines = repr(shown).splitlines()
    assert lines[0].split() == ["thread_id", "started", "took", "run_id"]
    assert f"{WHEN.astimezone():%Y-%m-%d %H:%M:%S}" in lines[1]
    assert "703 ms" in lines[1]
    assert f'title="{WHEN.isoformat()}"' in shown._repr_html_(), "the hint has it in full"


def test_what_is_empty_is_not_shown_and_still_there() -> None:
    shown = frame(name=["a"], error=pd.Series([None], dtype="string"))
    assert "error" not in repr(shown)
    assert "error" in shown.columns


def test_a_state_has_its_colour() -> None:
    assert "border-radius" in frame(state=["done"])._repr_html_()
    assert "border-radius" not in frame(name=["done"])._repr_html_()


def test_a_long_table_shows_both_ends() -> None:
    shown = frame(number=list(range(ROWS + 1)))
    assert f"{ROWS + 1 - 2 * EDGE} more rows" in repr(shown)
    assert f"{ROWS + 1 - 2 * EDGE} more rows" in shown._repr_html_()
    assert len(repr(shown).splitlines()) == 2 * EDGE + 2
    assert "more row" not in repr(frame(number=list(range(ROWS))))


def test_an_empty_table_says_so() -> None:
    empty = tables.threads(InMemorySaver())
    assert repr(empty).startswith("no rows; columns: thread_id, workflow, state")
    assert "no rows" in empty._repr_html_()


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Angry(), "<Angry instance at"),
        (pd.DataFrame({"a": range(1000)}), "<DataFrame 1000x1>"),
        (["x"] * 1000, "['x', 'x', 'x', 'x', 'x', 'x', ...]"),
        ("one\ntwo", "one two"),
        ("x" * 1000, "x" * 59 + "…"),
    ],
)
def test_any_object_is_one_short_line(value: Any, text: str) -> None:
    shown = RunFrame({"result": tables._column([value], "object")})
    assert text in repr(shown)


def test_markup_is_text() -> None:
    hostile = ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>' + "x" * 99]
    html = frame(**{"<i>": hostile})._repr_html_()
    assert "<script" not in html
    assert "<img" not in html
    assert "<i>" not in html


def test_what_is_taken_from_a_table_is_shown_alike() -> None:
    calls = tables.calls(story().flow, "story")
    assert isinstance(calls[calls.state == "failed"].head(1), RunFrame)
    by_name: Any = calls.set_index("path")[["name", "duration"]]
    assert "0.6" in repr(by_name)
    assert "0.6" in by_name._repr_html_()


def test_a_result_is_the_object() -> None:
    data = pd.DataFrame({"a": [1, 2]})

    @task
    def load(_: int) -> Any:
        return data

    @task
    def pair(_: int) -> Any:
        return [1, 2]

    @entrypoint(checkpointer=InMemorySaver())
    def flow(n: int) -> Any:
        load(n).result()
        pair(n).result()
        return entrypoint.final(value=3, save=4)

    flow.invoke(1, {"configurable": {"thread_id": "t"}})
    results = tables.calls(flow, "t").set_index("path").result
    pd.testing.assert_frame_equal(results["0.0"], data)
    assert results["0.1"] == [1, 2]
    assert results["0"] == 3


def test_where_the_time_went_is_a_line_and_a_table() -> None:
    table = tables.tasks(story().flow, "story").set_index("name")
    assert (table.calls["fetch"], table.failed["check"], table.retried["call"]) == (3, 1, 1)
    assert str(table.total.dtype) == "timedelta64[us]"
    view = run_of(story().heard[-1])
    text = timing_text(view.progress, timing_of(view))
    assert " at work, bound by " in text
    assert text.endswith("1 call tried again.")
    assert timing_text(Progress(), timing_of(run_of([]))) == ""


@pytest.mark.parametrize(
    ("total", "seconds", "state", "worth"),
    [
        (3, 1.0, "done", True),
        (2, 9.0, "done", False),
        (3, 0.9, "done", False),
        (9, 9.0, "failed", False),
        (30_000, 9.0, "done", False),
    ],
)
def test_a_card_tells_of_time_where_somebody_may_wonder(total: int, seconds: float, state: str, *, worth: bool) -> None:
    progress = Progress(name="flow", run_id="r", state=state, total=total, started=10.0, ended=10.0 + seconds)
    assert is_worth_timing(progress) is worth
