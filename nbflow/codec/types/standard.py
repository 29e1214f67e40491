"""How builtin and standard library types are written and rebuilt, each exactly.

Modules that cost time to import are looked up in ``sys.modules`` when writing and imported by
these fixed names when reading.
"""

from __future__ import annotations

import struct
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable
from datetime import date, datetime, time, timedelta, timezone, tzinfo
from typing import TYPE_CHECKING, Any, Final

from nbflow.codec import codes
from nbflow.codec.exact import exactly, items, raw, table, whole
from nbflow.codec.optional import optional
from nbflow.codec.unloadable import CannotRebuild, Unloadable, pack_unloadable, unpack_unloadable
from nbflow.codec.wire import Plan, Refusal, standard_finder

if TYPE_CHECKING:
    import array
    import re
    import zoneinfo
    from fractions import Fraction
    from ipaddress import IPv4Interface, IPv6Interface
    from pathlib import PurePath
    from uuid import UUID

FACTORIES: Final[dict[str, type]] = {
    kind.__qualname__: kind
    for kind in (
        *(bool, bytes, bytearray, complex, dict, float, frozenset, int, list, object, set, str, tuple),
        *(Counter, OrderedDict, defaultdict, deque),
    )
}
PATHS: Final = frozenset({"PurePath", "PurePosixPath", "PureWindowsPath", "Path", "PosixPath", "WindowsPath"})
IPS: Final = frozenset(f"IPv{version}{what}" for version in (4, 6) for what in ("Address", "Network", "Interface"))
CAST_FORMATS: Final = frozenset("cbB?hHiIlLqQnNfd")


class Unset:
    """The type of ``UNSET``."""

    def __repr__(self) -> str:
        return "UNSET"


UNSET: Final = Unset()  # in the place of a field that an instance does not have
CONSTANTS: Final[dict[str, object]] = {"Ellipsis": ..., "NotImplemented": NotImplemented, "unset": UNSET}
CONSTANT_NAMES: Final = {type(value): name for name, value in CONSTANTS.items()}


def _pack_constant(value: object) -> str:
    return CONSTANT_NAMES[type(value)]


def _unpack_constant(name: str) -> object:
    if name in ("pandas.NaT", "pandas.NA"):
        pd = optional("pandas")
        return getattr(pd, name.removeprefix("pandas."))
    return CONSTANTS[name]


def _pack_memoryview(view: memoryview) -> object:
    if view.format not in CAST_FORMATS:
        raise Refusal(f"its items of format {view.format!r} can't be cast back from bytes; return bytes(view)")
    return [view.tobytes(), view.format, list(view.shape or ()), view.readonly]


def _unpack_memoryview(parts: list[Any]) -> memoryview:
    data, format_, shape, readonly = parts
    view = memoryview(raw(data) if readonly else bytearray(raw(data)))
    if format_ == "B" and len(shape) == 1:
        return view
    if 0 in shape:  # cast refuses a length of zero
        return view.cast(format_)
    return view.cast(format_, shape)


def _pack_complex(value: complex) -> object:
    return struct.pack("<dd", value.real, value.imag)


def _pack_slice(value: Any) -> object:
    return [value.start, value.stop, value.step]


def _pack_default_dict(value: defaultdict[object, object]) -> object:
    factory = value.default_factory
    if factory is None:
        return [None, dict(value)]
    name = getattr(factory, "__qualname__", "")
    if FACTORIES.get(name) is not factory:
        raise Refusal(f"its factory {factory!r} is none of the builtin containers; return dict(value)")
    return [name, dict(value)]


def _unpack_default_dict(parts: list[Any]) -> object:
    name, held = parts
    return defaultdict(None if name is None else FACTORIES[name], table(held))


def _pack_datetime(value: datetime) -> object:
    day = [value.year, value.month, value.day]
    return [*day, *_pack_time(value)]


def _pack_time(value: datetime | time) -> list[object]:
    return [value.hour, value.minute, value.second, value.microsecond, value.fold, value.tzinfo]


def _unpack_datetime(parts: list[Any]) -> datetime:
    year, month, day, hour, minute, second, microsecond, fold, zone = parts
    clock = (hour, minute, second, microsecond, _zone(zone, "datetime"))
    return datetime(year, month, day, *clock, fold=fold)


def _unpack_time(parts: list[Any]) -> time:
    hour, minute, second, microsecond, fold, zone = parts
    return time(hour, minute, second, microsecond, _zone(zone, "time"), fold=fold)


def _zone(zone: object, type_name: str) -> tzinfo | None:
    if zone is None or isinstance(zone, tzinfo):
        return zone
    raise CannotRebuild(type_name, f"its time zone is {zone!r}")


def _pack_timezone(value: Any) -> object:
    return list(value.__getinitargs__())  # leaves out a name that was not given


def _pack_zone_info(value: zoneinfo.ZoneInfo) -> object:
    if not value.key:
        raise Refusal("it was read from a file and has no key; use ZoneInfo(key)")
    return value.key


def _unpack_zone_info(key: str) -> object:
    from zoneinfo import ZoneInfo

    return ZoneInfo(key)


def _unpack_decimal(text: str) -> object:
    from decimal import Decimal

    return Decimal(exactly(str, text))


def _pack_fraction(value: Fraction) -> object:
    return [value.numerator, value.denominator]


def _unpack_fraction(parts: list[int]) -> object:
    from fractions import Fraction

    numerator, denominator = parts
    return Fraction(whole(numerator), whole(denominator))


