"""pydantic's generic models, such as ``Page[int]``: written as the class that takes the arguments, and the arguments.

``Page[int]`` is a class that pydantic makes when it is first asked for, under a name that another
process can't look up. Rebuilding asks pydantic for it, which may have to make it there.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Callable
from functools import reduce
from operator import or_
from typing import Any, Final

from nbflow.codec import codes
from nbflow.codec.classes import class_name, family_of, find_class, is_class, resolve
from nbflow.codec.types.families import fill_model, pack_model
from nbflow.codec.unloadable import CannotRebuild
from nbflow.codec.wire import Plan, Refusal

_SPECIAL: Final = {"None": type(None), "Any": Any, "...": Ellipsis}


def find(kind: type) -> Plan | None:
    """Return the plan of a generic model with arguments."""
    if family_of(kind) != codes.MODEL:
        return None
    metadata: Any = getattr(kind, "__pydantic_generic_metadata__", None) or {}
    origin, arguments = metadata.get("origin"), metadata.get("args")
    if not is_class(origin) or not arguments or origin is kind:
        return None
    try:
        name, described = class_name(origin), [_described(one) for one in arguments]
    except Refusal:
        return None  # the class itself may still have a name
    return Plan(codes.GENERIC_MODEL, _packer(pack_model(name, kind), described))


def _packer(pack: Callable[[Any], Any], arguments: list[object]) -> Callable[[Any], object]:
    return lambda value: [*pack(value), arguments]


def _described(argument: object) -> object:
    """Return a type argument as plain data.

    Raises:
        Refusal: if it can't be found again.
    """
    for name, special in _SPECIAL.items():
        if argument is special:
            return name
    metadata: Any = getattr(argument, "__pydantic_generic_metadata__", None) or {}
    origin = metadata.get("origin") or typing.get_origin(argument)
    arguments = metadata.get("args") or typing.get_args(argument)
    if origin is typing.Literal:
        return ["Literal", list(arguments)]
    if origin is typing.Union or origin is types.UnionType:  # two spellings, and two keys to pydantic
        return ["Union" if origin is typing.Union else "|", [_described(one) for one in arguments]]
    if is_class(origin) and arguments:
        return [class_name(origin), [_described(one) for one in arguments]]
    if is_class(argument) and origin is None:
        return class_name(argument)
    raise Refusal(f"the type argument {argument!r} can't be written down")


def _meant(described: Any) -> Any:
    """Return the type argument that was described.

    Raises:
        CannotRebuild: if a class of it is not there.
    """
    if isinstance(described, str) and described in _SPECIAL:
        return _SPECIAL[described]
    if not isinstance(described, str):
        name, arguments = described
        if name == "Literal":
            return typing.Literal[tuple(arguments)]
        inner = tuple(_meant(one) for one in arguments)
        if name == "|":
            return reduce(or_, inner)
        return typing.Union[inner] if name == "Union" else _class(name)[inner]  # noqa: UP007  # of a tuple
    return _class(described)


def _class(name: str) -> Any:
    found = find_class(name)
    if found is None:
        raise CannotRebuild(name, "its class is not imported here; import or define it, or register it")
    return found


def _unpack(parts: list[Any]) -> object:
    name, fields, rest, arguments = parts
    cls: Any = resolve(name, codes.MODEL)
    return fill_model(cls[tuple(_meant(one) for one in arguments)], name, fields, rest)


UNPACK: Final = {codes.GENERIC_MODEL: _unpack}
