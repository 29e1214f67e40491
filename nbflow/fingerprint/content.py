"""The content of data that code names: whether it is to be told, and what of a change of it was a run's own doing.

What a run changes in place, in whatever way, is its state, and no change of its code. It is told from an edit by
when it came: while a run was at work.
"""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from types import BuiltinFunctionType, FunctionType
from typing import TYPE_CHECKING, Any, NamedTuple

from nbflow import codec
from nbflow.fingerprint.looks import dict_of

if TYPE_CHECKING:
    from nbflow.fingerprint.trace import Trace

LARGE = 8 << 20
"""Bytes above which data that a function names counts by its type alone."""
_ITEM, _OBJECT = 16, 128  # bytes that stand for the time that an item, and a container or object, take
_MANY = 1024  # objects that runs have changed and are known for it; the oldest are forgotten


class _Changed(NamedTuple):
    """An object that a run has changed: it still counts as what it was before, as long as it stays as it is now."""

    value: object
    before: bytes
    now: bytes


class _Set(NamedTuple):
    """An attribute that a run has set, in whatever way: as for ``_Changed``."""

    space: Mapping[str, object]
    before: object
    now: object


_changed: dict[int, _Changed] = {}
_set: dict[tuple[int, str], _Set] = {}


def part_of(space: Mapping[str, object], name: str) -> object:
    """Return an attribute of an object, as it was before any run set it; None if it is not there."""
    found = space.get(name)
    known = _set.get((id(space), name))
    return known.before if known is not None and known.space is space and known.now is found else found


def digest_of_data(value: object) -> bytes | None:
    """Return a digest of the content of data, before any run changed it in place; None for what is no data.

    Raises:
        RecursionError: if it is nested too deeply.
    """
    found = codec.digest(value) if codec.is_storable(value) else None
    known = _changed.get(id(value))
    return known.before if known is not None and known.value is value and known.now == found else found


def cells_run() -> int:
    """Return how many cells this kernel has run, and 0 elsewhere: IPython keeps their texts in the user's ``In``."""
    texts = getattr(sys.modules.get("__main__"), "In", None)
    return len(texts) if isinstance(texts, list) else 0


def settle(traces: Iterable[Trace]) -> None:
    """Take what has changed in place since functions were looked at for the doing of the run that has just ended."""
    for trace in traces:
        for value, before in trace.data:
            _note(value, before)
        for space, name, part in trace.parts:
            if part_of(space, name) is not part:
                _set[id(space), name] = _Set(space, part, space.get(name))
    _forget_oldest(_changed)
    _forget_oldest(_set)


def _forget_oldest(known: dict[Any, Any]) -> None:
    while len(known) > _MANY:
        del known[next(iter(known))]


def _note(value: object, before: bytes) -> None:
    """Note an object that is no more what it was, if it can still be told."""
    with suppress(Exception):
        if digest_of_data(value) != before:
            _changed[id(value)] = _Changed(value, before, codec.digest(value))


def is_large(value: object) -> bool:
    """Whether telling the content of data would take long, as far as that can be seen without looking at all of it.

    What is reached twice counts twice, as it is written, but is looked at once; what holds itself has no end.
    """
    left = LARGE
    known: dict[int, tuple[int, object]] = {}  # what an object counts, once all in it has been
    waiting: list[tuple[object, int, Iterator[object]]] = [(None, left, iter((value,)))]
    while waiting and left > 0:
        holder, before, rest = waiting[-1]
        for one in rest:
            if id(one) in known:
                size = known[id(one)][0]
                if size == _OPEN:
                    return True
                left -= size
            elif type(one) not in _EMPTY:
                begun, inner = left, _inside(one)
                left -= _size_of(one) + len(inner) * _ITEM + (_OBJECT if inner else 0)
                if inner:
                    known[id(one)] = _OPEN, one
                    waiting.append((one, begun, iter(inner)))
            if left <= 0 or waiting[-1][0] is not holder:
                break
        else:
            waiting.pop()
            known[id(holder)] = before - left, holder
    return left <= 0


def _inside(value: Any) -> Collection[object]:  # noqa: ANN401  # an object of any package
    """Return what a container holds, or an object keeps in its attributes."""
    kind = type(value)  # isinstance() would ask a proxy what it is
    if issubclass(kind, dict):
        return [*value.keys(), *value.values()]
    if issubclass(kind, (list, tuple, set, frozenset)):
        return [*value]
    return () if kind.__module__ in _LEAVES else [*dict_of(value).values()]


_OPEN = -1
_EMPTY = frozenset({bool, int, float, complex, type(None), FunctionType, BuiltinFunctionType, type})
_LEAVES = {"builtins", "numpy", "pandas"}


def _size_of(value: Any) -> int:  # noqa: ANN401  # an object of any package
    """Return about how many bytes of data a text or an object of numpy or pandas holds; 0 for what does not tell."""
    kind = type(value)
    if issubclass(kind, (str, bytes, bytearray)):
        return len(value)
    if kind.__module__ == "builtins" and kind is not memoryview:
        return 0
    with suppress(Exception):  # an object that will not be looked at
        frame = getattr(value, "memory_usage", None) if kind.__module__.partition(".")[0] == "pandas" else None
        size = frame().sum() if frame is not None and not hasattr(value, "nbytes") else getattr(value, "nbytes", 0)
        return int(size) if isinstance(size, (int, float)) or hasattr(size, "__int__") else 0
    return 0
