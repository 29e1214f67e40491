"""Keywords of JSON Schema as they are meant here: multiples of decimal numbers, and the other forms that a type takes.

A schema that was made from a type tells of one form of each value. msgspec takes others too: a number for a
``Decimal``, the bytes of a ``UUID``, several members of a ``Flag`` at once, an item of a set twice, a struct without
its tag. Where the type is not at hand, none of these is a reason to refuse an answer; the body decides.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal, InvalidOperation
from functools import reduce
from operator import or_
from typing import Any

from nbflow.schemas.checker import jsonschema

Keyword = Callable[[Any, Any, Any, Any], Iterator[Any]]


def multiple_of(validator: Any, unit: Any, value: Any, _schema: Any) -> Iterator[Any]:  # noqa: ANN401  # of jsonschema
    """Check ``multipleOf`` as people write numbers: 19.99 is a multiple of 0.01."""
    if not validator.is_type(value, "number"):
        return
    try:
        rest = Decimal(str(value)).remainder_near(Decimal(str(unit)))
    except InvalidOperation:  # infinite, or of more digits than Decimal keeps: the remainder of integers is exact
        exact = isinstance(value, int) and isinstance(unit, int)
        rest = Decimal(value % unit if exact else 1)
    if rest:
        yield jsonschema().ValidationError(f"{value!r} is not a multiple of {unit!r}")


def lenient(known: Mapping[str, Any]) -> dict[str, Keyword]:
    """Return the keywords that are checked in another way where a schema was made from a type.

    Args:
        known: the keywords as they are checked else.
    """

    def type_(validator: Any, wanted: Any, value: Any, schema: Any) -> Iterator[Any]:  # noqa: ANN401  # of jsonschema
        is_other_form = wanted == "string" and (
            (schema.get("format") == "decimal" and validator.is_type(value, "number"))
            or (isinstance(value, bytes) and (schema.get("format") == "uuid" or "contentEncoding" in schema))
        )
        if not is_other_form:
            yield from known["type"](validator, wanted, value, schema)

    def enum(validator: Any, choices: Any, value: Any, schema: Any) -> Iterator[Any]:  # noqa: ANN401  # of jsonschema
        if not _may_be_flags(choices, value):
            yield from known["enum"](validator, choices, value, schema)

    def required(validator: Any, names: Any, value: Any, schema: Any) -> Iterator[Any]:  # noqa: ANN401  # of jsonschema
        parts = schema.get("properties", {})
        needed = [name for name in names if not _is_tag(parts.get(name))]
        yield from known["required"](validator, needed, value, schema)

    def unique_items(*_: Any) -> Iterator[Any]:  # noqa: ANN401  # of jsonschema
        return iter(())

    return {"type": type_, "enum": enum, "required": required, "uniqueItems": unique_items}


def _may_be_flags(choices: Any, value: object) -> bool:  # noqa: ANN401  # of a schema
    """Whether choices may be the members of a Flag, and a number some of them, or all but some."""
    if type(value) is not int or not all(type(one) is int and one > 0 and not one & (one - 1) for one in choices):
        return False
    every = reduce(or_, choices, 0)
    return (value if value >= 0 else ~value) | every == every


def _is_tag(part: object) -> bool:
    return isinstance(part, dict) and ("const" in part or len(part.get("enum", ())) == 1)
