"""Arguments that are given by name alone: who gives them by position is told how they are meant."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any, TypeVar

from nbflow.errors import InvalidOptionError

Taker = TypeVar("Taker", bound=Callable[..., Any])
_LONG, _FEW = 60, 6


def by_name(fn: Taker) -> Taker:
    """Have a function, or a class of fields, say what was meant where it is given too much by position."""
    called = fn.__init__ if inspect.isclass(fn) else fn
    known = [one for one in inspect.signature(fn).parameters.values() if one.name != "self"]
    taken = [one.name for one in known if one.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD]
    others = [one.name for one in known if one.kind is inspect.Parameter.KEYWORD_ONLY]
    most = len(taken) + ("self" in inspect.signature(called).parameters)

    @wraps(called)
    def checked(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401  # whatever the function takes
        if len(args) > most:
            raise misplaced(f"{fn.__name__}()", taken, others, args[most:])
        return called(*args, **kwargs)

    if not inspect.isclass(fn):
        return checked  # type: ignore[return-value]  # as wraps makes it
    setattr(fn, "__init__", checked)  # noqa: B010  # of a class that has just been made
    return fn


def misplaced(where: str, taken: Sequence[str], others: Sequence[str], more: Sequence[object]) -> InvalidOptionError:
    """Return the error of arguments by position that are to be given by name.

    Args:
        where: what was called, such as ``"invoke()"``.
        taken: names of those that may be given by position.
        others: names of those that may not, as far as there is a short list of them.
        more: what was given beyond ``taken``.
    """
    text = repr(more[0])
    shown = text if len(text) <= _LONG else f"a {type(more[0]).__name__}"
    before = f"{', '.join(taken)} " if taken else "nothing "
    names = ", ".join(f"{one}=" for one in others[:_FEW])
    expected = f"{before}may be given by position; give the rest by name, such as {names}"
    return InvalidOptionError(where, f"argument {len(taken) + 1}", shown, expected)
