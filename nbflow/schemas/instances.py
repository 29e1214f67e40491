"""Instances of classes in an answer, held to the types of their fields.

Neither msgspec nor pydantic looks into an instance of the wanted class; it may have been made of anything, as
``Pay(amount="all of it")``.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple, get_type_hints

import msgspec

Convert = Callable[[object, object], object]


class _Field(NamedTuple):
    """A field of an instance: its name, its annotated type and what it holds."""

    name: str
    wanted: object
    value: object


class MisfitFieldError(ValueError):
    """A field of an instance holds what its type does not take."""


def check_instances(answer: object, convert: Convert) -> None:
    """Check the fields of the instances that an answer is or holds, and those in their fields.

    Args:
        answer: an answer that fits its type, as far as that looks.
        convert: returns a value as a type, or raises; called for each field of dataclasses, structs and named tuples.

    Raises:
        Exception: whatever the classes raise of what does not fit.
    """
    seen: set[int] = set()
    waiting = [answer]
    while waiting:
        value = waiting.pop()
        if id(value) in seen:
            continue
        seen.add(id(value))
        if hasattr(type(value), "__pydantic_validator__"):
            waiting += _validated_again(value).values()
            continue
        for field in _fields(value):
            try:
                convert(field.value, field.wanted)
            except Exception as error:
                where = f"field {field.name!r} of {type(value).__name__}"
                raise MisfitFieldError(f"{where} is {field.value!r}: {error}") from error
        waiting += _items(value)


def _items(value: object) -> list[object]:
    """Return what a container holds."""
    if isinstance(value, dict):
        return [*value, *value.values()]
    return list(value) if isinstance(value, (list, tuple, set, frozenset)) else []


def _fields(value: object) -> Iterator[_Field]:
    kind = type(value)
    names: Any = ()
    if dataclasses.is_dataclass(kind):
        names = [field.name for field in dataclasses.fields(kind)]
    elif isinstance(value, msgspec.Struct):
        names = value.__struct_fields__
    elif isinstance(value, tuple):
        names = getattr(kind, "_fields", ())
    elif hasattr(kind, "__attrs_attrs__"):
        names = [field.name for field in kind.__attrs_attrs__]
    if not names:
        return
    try:
        hints = get_type_hints(kind, include_extras=True)
    except (NameError, TypeError):  # an annotation that means nothing here
        return
    for name in names:
        if name in hints and hasattr(value, name):
            yield _Field(name, hints[name], getattr(value, name))


def _validated_again(model: Any) -> Mapping[str, object]:  # noqa: ANN401  # of pydantic, which is not imported here
    """Validate the fields of a model, or of a dataclass of pydantic's, by their names; return them."""
    kind = type(model)
    fields = getattr(kind, "model_fields", None) or getattr(kind, "__pydantic_fields__", {})
    data = {name: value for name, value in vars(model).items() if name in fields}
    data.update(getattr(model, "__pydantic_extra__", None) or {})
    given = data["root"] if getattr(kind, "__pydantic_root_model__", False) else data
    kind.__pydantic_validator__.validate_python(given, by_alias=False, by_name=True)
    return data
