"""Which parameters of a function the runtime fills, and whether calling it gives a coroutine."""

from __future__ import annotations

import functools
import inspect
from typing import TYPE_CHECKING

from nbflow.errors import DecorationError

if TYPE_CHECKING:
    from collections.abc import Callable

_WORDS = {"config": "RunnableConfig", "store": "Store", "writer": "StreamWriter", "previous": "", "runtime": ""}
_FILLED = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


def parameters_of(fn: Callable[..., object]) -> list[inspect.Parameter]:
    """Return the parameters of a function; none where it shows no signature, as some builtins do."""
    try:
        return list(inspect.signature(fn).parameters.values())
    except (TypeError, ValueError):
        return []


def injected(parameters: list[inspect.Parameter]) -> tuple[str, ...]:
    """Return the names that the runtime fills, each with ``=`` behind it if it has a default.

    A parameter is filled by its name (``config``, ``store``, ``writer``, ``previous``,
    ``runtime``) unless it is annotated as something else.
    """
    names = []
    for parameter in parameters:
        word = _WORDS.get(parameter.name)
        if word is None or parameter.kind not in _FILLED or not _may_be(parameter.annotation, word):
            continue
        names.append(parameter.name + ("" if parameter.default is inspect.Parameter.empty else "="))
    return tuple(names)


def _may_be(annotation: object, word: str) -> bool:
    if annotation is inspect.Parameter.empty or not word:
        return True
    text = annotation if isinstance(annotation, str) else getattr(annotation, "__name__", "") or repr(annotation)
    return word in text or word in repr(annotation) or (word == "StreamWriter" and "Callable" in repr(annotation))


def is_async(fn: Callable[..., object]) -> bool:
    """Whether calling it gives a coroutine: async functions, their partials, objects with an async call."""
    while isinstance(fn, functools.partial):
        fn = fn.func
    if inspect.iscoroutinefunction(fn):
        return True
    return not inspect.isroutine(fn) and inspect.iscoroutinefunction(getattr(fn, "__call__", None))  # noqa: B004


def name_of(fn: Callable[..., object]) -> str:
    """Return what calls of a function are named: its name, for a partial the inner one's."""
    while isinstance(fn, functools.partial):
        fn = fn.func
    return str(getattr(fn, "__name__", type(fn).__name__))


def refuse_generator(decorator: str, fn: Callable[..., object]) -> None:
    """Raise for functions that yield: what they produce over time could not be replayed.

    Raises:
        DecorationError: for generator functions, sync and async.
    """
    if inspect.isgeneratorfunction(fn) or inspect.isasyncgenfunction(fn):
        raise DecorationError(
            decorator, name_of(fn), "it is a generator; return a list, or write parts with a StreamWriter as they come"
        )
