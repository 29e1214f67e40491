"""The upkeep of threads in any saver: copy them, drop what is not needed any more.

What a saver must do itself stands in ``base``; all of this is decided over it, once. Whoever changes
a thread holds its lease while it does.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, cast

from nbflow._support import clock
from nbflow.checkpoint.base import Owner, RunKey, Segment
from nbflow.checkpoint.rows import from_row, load, to_row
from nbflow.core.record import RunReturned, RunStarted
from nbflow.errors import InvalidOptionError, ThreadBusyError
from nbflow.values import is_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from nbflow.checkpoint.base import BaseCheckpointSaver

STRATEGIES = ("keep_latest", "delete")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pruned:
    """What pruning has dropped, or would drop.

    Attributes:
        runs: how many runs.
        bytes: how much their records and values took.
        busy: threads that were left alone, as somebody works on them.
    """

    runs: int = 0
    bytes: int = 0
    busy: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What to drop of a thread.

    Attributes:
        strategy: of STRATEGIES.
        cutoff: seconds since 1970; only what is older goes. None for whatever its age.
        max_bytes: the oldest runs go until the thread takes no more; None for no limit.
    """

    strategy: str
    cutoff: float | None
    max_bytes: int | None

    def dropped(self, saver: BaseCheckpointSaver, thread_id: str) -> list[str]:
        """Return the runs of a thread that are to go."""
        runs = saver.runs(thread_id)
        if not runs:
            return []
        if self.strategy == "delete":
            return runs if self._is_old(saver, RunKey(thread_id, runs[0])) else []
        needed = _needed(saver, RunKey(thread_id, runs[0]))
        oldest_first = [run_id for run_id in reversed(runs) if run_id not in needed]
        if self.cutoff is None and self.max_bytes is not None:
            return self._too_many(saver, thread_id, oldest_first, [])
        dropped = [run_id for run_id in oldest_first if self._is_old(saver, RunKey(thread_id, run_id))]
        return dropped if self.max_bytes is None else self._too_many(saver, thread_id, oldest_first, dropped)

    def _is_old(self, saver: BaseCheckpointSaver, run: RunKey) -> bool:
        return self.cutoff is None or load(saver, run, last=1)[-1].at < self.cutoff

    def _too_many(
        self, saver: BaseCheckpointSaver, thread_id: str, oldest_first: Iterable[str], dropped: list[str]
    ) -> list[str]:
        sizes = saver.sizes(thread_id)
        left = sum(sizes.values()) - sum(sizes.get(run_id, 0) for run_id in dropped)
        for run_id in oldest_first:
            if left <= (self.max_bytes or 0):
                break
            if run_id not in dropped:
                dropped.append(run_id)
                left -= sizes.get(run_id, 0)
        return dropped


def policy_of(strategy: str, older_than: timedelta | datetime | None, max_bytes: int | None) -> Policy:
    """Return what a caller asked for.

    Raises:
        InvalidOptionError: if it can't be.
    """
    if strategy not in STRATEGIES:
        raise InvalidOptionError("prune()", "strategy", repr(strategy), "it is 'keep_latest' or 'delete'")
    if max_bytes is not None and (type(max_bytes) is not int or max_bytes < 0):
        raise InvalidOptionError("prune()", "max_bytes", repr(max_bytes), "it is a number of bytes, or None")
    if strategy == "delete" and max_bytes is not None:
        raise InvalidOptionError("prune()", "max_bytes", repr(max_bytes), "it goes with strategy='keep_latest'")
    return Policy(strategy=strategy, cutoff=_cutoff(older_than), max_bytes=max_bytes)


def _cutoff(older_than: timedelta | datetime | None) -> float | None:
    if isinstance(older_than, timedelta):
        return clock.wall() - older_than.total_seconds()
    if isinstance(older_than, datetime):
        return older_than.timestamp()
    if older_than is not None:
        raise InvalidOptionError("prune()", "older_than", repr(older_than), "it is a timedelta, a datetime or None")
    return None


