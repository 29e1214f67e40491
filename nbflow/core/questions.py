"""What bodies ask of people: answers looked up, questions made durable, pauses."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

from nbflow.core.effects import Commit, Program
from nbflow.core.outcome import Outcome
from nbflow.core.path import around, order_of
from nbflow.core.rebuilt import ASK_AGAIN, run_of
from nbflow.core.record import Answered, Asked, Caller, Fallback, Reopened, Value
from nbflow.core.summary import summary
from nbflow.errors import (
    CorruptValueError,
    GraphInterrupt,
    InterruptExpiredError,
    InterruptRejectedError,
    RunStopped,
    UnloadableValueError,
)
from nbflow.values import Interrupt, as_text

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from nbflow.core.call import Call, Frame
    from nbflow.core.failures import Failures
    from nbflow.core.log import Log
    from nbflow.core.output import Outputs
    from nbflow.core.record import AnsweredBefore, Record
    from nbflow.core.replay import Replay
    from nbflow.core.results import Results
    from nbflow.core.reuse import Reuse


class Question(NamedTuple):
    """What a body asks.

    Attributes:
        value: to show.
        key: names it, made of the run, the position and the value.
        schema: JSON schema of the answer, or None.
        seconds: how long it waits for an answer; None for ever.
        fallback: answers it when that time is up; None if nothing does.
        ordinal: how many questions the call had asked before.
        rules: as of ``Asked``.
        digest: tells ``value`` from others.
    """

    value: object
    key: str
    schema: dict[str, object] | None = None
    seconds: float | None = None
    fallback: Value | None = None
    ordinal: int = 0
    rules: str = ""
    digest: bytes = b""


class Asker(Protocol):
    """What questions need of the scheduler."""

    log: Log
    replay: Replay
    now: Callable[[], float]
    failures: Failures
    results: Results
    outputs: Outputs
    reuse: Reuse | None
    impasse: Exception | None

    def bar_code(self, frame: Frame, error: Exception) -> None:
        """Note that the run can't go on."""
        ...

    def failed(self, call: Call, error: Exception) -> object:
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
        self._below: dict[str, list[Asked]] = {}  # by position, what it and the calls below it wait with

    def ask(self, frame: Frame, question: Question) -> Answered:
        """Return the answer to a question, or note that the body waits for it.

        Raises:
            GraphInterrupt: if there is no answer yet.
            RunStopped: if the attempt that asks is over.
            Exception: why the run can't go on, if it can't.
        """
        if frame.closed:
            raise RunStopped("the attempt that asks is over")
        if self._scheduler.impasse is not None:
            raise self._scheduler.impasse
        frame.asks += 1
        answered = self._scheduler.log.answers.get(question.key)
        if frame.left:
            frame.step(is_new=answered is None or question.key not in self._scheduler.replay.answered)
        if answered is None:
            raise self._wait(frame, question, None)
        return answered

    def reopen(self, frame: Frame, question: Question, problem: str) -> GraphInterrupt:
        """Return the pause of a question whose answer does not fit; that counts no more once the question is durable.

        Args:
            frame: where the body stands.
            question: as it is asked now.
            problem: why the answer does not fit.

        Raises:
            RunStopped: if the attempt that asks is over.
        """
        if frame.closed:
            raise RunStopped("the attempt that asks is over")
        call, answered = frame.call, self._scheduler.log.answers.get(question.key)
        value = answered.value if answered is not None else None
        at = self._scheduler.now()
        return self._wait(
            frame, question, Reopened(path=call.path, at=at, id=question.key, problem=problem, value=value)
        )

    def lose(self, frame: Frame, question: Question, error: UnloadableValueError) -> BaseException:
        """Return what becomes of a body whose answer can't be rebuilt: a pause where it may ask again, else the error.

        Args:
            frame: where the body stands.
            question: as it is asked now.
            error: says what can't be rebuilt.
        """
        if self._scheduler.replay.rerun_changed:
            return self.reopen(frame, question, unfit(error.reason))
        self._scheduler.bar_code(frame, error)
        return error

    def _wait(self, frame: Frame, question: Question, reopened: Reopened | None) -> GraphInterrupt:
        call, at = frame.call, self._scheduler.now()
        before = self._scheduler.log.asked.get(question.key) if reopened is None else None
        since = before.at if before is not None else at
        known = self._scheduler.log.earlier.get(question.key)
        earlier = known or self._answered_before(frame, question)
        asked = Asked(
            path=call.path,
            at=at,
            id=question.key,
            name=call.spec.name,
            ordinal=question.ordinal,
            schema=question.schema,
            rules=question.rules,
            expires=None if question.seconds is None else since + question.seconds,
            callers=callers_of(call),
            branch=frame.key,
            problem=reopened.problem if reopened is not None else self._scheduler.log.problems.get(question.key, ""),
            earlier=earlier.value if earlier is not None else None,
            value=Value(question.value),
        )
        call.asked = call.asked if call.asked is not None else []
        if earlier is not None and known is None:
            earlier.at = at
            call.asked.append(earlier)
        call.asked += [asked] if reopened is None else [reopened, asked]
        if question.fallback is not None:
            call.asked.append(Fallback(path=call.path, at=at, id=question.key, value=question.fallback))
        return GraphInterrupt((asked.as_interrupt(),))

    def _answered_before(self, frame: Frame, question: Question) -> AnsweredBefore | None:
        reuse = self._scheduler.reuse
        return reuse.answers.take(frame, question) if reuse is not None else None

    def waits(self, call: Call) -> bool:
        """Whether the call, or one below it, waits for an answer, even if its body hid that."""
        return bool(call.asked) or call.path in self._below

    def pause(self, call: Call) -> Program:
        """Make the questions of a call durable; the outcome carries all that it waits for."""
        asked = tuple(call.asked or ())
        results = self._scheduler.results
        seen = (yield from results.take_seen(call, self._scheduler.now)) if results.behind and asked else None
        seen_records = seen.records if seen is not None else ()
        outputs = self._scheduler.outputs
        said = outputs.take(call, self._scheduler.now()) if asked and outputs.is_heard else ()
        records = (*seen_records, *call.carry, *said, *self._scheduler.failures.survived(call), *asked)
        if records:
            reply = yield Commit(records, saves=call)
            outputs.keep(said, self._scheduler.log, is_durable=reply.error is None)
            if reply.error is not None:
                if isinstance(reply.error, Exception):
                    self._scheduler.failed(call, reply.error)
                return Outcome(None, reply.error)
            for record in asked:
                if isinstance(record, Asked):
                    self._add(record)
                self._scheduler.log.append(record)
        return Outcome(None, GraphInterrupt(self.below(call.path)))

    def _add(self, asked: Asked) -> None:
        if asked.id not in self.pending:
            for path in around(asked.path):
                self._below.setdefault(path, []).append(asked)
        self.pending[asked.id] = asked

    def below(self, path: str) -> list[Interrupt]:
        """Return what a call and those below it wait for, in the order of the body, whoever came first."""
        found = sorted(self._below.get(path, ()), key=lambda one: (order_of(one.path), one.ordinal))
        return [asked.as_interrupt() for asked in found]


