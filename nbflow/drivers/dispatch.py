"""Brings a run's calls to whoever carries them out: a worker thread, a waiting thread, the loop.

One dispatch serves one run. It owns the run's lock, and is the hands of both drivers.
"""

from __future__ import annotations

import sys
import threading
from contextlib import suppress
from contextvars import copy_context
from typing import TYPE_CHECKING, Protocol

from nbflow import clock
from nbflow.core.call import Frame, current_frame
from nbflow.core.effects import Await, Commit, Program, Recall, Remember
from nbflow.core.outcome import Outcome
from nbflow.drivers import threads
from nbflow.drivers.admission import Admission
from nbflow.drivers.bodies import Bodies, aio
from nbflow.drivers.future import CallFuture, running_loop
from nbflow.errors import RunStopped, WouldBlockError

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from collections.abc import Callable, Iterable, Sequence

    from nbflow.core.call import Call, Spec
    from nbflow.core.record import Record, Value
    from nbflow.core.scheduler import Scheduler

# Deeper than this, a waiting thread leaves the call to a worker: Python's stack is not endless.
INLINE_LIMIT = 12


class Recollection(Protocol):
    """What takes results out of caches, and knows which are being computed."""

    def find(self, call: Call) -> Value | CallFuture | None:
        """Return a result, or who computes it; None lets the call compute it, until it lands."""
        ...

    def keep(self, call: Call, result: object) -> None:
        """Put a result in."""
        ...

    def land(self, future: CallFuture) -> None:
        """Note that a call has ended, so that who asks next need not wait for it."""
        ...


