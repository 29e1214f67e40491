"""What callables and descriptors hold: the code and the data that they stand for."""

from __future__ import annotations

import functools
import gc
import operator
import struct
import sys
import types
from collections.abc import Iterator
from functools import cached_property, partial
from typing import Any

_CACHED = type(functools.cache(len))
_KEY = type(functools.cmp_to_key(operator.sub))
_OPERATORS = (operator.itemgetter, operator.attrgetter, operator.methodcaller)
_PARTS: dict[type, tuple[str, ...]] = {
    types.MethodType: ("__func__", "__self__"),
    types.BuiltinFunctionType: ("__self__",),
    types.MethodWrapperType: ("__self__",),
    partial: ("func", "args", "keywords"),
    property: ("fget", "fset", "fdel"),
    staticmethod: ("__func__",),
    classmethod: ("__func__",),
    cached_property: ("func",),
    functools.partialmethod: ("func", "args", "keywords"),
    functools.singledispatchmethod: ("dispatcher",),
    _CACHED: ("__wrapped__",),
    struct.Struct: ("format",),
    _KEY: (),
    **dict.fromkeys(_OPERATORS, ()),
}

HOLDERS = tuple(_PARTS)
"""Kinds of objects of Python's own that hold code or data and are not changed."""
FUNCTIONS = (types.FunctionType, *HOLDERS)
"""Kinds of what a class has under a name such as ``__call__`` when that is code."""


def held_by(value: Any) -> Iterator[tuple[str, object]]:  # noqa: ANN401  # one of the kinds above
    """Yield what one of ``HOLDERS`` holds, by names."""
    for kind, parts in _PARTS.items():
        if isinstance(value, kind):
            yield from ((part, getattr(value, part, None)) for part in parts)
            break
    if isinstance(value, _OPERATORS):
        yield from (("arguments", part) for part in value.__reduce__())
    elif isinstance(value, _KEY):  # nothing else tells
        yield from (("arguments", part) for part in gc.get_referents(value) if part is not _KEY)


def is_public(value: Any) -> bool:  # noqa: ANN401  # any object that has an owner that is no module
    """Whether a module that says where it comes from has it under its name: that says what it is."""
    module, name = getattr(value, "__module__", None), getattr(value, "__name__", None)
    if not isinstance(name, str):
        return False
    home = sys.modules.get(module if isinstance(module, str) else type(value).__module__)
    return home is not None and vars(home).get(name) is value
