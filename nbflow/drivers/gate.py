"""How many task bodies of a run may work at the same time.

Only leaf work counts: a call that calls another gives its slot up for good, since it mostly
waits from then on. So no limit, however small, can make a run wait for itself.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from threading import RLock

    from nbflow.core.call import Call
    from nbflow.drivers.future import CallFuture


class Gate:
    """Lets calls through, at most ``limit`` at a time, in the order they came.

    Attributes:
        limit: how many may be inside.
    """

    def __init__(self, limit: int, lock: RLock, launch: Callable[[CallFuture], None]) -> None:
        self.limit = limit
        self._lock = lock
        self._launch = launch
        self._inside = 0
        self._waiting: deque[CallFuture] = deque()

    def enter(self, future: CallFuture) -> None:
        """Launch the call now, or when a slot is free."""
        with self._lock:
            if self._inside >= self.limit:
                self._waiting.append(future)
                return
            self._admit(future)
        self._launch(future)

    def _admit(self, future: CallFuture) -> None:
        self._inside += 1
        future.call.holds_slot = True

    def holds_back(self, future: CallFuture) -> bool:
        """Whether the call waits for a slot, so that nobody may run it yet."""
        return future in self._waiting

    def leave(self, call: Call) -> None:
        """Give the slot of a call to the next, when it ends or starts to wait for others."""
        admitted = None
        with self._lock:
            if not call.holds_slot:
                return
            call.holds_slot = False
            self._inside -= 1
            while self._waiting and admitted is None:
                candidate = self._waiting.popleft()
                admitted = None if candidate.done() else candidate
            if admitted is not None:
                self._admit(admitted)
        if admitted is not None:
            self._launch(admitted)