def prune(saver: BaseCheckpointSaver, thread_ids: Iterable[str], policy: Policy, *, dry_run: bool) -> Pruned:
    """Drop runs of threads; one that somebody works on is left alone."""
    runs = freed = 0
    busy = []
    for thread_id in texts("prune()", "thread_ids", thread_ids):
        try:
            with leased(saver, "prune()", thread_id) as owner:
                dropped = policy.dropped(saver, thread_id)
                sizes = saver.sizes(thread_id) if dropped else {}
                if not dry_run:
                    saver.remove(thread_id, dropped, owner)
        except ThreadBusyError:
            busy.append(thread_id)
            continue
        runs += len(dropped)
        freed += sum(sizes.get(run_id, 0) for run_id in dropped)
    return Pruned(runs=runs, bytes=freed, busy=tuple(busy))


def copy_thread(saver: BaseCheckpointSaver, source: str, target: str) -> None:
    """Copy all runs of a thread to one that has none; all of them or none.

    Raises:
        InvalidOptionError: if the other thread has runs.
    """
    if not target or source == target:
        raise InvalidOptionError("copy_thread()", "target_thread_id", repr(target), "it is the id of another thread")
    with leased(saver, "copy_thread()", source, target) as owner:
        if saver.runs(target, limit=1):
            raise InvalidOptionError(
                "copy_thread()", "target_thread_id", repr(target), "that thread has runs; delete_thread() it first"
            )
        saver.append_all([_copied(saver, RunKey(source, one), target) for one in reversed(saver.runs(source))], owner)


def _copied(saver: BaseCheckpointSaver, run: RunKey, target: str) -> Segment:
    """Return the rows of a run as those of another thread."""
    first, *others = saver.rows(run)
    started = cast("RunStarted", from_row(first))
    started.thread_id = target
    return Segment(RunKey(target, run.run_id), [to_row(started, first.seq), *others])


def delete_for_runs(saver: BaseCheckpointSaver, run_ids: Iterable[str]) -> None:
    """Forget runs, whatever thread they are in; unknown ones are no error."""
    wanted = set(texts("delete_for_runs()", "run_ids", run_ids))
    found = {thread_id: [one for one in saver.runs(thread_id) if one in wanted] for thread_id in saver.thread_ids()}
    affected = [thread_id for thread_id, runs in found.items() if runs]
    with leased(saver, "delete_for_runs()", *affected) as owner:
        for thread_id in affected:
            saver.remove(thread_id, found[thread_id], owner)


@contextmanager
def leased(saver: BaseCheckpointSaver, what: str, *thread_ids: str) -> Iterator[str]:
    """Hold threads; gives the owner's name.

    Raises:
        ThreadBusyError: if somebody works on one of them.
    """
    for thread_id in thread_ids:
        if not is_text(thread_id):
            raise InvalidOptionError(what, "thread_id", repr(thread_id), "it is text without lone surrogates")
    owner = Owner(f"{what} {clock.new_id()} in process {os.getpid()}")
    try:
        for thread_id in thread_ids:
            saver.lease(thread_id, owner)
        yield owner
    finally:
        owner.ended = True  # first of all: the leases are over with it, whatever comes between
        for thread_id in thread_ids:
            saver.release(thread_id, owner)


def texts(where: str, name: str, given: Iterable[object]) -> list[str]:
    """Return several ids as a list; one id alone is told, as it would be taken letter by letter.

    Raises:
        InvalidOptionError: if they are no collection of texts.
    """
    found = list(given)
    names = [one for one in found if isinstance(one, str)]
    if isinstance(given, (str, bytes)) or len(names) < len(found):
        raise InvalidOptionError(where, name, repr(given), "it is a list of texts, such as ['a']")
    return list(dict.fromkeys(names))


def _needed(saver: BaseCheckpointSaver, newest: RunKey) -> set[str | None]:
    """Return the newest run, and what it needs to go on: the run that ``previous`` comes from, and one it reuses."""
    if isinstance(load(saver, newest, last=1)[-1], RunReturned):
        return {newest.run_id}
    started = cast("RunStarted", load(saver, newest, first=1)[0])
    return {newest.run_id, started.prior, started.reuses}
