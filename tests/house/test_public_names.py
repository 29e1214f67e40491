"""The public face changes on purpose only."""

from __future__ import annotations

import sys
from types import ModuleType

import pytest

from tests.house.public_names import COMMITTED, exported, public_names

REMEDY = "the public names changed: if that is meant, run `python -m tests.house.public_names` and commit the list"


def test_the_public_names_are_the_committed_ones() -> None:
    assert public_names() == COMMITTED.read_text(encoding="utf-8").splitlines(), REMEDY


@pytest.fixture
def face(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    module = ModuleType("planted_face")
    vars(module).update(run=len, stop=len, _hidden=1, sys=sys)
    monkeypatch.setitem(sys.modules, module.__name__, module)
    return module


def test_without_a_list_every_visible_name_counts(face: ModuleType) -> None:
    assert exported(face.__name__) == ["run", "stop"]


def test_a_list_decides_and_must_be_true(face: ModuleType) -> None:
    face.__all__ = ["stop"]  # type: ignore[attr-defined]  # a bare module has no such attribute
    assert exported(face.__name__) == ["stop"]
    face.__all__ = ["gone"]  # type: ignore[attr-defined]  # as above
    with pytest.raises(AttributeError, match="gone"):
        exported(face.__name__)
