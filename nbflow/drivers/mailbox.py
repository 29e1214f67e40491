"""Where calls are put that have ended, for a program that waits for any of many."""

from __future__ import annotations

from _thread import allocate_lock
from collections import deque
from typing import TYPE_CHECKING

from nbflow.core.outcome import Outcome
from nbflow.drivers import threads
from nbflow.drivers.bodies import aio

if TYPE_CHECKING:
    from collections.abc import Callable

    from nbflow.core.call import Call


class Mailbox:
    """Takes in which calls have ended, from any thread."""

    def __init__(self) -> None:
        self._ended: deque[Call] = deque()
        self._lock = allocate_lock()
        self._wake: Callable[[], object] | None = None

    def put(self, call: Call) -> None:
        """Put a call in that has ended, and wake who waits."""
        with self._lock:
            self._ended.append(call)
            wake, self._wake = self._wake, None
        if wake is not None:
            wake()

    def take(self) -> list[Call]:
        """Return the calls that have ended since it was asked last."""
        with self._lock:
            ended, self._ended = self._ended, deque()
        return [*ended]

    def wait(self) -> Outcome:
        """Wait in this thread until there is a call to take."""
        latch = allocate_lock()
        latch.acquire()
        if self._wakes(latch.release):
            threads.pool.wait(latch.acquire)
        return Outcome(None)

    async def await_one(self) -> Outcome:
        """As ``wait``, on this loop; the outcome is an error if that was cancelled."""
        asyncio = aio().asyncio
        loop = asyncio.get_running_loop()
        waiting = loop.create_future()
        if self._wakes(lambda: aio().soon(loop, lambda: waiting.done() or waiting.set_result(None))):
            try:
                await waiting
            except asyncio.CancelledError as error:
                return Outcome(None, error)
        return Outcome(None)

    def _wakes(self, wake: Callable[[], object]) -> bool:
        """Have ``wake`` called when a call ends; False if one has already."""
        with self._lock:
            if self._ended:
                return False
            self._wake = wake
        return True
