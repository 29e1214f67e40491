"""One run as an object: look at it, wait for it, answer it, stop it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Generic

from nbflow import codec
from nbflow._support.foreign import note_foreign
from nbflow._support.loops import note_other_loop
from nbflow._support.warnings import warn
from nbflow.constants import BREAKPOINT
from nbflow.core.announce import begun
from nbflow.core.rebuilt import run_of, whole
from nbflow.core.record import RunHalted, RunStarted
from nbflow.core.replay import unreached
from nbflow.core.resuming import pending_questions, status_of
from nbflow.core.run_program import halt, is_pause
from nbflow.core.states import RunState, until_of
from nbflow.errors import (
    Breakpoint,
    LostFailureWarning,
    RunCancelledError,
    RunRests,
    RunStopped,
    UnfinishedRunError,
    UnreachedCallsWarning,
)
from nbflow.fingerprint import digest_of
from nbflow.runs.kept_code import changed_files_of, names_changed_since
from nbflow.values import Output_co, as_text
from nbflow.views.calls import CallRow, calls_of

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

    from nbflow.core.outcome import Outcome
    from nbflow.core.record import Record
    from nbflow.core.scheduler import Scheduler
    from nbflow.drivers.future import CallFuture
    from nbflow.session.session import Session
    from nbflow.values import Interrupt
    from nbflow.workflow.definition import Definition


class Run(Generic[Output_co]):
    """A run that was started, or one that was found in a checkpointer.

    Attributes:
        workflow: what runs.
        config: how.
        thread_id: the thread; empty without a checkpointer.
        run_id: names the run.
        watchers: told of each run that begins in this process, on the thread that begins it.
        is_joined: whether somebody else works on it, or did when this handle was made (``on_busy="join"``).
    """

    watchers: ClassVar[list[Callable[[Run[Any]], None]]] = []
    is_joined: bool = False

    def __init__(
        self,
        workflow: Definition,
        session: Session,
        records: Sequence[Record],
        go_on: Callable[[object], Run],
        early: Callable[[], list[Record]] | None = None,
    ) -> None:
        self.workflow = workflow
        self.config = session.config
        self.thread_id = session.thread_id
        self.run_id = session.run_id
        self._session = session
        self._records = records
        self._early = early
        self._go_on = go_on
        self._future: CallFuture | None = None
        self._past = len(records)

    def __repr__(self) -> str:
        where = f" on thread {self.thread_id!r}" if self.thread_id else ""
        return f"<run of {self.workflow.name}{where}: {self.status}>"

    def attach(self, future: CallFuture) -> None:
        """Make this the handle of a run that has begun."""
        self._future = future
        for tell in tuple(Run.watchers):
            tell(self)

    @property
    def log(self) -> Sequence[Record]:
        """All that has happened so far, in order."""
        if self._early is None:
            return self._records
        return [*self._early(), *self._records[1:]]

    @property
    def past(self) -> int:
        """How many of the first records of ``log`` were there when this handle was made."""
        return self._past if self._early is None else self._past + len(self._early()) - 1

    @property
    def status(self) -> RunState:
        """``running``, ``asking``, ``sleeping``, ``done``, ``failed``, ``stopped``; ``crashed`` if its process died."""
        if self._future is not None and not self._future.done():
            return "running"
        state = status_of(self._records)
        # A run that is stopped before its first record is durable writes its end after that one.
        is_stopping = self._future is not None and bool(self._session.dispatch.scheduler.stopping)
        return "stopped" if state == "crashed" and is_stopping else state

    @property
    def interrupts(self) -> tuple[Interrupt, ...]:
        """The questions that it waits with."""
        return tuple(asked.as_interrupt() for asked in pending_questions(self._records).values())

    @property
    def expires(self) -> float | None:
        """When the first of its open questions need not be answered any more, in seconds since 1970; None for never."""
        times = [asked.expires for asked in pending_questions(self._records).values() if asked.expires is not None]
        return min(times, default=None)

    @property
    def until(self) -> float | None:
        """When a run that sleeps goes on, in seconds since 1970; None if it does not."""
        return until_of(self._records) if self.status == "sleeping" else None

    @property
    def calls(self) -> list[CallRow]:
        """What it called so far, with times and states, in the order of their positions."""
        return calls_of(self.log)

    @property
    def input(self) -> object:
        """The input that it began with."""
        value = self._records[0].value if self._records else None
        return value.get() if value is not None else None

    def began_with(self, value: object) -> bool:
        """Whether ``value`` is the input that it began with, by content."""
        return codec.digest(self.input) == codec.digest(value)

    @property
    def is_current(self) -> bool:
        """Whether the body's code is what it was when the run began, as far as a digest can tell."""
        started = self._records[0] if self._records else None
        return isinstance(started, RunStarted) and started.code == digest_of(self.workflow.spec)

    @property
    def changed(self) -> tuple[str, ...]:
        """The names of what has changed of its code since it began, as far as digests tell: the body, what it uses."""
        return () if self.is_current else names_changed_since(self._records, self.workflow.spec)

    @property
    def changed_files(self) -> tuple[str, ...]:
        """The files that its results rest on and that have changed since it ended, as seen from the working folder."""
        return changed_files_of(self.log)

    def done(self) -> bool:
        """Whether it has ended, if only with a question."""
        return self._future is None or self._future.done()

    def on_done(self, fn: Callable[[], None]) -> None:
        """Call ``fn`` when the run has ended; at once if it has."""
        if self._future is None:
            fn()
        else:
            self._future.when_settled(fn)

    def result(self, timeout: float | None = None) -> Output_co:
        """Return what the body returned, or ``{"__interrupt__": [...]}`` if it asks; wait for it if need be.

        Args:
            timeout: seconds to wait; None waits for ever.

        Raises:
            TimeoutError: if it was not done in time; it goes on.
            RunCancelledError: if it was cancelled.
            UnloadableValueError: if the result is a stored one that can't be rebuilt here.
        """
        if self._future is None:
            return self._stored()
        future = self._future
        if future.outcome is None:
            try:
                future.wait(timeout)
            except KeyboardInterrupt:
                self.cancel("KeyboardInterrupt")
                raise
        return self._unwrap(future)

    def __await__(self) -> Generator[Any, None, Output_co]:
        if self._future is None:
            return self._stored()
        while not self._future.done():
            yield from _wake(self, self._future).__await__()
        return self._unwrap(self._future)

    def _unwrap(self, future: CallFuture) -> Output_co:
        outcome: Outcome | None = future.outcome
        assert outcome is not None, "a finished run has an outcome"
        error = outcome.error
        scheduler, state = self._session.dispatch.scheduler, self._session.state
        if scheduler.failures.unseen or scheduler.failures.left_out:
            _tell_lost_failures(scheduler, error)
        if error is None:
            if scheduler.replay.goes_on:
                _tell_unreached(self._session.dispatch.scheduler, self.workflow.name)
            return outcome.value  # type: ignore[return-value]  # what the body returned
        if is_pause(error):
            return self.workflow.paused(self._records, getattr(error, "interrupts", ()), state)  # type: ignore[return-value]  # see Workflow
        if isinstance(error, (Breakpoint, RunRests)):
            return self.workflow.paused(self._records, (), state)  # type: ignore[return-value]  # as above
        if isinstance(error, RunStopped):
            raise RunCancelledError(self.workflow.name, self.thread_id) from None
        note_foreign(error)
        note_other_loop(error)
        raise error

    def _stored(self) -> Output_co:
        """Return the result as it is stored, of a run that this handle did not begin."""
        status, workflow = self.status, self.workflow
        if status in {"asking", "sleeping"}:
            return workflow.paused(self._records, self.interrupts)  # type: ignore[return-value]  # as above
        if status not in {"done", "failed"}:
            return self._halted(status)
        if status == "done" and workflow.spec.kind == "graph":
            return workflow.paused(self._records, ())  # type: ignore[return-value]  # as above
        ended = next(record for record in reversed(self._records) if type(record).__name__ in _RESULTS)
        error = ended.value.get() if status == "failed" and ended.value is not None else None
        if isinstance(error, BaseException):
            raise error
        what = f"the result of {run_of(self._records)}"
        return whole(ended.value, what, "look at it as it is: get_state(config).values")  # type: ignore[return-value]  # as above

    def _halted(self, status: str) -> Output_co:
        """Return what a graph shows that stands at a breakpoint; any other run without an end has no result."""
        if stands_at_breakpoint(self._records):
            return self.workflow.paused(self._records, ())  # type: ignore[return-value]  # as above
        raise UnfinishedRunError(self.workflow.name, self.thread_id, status)

    def resume(self, answer: object) -> Run[Output_co]:
        """Answer the open question, or ``{id: answer}`` several, and go on in the background.

        Raises:
            NothingToResumeError: if no question is open.
        """
        return self._go_on(answer)

    def said(self, path: str) -> list[Record]:
        """Return what a call that works has printed and displayed so far, and that no record of the log holds yet."""
        if self.done():
            return []
        dispatch = self._session.dispatch
        with dispatch.lock:
            return [*dispatch.scheduler.outputs.so_far(path, dispatch.scheduler.now())]

    def cancel(self, reason: str = "cancelled") -> bool:
        """Stop the run at once; False if it has ended. Its thread can be resumed.

        No more calls begin; sync tasks that run already go on in their worker threads, and
        what they return is kept if nobody has resumed the thread by then.
        """
        if self._future is None or self._future.done():
            return False
        dispatch = self._session.dispatch
        dispatch.stop(halt(dispatch.scheduler, as_text(reason)))
        return True

    def listen(self, listener: Callable[[Record], None]) -> Callable[[], None]:
        """Have ``listener`` called with each record of the run: those so far, then new ones.

        It is called on the threads that work on the run, one record at a time and in order. What it
        does there holds up the news, and that thread, but no other.

        Returns:
            A function that ends it.
        """
        if self._future is None:
            for record in self._records:
                listener(record)
            return lambda: None
        early = self._early() if self._early is not None else []
        dispatch = self._session.dispatch
        scheduler = dispatch.scheduler
        with dispatch.telling.lock:
            with dispatch.lock:
                running = tuple(scheduler.open_calls.values())
                so_far = [
                    *early,
                    *self._records[1 if early else 0 :],
                    *begun(scheduler.log, scheduler.replayed, running, scheduler.now()),
                ]
                scheduler.log.introduce(listener, so_far)
            dispatch.keep_held()
        dispatch.telling.tell(to_the_end=True)
        return lambda: _remove(scheduler.log.listeners, listener)


