"""A failed run's traceback as its author wants it: the lines of cells and modules, none of ours."""

from __future__ import annotations

import sys
from functools import wraps
from typing import Any

from IPython.core.getipython import get_ipython

from nbflow.errors.frames import without_our_frames

_HOOK = "_render_traceback_"


def clean(error: BaseException) -> BaseException:
    """Take our frames out of an error and of those that led to it, so that any printer shows it well."""
    for one in led_to(error):
        one.__traceback__ = without_our_frames(one.__traceback__)
    return error


def led_to(error: BaseException) -> list[BaseException]:
    """Return an error, those inside it, and those that led to it."""
    found: dict[int, BaseException] = {}
    waiting: list[BaseException | None] = [error]
    while waiting:
        one = waiting.pop()
        if one is None or id(one) in found:
            continue
        found[id(one)] = one
        waiting += [one.__cause__, one.__context__]
        if isinstance(one, BaseExceptionGroup):
            waiting += one.exceptions
    return list(found.values())


def lines_of(error: BaseException) -> list[str]:
    """Return the traceback of a cleaned error as IPython prints it; without frames, one line."""
    shell: Any = get_ipython()
    kind = type(error)
    if error.__traceback__ is None:
        return list(shell.InteractiveTB.get_exception_only(kind, error))
    return list(shell.InteractiveTB.structured_traceback(kind, error, error.__traceback__, tb_offset=0))


def prepared(error: BaseException) -> BaseException:
    """Return an error that IPython, when it is raised in a cell, shows with the user's lines alone."""
    clean(error)
    lines = lines_of(error)
    try:
        setattr(error, _HOOK, lambda: lines)
    except AttributeError:  # an exception with slots; it shows a frame of ours, no more
        return error
    return error


def release(error: BaseException | None) -> None:
    """Take back what ``prepared`` did, once the cell has shown the error."""
    if error is not None:
        vars(error).pop(_HOOK, None)


def lead_tracebacks(shell: Any) -> None:  # noqa: ANN401  # untyped package
    """Have a shell show errors of runs with the user's lines alone, in any cell; the errors stay as they are."""
    show = shell.showtraceback

    @wraps(show)
    def showtraceback(exc_tuple: Any = None, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401  # as above
        kind, error, trace = exc_tuple if exc_tuple is not None else sys.exc_info()
        users = without_our_frames(trace)
        if users is None or not isinstance(error, BaseException):
            show(exc_tuple, *args, **kwargs)
            return
        whole = [(one, one.__traceback__) for one in led_to(error)]
        try:
            clean(error)
            show((kind, error, users), *args, **kwargs)
        finally:
            for one, before in whole:
                one.__traceback__ = before

    shell.showtraceback = showtraceback


def leave_tracebacks(shell: Any) -> None:  # noqa: ANN401  # untyped package
    """Undo what ``lead_tracebacks`` did."""
    vars(shell).pop("showtraceback", None)


class Stopped(KeyboardInterrupt):
    """The run of a workflow was stopped; shown in the cell as one line."""

    def __str__(self) -> str:
        return f"the run of {self.args[0]!r} was stopped"

    def _render_traceback_(self) -> list[str]:
        return [f"Stopped: {self}"]
