"""Runs kept in this process's memory, encoded like everywhere else; gone when it ends."""

from __future__ import annotations

import threading
from bisect import bisect_left, insort
from typing import TYPE_CHECKING

from nbflow.checkpoint.shared import SharedMethods
from nbflow.errors import ThreadBusyError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nbflow.checkpoint.base import Row, RunKey

_SLACK = 64


class InMemorySaver(SharedMethods):
    """A checkpointer for tests, examples and throw-away sessions."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._threads: dict[str, dict[str, list[Row]]] = {}
        self._ids: dict[str, list[str]] = {}  # of the runs of each thread, sorted
        self._owners: dict[str, str] = {}

    def __repr__(self) -> str:
        return f"InMemorySaver({len(self._threads)} threads)"

    def append(self, run: RunKey, rows: Sequence[Row], owner: str) -> None:
        """Store rows; see ``BaseCheckpointSaver``."""
        with self._lock:
            self._check(run.thread_id, owner)
            runs = self._threads.setdefault(run.thread_id, {})
            if run.run_id not in runs:
                if rows and rows[0].seq != 0:  # the run was removed: what comes in late for it is not wanted any more
                    return
                runs[run.run_id] = []
                insort(self._ids.setdefault(run.thread_id, []), run.run_id)
            runs[run.run_id].extend(rows)

    def rows(self, run: RunKey, *, first: int | None = None, last: int | None = None) -> list[Row]:
        """Return the rows of a run, in order."""
        with self._lock:
            found = self._threads.get(run.thread_id, {}).get(run.run_id, [])
            if first is None and last is None:
                return sorted(found)
            # Rows that were made at the same moment may be stored out of order, but never far apart.
            near = first + _SLACK if first is not None else -((last or 0) + _SLACK)
            return sorted(found[:near])[:first] if first is not None else sorted(found[near:])[-(last or 0) :]

    def runs(self, thread_id: str, *, before: str | None = None, limit: int | None = None) -> list[str]:
        """Return ids of a thread's runs, newest first."""
        with self._lock:
            ids = self._ids.get(thread_id, [])
            end = len(ids) if before is None else bisect_left(ids, before)
            begin = 0 if limit is None else max(0, end - limit)
            return ids[begin:end][::-1]

    def thread_ids(self) -> list[str]:
        """Return the threads that have runs, sorted."""
        with self._lock:
            return sorted(self._threads)

    def sizes(self, thread_id: str) -> dict[str, int]:
        """Return how many bytes the rows of each run take."""
        with self._lock:
            found = self._threads.get(thread_id, {})
            return {run: sum(len(row.head) + len(row.value or b"") for row in rows) for run, rows in found.items()}

    def remove(self, thread_id: str, run_ids: Sequence[str], owner: str) -> None:
        """Forget runs of a thread."""
        with self._lock:
            self._check(thread_id, owner)
            runs = self._threads.get(thread_id, {})
            for run_id in run_ids:
                if runs.pop(run_id, None) is not None:
                    self._ids[thread_id].remove(run_id)
            if not runs:
                self._threads.pop(thread_id, None)
                self._ids.pop(thread_id, None)

    def vacuum(self) -> None:
        """Do nothing: what was removed is gone."""

    def lease(self, thread_id: str, owner: str) -> None:
        """Reserve a thread for one runner."""
        with self._lock:
            if self._owners.setdefault(thread_id, owner) != owner:
                raise ThreadBusyError(thread_id, self._owners[thread_id])

    def holder(self, thread_id: str) -> str | None:
        """Return who holds a thread."""
        with self._lock:
            return self._owners.get(thread_id)

    def take_away(self, thread_id: str) -> None:
        """Free a thread from whoever holds it; once another runner has taken it, that one's writes are refused."""
        with self._lock:
            self._owners.pop(thread_id, None)

    def release(self, thread_id: str, owner: str) -> None:
        """Give a thread back."""
        with self._lock:
            if self._owners.get(thread_id) == owner:
                del self._owners[thread_id]

    def _check(self, thread_id: str, owner: str) -> None:
        holder = self._owners.get(thread_id, owner)
        if holder != owner:
            raise ThreadBusyError(thread_id, holder)


MemorySaver = InMemorySaver
