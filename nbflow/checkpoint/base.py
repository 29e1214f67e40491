"""The port of a checkpointer: append rows durably, read them back.

A thread is a sequence of runs, in the order in which they were first stored, and a run is a
segment of numbered rows. Ids of runs say when they were made, by clocks that may go wrong: the
thread's order is its own. Backends know nothing of what rows mean; what can be made of this
port they derive from ``shared``. One suite in ``tests/contract`` holds every backend to it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, runtime_checkable

from nbflow.store.base import BaseStore

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nbflow.values import RunnableConfig

__all__ = ["BaseCheckpointSaver", "BaseStore", "CheckpointTuple", "Owner", "Row", "RunKey", "Segment"]


class Owner(str):  # noqa: SLOT000  # without a dict, nothing could refer to it weakly
    """Names a runner, for one lease: who leases again takes another one.

    Its leases are over when it has ended, or when nobody refers to it any more, even if they could
    not be given back. Those of a plain text are held until they are.

    Attributes:
        ended: whether the runner has ended.
    """

    ended = False


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
        run_id: the run.
    """

    thread_id: str
    run_id: str


class Segment(NamedTuple):
    """Rows of one run, to be stored with those of others.

    Attributes:
        run: which run they belong to.
        rows: numbered as for ``append``.
    """

    run: RunKey
    rows: Sequence[Row]


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

    @property
    def quick(self) -> bool:
        """Whether ``append`` never waits for a network, another thread's writing or another process.

        Code on an event loop may call it then; otherwise that code tries ``try_append`` first.
        """
        ...

    def append(self, run: RunKey, rows: Sequence[Row], owner: str) -> None:
        """Store rows, all or none; on return they survive the death of the process.

        Args:
            run: which run they belong to.
            rows: numbered on from those that are there, in a new run from 0.
            owner: who writes; a runner may write after it gave the thread back, until another takes it.

        Raises:
            ThreadBusyError: if another runner has taken the thread since, even if it gave it back; nothing was stored.
        """
        ...

    def append_last(self, run: RunKey, rows: Sequence[Row], owner: str) -> None:
        """As ``append``, and gives the thread back in the same step: rows that the run ends with."""
        ...

    def append_all(self, segments: Sequence[Segment], owner: str) -> None:
        """Store rows of several runs, all or none; otherwise as ``append``."""
        ...

    def try_append(self, run: RunKey, rows: Sequence[Row], owner: str) -> bool:
        """As ``append``, if that can be done now; False if it would have to wait for others, and nothing was stored.

        It may take as long as writing takes, but never waits for another thread or process that holds
        the storage. A worker thread can call ``append`` then.
        """
        ...

    def rows(self, run: RunKey, *, first: int | None = None, last: int | None = None) -> list[Row]:
        """Return the rows of a run in order: all, the ``first`` few or the ``last`` few."""
        ...

    def runs(self, thread_id: str, *, before: str | None = None, limit: int | None = None) -> list[str]:
        """Return ids of a thread's runs, the one that was begun last first.

        Args:
            thread_id: the thread.
            before: only those that were begun before this run of the thread; none if there is no such run.
            limit: how many at most; None for all.
        """
        ...

    def nearest(self, thread_id: str, point: str) -> str | None:
        """Return the greatest id, as a text, of a thread's runs that is not above ``point``; None if all are."""
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

    def lease(self, thread_id: str, owner: str) -> int:
        """Reserve a thread for one runner.

        Args:
            thread_id: the thread.
            owner: who is to hold it; an ``Owner`` holds it no longer than it lives.

        Returns:
            The fencing token: greater than those of all earlier leases of the thread.

        Raises:
            ThreadBusyError: if a living runner holds it.
        """
        ...

    def holder(self, thread_id: str) -> str | None:
        """Return the living runner that holds a thread; None if nobody does."""
        ...

    def take_away(self, thread_id: str) -> None:
        """Free a thread from whoever holds it; once another runner has taken it, what that one writes is refused."""
        ...

    def release(self, thread_id: str, owner: str) -> None:
        """Give a thread back; does nothing if ``owner`` does not hold it."""
        ...
