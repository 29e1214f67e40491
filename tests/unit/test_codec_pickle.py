"""Values that can only be pickled: on request, by type, with a warning."""

from __future__ import annotations

import sys
import threading
from typing import Any

import pytest

from nbflow import codec, register_type
from nbflow.errors import UnserializableError


class Model:
    """Holds what has no other form."""

    def __init__(self, factor: int) -> None:
        self.predict = lambda value: factor * value


def test_a_class_is_pickled_only_when_that_is_asked_for() -> None:
    class Fitted(Model):
        pass

    with pytest.raises(UnserializableError):
        codec.dumps([Fitted(3)])
    with pytest.warns(UserWarning, match="loading them runs code"):
        register_type(Fitted, pickle=True)
    loaded: Any = codec.loads(codec.dumps([Fitted(3)]))
    assert loaded[0].predict(5) == 15


def test_what_can_not_be_pickled_either_is_told() -> None:
    class Locked:
        def __init__(self) -> None:
            self.lock = threading.Lock()

    with pytest.warns(UserWarning, match="Locked"):
        register_type(Locked, pickle=True)
    with pytest.raises(UnserializableError, match="lock"):
        codec.dumps({"model": Locked()})


def test_pickle_and_encode_do_not_go_together() -> None:
    with pytest.raises(TypeError, match="not both"):
        register_type(Model, pickle=True, encode=str, decode=lambda _: Model(1))


def test_a_missing_cloudpickle_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cloudpickle", None)
    with pytest.raises(ImportError, match="pip install cloudpickle"):
        register_type(Model, pickle=True)


def test_a_pickle_of_a_class_that_did_not_ask_for_it_is_not_loaded() -> None:
    class Once(Model):
        pass

    with pytest.warns(UserWarning, match="Once"):
        register_type(Once, pickle=True)
    data = codec.dumps(Once(2))
    from nbflow.codec import classes

    row = classes._by_class.pop(Once)
    del classes._by_name[row.name]
    loaded: Any = codec.loads(data)
    assert isinstance(loaded, codec.Unloadable)
