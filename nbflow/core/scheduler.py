"""What happens next in a run: calls opened, tried, settled; questions asked; the end.

The scheduler decides and never waits: its programs yield effects, and a driver carries them
out. It is single-threaded by contract: a driver that uses threads holds one lock around
``open``, ``ask`` and every step of a program, and never while user code or storage runs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nbflow.core.call import Call, Frame, Promise
from nbflow.core.effects import Await, Commit, Invoke, Outcome, Program
from nbflow.core.record import (
    Asked,
    CallBegan,
    CallFailed,
    CallRecord,
    CallReturned,
    CallRetried,
    CallStarted,
    Emitted,
    Record,
    Value,
)
from nbflow.core.replay import Replay
from nbflow.core.retry import wait_before_retry
from nbflow.errors import GraphInterrupt, RunStopped
from nbflow.values import Interrupt

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from nbflow.core.call import Host, Spec
    from nbflow.core.log import Log


class Scheduler:
    """The state of one run while it executes.

    Attributes:
        log: what happened so far, the past of a resumed run included.
        now: gives seconds since 1970.
        keep: gives the digest of arguments; None when nothing is kept, so none is needed.
        show: gives arguments as short text.
        open_calls: by path, the calls that were asked for and have not ended.
        failures: by path, failures that no caller has survived yet.
        pending: by id, the questions of this execution.
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
        run_id: str,
        now: Callable[[], float],
        keep: Callable[[object], bytes] | None,
        show: Callable[[tuple[object, ...], dict[str, object]], str],
        rerun_changed: bool = False,
    ) -> None:
        self.log = log
        self.run_id = run_id
        self.now = now
        self.keep = keep
        self.show = show
        self.replay = Replay(log, rerun_changed=rerun_changed)
        self.open_calls: dict[str, Call] = {}
        self.failures: dict[str, CallFailed] = {}
        self.unseen: dict[str, CallFailed] = {}
        self.pending: dict[str, Asked] = {}
        self.stopping = ""
        self.opened = False
        self.ended = False

    def open(self, frame: Frame, spec: Spec, args: tuple[object, ...], kwargs: dict[str, object]) -> Call:
        """Take a request of a body; the call has its outcome already if the log holds it.

        Raises:
            RunStopped: if the run was told to stop, or the frame's attempt is over.
            ReplayMismatchError: if the log holds another call at this position.
        """
        if self.stopping or frame.closed:
            raise RunStopped(self.stopping or "the attempt that made this call is over")
        position = frame.calls
        frame.calls = position + 1
        path = f"{frame.prefix}.{position}"
        call = Call(path, spec, args, kwargs)
        call.caller = frame
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
                call.carry += self.survived(frame.call)
            self.open_calls[path] = call
        return call

    def _look_up(self, call: Call) -> None:
        """Find the call's outcome in the log, or get it ready to run."""
        if self.keep is not None:
            call.inputs = self.keep((call.args, call.kwargs)) if call.kwargs else self.keep(call.args)
            call.shown = self.show(call.args, call.kwargs)
        if self.log.settled:
            past = self.replay.find(call)
            if past is not None:
                call.outcome = past
                if past.error is not None:
                    call.failure = self.log.settled[call.path]  # type: ignore[assignment]
        if self.log.listeners:
            call.shown = call.shown or self.show(call.args, call.kwargs)
            self.log.append(
                CallStarted(
                    path=call.path,
                    at=self.now(),
                    name=call.spec.name,
                    kind=call.spec.kind,
                    replayed=call.outcome is not None,
                    shown=call.shown,
                )
            )

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
        if outcome is None:
            outcome = yield from self.attempts(call)
            outcome = yield from self._settle(call, outcome)
        call.outcome = outcome
        self.open_calls.pop(call.path, None)
        return outcome

    def _fill_in(self, call: Call) -> Program:
        """Put the results of other calls in the place of their futures."""
        reply = yield Await(call.waits_for)
        outcomes: Sequence[Outcome] = reply.value  # type: ignore[assignment]  # what Await replies
        failed = next((outcome for outcome in outcomes if outcome.error is not None), None)
        if failed is not None:
            return failed
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
            call.attempt += 1
            if self.log.listeners:
                self.log.append(self._begins(call))
            frame = Frame(call, self)
            outcome = yield Invoke(call, frame)
            frame.closed = True
            error = outcome.error
            if error is None or self.stopping or not call.spec.retry:
                return outcome
            wait = wait_before_retry(call.spec.retry, call.attempt, error)
            if wait is None:
                return outcome
            self._tell_retry(call, error)
            yield wait
            if self.stopping:
                return Outcome(None, RunStopped(self.stopping))

    def _begins(self, call: Call) -> CallBegan:
        spec = call.spec
        return CallBegan(path=call.path, at=self.now(), name=spec.name, kind=spec.kind, attempt=call.attempt)

    def _tell_retry(self, call: Call, error: BaseException) -> None:
        call.asked = None
        if self.log.listeners:
            record = CallRetried(
                path=call.path, at=self.now(), name=call.spec.name, attempt=call.attempt, value=Value(error)
            )
            self.log.append(record)

    def _settle(self, call: Call, outcome: Outcome) -> Program:
        """Make the end of a call durable, if it is one."""
        error = outcome.error
        if self._waits(call) and not isinstance(error, Exception):
            return (yield from self.pause(call))
        if error is None:
            record = CallReturned(value=Value(outcome.value), **self._facts(call))
            carry = (*call.carry, *self.survived(call)) if call.carry or call.seen else ()
            reply = yield Commit((*carry, record))
            if reply.error is None:
                self.log.append(record)
                return outcome
            error = reply.error
        if isinstance(error, Exception):
            self._failed(call, error)
        return Outcome(None, error)

    def _facts(self, call: Call) -> dict[str, object]:
        spec = call.spec
        return {
            "path": call.path,
            "at": self.now(),
            "name": spec.name,
            "kind": spec.kind,
            "attempt": call.attempt,
            "started": call.started,
            "inputs": call.inputs,
            "code": spec.code if self.keep is not None else b"",
            "shown": call.shown,
            "edges": call.edges,
        }

    def _failed(self, call: Call, error: Exception) -> None:
        limit = max((policy.max_attempts for policy in call.spec.retry), default=1)
        error.add_note(f"{call.spec.kind} {call.spec.name!r}, call {call.path}, attempt {call.attempt} of {limit}")
        call.failure = CallFailed(value=Value(error), **self._facts(call))
        self.failures[call.path] = self.unseen[call.path] = call.failure
        self.log.append(call.failure)

    def saw(self, frame: Frame | None, call: Call) -> None:
        """Note that a body was told of a failure: if it goes on, the failure is an outcome."""
        failure = call.failure
        if failure is None:
            return
        self.unseen.pop(failure.path, None)
        if frame is not None and not failure.survived:
            if frame.call.seen is None:
                frame.call.seen = []
            frame.call.seen.append(failure)

    def survived(self, call: Call) -> tuple[Record, ...]:
        """Take the failures that the body of a call has outlived."""
        seen, call.seen = call.seen or (), None
        outlived = [failure for failure in seen if self.failures.pop(failure.path, None) is not None]
        for failure in outlived:
            failure.survived = True
        return tuple(outlived)

    def ask(self, frame: Frame, question: object, schema: dict[str, object] | None, key: str) -> object:
        """Return the answer to a question, or note that the body waits for it.

        Args:
            frame: who asks.
            question: the value to surface.
            schema: JSON schema of the answer.
            key: the question's id, made of the run, the position and the question.

        Raises:
            GraphInterrupt: if there is no answer yet.
        """
        ordinal, frame.asks = frame.asks, frame.asks + 1
        answered = self.log.answers.get(key)
        if answered is not None and answered.value is not None:
            return answered.value.get()
        call = frame.call
        asked = Asked(
            path=call.path, at=self.now(), id=key, name=call.spec.name, ordinal=ordinal, schema=schema,
            value=Value(question),
        )  # fmt: skip
        call.asked = [*(call.asked or ()), asked]
        raise GraphInterrupt((Interrupt(question, key, response_schema=schema),))

    def _waits(self, call: Call) -> bool:
        """Whether the call, or one below it, waits for an answer, even if its body hid that."""
        if call.asked:
            return True
        return bool(self.pending) and any(asked.path.startswith(f"{call.path}.") for asked in self.pending.values())

    def pause(self, call: Call) -> Program:
        """Make the questions of a call durable; the outcome carries all that it waits for."""
        asked = tuple(call.asked or ())
        if asked:
            reply = yield Commit((*call.carry, *self.survived(call), *asked))
            if reply.error is not None:
                if isinstance(reply.error, Exception):
                    self._failed(call, reply.error)
                return Outcome(None, reply.error)
            for record in asked:
                self.pending[record.id] = record
                self.log.append(record)
        return Outcome(None, GraphInterrupt(self.questions(call.path)))

    def questions(self, path: str) -> list[Interrupt]:
        """Return what a call and those below it wait for, in the order asked."""
        return [
            Interrupt(asked.value.get() if asked.value else None, asked.id, response_schema=asked.schema)
            for asked in self.pending.values()
            if asked.path == path or asked.path.startswith(f"{path}.")
        ]

    def begun(self) -> list[CallRecord]:
        """Return the start of each call that has not ended, for who begins to listen now."""
        records: list[CallRecord] = []
        for call in tuple(self.open_calls.values()):
            spec, at = call.spec, call.started or self.now()
            call.shown = call.shown or self.show(call.args, call.kwargs)
            records.append(CallStarted(path=call.path, at=at, name=spec.name, kind=spec.kind, shown=call.shown))
            if call.attempt:
                records.append(CallBegan(path=call.path, at=at, name=spec.name, kind=spec.kind, attempt=call.attempt))
        return records

    def emit(self, frame: Frame, value: object, mode: str = "custom") -> None:
        """Pass something to those who listen; a replayed call emits nothing, as it does not run."""
        if self.log.listeners:
            call = frame.call
            self.log.append(Emitted(path=call.path, at=self.now(), name=call.spec.name, mode=mode, value=Value(value)))


def _result(arg: object) -> object:
    """Return an argument, or the result of the finished call that it promises."""
    if isinstance(arg, Promise) and arg.call.outcome is not None:
        return arg.call.outcome.value
    return arg
