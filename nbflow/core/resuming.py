"""What an input means for a thread: a new run, an answer, or going on; decided from its log alone.

Nothing is written before all of this has been checked, so a mistake leaves the thread as it was.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from nbflow.core.fork import steered
from nbflow.core.log import Log
from nbflow.core.questions import unfit
from nbflow.core.record import (
    Answered,
    Asked,
    Fallback,
    Record,
    Reopened,
    RunFailed,
    RunPaused,
    RunResumed,
    RunStarted,
    Value,
    of_kind,
)
from nbflow.core.states import RunState, ended_as
from nbflow.core.summary import summary
from nbflow.errors import (
    AmbiguousResumeError,
    CorruptValueError,
    InterruptRejectedError,
    InvalidAnswerError,
    NothingToResumeError,
    ReplayMismatchError,
    UnknownInterruptError,
)
from nbflow.values import Reject

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterator, Mapping, Sequence

    from nbflow.values import Command

    Refuses = Callable[[Asked, object], str | None]

_ID_LENGTH = 32


def status_of(records: Sequence[Record]) -> RunState:
    """Return how a run stands that nobody works on: as its last record says, or crashed if its log just ends."""
    return ended_as(records) or "crashed"


def pending_questions(records: Sequence[Record]) -> dict[str, Asked]:
    """Return the questions that a paused run waits with, by id, in the order asked."""
    if status_of(records) != "asking":
        return {}
    paused = next(record for record in reversed(records) if isinstance(record, RunPaused))
    asked = _asked(records)
    return {key: asked[key] for key in paused.ids if key in asked}


def check_workflow(records: Sequence[Record], workflow: str, *aliases: str) -> None:
    """Raise if a log was written by another workflow.

    Args:
        records: of the log.
        workflow: name of the one that goes on.
        aliases: other names that it may have been written under.

    Raises:
        ReplayMismatchError: if so.
    """
    started = cast("RunStarted", records[0])
    if started.workflow not in {workflow, *aliases}:
        raise ReplayMismatchError("0", f"workflow {started.workflow!r}", f"workflow {workflow!r}")


def answers_for(
    records: Sequence[Record], command: Command, workflow: str, thread_id: str, at: float, refuses: Refuses
) -> list[Record]:
    """Return the answers of a command as records.

    An answer goes to an open question. One that names its question goes also to one whose answer does not
    fit or is a rejection, and to one that a run waited with when it failed; a plain answer goes to that by
    which the run has failed.

    Raises:
        NothingToResumeError: if no question takes an answer.
        AmbiguousResumeError: if a plain answer meets several questions.
        UnknownInterruptError: if an id names no question that takes an answer.
        InvalidAnswerError: if an answer does not fit its question.
    """
    pending = pending_questions(records)
    given = _by_id(command.resume)
    undone: dict[str, Reopened] = {}
    takes = pending
    if not pending or (given is not None and any(key not in pending for key in given)):
        undone = undoable(records, at, refuses, failed_by=given is None)
        others = _asked(records)
        takes = {**{key: others[key] for key in undone if key in others}, **pending}
    if not pending and given is not None and status_of(records) != "done":
        log = Log(records)  # it ended in another way while it waited with these
        takes = {**takes, **{key: asked for key, asked in log.asked.items() if key not in log.answers}}
    if not takes:
        raise NothingToResumeError(workflow, thread_id, status_of(records))
    if given is None:
        if len(takes) > 1:
            raise AmbiguousResumeError(thread_id, _texts(takes))
        given = dict.fromkeys(takes, command.resume)
    unknown = [key for key in given if key not in takes]
    if unknown:
        raise UnknownInterruptError(thread_id, unknown, list(pending), list(_texts(pending).values()))
    answers: list[Record] = [undone[key] for key in given if key in undone]
    answers += [_answered(takes[key], answer, at, refuses) for key, answer in given.items()]
    return [*answers, *expired_answers(records, at, besides=given)]


def recorded_pause(records: Sequence[Record], answers: Sequence[Record], at: float, point: str) -> list[Record]:
    """Return what records answers in a run that nobody goes on with: as if it had, and had paused again at once.

    Args:
        records: of the run.
        answers: as of ``answers_for``.
        at: seconds since 1970.
        point: checkpoint id of the pause.
    """
    answered = {record.id for record in answers if isinstance(record, Answered)}
    left = tuple(key for key in pending_questions(records) if key not in answered)
    return [RunResumed(at=at), *answers, RunPaused(at=at, ids=left, point=point, recorded=True)]


def undoable(records: Sequence[Record], at: float, refuses: Refuses, *, failed_by: bool = False) -> dict[str, Reopened]:
    """Return by id what opens the answered questions of a run that another answer may still be given to.

    That is a rejected question, and in a run that failed one whose answer does not fit, until the run has
    returned. What the answer had led to is dropped.

    Args:
        records: of the run.
        at: seconds since 1970.
        refuses: says why an answer does not fit a question.
        failed_by: whether only those count by which the run has failed.
    """
    state = status_of(records)
    if state == "done":
        return {}
    log = Log(records)
    blamed = _blamed(records)
    found: dict[str, Reopened] = {}
    for key, answered in log.answers.items():
        asked, value = log.asked.get(key), answered.value
        problem = _REJECTED if answered.rejected else ""
        if not problem and asked is not None and value is not None and state == "failed":
            problem = _problem(asked, value, refuses)
        if problem and (not failed_by or not answered.rejected or key == blamed):
            dropped = steered(records, answered)
            found[key] = Reopened(path=answered.path, at=at, id=key, problem=problem, value=value, dropped=dropped)
    return found


def _problem(asked: Asked, value: Value, refuses: Refuses) -> str:
    """Return why a stored answer does not fit its question; empty if it does."""
    try:
        answer = value.whole()
    except CorruptValueError as error:
        return unfit(error.reason)
    return refuses(asked, answer) or ""


_REJECTED = "the rejection was taken back"


def _blamed(records: Sequence[Record]) -> str | None:
    """Return the id of the question whose rejection a run failed by; None if it did not."""
    last = records[-1] if records else None
    error = last.value.get() if isinstance(last, RunFailed) and last.value is not None else None
    return next((one.interrupt_id for one in _chain(error) if isinstance(one, InterruptRejectedError)), None)


def _chain(error: object) -> Iterator[BaseException]:
    """Yield an error, those inside it, and those that led to it."""
    while isinstance(error, BaseException):
        yield error
        if isinstance(error, BaseExceptionGroup):
            for inner in error.exceptions:
                yield from _chain(inner)
        error = error.__cause__ or error.__context__


def _asked(records: Sequence[Record]) -> dict[str, Asked]:
    return {record.id: record for record in of_kind(records, Asked)}


def _texts(asked: Mapping[str, Asked]) -> dict[str, str]:
    return {key: text_of_question(one) for key, one in asked.items()}


def expired_answers(records: Sequence[Record], at: float, besides: Container[str] = ()) -> list[Record]:
    """Return the answers of those open questions whose time is up: their fallbacks, or that there is none.

    Args:
        records: of a paused run.
        at: seconds since 1970.
        besides: ids of questions that are answered in another way.
    """
    fallbacks: dict[str, Value | None] = {}
    for record in records if of_kind(records, Fallback) else ():
        if isinstance(record, Fallback):
            fallbacks[record.id] = record.value
        elif isinstance(record, Reopened):
            fallbacks.pop(record.id, None)
    return [
        Answered(path=asked.path, at=at, id=key, expired=True, value=fallbacks.get(key))
        for key, asked in pending_questions(records).items()
        if key not in besides and asked.expires is not None and asked.expires <= at
    ]


def _answered(asked: Asked, answer: object, at: float, refuses: Refuses) -> Answered:
    if isinstance(answer, Reject):
        return Answered(path=asked.path, at=at, id=asked.id, rejected=True, value=Value(answer.reason))
    problem = refuses(asked, answer)
    if problem:
        raise InvalidAnswerError(asked.id, problem, text_of_question(asked))
    return Answered(path=asked.path, at=at, id=asked.id, value=Value(answer))


def text_of_question(asked: Asked) -> str:
    """Return a recorded question as short text."""
    return summary(asked.get())


def _by_id(resume: object) -> dict[str, object] | None:
    """Return answers by question id, or None for one plain answer."""
    if isinstance(resume, dict) and resume and all(_is_id(key) for key in resume):
        return resume
    return None


def _is_id(key: object) -> bool:
    return isinstance(key, str) and len(key) == _ID_LENGTH and not set(key) - set("0123456789abcdef")
