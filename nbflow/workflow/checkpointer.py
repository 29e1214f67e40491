"""Whether what a workflow is given as its checkpointer is one."""

from __future__ import annotations

from typing import Final

from nbflow._support.foreign import check_own
from nbflow._support.warnings import warn
from nbflow.errors import DecorationError, InvalidOptionError, NeverCalledWarning

NEVER_CALLED: Final = ("put", "aput", "put_writes", "aput_writes", "get_next_version")


def check_checkpointer(given: object, where: str = "@entrypoint()") -> None:
    """Check a checkpointer, and warn of methods that its author expects to be called.

    Raises:
        ForeignObjectError: if it is one of LangGraph's.
        DecorationError: if the decorator was used without parentheses.
        InvalidOptionError: if it is none.
    """
    from nbflow.checkpoint.base import BaseCheckpointSaver  # noqa: PLC0415  # only to check

    if given is None or isinstance(given, bool):
        return
    check_own("@entrypoint", "checkpointer", given)
    if isinstance(given, BaseCheckpointSaver) and not isinstance(given, type):
        _tell_never_called(type(given))
        return
    if callable(given) and hasattr(given, "__name__") and not isinstance(given, type):
        raise DecorationError(
            "@entrypoint", given.__name__, "it was used without parentheses; write @entrypoint() above the function"
        )
    hint = "a context manager: enter it with `with`" if hasattr(given, "__enter__") else f"a {type(given).__name__}"
    raise InvalidOptionError(
        where, "checkpointer", hint, "it is a saver such as InMemorySaver() or SqliteSaver('runs.db')"
    )


def _tell_never_called(kind: type) -> None:
    theirs = [base for base in kind.__mro__ if base.__module__.partition(".")[0] != "nbflow"]
    names = [name for name in NEVER_CALLED if any(name in vars(base) for base in theirs)]
    if names:
        text = (
            f"{kind.__qualname__}.{'() and '.join(names)}() is never called: nbflow keeps a run as a log of records, "
            "not as checkpoints. Override append() to see or change what is stored."
        )
        warn(text, NeverCalledWarning)
