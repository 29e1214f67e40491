"""A question as it is shown, in a form and where there is none; with what was answered before."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from nbflow.views.details import answered_before
from nbflow_widgets.elsewhere import went_on_in
from nbflow_widgets.markup import FAINT, as_text, cut, escaped, heading, note, panel
from nbflow_widgets.shapes import Question, question_of
from nbflow_widgets.shown import labelled

if TYPE_CHECKING:
    from nbflow import Interrupt


def question_html(question: Question) -> str:
    """Return a question with what is shown beside it."""
    details = "".join(labelled(name, value) for name, value in question.details.items())
    table = labelled("", question.table) if question.table is not None else ""
    return (heading(cut(question.text)) if question.text else "") + details + table


def before_html(asked: Interrupt) -> str:
    """Return the line that tells what was answered before, if something was."""
    before = answered_before(asked.earlier, asked.response_schema)
    return note(f"{before[0].upper()}{before[1:]}") if before else ""


def refused(asked: Interrupt) -> str:
    """Return why an earlier answer did not count."""
    return f"The answer was not taken: {asked.problem}"


def waiting_html(asked: Interrupt, left: str = "", until: float = 0.0) -> str:
    """Return the static version of a question that waits, perhaps for a time, or was left for somewhere else."""
    why = note(refused(asked), "error") if asked.problem and not left else ""
    waits = f'<div style="{FAINT};font-size:11px">{escaped(_waits(left, until))}</div>'
    return panel(question_html(question_of(asked.value)) + before_html(asked) + why + waits)


def _waits(left: str, until: float = 0.0) -> str:
    if left:
        return went_on_in(left)
    at = time.strftime("%H:%M:%S", time.localtime(until))
    return f"waits for an answer; without one it goes on by itself at {at}" if until else "waits for an answer"


def waiting_text(asked: Interrupt, left: str = "") -> str:
    """Return a question that waits, or that was left for somewhere else, as text."""
    question = question_of(asked.value)
    shown = [f"{name}: {as_text(value)}" if name else as_text(value) for name, value in question.details.items()]
    shown += [as_text(question.table)] if question.table is not None else []
    lines = [f"asks: {cut(question.text)}" if question.text else "asks:", *shown]
    before = answered_before(asked.earlier, asked.response_schema)
    lines += [before] if before and not left else []
    lines += [refused(asked)] if asked.problem and not left else []
    lines += [_waits(left)] if left else []
    return "\n  ".join("\n".join(lines).splitlines())
