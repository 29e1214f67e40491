"""All that is known of one call, as labelled text; decodes the call's values and no others."""

from __future__ import annotations

import reprlib
import traceback
from typing import TYPE_CHECKING, NamedTuple

from nbflow.core.record import (
    Answered,
    AnsweredBefore,
    Asked,
    CallFailed,
    CallRetried,
    CallReturned,
    CallSettled,
    Emitted,
    Record,
    Reopened,
    RunFailed,
    RunHalted,
    RunReturned,
    RunStarted,
    Value,
)
from nbflow.errors.frames import traceback_text
from nbflow.values import NO_ANSWER, Final, NodeUpdate, Reject
from nbflow.views.output import output_of
from nbflow.views.rests import files_in_words, versions_in_words

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

LIMIT = 4000
STREAMED = 100
"""Pieces of stream data that are shown."""
_LABELS: dict[type[Record], str] = {
    RunStarted: "input",
    CallReturned: "result",
    RunReturned: "result",
    CallFailed: "error",
    RunFailed: "error",
    AnsweredBefore: "answered before",
    Asked: "question",
    Answered: "answer",
}


class Detail(NamedTuple):
    """One fact of a call.

    Attributes:
        label: ``input``, ``arguments``, ``result``, ``error``, ``attempt N``, ``question``, ``answered before``,
            ``answer``, ``refused answer``, ``changed``, ``files``, ``made with``, ``stopped``, ``output``,
            ``display``, these two with ``of attempt N`` if that was not the last one, or ``stream data``.
        text: the fact, several lines at times.
        forms: of a display, what it is beside text, as ``output.Shown`` has it.
    """

    label: str
    text: str
    forms: Mapping[str, str] = {}


def details_of(records: Iterable[Record], path: str) -> list[Detail]:
    """Return what the records say of one call; a later end of the same call replaces an earlier one."""
    found: dict[str, str] = {}
    records = tuple(records)
    for record in records:
        if record.path == path:
            if isinstance(record, CallSettled):
                found.pop("result", None)
                found.pop("error", None)
            found.update(_facts(record))
    facts = [Detail(label, text) for label, text in found.items() if text]
    return [*facts, *_outputs(records, path), *_streamed(records, path)]


def _outputs(records: Sequence[Record], path: str) -> list[Detail]:
    """Return what the code of a call said."""
    parts = output_of(records, path)
    ends = (record.attempt for record in reversed(records) if isinstance(record, CallSettled) and record.path == path)
    last = next(ends, parts[-1].attempt if parts else 1)
    return [
        Detail(
            f"{'display' if part.is_display else 'output'}{f' of attempt {part.attempt}' * (part.attempt != last)}",
            part.text,
            part.forms,
        )
        for part in parts
    ]


def _streamed(records: Sequence[Record], path: str) -> list[Detail]:
    """Return what the code of a call wrote to the custom stream, as far as somebody listened then."""
    emitted = [one for one in records if isinstance(one, Emitted) and one.path == path and one.mode == "custom"]
    lines = [text_of(one) for one in emitted[:STREAMED]]
    more = [f"… {len(emitted) - STREAMED:,} more"] if len(emitted) > STREAMED else []
    return [Detail("stream data", _cut("\n".join([*lines, *more])))] if emitted else []


def _facts(record: Record) -> dict[str, str]:
    if isinstance(record, CallRetried):
        return {f"attempt {record.attempt}": f"{text_of(record)} (again after {record.wait:.3g} s)"}
    if isinstance(record, RunHalted):
        return {"stopped": record.reason} if record.until is None else {}
    if isinstance(record, Reopened):
        return {"answer": "", "refused answer": f"{text_of(record)} ({record.problem})"}
    facts = {"arguments": record.shown} if isinstance(record, CallSettled) else {}
    label = _LABELS.get(type(record))
    if label is not None:
        facts[label] = text_of(record)
    if isinstance(record, CallReturned) and record.changed:
        facts["changed"] = f"the argument {' or '.join(map(repr, record.changed))}, in place, while it worked"
    if isinstance(record, (CallReturned, RunReturned)) and record.files:
        facts["files"] = files_in_words(record.files)
    if isinstance(record, CallReturned) and record.made_with:
        facts["made with"] = versions_in_words(record.made_with, {})
    return facts


def text_of(record: Record) -> str:
    """Return a record's value as text, whatever it is; cut where it grows long."""
    return text_of_value(record.value) if record.value is not None else ""


