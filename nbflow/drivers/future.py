"""The one kind of future that a call returns, for threads and event loops alike.

It starts out unclaimed. Whoever takes the claim, a worker or the thread that waits without a
time limit, runs the call; everybody else waits. It offers what ``concurrent.futures.Future``
and ``asyncio.Future`` offer, so ``gather``, ``wait`` and ``as_completed`` take it.
"""

from __future__ import annotations

import warnings
from _thread import allocate_lock
from contextlib import suppress
from contextvars import copy_context
from typing import TYPE_CHECKING, NoReturn, Protocol

from nbflow.core.call import current_frame
from nbflow.core.outcome import Outcome
from nbflow.drivers.futures_wait import Wake, Watchers, is_told
from nbflow.drivers.here import is_idle, on_loop, running_here
from nbflow.drivers.unread import Unread
from nbflow.errors import WouldBlockError

if TYPE_CHECKING:
    import threading
    from _thread import LockType
    from asyncio import AbstractEventLoop, Task
    from collections.abc import Callable, Generator
    from contextvars import Context

    from nbflow.core.call import Call
    from nbflow.core.deliveries import Deliveries
from nbflow.drivers.futures_wait import Giving


class Driver(Protocol):
    """What a future needs of whoever carries its run out."""

    lock: threading.RLock

    @property
    def delivery(self) -> Giving[Watched]:
        """What gives bodies their results."""
        ...

    @property
    def arrive(self) -> Callable[[Call], Deliveries | None]:
        """What takes in that a call has ended; it returns None if the result need not wait."""
        ...

    def run_here(self, future: CallFuture) -> None:
        """Run a claimed call in this thread."""
        ...

    def wait_for(self, future: CallFuture) -> None:
        """Wait in this thread until a call has ended."""
        ...

    def revive(self, future: CallFuture) -> None:
        """Run a call after all that was shelved, if it was."""
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


# What is to be called with the future, on which loop (None for wherever the result is given), in which context.
Callback = tuple["Callable[[Watched], object]", "AbstractEventLoop | None", "Context | None"]


class Watched(Unread):
    """What ``concurrent.futures.wait`` and ``as_completed`` use of their own futures.

    Attributes:
        call: whose outcome it is; it has it once it has ended.
        outcome: the same, once its caller has been given it.
        is_watched: whether anybody is to be told of its end.
        watchers: what ``concurrent.futures`` left with it; None if nothing.
        callbacks: of the caller, called when it is given the outcome; None if there were none.
    """

    __slots__ = ("_claim", "_driver", "callbacks", "is_watched", "outcome", "watchers")

    _claim: LockType
    _driver: Driver
    watchers: Watchers | None
    callbacks: list[Callback] | None
    is_watched: bool
    _cancel_message = None  # asyncio.gather asks for it
    outcome: Outcome | None

    def done(self) -> bool:
        """Whether the call has ended; that it has not is recorded if the caller asks."""
        if self.outcome is not None:
            return True
        return self.call.outcome is not None if self.body is None else self._driver.delivery.look(self)

    def running(self) -> bool:
        """Whether the call has begun and not ended."""
        return not self.done() and self.call.outcome is None and self._claim.locked()

    def cancelled(self) -> bool:
        """Whether the call was cancelled."""
        outcome = self.outcome or (self.call.outcome if self.done() else None)
        return outcome is not None and outcome.error is not None and self._driver.is_cancelled(outcome.error)

    @property
    def body(self) -> Deliveries | None:
        """What gives the result to the body that runs here, if it is the one that made the call."""
        frame, deliveries = current_frame.get(), self.call.deliveries
        if frame is None or deliveries is None:
            return None
        return deliveries if (frame.trunk or frame).deliveries is deliveries else None

    @property
    def _condition(self) -> threading.RLock:
        return self._driver.lock

    @property
    def _state(self) -> str:
        if not self.done():
            return "RUNNING" if self.call.outcome is None and self._claim.locked() else "PENDING"
        return "CANCELLED_AND_NOTIFIED" if self.cancelled() else "FINISHED"

    def _make_cancelled_error(self) -> BaseException | None:  # as asyncio.gather wants to know of one that is cancelled
        return self.call.outcome.error if self.call.outcome is not None else None

    @property
    def _waiters(self) -> Watchers:
        if self.outcome is None and on_loop() is not None:
            raise WouldBlockError(self.call.path, self.call.spec.name)
        self.is_watched = True
        if self.watchers is None:
            self.watchers = Watchers(self._driver.delivery)
        return self.watchers

    def _tell_watchers(self, outcome: Outcome, *, as_body: bool) -> None:
        """Tell those who wait as the caller, when it is given the result; and others, when there is one."""
        for waiter in tuple(self.watchers or ()):
            if isinstance(waiter.event, Wake) is not as_body:
                continue
            if outcome.error is None:
                waiter.add_result(self)
            elif self._driver.is_cancelled(outcome.error):
                waiter.add_cancelled(self)
            else:
                waiter.add_exception(self)

    def call_back(self) -> None:
        """Call back the caller, who is given the outcome now."""
        if self.callbacks:
            self._call_all(self.callbacks)

    def call_back_on(self, loop: AbstractEventLoop) -> None:
        """As ``call_back``, called by the loop itself, so that those who wait there can go on at once."""
        callbacks = self.callbacks
        while callbacks:
            fn, where, context = callbacks.pop(0)
            if where is not loop or context is None:
                self._call_back(fn, where, context)
                continue
            try:
                context.run(fn, self)
            except BaseException as error:  # noqa: BLE001  # as the loop does with what its callbacks raise
                if is_told(error, self.call.outcome):
                    loop.call_exception_handler({"message": f"{fn!r}, told of {self!r}, raised", "exception": error})

    def _call_all(self, callbacks: list[Callback]) -> None:
        while callbacks:
            try:
                callback = callbacks.pop(0)
            except IndexError:  # another thread was quicker
                return
            self._call_back(*callback)

    def _call_back(
        self, fn: Callable[[Watched], object], loop: AbstractEventLoop | None, context: Context | None
    ) -> None:
        if loop is None:
            try:
                fn(self)
            except BaseException as error:  # noqa: BLE001  # others are still to be told, and whoever works here has more to do
                if is_told(error, self.call.outcome):
                    warnings.warn(f"{fn!r}, told of {self!r}, raised {error!r}", RuntimeWarning, stacklevel=2)
        elif loop is running_here()():
            loop.call_soon(fn, self, context=context)
        elif not loop.is_closed():
            loop.call_soon_threadsafe(fn, self, context=context)


