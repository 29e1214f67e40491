"""Whether the parts of a stored value are what was written: of their exact types, and no larger than their bytes.

A few bytes can name something endless, such as a range, or call for the text of an object; whoever rebuilds a
value from its parts asks for them here.
"""

from __future__ import annotations

from typing import Any, TypeVar

T = TypeVar("T")


def exactly(kind: type[T], part: object) -> T:
    """Return a part that is of exactly this type.

    Raises:
        ValueError: if it is of another one.
    """
    if type(part) is not kind:
        raise ValueError(f"a {kind.__name__} was expected, not a {type(part).__name__}")
    return part


def items(part: object) -> list[Any]:
    """Return a part that is a list."""
    return exactly(list, part)


def table(part: object) -> dict[Any, Any]:
    """Return a part that is a dict."""
    return exactly(dict, part)


def text(part: object) -> str:
    """Return a part that is text."""
    return exactly(str, part)


def raw(part: object) -> bytes:
    """Return a part that is bytes."""
    return exactly(bytes, part)


def whole(part: object) -> int:
    """Return a part that is an integer."""
    return exactly(int, part)
