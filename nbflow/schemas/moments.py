"""Says in a schema which texts are dates with a time, or times: msgspec leaves that out where a zone may be missing."""

from __future__ import annotations

from typing import Any

import msgspec

Schema = dict[str, Any]


def with_formats(schema: Schema, wanted: object) -> Schema:
    """Return the schema that msgspec made of a type, with ``format`` where a text is a date with a time, or a time."""
    from msgspec import inspect  # noqa: PLC0415  # only when a question with a type is asked

    formats = ((inspect.DateTimeType, "date-time"), (inspect.TimeType, "time"))
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
        for kind, named in formats:
            if isinstance(info, kind):
                part.setdefault("format", named)
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
