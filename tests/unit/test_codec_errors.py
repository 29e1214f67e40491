"""What can't be stored is refused with its path, its type and what to do; damage is told."""

from __future__ import annotations

import pickle
import threading
from collections import OrderedDict, defaultdict, deque
from dataclasses import dataclass, field
from typing import Any

import msgspec
import numpy as np
import pytest

from nbflow.codec import classes, dumps, loads, register_type, wire
from nbflow.errors import CorruptValueError, NbflowError, RemoteError, UnserializableError
from tests.unit.codec_kit import Checked, Model, Pair, Point, Rows, Shape, Slotted

LOCK = threading.Lock()


def refusal(value: object) -> UnserializableError:
    with pytest.raises(UnserializableError) as caught:
        dumps(value)
    return caught.value


@pytest.mark.parametrize(
    ("value", "path"),
    [
        (LOCK, ""),
        ([1, LOCK], "[1]"),
        ({"rows": [0, 1, 2, Point(1, LOCK)]}, '["rows"][3].y'),
        ({"a": ({"b": LOCK},)}, '["a"][0]["b"]'),
        ({(1, 2): LOCK}, "[(1, 2)]"),
        ({LOCK: 1}, f" key {LOCK!r}"[:65]),
        ((1, Pair(1, LOCK)), "[1].right"),
        (Shape(1, LOCK), ".name"),  # type: ignore[arg-type]  # on purpose
        (Slotted(1, LOCK), "._hidden"),
        (Model.model_validate({"name": "n", "client": LOCK}), ".client"),
        (OrderedDict(a=LOCK), '["a"]'),
        (defaultdict(list, a=[LOCK]), '["a"][0]'),
        (deque([1, LOCK]), "[1]"),
        (Rows([1, LOCK]), "[1]"),
        (np.array([1, LOCK], dtype=object), "[1]"),
    ],
)
def test_the_path_leads_to_the_part(value: object, path: str) -> None:
    error = refusal(value)
    assert error.path.removesuffix("...").startswith(path)
    assert error.type_name == "_thread.lock"
    assert "register_type" in error.hint
    assert "_thread.lock" in str(error)


def test_an_attribute_outside_the_fields_is_named_too() -> None:
    point = Point(1)
    point.client = LOCK  # type: ignore[attr-defined]  # on purpose
    assert refusal([point]).path == "[0].client"


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (lambda: 1, "function's name"),
        (int, "class's name"),
        (msgspec, "module's name"),
        ((x for x in "ab"), "list(...)"),
        (iter([1]), "list(...)"),
        (object(), "return plain data"),
        (np.ma.masked_array([1], [True]), "numpy.asarray"),
        (defaultdict(lambda: 1), "dict(value)"),
        (Checked(1), "__post_init__"),
    ],
)
def test_the_hint_says_what_to_do(value: object, words: str) -> None:
    classes._by_class.pop(Checked, None)
    wire.PLANS.pop(Checked, None)
    assert words in refusal({"x": value}).hint


def test_a_local_class_is_refused_until_it_is_registered() -> None:
    @dataclass
    class Local:
        x: int

    error = refusal({"p": Local(1)})
    assert error.path == '["p"]'
    assert "inside a function" in error.hint
    register_type(Local, name="test:RegisteredLocal")
    assert loads(dumps(Local(1))) == Local(1)


def test_a_class_that_is_not_found_under_its_name_is_refused() -> None:
    lost: Any = dataclass(type("Lost", (), {"__module__": __name__}))
    assert "no class is found" in refusal(lost()).hint


def test_a_cycle_is_named() -> None:
    row: list[object] = [1]
    row.append({"back": (row,)})
    error = refusal({"row": row})
    assert error.path == '["row"][1]["back"][0]'
    assert "contains itself" in error.hint


def test_a_cycle_through_objects_is_named() -> None:
    one = Point(1)
    one.y = [one]
    assert refusal(one).path == ".y[0]"


def test_what_is_nested_too_deeply_is_an_error() -> None:
    deep: list[object] = []
    for _ in range(10_000):
        deep = [deep]
    assert "nested too deeply" in refusal(deep).hint


@pytest.mark.parametrize("wrap", [lambda x: [x], lambda x: (x,), lambda x: {"k": x}, lambda x: Point(1, x)])
def test_what_can_be_stored_can_be_loaded_however_deep(wrap: object) -> None:
    value: object = 1
    for _ in range(2_000):
        try:
            data = dumps(value)
        except UnserializableError:
            break
        loads(data)
        value = wrap(value)  # type: ignore[operator]  # a function


def test_an_error_in_a_registered_encode_is_told_with_its_path() -> None:
    class Broken:
        pass

    def fail(_: object) -> object:
        raise OSError("no")

    register_type(Broken, encode=fail, decode=lambda _: Broken(), name="test:Broken")
    error = refusal([Broken()])
    assert error.path == "[0]"
    assert "OSError: no" in error.hint
    assert isinstance(error.__cause__, OSError)


def test_unreadable_parts_of_a_registered_encode_are_found() -> None:
    class Holder:
        pass

    register_type(Holder, encode=lambda _: {"a": LOCK}, decode=lambda _: Holder(), name="test:Holder")
    assert refusal([Holder()]).path == '[0]["a"]'


@pytest.mark.parametrize("data", [b"", b"\x92\x01", b"\x01\x01", b"\xa2\xff\xfe", b"\xc1", b"\x81\x90\x01\x01"])
def test_damaged_bytes_are_told(data: bytes) -> None:
    with pytest.raises(CorruptValueError):
        loads(data)


@pytest.mark.parametrize(
    "error",
    [UnserializableError("[0]", "x.Y", "do"), CorruptValueError("why"), RemoteError("a.B", "m", "tb", "why")],
)
def test_errors_pickle_with_their_fields(error: NbflowError) -> None:
    other = pickle.loads(pickle.dumps(error))
    assert type(other) is type(error)
    assert vars(other) == vars(error)
    assert str(other) == str(error)


def test_a_field_that_holds_a_function_is_named() -> None:
    @dataclass
    class Hook:
        call: object = field(default=print)

    register_type(Hook, name="test:Hook")
    assert refusal([Hook()]).path == "[0].call"
