"""A run at a glance: counted as it goes, the same as counted at the end."""

from __future__ import annotations

from collections import Counter

import pytest

from nbflow.core.record import CallFailed, CallReturned, CallStarted, RunPaused, RunResumed, RunReturned, RunStarted
from nbflow.views.progress import Progress, RunView, run_of, time_in_run, worked
from nbflow.views.spans import capped, spans_of
from tests.unit.stories import story

STARTED = RunStarted(run_id="r", thread_id="t", workflow="flow", at=100.0)


def test_a_run_that_has_not_begun_is_nothing() -> None:
    assert run_of([]).progress == Progress()


def test_a_finished_run_sums_up() -> None:
    progress = run_of(story().kept).progress
    assert (progress.name, progress.state, progress.total, progress.questions) == ("essay", "done", 9, 0)
    assert (progress.counts, progress.retried) == ({"done": 8, "failed": 1}, 1)


def test_a_paused_run_asks() -> None:
    progress = run_of(story().heard[0]).progress
    assert (progress.state, progress.questions) == ("asking", 1)


def test_a_run_whose_log_just_ends_has_crashed() -> None:
    view = run_of([STARTED, CallStarted(path="0.0", name="work", at=101.0)])
    assert (view.progress.state, view.progress.counts) == ("crashed", {"stopped": 1})
    assert [row.ended for row in view.calls.rows.values()] == [101.0, 101.0]


@pytest.mark.parametrize("fails", [False, True])
def test_counting_as_it_goes_is_counting_the_whole(fails: bool) -> None:
    for records in story(fails=fails).heard:
        view = RunView()
        for number, record in enumerate(records):
            view.fold(record)
            whole = RunView()
            for earlier in records[: number + 1]:
                whole.fold(earlier)
            rows = [row for row in view.calls.rows.values() if row.parent]
            assert view.progress == whole.progress
            assert view.progress.counts == Counter(row.state for row in rows)
            assert view.progress.retried == sum(row.attempt > 1 for row in rows)


def test_the_days_that_a_question_waits_do_not_count() -> None:
    view = run_of([
        STARTED, RunPaused(ids=(), at=110.0), RunResumed(at=5000.0), RunReturned(point="p", at=5005.0),
    ])  # fmt: skip
    progress = view.progress
    assert progress.gaps == ((110.0, 5000.0),)
    assert worked(progress, 9999.0) == pytest.approx(15.0)
    assert [time_in_run(progress, at) for at in (99.0, 105.0, 2000.0, 5001.0)] == pytest.approx([0.0, 5.0, 10.0, 11.0])


def test_bars_are_nested_and_in_time() -> None:
    spans = spans_of(run_of(story().kept))
    assert [(span.row.path, span.depth) for span in spans if span.depth != 1] == [("0", 0), ("0.7.0", 2)]
    assert all(0.0 <= span.requested <= span.begin <= span.end for span in spans)


def test_too_many_bars_are_summed_up_and_failures_stay() -> None:
    done = [CallReturned(path=f"0.{i}", name="work", started=100.0, at=101.0) for i in range(500)]
    view = run_of([STARTED, *done, CallFailed(path="0.450", name="work", started=100.0, at=101.0)])
    shown, rest = capped(spans_of(view), 50)
    assert len(shown) == 50
    assert {"0", "0.0", "0.450"} <= {span.row.path for span in shown}
    assert [(group.name, group.counts, group.seconds) for group in rest] == [("work", {"done": 451}, 451.0)]
