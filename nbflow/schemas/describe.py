"""Types as JSON schemas, for forms and for whoever asks a workflow what it takes."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, Literal, cast, get_args, get_origin, get_type_hints

import msgspec

from nbflow.errors import InvalidOptionError
from nbflow.schemas.moments import generator, with_formats

Schema = dict[str, Any]
_PYDANTIC = frozenset({"pydantic", "pydantic_core", "annotated_types"})


def describe(wanted: object, where: str = "interrupt()") -> Schema | None:
    """Return a type as JSON schema; a schema as it is; None for None.

    Raises:
        InvalidOptionError: if it is neither.
    """
    if wanted is None or isinstance(wanted, dict):
        return cast("Schema | None", wanted)
    if get_origin(wanted) is Literal:
        return {"enum": msgspec.to_builtins(list(get_args(wanted)))}  # in the author's order, which a form keeps
    try:
        if hasattr(wanted, "model_json_schema"):
            return cast("Schema", wanted.model_json_schema(**_generated(wanted)))
        adapter = adapter_of(wanted)
        if adapter is not None:
            return cast("Schema", adapter.json_schema(schema_generator=generator()))
        return with_formats(_in_order(msgspec.json.schema(wanted), wanted), wanted)
    except (TypeError, ValueError, RuntimeError) as error:  # what msgspec and pydantic raise of types that they lack
        raise InvalidOptionError(
            where,
            "response_schema" if where == "interrupt()" else "type",
            repr(wanted),
            f"it is a JSON schema or a type such as bool, Literal['yes', 'no'] or a dataclass ({error})",
        ) from None


def _generated(model: Any) -> dict[str, Any]:  # noqa: ANN401  # pydantic is not imported here
    """Return the arguments for ``model_json_schema``; none for one that its class has of its own."""
    pydantic = sys.modules.get("pydantic")
    own = getattr(model.model_json_schema, "__func__", None)
    is_pydantics = pydantic is not None and own is pydantic.BaseModel.model_json_schema.__func__
    return {"schema_generator": generator()} if is_pydantics else {}


def inline(schema: Schema) -> Schema:
    """Return a schema that is a reference to one of its own definitions as that definition."""
    prefix, _, name = str(schema.get("$ref", "")).rpartition("/")
    parts = dict(schema.get("$defs", {}))
    if prefix != "#/$defs" or name not in parts:
        return schema
    found = {**parts[name], **{key: value for key, value in schema.items() if key not in {"$ref", "$defs"}}}
    if f"#/$defs/{name}'" not in str(parts):
        del parts[name]  # nothing else refers to it
    return {**found, "$defs": parts} if parts else found


def adapter_of(wanted: object) -> Any:  # noqa: ANN401  # pydantic is not imported here
    """Return pydantic's adapter of a type that pydantic has a part in; None for any other."""
    pydantic = sys.modules.get("pydantic")
    if pydantic is None or not _is_pydantics(wanted, set()):
        return None
    return pydantic.TypeAdapter(wanted)


def _is_pydantics(wanted: object, seen: set[int]) -> bool:
    """Whether a type, one that it is made of, or one of its fields is pydantic's or checked by pydantic."""
    if id(wanted) in seen:
        return False
    seen.add(id(wanted))
    if hasattr(wanted, "__pydantic_validator__"):
        return True
    told = [wanted, *getattr(wanted, "__metadata__", ())]
    if any(_module_of(one).partition(".")[0] in _PYDANTIC for one in told):
        return True
    parts = list(get_args(wanted))
    if isinstance(wanted, type) and getattr(wanted, "__annotations__", None):
        with suppress(NameError, TypeError):  # an annotation that means nothing here
            parts += get_type_hints(wanted, include_extras=True).values()
    return any(_is_pydantics(one, seen) for one in parts)


def _module_of(one: object) -> str:
    return str(getattr(one if isinstance(one, type) else type(one), "__module__", ""))


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
