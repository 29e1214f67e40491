"""Answers given before anybody asks: for tests, for machines, for a notebook that runs by itself.

They come from the environment variable ``NBFLOW_ANSWERS`` (JSON, or the path of a JSON file) or
from ``--answers``. A list answers the questions of a run in the order asked; a dict answers by
question text, question id, thread or workflow name, and under the last two a list counts in
order again; a function is called with each question. ``{"$reject": "reason"}`` rejects. A question
without an answer stays open: nothing here waits, and ``NBFLOW_UNANSWERED=error`` fails its cell.
``record_answers`` writes the file from runs that people have answered.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from nbflow import read_run
from nbflow.types import Reject
from nbflow.views.kinds import Answered, Asked, Reopened
from nbflow_widgets.markup import as_text
from nbflow_widgets.shapes import question_of

if TYPE_CHECKING:
    from nbflow import Interrupt, Run
    from nbflow.types import BaseCheckpointSaver
    from nbflow.views.calls import Record

VARIABLE = "NBFLOW_ANSWERS"
ENDLESS = 1000
"""A body may ask until it likes the answer; after so many answers it is left alone."""


UNANSWERED = "NBFLOW_UNANSWERED"
_REJECT = "$reject"


class UnansweredError(RuntimeError):
    """A run waits for a person in a notebook that nobody sits at, and ``NBFLOW_UNANSWERED`` is ``error``."""


def check_unanswered(run: Run) -> None:
    """Raise if a run that waits is to fail its cell.

    Raises:
        UnansweredError: if so; names the questions, and what answers them.
        ValueError: if ``NBFLOW_UNANSWERED`` is no word that it takes.
    """
    word = os.environ.get(UNANSWERED) or "wait"
    if word not in {"wait", "error"}:
        msg = f"{UNANSWERED} is {word!r}, but it is one of wait, error"
        raise ValueError(msg)
    if word == "error":
        asked = "; ".join(repr(question_of(one.value).text or as_text(one.value)) for one in run.interrupts)
        msg = (
            f"{run.workflow.name} on thread {run.thread_id!r} waits for {asked}, and nobody is here to answer. "
            f"Give the answer in {VARIABLE} or --answers, or unset {UNANSWERED}."
        )
        raise UnansweredError(msg)


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
            found[asked.id] = _meant(answer)
    return found


def _meant(answer: object) -> object:
    """Return an answer as it is sent: JSON has no rejection."""
    if isinstance(answer, dict) and set(answer) == {_REJECT}:
        return Reject(str(answer[_REJECT]))
    return answer


def _answer(run: Run, asked: Interrupt, number: int, answers: object) -> tuple[bool, object]:
    """Return whether there is an answer to the question with this number, and the answer."""
    if _is_list(answers):
        return _nth(answers, number)
    if callable(answers):
        return _called(answers, asked)
    if not isinstance(answers, dict):
        return True, answers
    return _under(run, asked, number, answers)


def _called(answers: Callable[[Interrupt], object], asked: Interrupt) -> tuple[bool, object]:
    try:
        return True, answers(asked)
    except LookupError:  # it has none
        return False, None


def _under(run: Run, asked: Interrupt, number: int, answers: dict[str, object]) -> tuple[bool, object]:
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


def record_answers(path: str | Path, saver: BaseCheckpointSaver) -> dict[str, object]:
    """Write the answers that people gave to the newest run of each thread as a file for ``NBFLOW_ANSWERS``.

    Answers stand under the text of their question; those of a thread that was asked the same twice, or that answers
    differently than another thread, stand in a list under the thread's id, in the order asked.

    Args:
        path: the file; one that is there is replaced.
        saver: keeps the threads.

    Returns:
        What was written.

    Raises:
        TypeError: if an answer can't be written as JSON; names the question, and nothing is written.
    """
    found: dict[str, object] = {}
    for thread_id in saver.thread_ids():
        given = _given_in(read_run(saver, thread_id))
        texts = [text for text, _ in given]
        plain = "" not in texts and len(set(texts)) == len(texts)
        if plain and all(found.get(text, answer) == answer for text, answer in given):
            found.update(given)
        elif given:
            found[thread_id] = [answer for _, answer in given]
    Path(path).write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return found


def latest_in(records: Iterable[Record]) -> dict[str, Record]:
    """Return by question id what the records tell of it last: its answer, or that it was opened again."""
    return {str(getattr(one, "id", "")): one for one in records if isinstance(one, (Answered, Reopened))}


def _given_in(records: Sequence[Record]) -> list[tuple[str, object]]:
    """Return the text of each question of a run that was answered, in the order asked, with the answer as JSON."""
    answers = latest_in(records)
    found: dict[str, tuple[str, object]] = {}
    for one in records:
        answered = answers.get(getattr(one, "id", ""))
        if not isinstance(one, Asked) or not isinstance(answered, Answered) or getattr(answered, "expired", False):
            continue
        text, value = question_of(one.get()).text, answered.get()
        answer = {_REJECT: str(value or "")} if getattr(answered, "rejected", False) else value
        try:
            found[str(getattr(one, "id", ""))] = text, json.loads(msgspec.json.encode(answer))
        except (TypeError, ValueError) as error:
            msg = f"the answer to {text!r} can't be written as JSON: {error}"
            raise TypeError(msg) from None
    return [*found.values()]