def _pack_uuid(value: UUID) -> bytes:
    return value.bytes


def _unpack_uuid(data: bytes) -> object:
    from uuid import UUID

    return UUID(bytes=data)


def _pack_named(value: PurePath | IPv4Interface | IPv6Interface) -> object:
    return [type(value).__name__, str(value)]


def _unpack_path(parts: list[str]) -> object:
    import pathlib

    name, text = parts
    return getattr(pathlib, _one_of(name, PATHS))(exactly(str, text))


def _unpack_ip(parts: list[str]) -> object:
    import ipaddress

    name, text = parts
    return getattr(ipaddress, _one_of(name, IPS))(exactly(str, text))


def _one_of(name: str, allowed: frozenset[str]) -> str:
    if name not in allowed:
        raise CannotRebuild(name, f"it is none of {', '.join(sorted(allowed))}")
    return name


def _pack_pattern(value: re.Pattern[str]) -> object:
    return [value.pattern, value.flags]


def _unpack_pattern(parts: list[Any]) -> object:
    import re

    pattern, flags = parts
    if type(pattern) is not str:
        pattern = raw(pattern)
    return re.compile(pattern, whole(flags) & ~re.DEBUG.value)  # DEBUG would print while loading


def _pack_array(value: array.array[Any]) -> object:
    return [value.typecode, value.tobytes()]


def _unpack_array(parts: list[Any]) -> object:
    import array

    typecode, data = parts
    return array.array(typecode, raw(data))


PACK: Final[dict[type, Plan]] = {
    tuple: Plan(codes.TUPLE, list),
    set: Plan(codes.SET, list),
    frozenset: Plan(codes.FROZENSET, list),
    bytearray: Plan(codes.BYTEARRAY, bytes),
    memoryview: Plan(codes.MEMORYVIEW, _pack_memoryview),
    complex: Plan(codes.COMPLEX, _pack_complex),
    range: Plan(codes.RANGE, _pack_slice),
    slice: Plan(codes.SLICE, _pack_slice),
    OrderedDict: Plan(codes.ORDERED_DICT, dict),
    Counter: Plan(codes.COUNTER, dict),
    defaultdict: Plan(codes.DEFAULT_DICT, _pack_default_dict),
    deque: Plan(codes.DEQUE, lambda value: [value.maxlen, list(value)]),
    datetime: Plan(codes.DATETIME, _pack_datetime),
    date: Plan(codes.DATE, lambda value: [value.year, value.month, value.day]),
    time: Plan(codes.TIME, _pack_time),
    timedelta: Plan(codes.TIMEDELTA, lambda value: [value.days, value.seconds, value.microseconds]),
    timezone: Plan(codes.TIMEZONE, _pack_timezone),
    Unloadable: Plan(codes.UNLOADABLE, pack_unloadable),
    **dict.fromkeys(CONSTANT_NAMES, Plan(codes.CONSTANT, _pack_constant)),
}

UNPACK: Final[dict[int, Callable[[Any], object]]] = {
    codes.TUPLE: lambda parts: tuple(items(parts)),
    codes.SET: lambda parts: set(items(parts)),
    codes.FROZENSET: lambda parts: frozenset(items(parts)),
    codes.MEMORYVIEW: _unpack_memoryview,
    codes.RANGE: lambda parts: range(*parts),
    codes.SLICE: lambda parts: slice(*parts),
    codes.CONSTANT: _unpack_constant,
    codes.ORDERED_DICT: lambda parts: OrderedDict(table(parts)),
    codes.COUNTER: lambda parts: Counter(table(parts)),
    codes.DEFAULT_DICT: _unpack_default_dict,
    codes.DEQUE: lambda parts: deque(items(parts[1]), parts[0]),
    codes.DATETIME: _unpack_datetime,
    codes.DATE: lambda parts: date(*parts),
    codes.TIME: _unpack_time,
    codes.TIMEDELTA: lambda parts: timedelta(*parts),
    codes.TIMEZONE: lambda parts: timezone(*parts),
    codes.ZONE_INFO: _unpack_zone_info,
    codes.DECIMAL: _unpack_decimal,
    codes.FRACTION: _unpack_fraction,
    codes.PATH: _unpack_path,
    codes.IP: _unpack_ip,
    codes.PATTERN: _unpack_pattern,
    codes.ARRAY: _unpack_array,
    codes.UNLOADABLE: unpack_unloadable,
}

UNPACK_RAW: Final[dict[int, Callable[[bytes], object]]] = {
    codes.BYTEARRAY: bytearray,
    codes.COMPLEX: lambda data: complex(*struct.unpack("<dd", data)),
    codes.UUID: _unpack_uuid,
}

_find_imported = standard_finder(
    [
        ("zoneinfo", "ZoneInfo", codes.ZONE_INFO, _pack_zone_info),
        ("decimal", "Decimal", codes.DECIMAL, str),
        ("fractions", "Fraction", codes.FRACTION, _pack_fraction),
        ("uuid", "UUID", codes.UUID, _pack_uuid),
        ("re", "Pattern", codes.PATTERN, _pack_pattern),
        ("array", "array", codes.ARRAY, _pack_array),
        *(("pathlib", name, codes.PATH, _pack_named) for name in sorted(PATHS)),
        *(("ipaddress", name, codes.IP, _pack_named) for name in sorted(IPS)),
    ]
)


def find(kind: type) -> Plan | None:
    """Return the plan of a builtin or standard library type."""
    return PACK.get(kind) or _find_imported(kind)
