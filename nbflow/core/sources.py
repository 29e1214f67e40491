"""Whose results a call was given: those whose futures are among its arguments, and those that are arguments themselves.

A result is known again by its identity, so this reads no value. What is likely to be the same object by chance, as a
number, a short text or a member of an enum, tells nothing.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from nbflow.core.call import Call

Made = dict[int, tuple[object, str]]
"""By id, an object that is a result, and the position of the call that made it."""

SMALL = frozenset({int, float, complex, bool, type(None), type, type(Ellipsis)})
_TEXTS = (str, bytes)
_SHORT = 16  # characters of a text, or bytes: what is shorter may stand in several places by itself
_MANY = 1000  # items of an argument: more are not looked at
_CONTAINERS = frozenset({list, tuple, dict, set, frozenset})
_SIZED = (str, bytes, list, tuple, dict, set, frozenset)


def sources_of(made: Made, call: Call) -> tuple[str, ...]:
    """Return the positions of the calls whose results a call was given, in their order among its arguments."""
    found = dict.fromkeys(call.edges)
    for argument in (*call.args, *call.kwargs.values()):
        path = _maker(made, argument)
        if path:
            found[path] = None
        elif type(argument) in _CONTAINERS and len(argument) <= _MANY:  # type: ignore[arg-type]  # it has a length
            found.update((path, None) for item in _items(argument) if (path := _maker(made, item)))
    return tuple(found)


def _maker(made: Mapping[int, tuple[object, str]], value: object) -> str:
    """Return the position of the call whose result a value is; empty if it is none that can be told."""
    held = made.get(id(value))
    if held is None or held[0] is not value or isinstance(value, (Enum, type)):
        return ""
    least = _SHORT if isinstance(value, _TEXTS) else 1
    return held[1] if not isinstance(value, _SIZED) or len(value) >= least else ""


def _items(argument: object) -> Iterable[object]:
    return argument.values() if isinstance(argument, dict) else argument  # type: ignore[return-value]  # a container
