"""Dataclasses, attrs classes and registered classes: written and rebuilt field by field.

Rebuilding runs no ``__new__``, ``__init__``, ``__post_init__``, ``__setattr__`` or descriptor of
the class: values go straight into the instance's dictionary and slots.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from functools import cached_property, lru_cache
from types import MemberDescriptorType
from typing import Any, Final, NamedTuple

from nbflow.codec import codes
from nbflow.codec.classes import class_dict, class_name, family_of, has_own, is_heap, mro, resolve
from nbflow.codec.types.standard import UNSET
from nbflow.codec.unloadable import CannotRebuild
from nbflow.codec.wire import Plan

GENERIC_ALIAS: Final = "__orig_class__"  # what typing leaves in an instance that was made by ``Box[int](3)``
CACHED_HASH: Final = "_attrs_cached_hash"  # of attrs; another process hashes strings differently


class Schema(NamedTuple):
    """Where instances of a class keep their values.

    Attributes:
        fields: names of the declared fields.
        defaults: makers of a default, of the fields that have one.
        inherited: fields whose default is read from the class, never from the instance.
        slots: name and descriptor of each slot.
        computed: names of cached properties, which are not stored.
    """

    fields: tuple[str, ...]
    defaults: Mapping[str, Callable[[], object]]
    inherited: frozenset[str]
    slots: Mapping[str, MemberDescriptorType]
    computed: frozenset[str]


@lru_cache(maxsize=1024)
def schema_of(cls: type) -> Schema:
    """Describe where instances of a class keep their values."""
    fields: tuple[str, ...] = ()
    defaults: dict[str, Callable[[], object]] = {}
    inherited: frozenset[str] = frozenset()
    if has_own(cls, "__dataclass_fields__"):
        fields, defaults, inherited = _dataclass_fields(cls)
    elif has_own(cls, "__attrs_attrs__"):
        fields, defaults = _attrs_fields(cls)
    members = [item for base in reversed(mro(cls)) if is_heap(base) for item in class_dict(base).items()]
    slots = {name: member for name, member in members if type(member) is MemberDescriptorType}
    computed = frozenset(name for name, member in members if type(member) is cached_property)
    return Schema(fields, defaults, inherited, slots, computed)


def _dataclass_fields(cls: type) -> tuple[tuple[str, ...], dict[str, Callable[[], object]], frozenset[str]]:
    import dataclasses

    defaults: dict[str, Callable[[], object]] = {}
    fields = dataclasses.fields(cls)
    for field in fields:
        if field.default is not dataclasses.MISSING:
            defaults[field.name] = _constant(field.default)
        elif field.default_factory is not dataclasses.MISSING:
            defaults[field.name] = field.default_factory
    inherited = (f.name for f in fields if not f.init and f.default is not dataclasses.MISSING)
    return tuple(field.name for field in fields), defaults, frozenset(inherited)


def _attrs_fields(cls: type) -> tuple[tuple[str, ...], dict[str, Callable[[], object]]]:
    attr: Any = sys.modules["attr"]
    defaults: dict[str, Callable[[], object]] = {}
    fields: Any = attr.fields(cls)
    for field in fields:
        if not isinstance(field.default, attr.Factory):
            if field.default is not attr.NOTHING:
                defaults[field.name] = _constant(field.default)
        elif not field.default.takes_self:  # one that does could be handed a half-built instance
            defaults[field.name] = field.default.factory
    return tuple(field.name for field in fields), defaults


def _constant(value: object) -> Callable[[], object]:
    return lambda: value


def state_of(value: object, schema: Schema) -> dict[str, object]:
    """Return every attribute that an instance keeps itself, as a new dict."""
    state: dict[str, object] = {}
    for name, slot in schema.slots.items():
        try:
            state[name] = slot.__get__(value)
        except AttributeError:
            continue  # an empty slot
    try:
        state.update(object.__getattribute__(value, "__dict__"))
    except AttributeError:
        pass  # slots only
    for name in schema.computed:
        state.pop(name, None)
    state.pop(GENERIC_ALIAS, None)
    if CACHED_HASH in state:
        state[CACHED_HASH] = None
    return state


def put_state(value: object, schema: Schema, state: Mapping[str, object]) -> None:
    """Set attributes of an instance, running none of its code."""
    rest = {}
    for name, item in state.items():
        if item is UNSET:
            continue
        slot = schema.slots.get(name)
        if slot is None:
            rest[name] = item
        else:
            slot.__set__(value, item)
    if rest:
        object.__getattribute__(value, "__dict__").update(rest)


def pack_fields(value: object, name: str, schema: Schema) -> list[object]:
    """Return name, fields and, if there are any, further attributes."""
    state = state_of(value, schema)
    fields = {field: state.pop(field, UNSET) for field in schema.fields}
    return [name, fields, state] if state else [name, fields]


def find(kind: type) -> Plan | None:
    """Return the plan of a dataclass, attrs class or registered class."""
    if family_of(kind) != codes.RECORD:
        return None
    name, schema = class_name(kind), schema_of(kind)
    return Plan(codes.RECORD, lambda value: pack_fields(value, name, schema))


def unpack(parts: list[Any]) -> object:
    """Rebuild an instance from its fields."""
    name, fields, *extra = parts
    cls = resolve(name, codes.RECORD)
    schema = schema_of(cls)
    check_removed(name, fields, schema.fields)
    value: object = object.__new__(cls)
    put_state(value, schema, fields)
    put_state(value, schema, added_fields(name, fields, schema))
    if extra:
        put_state(value, schema, extra[0])
    return value


def added_fields(name: str, fields: Mapping[str, object], schema: Schema) -> dict[str, object]:
    """Return the defaults of the fields that a class has gained since.

    Raises:
        CannotRebuild: if one has no default.
    """
    if len(fields) == len(schema.fields):
        return {}
    added = [field for field in schema.fields if field not in fields]
    bare = [field for field in added if field not in schema.defaults]
    if bare:
        raise CannotRebuild(name, f"its class has new fields without a default: {', '.join(bare)}")
    return {field: schema.defaults[field]() for field in added if field not in schema.inherited}


def check_removed(name: str, fields: Mapping[str, object], known: tuple[str, ...]) -> None:
    """Refuse to lose a stored field.

    Raises:
        CannotRebuild: if the class has lost a field since.
    """
    lost = [str(field) for field in fields if field not in known]
    if lost:
        raise CannotRebuild(name, f"its class no longer has the fields {', '.join(lost)}")


UNPACK: Final = {codes.RECORD: unpack}
