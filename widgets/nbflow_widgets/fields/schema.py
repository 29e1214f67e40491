"""What a JSON schema asks a person for: the kind of its field, behind references, unions with null, and ``allOf``.

Pure functions of schemas: no widget here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, cast

from nbflow.types import misfits

Schema = dict[str, Any]
Kind = Literal[
    "group", "choice", "yes_no", "text", "number", "decimal", "date", "date-time", "time", "duration", "secret",
    "file", "list", "picks", "tuple", "map", "union", "json",
]  # fmt: skip
_HOPS = 50
_LONG_TEXT = 200
_STRINGS: dict[str, Kind] = {
    "date": "date",
    "date-time": "date-time",
    "date-time-local": "date-time",
    "time": "time",
    "time-local": "time",
    "partial-time": "time",
    "full-time": "time",
    "duration": "duration",
    "decimal": "decimal",
    "password": "secret",
    "binary": "file",
}
_SIMPLE: dict[str, Kind] = {"boolean": "yes_no", "integer": "number", "number": "number"}


class _Nothing:
    """Stands where nothing was given, since ``None`` may be an answer."""

    def __repr__(self) -> str:
        return "EMPTY"


EMPTY = _Nothing()


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What one field is to be.

    Attributes:
        kind: which kind of field.
        schema: without references, unions with null, and ``allOf`` at its top.
        root: the schema that local references point into.
        label: what stands over the field; empty for a whole answer.
        required: whether the answer must have it.
        nullable: whether None is an answer.
        default: what it holds at first; EMPTY if nothing.
        whole: whether it is a whole answer, with nothing beside it.
        around: the references that led to it and to what it is a part of, as far as all of that is shown at once.
    """

    kind: Kind
    schema: Schema
    root: Schema
    label: str = ""
    required: bool = True
    nullable: bool = False
    default: object = EMPTY
    whole: bool = False
    around: frozenset[str] = frozenset()

    @property
    def help(self) -> str:
        """What is told of it in small print."""
        return str(self.schema.get("description") or "")

    @property
    def alone(self) -> Schema:
        """What its value must be, whatever stands around it; anything where the schema leads out of itself."""
        if "'$ref': '#'" in repr(self.schema):
            return {}
        kept: Schema = {name: self.root[name] for name in ("$defs", "definitions") if name in self.root}
        return {**kept, **self.schema}

    def part(self, schema: object, label: str = "", *, required: bool = True) -> Wanted:
        """Return what a part of it is to be: JSON where it would lead back into itself without an end."""
        followed: set[str] = set()
        found = wanted(schema, label=label, root=self.root, required=required, followed=followed)
        if followed & self.around and found.required and not found.nullable:
            found = replace(found, kind="json")
        return replace(found, around=self.around | followed)

    def later(self) -> Wanted:
        """Return it as it is to be when a person asks for it: as deep as that goes on."""
        return replace(self, around=frozenset())

    def alternatives(self) -> list[Wanted]:
        """Return the members of a union."""
        branches = cast("Sequence[object]", self.schema.get("anyOf") or self.schema.get("oneOf") or ())
        return [replace(self.later().part(one, required=self.required), nullable=False) for one in branches]


def wanted(
    schema: object,
    *,
    label: str = "",
    root: Schema | None = None,
    required: bool = True,
    followed: set[str] | None = None,
) -> Wanted:
    """Return what a schema asks for.

    Args:
        schema: of an answer, or of a part of it; anything but a mapping takes any JSON.
        label: stands over the field.
        root: the schema that local references point into; None for ``schema`` itself.
        required: whether nothing is no answer.
        followed: takes the references that led to it.
    """
    given = schema if isinstance(schema, dict) else {}
    root = given if root is None else root
    led = followed if followed is not None else set()
    found, nullable = resolved(given, root, led)
    default = found.get("default", EMPTY)
    title = given.get(
        "title", "" if "$ref" in str(given) else found.get("title")
    )  # of a class, it is no name of a part
    made = Wanted(
        kind=_kind(found, root),
        schema=found,
        root=root,
        label=str(title or label) if label else "",
        required=required,
        nullable=nullable,
        default=EMPTY if default is None else default,
        around=frozenset(led),
    )
    is_odd = made.default is not EMPTY and misfits(made.default, made.alone)  # nothing holds a default to its schema
    return replace(made, default=EMPTY) if is_odd else made


def _refers(schema: Schema) -> bool:
    inner = [one for word in ("anyOf", "oneOf", "allOf") for one in schema.get(word) or () if isinstance(one, dict)]
    return "$ref" in schema or any("$ref" in one for one in inner)


def resolved(schema: Schema, root: Schema, followed: set[str] | None = None) -> tuple[Schema, bool]:
    """Return a schema behind its local references, its ``allOf``, and a union with null; and whether null fits.

    Args:
        schema: as it was given.
        root: what its references point into.
        followed: takes the references that were followed.
    """
    followed = set() if followed is None else followed
    found, nullable = dict(schema), False
    for _ in range(_HOPS):
        target = found.get("$ref")
        if isinstance(target, str) and target.startswith("#"):
            followed.add(target)
            found = {**_at(root, target), **{name: value for name, value in found.items() if name != "$ref"}}
            continue
        if isinstance(found.get("allOf"), list):
            found = _merged(found, root, followed)
            continue
        named = found.get("type")
        if isinstance(named, list):
            members = [{"type": one} for one in named]
            rest = {name: value for name, value in found.items() if name != "type"}
            found = (
                {**rest, "anyOf": [{**rest, **one} for one in members]} if len(members) > 1 else {**rest, **members[0]}
            )
            continue
        word = next((word for word in ("anyOf", "oneOf") if isinstance(found.get(word), list)), None)
        if word is None:
            break
        branches = [one for one in found[word] if not (isinstance(one, dict) and one.get("type") == "null")]
        nullable |= len(branches) < len(found[word])
        rest = {name: value for name, value in found.items() if name != word}
        if len(branches) == 1 and isinstance(branches[0], dict):
            found = {
                **branches[0],
                **{name: value for name, value in rest.items() if name != "title" or "title" not in branches[0]},
            }
            continue
        found = _named_choices(branches, rest) or {**rest, word: branches}
        break
    return found, nullable


