"""Warnings that point at the caller's line, not into the runtime."""

from __future__ import annotations

import sys
import warnings


def warn(text: str, category: type[Warning]) -> None:
    """Warn of something, with the number of its kind, at the line of the first caller outside of nbflow."""
    level, frame = 1, sys._getframe()  # noqa: SLF001  # what warnings.warn itself walks
    while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0] == "nbflow":
        level, frame = level + 1, frame.f_back
    number: str = getattr(category, "number", "")
    warnings.warn(f"{text} [{number}]" if number else text, category, stacklevel=level)
