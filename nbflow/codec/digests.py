"""Digests of values: equal in every process for equal values in equal spelling.

The canonical form is what the codec writes, with dicts and sets in the order of their encoded
keys. What can't be written does not fail: it counts by the name of its type.
"""

from __future__ import annotations

import types
from functools import partial
from hashlib import blake2b
from typing import Any, Final

from msgspec.msgpack import Ext

from nbflow.codec import codes
from nbflow.codec.classes import has_own
from nbflow.codec.records import schema_of, state_of
from nbflow.codec.wire import CAREFUL, PLAIN, PLANS, encode, lower, plan_for

SIZE: Final = 16  # bytes of a digest
OPAQUE: Final = 127  # never stored: something that counts by its name only
UNORDERED: Final = frozenset({codes.SET, codes.FROZENSET})
TEXT_ONLY: Final = frozenset({str})
TOP_TUPLE: Final = b"\xc1"  # a byte that MessagePack never begins with
NAMED: Final = (type, types.FunctionType)


def digest(value: object) -> bytes:
    """Return 16 bytes that tell values apart, the same in every process.

    Dicts count without their order. Locks, clients and other things that can't be stored count
    by the module and name of their type; functions and classes by their own. Never fails.

    Args:
        value: anything; arguments of a call, mostly.
    """
    try:
        if type(value) is tuple and PLAIN.issuperset(map(type, value)):
            data = TOP_TUPLE + encode(value)
        else:
            data = encode(_canonical(value, PLAIN))
    except Exception:  # large numbers and odd texts; a cycle, or a broken encode: no reason to fail a call
        data = _careful_bytes(value)
    return blake2b(data, digest_size=SIZE).digest()


def _careful_bytes(value: object) -> bytes:
    try:
        return encode(_canonical(value, CAREFUL))
    except Exception:
        return encode(Ext(OPAQUE, _name_of(type(value))))


def _canonical(value: Any, plain: frozenset[type]) -> object:
    """Return what stands for a value, as something that msgspec writes in one way only."""
    kind = type(value)
    if kind in plain:
        return value
    if kind is list:
        return _canonical_items(value, plain)
    if kind is dict:
        return _canonical_dict(value, plain)
    if kind is int or kind is str:
        return lower(value, plain)
    if isinstance(value, BaseException):  # the same failure in two places is the same
        return Ext(codes.EXCEPTION, encode([_name_of(kind), _canonical(list(value.args), plain)]))
    try:
        code, pack = PLANS.get(kind) or plan_for(kind)
        payload = pack(value)
    except Exception:  # no plan, or a broken encode
        return Ext(OPAQUE, _opaque(value, plain))
    return _canonical_ext(code, payload, plain)


def _canonical_ext(code: int, payload: Any, plain: frozenset[type]) -> Ext:
    if type(payload) is bytes:
        return Ext(code, payload)
    if type(payload) is Ext:
        return payload
    if code in UNORDERED:
        return Ext(code, encode(sorted(encode(_canonical(item, plain)) for item in payload)))
    if code == codes.ORDERED_DICT:
        payload = [part for pair in payload.items() for part in pair]
    return Ext(code, encode(_canonical(payload, plain)))


def _canonical_items(items: list[object], plain: frozenset[type]) -> list[object]:
    if plain.issuperset(map(type, items)):
        return items
    return [_canonical(item, plain) for item in items]


def _canonical_dict(items: dict[Any, object], plain: frozenset[type]) -> object:
    if str in plain and TEXT_ONLY.issuperset(map(type, items)):
        keys = sorted(items)
        return dict(zip(keys, _canonical_items([items[key] for key in keys], plain), strict=True))
    pairs = sorted([encode(_canonical(key, plain)), encode(_canonical(item, plain))] for key, item in items.items())
    return Ext(codes.MAPPING, encode(pairs))


def _opaque(value: object, plain: frozenset[type]) -> bytes:
    """Return all of something unstorable that is the same in every process."""
    if isinstance(value, types.MethodType | types.BuiltinFunctionType):
        return encode([_name_of(value), _canonical(value.__self__, plain)])
    if isinstance(value, NAMED):
        return b"itself " + _name_of(value)
    if isinstance(value, partial):
        return encode([b"partial", _canonical([value.func, value.args, value.keywords], plain)])
    return _local_record(value, plain) or _name_of(type(value))


def _local_record(value: object, plain: frozenset[type]) -> bytes:
    """Return name and fields of a dataclass or attrs class that can be described, though not found again."""
    kind: type = type(value)
    if not (has_own(kind, "__dataclass_fields__") or has_own(kind, "__attrs_attrs__")):
        return b""
    return encode([_name_of(kind), _canonical(state_of(value, schema_of(kind)), plain)])


def _name_of(named: object) -> bytes:
    text = f"{getattr(named, '__module__', '')}:{getattr(named, '__qualname__', type(named).__qualname__)}"
    return text.encode("utf-8", "surrogatepass")
