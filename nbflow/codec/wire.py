"""Values to bytes and back: the walk, and the door to what every other module of the codec adds.

Plain trees are handed to msgspec as they are; whatever MessagePack lacks becomes an extension
(codes.py). Knows no type beyond builtin containers: plans for those are looked up. Raises
``Refusal`` for a value without a plan; the face turns that into an error with a path.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import msgspec
from msgspec.msgpack import Decoder, Encoder, Ext

from nbflow.codec.codes import BIG_INT, CLASS_CODES, MAPPING, NAMES, TEXT
from nbflow.codec.exact import items
from nbflow.codec.unloadable import CannotRebuild, Unloadable
from nbflow.errors import CorruptValueError

PLAIN: frozenset[type] = frozenset({type(None), bool, int, float, str, bytes})
CAREFUL = PLAIN - {int, str}  # for trees with integers or text that MessagePack has no room for
PAYLOADS: frozenset[type] = frozenset({list, dict, str})
MAX_PLANS = 4096  # a notebook that redefines its classes for weeks must not keep them all

encode = Encoder().encode


class Plan(NamedTuple):
    """How values of one exact type are written: a code, and a function to a payload.

    A payload of type bytes is written raw, one of type Ext as it is; any other is encoded in turn.
    """

    code: int
    pack: Callable[[Any], object]


class Refusal(Exception):
    """A type has no plan.

    Attributes:
        hint: why, and what to do.
    """

    def __init__(self, hint: str) -> None:
        super().__init__(hint)
        self.hint = hint


PLANS: dict[type, Plan] = {}
FINDERS: list[Callable[[type], Plan | None]] = []
UNPACK: dict[int, Callable[[Any], object]] = {}
UNPACK_RAW: dict[int, Callable[[bytes], object]] = {}


def to_bytes(value: object) -> bytes:
    """Encode a value; plain ones without any walk in Python.

    Raises:
        Refusal: if a part of it has no plan.
        RecursionError: if it contains itself, or is nested too deeply.
    """
    try:
        return encode(lower(value, PLAIN))
    except (OverflowError, UnicodeEncodeError):
        return encode(lower(value, CAREFUL))


def lower(value: Any, plain: frozenset[type]) -> object:
    """Return what msgspec may be handed in place of a value: the value itself if it is plain."""
    kind = type(value)
    if kind in plain:
        return value
    if kind is list:
        return _lower_items(value, plain)
    if kind is dict:
        return _lower_dict(value, plain)
    if kind is int or kind is str:
        return _lower_atom(value)
    plan = PLANS.get(kind) or plan_for(kind)
    payload = plan.pack(value)
    if type(payload) is Ext:
        return payload
    if type(payload) is not bytes:
        payload = encode(lower(payload, plain))
    return Ext(plan.code, payload)


def _lower_items(items: list[object], plain: frozenset[type]) -> list[object]:
    if plain.issuperset(map(type, items)):
        return items
    return [item if type(item) in plain else lower(item, plain) for item in items]


def _lower_dict(items: dict[object, object], plain: frozenset[type]) -> object:
    if not plain.issuperset(map(type, items)):
        return Ext(MAPPING, encode([lower(part, plain) for pair in items.items() for part in pair]))
    if plain.issuperset(map(type, items.values())):
        return items
    return {key: item if type(item) in plain else lower(item, plain) for key, item in items.items()}


def _lower_atom(value: int | str) -> object:
    if isinstance(value, str):
        return value if _is_unicode(value) else Ext(TEXT, value.encode("utf-8", "surrogatepass"))
    if -(2**63) <= value < 2**64:
        return value
    return Ext(BIG_INT, value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True))


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def plan_for(kind: type) -> Plan:
    """Find and remember the plan of a type.

    Raises:
        Refusal: if there is none.
    """
    for find in FINDERS:
        plan = find(kind)
        if plan is not None:
            if len(PLANS) >= MAX_PLANS:
                PLANS.clear()
            PLANS[kind] = plan
            return plan
    raise Refusal(f"return plain data instead, or call {remedy(kind)} first")


def remedy(kind: type) -> str:
    """Return the call that makes a type storable."""
    return f"nbflow.register_type({kind.__qualname__.rpartition('.')[2]}, encode=..., decode=...)"


def standard_finder(rows: Iterable[tuple[str, str, int, Callable[[Any], object]]]) -> Callable[[type], Plan | None]:
    """Return a finder for types of modules that are imported only by who uses them.

    Args:
        rows: module, name in it, extension code and pack function of each type.
    """
    table = tuple(rows)

    def find(kind: type) -> Plan | None:
        for module, name, code, pack in table:
            if getattr(sys.modules.get(module), name, None) is kind:
                return Plan(code, pack)
        return None

    return find


def from_bytes(data: bytes) -> object:
    """Decode a value.

    Raises:
        CorruptValueError: if the bytes are not what ``to_bytes`` writes.
    """
    try:
        return decode(data)
    except RecursionError as error:
        raise CorruptValueError("it is nested too deeply") from error
    except (msgspec.DecodeError, UnicodeDecodeError, TypeError) as error:  # a TypeError: a map with a list for a key
        raise CorruptValueError(str(error)) from error
    except Exception as error:  # of a key's own __hash__, or of a size that no memory has room for
        raise CorruptValueError(f"{type(error).__name__}: {error}") from error


def _revive(code: int, data: memoryview) -> object:
    """Rebuild an extension; what can't be rebuilt stays visible where it was."""
    raw = UNPACK_RAW.get(code)
    payload: object = bytes(data) if raw or code not in UNPACK else decode(data)
    try:
        if isinstance(payload, bytes) and raw is not None:
            return raw(payload)
        if code in UNPACK:
            if type(payload) not in PAYLOADS:  # a range, for one, which would be as long as it likes
                raise ValueError(f"its payload is a {type(payload).__name__}")  # noqa: TRY301  # as any unpack may
            return UNPACK[code](payload)
    except CannotRebuild as reason:
        return Unloadable(reason.type_name, payload, reason.reason, (code, data))
    except RecursionError:
        raise
    except Exception as error:  # a constructor may raise anything; the other values must still load
        return Unloadable(_label(code, payload), payload, f"{type(error).__name__}: {error}", (code, data))
    return Unloadable(_label(code, payload), payload, "this version of nbflow does not know it", (code, data))


def _label(code: int, payload: object) -> str:
    if code in CLASS_CODES and isinstance(payload, list) and payload:
        return payload[0] if type(payload[0]) is str else "?"
    return NAMES.get(code, f"extension {code}")


decode: Callable[[bytes | memoryview], object] = Decoder(ext_hook=_revive).decode

UNPACK_RAW[BIG_INT] = lambda data: int.from_bytes(data, "little", signed=True)
UNPACK_RAW[TEXT] = lambda data: data.decode("utf-8", "surrogatepass")


def _unpack_mapping(parts: list[object]) -> Mapping[object, object]:
    pairs = iter(items(parts))
    return dict(zip(pairs, pairs, strict=True))


UNPACK[MAPPING] = _unpack_mapping
