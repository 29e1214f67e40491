"""Whether a call's arguments are still what they were when the call was made: by digests, none of it looked into.

A task that sorts a list it was given, or a body that appends to a list while a call works on it, comes to
another end after a pause than without one: the change is made once, and not again on replay. Python
offers no way to hinder it at a price worth paying, so it is found afterwards, and told.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nbflow.core.summary import is_whole

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from nbflow.core.call import Call

LARGE = 64 * 1024 * 1024  # bytes, as far as an argument tells: larger ones are not compared
MANY = 100_000  # items, of a list or dict: longer ones are not compared
FIXED = frozenset({int, float, complex, bool, str, bytes, type(None), range, type, type(Ellipsis)})


def can_change(call: Call) -> bool:
    """Whether any argument of a call is of a kind that can be changed in place."""
    return _can_change((*call.args, *call.kwargs.values()))


def _can_change(values: Iterable[object], depth: int = 2) -> bool:
    for value in values:
        kind = type(value)
        if kind in FIXED:
            continue
        if depth and isinstance(value, (tuple, frozenset)) and kind in {tuple, frozenset}:
            if _can_change(value, depth - 1):
                return True
            continue
        return True
    return False


def changed(call: Call, digest: Callable[[object], bytes]) -> tuple[str, ...]:
    """Return the names of a call's arguments that were changed in place since it was made; none if none was.

    Where several could have been, and one was, all of them are named. An argument of more than ``LARGE``
    bytes or ``MANY`` items leaves the whole call unlooked at, so that the price stays small.
    """
    values = (*call.args, *call.kwargs.values())
    if any(map(_is_large, values)):
        return ()
    now = digest((call.args, call.kwargs)) if call.kwargs else digest(call.args)
    if now == call.inputs:
        return ()
    named: list[tuple[int | str, object]] = [*enumerate(call.args), *call.kwargs.items()]
    return tuple(_name_of(call, key) for key, value in named if _can_change((value,)))


def shortened(call: Call) -> tuple[str, ...]:
    """Return the names of a call's arguments that their short text does not show whole."""
    named: list[tuple[int | str, object]] = [*enumerate(call.args), *call.kwargs.items()]
    return tuple(_name_of(call, key) for key, value in named if not is_whole(value))


def _is_large(value: object) -> bool:
    size = getattr(value, "nbytes", None)
    if size is None and hasattr(value, "memory_usage"):  # pandas
        size = getattr(value, "size", 0) * 8
    if isinstance(size, int):
        return size > LARGE
    return isinstance(value, (list, dict, set, bytearray)) and len(value) > MANY


def _name_of(call: Call, key: int | str) -> str:
    """Return the name of the parameter that an argument was passed for."""
    if isinstance(key, str):
        return key
    from inspect import signature  # noqa: PLC0415  # for a warning alone

    try:
        names = list(signature(call.spec.fn).parameters)
    except (TypeError, ValueError):  # nothing that shows its parameters
        names = []
    return names[key] if key < len(names) else f"number {key + 1}"
