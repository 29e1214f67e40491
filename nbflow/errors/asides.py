"""Texts that are kept beside a rebuilt exception, so that its own attributes are those that it had and no others."""

from __future__ import annotations

from typing import Final
from weakref import ReferenceType, ref

TRACEBACK: Final = "__nbflow_traceback__"  # the frames of the original
TEXT: Final = "__nbflow_text__"  # what the original said, of a stand-in
NAMES: Final = frozenset({TRACEBACK, TEXT})

_beside: dict[
    int, tuple[ReferenceType[BaseException], dict[str, str]]
] = {}  # by identity: no hash or eq of theirs runs


def put(error: BaseException, name: str, text: str) -> None:
    """Keep a text beside an exception as long as that lives; in it, if it is one of Python's own, which tell no end."""
    key = id(error)
    found = _beside.get(key)
    if found is not None and found[0]() is error:
        found[1][name] = text
        return
    try:
        _beside[key] = ref(error, lambda gone: _forget(key, gone)), {name: text}
    except TypeError:
        object.__getattribute__(error, "__dict__")[name] = text


def get(error: BaseException, name: str) -> str | None:
    """Return a text that was kept beside an exception."""
    found = _beside.get(id(error))
    if found is not None and found[0]() is error:
        return found[1].get(name)
    stored = object.__getattribute__(error, "__dict__").get(name)
    return stored if isinstance(stored, str) else None


def _forget(key: int, gone: ReferenceType[BaseException]) -> None:
    found = _beside.get(key)
    if found is not None and found[0] is gone:
        del _beside[key]
