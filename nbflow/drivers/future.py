"""The one kind of future that a call returns, for threads and event loops alike.

It starts out unclaimed. Whoever takes the claim, a worker or the thread that waits without a
time limit, runs the call; everybody else waits. It offers what ``concurrent.futures.Future``
and ``asyncio.Future`` offer, so ``gather``, ``wait`` and ``as_completed`` take it.
"""

from __future__ import annotations

import sys
import warnings
from _thread import allocate_lock
from contextvars import copy_context
from typing import TYPE_CHECKING, Protocol

from nbflow.core.call import Promise, current_frame
from nbflow.core.outcome import Outcome
from nbflow.errors import WouldBlockError

if TYPE_CHECKING:
    import threading
    from asyncio import AbstractEventLoop, Task
    from collections.abc import Callable, Generator
    from contextvars import Context

    from nbflow.core.call import Call


class Driver(Protocol):
    """What a future needs of whoever carries its run out."""

    lock: threading.RLock

    def run_here(self, future: CallFuture) -> None:
        """Run a claimed call in this thread."""
        ...

    def wait_for(self, future: CallFuture) -> None:
        """Wait in this thread until a call has ended."""
        ...

    def cancel(self, future: CallFuture, msg: object) -> bool:
        """Cancel one call."""
        ...

    def is_cancelled(self, error: BaseException | None) -> bool:
        """Whether an outcome says that the call was cancelled."""
        ...

    def saw(self, call: Call) -> None:
        """Note that the body that runs here was told how a call failed."""
        ...


class Waiter(Protocol):
    """What ``concurrent.futures`` leaves with the futures that it waits for."""

    def add_result(self, future: CallFuture) -> None:
        """Note that it returned."""
        ...

    def add_exception(self, future: CallFuture) -> None:
        """Note that it failed."""
        ...

    def add_cancelled(self, future: CallFuture) -> None:
        """Note that it was cancelled."""
        ...


def running_loop() -> AbstractEventLoop | None:
    """Return the event loop that runs in this thread; asyncio is not imported to find out."""
    asyncio = sys.modules.get("asyncio")
    return asyncio._get_running_loop() if asyncio is not None else None  # noqa: SLF001  # a documented name of asyncio.events


def on_loop() -> AbstractEventLoop | None:
    """Return the loop whose code this is; None in sync code, even where a loop waits below it."""
    loop, frame = running_loop(), current_frame.get()
    return None if frame is not None and not frame.call.spec.is_async and loop is frame.below else loop


