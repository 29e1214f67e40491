"""What people answered in an earlier run, for the same questions of a new one: told there, never taken as an answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

import msgspec

from nbflow.core.path import order_of
from nbflow.core.record import Answered, AnsweredBefore, Asked, CallSettled, Value
from nbflow.values import Reject

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from nbflow.core.call import Frame
    from nbflow.core.log import Log
    from nbflow.core.record import Record

_Key = tuple[str, str, bytes, bytes]


class Asking(Protocol):
    """A question of the new run, as of ``questions.Question``."""

    @property
    def key(self) -> str:
        """Names it."""
        ...

    @property
    def schema(self) -> dict[str, object] | None:
        """JSON schema of the answer, or None."""
        ...

    @property
    def ordinal(self) -> int:
        """How many questions the call had asked before."""
        ...

    @property
    def digest(self) -> bytes:
        """Tells what is asked from others."""
        ...


class _Earlier(NamedTuple):
    """A question of the earlier run, and what became of it.

    Attributes:
        asked: the question.
        answer: what was answered; a ``Reject`` for a rejection.
        inputs: digest of the arguments of the call that asked; empty where that is not known.
    """

    asked: Asked
    answer: Value
    inputs: bytes

    @property
    def place(self) -> tuple[str, str, int]:
        """Where it was asked."""
        return self.asked.path, self.asked.branch, self.asked.ordinal


class EarlierAnswers:
    """The answers of one run, found by what was asked where; each is handed out once.

    A question is the same if its value and its schema are, and if a call with the same name and arguments asks it. Of
    several the one at the same position is taken, else the first.

    Args:
        records: of the earlier run.
        log: of the same.
        past: of the new run, which has taken some already.
        digest: as of ``codec.digest``.
    """

    def __init__(
        self, records: Sequence[Record], log: Log, past: Sequence[Record], digest: Callable[[object], bytes]
    ) -> None:
        answers = {key: one.value for key, one in log.earlier.items() if one.value is not None}
        answers |= {key: _given(one) for key, one in log.answers.items() if not one.expired}
        found: dict[_Key, list[_Earlier]] = {}
        if answers:
            taken = {one.of for one in past if isinstance(one, AnsweredBefore)}
            inputs = {one.path: one.inputs for one in records if isinstance(one, CallSettled)}
            asked = [log.asked[key] for key in answers if key in log.asked and key not in taken]
            for one in sorted(asked, key=lambda one: (order_of(one.path), one.ordinal)):
                key = one.name, _shown(one), digest(one.get()), _spelled(one.schema)
                found.setdefault(key, []).append(_Earlier(one, answers[one.id], inputs.get(one.path, b"")))
        self._found = found

    def take(self, frame: Frame, question: Asking) -> AnsweredBefore | None:
        """Return what the question of a frame was answered with before, as it is recorded; None if it was not."""
        if not self._found:
            return None
        call, place = frame.call, (frame.call.path, frame.key, question.ordinal)
        shown = call.shown if call.caller is not None else ""
        left = self._found.get((call.spec.name, shown, question.digest, _spelled(question.schema)), [])
        fit = [one for one in left if not one.inputs or one.inputs == call.inputs]
        if not fit:
            return None
        best = next((one for one in fit if one.place == place), fit[0])
        left.remove(best)
        return AnsweredBefore(path=call.path, id=question.key, of=best.asked.id, value=best.answer)


def _given(answered: Answered) -> Value:
    if answered.rejected:
        return Value(Reject(str(answered.get() or "")))
    return answered.value if answered.value is not None else Value(None)


def _shown(asked: Asked) -> str:
    """Return the arguments of the call that asked, as short text; empty of the body of the run."""
    return next((one.shown for one in asked.callers if one.path == asked.path), "")


def _spelled(schema: dict[str, object] | None) -> bytes:
    return msgspec.json.encode(schema, order="deterministic")
