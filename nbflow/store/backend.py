"""What the stores of nbflow have in common: batches, and the removal of what has expired."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

from nbflow.store.base import BaseStore, Op, TTLConfig
from nbflow.store.batch import Batch, Packing, Rows
from nbflow.store.checks import check_minutes, checked_ttl
from nbflow.store.vectors import Index

_SWEEP_MINUTES = 5.0


class Backend(BaseStore):
    """A store whose items can expire and be found by meaning; for any thread, sync and async code."""

    supports_ttl = True
    _packing: Packing
    _passing: tuple[type[Exception], ...] = ()  # errors of a sweep that the next one may not meet

    def __init__(self, index: object, ttl: object) -> None:
        self.ttl_config: TTLConfig | None = checked_ttl(ttl)
        self._index = None if index is None else Index(index)
        self._sweeper_lock = threading.Lock()
        self._sweeper: tuple[threading.Thread, threading.Event] | None = None

    def batch(self, ops: Iterable[Op]) -> list[Any]:
        """Carry out several operations; see ``BaseStore``."""
        batch = Batch(ops, self._packing, self._index)
        batch.embed()
        return self._transact(batch, writing=batch.writes)

    async def abatch(self, ops: Iterable[Op]) -> list[Any]:
        """As ``batch``, awaited."""
        batch = await Batch(ops, self._packing, self._index).embedded()
        return await self._atransact(batch, writing=batch.writes)

    def _transact(self, work: Callable[[Rows], list[Any]], *, writing: bool) -> list[Any]:
        """Call ``work`` with the items, all or nothing."""
        raise NotImplementedError

    async def _atransact(self, work: Callable[[Rows], list[Any]], *, writing: bool) -> list[Any]:
        return self._transact(work, writing=writing)

    def sweep_ttl(self) -> int:
        """Remove what has expired, to free its space; returns how many items that were.

        Nothing else needs it: an expired item is never found, swept or not.
        """
        raise NotImplementedError

    def start_ttl_sweeper(self, sweep_interval_minutes: float | None = None) -> None:
        """Sweep now and then, on a daemon thread, until the store is closed or forgotten.

        Args:
            sweep_interval_minutes: how often; None as the store was told, or every 5 minutes. It
                has no effect while a sweeper is at work.
        """
        check_minutes("start_ttl_sweeper()", "sweep_interval_minutes", sweep_interval_minutes)
        minutes = sweep_interval_minutes or (self.ttl_config or {}).get("sweep_interval_minutes") or _SWEEP_MINUTES
        with self._sweeper_lock:
            if self._sweeper is None or not self._sweeper[0].is_alive():
                enough = threading.Event()
                job = (weakref.ref(self), enough, minutes * 60)
                thread = threading.Thread(target=_sweep, args=job, name="nbflow-sweeper", daemon=True)
                self._sweeper = (thread, enough)
                thread.start()

    def stop_ttl_sweeper(self, timeout: float | None = None) -> bool:
        """Stop sweeping; returns whether the sweeper has ended within ``timeout`` seconds, None for any time."""
        with self._sweeper_lock:
            if self._sweeper is None:
                return True
            thread, enough = self._sweeper
            enough.set()
            thread.join(timeout)
            return not thread.is_alive()


def _sweep(store: weakref.ref[Backend], enough: threading.Event, seconds: float) -> None:
    while not enough.wait(seconds):
        alive = store()
        if alive is None:
            return
        with suppress(*alive._passing):  # noqa: SLF001  # of the same module
            alive.sweep_ttl()
        del alive  # or it would live until the next sweep
