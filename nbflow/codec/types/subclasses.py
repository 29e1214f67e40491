"""Subclasses of builtin types: written as their builtin value plus their attributes.

Both ways go through the builtin's own methods, so nothing that the subclass overrides runs.
"""

from __future__ import annotations

from collections import OrderedDict, defaultdict, deque
from collections.abc import Callable
from typing import Any, Final

from nbflow.codec import codes
from nbflow.codec.classes import class_name, family_of, resolve, static_bases
from nbflow.codec.exact import exactly, items, table
from nbflow.codec.types.records import put_state, schema_of, state_of
from nbflow.codec.types.standard import FACTORIES
from nbflow.codec.types.standard import PACK as STANDARD
from nbflow.codec.wire import Plan

WHOLE: Final = slice(None)

TO_BASE: Final[dict[type, Callable[[Any], object]]] = {
    str: str.__str__,
    bytes: lambda value: bytes.__getitem__(value, WHOLE),
    bytearray: lambda value: bytearray.__getitem__(value, WHOLE),
    int: int.__pos__,
    float: float.__pos__,
    complex: complex.__pos__,
    tuple: lambda value: list(tuple.__iter__(value)),
    list: lambda value: list(list.__iter__(value)),
    set: lambda value: list(set.__iter__(value)),
    frozenset: lambda value: list(frozenset.__iter__(value)),
    dict: lambda value: dict(dict.items(value)),
    OrderedDict: lambda value: dict(OrderedDict.items(value)),
    defaultdict: STANDARD[defaultdict].pack,
    deque: STANDARD[deque].pack,
}


def _fill_ordered(value: Any, held: dict[object, object]) -> None:
    for key, item in held.items():
        OrderedDict.__setitem__(value, key, item)


def _fill_default(value: Any, parts: list[Any]) -> None:
    factory, held = parts
    defaultdict.__init__(value, None if factory is None else FACTORIES[factory])
    dict.update(value, table(held))


def _fill_deque(value: Any, parts: list[Any]) -> None:
    maxlen, held = parts
    deque.__init__(value, (), maxlen)
    deque.extend(value, items(held))


FILL: Final[dict[type, Callable[[Any, Any], None]]] = {
    bytearray: bytearray.extend,
    list: list.extend,
    set: set.update,
    dict: dict.update,
    OrderedDict: _fill_ordered,
    defaultdict: _fill_default,
    deque: _fill_deque,
}


WRITTEN_AS: Final[dict[type, type]] = {
    bytearray: bytes,
    **dict.fromkeys((tuple, set, frozenset, defaultdict, deque), list),
    OrderedDict: dict,
}


def _pack(name: str, cls: type) -> Callable[[Any], object]:
    schema, to_base = schema_of(cls), TO_BASE[static_bases(cls)[0]]
    return lambda value: [name, to_base(value), state_of(value, schema)]


def _unpack(parts: list[Any]) -> object:
    name, payload, state = parts
    cls = resolve(name, codes.SUBCLASS)
    base: Any = static_bases(cls)[0]
    payload = exactly(WRITTEN_AS.get(base, base), payload)  # else the text of another object would be asked for
    if base in FILL:
        value = base.__new__(cls)
        FILL[base](value, payload)
    else:
        value = base.__new__(cls, payload)
    put_state(value, schema_of(cls), state)
    return value


UNPACK: Final = {codes.SUBCLASS: _unpack}


def find(kind: type) -> Plan | None:
    """Return the plan of a class that extends a builtin."""
    if family_of(kind) != codes.SUBCLASS:
        return None
    return Plan(codes.SUBCLASS, _pack(class_name(kind), kind))
