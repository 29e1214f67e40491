"""Brings a run's calls to whoever carries them out: a worker thread, a waiting thread, the loop.

One dispatch serves one run. It owns the run's lock, and is the hands of both drivers.
"""

from __future__ import annotations

from contextvars import copy_context
from typing import TYPE_CHECKING

from nbflow.core.call import Call, Frame, Promise
from nbflow.core.call_program import perform
from nbflow.core.effects import Program
from nbflow.core.outcome import Outcome
from nbflow.core.run_program import pause
from nbflow.drivers import threads
from nbflow.drivers.bodies import Bodies, aio, aside, standing
from nbflow.drivers.delivery import Delivery
from nbflow.drivers.future import CallFuture
from nbflow.drivers.hands import Hands
from nbflow.drivers.here import running_loop
from nbflow.drivers.limits.admission import Admission
from nbflow.drivers.listeners import Telling
from nbflow.drivers.standing_threads import look_after
from nbflow.drivers.standstill import Standstill
from nbflow.drivers.waits import INLINE_LIMIT
from nbflow.errors import GraphInterrupt, RunStopped

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from collections.abc import Callable, Mapping

    from nbflow.core.call import Spec
    from nbflow.core.scheduler import Scheduler
    from nbflow.drivers.hands import Journal, ResultCache


