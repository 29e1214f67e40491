"""Enum members, named tuples, msgspec structs and pydantic models.

Each is rebuilt past the code of its class: members are looked up, tuples made by ``tuple``'s own
``__new__``, models filled without validation.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from typing import Any, Final

import msgspec

from nbflow.codec import codes
from nbflow.codec.classes import class_dict, class_name, family_of, has_own, mro, registered, resolve
from nbflow.codec.types.records import check_removed, put_state, schema_of, state_of
from nbflow.codec.unloadable import CannotRebuild
from nbflow.codec.wire import Plan, Refusal


def _pack_enum(name: str, _: type) -> Callable[[Any], object]:
    def pack(value: enum.Enum) -> object:
        members: Any = class_dict(type(value))["_member_map_"]
        known = members.get(value._name_) is value
        return [name, value._name_ if known else value._value_]

    return pack


def _unpack_enum(parts: list[Any]) -> object:
    name, key = parts
    space = class_dict(resolve(name, codes.ENUM))
    if isinstance(key, str):
        if key not in space["_member_map_"]:
            raise CannotRebuild(name, f"it has no member {key!r} any more")
        return space["_member_map_"][key]
    return _combined_flag(name, key)


def _combined_flag(name: str, bits: object) -> object:
    cls = resolve(name, codes.ENUM)
    if enum.Flag not in mro(cls) or type(bits) is not int:
        raise CannotRebuild(name, f"it has no member {bits!r}")
    known = class_dict(cls)["_value2member_map_"].get(bits)
    if known is not None:
        return known
    # Flag's own, not one that the class may define.
    return enum.Flag.__dict__["_missing_"].__func__(cls, bits)


def _pack_named_tuple(name: str, cls: type) -> Callable[[Any], object]:
    schema = schema_of(cls)

    def pack(value: tuple[object, ...]) -> object:
        fields = dict(zip(_tuple_fields(cls), tuple.__iter__(value), strict=True))
        state = state_of(value, schema)
        return [name, fields, state] if state else [name, fields]

    return pack


def _tuple_fields(cls: type) -> tuple[str, ...]:
    fields: Any = next(class_dict(base)["_fields"] for base in mro(cls) if "_fields" in class_dict(base))
    return tuple(fields)


def _unpack_named_tuple(parts: list[Any]) -> object:
    name, fields, *extra = parts
    cls = resolve(name, codes.NAMED_TUPLE)
    names = _tuple_fields(cls)
    check_removed(name, fields, names)
    defaults = getattr(cls, "_field_defaults", {})
    bare = [field for field in names if field not in fields and field not in defaults]
    if bare:
        raise CannotRebuild(name, f"its class has new fields without a default: {', '.join(bare)}")
    value: object = tuple.__new__(cls, (fields[field] if field in fields else defaults[field] for field in names))
    put_state(value, schema_of(cls), extra[0] if extra else {})
    return value


def _pack_struct(name: str, cls: type[msgspec.Struct]) -> Callable[[Any], object]:
    _check_struct(cls)
    names = cls.__struct_fields__

    def pack(value: object) -> object:
        fields = {field: getattr(value, field) for field in names}
        extra = getattr(value, "__dict__", None)
        return [name, fields, dict(extra)] if extra else [name, fields]

    return pack


def _check_struct(cls: type) -> None:
    """Refuse structs with a ``__post_init__``: their constructor, the only way to make one, would run it."""
    if has_own(cls, "__post_init__") and registered(cls) is None:
        hint = f"loading would run its __post_init__; call nbflow.register_type({cls.__name__}) to allow that"
        raise Refusal(hint)


def _unpack_struct(parts: list[Any]) -> object:
    name, fields, *extra = parts
    cls: Any = resolve(name, codes.STRUCT)
    try:
        _check_struct(cls)
    except Refusal as refusal:
        raise CannotRebuild(name, refusal.hint) from refusal
    check_removed(name, fields, cls.__struct_fields__)
    value = type(msgspec.Struct).__call__(cls, **fields)
    if extra:
        object.__getattribute__(value, "__dict__").update(extra[0])
    return value


def pack_model(name: str, cls: type) -> Callable[[Any], object]:
    """Return what writes models of a class under a name."""
    computed = schema_of(cls).computed

    def pack(value: Any) -> object:
        fields = {field: item for field, item in vars(value).items() if field not in computed}
        rest = {"set": value.__pydantic_fields_set__, "extra": value.__pydantic_extra__}
        return [name, fields, {**rest, "private": value.__pydantic_private__}]

    return pack


def _unpack_model(parts: list[Any]) -> object:
    name, fields, rest = parts
    return fill_model(resolve(name, codes.MODEL), name, fields, rest)


def fill_model(cls: Any, name: str, fields: dict[str, Any], rest: dict[str, Any]) -> object:
    """Return a model with these fields, past its validation."""
    known = cls.model_fields
    check_removed(name, fields, tuple(known))
    for field, info in known.items():
        if field not in fields:
            if info.is_required():
                raise CannotRebuild(name, f"its class has the new field {field} without a default")
            fields[field] = info.get_default(call_default_factory=True)
    value = object.__new__(cls)
    object.__setattr__(value, "__dict__", fields)
    object.__setattr__(value, "__pydantic_fields_set__", rest["set"])
    object.__setattr__(value, "__pydantic_extra__", rest["extra"])
    object.__setattr__(value, "__pydantic_private__", rest["private"])
    return value


PACKERS: Final[dict[int, Callable[[str, Any], Callable[[Any], object]]]] = {
    codes.ENUM: _pack_enum,
    codes.NAMED_TUPLE: _pack_named_tuple,
    codes.STRUCT: _pack_struct,
    codes.MODEL: pack_model,
}

UNPACK: Final[dict[int, Callable[[Any], object]]] = {
    codes.ENUM: _unpack_enum,
    codes.NAMED_TUPLE: _unpack_named_tuple,
    codes.STRUCT: _unpack_struct,
    codes.MODEL: _unpack_model,
}


def find(kind: type) -> Plan | None:
    """Return the plan of a class of one of these families."""
    family = family_of(kind)
    if family is None or family not in PACKERS:
        return None
    return Plan(family, PACKERS[family](class_name(kind), kind))
