"""Gives bodies the results of their calls, in the order that ``core/deliveries.py`` decides, and wakes them.

A body in a worker thread is given results while it waits for one. A body on an event loop is given
one when the loop has nothing left to do for it, then the next once it has reacted; results that make
nothing ready to run, such as all but the last of a ``gather``, follow each other at once.
"""

from __future__ import annotations

import time
from _thread import allocate_lock
from contextvars import Context
from typing import TYPE_CHECKING

from nbflow._support import clock
from nbflow.drivers import threads
from nbflow.drivers.bodies import aio, timers
from nbflow.drivers.future import CallFuture, Watched
from nbflow.drivers.here import running_loop

if TYPE_CHECKING:
    import threading
    from _thread import LockType
    from asyncio import AbstractEventLoop
    from collections.abc import Callable, Sized

    from nbflow.core.deliveries import Deliveries, Ending
    from nbflow.core.scheduler import Scheduler

STUCK_SECONDS = 1.0  # before callbacks of sync code are called though a result recorded earlier has not been asked for


class Waker:
    """What wakes one body.

    Attributes:
        latches: open when a result has arrived, one for each thread that waits.
        loop: where coroutines of the body wait; None if none does.
        is_due: whether the loop will look for results.
        hops: how often the loop looked while it had other work for the body.
        calls_back: whether sync code left callbacks.
    """

    __slots__ = ("calls_back", "hops", "is_due", "latches", "loop")

    def __init__(self) -> None:
        self.latches: list[LockType] = []
        self.loop: AbstractEventLoop | None = None
        self.is_due = False
        self.hops = 0
        self.calls_back = False


