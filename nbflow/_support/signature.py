"""Which parameters of a function the runtime fills, and whether calling it gives a coroutine."""

from __future__ import annotations

import functools
import inspect
import sys
import types
import typing
from typing import TYPE_CHECKING, Any

from nbflow.core.call import Injected
from nbflow.values import as_text

if TYPE_CHECKING:
    from collections.abc import Callable

# What a parameter may be filled with, and the word that its annotation contains if it is about that.
_WORDS = {
    "config": "RunnableConfig",
    "store": "Store",
    "writer": "StreamWriter",
    "previous": "",
    "runtime": "Runtime",
}
_BY_TYPE = {"RunnableConfig": "config", "BaseStore": "store", "StreamWriter": "writer", "Runtime": "runtime"}
_ANYTHING = {"Any", "object", "Any typing.Any", "object <class 'object'>"}
_FILLED = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


def without_partials(fn: Any) -> Any:  # noqa: ANN401  # any object may stand for a function
    """Return what a partial, or a partial of one, calls in the end."""
    while isinstance(fn, functools.partial):
        fn = fn.func
    return fn


def plain(fn: object) -> object:
    """Return the plain function inside partials, methods and wrappers."""
    fn = without_partials(fn)
    fn = getattr(fn, "__func__", fn)
    return inspect.unwrap(fn) if callable(fn) else fn


def parameters_of(fn: Callable[..., object]) -> list[inspect.Parameter]:
    """Return the parameters of a function; none where it shows no signature, as some builtins do."""
    try:
        return list(inspect.signature(fn).parameters.values())
    except (TypeError, ValueError):
        return []


def injected(fn: Callable[..., object], first: int = 0) -> tuple[Injected, ...]:
    """Return the parameters that the runtime fills unless the caller does.

    A parameter is filled by its name (``config``, ``store``, ``writer``, ``previous``,
    ``runtime``), unless it is annotated as something else; and by its type (``RunnableConfig``,
    ``BaseStore`` and its kinds, ``StreamWriter``, ``Runtime``), whatever its name.

    Args:
        fn: the function.
        first: how many of its parameters are the caller's in any case.
    """
    found = []
    for position, parameter in enumerate(parameters_of(fn)):
        if position < first or parameter.kind not in _FILLED:
            continue
        what = _meant(fn, parameter)
        if what is not None:
            place = position if parameter.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD else sys.maxsize
            optional = parameter.default is not inspect.Parameter.empty
            found.append(Injected(parameter.name, what, place, optional=optional))
    return tuple(found)


def _meant(fn: Callable[..., object], parameter: inspect.Parameter) -> str | None:
    """Return what a parameter is filled with, or None."""
    annotation = parameter.annotation
    word = _WORDS.get(parameter.name)
    if word is not None and (annotation is inspect.Parameter.empty or not word or _may_be(annotation, word)):
        return parameter.name
    return _by_type(_evaluated(annotation, fn) if "Store" in str(annotation) else annotation)


def _evaluated(annotation: object, fn: Callable[..., object]) -> object:
    """Return what a postponed annotation means; the text itself where that can't be told yet."""
    try:
        code: Any = plain(fn)
        space = {**code.__globals__, **inspect.getclosurevars(code).nonlocals}
        return eval(annotation, space) if isinstance(annotation, str) else annotation  # noqa: S307  # its own source
    except (NameError, TypeError, SyntaxError, AttributeError):
        return annotation


def _may_be(annotation: object, word: str) -> bool:
    text = annotation if isinstance(annotation, str) else f"{getattr(annotation, '__name__', '')} {annotation!r}"
    return word in text or text in _ANYTHING or (word == "StreamWriter" and "Callable" in text)


def _by_type(annotation: object) -> str | None:
    """Return what an annotation asks for by its type: as text under postponed evaluation, else as an object."""
    if isinstance(annotation, str):
        options = [part.strip() for part in annotation.removeprefix("Optional[").removesuffix("]").split("|")]
        names = {option.partition("[")[0].rpartition(".")[2] for option in options} - {"None"}
        return _BY_TYPE.get(names.pop()) if len(names) == 1 else None
    if typing.get_origin(annotation) in {typing.Union, types.UnionType}:
        inner = [option for option in typing.get_args(annotation) if option is not type(None)]
        return _by_type(inner[0]) if len(inner) == 1 else None
    outer = typing.get_origin(annotation) or annotation
    names = {kind.__name__ for kind in outer.__mro__} if isinstance(outer, type) else set()
    known = [kind for kind in names & set(_BY_TYPE) if _is_ours(outer)]
    return _BY_TYPE[known[0]] if known else None


def _is_ours(kind: object) -> bool:
    """Whether a type is, or is derived from, one of the runtime's own."""
    return any(base.__module__.partition(".")[0] == "nbflow" for base in getattr(kind, "__mro__", ()))


def is_async(fn: Callable[..., object]) -> bool:
    """Whether it runs on an event loop: async functions and generators, their partials, objects with an async call."""
    return _is_any(fn, inspect.iscoroutinefunction) or _is_any(fn, inspect.isasyncgenfunction)


def is_generator(fn: Callable[..., object]) -> bool:
    """Whether it yields its result in parts, sync or async."""
    return _is_any(fn, inspect.isgeneratorfunction) or _is_any(fn, inspect.isasyncgenfunction)


def _is_any(fn: Callable[..., object], kind: Callable[[object], bool]) -> bool:
    fn = without_partials(fn)
    return kind(fn) or (not inspect.isroutine(fn) and kind(type(fn).__call__))


def name_of(fn: Callable[..., object]) -> str:
    """Return what calls of a function are named: its name, for a partial the inner one's."""
    fn = without_partials(fn)
    return as_text(getattr(fn, "__name__", type(fn).__name__))
