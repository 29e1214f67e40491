"""Multiples of decimal numbers, which msgspec takes as binary fractions: for it, 0.3 is no multiple of 0.1.

Whether an answer holds such multiples is checked by its JSON schema. Then it is converted as the same type without
them: by twins of the classes in it, subclasses with other annotations, whose instances become of the class itself.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from functools import reduce
from operator import or_
from types import UnionType
from typing import Annotated, Any, Literal, NotRequired, Required, TypedDict, Union, get_args, get_origin
from typing import get_type_hints as hints_of

import msgspec

_CLASS: Any = object.__dict__["__class__"]  # works on frozen instances too


def convert(answer: object, wanted: Any) -> Any:  # noqa: ANN401  # a type, and an instance of it
    """Return an answer as the wanted type, whatever its numbers are multiples of.

    Raises:
        msgspec.ValidationError: if it does not fit for another reason.
    """
    twins: dict[type, Any] = {}
    found = msgspec.convert(answer, _without(wanted, twins), strict=True, str_keys=True)
    originals = {twin: kind for kind, twin in twins.items() if twin is not kind}
    for instance in _instances(found) if originals else ():
        if type(instance) in originals:
            _CLASS.__set__(instance, originals[type(instance)])
    return found


def _without(wanted: Any, twins: dict[type, Any]) -> Any:  # noqa: ANN401  # a type
    """Return a type without the multiples that its numbers must be of."""
    origin = get_origin(wanted)
    if origin is None or origin is Literal:
        return _twin(wanted, twins) if isinstance(wanted, type) else wanted
    parts = tuple(_without(part, twins) for part in get_args(wanted))
    if origin is Annotated:
        return Annotated[(parts[0], *map(_without_multiple, wanted.__metadata__))]
    if origin in {Union, UnionType}:
        return reduce(or_, parts)
    return origin[parts[0]] if len(parts) == 1 else origin[parts]


def _without_multiple(told: object) -> object:
    if not isinstance(told, msgspec.Meta):
        return told
    names = ("gt", "ge", "lt", "le", "pattern", "min_length", "max_length", "tz")
    return msgspec.Meta(**{name: getattr(told, name) for name in names})


def _twin(kind: type, twins: dict[type, Any]) -> Any:  # noqa: ANN401  # a type
    """Return the twin of a class, or the class itself where it has no such numbers."""
    if kind in twins:
        return twins[kind]
    twins[kind] = kind  # of one that leads back to itself
    if not _has_fields(kind):
        return kind
    try:
        hints = hints_of(kind, include_extras=True)
    except (NameError, TypeError):  # an annotation that means nothing here
        return kind
    fields = {name: _without(hint, twins) for name, hint in hints.items()}
    if fields != hints:
        twins[kind] = _made(kind, fields)
    return twins[kind]


def _has_fields(kind: type) -> bool:
    is_tuple = issubclass(kind, tuple) and hasattr(kind, "_fields")
    is_dict = issubclass(kind, dict) and hasattr(kind, "__required_keys__")
    is_record = dataclasses.is_dataclass(kind) or hasattr(kind, "__attrs_attrs__")
    return is_tuple or is_dict or is_record or issubclass(kind, msgspec.Struct)


def _made(kind: Any, fields: dict[str, Any]) -> Any:  # noqa: ANN401  # types
    if issubclass(kind, dict):
        required = kind.__required_keys__
        marked = {name: _marked(hint, Required if name in required else NotRequired) for name, hint in fields.items()}
        return TypedDict(kind.__name__, marked)  # type: ignore[operator]  # the form that is called
    space: dict[str, Any] = {"__module__": kind.__module__, "__qualname__": kind.__qualname__}
    if not issubclass(kind, msgspec.Struct):
        return type(kind)(kind.__name__, (kind,), {**space, "__annotations__": fields, "__slots__": ()})
    space["__annotations__"] = {field.name: fields[field.name] for field in msgspec.structs.fields(kind)}
    for field in msgspec.structs.fields(kind):
        given = {"default": field.default, "default_factory": field.default_factory}
        given = {name: value for name, value in given.items() if value is not msgspec.NODEFAULT}
        space[field.name] = msgspec.field(name=field.encode_name, **given)
    return type(kind)(kind.__name__, (kind,), space, kw_only=True)


def _marked(hint: Any, mark: Any) -> Any:  # noqa: ANN401  # types
    """Return the type of a key that says whether it is required; postponed annotations hide that from the class."""
    return hint if get_origin(hint) in {Required, NotRequired} else mark[hint]


def _instances(value: object) -> Iterator[object]:
    """Yield what a value is, and all that it holds."""
    waiting: list[object] = [value]
    while waiting:
        found = waiting.pop()
        yield found
        if isinstance(found, dict):
            waiting += [*found, *found.values()]
        elif isinstance(found, (list, tuple, set, frozenset)):
            waiting += found
        elif _has_fields(type(found)):
            names = hints_of(type(found))
            waiting += [getattr(found, name) for name in names if hasattr(found, name)]
