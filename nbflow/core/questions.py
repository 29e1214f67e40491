"""What bodies ask of people: answers looked up, questions made durable, pauses."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

from nbflow.core.effects import Commit, Program
from nbflow.core.outcome import Outcome
from nbflow.core.record import Answered, Asked, Caller, Fallback, Value
from nbflow.errors import GraphInterrupt, InterruptExpiredError, InterruptRejectedError, RunStopped
from nbflow.values import Interrupt

if TYPE_CHECKING:
    from collections.abc import Callable

    from nbflow.core.call import Call, Frame
    from nbflow.core.failures import Failures
    from nbflow.core.log import Log


class Question(NamedTuple):
    """What a body asks.

    Attributes:
        value: to show.
        key: names it, made of the run, the position and the value.
        schema: JSON schema of the answer, or None.
        seconds: how long it waits for an answer; None for ever.
        fallback: answers it when that time is up; None if nothing does.
    """

    value: object
    key: str
    schema: dict[str, object] | None = None
    seconds: float | None = None
    fallback: Value | None = None


class Asker(Protocol):
    """What questions need of the scheduler."""

    log: Log
    now: Callable[[], float]
    failures: Failures

    def failed(self, call: Call, error: Exception) -> None:
        """Note how a call failed."""
        ...


class Questions:
    """The questions of one execution of a run.

    Attributes:
        pending: by id, those that wait for an answer.
    """

    def __init__(self, scheduler: Asker) -> None:
        self._scheduler = scheduler
        self.pending: dict[str, Asked] = {}

    def ask(self, frame: Frame, question: Question) -> object:
        """Return the answer to a question, or note that the body waits for it.

        Raises:
            GraphInterrupt: if there is no answer yet.
            InterruptRejectedError: if a person refused to answer.
            InterruptExpiredError: if nobody answered in time, and there is no fallback.
            RunStopped: if the attempt that asks is over.
        """
        if frame.closed:
            raise RunStopped("the attempt that asks is over")
        ordinal, frame.asks = frame.asks, frame.asks + 1
        answered = self._scheduler.log.answers.get(question.key)
        if frame.left:
            frame.left = frame.left - 1 if answered is not None else 0
        if answered is not None:
            return _reply(answered)
        call, at = frame.call, self._scheduler.now()
        before = self._scheduler.log.asked.get(question.key)
        since = before.at if before is not None else at
        asked = Asked(
            path=call.path,
            at=at,
            id=question.key,
            name=call.spec.name,
            ordinal=ordinal,
            schema=question.schema,
            expires=None if question.seconds is None else since + question.seconds,
            callers=_callers(call),
            value=Value(question.value),
        )
        call.asked = [*(call.asked or ()), asked]
        if question.fallback is not None:
            call.asked.append(Fallback(path=call.path, at=at, id=question.key, value=question.fallback))
        raise GraphInterrupt((Interrupt(question.value, question.key, response_schema=question.schema),))

    def waits(self, call: Call) -> bool:
        """Whether the call, or one below it, waits for an answer, even if its body hid that."""
        if call.asked:
            return True
        return bool(self.pending) and any(asked.path.startswith(f"{call.path}.") for asked in self.pending.values())

    def pause(self, call: Call) -> Program:
        """Make the questions of a call durable; the outcome carries all that it waits for."""
        asked = tuple(call.asked or ())
        records = (*call.carry, *self._scheduler.failures.survived(call), *asked)
        if records:
            reply = yield Commit(records)
            if reply.error is not None:
                if isinstance(reply.error, Exception):
                    self._scheduler.failed(call, reply.error)
                return Outcome(None, reply.error)
            for record in asked:
                if isinstance(record, Asked):
                    self.pending[record.id] = record
                self._scheduler.log.append(record)
        return Outcome(None, GraphInterrupt(self.below(call.path)))

    def below(self, path: str) -> list[Interrupt]:
        """Return what a call and those below it wait for, in the order asked."""
        return [
            Interrupt(asked.value.get() if asked.value else None, asked.id, response_schema=asked.schema)
            for asked in self.pending.values()
            if asked.path == path or asked.path.startswith(f"{path}.")
        ]


def _callers(call: Call) -> tuple[Caller, ...]:
    """Return a call and those around it, outermost first, without the body of the run."""
    found: list[Caller] = []
    while call.caller is not None:
        spec = call.spec
        found.insert(0, Caller(call.path, spec.name, spec.kind, call.shown, call.started))
        call = call.caller.call
    return tuple(found)


def _reply(answered: Answered) -> object:
    """Return an answer, or raise what stands for it."""
    value = answered.value.get() if answered.value is not None else None
    if answered.rejected:
        raise InterruptRejectedError(answered.id, str(value or ""))
    if answered.expired and answered.value is None:
        raise InterruptExpiredError(answered.id)
    return value
