"""What is stored comes back as it was: values, and the types of all their parts."""

from __future__ import annotations

import array
import ipaddress
import re
import subprocess
import sys
import zoneinfo
from collections import Counter, OrderedDict, defaultdict, deque
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from fractions import Fraction
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbflow.codec import dumps, loads, register_type
from tests.unit.codec_kit import (
    Box,
    Checked,
    Colour,
    Count,
    Frozen,
    Groups,
    Hashed,
    Holder,
    Late,
    Model,
    OldPair,
    Ordered,
    Pair,
    Point,
    Right,
    Roots,
    Rows,
    Shape,
    Slotted,
    Table,
    Tally,
    Word,
    again,
    same,
)

BERLIN = zoneinfo.ZoneInfo("Europe/Berlin")

VALUES: list[object] = [
    *(None, True, False, 0, 1, -1, 2**63, 2**64 - 1, 2**64, -(2**63) - 1, 10**100, -(10**100)),
    *(0.0, -0.0, float("nan"), float("inf"), -float("inf"), 5e-324, 1j, complex("nan-0j")),
    *("", "a", "\ud800", "x\udfffy", "é\0", b"", b"\xff", bytearray(b"ab")),
    *((), (1,), (1, (2, [3, (4,)])), [], [[]], {}, set(), frozenset(), {1, "a", (2,)}, frozenset({frozenset()})),
    *(..., range(0), range(9, 1, -3), range(10**30), slice(1), slice(None, "a", (2,))),
    {"a": 1, 1: "b", None: 2, 1.5: 3, b"x": 4, True + 1: 5},
    {(1, 2): "tuple", frozenset({1}): "set", "s": {date(2020, 1, 1): 1}},
    {"\ud800": "\ud800", 2**80: [2**80, 1]},
    {"b": 1, "a": 2},
    *(OrderedDict(b=1, a=2), Counter("hello"), defaultdict(list, a=[1]), defaultdict(None, {1: 2})),
    *(defaultdict(defaultdict), deque([1, (2,)], maxlen=2), deque()),
    *(date.min, date.max, datetime.min, datetime(2024, 2, 29, 1, 2, 3, 4, tzinfo=UTC)),
    *(datetime(2024, 10, 27, 2, 30, tzinfo=BERLIN, fold=1), datetime(2024, 10, 27, 2, 30, fold=1)),
    *(time(1, 2, 3, 4), time(1, fold=1, tzinfo=UTC), timedelta(-1, 5, 7), timedelta.max),
    *(UTC, timezone(timedelta(hours=-3)), timezone(timedelta(0), "Z"), BERLIN),
    *(Decimal("1.10"), Decimal("-0"), Decimal("sNaN12"), Decimal("Infinity"), Fraction(1, 3), Fraction(10**40, 7)),
    *(UUID(int=5), Path("/a/b"), Path("a\udcff"), PurePosixPath("x"), PureWindowsPath("c:\\x")),
    *(ipaddress.ip_address("::1"), ipaddress.ip_network("10.0.0.0/8"), ipaddress.ip_interface("10.1.2.3/8")),
    *(re.compile("a.b", re.IGNORECASE | re.DOTALL), re.compile(b"x"), array.array("d", [1.5])),
    *(Point(1, (2,)), Frozen("a", ("b",)), Late(3), Box(Box({1}))),
    *(Pair(1, (2,)), OldPair(1, 2), Shape(3), Shape(4, "square"), Slotted(1, {2}), Hashed("w")),
    *(Model.model_validate({"name": "n", "point": Point(1), "extra": (1,)}), Roots([1, 2])),
    *(Colour.RED, Colour.ALSO_RED, Colour.BLUE, Holder.Inner.ONE, Right.READ, Right.READ | Right.RUN, Right(0)),
    *(Word("w"), Word("\ud800"), Count(2**70), Rows([1, (2,)]), Table({1: Word("x")}), Ordered(b=1, a=2), Tally("aab")),
]


@pytest.mark.parametrize("value", VALUES, ids=lambda value: repr(value)[:50])
def test_a_value_comes_back_equal_and_of_the_same_type(value: object) -> None:
    again(value)
    again([value, {"in": (value,)}])


def test_constants_are_the_same_objects() -> None:
    assert loads(dumps([..., NotImplemented])) == [..., NotImplemented]
    assert loads(dumps(UTC)) is UTC


@pytest.mark.parametrize("view", [b"abc", bytearray(b"abc"), array.array("i", [1, 2, 3]), b""], ids=repr)
def test_a_memoryview_keeps_format_and_writability(view: bytes) -> None:
    one = memoryview(view)
    other = again(one)
    assert (other.format, other.readonly, other.shape) == (one.format, one.readonly, one.shape)


def test_a_memoryview_keeps_its_shape() -> None:
    assert again(memoryview(bytes(6)).cast("B", [2, 3])).shape == (2, 3)


def test_a_value_held_twice_comes_back_as_two() -> None:
    row = [1]
    one, other = again((row, row))
    assert one == other
    assert one is not other


