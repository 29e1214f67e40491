"""A few bytes that ask for a lot: refused before anything of that size is made."""

from __future__ import annotations

import pickle
from dataclasses import dataclass, field
from typing import Any

import msgspec
import pyarrow as pa
import pytest
from msgspec.msgpack import Ext

from nbflow import codec
from nbflow.codec import Unloadable, codes, dumps, loads
from nbflow.errors import CorruptValueError

encode = msgspec.msgpack.encode
HUGE = 10**11


class Raw(bytes):
    """A subclass of a builtin that a number makes long."""


def ext(code: int, payload: Any) -> Ext:
    return Ext(code, payload if isinstance(payload, bytes) else encode(payload))


RANGE = ext(codes.RANGE, [0, HUGE, 1])
ROWS = ext(codes.PANDAS_INDEX, ["range", 0, HUGE, 1, None])
ONE = ext(codes.NUMPY_ARRAY, ["<f8", [1], "C", True, bytes(8)])


def compressed() -> bytes:
    table = pa.table({"a": pa.array([0] * 100_000), "b": pa.array(["x"] * 100_000).dictionary_encode()})
    sink = pa.BufferOutputStream()
    options = pa.ipc.IpcWriteOptions(compression="zstd")
    with pa.ipc.new_stream(sink, table.schema, options=options) as writer:
        writer.write(table)
    return bytes(sink.getvalue())


BOMBS: dict[str, Ext] = {
    "tuple of a range": ext(codes.TUPLE, RANGE),
    "set of a range": ext(codes.SET, RANGE),
    "frozenset of a range": ext(codes.FROZENSET, RANGE),
    "range of a range": ext(codes.RANGE, RANGE),
    "deque of a range": ext(codes.DEQUE, [None, RANGE]),
    "counter of a range": ext(codes.COUNTER, RANGE),
    "mapping of a range": ext(codes.MAPPING, RANGE),
    "array of a range": ext(codes.ARRAY, ["q", RANGE]),
    "bytes of a number": ext(codes.MEMORYVIEW, [HUGE, "B", [HUGE], False]),
    "fraction of a text": ext(codes.FRACTION, ["1e999999999", 1]),
    "subclass of bytes, of a number": ext(codes.SUBCLASS, [f"{__name__}:Raw", HUGE, {}]),
    "exception with a range": ext(codes.EXCEPTION, ["builtins:ValueError", {"args": RANGE}]),
    "record of a range": ext(codes.RECORD, RANGE),
    "array without bytes": ext(codes.NUMPY_ARRAY, ["<f8", [HUGE], "C", True, b""]),
    "array with too few bytes": ext(codes.NUMPY_ARRAY, ["<f8", [HUGE], "C", True, bytes(8)]),
    "array of large items": ext(codes.NUMPY_ARRAY, ["|V2000000000", [9], "C", True, [1] * 9]),
    "column of a range": ext(codes.PANDAS_COLUMN, ["categorical", RANGE, ROWS, False]),
    "interval of a range": ext(codes.PANDAS_COLUMN, ["interval", ROWS, ROWS, "left"]),
    "one value for all rows": ext(codes.PANDAS_SERIES, [["numpy", ONE], ROWS, None, {}, True]),
    "compressed stream": ext(codes.ARROW, ["table", compressed()]),
}


@pytest.mark.parametrize("name", BOMBS)
def test_what_is_larger_than_its_bytes_is_not_made(name: str) -> None:
    loaded = loads(encode(BOMBS[name]))
    if name.startswith("exception"):
        assert "list was expected" in str(loaded)
    else:
        assert isinstance(loaded, Unloadable), loaded
        assert "MemoryError" not in loaded.reason
        assert len(repr(loaded)) < 1000


def test_stand_ins_within_stand_ins_share_their_bytes() -> None:
    packed: Any = bytes(1_000_000)
    for _ in range(50):
        packed = ext(codes.UNLOADABLE + 1, [packed])
    data = encode(packed)
    loaded = loads(data)
    assert isinstance(loaded, Unloadable)
    assert dumps(loaded) == data
    again = pickle.loads(pickle.dumps(loaded))
    assert dumps(again) == data


def test_a_number_of_too_many_digits_is_stored_and_shown() -> None:
    number = 10**5000
    assert loads(dumps([number])) == [number]
    assert repr(Unloadable("a:B", [number], "gone")) == ("<Unloadable a:B: gone; data: <its repr raised ValueError>>")


# What loading calls of the user's, all of it: as the docstring of ``loads`` says.

TRACE: list[str] = []


def traced(name: str) -> Any:
    def method(self: object, *args: object) -> Any:
        TRACE.append(name)
        return NotImplemented if name == "__eq__" else 7

    return method


def factory() -> list[int]:
    TRACE.append("default_factory")
    return []


@dataclass(init=False, repr=False, eq=False)
class Everything:
    """Has a field that was not there when it was stored, and hooks of all kinds."""

    x: int
    added: list[int] = field(default_factory=factory)

    __hash__ = traced("__hash__")
    __eq__ = traced("__eq__")
    __new__ = traced("__new__")
    __init__ = traced("__init__")
    __post_init__ = traced("__post_init__")  # type: ignore[misc]  # on purpose
    __setattr__ = traced("__setattr__")
    __getattribute__ = traced("__getattribute__")
    __setstate__ = traced("__setstate__")
    __reduce__ = traced("__reduce__")
    __bool__ = __len__ = __iter__ = __del__ = __str__ = __repr__ = traced("other")

    def __init_subclass__(cls) -> None:
        TRACE.append("__init_subclass__")


def stored(*fields: str) -> Ext:
    return ext(codes.RECORD, [f"{__name__}:Everything", dict.fromkeys(fields, 1)])


@pytest.mark.parametrize(
    ("packed", "called"),
    [
        (stored("x", "added"), set()),
        ([stored("x", "added")], set()),
        (ext(codes.TUPLE, [stored("x", "added")]), set()),
        (stored("x"), {"default_factory"}),
        (ext(codes.SET, [stored("x", "added"), stored("x", "added")]), {"__hash__", "__eq__"}),
        (ext(codes.MAPPING, [stored("x", "added"), 1]), {"__hash__"}),
    ],
)
def test_loading_calls_what_its_docstring_says_and_nothing_else(packed: Any, called: set[str]) -> None:
    TRACE.clear()
    loaded = loads(encode(packed))
    seen = set(TRACE)
    assert loaded is not None
    assert seen == called
    docs = codec.loads.__doc__ or ""
    assert all(name in docs for name in called)


@dataclass
class Moody:
    """Fails where a dict asks for its hash."""

    x: int

    def __hash__(self) -> int:
        raise OSError("not today")


def test_what_a_keys_hash_raises_is_told_as_an_error_of_ours() -> None:
    key = encode(ext(codes.RECORD, [f"{__name__}:Moody", {"x": 1}]))
    with pytest.raises(CorruptValueError, match="not today"):
        loads(encode({"a": 1})[:1] + key + b"\x01")
