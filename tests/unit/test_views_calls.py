"""The calls of a run, folded: what each record changes, and that the way there does not matter."""

from __future__ import annotations

import pytest

from nbflow.core.path import caller_of, order_of
from nbflow.core.record import (
    Asked,
    CallBegan,
    CallFailed,
    CallRetried,
    CallReturned,
    CallStarted,
    Discarded,
    Record,
    RunHalted,
    RunPaused,
    RunResumed,
    RunStarted,
)
from nbflow.views.calls import CallRow, CallsView, calls_of
from tests.unit.stories import story

STARTED = RunStarted(run_id="r", thread_id="t", workflow="flow", at=1.0)


def started(path: str, at: float = 2.0, *, replayed: bool = False) -> CallStarted:
    return CallStarted(path=path, at=at, name="work", shown="1", replayed=replayed)


def returned(path: str, at: float = 5.0, attempt: int = 1) -> CallReturned:
    return CallReturned(path=path, at=at, name="work", started=3.0, attempt=attempt)


def states(*records: Record) -> dict[str, str]:
    return {row.path: row.state for row in calls_of((STARTED, *records))}


@pytest.mark.parametrize(
    ("records", "state"),
    [
        ([started("0.0")], "waiting"),
        ([started("0.0"), CallBegan(path="0.0", name="work")], "running"),
        ([started("0.0"), CallRetried(path="0.0", name="work")], "retrying"),
        (
            [started("0.0"), CallRetried(path="0.0", name="work"), CallBegan(path="0.0", name="work", attempt=2)],
            "running",
        ),
        ([returned("0.0")], "done"),
        ([CallFailed(path="0.0", name="work")], "failed"),
        ([returned("0.0"), started("0.0", replayed=True)], "replayed"),
        ([CallFailed(path="0.0", name="work"), started("0.0", replayed=True)], "failed"),
        ([started("0.0"), Asked(path="0.0", id="q", name="work")], "asking"),
        ([started("0.0"), RunHalted(at=9.0)], "stopped"),
    ],
)
def test_a_call_is_as_its_last_record_says(records: list[Record], state: str) -> None:
    assert states(*records)["0.0"] == state


def test_a_caller_asks_while_a_call_below_it_does() -> None:
    asked = [started("0.0"), started("0.0.0"), started("0.1"), Asked(path="0.0.0", id="q", name="work")]
    found = states(*asked, RunPaused(ids=("q",), at=9.0))
    assert found == {"0": "asking", "0.0": "asking", "0.0.0": "asking", "0.1": "stopped"}


def test_what_a_replayed_call_had_called_is_replayed_with_it() -> None:
    found = states(returned("0.0.0"), returned("0.0"), RunResumed(at=8.0), started("0.0", replayed=True))
    assert found == {"0": "running", "0.0": "replayed", "0.0.0": "replayed"}


def test_discarded_calls_leave_with_what_came_after_them() -> None:
    view = CallsView()
    for record in (STARTED, returned("0.0"), returned("0.1"), returned("0.1.0"), returned("0.2"), returned("0.b0.0")):
        view.fold(record)
    gone = view.fold(Discarded(path="0.1"))
    assert {row.path for row in gone} == {"0.1", "0.1.0", "0.2"}
    assert {row.state for row in gone} == {"discarded"}
    assert set(view.rows) == {"0", "0.0", "0.b0.0"}


def test_times_and_tries_are_kept() -> None:
    records = [started("0.0", 2.0), CallBegan(path="0.0", name="work", at=3.0), returned("0.0", 5.0, attempt=2)]
    row = calls_of([STARTED, *records])[1]
    assert (row.requested, row.started, row.ended, row.attempt, row.shown) == (2.0, 3.0, 5.0, 2, "1")


def test_rows_stand_in_the_order_of_positions() -> None:
    paths = ["0.10", "0.b0.0", "0.2", "0.2.0"]
    rows = calls_of([STARTED, *map(returned, paths)])
    assert [row.path for row in rows] == ["0", "0.2", "0.2.0", "0.10", "0.b0.0"]
    assert caller_of("0.b0.b1.3") == "0"
    assert order_of("0.2") < order_of("0.10") < order_of("0.b0.0")


@pytest.mark.parametrize("fails", [False, True])
def test_the_changes_add_up_to_the_whole(fails: bool) -> None:
    for records in story(fails=fails).heard:
        view = CallsView()
        mirror: dict[str, CallRow] = {}
        for number, record in enumerate(records):
            for row in view.fold(record):
                mirror.pop(row.path, None)
                if row.state != "discarded":
                    mirror[row.path] = row
            whole = CallsView()
            for earlier in records[: number + 1]:
                whole.fold(earlier)
            assert mirror == view.rows == whole.rows


def test_a_run_is_told_by_what_is_kept_alone() -> None:
    told = story()
    heard, kept = calls_of(told.heard[-1]), calls_of(told.kept)
    as_done = {"replayed": "done"}
    assert [(row.path, row.name, as_done.get(row.state, row.state), row.attempt, row.edges) for row in heard] == [
        (row.path, row.name, row.state, row.attempt, row.edges) for row in kept
    ]
