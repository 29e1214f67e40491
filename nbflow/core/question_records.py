"""The records of questions: asked, answered, opened again. ``record`` has them too, with all other kinds."""

from __future__ import annotations

import msgspec

from nbflow.core.record_base import Record
from nbflow.core.value import Value  # msgspec wants to know it
from nbflow.values import NO_ANSWER, Interrupt


class Caller(msgspec.Struct, array_like=True, frozen=True):
    """A call that waits for an answer: the one that asked, or one around it.

    Attributes:
        path: position.
        name: the task's name.
        kind: as of a call record.
        shown: the arguments as short text.
        started: seconds since 1970 when its body began.
    """

    path: str
    name: str
    kind: str = "task"
    shown: str = ""
    started: float = 0.0


class Asked(Record):
    """The question ``value`` was asked.

    Attributes:
        id: names the question.
        name: the task or body that asked.
        ordinal: how many questions the call had asked before.
        schema: JSON schema of the answer, or None.
        expires: seconds since 1970 from when on it need not be answered; None if it waits for ever.
        callers: the calls that wait with it, outermost first; the body of the run is not among them.
        branch: as of a call.
        problem: why an earlier answer did not count; empty if there was none.
        earlier: what it was answered with in the run that this one takes results over from; None if it was not. It is
            stored as an ``AnsweredBefore``.
        rules: ``"msgspec"`` or ``"pydantic"`` if the schema was made from a type, and an answer is converted by their
            rules; empty if the schema was given as it is.
    """

    id: str
    name: str
    ordinal: int = 0
    schema: dict[str, object] | None = None
    expires: float | None = None
    callers: tuple[Caller, ...] = ()
    branch: str = ""
    problem: str = ""
    rules: str = ""
    earlier: Value | None = None

    @property
    def answered_before(self) -> object:
        """What ``earlier`` holds: ``Reject`` of a rejection, ``NO_ANSWER`` if it was not answered before."""
        return self.earlier.get() if self.earlier is not None else NO_ANSWER

    def as_interrupt(self) -> Interrupt:
        """Return the question as it is shown to people."""
        return Interrupt(
            self.get(), self.id, response_schema=self.schema, problem=self.problem, earlier=self.answered_before
        )


class AnsweredBefore(Record):
    """The same question as ``id`` was answered with ``value`` in the run that this one takes results over from.

    That answers nothing in this run: it is told to whoever is asked. A rejection is a ``Reject``.

    Attributes:
        id: names the question of this run.
        of: names the question of that run.
    """

    id: str
    of: str = ""


class Fallback(Record):
    """The question ``id`` is answered with ``value`` once its time is up."""

    id: str


class Answered(Record):
    """The question ``id`` was answered with ``value``.

    Attributes:
        id: names the question.
        rejected: whether a person refused to answer; ``value`` is the reason.
        expired: whether nobody answered in time; ``value`` is the fallback, None without one.
        by: who answered; empty where that is not known.
        comment: what that person noted beside the answer.
    """

    id: str
    rejected: bool = False
    expired: bool = False
    by: str = ""
    comment: str = ""


class Reopened(Record):
    """The answer ``value`` to the question ``id`` does not count: the question is open again.

    Attributes:
        id: names the question.
        problem: why: it could not be converted by the body that asked, or was taken back.
        dropped: positions of the calls that the answer may have changed; their outcomes count no more.
    """

    id: str
    problem: str = ""
    dropped: tuple[str, ...] = ()