def callers_of(call: Call) -> tuple[Caller, ...]:
    """Return a call and those around it, outermost first, without the body of the run."""
    found: list[Caller] = []
    while call.caller is not None:
        spec = call.spec
        found.append(Caller(call.path, spec.name, spec.kind, call.shown, call.started))
        call = call.caller.call
    return tuple(reversed(found))


def unfit(reason: str) -> str:
    """Return in words why an answer that can't be rebuilt does not count."""
    return as_text(f"the answer that was given can't be read here: {reason}")


def answer_of(answered: Answered, question: object, records: Sequence[Record]) -> object:
    """Return the answer to a question, rebuilt.

    Args:
        answered: the record of it.
        question: what was asked.
        records: of the run.

    Raises:
        UnloadableValueError: if it can't be rebuilt.
    """
    try:
        return answered.value.whole() if answered.value is not None else None
    except CorruptValueError as error:
        what = f"the answer to the question {summary(question)} of {run_of(records)}"
        raise UnloadableValueError(what, error.reason, ASK_AGAIN) from None


def reply(answered: Answered, question: object, records: Sequence[Record]) -> object:
    """Return what was answered to a question; arguments as of ``answer_of``.

    Raises:
        UnloadableValueError: if it can't be rebuilt.
        InterruptRejectedError: if a person refused to answer.
        InterruptExpiredError: if nobody answered in time, and there is no fallback.
    """
    value = answer_of(answered, question, records)
    if answered.rejected:
        raise InterruptRejectedError(answered.id, str(value or ""), summary(question))
    if answered.expired and answered.value is None:
        raise InterruptExpiredError(answered.id, summary(question))
    return value
