"""Digests: equal for equal values, in every process; never an error."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections import OrderedDict
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbflow.codec import digest, dumps, loads
from tests.unit.codec_kit import Colour, Pair, Point

LOCK = threading.Lock()

SCRIPT = """
import sys; sys.path.insert(0, sys.argv[1])
import threading, datetime
from decimal import Decimal
from functools import partial
from tests.unit.codec_kit import Colour, Frozen, Point
from nbflow.codec import digest
def local():
    class Local: pass
    return Local()
values = [
    (1, "a", 2.5), {"b", "a", "c", 1, None, ("x",)}, frozenset(map(str, range(50))), {"z": 1, "a": {"k", "l"}},
    {(1, "x"): 1, None: {"p", "q"}}, Point({"s", "t"}, Frozen("n")), Colour.RED, Decimal("1.0"), datetime.date.max,
    threading.Lock(), object(), local(), (lambda: 1), len, partial(max, {"a", "b"}), "x".join, Point, 2**99,
    ValueError("x"),
]
print([digest(value).hex() for value in values])
"""


def test_digests_are_the_same_in_every_process() -> None:
    here = __file__.rpartition("/")[0]
    runs = [
        subprocess.run(
            [sys.executable, "-c", SCRIPT, here],
            capture_output=True,
            check=True,
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path)},
        ).stdout
        for seed in ("1", "2")
    ]
    assert runs[0] == runs[1]
    assert len(set(eval(runs[0]))) >= 18


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
        ({1: {"x": 1, "y": 2}, "k": 0}, {"k": 0, 1: {"y": 2, "x": 1}}),
        ({3, 1, 2}, {2, 3, 1}),
        (Point(1, {"a": 1, "b": 2}), Point(1, {"b": 2, "a": 1})),
        (threading.Lock(), threading.Lock()),
        (pd.DataFrame({"a": [1, 2]}), pd.DataFrame({"a": [1, 2]})),
    ],
)
def test_equal_values_have_equal_digests(one: object, other: object) -> None:
    assert digest(one) == digest(other)
    assert digest([one]) == digest([other])
    assert len(digest(one)) == 16


class Client:
    def __init__(self, url: str) -> None:
        self.url = url

    def fetch(self) -> None: ...


def local_point(x: int) -> object:
    @dataclass
    class LocalPoint:
        x: int
        lock: object

    return LocalPoint(x, threading.Lock())


def test_different_values_have_different_digests() -> None:
    values = [
        *(1, 1.0, True, "1", b"1", None, 2**70, -(2**70), "\ud800", (), [], {}, set(), frozenset(), (1,), [1], ((1,),)),
        *(Point(1), Point(2), Pair(1, 0), {"x": 1, "y": None}, Colour.RED, Colour.BLUE, len, max, Client, Point),
        *(Client("a"), LOCK, Client("a").fetch, partial(max, 1), partial(max, 2), partial(min, 1)),
        *(local_point(1), local_point(2), ValueError(1), ValueError(2), KeyError(1)),
        *(OrderedDict(a=1, b=2), OrderedDict(b=2, a=1), {"a": 1, "b": 2}, np.zeros(2), np.zeros(2, "f4"), np.ones(2)),
    ]
    assert len({digest(value) for value in values}) == len(values)
    assert len({digest((value,)) for value in values}) == len(values)


def test_nothing_fails() -> None:
    row: list[object] = []
    row.append(row)

    class Bad:
        def __getattr__(self, name: str) -> object:
            raise OSError

        def __repr__(self) -> str:
            raise OSError

    for value in (row, Bad(), {Bad(): row}, (x for x in "a"), sys, type, {LOCK: 1}):
        assert len(digest(value)) == 16


values = st.recursive(
    st.none() | st.integers() | st.text() | st.floats(allow_nan=False),
    lambda inner: (
        st.lists(inner)
        | st.tuples(inner)
        | st.dictionaries(st.text() | st.integers(), inner)
        | st.sets(st.text())
        | st.builds(Point, st.integers(), inner)
    ),
)


@given(values)
def test_a_loaded_value_has_the_digest_of_the_stored_one(value: object) -> None:
    assert digest(loads(dumps(value))) == digest(value)