async def _wake(run: Run[Any], future: CallFuture) -> None:
    """Wait for the end of a run; a cancelled wait cancels it."""
    from asyncio import CancelledError  # noqa: PLC0415  # as below

    from nbflow.drivers import aio  # noqa: PLC0415  # asyncio is running, or this would not be awaited

    try:
        await aio.settled(future)
    except CancelledError:
        run.cancel("CancelledError")
        raise


def _remove(listeners: list[Callable[[Record], None]], listener: Callable[[Record], None]) -> None:
    if listener in listeners:
        listeners.remove(listener)


_LISTED = 5
_RESULTS = ("RunReturned", "RunFailed")


def stands_at_breakpoint(records: Sequence[Record]) -> bool:
    """Whether a run of a graph stands at a breakpoint."""
    last = records[-1] if records else None
    return isinstance(last, RunHalted) and last.reason.startswith(BREAKPOINT)


def _tell_unreached(scheduler: Scheduler, workflow: str) -> None:
    """Warn, once, of recorded calls that the body did not make again."""
    left = unreached(scheduler.replay, scheduler.replayed)
    scheduler.replay.began_with = 0
    if left:
        listed = ", ".join(f"{past.name!r} ({past.path})" for past in left[:_LISTED])
        more = f" and {len(left) - _LISTED} more" if len(left) > _LISTED else ""
        text = f"the resumed body of {workflow!r} did not ask for recorded calls any more: {listed}{more}"
        warn(text, UnreachedCallsWarning)


def _tell_lost_failures(scheduler: Scheduler, error: BaseException | None) -> None:
    """Tell, once, of tasks that failed and whose results nobody asked for: beside the run's own error, if any."""
    unseen, left_out = scheduler.failures.unseen, scheduler.failures.left_out
    while left_out:
        warn(left_out.pop(0), LostFailureWarning)
    while unseen:
        _, failure = unseen.popitem()
        lost = failure.get()
        text = f"task {failure.name!r}, call {failure.path}, failed and nobody asked for its result: {lost!r}"
        if isinstance(error, Exception):
            error.add_note(text)
        else:
            warn(text, LostFailureWarning)
