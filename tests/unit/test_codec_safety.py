"""A crafted payload can't run anything: what does not fit comes back as a visible stand-in."""

from __future__ import annotations

import sys
from types import ModuleType

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.msgpack import Ext

from nbflow.codec import Unloadable, codes, digest, dumps, loads
from nbflow.errors import CorruptValueError
from tests.unit.codec_kit import (
    TRACE,
    Colour,
    Odd,
    Point,
    Trap,
    TrapDict,
    TrapEnum,
    TrapError,
    TrapFlag,
    TrapMeta,
    TrapRecord,
)

KIT = "tests.unit.codec_kit"


def craft(code: int, payload: object) -> bytes:
    encode = msgspec.msgpack.encode
    return encode(Ext(code, payload if isinstance(payload, bytes) else encode(payload)))


@pytest.fixture(autouse=True)
def _no_trace() -> None:
    TRACE.clear()


@pytest.mark.parametrize("code", sorted(codes.CLASS_CODES))
@pytest.mark.parametrize(
    "name",
    [
        "builtins:eval",
        "builtins:exec",
        "builtins:print",
        "builtins:object",
        "builtins:type",
        "os:system",
        "subprocess:Popen",
        f"{KIT}:again",
        f"{KIT}:Trap",
        f"{KIT}:Trap.__init__",
        f"{KIT}:Odd",
        f"{KIT}:TRACE",
        "sys:modules",
        "no.such.module:X",
        "tests.unit.codec_kit:",
        ":",
        "",
    ],
)
@pytest.mark.parametrize("rest", [[{}], [{"x": 1}], [["ls"], {}], ["A", {}], [1, {}, {}], []])
def test_what_is_no_dataclass_like_class_is_never_called(code: int, name: str, rest: list[object]) -> None:
    loaded = loads(craft(code, [name, *rest]))
    assert isinstance(loaded, Unloadable | BaseException)
    assert TRACE == []


@pytest.mark.parametrize(
    ("code", "payload", "cls"),
    [
        (codes.RECORD, [f"{KIT}:TrapRecord", {"x": 5}], TrapRecord),
        (codes.RECORD, [f"{KIT}:TrapRecord", {}], TrapRecord),
        (codes.EXCEPTION, [f"{KIT}:TrapError", {"args": [1], "state": {"x": 1}}], TrapError),
        (codes.SUBCLASS, [f"{KIT}:TrapDict", {"a": 1}, {}], TrapDict),
        (codes.ENUM, [f"{KIT}:TrapEnum", "A"], TrapEnum),
        (codes.ENUM, [f"{KIT}:TrapFlag", 3], TrapFlag),
    ],
)
def test_rebuilding_runs_none_of_the_classs_code(code: int, payload: object, cls: type) -> None:
    assert type(loads(craft(code, payload))) is cls
    assert TRACE == []


def test_storing_runs_no_hook_either() -> None:
    record = TrapRecord()
    TRACE.clear()
    assert type(loads(dumps(record))) is TrapRecord
    digest(record)
    assert TRACE == []


@pytest.mark.parametrize("key", ["missing", 7, None, 1.0, ["A"]])
@pytest.mark.parametrize("name", ["TrapEnum", "Colour"])
def test_an_unknown_member_is_not_asked_for(name: str, key: object) -> None:
    assert isinstance(loads(craft(codes.ENUM, [f"{KIT}:{name}", key])), Unloadable)
    assert TRACE == []
    assert Colour.RED.name == "RED"


def test_a_metaclass_is_not_asked() -> None:
    sys.modules["trapped"] = module = ModuleType("trapped")
    module.Odd = Odd  # type: ignore[attr-defined]  # on purpose
    for code in codes.CLASS_CODES:
        assert isinstance(loads(craft(code, ["trapped:Odd", {}])), Unloadable | BaseException)
    assert [step for step in TRACE if "__class__" not in step] == []
    assert type(Odd) is TrapMeta


def test_a_modules_getattr_is_not_asked() -> None:
    module = ModuleType("lazy")
    module.__getattr__ = TRACE.append  # type: ignore[method-assign]  # on purpose
    sys.modules["lazy"] = module
    assert isinstance(loads(craft(codes.RECORD, ["lazy:Thing", {}])), Unloadable)
    assert TRACE == []


def test_an_object_that_poses_as_a_module_or_class_is_not_asked() -> None:
    sys.modules["posing"] = Trap()  # type: ignore[assignment]  # on purpose
    TRACE.clear()
    assert isinstance(loads(craft(codes.RECORD, ["posing:Thing", {}])), Unloadable)
    assert TRACE == []
    del sys.modules["posing"]


def test_no_module_is_imported_for_a_name() -> None:
    assert "turtle" not in sys.modules
    loaded = loads(craft(codes.RECORD, ["turtle:Turtle", {}]))
    assert isinstance(loaded, Unloadable)
    assert "turtle" not in sys.modules


@pytest.mark.parametrize(
    ("code", "payload"),
    [
        (codes.PATH, ["os", "x"]),
        (codes.PATH, ["sys", "x"]),
        (codes.IP, ["ip_address", "1.1.1.1"]),
        (codes.DEFAULT_DICT, ["eval", {}]),
        (codes.CONSTANT, "__import__"),
        (codes.CONSTANT, "pandas.read_pickle"),
        (codes.ZONE_INFO, "../../etc/passwd"),
        (codes.CUSTOM, ["builtins:eval", "1"]),
        (codes.NUMPY_ARRAY, ["O", [1], "C", True, b"\0" * 8]),
        (codes.NUMPY_ARRAY, [[["a", "|O"]], [1], "C", True, b"\0" * 8]),
        (codes.NUMPY_SCALAR, ["O", b"\0" * 8]),
        (codes.PANDAS_COLUMN, ["eval", "1"]),
        (codes.ARROW, ["table", b"xxxx"]),
        (codes.UUID, b"short"),
        (codes.COMPLEX, b"short"),
        (codes.SET, [[]]),
        (codes.TUPLE, 5),
        (codes.MAPPING, [1]),
        (codes.MAPPING, [[], 1]),
        (99, b"\x01"),
    ],
)
def test_a_payload_that_does_not_fit_is_shown_in_its_place(code: int, payload: object) -> None:
    before = loads(craft(code, payload))
    assert isinstance(before, Unloadable)
    assert before.reason
    assert dumps(before) == craft(code, payload)


def test_field_names_can_only_be_fields_or_own_attributes() -> None:
    loaded = loads(craft(codes.RECORD, [f"{KIT}:Point", {"x": 1, "y": 2, "__class__": 3}]))
    assert isinstance(loaded, Unloadable)
    loaded = loads(craft(codes.RECORD, [f"{KIT}:Point", {"x": 1, "y": 2}, {"__class__": 3, "__dict__": 4}]))
    assert type(loaded) is Point


@given(st.integers(0, 127), st.binary(max_size=40))
def test_random_payloads_never_escape(code: int, payload: bytes) -> None:
    try:
        loads(craft(code, payload))
    except CorruptValueError:
        pass


@given(st.integers(1, 90), st.recursive(st.none() | st.integers() | st.text() | st.binary(), st.lists))
def test_random_parts_never_escape(code: int, payload: object) -> None:
    try:
        data = craft(code, payload)
    except OverflowError:
        return
    try:
        loads(data)
    except CorruptValueError:
        pass
