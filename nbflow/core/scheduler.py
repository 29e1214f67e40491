"""What happens next in a run: calls opened, tried, settled; questions asked; the end.

The scheduler decides and never waits: its programs yield effects, and a driver carries them
out. It is single-threaded by contract: a driver that uses threads holds one lock around
``open``, ``ask`` and every step of a program, and never while user code or storage runs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from nbflow.core import announce, caching
from nbflow.core.call import Call, Frame, Promise
from nbflow.core.deadline import Deadline
from nbflow.core.effects import Await, Commit, Invoke, Program
from nbflow.core.failures import Failures
from nbflow.core.outcome import Outcome
from nbflow.core.progress import progressed
from nbflow.core.questions import Questions
from nbflow.core.record import (
    CallFailed,
    CallReturned,
    Emitted,
    Value,
)
from nbflow.core.replay import Replay
from nbflow.core.retry import wait_before_retry
from nbflow.errors import GraphDrained, RunStopped

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from nbflow.core.call import Host, Spec
    from nbflow.core.log import Log
    from nbflow.core.reuse import Reuse

Ended = TypeVar("Ended", CallReturned, CallFailed)


class Scheduler:
    """The state of one run while it executes.

    Attributes:
        log: what happened so far, the past of a resumed run included.
        reuse: results of an earlier run to take over; None for none.
        now: gives seconds since 1970.
        keep: gives the digest of arguments; None when nothing is kept, so none is needed.
        show: gives arguments as short text.
        draining: says why no further call may begin; None while it may.
        refused: paths of the calls that did not begin for that reason, or were given up when the run stopped.
        open_calls: by path, the calls that were asked for and have not ended.
        replayed: paths of the calls whose outcome the log held.
        failures: what became of calls that failed.
        questions: what its bodies ask of people.
        timed: whether a call with a timeout has begun.
        stopping: why the run was told to stop; empty while it runs.
        opened: whether its first record is written.
        ended: whether its last record is written.
        host: what the code of the run can reach.
    """

    host: Host

    def __init__(
        self,
        log: Log,
        *,
        now: Callable[[], float],
        keep: Callable[[object], bytes] | None,
        show: Callable[[tuple[object, ...], dict[str, object]], str],
        rerun_changed: bool = False,
        draining: Callable[[], str | None] | None = None,
        reuse: Reuse | None = None,
    ) -> None:
        self.log = log
        self.now = now
        self.keep = keep
        self.show = show
        self.replay = Replay(log, rerun_changed=rerun_changed)
        self.reuse = reuse
        self.draining = draining
        self.refused: list[str] = []
        self.open_calls: dict[str, Call] = {}
        self.replayed: list[str] = []
        self.failures = Failures()
        self.questions = Questions(self)
        self.timed = False
        self.stopping = ""
        self.opened = False
        self.ended = False

    def open(self, frame: Frame, spec: Spec, args: tuple[object, ...], kwargs: dict[str, object]) -> Call:
        """Take a request of a body; the call has its outcome already if the log holds it.

        Raises:
            RunStopped: if the run was told to stop, or the frame's attempt is over.
            ReplayMismatchError: if the log holds another call at this position.
        """
        if self.stopping:
            self.refused.append(f"{frame.prefix}.{frame.calls}")
        if self.stopping or frame.closed:
            raise RunStopped(self.stopping or "the attempt that made this call is over")
        position = frame.calls
        frame.calls = position + 1
        path = f"{frame.prefix}.{position}"
        call = Call(path, spec, args, kwargs)
        call.caller = frame
        call.namesakes = frame.names.get(spec.name, 0)
        frame.names[spec.name] = call.namesakes + 1
        waits_for = [arg.call for arg in args if isinstance(arg, Promise)]
        if kwargs:
            waits_for += [arg.call for arg in kwargs.values() if isinstance(arg, Promise)]
        if waits_for:
            call.waits_for = waits_for
            call.edges = tuple(other.path for other in waits_for)
        else:
            self._look_up(call)
        if call.outcome is None:
            if frame.call.seen:
                call.carry += self.failures.survived(frame.call)
            self.open_calls[path] = call
        if self.timed:
            progressed(frame.call, self.now())
        return call

    def _look_up(self, call: Call) -> None:
        """Find the call's outcome in the log, or get it ready to run."""
        if self.keep is not None:
            call.inputs = self.keep((call.args, call.kwargs)) if call.kwargs else self.keep(call.args)
        if self.log.settled:
            past = self.replay.find(call)
            if past is not None:
                call.outcome = past
                self.replayed.append(call.path)
                if past.error is not None:
                    recorded = self.log.settled[call.path]
                    call.failure = recorded if isinstance(recorded, CallFailed) else None
        if self.log.listeners or (self.keep is not None and call.outcome is None):
            call.shown = self.show(call.args, call.kwargs)
        if self.log.listeners:
            self.log.append(announce.started(call, self.now()))
        if call.outcome is None and self.reuse is not None:
            self._take_over(call, self.reuse)

    def _take_over(self, call: Call, reuse: Reuse) -> None:
        """Give a call the result of an earlier run, if there is one for it; it becomes this run's own."""
        past = reuse.take(call)
        if past is None or past.value is None:
            return
        call.started, call.attempt = self.now(), past.attempt
        record = self._ended(CallReturned, call, None)
        record.reused, record.value = True, past.value
        call.outcome = Outcome(past.value.get())
        call.carry += (record,)
        self.log.append(record)

    def perform(self, call: Call) -> Program:
        """Carry a call to its end.

        Yields:
            ``Await`` for futures among its arguments, ``Invoke`` for every attempt, a wait
            between two of them, and ``Commit`` of its result.

        Returns:
            How it ended; this program raises nothing.
        """
        outcome = None
        if call.waits_for:
            outcome = yield from self._fill_in(call)
            if call.outcome is not None and call.carry:
                yield Commit(call.carry)
        if outcome is None:
            if call.spec.cache is None:
                outcome = yield from self.attempts(call)
            else:
                outcome = yield from caching.cached(call, self.attempts, self.now())
            outcome = yield from self._settle(call, outcome)
            if call.spec.cache is not None:
                outcome = yield from caching.remember(call, outcome, self.log)
        call.outcome = outcome
        self.open_calls.pop(call.path, None)
        return outcome

    def _fill_in(self, call: Call) -> Program:
        """Put the results of other calls in the place of their futures."""
        reply = yield Await(call.waits_for)
        outcomes: Sequence[Outcome] = reply.value  # type: ignore[assignment]  # what Await replies
        for other, outcome in zip(call.waits_for, outcomes, strict=True):
            if outcome.error is not None:
                self.failures.unseen.pop(other.path, None)
                call.failure = other.failure  # whoever asks for this call is told of that failure
                return outcome
        call.args = tuple(_result(arg) for arg in call.args)
        call.kwargs = {name: _result(arg) for name, arg in call.kwargs.items()}
        try:
            self._look_up(call)
        except Exception as error:  # noqa: BLE001  # a mismatch belongs to the one who waits for this call
            return Outcome(None, error)
        return call.outcome  # type: ignore[return-value]  # None means: go on

    def attempts(self, call: Call) -> Program:
        """Try a call until it returns, gives up, or may not be tried again."""
        call.started = self.now()
        while True:
            reason = self.draining() if self.draining is not None else None
            if reason is not None:
                self.refused.append(call.path)
                return Outcome(None, GraphDrained(reason))
            call.attempt += 1
            if self.log.listeners:
                self.log.append(announce.began(call, self.now()))
            if call.spec.timeout is not None:
                call.deadline, self.timed = Deadline(call.spec.timeout, self.now()), True
            frame = Frame(call, self.host)
            outcome = yield Invoke(call, frame)
            frame.closed = True
            error = outcome.error
            if error is None or self.stopping or not call.spec.retry:
                return outcome
            wait = wait_before_retry(call.spec.retry, call.attempt, error, self.now())
            if wait is None:
                return outcome
            self._tell_retry(call, error, wait.seconds)
            yield wait
            stopped = self._stopped()
            if stopped is not None:
                return Outcome(None, stopped)

    def halted(self, call: Call) -> BaseException | None:
        """Return the stop or halt that a call met below it, even if its body hid that; None if it met none."""
        if not any(path.startswith(f"{call.path}.") for path in self.refused):
            return None
        return self._stopped() or GraphDrained((self.draining and self.draining()) or "")

    def _stopped(self) -> RunStopped | None:
        """Return why a call whose run was stopped ends; None if it goes on."""
        return RunStopped(self.stopping) if self.stopping else None

    def _tell_retry(self, call: Call, error: BaseException, wait: float) -> None:
        call.asked = None
        if self.log.listeners:
            self.log.append(announce.retried(call, self.now(), error, wait))

    def _settle(self, call: Call, outcome: Outcome) -> Program:
        """Make the end of a call durable, if it is one."""
        error = outcome.error
        if self.questions.waits(call) and not isinstance(error, Exception):
            return (yield from self.questions.pause(call))
        error = error or self.halted(call)
        if error is None:
            record = self._ended(CallReturned, call, outcome.value)
            carry = (*call.carry, *self.failures.survived(call)) if call.carry or call.seen else ()
            record.cached, record.lineage = call.cached, call.lineage
            reply = yield Commit((*carry, record))
            if reply.error is None:
                self.log.append(record)
                return outcome
            error = reply.error
        if isinstance(error, Exception):
            self.failed(call, error)
        return Outcome(None, error)

    def _ended(self, kind: type[Ended], call: Call, value: object) -> Ended:
        spec = call.spec
        return kind(
            path=call.path,
            at=self.now(),
            name=spec.name,
            kind=spec.kind,
            attempt=call.attempt,
            started=call.started,
            inputs=call.inputs,
            code=spec.code if self.keep is not None else b"",
            shown=call.shown,
            edges=call.edges,
            value=Value(value),
        )

    def failed(self, call: Call, error: Exception) -> None:
        """Note how a call failed; what its caller does with that decides whether replay hands it out."""
        limit = max((policy.max_attempts for policy in call.spec.retry), default=1)
        error.add_note(f"{call.spec.kind} {call.spec.name!r}, call {call.path}, attempt {call.attempt} of {limit}")
        failure = self._ended(CallFailed, call, error)
        self.failures.add(call, failure)
        self.log.append(failure)

    def emit(self, frame: Frame, value: object, mode: str = "custom") -> None:
        """Pass something to those who listen; a replayed call emits nothing, as it does not run."""
        call = frame.call
        if frame.closed:
            return
        if self.timed:
            progressed(call, self.now())
        if self.log.listeners:
            self.log.append(Emitted(path=call.path, at=self.now(), name=call.spec.name, mode=mode, value=Value(value)))


def _result(arg: object) -> object:
    """Return an argument, or the result of the finished call that it promises."""
    if isinstance(arg, Promise) and arg.call.outcome is not None:
        return arg.call.outcome.value
    return arg
