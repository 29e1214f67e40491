"""How many bodies may work at the same time: of a run, and of one task in all runs of the process.

Only leaf work counts: a call that calls another gives its slots up for good, since it mostly
waits from then on. So no limit, however small, can make a run wait for itself.
"""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from nbflow.core.call import Call
    from nbflow.drivers.future import CallFuture
    from nbflow.drivers.limits.rate import RateLimit

Entry = tuple["CallFuture", "Callable[[CallFuture], None]"]


class ConcurrencyLimit:
    """Lets calls through, at most ``limit`` at a time, in the order they came.

    Attributes:
        limit: how many may be inside.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._lock = threading.Lock()
        self._inside: set[Call] = set()
        self._waiting: deque[Entry] = deque()

    def enter(self, future: CallFuture, then: Callable[[CallFuture], None]) -> None:
        """Call ``then(future)`` now, or when a slot is free; not at all once the call has ended."""
        with self._lock:
            if future.call.outcome is not None:  # who ended it has given up its slots, and would not give up this one
                return
            if len(self._inside) >= self.limit:
                self._waiting.append((future, then))
                return
            self._inside.add(future.call)
        then(future)

    def leave(self, call: Call) -> None:
        """Give the slot of a call, if it has one, to the next, when it ends or starts to wait for others."""
        with self._lock:
            if call not in self._inside:
                return
            self._inside.remove(call)
            following = self._next()
        if following is not None:
            future, then = following
            then(future)

    def _next(self) -> Entry | None:
        while self._waiting:
            entry = self._waiting.popleft()
            if entry[0].call.outcome is None:
                self._inside.add(entry[0].call)
                return entry
        return None


class TaskLimits:
    """The limits of one task, shared by all runs of the process.

    Attributes:
        concurrency: how many of its calls may work at the same time; None for any number.
        rate: how many may begin in a time; None for any number.
    """

    def __init__(self, concurrency: ConcurrencyLimit | None, rate: RateLimit | None) -> None:
        self.concurrency = concurrency
        self.rate = rate
