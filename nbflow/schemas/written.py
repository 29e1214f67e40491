"""Answers as people write them on a line: ``yes``, a bare text, JSON; and how an answer of a schema is written."""

from __future__ import annotations

import json
from typing import Any

from nbflow.schemas.describe import Schema, inline

_WORDS = {
    "yes": True, "y": True, "on": True, "true": True, "no": False, "n": False, "off": False, "false": False,
}  # fmt: skip
_NAMES = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array", dict: "object"}
_SAMPLES = {"boolean": True, "integer": 3, "number": 2.5, "string": "text", "null": None}
_FORMATS = {"date": "2026-01-31", "date-time": "2026-01-31T12:00:00Z", "time": "12:00:00", "duration": "PT1H30M"}
_DEEP = 4


def read_answer(text: str, schema: Schema | None) -> object:
    """Return the answer that a text is meant as; whether it fits is seen when it is given.

    Args:
        text: as it was written: JSON or a bare text; for a boolean also yes, no, y, n, on and off in any case.
        schema: JSON schema of the question; None takes anything.
    """
    kinds = _kinds(schema)
    word = text.strip().lower()
    if "boolean" in kinds and "string" not in kinds and word in _WORDS:
        return _WORDS[word]
    try:
        found: object = json.loads(text)
    except ValueError:
        return text
    return text if kinds == {"string"} and not isinstance(found, str) else found


def how_to_write(schema: Schema | None) -> str:
    """Return how an answer that fits is written on a line, by an example; empty if the schema does not tell."""
    kinds = _kinds(schema)
    if schema is None or not kinds:
        return ""
    if "boolean" in kinds:
        return "yes or no"
    found = _sample(schema, 0)
    choices = inline(schema).get("enum")
    if isinstance(choices, list):
        return " or ".join(one if isinstance(one, str) else json.dumps(one) for one in choices)
    if isinstance(found, str):
        return found
    text = json.dumps(found, ensure_ascii=False)
    return f"'{text}'" if isinstance(found, (list, dict)) else text


def _kinds(schema: Any) -> set[str]:  # noqa: ANN401  # whatever stands in a schema
    """Return the JSON types that a schema takes, as far as it names them."""
    if not isinstance(schema, dict):
        return set()
    whole = inline(schema)
    named = whole.get("type", ())
    found = {named} if isinstance(named, str) else {*named}
    for choice in [*whole.get("enum", ()), *([whole["const"]] if "const" in whole else ())]:
        found.add(_NAMES.get(type(choice), "null"))
    for one in (*whole.get("anyOf", ()), *whole.get("oneOf", ())):
        found |= _kinds({**one, "$defs": whole["$defs"]} if isinstance(one, dict) and "$defs" in whole else one)
    return found


def _sample(schema: Schema, depth: int) -> object:
    """Return a value that a schema takes, as far as its types tell; without what may be left out."""
    whole = inline(schema)
    parts = {"$defs": whole["$defs"]} if "$defs" in whole else {}
    choices = [*whole.get("enum", ()), *([whole["const"]] if "const" in whole else ())]
    if choices:
        return choices[0]
    for one in (*whole.get("anyOf", ()), *whole.get("oneOf", ())):
        if isinstance(one, dict) and _kinds(one) != {"null"}:
            return _sample({**one, **parts}, depth)
    kinds = sorted(_kinds(whole) - {"null"})
    kind = kinds[0] if kinds else "null"
    if kind == "array":
        items = whole.get("items")
        return [_sample({**items, **parts}, depth + 1)] if isinstance(items, dict) and depth < _DEEP else []
    if kind == "object":
        fields = whole.get("properties", {})
        needed = [name for name in fields if name in whole.get("required", ())] or [*fields]
        return {name: _sample({**fields[name], **parts}, depth + 1) for name in needed if depth < _DEEP}
    if kind == "string":
        return _FORMATS.get(str(whole.get("format")), _SAMPLES["string"])
    return _SAMPLES[kind]


__all__ = ["how_to_write", "read_answer"]
