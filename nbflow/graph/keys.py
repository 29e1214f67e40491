"""The keys of a graph's state: what each holds at first, and how the writes of one step become its value."""

from __future__ import annotations

import copy
import inspect
import operator
from collections import deque
from collections.abc import Callable, Iterable, Mapping, MutableMapping, MutableSequence, MutableSet, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, is_dataclass
from functools import cached_property
from types import BuiltinFunctionType, CoroutineType
from typing import Any, get_origin

from nbflow._support.signature import is_async
from nbflow.errors import GraphUpdateError, InvalidGraphError
from nbflow.graph.handed import Handed
from nbflow.values import Overwrite

Reducer = Callable[[Any, Any], Any]
Write = tuple[str, Any]  # who wrote, for errors, and what


class _Absent:
    """Stands where a key holds nothing."""

    def __repr__(self) -> str:
        return "ABSENT"


ABSENT: Any = _Absent()
_ABSTRACT = {
    Sequence: list, MutableSequence: list, AbstractSet: set, MutableSet: set, Mapping: dict, MutableMapping: dict,
}  # fmt: skip
_PLAIN = frozenset({str, int, float, bool, bytes, type(None)})
_CHANGEABLE = frozenset({list, dict, set, deque})
_NEVER_OVER = _PLAIN | {list, tuple, set}
_EMPTY = (list, dict, set, frozenset, deque, int, float, bool, str, bytes, tuple, complex)


@dataclass(frozen=True)
class Key:
    """One key of a state; a plain one takes one write in a step, and keeps it.

    Attributes:
        name: of the key.
        type: that it was declared with, annotations removed.
        is_stored: whether its value is kept with the checkpoints.
        is_guarded: whether two writes in one step are an error; else the last one counts.
    """

    name: str
    type: Any = Any
    is_stored: bool = True
    is_guarded: bool = True

    def first(self) -> object:
        """Return what it holds before anything was written; ABSENT for nothing."""
        return ABSENT

    def idle(self, old: object) -> object:
        """Return what it holds after a step without a write."""
        return old

    def merge(self, old: object, writes: Sequence[Write]) -> object:  # noqa: ARG002  # as others need it
        """Return what it holds after a step.

        Args:
            old: what it held; ABSENT for nothing.
            writes: of the step, at least one, in the order in which they count.

        Raises:
            GraphUpdateError: if they can't be brought together.
        """
        if len(writes) > 1 and self.is_guarded:
            raise GraphUpdateError(
                f"key {self.name!r} was written by {_named(writes)} in one step, and takes one value; give it a "
                f"reducer to take several, such as Annotated[{_type_name(self.type)}, operator.add]"
            )
        value = writes[-1][1]
        return value if type(value) in _PLAIN else unwrapped(value)

    @property
    def merges_simply(self) -> bool:
        """Whether no code of the user's brings its writes together."""
        return True

    def like(self, other: Key) -> bool:
        """Whether another declaration of the same key means the same."""
        return type(self) is type(other) and self.is_guarded == other.is_guarded


@dataclass(frozen=True)
class ReducedKey(Key):
    """A key whose writes are brought together by a function of the old value and the new one.

    Attributes:
        reducer: the function.
    """

    reducer: Reducer = lambda _, new: new

    def first(self) -> object:
        """Return an empty value of its type; ABSENT if that can't be made without arguments."""
        kind = get_origin(self.type) or self.type
        kind = _ABSTRACT.get(kind, kind)
        if kind in _EMPTY or is_dataclass(kind):
            try:
                return kind()
            except TypeError:  # fields without defaults
                return ABSENT
        return ABSENT

    def merge(self, old: object, writes: Sequence[Write]) -> object:
        """Return the writes, one after the other, reduced into what it held; an ``Overwrite`` stands above them."""
        over = [write for write in writes if type(write[1]) not in _NEVER_OVER and is_overwrite(write[1])]
        if len(over) > 1:
            raise GraphUpdateError(f"key {self.name!r} was overwritten by {_named(over)} in one step; one of them may")
        if over:
            return unwrapped(over[0][1])
        handed = Handed(looks=False)
        value = old  # which a reducer may change in place
        if not self._is_known:
            value = handed.own(old)
        elif type(old) in _CHANGEABLE:
            value = copy.copy(old)
        for who, new in writes:
            try:
                value = new if value is ABSENT else self._reduced(value, new)
            except Exception as error:
                error.add_note(
                    f"in the reducer {_function_name(self.reducer)} of the key {self.name!r}, with what {who} returned"
                )
                raise
        return handed.taken_back(value)

    @cached_property
    def _is_known(self) -> bool:
        """Whether the reducer changes no more than the container that it is given, as Python's and nbflow's own."""
        home = getattr(self.reducer, "__module__", None) or ""
        return isinstance(self.reducer, BuiltinFunctionType) or home.startswith("nbflow.")

    @property
    def merges_simply(self) -> bool:
        """Whether it only adds up values of builtin types."""
        return self.reducer is operator.add and (get_origin(self.type) or self.type) in _EMPTY

    def _reduced(self, old: object, new: object) -> object:
        found = self.reducer(old, new)
        if type(found) is CoroutineType:
            found.close()
            raise GraphUpdateError("it returned a coroutine; a reducer waits for nothing, so await in the node")
        return found

    def like(self, other: Key) -> bool:
        """Whether another declaration has the same reducer; two functions of the same code are one."""
        return isinstance(other, ReducedKey) and _same(self.reducer, other.reducer)


