"""What is said of a workflow that was called like a function."""

from __future__ import annotations

import re
import traceback
from typing import TYPE_CHECKING

from nbflow import Workflow

if TYPE_CHECKING:
    from collections.abc import Mapping

_CALL = re.compile(r"(?P<name>[\w.\[\]'\"]+)\((?P<given>.*)\)", re.DOTALL)
_SAID = re.compile(r"'(\w+)' object is not callable")
LONG = 60
"""Characters of arguments that are repeated."""


def how_to_call(error: object, names: Mapping[str, object]) -> str:
    """Return what to do instead of calling a workflow; empty for any other error.

    Args:
        error: what a cell has raised.
        names: the user's namespace.
    """
    said = _SAID.fullmatch(str(error)) if isinstance(error, TypeError) else None
    kinds = {type(value).__name__ for value in tuple(names.values()) if isinstance(value, Workflow)}
    if said is None or said[1] not in kinds:
        return ""
    call = _CALL.fullmatch(_called(error))
    name = call["name"] if call is not None else "it"
    given = call["given"] if call is not None and len(call["given"]) <= LONG else "..."
    return (
        f"`{name}` is a workflow, which runs as `{name}.invoke({given})`, on an event loop as "
        f"`await {name}.ainvoke({given})`, and in the background as `{name}.start({given})`."
    )


def _called(error: object) -> str:
    """Return the code of the call that failed, where it stands in one line."""
    frames = traceback.extract_tb(error.__traceback__) if isinstance(error, BaseException) else None
    frame = frames[-1] if frames else None
    if frame is None or frame.line is None or frame.colno is None or frame.lineno != frame.end_lineno:
        return ""
    line = getattr(frame, "_original_line", frame.line)  # columns count from the start of the line, blanks included
    return str(line).encode()[frame.colno : frame.end_colno].decode(errors="replace")


__all__ = ["how_to_call"]
