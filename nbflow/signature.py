"""Which parameters of a function the runtime fills, and whether calling it gives a coroutine."""

from __future__ import annotations

import functools
import inspect
import sys
from typing import TYPE_CHECKING

from nbflow.core.call import Injected
from nbflow.errors import DecorationError

if TYPE_CHECKING:
    from collections.abc import Callable

_WORDS = {"config": "RunnableConfig", "store": "Store", "writer": "StreamWriter", "previous": "", "runtime": ""}
_ANYTHING = {"Any", "object", "Any typing.Any", "object <class 'object'>"}
_FILLED = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


def parameters_of(fn: Callable[..., object]) -> list[inspect.Parameter]:
    """Return the parameters of a function; none where it shows no signature, as some builtins do."""
    try:
        return list(inspect.signature(fn).parameters.values())
    except (TypeError, ValueError):
        return []


def injected(parameters: list[inspect.Parameter], first: int = 0) -> tuple[Injected, ...]:
    """Return the parameters that the runtime fills unless the caller does.

    A parameter is filled by its name (``config``, ``store``, ``writer``, ``previous``,
    ``runtime``), unless it is annotated as something else.

    Args:
        parameters: of the function.
        first: how many of them are the caller's in any case.
    """
    found = []
    for position, parameter in enumerate(parameters):
        word = _WORDS.get(parameter.name)
        if position < first or word is None or parameter.kind not in _FILLED:
            continue
        if _may_be(parameter.annotation, word):
            place = position if parameter.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD else sys.maxsize
            optional = parameter.default is not inspect.Parameter.empty
            found.append(Injected(parameter.name, place, optional=optional))
    return tuple(found)


def _may_be(annotation: object, word: str) -> bool:
    if annotation is inspect.Parameter.empty or not word:
        return True
    text = annotation if isinstance(annotation, str) else f"{getattr(annotation, '__name__', '')} {annotation!r}"
    return word in text or text in _ANYTHING or (word == "StreamWriter" and "Callable" in text)


def is_async(fn: Callable[..., object]) -> bool:
    """Whether calling it gives a coroutine: async functions, their partials, objects with an async call."""
    while isinstance(fn, functools.partial):
        fn = fn.func
    if inspect.iscoroutinefunction(fn):
        return True
    return not inspect.isroutine(fn) and inspect.iscoroutinefunction(type(fn).__call__)


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
