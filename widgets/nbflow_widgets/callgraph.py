"""The call graph of a run: a minimal stand-in."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nbflow import Run


def callgraph(run: Run, by: str = "call") -> object:
    """Return the graph."""
    return (by, run.calls)
