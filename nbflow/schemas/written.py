"""Answers as people write them on a line: ``yes``, a bare text, JSON; and how an answer of a schema is written."""

from __future__ import annotations

import json
from typing import Any

from nbflow.schemas.describe import Schema, inline
from nbflow.schemas.json_schema import misfits

_WORDS = {
    "yes": True, "y": True, "on": True, "true": True, "no": False, "n": False, "off": False, "false": False,
}  # fmt: skip
_NAMES = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array", dict: "object"}
_SAMPLES = {"boolean": True, "integer": 3, "number": 2.5, "string": "text", "null": None}
_FORMATS = {
    "date": "2026-01-31", "date-time": "2026-01-31T12:00:00Z", "time": "12:00:00", "duration": "PT1H30M",
    "email": "ann@example.org", "uri": "https://example.org", "uuid": "00000000-0000-4000-8000-000000000000",
}  # fmt: skip
_TOLD_BY = {
    "object": {"properties", "required", "additionalProperties", "minProperties", "maxProperties"},
    "array": {"items", "prefixItems", "minItems", "maxItems", "uniqueItems"},
    "string": {"pattern", "format", "minLength", "maxLength"},
    "number": {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"},
}
_DEEP, _MANY, _LONG = 4, 5, 200


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


def how_to_write(schema: Schema | None, *, python: bool = False) -> str:
    """Return how an answer that fits is written on a line, by an example; empty if a schema takes anything.

    Args:
        schema: JSON schema of the question.
        python: whether the line is Python's, as that of ``%nbflow resume``; else it is one of a shell, in JSON.
    """
    if not schema:
        return ""
    kinds, found = _kinds(schema), _sample(schema, 0)
    if "boolean" in kinds:
        return "yes or no"
    choices = inline(schema).get("enum")
    if isinstance(choices, list):
        return " or ".join(_written(one, python=python) for one in choices)
    if not misfits(found, schema):
        return _written(found, python=python)
    if kinds == {"string"} and "pattern" in inline(schema):
        return f"a text that matches {inline(schema)['pattern']}"
    text = json.dumps(schema, ensure_ascii=False)
    return f"{'a value' if python else 'JSON'} that fits {text if len(text) <= _LONG else f'{text[:_LONG]}…'}"


def _written(value: object, *, python: bool) -> str:
    if python:
        return repr(value)
    if isinstance(value, str):
        return value
    text = json.dumps(value, ensure_ascii=False)
    return f"'{text}'" if isinstance(value, (list, dict)) else text


def _kinds(schema: Any) -> set[str]:  # noqa: ANN401  # whatever stands in a schema
    """Return the JSON types that a schema takes, as far as it names them."""
    if not isinstance(schema, dict):
        return set()
    whole = inline(schema)
    named = whole.get("type", ())
    found = {named} if isinstance(named, str) else {*named}
    if not found:
        found |= {kind for kind, words in _TOLD_BY.items() if words & whole.keys()}
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
    for part in whole.get("allOf", ()):
        whole = {**whole, **part} if isinstance(part, dict) else whole
    kinds = sorted(_kinds(whole) - {"null"})
    kind = kinds[0] if kinds else "null"
    if kind == "array":
        return _items(whole, parts, depth)
    if kind == "object":
        return _fields(whole, parts, depth)
    if kind in {"integer", "number"}:
        return _number(whole, _SAMPLES[kind])
    return _text(whole) if kind == "string" else _SAMPLES[kind]


def _fields(whole: Schema, parts: Schema, depth: int) -> dict[str, object]:
    fields = whole.get("properties", {})
    every = whole.get("additionalProperties")
    if not fields and isinstance(every, dict) and depth < _DEEP:
        return {"name": _sample({**every, **parts}, depth + 1)}
    needed = [name for name in fields if name in whole.get("required", ())] or [*fields]
    return {name: _sample({**fields[name], **parts}, depth + 1) for name in needed if depth < _DEEP}


def _items(whole: Schema, parts: Schema, depth: int) -> list[object]:
    first = whole.get("prefixItems")
    if isinstance(first, list):
        return [_sample({**one, **parts}, depth + 1) for one in first if depth < _DEEP]
    items = whole.get("items")
    if not isinstance(items, dict) or depth >= _DEEP:
        return []
    choices = inline({**items, **parts}).get("enum")
    several = choices if isinstance(choices, list) and whole.get("uniqueItems") else ()
    one, many = _sample({**items, **parts}, depth + 1), max(1, whole.get("minItems", 1))
    return [*several[:many]] if several else [one] * min(many, _MANY)


def _text(whole: Schema) -> str:
    text = str(_FORMATS.get(str(whole.get("format")), _SAMPLES["string"]))
    least, most = int(whole.get("minLength", 0)), int(whole.get("maxLength", len(text)))
    return (text * (least // len(text) + 1))[: max(least, min(most, len(text)))]


def _number(whole: Schema, sample: Any) -> object:  # noqa: ANN401  # an int or a float
    step = whole.get("multipleOf") or (1 if whole.get("type") == "integer" else 0.5)
    low = whole.get("minimum", whole["exclusiveMinimum"] + step if "exclusiveMinimum" in whole else None)
    high = whole.get("maximum", whole["exclusiveMaximum"] - step if "exclusiveMaximum" in whole else None)
    sample = low if low is not None and sample < low else sample
    sample = high if high is not None and sample > high else sample
    return -(-sample // step) * step if whole.get("multipleOf") else sample


__all__ = ["how_to_write", "read_answer"]
