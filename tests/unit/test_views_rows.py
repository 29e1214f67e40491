"""Rows of tables: a thread, its checkpoints, its questions."""

from __future__ import annotations

from nbflow.core.record import CallReturned, RunHalted, RunPaused, RunResumed, RunStarted
from nbflow.views.rows import points_of, questions_of, run_state, thread_row
from tests.unit.stories import story

STARTED = RunStarted(run_id="r", thread_id="t", workflow="flow", at=1.0)


def test_a_thread_is_told_by_its_ends() -> None:
    row = thread_row([STARTED], [RunPaused(ids=("q", "p"), at=5.0)])
    assert row == ("t", "flow", "asking", 2, 1.0, 5.0, "r")
    assert thread_row([], []) is None


def test_a_run_without_an_end_runs_or_has_crashed() -> None:
    assert run_state([STARTED, RunPaused(ids=()), RunResumed()]) == "crashed"
    assert run_state([STARTED]) == "crashed"
    assert run_state([STARTED], running=True) == "running"
    assert run_state([STARTED, RunHalted(), CallReturned(name="late")], running=True) == "stopped"


def test_a_finished_run_has_its_input_each_pause_and_its_result() -> None:
    result, pause, entry = points_of(story().kept)
    assert (result.step, result.source, result.parent_id) == (0, "loop", pause.checkpoint_id)
    assert (pause.step, pause.source, pause.state, pause.parent_id) == (-1, "loop", "asking", entry.checkpoint_id)
    assert "good enough?" in pause.value
    assert (entry.step, entry.source, entry.value, entry.state) == (-1, "input", "cats", "done")
    assert points_of([]) == []


def test_a_question_is_open_then_answered() -> None:
    (asked,) = questions_of(story().heard[0])
    (answered,) = questions_of(story().kept)
    assert (asked.state, asked.answer, asked.answered) == ("open", None, None)
    assert (answered.state, answered.answer, answered.id) == ("answered", "yes", asked.id)


def test_a_question_of_a_failed_run_without_an_answer_is_dropped() -> None:
    without = [record for record in story(fails=True).kept if type(record).__name__ != "Answered"]
    assert [row.state for row in questions_of(without)] == ["dropped"]
