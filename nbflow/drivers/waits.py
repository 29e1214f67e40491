"""How the code and the programs of a run wait for its calls, in worker threads and on the event loop."""

from __future__ import annotations

import sys
from _thread import RLock, allocate_lock
from typing import TYPE_CHECKING

from nbflow._support import clock
from nbflow.core.call import current_frame
from nbflow.core.effects import AwaitAny
from nbflow.core.outcome import Outcome
from nbflow.drivers import threads
from nbflow.drivers.bodies import aio
from nbflow.drivers.future import CallFuture
from nbflow.drivers.here import running_loop
from nbflow.errors import WouldBlockError

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from collections.abc import Iterable

    from nbflow.core.call import Call
    from nbflow.core.effects import Await, AwaitSaved
    from nbflow.core.scheduler import Scheduler
    from nbflow.drivers.delivery import Delivery

# Deeper than this, a waiting thread leaves the call to a worker: Python's stack is not endless.
INLINE_LIMIT = 12


class Waits:
    """The waiting of one run.

    Attributes:
        lock: held around every decision of the scheduler.
        scheduler: decides.
        loop: where async functions run; None until one does.
        is_over: whether the run is over.
    """

    def __init__(self, scheduler: Scheduler, loop: AbstractEventLoop | None) -> None:
        self.lock = RLock()
        self.scheduler = scheduler
        self.loop = loop
        self.is_over = False
        self._over = allocate_lock()  # held until the run is over
        self._over.acquire()
        self._stalled: tuple[str, ...] = ()  # what the loop's thread waits for, as the start of paths

    if TYPE_CHECKING:  # what the class that this is a part of has and does
        delivery: Delivery

        def run_here(self, future: CallFuture) -> None:
            """Run a claimed call in this thread."""

        def revive(self, future: CallFuture) -> None:
            """Run a call after all that its caller is recorded to have cancelled, and now waits for."""

    def home_loop(self) -> AbstractEventLoop:
        """Return the loop that async functions of this run use."""
        if self.loop is None:
            self.loop = aio().runtime_loop()
        return self.loop

    def saw(self, call: Call) -> None:
        """Note that the body that runs here was told how a call failed."""
        with self.lock:
            self.scheduler.failures.saw(current_frame.get(), call)

    def is_cancelled(self, error: BaseException | None) -> bool:
        """Whether an outcome says that the call was cancelled."""
        return error is not None and "asyncio" in sys.modules and bool(aio().is_cancelled(error))

    def is_on_loop(self) -> bool:
        """Whether this thread is the one of the loop where async functions run."""
        return self.loop is not None and running_loop() is self.loop

    def wait_for(self, future: CallFuture) -> None:
        """Wait until a call has ended; run it here if nobody has begun."""
        call = future.call
        if call.shelved:
            self.revive(future)
        frame = current_frame.get()
        depth = frame.call.inline if frame is not None else 0
        if call.spec.is_async:
            if self.is_on_loop() or call.path.startswith(self._stalled):
                raise WouldBlockError(call.path, call.spec.name)
            threads.pool.wait(future.block)
        elif (depth < INLINE_LIMIT or self.is_on_loop()) and not call.held and future.claim():
            call.inline = depth + 1
            self.run_here(future)
        elif self.is_on_loop():
            self._stall(future)
        else:
            threads.pool.wait(future.block)

    def _stall(self, future: CallFuture) -> None:
        """Wait on the loop's thread for a call that a worker runs, unless that would wait for the loop in turn."""
        below = f"{future.call.path}."
        with self.lock:
            _refuse_to_wait(self.scheduler.open_calls.values(), below)
            self._stalled = (below,)
        try:
            future.block()
        finally:
            self._stalled = ()

    def await_calls(self, effect: Await | AwaitAny) -> Outcome:
        """Wait for other calls in this thread."""
        if isinstance(effect, AwaitAny):
            return effect.mailbox.wait()
        for future in _futures(effect):
            if future.call.outcome is None:
                self.wait_for(future)
        return Outcome([future.call.outcome for future in _futures(effect)])

    async def aawait_calls(self, effect: Await | AwaitAny) -> Outcome:
        """Wait for other calls on this loop."""
        if isinstance(effect, AwaitAny):
            return await effect.mailbox.await_one()
        for future in _futures(effect):
            self.revive(future)
        return Outcome([await aio().settled(future) for future in _futures(effect)])

    @staticmethod
    def _forestall(future: CallFuture) -> bool:
        """Take the claim of a call that is over; whether it has not begun, so that nobody will finish it."""
        return future.claim() or (future.call.spec.is_async and future.call.attempt == 0)

    def _settle_cancelled(self, future: CallFuture, outcome: Outcome) -> bool:
        if future.call.outcome is None and self.is_cancelled(outcome.error):
            with self.lock:
                self.scheduler.cancelled(future.call)
        return future.settle(outcome)

    def _leave_line(self, call: Call) -> None:
        """Have no result wait for the row of a call that had been let go before that was durable."""
        with self.lock:
            in_flight = self.scheduler.results.rows.in_flight
            left = in_flight.pop(call, None) is not None
        if left:
            self.delivery.wake(call.deliveries)

    def _cancel_task(self, future: CallFuture) -> None:
        task = future.task
        if task is None or self.loop is None or self.loop.is_closed():
            return
        if running_loop() is self.loop:  # now: a turn of the loop later it may have ended by itself
            task.cancel()
        else:
            self.loop.call_soon_threadsafe(task.cancel)

    def await_saved(self, effect: AwaitSaved) -> Outcome:
        """Wait in this thread until the commit that carries what a body has seen is over."""
        latch = allocate_lock()
        latch.acquire()
        with self.lock:
            if effect.body.saving is None:
                return Outcome(None)
            effect.body.held_up.append(latch.release)
        threads.pool.wait(latch.acquire)
        return Outcome(None)

    def sleep(self, seconds: float) -> Outcome:
        """Wait, but not longer than the run goes on."""

        def doze() -> None:
            if self._over.acquire(timeout=clock.sleep_time(seconds)):
                self._over.release()

        threads.pool.wait(doze)
        return Outcome(None)

    def _wake_sleepers(self) -> None:
        """Have nobody sleep any longer, since the run is over."""
        with self.lock:
            was_over, self.is_over = self.is_over, True
        if not was_over:
            self._over.release()


def _refuse_to_wait(calls: Iterable[Call], below: str) -> None:
    """Raise if one of the open calls below a path needs the loop."""
    for call in calls:
        if call.spec.is_async and call.path.startswith(below):
            raise WouldBlockError(call.path, call.spec.name)


def _futures(effect: Await) -> list[CallFuture]:
    return [call.promise for call in effect.calls if isinstance(call.promise, CallFuture)]
