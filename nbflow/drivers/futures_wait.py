"""Lets ``concurrent.futures.wait`` and ``as_completed`` wait for results as a body does, in the recorded order."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from nbflow._support import clock
from nbflow.core.call import current_frame

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from collections.abc import Callable, Sized

    from nbflow.core.deliveries import Deliveries
    from nbflow.core.outcome import Outcome


_READS_CLOCK = "_AsCompletedWaiter"  # of concurrent.futures, whose as_completed waits on until its own clock says stop
_TICK = 0.001


class Closing(Protocol):
    """What knows when an attempt is over; see ``Delivery``."""

    def close(self, body: Deliveries) -> None:
        """Give a body whose attempt is over all that is left, and what comes later at once."""
        ...


Future_contra = TypeVar("Future_contra", contravariant=True)


class Giving(Protocol[Future_contra]):
    """What gives bodies their results; see ``Delivery``."""

    @property
    def blocked(self) -> Sized:
        """Bodies whose results wait for rows that are being made durable."""
        ...

    def give(self, future: Future_contra, body: Deliveries) -> None:
        """Give a body that runs here, and waits for a result, what has arrived up to it."""
        ...

    def look(self, future: Future_contra) -> bool:
        """Whether a result is there for a body that does not wait for it."""
        ...

    def called_back(self, body: Deliveries, loop: AbstractEventLoop | None) -> None:
        """Take in that somebody left a callback with a result of a body."""
        ...

    def open_latches(self, body: Deliveries) -> None:
        """Have threads that wait as a body look at what has arrived."""
        ...

    def wake(self, body: Deliveries | None) -> None:
        """Have a body look at what has arrived."""
        ...

    def wait_until(self, body: Deliveries, is_enough: Callable[[], bool], timeout: float | None) -> bool:
        """Wait in this thread, as the body, until there is enough; False if the time is up."""
        ...


class Waiter(Protocol):
    """What ``concurrent.futures`` leaves with the futures that it waits for.

    Attributes:
        event: set when what is waited for has come.
    """

    event: object

    def add_result(self, future: object) -> None:
        """Note that it returned."""
        ...

    def add_exception(self, future: object) -> None:
        """Note that it failed."""
        ...

    def add_cancelled(self, future: object) -> None:
        """Note that it was cancelled."""
        ...


class Wake:
    """An event for ``concurrent.futures`` to set: who waits for it waits as a body."""

    def __init__(self, giving: Giving[Any], body: Deliveries, *, reads_clock: bool) -> None:
        self._giving = giving
        self._body = body
        self._is_set = False
        self._reads_clock = reads_clock

    def is_set(self) -> bool:
        """Whether it is set."""
        return self._is_set

    def set(self) -> None:
        """Wake those who wait."""
        self._is_set = True
        self._giving.open_latches(self._body)  # and calls nobody back: who sets this holds a lock of those who wait

    def clear(self) -> None:
        """Let those wait who come."""
        self._is_set = False

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until it is set; False if that took longer than ``timeout`` seconds, or is recorded to have done."""
        end = None if timeout is None else time.monotonic() + timeout
        is_set = self._giving.wait_until(self._body, self.is_set, timeout)
        if not is_set and end is not None and self._reads_clock:  # and would wait again, for what was not seen then
            time.sleep(max(0.0, clock.sleep_time(end - time.monotonic())) + _TICK)
        return is_set


class Watchers(list[Waiter]):
    """What ``concurrent.futures`` leaves with a result that it waits for, in the name of a body."""

    def __init__(self, giving: Giving[Any]) -> None:
        super().__init__()
        self._giving = giving

    def append(self, waiter: Waiter) -> None:
        """Have a waiter wait as the body that runs here, if its result is for that body."""
        frame = current_frame.get()
        body = (frame.trunk or frame).deliveries if frame is not None else None
        if body is not None and not isinstance(waiter.event, Wake):
            waiter.event = Wake(self._giving, body, reads_clock=type(waiter).__name__ == _READS_CLOCK)
        super().append(waiter)


def is_told(error: BaseException, ended: Outcome | None) -> bool:
    """Whether to tell of what a callback raised; not that its call was stopped, cancelled or paused.

    Raises:
        BaseException: what ends the process.
    """
    if isinstance(error, (KeyboardInterrupt, SystemExit)):
        raise error
    return isinstance(error, Exception) or ended is None or error is not ended.error
