"""Texts that stand for values in a digest: the same in every process, whatever the order of sets and addresses are."""

from __future__ import annotations

import re
from collections.abc import Iterable

from nbflow import codec

_ADDRESS = re.compile(r"0x[0-9a-f]+")
_WORDS = re.compile(r"\w+|\W")


def text_of(value: object, module: str = "") -> str:
    """Return a ``repr`` that stands for a value: without addresses, its words sorted where it may hold a set.

    Args:
        value: what the text is of.
        module: a module whose names stand without it.
    """
    text = _ADDRESS.sub("", repr(value))
    if module:
        text = re.sub(rf"(?<![\w.]){re.escape(module)}\.", "", text)
    return "".join(sorted(_WORDS.findall(text))) if "{" in text else text


def in_order(items: Iterable[object]) -> list[object]:
    """Return the members of a set in an order that no process changes."""
    return sorted(items, key=lambda item: codec.digest(item).hex() if codec.is_storable(item) else text_of(item))


def constant_text(value: object) -> str:
    """Return what stands for a constant in code."""
    if isinstance(value, frozenset):
        return f"frozenset{sorted(map(constant_text, value))}"
    if isinstance(value, tuple):
        return f"({', '.join(map(constant_text, value))})"
    return repr(value)
