"""Objects of LangGraph's where one of nbflow's is meant: an import line that was forgotten.

They are told by the module of their class; LangGraph itself is never imported.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nbflow.errors import ForeignObjectError

if TYPE_CHECKING:
    from types import TracebackType

_HOME = "langgraph"


def foreign_class(value: object) -> type | None:
    """Return the class of LangGraph's that a value is of, or is; None if it is of no such class."""
    kind = value if isinstance(value, type) else type(value)
    return next((base for base in kind.__mro__ if _is_foreign(base.__module__)), None)


def check_own(where: str, what: str, value: object) -> None:
    """Check that a value is none of LangGraph's.

    Args:
        where: the call that was given it, such as ``"invoke()"``.
        what: the argument.
        value: that was given.

    Raises:
        ForeignObjectError: if it is.
    """
    found = foreign_class(value)
    if found is None and callable(value) and _is_foreign(getattr(value, "__module__", None)):
        raise ForeignObjectError(where, what, str(value.__module__), getattr(value, "__name__", "it"))
    if found is not None:
        raise ForeignObjectError(where, what, found.__module__, found.__qualname__)


def note_foreign(error: BaseException) -> None:
    """Add to an error that LangGraph's code raised in a run which import is to be changed."""
    raised_by = _raised_by(error.__traceback__)
    if raised_by is None:
        return
    note = f"{raised_by} is LangGraph's and knows nothing of this run; import it from nbflow instead of langgraph"
    if note not in getattr(error, "__notes__", ()):
        error.add_note(note)


def _raised_by(traceback: TracebackType | None) -> str | None:
    """Return the first function of LangGraph's that a traceback comes by, below the code of the user's."""
    while traceback is not None:
        code = traceback.tb_frame
        module = code.f_globals.get("__name__")
        if _is_foreign(module):
            return f"{module}.{code.f_code.co_qualname}"
        traceback = traceback.tb_next
    return None


def _is_foreign(module: object) -> bool:
    return isinstance(module, str) and module.partition(".")[0] == _HOME