class Delivery:
    """Gives the bodies of one run their results.

    Args:
        lock: of the run.
        scheduler: of the run.
        revive: begins a call that was shelved.
    """

    def __init__(self, lock: threading.RLock, scheduler: Scheduler, revive: Callable[[CallFuture], None]) -> None:
        self.lock = lock
        self._scheduler = scheduler
        self._revive = revive
        self.blocked: set[Deliveries] = set()

    def wake(self, body: Deliveries | None) -> None:
        """Have a body look at what has arrived, and others that were held up by it."""
        waker = body.waker if body is not None else None
        if body is not None and isinstance(waker, Waker):
            if waker.latches:
                self.open_latches(body)
            elif waker.loop is not None:
                self._send_for(body, waker)
            elif waker.calls_back:
                self._call_back(body)
        if self.blocked:
            with self.lock:
                blocked, self.blocked = self.blocked, set()
            for other in blocked:
                self.wake(other)

    def open_latches(self, body: Deliveries) -> None:
        """Have threads that wait as a body look at what has arrived."""
        if isinstance(body.waker, Waker):
            with self.lock:
                latches, body.waker.latches = body.waker.latches, []
            for latch in latches:
                latch.release()

    def waker(self, body: Deliveries) -> Waker:
        """Return what wakes a body."""
        with self.lock:
            if body.waker is None:
                body.waker = Waker()
        assert isinstance(body.waker, Waker), "nobody else writes it"
        return body.waker

    def close(self, body: Deliveries) -> None:
        """Give a body whose attempt is over all that is left, and what comes later at once."""
        with self.lock:
            body.closed = True
            given = _shown(body.take_until(None, overrule=True)) if body.arrived else []
        if given:
            self._tell(given)
        if body.waker is not None:
            self.wake(body)

    def give(self, future: Watched, body: Deliveries) -> None:
        """Give a body that runs here, and waits for a result, what has arrived up to it."""
        call, given = future.call, []
        with self.lock:
            first = body.take(overrule=True)
            if first is call and not future.watchers:  # as most are
                future.outcome = call.outcome
            elif first is not None:
                _show(first)
                if first is not call:
                    given = [first, *_shown(body.take_until(call, overrule=True))]
        if given:
            self._tell(given)
        elif future.callbacks and future.outcome is not None:
            future.call_back()

    @staticmethod
    def _tell(given: list[Ending]) -> None:
        for call in given:
            if isinstance(call.promise, CallFuture) and call.promise.callbacks:
                call.promise.call_back()

    def look(self, future: Watched) -> bool:
        """Whether a result is there for a body that does not wait for it; that it is not there is recorded."""
        body = future.body
        assert body is not None, "only a body looks"
        with self.lock:
            if body.expects_miss or future.call.outcome is None:
                body.miss()
                return False
            given = _shown(body.take_until(future.call))
            if future.outcome is None:
                body.miss()
        self._tell(given)
        return future.outcome is not None

    def wait_until(self, body: Deliveries, is_enough: Callable[[], bool], timeout: float | None) -> bool:
        """Wait in this thread, as the body, and take in results until there is enough; False if the time is up.

        Args:
            body: that waits.
            is_enough: looks whether what it waits for has come; called with the lock held.
            timeout: seconds; None waits for ever.
        """
        end = None if timeout is None else time.monotonic() + timeout
        waker = self.waker(body)
        while True:
            latch = allocate_lock()
            latch.acquire()
            with self.lock:
                given, done = self._take_until(body, is_enough, overrule=end is None)
                missed = not done and end is not None and body.expects_miss
                if missed:
                    body.miss()
                elif not done:
                    waker.latches.append(latch)
            self._tell(given)
            if done or missed:
                return done
            if end is None and body.shelved:
                self._revive_all(body)
            if not _acquired(latch, -1.0 if end is None else max(0.0, end - time.monotonic())):
                return self._time_is_up(body, waker, latch, is_enough)

    def _take_until(
        self, body: Deliveries, is_enough: Callable[[], bool], *, overrule: bool
    ) -> tuple[list[Ending], bool]:
        given: list[Ending] = []
        while not (done := is_enough()) and (call := body.take(overrule=overrule)) is not None:
            given += _shown([call])
        if not done and body.arrived:
            self.blocked.add(body)
        return given, done

    def _time_is_up(self, body: Deliveries, waker: Waker, latch: LockType, is_enough: Callable[[], bool]) -> bool:
        with self.lock:
            if latch in waker.latches:
                waker.latches.remove(latch)
            if not is_enough():
                body.miss()
                return False
        return True

    def _revive_all(self, body: Deliveries) -> None:
        for call in tuple(body.shelved):
            if isinstance(call.promise, CallFuture):
                self._revive(call.promise)

    def called_back(self, body: Deliveries, loop: AbstractEventLoop | None) -> None:
        """Take in that somebody left a callback with a result of a body: on a loop, or in sync code."""
        if loop is not None:
            body.heard_on = loop
            self.give_on(loop, body)
            return
        self.waker(body).calls_back = True
        if body.arrived:
            self._call_back(body)

    def give_on(self, loop: AbstractEventLoop, body: Deliveries) -> None:
        """Give a body what has arrived, and what will, when a loop has nothing else to do for it."""
        waker = self.waker(body)
        if waker.loop is not loop:  # what was to be called on another loop may never be: it may be closed
            waker.loop, waker.is_due = loop, False
        if body.arrived or body.shelved:
            self._send_for(body, waker)

    def _call_back(self, body: Deliveries, *, strictly: bool = True) -> None:
        """Call back sync code, in the recorded order whenever the results were asked for."""
        given: list[Ending] = []
        with self.lock:
            while not (strictly and _is_early(body.replays)) and (call := body.take(strictly=strictly)) is not None:
                given += _shown([call])
            is_stuck = body.arrived and strictly
        self._tell(given)
        if is_stuck:
            clock.later(STUCK_SECONDS, lambda: self._call_back(body, strictly=False))

    def _send_for(self, body: Deliveries, waker: Waker) -> None:
        """Have the loop of a body look for results soon."""
        loop = waker.loop
        with self.lock:
            if waker.is_due or loop is None or loop.is_closed():
                return
            waker.is_due = True
        if loop is running_loop():
            loop.call_soon(self._pump, body, waker, context=Context())
        else:
            aio().soon(loop, lambda: self._pump(body, waker))

    def _pump(self, body: Deliveries, waker: Waker) -> None:
        """Give a body on this loop one result after the other, as long as it has nothing else to do."""
        waker.is_due = False
        loop = waker.loop
        assert loop is not None, "only a loop gets here"
        ready: Sized | None = getattr(loop, "_ready", None)  # what it will call next; not every loop tells
        while body.arrived or body.shelved:
            if (ready or ready is None) and aio().is_busy(loop, body, waker.hops):
                waker.hops += 1
                self._send_for(body, waker)
                return
            waker.hops = 0
            with self.lock:
                call = body.take()
                if call is None and body.arrived and not body.expects_miss:
                    self.blocked.add(body)
                    return
                future = _show(call) if call is not None else None
            if future is None:
                self._go_on_without(body, loop)
                return
            before = len(ready) if ready is not None else 0
            if future.callbacks:
                future.call_back_on(loop)
            if ready is None or len(ready) != before:
                if body.arrived:
                    self._send_for(body, waker)
                return

    def _go_on_without(self, body: Deliveries, loop: AbstractEventLoop) -> None:
        """Have a body on this loop do what it is recorded to have done before the next result: its time runs out.

        If nothing of the kind is to come, the body has changed: it is given the result, or the call runs.
        """
        waker = self.waker(body)
        if timers().fire_next_timer(loop, body):
            self._send_for(body, waker)
            return
        with self.lock:
            given = _shown(body.take_until(None, overrule=True)) if body.arrived else []
            shelved = tuple(body.shelved) if not given else ()
        self._tell(given)
        for call in shelved:
            if isinstance(call.promise, CallFuture) and call.promise.callbacks:
                self._revive(call.promise)


def _is_early(call: Ending | None) -> bool:
    """Whether nobody has asked to be called back yet with a recorded result."""
    return call is not None and isinstance(call.promise, CallFuture) and not call.promise.callbacks


def _shown(taken: list[Ending]) -> list[Ending]:
    """Return the calls whose results a body is given, now that it sees them."""
    for call in taken:
        _show(call)
    return taken


def _show(call: Ending) -> CallFuture:
    """Have a body see the result of a call; return the future that it holds."""
    future = call.promise
    assert isinstance(future, CallFuture), "a call that was opened has a future"
    future.outcome = call.outcome
    if future.watchers:
        future.show()
    return future


def _acquired(latch: LockType, seconds: float) -> bool:
    found: list[bool] = []
    threads.pool.wait(lambda: found.append(latch.acquire(timeout=seconds)))
    return found[0]
