"""What an answer must be: a type or a JSON schema, described for forms and checked on arrival.

The checker knows the part of JSON Schema (2020-12) that describes answers: ``type``, ``enum``,
``const``, ``properties``, ``required``, ``items``, ``anyOf``, bounds of numbers and lengths, and
local ``$ref``; other keywords are for the form.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any, Literal, cast, get_args, get_origin, get_type_hints

import msgspec

from nbflow.errors import InvalidOptionError

Schema = dict[str, Any]
_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "number": (int, float),
    "array": (list, tuple),
    "object": (dict,),
    "null": (type(None),),
}
_BOUNDS: dict[str, tuple[str, Callable[[Any, Any], bool]]] = {
    "minimum": ("at least", lambda value, bound: value >= bound),
    "maximum": ("at most", lambda value, bound: value <= bound),
    "exclusiveMinimum": ("above", lambda value, bound: value > bound),
    "exclusiveMaximum": ("below", lambda value, bound: value < bound),
    "minLength": ("at least this long:", lambda value, bound: len(value) >= bound),
    "maxLength": ("at most this long:", lambda value, bound: len(value) <= bound),
    "minItems": ("of at least this many items:", lambda value, bound: len(value) >= bound),
    "maxItems": ("of at most this many items:", lambda value, bound: len(value) <= bound),
}


def describe(wanted: object, where: str = "interrupt()") -> Schema | None:
    """Return a type as JSON schema; a schema as it is; None for None.

    Raises:
        InvalidOptionError: if it is neither.
    """
    if wanted is None or isinstance(wanted, dict):
        return cast("Schema | None", wanted)
    if get_origin(wanted) is Literal:
        return {"enum": list(get_args(wanted))}  # in the author's order, which a form keeps
    try:
        if hasattr(wanted, "model_json_schema"):
            return cast("Schema", wanted.model_json_schema())
        return _in_order(msgspec.json.schema(wanted), wanted)
    except TypeError as error:
        raise InvalidOptionError(
            where,
            "response_schema" if where == "interrupt()" else "type",
            repr(wanted),
            f"it is a JSON schema or a type such as bool, Literal['yes', 'no'] or a dataclass ({error})",
        ) from None


def _in_order(schema: Schema, wanted: object) -> Schema:
    """Put choices into the order that their author gave them, which a form keeps; msgspec sorts them."""
    orders = {frozenset(choices): list(choices) for choices in _literals(wanted, set())}

    def walk(part: object) -> None:
        if isinstance(part, dict):
            choices = part.get("enum")
            if isinstance(choices, list):
                part["enum"] = orders.get(frozenset(choices), choices)
            for inner in part.values():
                walk(inner)
        elif isinstance(part, list):
            for inner in part:
                walk(inner)

    if orders:
        walk(schema)
    return schema


def _literals(wanted: object, seen: set[object]) -> Iterator[tuple[object, ...]]:
    """Yield the choices of each Literal in a type, and in the fields of the classes that it names."""
    if get_origin(wanted) is Literal:
        yield get_args(wanted)
        return
    for inner in get_args(wanted):
        yield from _literals(inner, seen)
    if isinstance(wanted, type) and wanted not in seen and getattr(wanted, "__annotations__", None):
        seen.add(wanted)
        with suppress(NameError, TypeError):  # an annotation that means nothing here
            for inner in get_type_hints(wanted).values():
                yield from _literals(inner, seen)


def check_answer(answer: object, wanted: object) -> object:
    """Return an answer as the wanted type; as it is for a JSON schema or None.

    Raises:
        InvalidOptionError: if it does not fit.
    """
    if wanted is None or isinstance(wanted, dict):
        return answer
    try:
        if hasattr(wanted, "model_validate"):
            return wanted.model_validate(answer)
        return msgspec.convert(answer, cast("type", wanted), strict=True)
    except ValueError as error:
        raise InvalidOptionError("interrupt()", "the answer", repr(answer), str(error)) from error


def complaint(value: object, schema: Schema | None, root: Schema | None = None, where: str = "") -> str | None:
    """Return why a value does not fit a schema, or None if it does.

    Args:
        value: what was answered.
        schema: what it must be; None takes anything.
        root: the schema that local references point into.
        where: path of the value inside the answer, such as ``.rows[2]``.
    """
    if not schema:
        return None
    root = root if root is not None else schema
    schema = _resolve(schema, root)
    for check in (_wrong_choice, _wrong_type, _out_of_bounds):
        found = check(value, schema)
        if found:
            return f"{where.lstrip('.') or 'the answer'} {found}"
    return _wrong_part(value, schema, root, where) or _no_alternative(value, schema, root, where)


def _resolve(schema: Schema, root: Schema) -> Schema:
    target: Any = schema
    while isinstance(target, dict) and str(target.get("$ref", "")).startswith("#/"):
        path = target["$ref"][2:].split("/")
        target = root
        for step in path:
            target = target.get(step, {})
    return cast("Schema", target)


def _wrong_choice(value: object, schema: Schema) -> str | None:
    choices = schema.get("enum", [schema["const"]] if "const" in schema else None)
    if choices is None or any(value == choice and type(value) is type(choice) for choice in choices):
        return None
    return f"is {value!r}, but must be one of {', '.join(map(repr, choices))}"


def _wrong_type(value: object, schema: Schema) -> str | None:
    named = schema.get("type")
    names = [named] if isinstance(named, str) else list(named or ())
    if not names or any(_is(value, name) for name in names):
        return None
    return f"is {value!r}, but must be of type {' or '.join(names)}"


def _is(value: object, name: str) -> bool:
    if isinstance(value, bool):
        return name == "boolean"
    if name == "integer" and isinstance(value, float):
        return value.is_integer()
    return isinstance(value, _TYPES.get(name, (object,)))


def _out_of_bounds(value: object, schema: Schema) -> str | None:
    for keyword, (words, holds) in _BOUNDS.items():
        if keyword not in schema:
            continue
        applies = isinstance(value, (int, float)) if "imum" in keyword else hasattr(value, "__len__")
        if applies and not holds(value, schema[keyword]):
            return f"is {value!r}, but must be {words} {schema[keyword]}"
    return None


def _wrong_part(value: object, schema: Schema, root: Schema, where: str) -> str | None:
    if isinstance(value, dict):
        missing = [name for name in schema.get("required", ()) if name not in value]
        if missing:
            return f"{where.lstrip('.') or 'the answer'} lacks {', '.join(map(repr, missing))}"
        parts = ((value[name], part, f"{where}.{name}") for name, part in _known(schema, value))
    elif isinstance(value, (list, tuple)) and isinstance(schema.get("items"), dict):
        parts = ((item, schema["items"], f"{where}[{index}]") for index, item in enumerate(value))
    else:
        return None
    return next((found for item, part, path in parts if (found := complaint(item, part, root, path))), None)


def _known(schema: Schema, value: dict[Any, Any]) -> list[tuple[str, Schema]]:
    return [(name, part) for name, part in schema.get("properties", {}).items() if name in value]


def _no_alternative(value: object, schema: Schema, root: Schema, where: str) -> str | None:
    alternatives = schema.get("anyOf") or schema.get("oneOf")
    if not alternatives:
        return None
    found = [complaint(value, one, root, where) for one in alternatives]
    return None if None in found else str(found[0])
