"""Tracebacks without the frames of the runtime: the lines that their reader wrote."""

from __future__ import annotations

from types import TracebackType
from typing import Final

from nbflow.errors import asides
from nbflow.errors.storage import RemoteError

MAX_FRAMES: Final = 64  # innermost frames that are shown and kept of a traceback
_OURS = frozenset({"nbflow", "nbflow_widgets"})


def without_our_frames(trace: TracebackType | None) -> TracebackType | None:
    """Return a traceback without the frames of nbflow; None if there are no others."""
    kept: list[TracebackType] = []
    while trace is not None:
        module = str(trace.tb_frame.f_globals.get("__name__", ""))
        if module.partition(".")[0] not in _OURS:
            kept.append(trace)
        trace = trace.tb_next
    shown: TracebackType | None = None
    for one in reversed(kept):
        shown = TracebackType(shown, one.tb_frame, one.tb_lasti, one.tb_lineno)
    return shown


def traceback_text(error: BaseException) -> str:
    """Return the frames of a traceback but those of nbflow, those of a rebuilt exception included.

    Args:
        error: an exception that was raised here, or was loaded.
    """
    stored = asides.get(error, asides.TRACEBACK)
    if stored is not None:
        return stored
    if isinstance(error, RemoteError):
        return error.traceback_text
    if error.__traceback__ is None:
        return ""
    import traceback  # noqa: PLC0415  # only who shows or stores an error needs it

    users = without_our_frames(error.__traceback__) or error.__traceback__
    return "".join(traceback.format_tb(users, -MAX_FRAMES))