def test_fields_that_init_does_not_set_are_restored_as_they_were() -> None:
    late = Late(3)
    assert late.costly == 4
    loaded = again([late])[0] if "costly" not in vars(late) else loads(dumps(late))
    assert isinstance(loaded, Late)
    assert vars(loaded) == {"given": 3, "doubled": 6, "aside": [3]}
    assert not hasattr(loaded, "never")
    assert loaded.shared == 7


def test_attributes_of_builtin_subclasses_are_kept() -> None:
    rows, groups = Rows([1]), Groups(list, a=[1])
    rows.label, groups.note = "mine", (1,)  # type: ignore[attr-defined]  # on purpose
    assert vars(again(rows)) == {"label": "mine"}
    assert vars(again(groups)) == {"note": (1,)}


def test_a_model_keeps_what_was_set_and_what_is_private() -> None:
    model = Model(name="n", more=1)  # type: ignore[call-arg]  # extra fields are allowed
    model._cache["a"] = 1
    loaded = again(model)
    assert loaded.model_fields_set == model.model_fields_set == {"name", "more"}
    assert loaded.model_extra == {"more": 1}
    assert loaded._cache == {"a": 1}


def test_a_model_that_no_longer_validates_is_restored() -> None:
    model = Model.model_construct(name=5)
    assert loads(dumps(model)) == model


def test_the_cached_hash_of_attrs_is_not_carried_over() -> None:
    item = Hashed("w")
    hash(item)
    loaded = again(item)
    assert loaded._attrs_cached_hash is None  # type: ignore[attr-defined]  # a name of attrs
    assert {item: 1}[loaded] == 1


def test_a_struct_with_a_hook_is_stored_once_it_is_registered() -> None:
    register_type(Checked)
    assert again(Checked(1)).value == 1


def test_a_local_class_is_stored_once_it_is_registered() -> None:
    class Local:
        def __init__(self) -> None:
            self.x = (1, 2)

    register_type(Local, name="test:Local")
    loaded = loads(dumps([Local()]))[0]  # type: ignore[index]  # a list
    assert type(loaded) is Local
    assert loaded.x == (1, 2)


def test_a_registered_type_goes_through_its_own_functions() -> None:
    class Client:
        def __init__(self, url: str) -> None:
            self.url = url

    register_type(Client, encode=lambda client: {"url": client.url}, decode=lambda data: Client(data["url"]), name="c")
    loaded: Any = loads(dumps([Client("x")]))[0]  # type: ignore[index]  # a list
    assert type(loaded) is Client
    assert loaded.url == "x"


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda: register_type(5), TypeError),  # type: ignore[arg-type]  # on purpose
        (lambda: register_type(Point, encode=vars), TypeError),
        (lambda: register_type(dict), ValueError),
        (lambda: register_type(int, encode=str, decode=int), ValueError),
    ],
)
def test_a_registration_that_makes_no_sense_is_refused(call: object, error: type[Exception]) -> None:
    with pytest.raises(error):
        call()  # type: ignore[operator]  # a function


def test_plain_values_are_plain_messagepack() -> None:
    value = {"a": [1, 2.5, None, b"x", {"b": True}]}
    assert msgspec.msgpack.decode(dumps(value)) == value


def test_a_class_of_a_notebook_is_found_in_main_after_it_is_defined_again() -> None:
    code = """
from dataclasses import dataclass, field
from nbflow.codec import dumps, loads, Unloadable
@dataclass
class Foo:
    x: int
old = dumps(Foo(1))
@dataclass
class Foo:
    x: int
    y: list = field(default_factory=list)
assert loads(old) == Foo(1, [])
@dataclass
class Foo:
    x: int
    z: int
lost = loads(old)
assert isinstance(lost, Unloadable) and 'z' in lost.reason, lost
@dataclass
class Foo:
    other: int = 0
lost = loads(old)
assert isinstance(lost, Unloadable) and 'x' in lost.reason and lost.data[1] == {'x': 1}, lost
@dataclass
class Foo:
    x: int
assert loads(dumps([lost])) == [Foo(1)]
"""
    subprocess.run([sys.executable, "-c", code], check=True)


atoms = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters())
    | st.binary()
    | st.complex_numbers()
) | (
    st.dates()
    | st.datetimes()
    | st.times()
    | st.timedeltas()
    | st.decimals(allow_nan=False)
    | st.fractions()
    | st.uuids()
)
keys = st.recursive(atoms, lambda inner: st.tuples(inner, inner) | st.frozensets(inner, max_size=3), max_leaves=4)
trees: st.SearchStrategy[Any] = st.recursive(
    atoms,
    lambda inner: (
        st.lists(inner)
        | st.tuples(inner, inner)
        | st.dictionaries(keys, inner)
        | st.builds(Point, st.integers(), inner)
        | st.builds(Pair, inner, inner)
        | st.builds(Table, st.dictionaries(keys, inner))
        | st.builds(deque, st.lists(inner), st.none() | st.integers(5, 9))
    ),
    max_leaves=20,
)


@given(trees)
def test_any_tree_comes_back_the_same(value: object) -> None:
    assert same(value, loads(dumps(value)))


@given(st.sets(keys))
def test_any_set_comes_back_the_same(value: set[object]) -> None:
    assert same(value, loads(dumps(value)))
