"""What stateful nested workflows saved: each continues what the same call of an earlier run left.

A nested workflow that was declared with ``checkpointer=True`` has a history over the finished
runs of its thread. Which history a call belongs to is said by its lineage, in its durable result.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, cast

from nbflow.checkpoint.base import RunKey
from nbflow.checkpoint.rows import load
from nbflow.core.log import Log
from nbflow.core.record import CallReturned, RunStarted

if TYPE_CHECKING:
    from nbflow.checkpoint.base import BaseCheckpointSaver


class Lineages:
    """The nested histories of a thread, read back run by run as far as they are asked for.

    Args:
        saver: keeps the thread; None without a checkpointer.
        started: the first record of the run that asks.
    """

    def __init__(self, saver: BaseCheckpointSaver | None, started: RunStarted) -> None:
        self._saver = saver
        self._thread_id = started.thread_id
        self._prior = started.prior
        self._newest: dict[str, CallReturned] = {}
        self._lock = threading.Lock()

    def last(self, lineage: str) -> CallReturned | None:
        """Return the newest earlier call of a lineage, whose result holds what it saved; None if there was none."""
        with self._lock:
            while lineage not in self._newest and self._prior is not None:
                self._prior = self._read(self._prior)
            return self._newest.get(lineage)

    def _read(self, run_id: str) -> str | None:
        """Take in what a finished run holds; return the one before it."""
        assert self._saver is not None, "only a kept run has one before it"
        records = load(self._saver, RunKey(self._thread_id, run_id))
        for record in reversed(Log(records).settled.values()):
            if isinstance(record, CallReturned) and record.lineage:
                self._newest.setdefault(record.lineage, record)
        return cast("RunStarted", records[0]).prior if records else None
