"""Tables: the same columns and types with and without rows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd
import pytest

import nbflow
from nbflow import InMemorySaver
from nbflow_widgets.tables import calls, history, interrupts, threads
from tests.unit.stories import story

EMPTY = InMemorySaver()


def kinds(frame: pd.DataFrame) -> dict[str, str]:
    return {str(name): str(kind) for name, kind in frame.dtypes.items()}


@pytest.mark.parametrize(
    ("table", "where"),
    [(threads, ()), (history, ("story",)), (calls, ("story",)), (interrupts, ())],
)
def test_an_empty_table_has_the_same_columns_and_types(table: Any, where: tuple[str, ...]) -> None:
    one, none = table(story().flow, *where), table(EMPTY, *where)
    assert (len(one) > 0, len(none)) == (True, 0)
    assert kinds(one) == kinds(none)


def test_threads_show_how_their_newest_run_stands() -> None:
    row = threads(story().flow.saver("a test")).iloc[0]
    assert (row.thread_id, row.workflow, row.state, row.questions, row.runs) == ("story", "essay", "done", 0, 1)
    assert row.updated.tzinfo is not None
    assert datetime.now(UTC) - row.updated < timedelta(hours=1)
    assert row.duration == row.updated - row.started


def test_history_shows_the_input_each_pause_and_the_result_of_a_run() -> None:
    table = history(story().flow, "story")
    assert list(zip(table.step, table.source, table.state, strict=True)) == [
        (0, "loop", "done"),
        (-1, "loop", "asking"),
        (-1, "input", "done"),
    ]
    assert list(table.checkpoint_id[1:]) == list(table.parent_id[:2])
    assert pd.isna(table.parent_id[2])


def test_calls_show_what_came_of_each() -> None:
    table = calls(story().flow, "story").set_index("path")
    assert len(table) == 10
    assert (table.result["0.1"], table.arguments["0.1"], table.attempt["0.7.0"]) == ("<page 1>", "1", 3)
    assert (table.error["0.6"], pd.isna(table.result["0.6"])) == ("ValueError: dead & gone", True)
    assert (table.duration >= timedelta(0)).all()
    assert table.groupby("name", observed=True).size()["fetch"] == 3


def test_calls_of_records_that_were_heard_know_the_wait() -> None:
    table = calls(story().heard[0], results=False).set_index("path")
    assert table.waited.notna()["0.7.0"]
    assert table.result.isna().all()


def test_interrupts_show_questions_and_answers() -> None:
    row = interrupts(story().flow, "story").iloc[0]
    assert (row.state, row.question, row.answer) == ("answered", "good enough?", "yes")
    assert row.waited > timedelta(0)
    open_one = interrupts(story().heard[0]).iloc[0]
    assert (open_one.state, pd.isna(open_one.answer), pd.isna(open_one.waited)) == ("open", True, True)


def test_a_checkpointer_wants_a_thread() -> None:
    with pytest.raises(TypeError, match=r"calls\(saver, thread_id\)"):
        calls(EMPTY)


def test_time_in_which_a_person_was_waited_for_is_no_work(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1_000_000.0
    monkeypatch.setattr("nbflow._support.clock.now", lambda: now)
    saver = InMemorySaver()

    @nbflow.task
    def ask() -> object:
        return nbflow.interrupt("?")

    @nbflow.task
    def work() -> None:
        nonlocal now
        now += 3

    @nbflow.entrypoint(checkpointer=saver)
    def flow(_: int) -> object:
        work().result()
        return ask().result()

    config: nbflow.RunnableConfig = {"configurable": {"thread_id": "t"}}
    flow.invoke(1, config)
    now += 100
    flow.invoke(nbflow.Command(resume="yes"), config)

    table = calls(flow, "t").set_index("path")
    seconds = timedelta(seconds=1)
    assert [one / seconds for one in table.duration] == pytest.approx([3, 3, 0])
    assert table.paused["0"] / seconds == pytest.approx(100)
    assert pd.isna(table.paused["0.0"])
