"""Whether what a function is annotated to return can lead a graph on: a Command or a ``Send``, or several values."""

from __future__ import annotations

import re
import types
import typing
from collections.abc import Awaitable, Iterable, Mapping
from typing import TYPE_CHECKING, Annotated, Any, ForwardRef, TypeVar

from nbflow.graph.schemas import called, hints_of
from nbflow.values import Command, Send

if TYPE_CHECKING:
    from collections.abc import Callable

_ROUTES = (Command, Send)
_NAMED = re.compile(r"(?<!\w)(Command|Send)(?!\w)")


def may_route(fn: Callable[..., object]) -> bool:
    """Whether a function may return a Command or a ``Send``, as far as its annotation tells; without one it may."""
    written = getattr(called(fn), "__annotations__", {}).get("return", Any)
    found = hints_of(fn).get("return", written)
    return _may_be_route(found)


def _may_be_route(kind: Any) -> bool:  # noqa: ANN401  # any annotation
    if isinstance(kind, ForwardRef):
        kind = kind.__forward_arg__
    if isinstance(kind, str):  # it names something that is not there, so that the text alone can tell
        return _NAMED.search(kind) is not None
    if kind in {Any, object} or isinstance(kind, TypeVar):
        return True
    origin, args = typing.get_origin(kind) or kind, typing.get_args(kind)
    if origin in {typing.Union, types.UnionType}:
        return any(map(_may_be_route, args))
    if origin is Annotated:
        return _may_be_route(args[0])
    return isinstance(origin, type) and _may_hold_route(origin, args)  # a Literal is none


def _may_hold_route(kind: type, args: tuple[Any, ...]) -> bool:
    """Whether a class is a route, or the instances of it are several values of which one may be."""
    if issubclass(kind, _ROUTES):
        return True
    if issubclass(kind, (str, bytes, Mapping)) or not issubclass(kind, (Iterable, Awaitable)):
        return False
    of_anything = kind.__module__ in {"builtins", "collections", "collections.abc"}
    return any(map(_may_be_route, args)) if args else of_anything


__all__ = ["may_route"]
