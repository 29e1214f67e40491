"""Answers given before anybody asks: for tests, for machines, for a notebook that runs by itself.

They come from the environment variable ``NBFLOW_ANSWERS`` (JSON, or the path of a JSON file) or
from ``--answers``. A list answers the questions of a run in the order asked; a dict answers by
question text, question id, thread or workflow name, and under the last two a list counts in
order again. A question without an answer stays open: nothing here waits.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from nbflow.views.kinds import Answered
from nbflow_widgets.shapes import question_of

if TYPE_CHECKING:
    from nbflow import Interrupt, Run

VARIABLE = "NBFLOW_ANSWERS"
ENDLESS = 1000
"""A body may ask until it likes the answer; after so many answers it is left alone."""


def answers_from(given: object = None) -> object:
    """Return the answers to use: those given, else those of the environment, else none.

    Raises:
        ValueError: if the environment's are no JSON and no such file.
    """
    if given is not None:
        return given
    text = os.environ.get(VARIABLE)
    return _load(text) if text else None


def _load(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        pass
    try:
        return json.loads(Path(text).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        msg = f"{VARIABLE} is {text!r}, but it must be JSON or the path of a JSON file ({error})"
        raise ValueError(msg) from None


def answers_for(run: Run, answers: object) -> dict[str, object]:
    """Return the answers to a paused run's questions, by question id, for as many as there are answers."""
    answered = sum(isinstance(record, Answered) for record in run.log)
    if answers is None or answered >= ENDLESS:
        return {}
    found: dict[str, object] = {}
    for number, asked in enumerate(run.interrupts, start=answered):
        hit, answer = _answer(run, asked, number, answers)
        if hit and (_is_list(answers) or not asked.problem):  # what was refused once is not said again
            found[asked.id] = answer
    return found


def _answer(run: Run, asked: Interrupt, number: int, answers: object) -> tuple[bool, object]:
    """Return whether there is an answer to the question with this number, and the answer."""
    if _is_list(answers):
        return _nth(answers, number)
    if not isinstance(answers, dict):
        return True, answers
    for key in (asked.id, question_of(asked.value).text):
        if key and key in answers:
            return True, answers[key]
    for key in (run.thread_id, run.workflow.name):
        if key and key in answers:
            under = answers[key]
            return _nth(under, number) if _is_list(under) else (True, under)
    return False, None


def _nth(answers: object, number: int) -> tuple[bool, object]:
    assert isinstance(answers, Sequence), "callers have checked"
    return (True, answers[number]) if number < len(answers) else (False, None)


def _is_list(value: object) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, (str, bytes))