class CallFuture(Watched):
    """The outcome of a call, once there is one.

    Its caller is given the outcome in its turn, see ``Delivery``; the runtime and other code see it at once.

    Attributes:
        call: whose outcome it is.
        outcome: the same, once its caller has been given it.
        task: the asyncio task that runs it, if one does.
    """

    __slots__ = ("__weakref__", "_asyncio_future_blocking", "_done", "_on_end", "_others", "task")

    def __init__(self, call: Call, driver: Driver) -> None:
        self.call = call
        self._driver = driver
        self.outcome: Outcome | None = None
        self.task: Task[None] | None = None
        self._asyncio_future_blocking = False
        self.watchers: Watchers | None = None
        self._on_end: list[Callable[[], None]] | None = None
        self.callbacks = None
        self.is_watched = False
        self._others: list[Callback] | None = None  # callbacks of other code than the caller's
        if call.outcome is None:
            self._claim = allocate_lock()
            self._done = allocate_lock()
            self._done.acquire()

    def __repr__(self) -> str:
        state = "pending" if self.call.outcome is None else "failed" if self.call.outcome.error else "done"
        return f"<call {self.call.path} of {self.call.spec.name!r}: {state}>"

    def why_unstorable(self) -> str:
        """Return what to do where it was to be stored."""
        name = self.call.spec.name
        return f"it is a call of {name!r}, not its result: ask for its result(), {name}(...).result(), or await it"

    def claim(self) -> bool:
        """Take the right to run the call; True for exactly one caller."""
        return self._claim.acquire(blocking=False)

    def run(self) -> None:
        """Run the call in this thread; only who holds the claim may."""
        self._driver.run_here(self)

    def settle(self, outcome: Outcome) -> bool:
        """Say how the call ended; False if that was said already."""
        driver, call = self._driver, self.call
        first = self.callbacks[:1] if self.callbacks else ()  # empty as well if another thread was quicker to call it
        if first and call.deliveries is not None and is_idle(first[0][1]):
            call.deliveries.wanted = call
        with driver.lock:
            if call.outcome is not None:
                return False
            call.outcome = outcome
            body = driver.arrive(call)
            if body is None:
                self.outcome = outcome
            if self.is_watched and self.watchers:
                self._tell_watchers(outcome, as_body=False)
                if body is None:
                    self._tell_watchers(outcome, as_body=True)
        self._done.release()
        if self.is_watched:
            self._tell_others(given=body is None)
        if (body is not None and body.waker is not None) or driver.delivery.blocked:
            driver.delivery.wake(body)
        return True

    def _tell_others(self, *, given: bool) -> None:
        """Call back all but the caller, and the caller too if it is given the outcome at once."""
        for fn in self._on_end or ():
            fn()
        if self._others:
            self._call_all(self._others)
        if given and self.callbacks:
            self._call_all(self.callbacks)

    def show(self) -> None:
        """Tell those who wait as the caller that it is given the outcome, with the lock held; ``call_back`` follows."""
        if self.watchers and self.outcome is not None:
            self._tell_watchers(self.outcome, as_body=True)

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
        outcome = self.outcome
        if outcome is None:
            body = self.body if timeout is None and self.call.outcome is not None else None
            if body is not None:
                self._driver.delivery.give(self, body)
            outcome = self.outcome or self.wait(timeout, is_code=True)
        if outcome.error is not None:
            self._driver.saw(self.call)
            raise outcome.error
        return outcome.value

    def exception(self, timeout: float | None = None) -> BaseException | None:
        """Return what the call raised, or None; waits as ``result`` does."""
        outcome = self.outcome or self.wait(timeout, is_code=True)
        if outcome.error is not None:
            self._driver.saw(self.call)
            if self._driver.is_cancelled(outcome.error):
                raise outcome.error
        return outcome.error

    def wait(self, timeout: float | None = None, *, is_code: bool = False) -> Outcome:
        """Wait in this thread until the call has ended, and return how.

        Args:
            timeout: as for ``result``.
            is_code: whether it is the code of a body that waits, which must not hold up an event loop.
        """
        if is_code and on_loop() is not None and (self.call.outcome is None or not self.done()):
            raise WouldBlockError(self.call.path, self.call.spec.name)
        body = self.body
        if timeout is None:
            if self.call.outcome is None:
                if body is not None:
                    body.wanted = self.call
                self._driver.wait_for(self)
                if self.outcome is not None:
                    return self.outcome
        elif body is not None:
            if not self._driver.delivery.wait_until(body, lambda: self.outcome is not None, timeout):
                self._give_up(timeout)
        elif self.call.outcome is None:
            self._block(timeout)
        if body is not None and self.outcome is None:
            self._take(body)
        outcome: Outcome | None = self.call.outcome
        assert outcome is not None, "the latch opens after the outcome is set"
        return outcome

    def _take(self, body: Deliveries) -> None:
        """Have the body, which waits, given the outcome, and those before it."""
        self._driver.delivery.give(self, body)
        if self.outcome is None:  # results of lower rows are still being made durable
            self._driver.delivery.wait_until(body, lambda: self.outcome is not None, None)

    def _block(self, timeout: float) -> None:
        if not self._done.acquire(timeout=timeout):
            self._give_up(timeout)
        else:
            self._done.release()

    def _give_up(self, timeout: float) -> NoReturn:
        msg = f"call {self.call.path} of {self.call.spec.name!r} was not done within {timeout} s; it goes on"
        raise TimeoutError(msg)

    def block(self) -> None:
        """Wait until another thread has settled it."""
        self._done.acquire()
        self._done.release()

    def add_done_callback(self, fn: Callable[[Watched], object], *, context: Context | None = None) -> None:
        """Call ``fn(self)`` when done: on the event loop for code on a loop, else where it ended."""
        if context is not None:  # as a task of asyncio's has it
            loop = running_here()()
        else:
            loop = on_loop()
            context = copy_context() if loop is not None else None  # whose callback it is, not whose call
        body = self.body
        callback = (fn, loop, context)
        with self._driver.lock:
            self.is_watched = True
            callbacks = (self._others if body is None else self.callbacks) or []
            callbacks.append(callback)
            if body is None:
                self._others = callbacks
            else:
                self.callbacks = callbacks
        if (
            body is not None
            and self.outcome is None
            and (loop is None or body.heard_on is not loop or body.arrived or body.shelved)
        ):
            self._driver.delivery.called_back(body, loop)
        if (self.call.outcome if body is None else self.outcome) is not None:
            with suppress(ValueError):  # somebody was quicker to call it
                callbacks.remove(callback)
                self._call_back(*callback)

    def when_settled(self, fn: Callable[[], None]) -> None:
        """Call ``fn()`` where the call ends, whatever loop runs here; at once if it has."""
        with self._driver.lock:
            if self.call.outcome is None:
                self.is_watched = True
                self._on_end = [*(self._on_end or ()), fn]
                return
        fn()

    def remove_done_callback(self, fn: Callable[[Watched], object]) -> int:
        """Take a callback back; returns how many there were."""
        count = 0
        for callbacks in (self.callbacks or [], self._others or []):
            for callback in [one for one in callbacks if one[0] == fn]:
                with suppress(ValueError):  # it has been called
                    callbacks.remove(callback)
                    count += 1
        return count

    def get_loop(self) -> AbstractEventLoop:
        """Return the event loop that asks, as asyncio's functions want to know."""
        loop = running_here()()
        if loop is None:
            msg = "no event loop runs in this thread"
            raise RuntimeError(msg)
        return loop

    def __await__(self) -> Generator[CallFuture, None, object]:
        if self.outcome is None:
            self._asyncio_future_blocking = True
            yield self
        outcome = self.outcome
        return outcome.value if outcome is not None and outcome.error is None else self.result()
