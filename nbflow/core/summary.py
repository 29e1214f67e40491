"""Arguments as one short line of text, whatever they are; never fails, never walks far."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from nbflow.values import as_text

if TYPE_CHECKING:
    from collections.abc import Mapping

LIMIT = 120
_ITEMS = 4
_SHORT = 40
_BITS = 1000  # of an integer that is shown as written
_PLAIN = (int, float, bool, type(None), complex)


def summary_of_call(args: tuple[object, ...], kwargs: Mapping[str, object]) -> str:
    """Return the arguments as they would be written, shortened, such as ``"'cats', n=3"``."""
    if len(args) == 1 and not kwargs:
        text = summary(args[0])
        return text if text.isascii() else as_text(text)
    parts = [summary(arg) for arg in args]
    parts += [f"{name}={summary(value)}" for name, value in kwargs.items()]
    return as_text(_cut(", ".join(parts), LIMIT))


def summary(value: object, depth: int = 2) -> str:
    """Return a value as short text: plain ones as written, large ones by type and size."""
    kind = type(value)
    if isinstance(value, str) and kind is str:
        return repr(_cut(value, _SHORT))
    if kind is int and value.bit_length() > _BITS:  # type: ignore[attr-defined]  # an int; Python may refuse its digits
        return f"<int of {value.bit_length()} bits>"  # type: ignore[attr-defined]  # as above
    if kind in _PLAIN:
        text = repr(value)
        return text if len(text) <= _SHORT else _cut(text, _SHORT)
    if depth and isinstance(value, (list, tuple)) and kind in {list, tuple}:
        return _sequence(value, depth)
    if depth and isinstance(value, dict) and kind is dict:
        shown = [f"{summary(key, 0)}: {summary(item, depth - 1)}" for key, item in islice(value.items(), _ITEMS)]
        return _join("{", shown, "}", len(value))
    return _by_shape(value)


def is_whole(value: object) -> bool:
    """Whether the short text of a value shows all of it."""
    if type(value) not in (str, *_PLAIN):
        return False
    return len(str(value)) <= _SHORT


def _sequence(value: list[object] | tuple[object, ...], depth: int) -> str:
    left, right = ("[", "]") if isinstance(value, list) else ("(", ")")
    return _join(left, [summary(item, depth - 1) for item in value[:_ITEMS]], right, len(value))


def _join(left: str, shown: list[str], right: str, size: int) -> str:
    rest = f", … {size - len(shown)} more" if size > len(shown) else ""
    return _cut(f"{left}{', '.join(shown)}{rest}{right}", LIMIT)


def _by_shape(value: object) -> str:
    name = type(value).__name__
    try:
        shape = getattr(value, "shape", None)
        if isinstance(shape, tuple):
            return f"<{name} {'x'.join(map(str, shape))}>"
        if hasattr(value, "__len__"):
            return f"<{name} of {len(value)}>"
        named = getattr(value, "__name__", None)
    except Exception:  # noqa: BLE001  # a user's property may raise anything, and this only shows
        return f"<{name}>"
    return f"<{name} {named}>" if isinstance(named, str) else f"<{name}>"


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else f"{text[: limit - 1]}…"
