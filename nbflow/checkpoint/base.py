"""The port of a checkpointer: append rows durably, read them back.

A thread is a sequence of runs, and a run is a segment of numbered rows. Run ids are ordered by
time, so the newest run of a thread is the one with the greatest id. Backends know nothing of
what rows mean; what can be made of this port they derive from ``shared``. One suite in
``tests/contract`` holds every backend to it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, runtime_checkable

from nbflow.store.base import BaseStore

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nbflow.values import RunnableConfig

__all__ = ["BaseCheckpointSaver", "BaseStore", "CheckpointTuple", "Row", "RunKey"]


class Row(NamedTuple):
    """One record of a run as it is stored.

    Attributes:
        seq: number within the run, from 0, without gaps.
        kind: name of the record's class.
        path: position of the call, such as ``"0.2"``.
        head: the record without its value, encoded.
        value: the user's value, encoded; None if there is none.
    """

    seq: int
    kind: str
    path: str
    head: bytes
    value: bytes | None


class RunKey(NamedTuple):
    """Names one run of one thread.

    Attributes:
        thread_id: the thread.
        run_id: the run; greater than that of every earlier run.
    """

    thread_id: str
    run_id: str


class CheckpointTuple(NamedTuple):
    """A checkpoint and what belongs to it.

    Attributes:
        config: addresses it.
        checkpoint: ``v``, ``id``, ``ts`` (ISO time in UTC) and ``channel_values``: ``__start__`` is an
            input, ``__end__`` the last result, ``__previous__`` what was saved with it.
        metadata: source, step and the user's metadata.
        parent_config: addresses the checkpoint before; None if there is none.
        pending_writes: what calls and the body have made of it: ``(position, channel, value)`` each.
    """

    config: RunnableConfig
    checkpoint: dict[str, Any]
    metadata: dict[str, Any]
    parent_config: RunnableConfig | None = None
    pending_writes: list[tuple[str, str, Any]] | None = None


@runtime_checkable
class BaseCheckpointSaver(Protocol):
    """Keeps the rows of runs; safe to use from any thread and any event loop."""

    def append(self, run: RunKey, rows: Sequence[Row], owner: str) -> None:
        """Store rows, all or none; on return they survive the death of the process.

        Args:
            run: which run they belong to.
            rows: numbered on from those that are there, in a new run from 0.
            owner: who writes; a runner may write after it gave the thread back, until another takes it.

        Raises:
            ThreadBusyError: if another runner has taken the thread since; nothing was stored.
        """
        ...

    def rows(self, run: RunKey, *, first: int | None = None, last: int | None = None) -> list[Row]:
        """Return the rows of a run in order: all, the ``first`` few or the ``last`` few."""
        ...

    def runs(self, thread_id: str, *, before: str | None = None, limit: int | None = None) -> list[str]:
        """Return ids of a thread's runs, newest first, those below ``before`` only."""
        ...

    def thread_ids(self) -> list[str]:
        """Return the threads that have runs, sorted."""
        ...

    def sizes(self, thread_id: str) -> dict[str, int]:
        """Return how many bytes the rows of each run of a thread take, by run."""
        ...

    def remove(self, thread_id: str, run_ids: Sequence[str], owner: str) -> None:
        """Forget runs of a thread, all or none; unknown ones are no error.

        Raises:
            ThreadBusyError: if another one than ``owner`` holds the thread.
        """
        ...

    def vacuum(self) -> None:
        """Give the space of what was removed back."""
        ...

    def lease(self, thread_id: str, owner: str) -> None:
        """Reserve a thread for one runner.

        Raises:
            ThreadBusyError: if a living runner holds it.
        """
        ...

    def holder(self, thread_id: str) -> str | None:
        """Return the living runner that holds a thread; None if nobody does."""
        ...

    def take_away(self, thread_id: str) -> None:
        """Free a thread from whoever holds it; once another runner has taken it, that one's writes are refused."""
        ...

    def release(self, thread_id: str, owner: str) -> None:
        """Give a thread back; does nothing if ``owner`` does not hold it."""
        ...