class Dispatch:
    """Carries out the calls of one run.

    Attributes:
        lock: held around every decision of the scheduler.
        scheduler: decides.
        admission: lets calls begin.
        bodies: runs the functions.
        recollect: takes results out of caches.
        save: makes records durable, or raises.
        loop: where async functions run; None until one does.
        body: the future of the root body.
        program: what carries the whole run out.
    """

    def __init__(
        self,
        scheduler: Scheduler,
        *,
        provide: Callable[[Spec, Frame], dict[str, object]],
        save: Callable[[Sequence[Record]], None] | None,
        loop: AbstractEventLoop | None = None,
        max_concurrency: int | None = None,
        recollect: Recollection,
    ) -> None:
        self.lock = threading.RLock()
        self.scheduler = scheduler
        self.save = save
        self.recollect = recollect
        self.bodies = Bodies(
            provide=provide, emit=self.emit, home_loop=self.home_loop, stopping=lambda: scheduler.stopping
        )
        self.call, self.acall = self.bodies.run, self.bodies.arun
        self.loop = loop
        self.admission = Admission(max_concurrency, self._launch)
        self.program: Program | None = None
        self.body: CallFuture | None = None
        self.on_end: list[Callable[[Outcome], None]] = []
        self._stopped = threading.Event()
        self._stalled: tuple[str, ...] = ()  # what the loop's thread waits for, as the start of paths

    def emit(self, frame: Frame, value: object, mode: str = "custom") -> None:
        """Pass a value on to those who listen."""
        with self.lock:
            self.scheduler.emit(frame, value, mode)

    def submit(
        self, frame: Frame, spec: Spec, args: tuple[object, ...], kwargs: dict[str, object], *, waits: bool = False
    ) -> CallFuture:
        """Take a request of a body and have it carried out; ``waits`` as for ``Host``."""
        with self.lock:
            call = self.scheduler.open(frame, spec, args, kwargs)
            future = call.promise = CallFuture(call, self)
        if call.carry:
            self._settle_past(call)
        if call.outcome is None:
            call.context = copy_context()
            if waits and self.is_on_loop() and not spec.is_async:
                self.admission.leave(frame.call)  # and wait_for runs it here: a worker might need the loop that waits
            elif self.admission.is_free(call):
                # The body of a sync caller is likely to ask for the result at once, and then runs the call itself.
                self._launch(future, soon=frame.call.spec.is_async)
            else:
                self.admission.leave(frame.call)
                self.admission.line_up(future)
        return future

    def _settle_past(self, call: Call) -> None:
        """Make durable what the caller has outlived, before anything that follows from it can be."""
        records, call.carry = call.carry, ()
        outcome = self.carry_out(Commit(records))
        if outcome.error is not None:
            raise outcome.error

    def begin(self, body: Call, program: Program, *, inline: bool) -> CallFuture:
        """Start the run; ``inline`` leaves a sync body to the thread that waits for it."""
        body.context = copy_context()
        if self.loop is not None:
            aio().adopt(self.loop)
            self.on_end.append(lambda _: aio().release(self.loop))
        self.program = program
        self.body = body.promise = CallFuture(body, self)
        if body.spec.is_async or not inline:
            self._launch(self.body)
        return self.body

    def _launch(self, future: CallFuture, *, soon: bool = True) -> None:
        if future.call.spec.is_async:
            if future.claim():
                aio().start(self.home_loop(), future, lambda: self._run_on_loop(future))
        else:
            threads.pool.submit(future, soon=soon)

    def home_loop(self) -> AbstractEventLoop:
        """Return the loop that async functions of this run use."""
        if self.loop is None:
            self.loop = aio().runtime_loop()
        return self.loop

    def _program(self, call: Call) -> Program:
        return self.program if call.caller is None and self.program else self.scheduler.perform(call)

    def run_here(self, future: CallFuture) -> None:
        """Run a claimed call in this thread."""
        call = future.call
        assert call.context is not None, "a call gets its context before anybody can claim it"
        try:
            outcome = call.context.run(threads.drive, self._program(call), self)
        except BaseException as error:  # noqa: BLE001  # Ctrl-C between two steps; whoever waits must learn of it
            outcome = Outcome(None, error)
        self._finish(future, outcome)

    async def _run_on_loop(self, future: CallFuture) -> None:
        try:
            outcome = await aio().drive(self._program(future.call), self)
        except BaseException as error:  # noqa: BLE001  # as in run_here
            outcome = Outcome(None, error)
        self._finish(future, outcome)

    def _finish(self, future: CallFuture, outcome: Outcome) -> None:
        self.admission.leave(future.call)
        if future.call.spec.cache is not None:
            self.recollect.land(future)
        if future is self.body:
            self._end(outcome)
        else:
            future.settle(outcome)

    def _end(self, outcome: Outcome) -> None:
        """Settle the run, then let go of calls that nobody waits for any more."""
        assert self.body is not None, "only a run that has begun can end"
        error = outcome.error
        if error is not None:
            self.scheduler.stopping = self.scheduler.stopping or type(error).__name__
        if not self.body.done():
            for callback in self.on_end:
                # A lease that can't be given back goes stale with this process; who waits must not wait for it.
                with suppress(Exception):
                    callback(outcome)
        self.body.settle(outcome)
        self._let_go(RunStopped(self.scheduler.stopping or "the run is over"))

    def _let_go(self, reason: RunStopped) -> None:
        self._stopped.set()
        for call in tuple(self.scheduler.open_calls.values()):
            self.scheduler.refused.append(call.path)
            future = call.promise
            if isinstance(future, CallFuture):
                future.claim()
                future.settle(Outcome(None, reason))
                self._cancel_task(future)

    def stop(self, program: Program) -> None:
        """End the run from outside with a program that writes its last record."""
        outcome = threads.drive(program, self)
        if self.body is not None:
            self._end(outcome)
            self._cancel_task(self.body)

    def _cancel_task(self, future: CallFuture) -> None:
        task = future.task
        if task is not None and self.loop is not None and not self.loop.is_closed():
            self.loop.call_soon_threadsafe(task.cancel)

    def cancel(self, future: CallFuture, msg: object) -> bool:
        """Cancel one call."""
        if future.done():
            return False
        call = future.call
        if future.task is None or call.attempt == 0:
            future.claim()
            with self.lock:
                self.scheduler.open_calls.pop(call.path, None)
            return future.settle(Outcome(None, aio().asyncio.CancelledError(*([msg] if msg else []))))
        self._cancel_task(future)
        return True

    def is_cancelled(self, error: BaseException | None) -> bool:
        """Whether an outcome says that the call was cancelled."""
        return error is not None and "asyncio" in sys.modules and bool(aio().is_cancelled(error))

    def saw(self, call: Call) -> None:
        """Note that the body that runs here was told how a call failed."""
        with self.lock:
            self.scheduler.failures.saw(current_frame.get(), call)

    def is_on_loop(self) -> bool:
        """Whether this thread is the one of the loop where async functions run."""
        return self.loop is not None and running_loop() is self.loop

    def wait_for(self, future: CallFuture) -> None:
        """Wait until a call has ended; run it here if nobody has begun."""
        call = future.call
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

    def carry_out(self, effect: Commit | Recall | Remember) -> Outcome:
        """Do what needs no waiting for others: storage and caches."""
        try:
            if isinstance(effect, Commit):
                if self.save is not None:
                    self.save(effect.records)
            elif isinstance(effect, Recall):
                return self._recall(effect.call)
            else:
                self.recollect.keep(effect.call, effect.result)
        except BaseException as error:  # noqa: BLE001  # the program decides whose failure that is
            return Outcome(None, error)
        return Outcome(None)

    def _recall(self, call: Call) -> Outcome:
        found = self.recollect.find(call)
        if isinstance(found, CallFuture):
            self.admission.leave(call)
            return Outcome(found.call)
        return Outcome(found)

    def await_calls(self, effect: Await) -> Outcome:
        """Wait for other calls in this thread."""
        for future in _futures(effect):
            if not future.done():
                self.wait_for(future)
        return Outcome([future.outcome for future in _futures(effect)])

    async def aawait_calls(self, effect: Await) -> Outcome:
        """Wait for other calls on this loop."""
        return Outcome([await aio().settled(future) for future in _futures(effect)])

    def sleep(self, seconds: float) -> Outcome:
        """Wait, but not longer than the run goes on."""
        threads.pool.wait(lambda: self._stopped.wait(clock.nap(seconds)))
        return Outcome(None)

    jittered = staticmethod(threads.jittered)


def _refuse_to_wait(calls: Iterable[Call], below: str) -> None:
    """Raise if one of the open calls below a path needs the loop."""
    for call in calls:
        if call.spec.is_async and call.path.startswith(below):
            raise WouldBlockError(call.path, call.spec.name)


def _futures(effect: Await) -> list[CallFuture]:
    return [call.promise for call in effect.calls if isinstance(call.promise, CallFuture)]
