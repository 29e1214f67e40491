"""What an input means for a thread: a new run, an answer, or going on; decided from its log alone.

Nothing is written before all of this has been checked, so a mistake leaves the thread as it was.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from nbflow.core.brief import brief
from nbflow.core.record import (
    Answered,
    Asked,
    Fallback,
    Record,
    RunFailed,
    RunHalted,
    RunPaused,
    RunResumed,
    RunReturned,
    RunStarted,
    Value,
)
from nbflow.errors import (
    AmbiguousResumeError,
    InvalidAnswerError,
    NothingToResumeError,
    ReplayMismatchError,
    UnknownInterruptError,
)
from nbflow.schemas import complaint
from nbflow.values import Reject

if TYPE_CHECKING:
    from collections.abc import Container, Sequence

    from nbflow.values import Command

_ID_LENGTH = 32
_STATES = {RunReturned: "finished", RunPaused: "paused", RunFailed: "failed", RunHalted: "stopped"}


def status_of(records: Sequence[Record]) -> str:
    """Return how a run stands: finished, paused, failed, stopped, or crashed if its log just ends."""
    for record in reversed(records):
        state = _STATES.get(type(record))
        if state is not None:
            return state
        if isinstance(record, (RunStarted, RunResumed)):
            break
    return "crashed"


def pending_questions(records: Sequence[Record]) -> dict[str, Asked]:
    """Return the questions that a paused run waits with, by id, in the order asked."""
    if status_of(records) != "paused":
        return {}
    paused = next(record for record in reversed(records) if isinstance(record, RunPaused))
    asked = {record.id: record for record in records if isinstance(record, Asked)}
    return {key: asked[key] for key in paused.ids if key in asked}


def check_workflow(records: Sequence[Record], workflow: str) -> None:
    """Raise if a log was written by another workflow.

    Raises:
        ReplayMismatchError: if so.
    """
    started = cast("RunStarted", records[0])
    if started.workflow != workflow:
        raise ReplayMismatchError("0", f"workflow {started.workflow!r}", f"workflow {workflow!r}")


def answers_for(records: Sequence[Record], command: Command, workflow: str, thread_id: str, at: float) -> list[Record]:
    """Return the answers of a command as records.

    Raises:
        NothingToResumeError: if no question is open.
        AmbiguousResumeError: if a plain answer meets several questions.
        UnknownInterruptError: if an id names no open question.
        InvalidAnswerError: if an answer does not fit its question's schema.
    """
    pending = pending_questions(records)
    if not pending:
        raise NothingToResumeError(workflow, thread_id, status_of(records))
    given = _by_id(command.resume)
    if given is None:
        if len(pending) > 1:
            questions = {key: brief(asked.value.get() if asked.value else None) for key, asked in pending.items()}
            raise AmbiguousResumeError(thread_id, questions)
        given = dict.fromkeys(pending, command.resume)
    unknown = [key for key in given if key not in pending]
    if unknown:
        raise UnknownInterruptError(thread_id, unknown, list(pending))
    answers = [_answered(pending[key], answer, at) for key, answer in given.items()]
    return [*answers, *expired_answers(records, at, besides=given)]


def expired_answers(records: Sequence[Record], at: float, besides: Container[str] = ()) -> list[Record]:
    """Return the answers of those open questions whose time is up: their fallbacks, or that there is none.

    Args:
        records: of a paused run.
        at: seconds since 1970.
        besides: ids of questions that are answered in another way.
    """
    fallbacks = {record.id: record.value for record in records if isinstance(record, Fallback)}
    return [
        Answered(path=asked.path, at=at, id=key, expired=True, value=fallbacks.get(key))
        for key, asked in pending_questions(records).items()
        if key not in besides and asked.expires is not None and asked.expires <= at
    ]


def _answered(asked: Asked, answer: object, at: float) -> Answered:
    if isinstance(answer, Reject):
        return Answered(path=asked.path, at=at, id=asked.id, rejected=True, value=Value(answer.reason))
    problem = complaint(answer, asked.schema)
    if problem:
        raise InvalidAnswerError(asked.id, problem)
    return Answered(path=asked.path, at=at, id=asked.id, value=Value(answer))


def _by_id(resume: object) -> dict[str, object] | None:
    """Return answers by question id, or None for one plain answer."""
    if isinstance(resume, dict) and resume and all(_is_id(key) for key in resume):
        return resume
    return None


def _is_id(key: object) -> bool:
    return isinstance(key, str) and len(key) == _ID_LENGTH and not set(key) - set("0123456789abcdef")