class Dispatch(Hands):
    """Carries out the calls of one run.

    Attributes:
        editions: the functions that the run runs, with the digests that their code had then.
        admission: lets calls begin.
        standstill: ends bodies that stand still because of a question.
        bodies: runs the functions.
        body: the future of the root body.
        program: what carries the whole run out; set when it begins.
        is_inline: whether the thread that waits for the run runs its body.
        telling: tells those who listen; ``untold`` is what they have not been told of.
    """

    def __init__(
        self,
        scheduler: Scheduler,
        *,
        provide: Callable[[Spec, Frame], dict[str, object]],
        journal: Journal | None,
        loop: AbstractEventLoop | None = None,
        max_concurrency: int | None = None,
        result_cache: ResultCache,
        editions: Mapping[Spec, Spec],
    ) -> None:
        super().__init__(scheduler, loop, journal, result_cache)
        self.editions = editions
        self.arrive = scheduler.arrive
        self.delivery = Delivery(self.lock, scheduler, self.revive)
        self.bodies = Bodies(
            provide=provide, emit=self.emit, home_loop=self.home_loop, stopping=lambda: scheduler.stopping
        )
        self.call, self.acall = self.bodies.run, self.bodies.arun
        self.untold, self.telling = scheduler.log.untold, Telling(scheduler.log)
        self.admission = Admission(max_concurrency, self._launch, scheduler.now)
        self.standstill = Standstill(scheduler.questions.waits)
        self.is_inline = False
        self.body: CallFuture | None = None
        self.on_end: list[Callable[[Outcome], None]] = []

    def emit(self, frame: Frame, value: object, mode: str = "custom") -> None:
        """Pass a value on to those who listen."""
        with self.lock:
            self.scheduler.emit(frame, value, mode)
        if self.untold:
            self.telling.tell()

    def hear(self, frame: Frame, stream: str, content: str | Mapping[str, object], display: str = "") -> None:
        """Note what the code of a frame says; never waits, as this may come from anywhere."""
        outputs = self.scheduler.outputs
        if outputs.put(frame, stream, content, display) and self.lock.acquire(
            blocking=False
        ):  # else who says or ends something next takes it in
            try:
                outputs.fold()
            finally:
                self.lock.release()

    def submit(
        self, frame: Frame, spec: Spec, args: tuple[object, ...], kwargs: dict[str, object], *, waits: bool = False
    ) -> CallFuture:
        """Take a request of a body and have it carried out; ``waits`` as for ``Host``."""
        if not frame.call.spec.is_async and running_loop() is not None:
            frame = standing(frame)
        call = Call("", self.editions[spec], args, kwargs)
        for arg in (*args, *kwargs.values()) if kwargs else args:
            if isinstance(arg, Promise):
                call.find_promises()
                break
        else:
            self.scheduler.prepare(call, frame)
        with self.lock:
            self.scheduler.open(frame, call)
            future = call.promise = CallFuture(call, self)
        if self.untold:
            self.telling.tell()
        if call.outcome is None:
            call.context = copy_context()
            if call.shelved:
                return future
            if waits and not spec.is_async and self.is_on_loop():
                self.admission.leave(frame.call)  # and wait_for runs it here: a worker might need the loop that waits
            elif waits and not spec.is_async and frame.call.inline < INLINE_LIMIT and self.admission.is_free(call):
                pass  # wait_for runs it here
            elif call.taken is not None or self.admission.is_free(call):
                # The body of a sync caller is likely to ask for the result at once, and then runs the call itself.
                self._launch(future, soon=frame.call.spec.is_async or frame.call.spec.program is not None)
            else:
                self.admission.leave(frame.call)
                self.admission.line_up(future)
        return future

    def revive(self, future: CallFuture) -> None:
        """Run a call after all that its caller is recorded to have cancelled, and now waits for."""
        call = future.call
        with self.lock:
            if not call.shelved or future.call.outcome is not None:
                return
            self.scheduler.unshelve(call)
        self.admission.line_up(future)

    def begin(self, body: Call, program: Program, *, inline: bool) -> CallFuture:
        """Start the run; ``inline`` leaves a sync body to the thread that waits for it."""
        body.context = copy_context()
        if self.loop is not None:
            aio().adopt(self.loop)
            self.on_end.append(lambda _: aio().release(self.loop))
        self.program: Program = program
        self.is_inline = inline
        self.body = body.promise = CallFuture(body, self)
        if body.spec.is_async or not inline:
            self._launch(self.body)
        return self.body

    def _launch(self, future: CallFuture, *, soon: bool = True) -> None:
        if future.call.spec.is_async:
            if future.claim():
                aio().start(self.loop or self.home_loop(), future, self._run_on_loop)
            return
        try:
            threads.pool.submit(future, soon=soon)
        except RuntimeError as error:  # the system gives no thread: sync code that waits for the call runs it itself
            caller = future.call.caller
            if caller is None:
                raise
            if caller.call.spec.is_async and future.claim():
                self._finish(future, Outcome(None, error))

    def run_here(self, future: CallFuture) -> None:
        """Run a claimed call in this thread."""
        call = future.call
        assert call.context is not None, "a call gets its context before anybody can claim it"
        try:
            program = self.program if future is self.body else perform(self.scheduler, call)
            outcome = call.context.run(threads.drive, program, self)
        except BaseException as error:  # noqa: BLE001  # Ctrl-C between two steps; whoever waits must learn of it
            outcome = Outcome(None, error)
            self._saved(call, is_durable=False)
        self._finish(future, outcome)

    async def _run_on_loop(self, future: CallFuture) -> None:
        try:
            program = self.program if future is self.body else perform(self.scheduler, future.call)
            outcome = await aio().drive(program, self)
        except BaseException as error:  # noqa: BLE001  # as in run_here
            outcome = Outcome(None, error)
            self._saved(future.call, is_durable=False)
        if future.call.cancelling and outcome.error is None and getattr(future.task, "_must_cancel", False):
            # Its caller was told that it is cancelled, and its body has not come to learn of that.
            outcome = Outcome(None, aio().asyncio.CancelledError())
        if future is self.body and self.on_end:
            await aside()(lambda: self._clear_up(outcome))
        self._finish(future, outcome)

    def _finish(self, future: CallFuture, outcome: Outcome) -> None:
        if self.admission.is_limited or future.call.spec.limits is not None:
            self.admission.leave(future.call)
        if future.call.spec.cache is not None:
            self.result_cache.land(future)
        if future is self.body:
            self._end(outcome)
        elif not (self._settle_cancelled(future, outcome) if future.call.cancelling else future.settle(outcome)):
            self._leave_line(future.call)
        elif isinstance(outcome.error, GraphInterrupt):
            self.stands_still(future.call.caller)
        if self.untold:
            self.telling.tell()

    def _end(self, outcome: Outcome) -> None:
        """Settle the run, then let go of calls that nobody waits for any more."""
        assert self.body is not None, "only a run that has begun can end"
        if outcome.error is not None:
            self.scheduler.stopping = self.scheduler.stopping or type(outcome.error).__name__
        self._clear_up(outcome)
        self.telling.tell(to_the_end=True)
        self.body.settle(outcome)
        self._let_go(RunStopped(self.scheduler.stopping or "the run is over"))

    def _clear_up(self, outcome: Outcome) -> None:
        """Do what is to be done at the end of the run, once."""
        try:
            while self.on_end:
                self.on_end.pop(0)(outcome)
        except Exception:  # noqa: BLE001  # a lease that can't be given back goes stale with this process: nobody waits
            self._clear_up(outcome)

    def _let_go(self, reason: RunStopped) -> None:
        self._wake_sleepers()
        unbegun: list[Call] = []
        for call in tuple(self.scheduler.open_calls.values()):
            self.scheduler.refused.append(call.path)
            future = call.promise
            if isinstance(future, CallFuture):
                if self._forestall(future):
                    unbegun.append(call)
                future.settle(Outcome(None, reason))
                self._cancel_task(future)
        if unbegun:
            self.admission.leave(*unbegun)  # once all have ended, so that no slot goes from one of them to another

    def stands_still(self, frame: Frame | None) -> None:
        """Take in that a body has asked, or a call that it made has: it may wait for what never comes."""
        self.standstill.watch(frame)
        if not self.root.spec.is_async:
            look_after(self)

    @property
    def root(self) -> Call:
        """The call of the root body."""
        assert self.body is not None, "only a run that has begun is looked after"
        return self.body.call

    @property
    def at_work(self) -> Mapping[str, int]:
        """By position of a call, the thread that its sync function runs in."""
        return self.bodies.at_work

    def pause(self) -> None:
        """End the run from outside with the questions that it waits with."""
        if not self.scheduler.ended:
            self.stop(pause(self.scheduler, self.root))

    def stop(self, program: Program) -> None:
        """End the run from outside with a program that writes its last record."""
        outcome = threads.drive(program, self)
        if self.body is not None:
            self._end(outcome)
            self._cancel_task(self.body)

    def cancel(self, future: CallFuture, msg: object) -> bool:
        """Cancel one call; that its caller did so is recorded, and comes again on replay."""
        call = future.call
        if future.outcome is not None or call in self.scheduler.results.rows.in_flight:
            return False
        if future.call.outcome is not None:
            future.done()
            return False
        if future.task is None or call.attempt == 0:
            unbegun = self._forestall(future)
            with self.lock:
                self.scheduler.give_up(call)
            if not future.settle(Outcome(None, aio().asyncio.CancelledError(*([msg] if msg else [])))):
                return False
            if unbegun:
                self.admission.leave(call)
            self.telling.tell()
            return True
        call.cancelling = True
        self._cancel_task(future)
        return True