class CallFuture(Promise):
    """The outcome of a call, once there is one.

    Attributes:
        call: whose outcome it is.
        outcome: how it ended; None until then.
        task: the asyncio task that runs it, if one does.
    """

    __slots__ = (
        "__weakref__", "_asyncio_future_blocking", "_callbacks", "_claim", "_done", "_driver", "_watchers",
        "outcome", "task",
    )  # fmt: skip

    def __init__(self, call: Call, driver: Driver) -> None:
        self.call = call
        self._driver = driver
        self.outcome: Outcome | None = call.outcome
        self.task: Task[None] | None = None
        self._asyncio_future_blocking = False
        self._watchers: list[Waiter] | None = None
        self._callbacks: list[tuple[Callable[[CallFuture], object], AbstractEventLoop | None, Context | None]] = []
        if self.outcome is None:
            self._claim = allocate_lock()
            self._done = allocate_lock()
            self._done.acquire()

    def __repr__(self) -> str:
        state = "pending" if self.outcome is None else "failed" if self.outcome.error else "done"
        return f"<call {self.call.path} of {self.call.spec.name!r}: {state}>"

    def claim(self) -> bool:
        """Take the right to run the call; True for exactly one caller."""
        return self._claim.acquire(blocking=False)

    def run(self) -> None:
        """Run the call in this thread; only who holds the claim may."""
        self._driver.run_here(self)

    def settle(self, outcome: Outcome) -> bool:
        """Give the outcome to all who wait; False if there was one already."""
        with self._driver.lock:
            if self.outcome is not None:
                return False
            self.outcome = outcome
            for waiter in self._watchers or ():
                self._tell(waiter, outcome)
        self._done.release()
        while self._callbacks:
            try:
                entry = self._callbacks.pop(0)
            except IndexError:
                break
            self._call_back(*entry)
        return True

    def _call_back(
        self, fn: Callable[[CallFuture], object], loop: AbstractEventLoop | None, context: Context | None
    ) -> None:
        if loop is None:
            try:
                fn(self)
            except Exception as error:  # noqa: BLE001  # others are still to be told, and whoever works here has more to do
                warnings.warn(f"{fn!r}, told of {self!r}, raised {error!r}", RuntimeWarning, stacklevel=2)
        elif loop is running_loop():
            loop.call_soon(fn, self, context=context)
        elif not loop.is_closed():
            loop.call_soon_threadsafe(fn, self, context=context)

    def done(self) -> bool:
        """Whether the call has ended."""
        return self.outcome is not None

    def running(self) -> bool:
        """Whether the call has begun and not ended."""
        return self.outcome is None and self._claim.locked()

    def cancelled(self) -> bool:
        """Whether the call was cancelled."""
        return self.outcome is not None and self._driver.is_cancelled(self.outcome.error)

    def cancel(self, msg: object = None) -> bool:
        """Stop the call if it can be stopped; False if it has ended.

        A sync body that runs already goes on to its end, but its result is dropped.
        """
        return self._driver.cancel(self, msg)

    def result(self, timeout: float | None = None) -> object:
        """Return what the call returned; wait for it if need be.

        Args:
            timeout: seconds to wait; None waits for ever, and runs the call itself if nobody has begun.

        Raises:
            TimeoutError: if it was not done in time; it goes on.
            WouldBlockError: if it is not done and this is code on an event loop.
        """
        outcome = self.outcome or self._wait(timeout)
        if outcome.error is not None:
            self._raise(outcome.error)
        return outcome.value

    def exception(self, timeout: float | None = None) -> BaseException | None:
        """Return what the call raised, or None; waits as ``result`` does."""
        outcome = self.outcome or self._wait(timeout)
        if outcome.error is not None:
            self._driver.saw(self.call)
            if self._driver.is_cancelled(outcome.error):
                raise outcome.error
        return outcome.error

    def _wait(self, timeout: float | None) -> Outcome:
        if on_loop() is not None:
            raise WouldBlockError(self.call.path, self.call.spec.name)
        return self.wait(timeout)

    def wait(self, timeout: float | None = None) -> Outcome:
        """Wait in this thread until the call has ended, and return how; as ``result``, loop or not."""
        if self.outcome is not None:
            return self.outcome
        self._block(timeout)
        outcome: Outcome | None = self.outcome
        assert outcome is not None, "the latch opens after the outcome is set"
        return outcome

    def _block(self, timeout: float | None) -> None:
        if timeout is None:
            self._driver.wait_for(self)
        elif not self._done.acquire(timeout=timeout):
            msg = f"call {self.call.path} of {self.call.spec.name!r} was not done within {timeout} s; it goes on"
            raise TimeoutError(msg)
        else:
            self._done.release()

    def block(self) -> None:
        """Wait until another thread has settled it."""
        self._done.acquire()
        self._done.release()

    def _raise(self, error: BaseException) -> None:
        self._driver.saw(self.call)
        raise error

    def add_done_callback(self, fn: Callable[[CallFuture], object], *, context: Context | None = None) -> None:
        """Call ``fn(self)`` when done: on the event loop for code on a loop, else where it ended."""
        loop = on_loop() if context is None else running_loop()
        if loop is not None and context is None:
            context = copy_context()  # whose callback it is, not whose call
        entry = (fn, loop, context)
        if not self.done():
            self._callbacks.append(entry)
            if not self.done():
                return
            try:
                self._callbacks.remove(entry)
            except ValueError:  # the one who settled it has called it
                return
        self._call_back(*entry)

    def when_settled(self, fn: Callable[[], None]) -> None:
        """Call ``fn()`` where the call ends, whatever loop runs here; at once if it has."""
        entry = (lambda _: fn(), None, None)
        self._callbacks.append(entry)
        if self.outcome is not None and entry in self._callbacks:
            self._callbacks.remove(entry)
            fn()

    def remove_done_callback(self, fn: Callable[[CallFuture], object]) -> int:
        """Take a callback back; returns how many there were."""
        mine = [entry for entry in self._callbacks if entry[0] == fn]
        for entry in mine:
            self._callbacks.remove(entry)
        return len(mine)

    def get_loop(self) -> AbstractEventLoop:
        """Return the event loop that asks, as asyncio's functions want to know."""
        loop = running_loop()
        if loop is None:
            msg = "no event loop runs in this thread"
            raise RuntimeError(msg)
        return loop

    # What concurrent.futures.wait and as_completed use of its own futures.

    @property
    def _condition(self) -> threading.RLock:
        return self._driver.lock

    @property
    def _state(self) -> str:
        if self.outcome is None:
            return "RUNNING" if self.running() else "PENDING"
        return "CANCELLED_AND_NOTIFIED" if self.cancelled() else "FINISHED"

    @property
    def _waiters(self) -> list[Waiter]:
        if self.outcome is None and on_loop() is not None:
            raise WouldBlockError(self.call.path, self.call.spec.name)
        if self._watchers is None:
            self._watchers = []
        return self._watchers

    def _tell(self, waiter: Waiter, outcome: Outcome) -> None:
        if outcome.error is None:
            waiter.add_result(self)
        elif self.cancelled():
            waiter.add_cancelled(self)
        else:
            waiter.add_exception(self)

    def __await__(self) -> Generator[CallFuture, None, object]:
        if self.outcome is None:
            self._asyncio_future_blocking = True
            yield self
        return self.result()

    __iter__ = __await__
