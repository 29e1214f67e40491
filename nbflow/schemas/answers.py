"""Whether an answer fits its question: by the question's type where that is at hand, else by its JSON schema.

An answer is stored as it was given; the body that asked converts it whenever it runs. A type is
at hand in the process whose body asked. JSON Schema is checked in ``jsonschemas``.
"""

from __future__ import annotations

import enum
import re
import threading
from functools import lru_cache
from typing import Any, Literal, cast, get_args, get_origin

import msgspec

from nbflow.errors import InvalidOptionError
from nbflow.schemas import json_schema as jsonschemas
from nbflow.schemas import multiples
from nbflow.schemas.describe import Schema, adapter_of, describe
from nbflow.schemas.instances import check_instances
from nbflow.values import as_text

LIVE = 10_000
"""How many questions a process keeps the types of; older ones are checked by their JSON schema."""
_types: dict[str, object] = {}
_lock = threading.Lock()
_kept_adapter = lru_cache(maxsize=128)(adapter_of)
_PATH = re.compile(r"^(.*) - at `\$(.*)`$", re.DOTALL)


def remember(question: str, wanted: object) -> None:
    """Keep the type of a question that this process asks, for whoever answers it here.

    Args:
        question: its id.
        wanted: what was given as ``response_schema``.
    """
    if not _is_type(wanted):
        return
    with _lock:
        _types.pop(question, None)
        _types[question] = wanted
        if len(_types) > LIVE:
            del _types[next(iter(_types))]


def schema_of(wanted: object) -> Schema | None:
    """Return what an answer must be as JSON schema; None for anything.

    Raises:
        InvalidOptionError: if it is no type that answers can be converted to, and no valid JSON schema.
    """
    schema = describe(wanted)
    if schema is None:
        return None
    try:
        schema = jsonschemas.plain(schema)
        problem = None if _is_type(wanted) else jsonschemas.flaw(schema)
    except ValueError as error:
        fields = "; for an answer of named parts give a dataclass or a TypedDict" if _names_types(wanted) else ""
        problem = f"{error}{fields}"
    if problem:
        raise InvalidOptionError("interrupt()", "response_schema", jsonschemas.shown(wanted), problem)
    return schema


def _names_types(wanted: object, deep: int = 5) -> bool:
    """Whether a dict has types where a JSON schema has schemas, as far as ``deep`` levels down."""
    return (
        isinstance(wanted, dict)
        and deep > 0
        and any(
            isinstance(part, type) or get_origin(part) is not None or _names_types(part, deep - 1)
            for part in wanted.values()
        )
    )


def rules_of(wanted: object) -> str:
    """Return by whose rules an answer is converted: ``"msgspec"``, ``"pydantic"``; empty for none's."""
    if not _is_type(wanted):
        return ""
    is_pydantics = hasattr(wanted, "model_validate") or _adapter(wanted) is not None
    return "pydantic" if is_pydantics and get_origin(wanted) is not Literal else "msgspec"


def refusal(
    answer: object, schema: Schema | None, *, question: str = "", wanted: object = None, rules: str = ""
) -> str | None:
    """Return why an answer does not fit, or None if it does.

    Where a type is not at hand, its schema refuses only what the type can't take in any form: pydantic's
    validators may take anything, so the body alone decides of what is theirs.

    Args:
        answer: what was answered.
        schema: JSON schema of the question; None takes anything.
        question: its id; where this process knows its type, that decides instead of the schema.
        wanted: its type, where that is at hand.
        rules: as of ``rules_of``, where it is not.
    """
    wanted = _types.get(question) if wanted is None else wanted
    if not _is_type(wanted):
        return None if rules == "pydantic" else jsonschemas.complaint(answer, schema, lenient=bool(rules))
    try:
        convert(answer, wanted)
    except Exception as error:  # noqa: BLE001  # a validator is a user's code and may raise anything
        return misfit(answer, schema, error)
    return None


def convert(answer: object, wanted: object) -> Any:  # noqa: ANN401  # an instance of the type
    """Return an answer as the wanted type; as it is for a JSON schema or None.

    Raises:
        Exception: whatever the type raises of what does not fit.
    """
    if not _is_type(wanted):
        return answer
    found = _converted(answer, wanted)
    check_instances(answer, convert)
    return found


def _converted(answer: object, wanted: object) -> Any:  # noqa: ANN401  # an instance of the type
    if hasattr(wanted, "model_validate"):
        return wanted.model_validate(answer)
    if get_origin(wanted) is Literal:
        return _chosen(answer, get_args(wanted))
    adapter = _adapter(wanted)
    if adapter is not None:
        return adapter.validate_python(answer)
    if isinstance(wanted, type) and issubclass(wanted, enum.Enum) and isinstance(answer, wanted):
        return answer  # msgspec does not take several members of a Flag at once
    try:
        return msgspec.convert(answer, cast("type", wanted), strict=True, str_keys=True)
    except msgspec.ValidationError as error:
        if "multiple of" not in str(error) or jsonschemas.complaint(answer, describe(wanted), lenient=True):
            raise
        return multiples.convert(answer, wanted)


def misfit(answer: object, schema: Schema | None, error: Exception) -> str:
    """Return in words why an answer could not be converted: where, what was found, what is wanted."""
    return as_text(jsonschemas.complaint(answer, schema) or _told(answer, error))


def _is_type(wanted: object) -> bool:
    return wanted is not None and not isinstance(wanted, dict)


def _adapter(wanted: object) -> Any:  # noqa: ANN401  # pydantic is not imported here
    try:
        return _kept_adapter(wanted)
    except TypeError:  # a type that can't be hashed
        return adapter_of(wanted)


def _chosen(answer: object, choices: tuple[object, ...]) -> object:
    """Return the choice that an answer names; an enum's member may be named by its value."""
    for choice in choices:
        for written in (choice, msgspec.to_builtins(choice)):
            if type(answer) is type(written) and answer == written:
                return choice
    raise ValueError(f"it must be one of {', '.join(map(repr, choices))}")


def _told(answer: object, error: Exception) -> str:
    """Return what a conversion said, with the path to what it found there."""
    listed = getattr(error, "errors", None)
    if callable(listed):  # pydantic's
        first = listed(include_url=False)[0]
        return jsonschemas.said(
            first["loc"], first["input"], _lowered(first["msg"].removeprefix("Value error, ")), ": "
        )
    parts = _PATH.match(str(error)) if isinstance(error, msgspec.ValidationError) else None
    if parts is None:
        return jsonschemas.said((), answer, _lowered(str(error) or type(error).__name__), ": ")
    steps = [int(index) if index else name for name, index in re.findall(r"\.([^.\[]+)|\[(\d+)\]", parts[2])]
    return jsonschemas.said(steps, _found_at(answer, steps), _lowered(parts[1]), ": ")


def _found_at(answer: Any, steps: list[int | str]) -> object:  # noqa: ANN401  # whatever was answered
    for step in steps:
        try:
            answer = answer[step]
        except (KeyError, IndexError, TypeError):
            return answer
    return answer


def _lowered(text: str) -> str:
    return text[:1].lower() + text[1:]
