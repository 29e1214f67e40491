"""Says in a schema which texts are dates with a time, or times, and which of them must not have a zone, or must.

msgspec leaves out the format where a zone may be missing; pydantic names one format whether it may or not. The names:
``date-time`` and ``time`` where a zone may be there; ``date-time-local`` and ``partial-time``, which is msgspec's,
where it must not; ``full-time`` where a time without a date must have one.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import msgspec

Schema = dict[str, Any]


def with_formats(schema: Schema, wanted: object) -> Schema:
    """Return the schema that msgspec made of a type, with ``format`` where a text is a date with a time, or a time."""
    from msgspec import inspect  # noqa: PLC0415  # only when a question with a type is asked

    formats = {
        inspect.DateTimeType: {None: "date-time", True: "date-time", False: "date-time-local"},
        inspect.TimeType: {None: "time", True: "full-time", False: "partial-time"},
    }
    parts, seen = schema.get("$defs", {}), set[str]()

    def walk(part: object, info: Any) -> None:  # noqa: ANN401  # of msgspec
        if not isinstance(part, dict):
            return
        info = info.type if isinstance(info, inspect.Metadata) else info
        name = str(part.get("$ref", "")).rpartition("/")[2]
        if name:
            if name not in seen:
                seen.add(name)
                walk(parts.get(name), info)
            return
        if type(info) in formats:
            part["format"] = formats[type(info)][info.tz]
        for inner, of_inner in _inside(part, info):
            walk(inner, of_inner)

    walk(schema, inspect.type_info(wanted))
    return schema


def _inside(part: Schema, info: Any) -> list[tuple[object, Any]]:  # noqa: ANN401  # of msgspec
    """Return the schemas inside one, each with what msgspec knows of its type."""
    if isinstance(info, msgspec.inspect.UnionType):
        branches = part.get("anyOf", ())
        return list(zip(branches, info.types, strict=True)) if len(branches) == len(info.types) else []
    if hasattr(info, "fields"):
        properties = part.get("properties", {})
        return [(properties.get(getattr(one, "encode_name", one.name)), one.type) for one in info.fields]
    if hasattr(info, "item_types"):
        return list(zip(part.get("prefixItems", ()), info.item_types, strict=False))
    if hasattr(info, "item_type"):
        return [(part.get("items"), info.item_type)]
    return [(part.get("additionalProperties"), info.value_type)] if hasattr(info, "value_type") else []


@lru_cache(maxsize=1)
def generator() -> type[Any]:
    """Return what makes schemas of pydantic's types; called where pydantic is imported."""
    from pydantic.json_schema import GenerateJsonSchema  # noqa: PLC0415  # it need not be there

    class Generator(GenerateJsonSchema):
        """Tells of a date with a time whether it must not have a zone."""

        def datetime_schema(self, schema: Any) -> Any:  # noqa: ANN401  # of pydantic's core
            found = super().datetime_schema(schema)
            return {**found, "format": "date-time-local"} if schema.get("tz_constraint") == "naive" else found

    return Generator