QUESTIONS = ("question", "prompt", "message", "text", "query", "title", "description", "ask", "instruction")
"""The keys under which a question that is a dict says what it asks, the first that is there."""


def text_of_question(asked: Asked) -> str:
    """Return what a question asks as text: of a dict what it says in words, if it does."""
    value = asked.value.get() if asked.value is not None else None
    words = [value[key] for key in QUESTIONS if isinstance(value.get(key), str)] if type(value) is dict else []
    return _cut(words[0]) if words else text_of(asked)


def answered_before(answer: object, schema: object) -> str:
    """Return in words what a question was answered with before, if it was; without what a schema calls a secret.

    Args:
        answer: as ``Interrupt.earlier`` is.
        schema: of the question; None for none.
    """
    if answer is NO_ANSWER:
        return ""
    if isinstance(answer, Reject):
        return f"answered before: rejected{f' ({_cut(answer.reason)})' if answer.reason else ''}"
    if _holds_secret(schema):
        return "answered before, with a secret"
    text = {True: "yes", False: "no"}[answer] if isinstance(answer, bool) else text_of_value(Value(answer))
    line = " ".join(text.split())
    return f"answered before: {line if len(line) <= _LINE else f'{line[:_LINE]} …'}"


def _holds_secret(schema: object) -> bool:
    if isinstance(schema, dict):
        return bool(schema.get("writeOnly")) or schema.get("format") == "password" or _holds_secret([*schema.values()])
    return isinstance(schema, list) and any(map(_holds_secret, schema))


def text_of_value(held: Value, *, brief: bool = False) -> str:
    """Return a user's value as text; ``brief`` says of an error its type and message alone."""
    try:
        value = _given(held.get())
        text = _error(value, brief=brief) if isinstance(value, BaseException) else _plain(value)
    except Exception as error:  # noqa: BLE001  # a user's repr may raise anything, and this only shows
        text = f"<cannot be shown: {type(error).__name__}>"
    return _cut(text)


def _cut(text: str) -> str:
    return text if len(text) <= LIMIT else f"{text[:LIMIT]}\n… {len(text) - LIMIT} more characters"


def object_of_value(held: Value) -> object:
    """Return a user's value as the object that it was, of a node what it wrote; text where it can't be loaded."""
    try:
        return _given(held.get())
    except Exception:  # noqa: BLE001  # of a class that has changed, say
        return text_of_value(held, brief=True)


def _given(value: object) -> object:
    """Return what a function gave to who called it."""
    if isinstance(value, Final):
        return value.value
    return value.shown if isinstance(value, NodeUpdate) else value


def _error(error: BaseException, *, brief: bool) -> str:
    if brief:
        return "".join(traceback.format_exception_only(error)).splitlines()[0]
    return "".join(_lines(error, set())).rstrip()


def _lines(error: BaseException, seen: set[int]) -> list[str]:
    """Return a traceback as Python prints it, without frames of nbflow, and with those of one that was stored."""
    if isinstance(error, BaseExceptionGroup):
        return traceback.format_exception(error)
    seen.add(id(error))
    cause, context = error.__cause__, error.__context__
    lines: list[str] = []
    for before, how in ((cause, _CAUSE), (None if error.__suppress_context__ else context, _CONTEXT)):
        if before is not None and id(before) not in seen and not lines:
            lines += [*_lines(before, seen), how]
    frames = traceback_text(error)
    return [*lines, *([f"{_HEAD}{frames}"] if frames else []), *traceback.format_exception_only(error)]


def _plain(value: object) -> str:
    if isinstance(value, str):
        return value
    return _short.repr(value) if type(value) in _CONTAINERS else repr(value)


_LINE = 200
_HEAD = "Traceback (most recent call last):\n"
_CAUSE = "\nThe above exception was the direct cause of the following exception:\n\n"
_CONTEXT = "\nDuring handling of the above exception, another exception occurred:\n\n"
_CONTAINERS = {list, tuple, dict, set, frozenset, bytes}
_short = reprlib.Repr()
_short.maxlist = _short.maxtuple = _short.maxdict = _short.maxset = _short.maxfrozenset = 100
_short.maxstring = _short.maxother = 1000
_short.maxlevel = 6

__all__ = [
    "QUESTIONS",
    "Detail",
    "answered_before",
    "details_of",
    "object_of_value",
    "text_of",
    "text_of_question",
    "text_of_value",
]
