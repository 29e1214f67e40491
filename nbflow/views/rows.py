"""What tables show, row by row: threads, checkpoints, questions; folds of one run's records each."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from nbflow.core.checkpoints import Checkpoint, checkpoints, origin_of
from nbflow.core.marks import Position, marks_below, positions
from nbflow.core.record import (
    ROOT,
    Answered,
    Asked,
    Marked,
    Record,
    Reopened,
    RunPaused,
    RunStarted,
    Value,
)
from nbflow.core.states import ended_as, state_after
from nbflow.views.details import text_of, text_of_question, text_of_value

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class ThreadRow(NamedTuple):
    """A thread, as its newest run stands.

    Attributes:
        thread_id: the thread.
        workflow: what ran last.
        state: ``done``, ``failed``, ``asking``, ``stopped``, ``running``; ``crashed`` if its process died.
        questions: how many questions wait for an answer.
        started, updated: seconds since 1970.
        run_id: the newest run.
    """

    thread_id: str
    workflow: str
    state: str
    questions: int
    started: float
    updated: float
    run_id: str


class PointRow(NamedTuple):
    """A checkpoint: the input of a run, a pause, its result, or one that no body wrote.

    Attributes:
        step: number in the thread, from -1; a pause is none of its own, and has that of the input before it.
        source: ``input``, ``loop``, ``fork`` or ``update``, as in a checkpoint's metadata.
        workflow: what ran.
        state: how the run stands at its input; ``asking`` at a pause, ``done`` at its result.
        at: seconds since 1970.
        value: the input, the questions or the result as text.
        checkpoint_id, parent_id, run_id: what addresses it; ``parent_id`` may be None.
    """

    step: int
    source: str
    workflow: str
    state: str
    at: float
    value: str
    checkpoint_id: str
    parent_id: str | None
    run_id: str


class QuestionRow(NamedTuple):
    """A question of a run.

    Attributes:
        thread_id, run_id: the run.
        path: position of the call that asked.
        name: the task or body that asked.
        state: ``open``, ``answered``, or ``dropped`` when the run ended without an answer.
        question, answer: as text; ``answer`` is None while there is none.
        asked, answered: seconds since 1970; ``answered`` is None while it is not.
        by, comment: who answered, and what was noted beside the answer; None where nobody said so.
        id: names the question.
    """

    thread_id: str
    run_id: str
    path: str
    name: str
    state: str
    question: str
    answer: str | None
    asked: float
    answered: float | None
    by: str | None
    comment: str | None
    id: str


def run_state(records: Sequence[Record], *, running: bool = False) -> str:
    """Return how a run stands by its last records.

    Args:
        records: the last ones are enough; what workers brought in after an end does not count.
        running: whether somebody works on it; without an end it has crashed else.
    """
    return ended_as(records) or ("running" if running else "crashed")


def thread_row(first: Sequence[Record], last: Sequence[Record], *, running: bool = False) -> ThreadRow | None:
    """Return a thread by the first and the last records of its newest run; None if that has none.

    Args:
        first: the first record at least.
        last: the last few.
        running: whether somebody works on the thread.
    """
    if not first or not isinstance(first[0], RunStarted):
        return None
    started, newest = first[0], last[-1]
    questions = len(newest.ids) if isinstance(newest, RunPaused) else 0
    return ThreadRow(
        started.thread_id,
        started.workflow,
        run_state(last, running=running),
        questions,
        started.at,
        newest.at,
        started.run_id,
    )


def points_of(records: Sequence[Record], *, running: bool = False, values: bool = True) -> list[PointRow]:
    """Return the checkpoints of a run, newest first: its result, if there is one, its pauses, its input.

    Args:
        records: of the run.
        running: whether somebody works on it.
        values: whether values are decoded; without, ``value`` stays empty.
    """
    if not records or not isinstance(records[0], RunStarted):
        return []
    started = records[0]
    asked = {record.id: record for record in records if isinstance(record, Asked)}
    points: list[PointRow] = []
    stood = positions(marks_below(records, ROOT)) if values else {}
    for point in checkpoints(records):
        source, step = origin_of(started, point)
        end = point.end
        is_open = end is started or (isinstance(end, Marked) and not points)
        state = run_state(records, running=running) if is_open else state_after(end) or "done"
        text = _point_text(point, asked, stood) if values else ""
        points.append(
            PointRow(step, source, started.workflow, state, end.at, text, point.id, point.parent, started.run_id)
        )
    return points


def _point_text(point: Checkpoint, asked: Mapping[str, Asked], stood: Mapping[str, Position]) -> str:
    if isinstance(point.end, RunPaused):
        return _questions_text(point.end, asked)
    return text_of(point.end) if point.mark is None else _position_text(stood[point.mark.point])


def _questions_text(paused: RunPaused, asked: Mapping[str, Asked]) -> str:
    shown = ", ".join(text_of_question(asked[key]) for key in paused.ids[:_LISTED] if key in asked)
    return f"{shown} and {len(paused.ids) - _LISTED} more" if len(paused.ids) > _LISTED else shown


def _position_text(position: Position) -> str:
    leads = ", ".join(dict.fromkeys(unit.name for unit in position.units))
    return f"{text_of_value(Value(dict(position.state)))}{' -> ' if leads else ''}{leads}"


_LISTED = 5  # questions of a pause


def questions_of(records: Sequence[Record]) -> list[QuestionRow]:
    """Return the questions of a run in the order asked, each once."""
    if not records or not isinstance(records[0], RunStarted):
        return []
    started, last = records[0], records[-1]
    answers: dict[str, Answered] = {}
    for record in records:
        if isinstance(record, Answered):
            answers[record.id] = record
        elif isinstance(record, Reopened):
            answers.pop(record.id, None)
    pending = set(last.ids) if isinstance(last, RunPaused) else set()
    asked = {record.id: record for record in records if isinstance(record, Asked)}
    return [_question(started, record, answers.get(key), is_open=key in pending) for key, record in asked.items()]


def _question(started: RunStarted, asked: Asked, answered: Answered | None, *, is_open: bool) -> QuestionRow:
    state = "answered" if answered is not None else "open" if is_open else "dropped"
    at, by, comment = (answered.at, answered.by, answered.comment) if answered is not None else (None, "", "")
    return QuestionRow(
        started.thread_id, started.run_id, asked.path, asked.name, state, text_of_question(asked),
        text_of(answered) if answered is not None else None, asked.at, at, by or None, comment or None, asked.id,
    )  # fmt: skip


__all__ = ["PointRow", "QuestionRow", "ThreadRow", "points_of", "questions_of", "run_state", "thread_row"]
