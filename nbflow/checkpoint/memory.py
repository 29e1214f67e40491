"""Runs kept in this process's memory, encoded like everywhere else; gone when it ends."""

from __future__ import annotations

import threading
from bisect import bisect_left, bisect_right
from itertools import count
from typing import TYPE_CHECKING, NamedTuple
from weakref import ReferenceType, ref

from nbflow.checkpoint.base import Owner, Segment
from nbflow.checkpoint.shared import SharedMethods
from nbflow.errors import ThreadBusyError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nbflow.checkpoint.base import Row, RunKey

_SLACK = 64


class _Stored(NamedTuple):
    """A run.

    Attributes:
        number: greater than those of all runs that were begun before.
        rows: in the order of their commits.
    """

    number: int
    rows: list[Row]


class _Thread:
    """A thread.

    Attributes:
        runs: by id, in the order in which they were begun.
    """

    def __init__(self) -> None:
        self.runs: dict[str, _Stored] = {}
        self._listed: tuple[list[str], list[str]] = ([], [])

    def listed(self) -> tuple[list[str], list[str]]:
        """Return the ids in the order in which they were begun, and sorted as texts."""
        if len(self._listed[0]) != len(self.runs) or (self.runs and self._listed[0][-1] != next(reversed(self.runs))):
            self._listed = (list(self.runs), sorted(self.runs))
        return self._listed

    def number(self, run_id: str) -> int:
        """Return the number of a run that there is."""
        return self.runs[run_id].number


class _Lease(NamedTuple):
    """Who has a thread, or had it last.

    Attributes:
        owner: the runner.
        token: greater than those of all leases of the thread before.
        refers: to the runner, if the lease is over when that is; None if it is held until it is given back.
        free: whether it was given back.
    """

    owner: str
    token: int
    refers: ReferenceType[Owner] | None
    free: bool = False

    def lives(self) -> bool:
        """Whether somebody holds the thread."""
        if self.free or self.refers is None:
            return not self.free
        owner = self.refers()
        return owner is not None and not owner.ended


