"""Answers to runs that nobody goes on with now: recorded in the thread, for whoever has the workflow."""

from __future__ import annotations

import getpass
from typing import TYPE_CHECKING

from msgspec.structs import replace

from nbflow._support import clock
from nbflow.checkpoint import points
from nbflow.checkpoint.given import check_given
from nbflow.checkpoint.rows import encode_value, load, to_row
from nbflow.checkpoint.upkeep import leased
from nbflow.core.record import Answered, Record, RunStarted
from nbflow.core.resuming import answers_for, pending_questions, recorded_pause
from nbflow.errors import InvalidOptionError, NothingToResumeError
from nbflow.runs.request import refusal
from nbflow.values import Command, is_text
from nbflow.values.by_name import by_name

if TYPE_CHECKING:
    from nbflow.checkpoint.base import BaseCheckpointSaver

_WHERE = "record_answer()"


@by_name
def record_answer(
    saver: BaseCheckpointSaver, thread_id: str, answer: object, *, by: str | None = None, comment: str = ""
) -> int:
    """Answer a question of a thread without running anything: it goes on where its workflow is at hand.

    For whoever has the file but not the code: another notebook, a script, a web page. The answer is checked, and
    stored with who gave it and when; it survives restarts, counts once, and no other answer takes its place.
    The thread's state is ``"answered"`` once no question is left: ``flow.go_on()``, ``flow.invoke(None, config)``,
    the cell that asked or ``%load_ext nbflow`` where the workflow is defined goes on with it.

    Args:
        saver: keeps the thread.
        thread_id: the thread.
        answer: as of ``Command(resume=answer)``: a value or a ``Reject`` to the one open question, or ``{id: answer}``.
        by: who answered; None for the name of the user of this computer.
        comment: why, for whoever reads the record.

    Returns:
        How many questions are still open.

    Raises:
        NothingToResumeError: if the thread asks nothing.
        AmbiguousResumeError: if it asks several questions and ``answer`` names none.
        UnknownInterruptError: if an id names no open question.
        InvalidAnswerError: if the answer does not fit its question.
        ThreadBusyError: if somebody works on the thread.
        UnserializableError: if the answer can't be stored.
    """
    check_given(_WHERE, saver, thread_id)
    for name, text in (("by", by), ("comment", comment)):
        if not (name == "by" and text is None) and not (isinstance(text, str) and is_text(text)):
            raise InvalidOptionError(_WHERE, name, repr(text), "it is text without lone surrogates")
    with leased(saver, _WHERE, thread_id) as owner:
        newest = points.newest(saver, thread_id)
        if newest is None:
            raise NothingToResumeError("?", thread_id, "unknown")
        past, at = load(saver, newest), clock.now()
        started = past[0]
        workflow = started.workflow if isinstance(started, RunStarted) else "?"
        given = answers_for(past, Command(resume=answer), workflow, thread_id, at, refusal)
        who = _user() if by is None else by
        named = [replace(one, by=who, comment=comment) if _is_given(one) else one for one in given]
        records = recorded_pause(past, named, at, clock.new_id())
        for record in records:
            encode_value(record)
        saver.append(newest, [to_row(record, number) for number, record in enumerate(records, len(past))], owner)
    return len(pending_questions([*past, *records]))


def _is_given(record: Record) -> bool:
    return isinstance(record, Answered) and not record.expired


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # a container whose user has no name
        return ""
