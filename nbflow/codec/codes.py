"""The table of MessagePack extension codes: the format of every stored value.

What MessagePack has (None, bool, int of 64 bit, float, str, bytes, list, dict with such keys)
is written as it is. Anything else is an extension: one of these codes and a payload, which is
raw bytes or, mostly, MessagePack again. A code is never given a second meaning; a change of
payload takes a new code, so that old files stay readable.
"""

from __future__ import annotations

from typing import Final

# Builtins                     payload
TUPLE: Final = 1  #            [item, ...]
BIG_INT: Final = 2  #          raw: two's complement, little endian
TEXT: Final = 3  #             raw: UTF-8 with lone surrogates passed through
SET: Final = 4  #              [item, ...]
FROZENSET: Final = 5  #        [item, ...]
BYTEARRAY: Final = 6  #        raw
MEMORYVIEW: Final = 7  #       [bytes, format, [length, ...], read-only]
COMPLEX: Final = 8  #          raw: two little-endian doubles
RANGE: Final = 9  #            [start, stop, step]
SLICE: Final = 10  #           [start, stop, step]
CONSTANT: Final = 11  #        name in the table of constants
MAPPING: Final = 12  #         [key, value, key, value, ...]: a dict whose keys MessagePack lacks

# Standard library
ORDERED_DICT: Final = 16  #    dict
COUNTER: Final = 17  #         dict
DEFAULT_DICT: Final = 18  #    [name of the factory or None, dict]
DEQUE: Final = 19  #           [maximal length or None, [item, ...]]
DATETIME: Final = 20  #        [year, month, day, hour, minute, second, microsecond, fold, zone]
DATE: Final = 21  #            [year, month, day]
TIME: Final = 22  #            [hour, minute, second, microsecond, fold, zone]
TIMEDELTA: Final = 23  #       [days, seconds, microseconds]
TIMEZONE: Final = 24  #        [offset] or [offset, name]
ZONE_INFO: Final = 25  #       key
DECIMAL: Final = 26  #         text
FRACTION: Final = 27  #        [numerator, denominator]
UUID: Final = 28  #            raw: 16 bytes
PATH: Final = 29  #            [name in pathlib, text]
IP: Final = 30  #              [name in ipaddress, text]
PATTERN: Final = 31  #         [pattern, flags]
ARRAY: Final = 32  #           [typecode, bytes]

# Values of named classes. CLASS is "module:qualname" or the name given to register_type
ENUM: Final = 40  #            [CLASS, name of the member, or bits of a flag]
RECORD: Final = 41  #          [CLASS, {field: value}, {other attribute: value}]: dataclass, attrs, registered class
NAMED_TUPLE: Final = 42  #     [CLASS, {field: value}, {other attribute: value}]
STRUCT: Final = 43  #          [CLASS, {field: value}, {other attribute: value}]: msgspec
MODEL: Final = 44  #           [CLASS, {field: value}, {"set": ..., "extra": ..., "private": ...}]: pydantic
SUBCLASS: Final = 45  #        [CLASS, value as its builtin base, {attribute: value}]
EXCEPTION: Final = 46  #       [CLASS, {part: value}]: see exceptions.py
CUSTOM: Final = 47  #          [CLASS, what its registered encode returned]
UNLOADABLE: Final = 48  #      [type name, data, reason]
GENERIC_MODEL: Final = 49  #   [CLASS that takes the arguments, {field: value}, as for MODEL, [argument, ...]]
PYDANTIC_URL: Final = 50  #    [name in pydantic_core, text]
PYDANTIC_ZONE: Final = 51  #   [offset in seconds]

# Scientific packages
NUMPY_ARRAY: Final = 64  #     [dtype, shape, order, writable, bytes, or items of an object array]
NUMPY_SCALAR: Final = 65  #    [dtype, bytes]
NUMPY_DTYPE: Final = 66  #     dtype as numpy.lib.format describes it
PANDAS_TIMESTAMP: Final = 72  #   [count, unit, zone]
PANDAS_TIMEDELTA: Final = 73  #   [count, unit]
PANDAS_PERIOD: Final = 74  #      [ordinal, frequency]
PANDAS_INTERVAL: Final = 75  #    [left, right, closed]
PANDAS_COLUMN: Final = 76  #      [kind, part, ...]: an array of values, see columns.py
PANDAS_INDEX: Final = 77  #       [kind, part, ...]: see frames.py
PANDAS_SERIES: Final = 78  #      [column, index, name, attrs, flag]
PANDAS_FRAME: Final = 79  #       [[column, ...], columns, index, attrs, flag]
ARROW: Final = 88  #              [kind, IPC stream]
IMAGE: Final = 89  #              [mode, [width, height], bytes, palette or None, info]: PIL

NAMES: Final = {code: name.lower() for name, code in tuple(globals().items()) if type(code) is int}
CLASS_CODES: Final = frozenset({*range(ENUM, UNLOADABLE), GENERIC_MODEL})