class InMemorySaver(SharedMethods):
    """A checkpointer for tests, examples and throw-away sessions.

    Args:
        serde: only what is the default: None, or a ``JsonPlusSerializer()``; kept for LangGraph's users.

    Attributes:
        quick: True: it never waits.
    """

    quick = True

    def __init__(self, *, serde: object = None) -> None:
        if serde is not None:
            from nbflow.checkpoint.serde.base import check_serde  # noqa: PLC0415  # hardly ever given

            check_serde("InMemorySaver()", serde)
        self._lock = threading.Lock()
        self._threads: dict[str, _Thread] = {}
        self._numbers = count()
        self._leases: dict[str, _Lease] = {}

    def __repr__(self) -> str:
        return f"InMemorySaver({len(self._threads)} threads)"

    def append(self, run: RunKey, rows: Sequence[Row], owner: str) -> None:
        """Store rows; see ``BaseCheckpointSaver``."""
        with self._lock:
            self._check(run.thread_id, owner)
            self._store(run, rows)

    def try_append(self, run: RunKey, rows: Sequence[Row], owner: str) -> bool:
        """As ``append``; it never has to wait."""
        self.append(run, rows, owner)
        return True

    def append_all(self, segments: Sequence[Segment], owner: str) -> None:
        """Store rows of several runs, all or none."""
        with self._lock:
            for run, _ in segments:
                self._check(run.thread_id, owner)
            before = {key: self._length(key) for key, _ in segments}
            try:
                for run, rows in segments:
                    self._store(run, rows)
            except BaseException:
                for run, length in before.items():
                    self._cut(run, length)
                raise

    def _length(self, run: RunKey) -> int | None:
        thread = self._threads.get(run.thread_id)
        stored = thread.runs.get(run.run_id) if thread is not None else None
        return len(stored.rows) if stored is not None else None

    def _cut(self, run: RunKey, length: int | None) -> None:
        """Leave a run as it was with so many rows; None if it was not there."""
        thread = self._threads.get(run.thread_id)
        if thread is None or run.run_id not in thread.runs:
            return
        if length is not None:
            del thread.runs[run.run_id].rows[length:]
            return
        del thread.runs[run.run_id]
        if not thread.runs:
            del self._threads[run.thread_id]

    def _store(self, run: RunKey, rows: Sequence[Row]) -> None:
        """Store rows; each way through here changes what is there in one step, so that nothing comes between."""
        thread = self._threads.get(run.thread_id)
        stored = thread.runs.get(run.run_id) if thread is not None else None
        if stored is not None:
            stored.rows.extend(rows)
        elif rows and rows[0].seq == 0:  # else the run was removed: what comes in late for it is not wanted any more
            begun = _Stored(next(self._numbers), list(rows))
            if thread is not None:
                thread.runs[run.run_id] = begun
            else:
                thread = _Thread()
                thread.runs[run.run_id] = begun
                self._threads[run.thread_id] = thread

    def rows(self, run: RunKey, *, first: int | None = None, last: int | None = None) -> list[Row]:
        """Return the rows of a run, in order."""
        with self._lock:
            thread = self._threads.get(run.thread_id)
            stored = thread.runs.get(run.run_id) if thread is not None else None
            found: list[Row] = stored.rows if stored is not None else []
            if first is None and last is None:
                return sorted(found)
            # Rows that were made at the same moment may be stored out of order, but never far apart.
            near = first + _SLACK if first is not None else -((last or 0) + _SLACK)
            return sorted(found[:near])[:first] if first is not None else sorted(found[near:])[-(last or 0) :]

    def runs(self, thread_id: str, *, before: str | None = None, limit: int | None = None) -> list[str]:
        """Return ids of a thread's runs, newest first."""
        with self._lock:
            thread = self._threads.get(thread_id)
            if thread is None or (before is not None and before not in thread.runs):
                return []
            ids, _ = thread.listed()
            end = len(ids) if before is None else bisect_left(ids, thread.number(before), key=thread.number)
            begin = 0 if limit is None else max(0, end - limit)
            return ids[begin:end][::-1]

    def nearest(self, thread_id: str, point: str) -> str | None:
        """Return the id of a thread's run that is the greatest, as a text, not above ``point``."""
        with self._lock:
            thread = self._threads.get(thread_id)
            _, ids = thread.listed() if thread is not None else ([], [])
            place = bisect_right(ids, point)
            return ids[place - 1] if place else None

    def thread_ids(self) -> list[str]:
        """Return the threads that have runs, sorted."""
        with self._lock:
            return sorted(self._threads)

    def sizes(self, thread_id: str) -> dict[str, int]:
        """Return how many bytes the rows of each run take."""
        with self._lock:
            thread = self._threads.get(thread_id)
            found = thread.runs if thread is not None else {}
            return {
                run_id: sum(len(row.head) + len(row.value or b"") for row in run.rows) for run_id, run in found.items()
            }

    def remove(self, thread_id: str, run_ids: Sequence[str], owner: str) -> None:
        """Forget runs of a thread."""
        gone = set(run_ids)
        with self._lock:
            self._check(thread_id, owner)
            thread = self._threads.get(thread_id)
            if thread is None:
                return
            left = _Thread()
            left.runs = {run_id: run for run_id, run in thread.runs.items() if run_id not in gone}
            if left.runs:
                self._threads[thread_id] = left
            else:
                del self._threads[thread_id]

    def vacuum(self) -> None:
        """Do nothing: what was removed is gone."""

    def lease(self, thread_id: str, owner: str) -> int:
        """Reserve a thread for one runner."""
        with self._lock:
            held = self._leases.get(thread_id)
            token = 1
            if held is not None:
                if held.owner != owner and held.lives():
                    raise ThreadBusyError(thread_id, held.owner)
                token = held.token + (held.owner != owner or held.free)
            refers = ref(owner) if isinstance(owner, Owner) else None
            self._leases[thread_id] = _Lease(str(owner), token, refers)
            return token

    def holder(self, thread_id: str) -> str | None:
        """Return who holds a thread."""
        with self._lock:
            held = self._leases.get(thread_id)
            return held.owner if held is not None and held.lives() else None

    def take_away(self, thread_id: str) -> None:
        """Free a thread from whoever holds it; see ``BaseCheckpointSaver``."""
        with self._lock:
            held = self._leases.get(thread_id)
            if held is not None:
                self._leases[thread_id] = _Lease(held.owner, held.token, held.refers, free=True)

    def release(self, thread_id: str, owner: str) -> None:
        """Give a thread back."""
        with self._lock:
            held = self._leases.get(thread_id)
            if held is not None and held.owner == owner:
                self._leases[thread_id] = _Lease(held.owner, held.token, held.refers, free=True)

    def _check(self, thread_id: str, owner: str) -> None:
        held = self._leases.get(thread_id)
        if held is not None and held.owner != owner:
            raise ThreadBusyError(thread_id, held.owner, gone=held.free)


MemorySaver = InMemorySaver
