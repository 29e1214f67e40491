"""What code of a graph is handed of the state: copies, so that what it changes in place changes nothing else.

Builtin containers and data objects (dataclasses, attrs classes, pydantic models, LangChain's messages) are copied, at
any depth; one that comes back unchanged is taken for the original, so that it is neither written nor stored again.
Other objects, such as arrays, tables and clients, are handed out themselves; a change of one that has a digest is told.
"""

from __future__ import annotations

import copy
import datetime as dt
from collections import deque
from collections.abc import Iterator, Mapping
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from pathlib import PurePath
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Any
from uuid import UUID

from nbflow import codec

LEAVES = frozenset({str, int, float, bool, bytes, complex, type(None)})
_UNORDERED = frozenset({set, frozenset})
CONTAINERS = frozenset({list, dict, tuple, deque, *_UNORDERED})
MANY = 4096
LARGE = 8 * 1024 * 1024  # bytes, as far as an object tells: larger ones are not compared
_FIXED = (
    Enum, str, bytes, int, float, complex, dt.date, dt.time, dt.timedelta, dt.tzinfo, Decimal,
    Fraction, PurePath, UUID, range, type, FunctionType, BuiltinFunctionType, MethodType, ModuleType, frozenset,
)  # fmt: skip
_RECORDS = ("__dataclass_fields__", "__attrs_attrs__", "__pydantic_fields__")
_MISSING = object()
_MODEL_PARTS = ("__pydantic_extra__", "__pydantic_private__")
_COPYING = ("__copy__", "__reduce__", "__reduce_ex__", "__getstate__", "__new__")
_set = object.__setattr__


class Handed:
    """What one attempt of a node is handed, and what became of that.

    Attributes:
        others: names of the keys, objects that were handed out themselves, and their digests.

    Args:
        looks: whether digests of those are taken, to tell later whether they were changed.
    """

    __slots__ = ("_copies", "_looks", "_made", "others")

    def __init__(self, *, looks: bool = True) -> None:
        self._looks = looks
        self.others: list[tuple[str, object, bytes]] = []
        self._copies: dict[int, tuple[Any, Any]] = {}  # by id of a copy: it and the original
        self._made: dict[int, Any] = {}  # by id of an original, its copy

    def view(self, given: Any) -> Any:  # noqa: ANN401  # any view of a state
        """Return a copy of what a node sees of the state, or of what a ``Send`` brings."""
        if type(given) is dict:
            return {name: value if type(value) in LEAVES else self.own(value, name) for name, value in given.items()}
        return self.own(given)

    @property
    def has_objects(self) -> bool:
        """Whether there are more than builtin containers and plain values among it."""
        return bool(self._copies or self.others)

    def own(self, value: Any, key: str = "") -> Any:  # noqa: ANN401  # any value
        """Return a copy of a value, of the key that is named."""
        kind = type(value)
        if kind in LEAVES:
            return value
        if kind is dict and value:
            return {name: item if type(item) in LEAVES else self.own(item, key) for name, item in value.items()}
        if kind is list and value:
            return [item if type(item) in LEAVES else self.own(item, key) for item in value]
        if kind not in CONTAINERS:
            return self._object(value, kind, key)
        return _copied(value, kind, self, key) if value else value.copy() if kind is not tuple else value

    def _object(self, value: Any, kind: type, key: str) -> Any:  # noqa: ANN401  # any object
        way = _WAYS.get(kind) or _way_of(kind)
        if way in {"fixed", "other"}:
            if way == "other" and self._looks:
                digest = _digest(value)
                if digest is not None:
                    self.others.append((key, value, digest))
            return value
        made = self._made.get(id(value), _MISSING)
        if made is not _MISSING:
            return made
        if way == "itself":
            return self._by_itself(value, key)
        made = self._made[id(value)] = object.__new__(kind)
        self._copies[id(made)] = (made, value)
        own = self.own
        inside = {
            name: part
            if (like := type(part)) in LEAVES
            else part.copy()
            if like is dict and not part  # as most of a message's
            else own(part, key)
            for name, part in value.__dict__.items()
        }
        _set(made, "__dict__", inside)
        if way == "model":
            extra, private = value.__pydantic_extra__, value.__pydantic_private__
            _set(made, "__pydantic_extra__", extra if extra is None else own(extra, key))
            _set(made, "__pydantic_private__", private if private is None else own(private, key))
            _set(made, "__pydantic_fields_set__", value.__pydantic_fields_set__.copy())
        return made

    def _by_itself(self, value: Any, key: str) -> Any:  # noqa: ANN401  # a data object
        """Return a copy of a data object as its class makes it."""
        try:
            made = copy.copy(value)
        except Exception:  # noqa: BLE001  # one that will not be copied
            return value
        if made is value or type(made) is not type(value):
            return value
        self._copies[id(made)], self._made[id(value)] = (made, value), made
        for name, part in _parts(made):
            owned = self.own(part, key)
            if owned is not part:
                _set(made, name, owned)
        return made

    def taken_back(self, value: Any) -> Any:  # noqa: ANN401  # any value that is written
        """Return a written value with the originals of unchanged copies in it; a changed object as one of its own."""
        if self.others:
            value = self._apart(value)
        return self._originals(value) if self._copies else value

    def _apart(self, value: Any) -> Any:  # noqa: ANN401  # as above
        """Return a copy of an object that was handed out itself and was changed, so that it is seen to be another."""
        for _, one, digest in self.others:
            if one is value and _digest(value) != digest:
                try:
                    return copy.copy(value)
                except Exception:  # noqa: BLE001  # one that will not be copied
                    return value
        return value

    def _originals(self, value: Any) -> Any:  # noqa: ANN401  # as above
        kind = type(value)
        if kind in LEAVES:
            return value
        if kind not in CONTAINERS:
            made, original = self._copies.get(id(value), (None, None))
            return original if made is value and is_unchanged(original, value) else value
        if kind in _UNORDERED:
            return value
        if kind is dict:
            found = {name: self._originals(item) for name, item in value.items()}
            return found if any(found[name] is not item for name, item in value.items()) else value
        items = [self._originals(item) for item in value]
        if all(one is other for one, other in zip(items, value, strict=True)):
            return value
        return items if kind is list else deque(items, value.maxlen) if kind is deque else tuple(items)

    def given(self, view: object, state: Mapping[str, object]) -> Mapping[str, object]:
        """Return a state as its reader was handed it, as far as nothing of that has changed in place since."""
        if not self._copies:
            return state
        found = dict(state)
        for name, value in state.items():
            handed = view.get(name, value) if isinstance(view, dict) else getattr(view, name, value)
            if handed is not value and is_unchanged(value, handed):
                found[name] = handed
        return found

    def changed(self) -> Iterator[tuple[str, object]]:
        """Yield the objects that were handed out themselves and have been changed in place, with their keys."""
        return ((key, value) for key, value, digest in self.others if _digest(value) != digest)


