"""What bodies ask of people: answers looked up, questions made durable, pauses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from nbflow.core.effects import Commit, Program
from nbflow.core.outcome import Outcome
from nbflow.core.record import Asked, Value
from nbflow.errors import GraphInterrupt
from nbflow.values import Interrupt

if TYPE_CHECKING:
    from collections.abc import Callable

    from nbflow.core.call import Call, Frame
    from nbflow.core.failures import Failures
    from nbflow.core.log import Log


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
        answered = self._scheduler.log.answers.get(key)
        if answered is not None and answered.value is not None:
            return answered.value.get()
        call = frame.call
        asked = Asked(
            path=call.path,
            at=self._scheduler.now(),
            id=key,
            name=call.spec.name,
            ordinal=ordinal,
            schema=schema,
            value=Value(question),
        )
        call.asked = [*(call.asked or ()), asked]
        raise GraphInterrupt((Interrupt(question, key, response_schema=schema),))

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
