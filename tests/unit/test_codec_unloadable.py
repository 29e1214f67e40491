"""What can't be rebuilt stays visible, and is not lost when it is stored again."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass, make_dataclass
from types import ModuleType
from typing import Any

import attrs
import msgspec
import pydantic
import pytest

from nbflow.codec import NotWholeError, Unloadable, dumps, loads, loads_whole
from nbflow.errors import CorruptValueError

MODULE = ModuleType("shop")


@pytest.fixture(autouse=True)
def _shop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "shop", MODULE)


def publish(cls: type) -> Any:
    """Bind a class in the module ``shop`` under its own name."""
    cls.__module__, cls.__qualname__ = "shop", cls.__name__
    setattr(MODULE, cls.__name__, cls)
    return cls


def makers() -> list[Any]:
    def plain(fields: dict[str, object]) -> Any:
        return make_dataclass("Order", [(k, object, v) if v is not ... else (k, object) for k, v in fields.items()])

    def struct(fields: dict[str, object]) -> Any:
        return msgspec.defstruct("Order", [(k, object, v) if v is not ... else (k, object) for k, v in fields.items()])

    def model(fields: dict[str, object]) -> Any:
        return pydantic.create_model("Order", **{k: (object, v) for k, v in fields.items()})  # type: ignore[call-overload]

    def attr(fields: dict[str, object]) -> Any:
        return attrs.make_class(
            "Order", {k: attrs.field(default=attrs.NOTHING if v is ... else v) for k, v in fields.items()}
        )

    return [plain, struct, model, attr]


@pytest.mark.parametrize("make", makers())
def test_a_class_that_has_changed(make: Any) -> None:
    data = dumps([publish(make({"id": ...}))(id=1)])
    grown = publish(make({"id": ..., "note": "none"}))
    assert loads(data) == [grown(id=1, note="none")]
    publish(make({"id": ..., "total": ...}))
    assert "total" in loads(data)[0].reason  # type: ignore[index]  # a list
    publish(make({"number": 0}))
    lost = loads(data)[0]  # type: ignore[index]  # a list
    assert isinstance(lost, Unloadable)
    assert "id" in lost.reason
    assert lost.type_name == "shop:Order"
    back = publish(make({"id": ...}))
    assert loads(dumps([lost])) == [back(id=1)]


def test_a_class_of_another_kind_is_told() -> None:
    data = dumps(publish(make_dataclass("Order", ["id"]))(1))
    publish(type("Order", (), {}))
    assert "no record class" in loads(data).reason  # type: ignore[attr-defined]  # an Unloadable
    MODULE.Order = print  # type: ignore[attr-defined]  # on purpose
    assert isinstance(loads(data), Unloadable)


def test_a_class_that_is_gone() -> None:
    data = dumps({"order": publish(make_dataclass("Order", ["id"]))(1), "n": 1})
    del MODULE.Order
    loaded: Any = loads(data)
    assert loaded["n"] == 1
    assert loaded["order"].data == ["shop:Order", {"id": 1}]
    assert "shop:Order" in repr(loaded["order"])
    assert "not imported" in repr(loaded["order"])


def test_what_is_wanted_whole_is_refused_when_a_part_is_gone() -> None:
    data = dumps({"order": [publish(make_dataclass("Order", ["id"]))(1)]})
    assert loads_whole(data) == loads(data)
    del MODULE.Order
    with pytest.raises(CorruptValueError, match="shop:Order can't be rebuilt here"):
        loads_whole(data)
    assert isinstance(loads(data)["order"][0], Unloadable)  # type: ignore[index]  # a dict


def test_where_a_part_is_that_is_gone_is_told() -> None:
    order, shelf = publish(make_dataclass("Order", ["id"], frozen=True)), publish(make_dataclass("Shelf", ["box"]))
    found = {
        "": order(1),
        "[1].box": [0, shelf(order(1))],
        '["a"]["b"][0]': {"a": {"b": (order(1),)}},
        '["e"][0].box': {"e": [shelf(order(1))], "f": {"g": [order(2)]}},
    }
    stored = {path: dumps(value) for path, value in found.items()}
    del MODULE.Order
    for path, data in stored.items():
        where = f", at {path}" if path else ""
        with pytest.raises(NotWholeError, match=re.escape(f"shop:Order can't be rebuilt here{where}: ")) as error:
            loads_whole(data)
        assert error.value.shown == loads(data)
    data = dumps(shelf(1))
    del MODULE.Shelf
    with pytest.raises(NotWholeError, match="shop:Shelf can't be rebuilt here: "):
        loads_whole(data)


def test_a_key_that_lost_its_hash_does_not_spoil_the_rest() -> None:
    key = publish(dataclass(frozen=True)(type("Key", (), {"__annotations__": {"id": int}})))
    data = dumps([{key(1): "x"}, {key(2)}, "rest"])
    publish(dataclass(type("Key", (), {"__annotations__": {"id": int}})))
    loaded: Any = loads(data)
    assert [type(part) for part in loaded] == [Unloadable, Unloadable, str]
    assert "unhashable" in loaded[0].reason


def test_a_stand_in_is_hashable_and_frozen() -> None:
    one = Unloadable("a:B", [1], "gone")
    assert {one: 1}[one] == 1
    with pytest.raises(AttributeError):
        one.reason = "x"  # type: ignore[misc]  # on purpose
    assert loads(dumps(one)) == one


def test_a_long_value_is_shortened_in_its_repr() -> None:
    assert len(repr(Unloadable("a:B", "x" * 10_000, "gone"))) < 300