def _at(root: Schema, pointer: str) -> Schema:
    found: Any = root
    for step in pointer[1:].split("/")[1:]:
        name = step.replace("~1", "/").replace("~0", "~")
        found = found.get(name, {}) if isinstance(found, dict) else {}
    return found if isinstance(found, dict) else {}


def _merged(schema: Schema, root: Schema, followed: set[str]) -> Schema:
    """Return a schema with what its ``allOf`` adds: enough for a form; the whole is checked by the runtime."""
    merged: Schema = {name: value for name, value in schema.items() if name != "allOf"}
    for one in schema["allOf"]:
        part, _ = resolved(one, root, followed) if isinstance(one, dict) else ({}, False)
        for name, value in part.items():
            if name == "properties":
                known = merged.get(name, {})
                merged[name] = {**known, **{key: one for key, one in value.items() if key not in known}}
            elif name == "required":
                merged[name] = [*merged.get(name, ()), *value]
            else:
                merged.setdefault(name, value)
    return merged


def _named_choices(branches: Sequence[Any], rest: Schema) -> Schema | None:
    """Return a union of constants as choices, with their titles; None if it is another union."""
    if not branches or not all(isinstance(one, dict) and ("const" in one or "enum" in one) for one in branches):
        return None
    values = [value for one in branches for value in choices_of(one)]
    titles = [str(one.get("title", value)) for one in branches for value in choices_of(one)]
    return {**rest, "enum": values, "x-titles": titles}


def choices_of(schema: Mapping[str, Any]) -> list[object]:
    """Return the answers that an ``enum`` or ``const`` allows."""
    return list(schema["enum"]) if "enum" in schema else [schema["const"]]


def _kind(schema: Schema, root: Schema) -> Kind:
    named = schema.get("type")
    if "enum" in schema or "const" in schema:
        return "choice"
    if "anyOf" in schema or "oneOf" in schema:
        return _kind_of_union(schema, root)
    if named == "object" or (named is None and schema.get("properties")):
        return _kind_of_object(schema)
    if named == "array":
        return _kind_of_array(schema, root)
    if named == "string":
        return _kind_of_string(schema)
    return _SIMPLE.get(str(named), "json")


def _kind_of_union(schema: Schema, root: Schema) -> Kind:
    branches = [
        resolved(one, root)[0] if isinstance(one, dict) else {} for one in schema.get("anyOf") or schema["oneOf"]
    ]
    types = {str(one.get("type")) for one in branches}
    if types <= {"number", "integer", "string"} and len(types) > 1:  # digits as text: pydantic's Decimal
        texts = [one for one in branches if one.get("type") == "string"]
        if texts and all("d" in str(one.get("pattern", "")) for one in texts):
            return "decimal"
    return "union" if branches else "json"


def _kind_of_object(schema: Schema) -> Kind:
    if schema.get("properties"):
        return "group"
    return "map" if isinstance(schema.get("additionalProperties"), dict) and schema["additionalProperties"] else "json"


def _kind_of_array(schema: Schema, root: Schema) -> Kind:
    if schema.get("prefixItems"):
        return "tuple"
    items = schema.get("items")
    if not isinstance(items, dict) or not items:
        return "json"
    choices = resolved(items, root)[0].get("enum")
    several = isinstance(choices, list) and schema.get("minItems", 0) <= len(choices)
    return "picks" if several else "list"


def _kind_of_string(schema: Schema) -> Kind:
    if schema.get("writeOnly"):
        return "secret"
    if schema.get("contentEncoding") == "base64":
        return "file"
    return _STRINGS.get(str(schema.get("format")), "text")


def is_long(schema: Schema) -> bool:
    """Whether a text may be long, so that it is typed into several lines."""
    media = str(schema.get("contentMediaType", ""))
    return schema.get("maxLength", 0) > _LONG_TEXT or media.startswith("text/") or schema.get("format") == "textarea"


def like(value: object) -> Schema:
    """Return the schema of values like one: the same keys, and types of the same kind."""
    if isinstance(value, bool):
        return {"type": "boolean"}
    if isinstance(value, (int, float)):
        return {"type": "number"}
    if isinstance(value, str):
        return {"type": "string", "maxLength": 10**9} if len(value) > _LINE or "\n" in value else {"type": "string"}
    if isinstance(value, Mapping) and value and all(isinstance(name, str) for name in value):
        parts = {name: like(one) for name, one in value.items()}
        return {"type": "object", "properties": parts, "required": list(parts)}
    if isinstance(value, (list, tuple)) and value and all(isinstance(one, str) for one in value):
        return {"type": "array", "items": {"type": "string"}}
    return {}


_LINE = 70