def _copied(value: Any, kind: type, handed: Handed, key: str) -> Any:  # noqa: ANN401  # a tuple, set or deque
    """Return a copy of a container that is no list and no dict."""
    if kind in _UNORDERED:
        return value.copy()
    items = [item if type(item) in LEAVES else handed.own(item, key) for item in value]
    return deque(items, value.maxlen) if kind is deque else tuple(items)


def own(value: Any) -> Any:  # noqa: ANN401  # any value
    """Return a copy of a value, for code that may change it in place."""
    return Handed(looks=False).own(value)


_WAYS: dict[type, str] = {}  # of classes that have been met; forgotten when there are many


def _way_of(kind: type) -> str:
    """Return how instances of a class are handed out: as ``"fixed"`` ones, data of several kinds, or as they are."""
    way = "other"
    if issubclass(kind, _FIXED):
        way = "fixed"
    elif any(hasattr(kind, name) for name in _RECORDS):
        is_model = hasattr(kind, "__pydantic_fields__")
        way = "itself" if _copies_itself(kind, is_model=is_model) else "model" if is_model else "plain"
    if len(_WAYS) >= MANY:
        _WAYS.clear()
    _WAYS[kind] = way
    return way


def _copies_itself(kind: type, *, is_model: bool) -> bool:
    """Whether instances of a class of data objects have more to them than attributes in a dict, or a way of copying."""
    if any(vars(one).get("__slots__") and one.__module__ != "pydantic.main" for one in kind.__mro__):
        return True
    own, plain = ([getattr(one, name, None) for name in _COPYING] for one in (kind, object))
    if is_model:
        base: Any = next(
            one for one in kind.__mro__ if one.__module__ == "pydantic.main" and one.__name__ == "BaseModel"
        )
        plain[0], plain[3] = base.__copy__, base.__getstate__
    return own != plain


def _is_record(kind: type) -> bool:
    return (_WAYS.get(kind) or _way_of(kind)) not in {"fixed", "other"}


def _parts(value: Any) -> list[tuple[str, Any]]:  # noqa: ANN401  # a data object
    """Return the attributes of a data object: what is in its dict, in slots, and what pydantic keeps beside."""
    found = list(getattr(value, "__dict__", {}).items())
    kind = type(value)
    names = getattr(kind, "__dataclass_fields__", None) or [one.name for one in getattr(kind, "__attrs_attrs__", ())]
    there = {name for name, _ in found}
    found += [(name, getattr(value, name)) for name in names if name not in there and hasattr(value, name)]
    if hasattr(kind, "__pydantic_fields__"):
        beside = [(name, getattr(value, name, None)) for name in _MODEL_PARTS]
        found += [pair for pair in beside if pair[1]]
    return found


def is_unchanged(one: Any, other: Any) -> bool:  # noqa: ANN401  # any values
    """Whether a copy is still what it was copied from."""
    if one is other:
        return True
    kind = type(one)
    if kind is not type(other) or not (kind in LEAVES or kind in CONTAINERS or _is_record(kind)):
        return False
    if kind in LEAVES or kind in _UNORDERED:
        return bool(one == other)
    if kind is dict:
        return list(one) == list(other) and all(map(is_unchanged, one.values(), other.values()))
    if kind in CONTAINERS:
        return len(one) == len(other) and all(map(is_unchanged, one, other))
    mine, its = dict(_parts(one)), dict(_parts(other))
    same_set = getattr(one, "__pydantic_fields_set__", None) == getattr(other, "__pydantic_fields_set__", None)
    return same_set and mine.keys() == its.keys() and all(is_unchanged(part, its[name]) for name, part in mine.items())


def _digest(value: Any) -> bytes | None:  # noqa: ANN401  # any object
    """Return a digest of an object; None for one that has none, or is large."""
    size = getattr(value, "nbytes", None)
    if size is None and hasattr(value, "memory_usage"):  # pandas
        size = getattr(value, "size", 0) * 8
    if isinstance(size, int) and size > LARGE:
        return None
    try:
        return codec.digest(value)
    except Exception:  # noqa: BLE001  # of a class of the user's
        return None