@dataclass(frozen=True)
class EphemeralKey(Key):
    """A key that holds a value for the one step after it was written."""

    def idle(self, old: object) -> object:  # noqa: ARG002  # it is gone
        """Return nothing."""
        return ABSENT


@dataclass(frozen=True)
class TopicKey(Key):
    """A key that holds a list of all that was written in the last step.

    Attributes:
        accumulates: whether it keeps what was written before, over runs too.
    """

    accumulates: bool = False

    def first(self) -> object:
        """Return an empty list."""
        return []

    def idle(self, old: object) -> object:
        """Return what it accumulates."""
        return old if self.accumulates else []

    def merge(self, old: object, writes: Sequence[Write]) -> object:
        """Return the writes, lists among them flattened, after what it accumulates."""
        found = list(old) if self.accumulates and isinstance(old, list) else []
        for _, value in writes:
            found += value if isinstance(value, list) else [value]
        return found


def is_overwrite(value: object) -> bool:
    """Whether a value takes the place of what a key holds: an ``Overwrite``, or one as plain data."""
    return isinstance(value, Overwrite) or (isinstance(value, dict) and value.keys() == {"__overwrite__"})


def unwrapped(value: Any) -> object:  # noqa: ANN401  # whatever was written
    """Return a written value without the ``Overwrite`` around it."""
    if isinstance(value, Overwrite):
        return value.value
    return value["__overwrite__"] if is_overwrite(value) else value


def check_reducer(key: str, reducer: Reducer) -> None:
    """Check that a function takes an old value and a new one.

    Raises:
        InvalidGraphError: if it does not.
    """
    if is_async(reducer):
        raise InvalidGraphError(
            f"the reducer {_function_name(reducer)} of the key {key!r} is async, and a reducer waits for nothing: "
            "it runs between two steps; await in a node and reduce what that returns"
        )
    try:
        parameters = inspect.signature(reducer).parameters.values()
    except (TypeError, ValueError):  # a builtin shows none, and is taken at its word
        return
    positional = [one for one in parameters if one.kind in {one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD}]
    needed = [one for one in positional if one.default is one.empty]
    several = any(one.kind is one.VAR_POSITIONAL for one in parameters)
    only_named = [one for one in parameters if one.kind is one.KEYWORD_ONLY and one.default is one.empty]
    if only_named or len(needed) > 2 or (len(positional) < 2 and not several):  # noqa: PLR2004  # old and new
        raise InvalidGraphError(
            f"the reducer {_function_name(reducer)} of the key {key!r} takes "
            f"{_listed(one.name for one in positional)}; it is called with the old value and the new one"
        )


def _same(one: Reducer, other: Reducer) -> bool:
    if one is other or one == other:
        return True
    mine, its = getattr(one, "__code__", None), getattr(other, "__code__", None)
    parts = ("__closure__", "__defaults__")
    return mine is not None and mine == its and all(getattr(one, p, 0) == getattr(other, p, 1) for p in parts)


def _named(writes: Sequence[Write]) -> str:
    return _listed(who for who, _ in writes)


def _listed(names: Iterable[str]) -> str:
    found = list(names)
    return ", ".join(found[:-1]) + " and " + found[-1] if len(found) > 1 else "".join(found) or "nothing"


def _function_name(fn: object) -> str:
    return repr(getattr(fn, "__name__", None) or type(fn).__name__)


def _type_name(kind: object) -> str:
    return getattr(kind, "__name__", str(kind))
