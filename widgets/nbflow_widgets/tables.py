"""Threads, checkpoints and calls as tables: a minimal stand-in."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nbflow import Run
    from nbflow.types import BaseCheckpointSaver


def threads(saver: BaseCheckpointSaver) -> object:
    """Return the threads."""
    return saver.thread_ids()


def history(saver: BaseCheckpointSaver, thread: str) -> object:
    """Return the checkpoints of a thread."""
    return saver.runs(thread)


def calls(run: Run) -> object:
    """Return the calls of a run."""
    return run.calls
