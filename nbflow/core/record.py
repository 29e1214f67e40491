"""What happened, as frozen values; the only state of a run is a list of these.

A record says when it happened (``at``, seconds since 1970) and where (``path``, positions from
the root body ``"0"``, such as ``"0.2.1"``). A user's value rides in ``value`` and is encoded
beside the record, not in it, so that a log can be read without decoding what tasks returned.
"""

from __future__ import annotations

from itertools import compress, repeat
from operator import is_
from typing import TYPE_CHECKING, NamedTuple, TypeVar, cast

import msgspec

from nbflow.core.value import Value as Value  # noqa: PLC0414  # records and their values are read together

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = "0"
FORMAT = 1


class Record(msgspec.Struct, tag=True, kw_only=True, omit_defaults=True):
    """Something that happened in a run.

    Attributes:
        path: position of the call it happened in; ``"0"`` is the body.
        at: seconds since 1970, UTC.
        value: the user's value that belongs to it, if any.
        copied: whether it was taken over from the run that this one was forked from.
    """

    path: str = ROOT
    at: float = 0.0
    value: Value | None = None
    copied: bool = False

    def get(self) -> object:
        """Return the user's value that belongs to it, decoded anew if it was stored; None if there is none."""
        return self.value.get() if self.value is not None else None


class RunStarted(Record):
    """A run began; ``value`` is its input.

    Attributes:
        run_id: names the run and its segment of the log; also the checkpoint id of its input.
        thread_id: the thread; empty without a checkpointer.
        workflow: name of the entrypoint.
        prior: run id of the thread's last finished run, whose result is ``previous``; or None.
        parent: checkpoint id that the run began from, or None.
        step: number of the input checkpoint; -1 for the first run of a thread.
        metadata: the user's metadata and plain ``configurable`` entries.
        code: digest of the body's code; empty when unknown.
        reuses: run id of the run whose unchanged results this one takes over, or None.
        format: of the run's records; a later nbflow counts it up when an earlier one could not read them.
        source: ``"input"``, ``"fork"`` or ``"update"``: what the segment was begun by.
        origin: run id that the ids of its questions are made of; None for its own.
    """

    run_id: str
    thread_id: str
    workflow: str
    prior: str | None = None
    parent: str | None = None
    step: int = -1
    metadata: dict[str, object] = msgspec.field(default_factory=dict)
    code: bytes = b""
    reuses: str | None = None
    format: int = 1
    source: str = "input"
    origin: str | None = None


class ContextGiven(Record):
    """``value`` is the context of the run from here on.

    Attributes:
        missing: why it could not be saved; empty if it was.
    """

    missing: str = ""


class RunResumed(Record):
    """The body of an unfinished run is executed again."""


class RunReturned(Record):
    """The body returned ``value``.

    Attributes:
        point: checkpoint id of the result; the run id in a segment that was written whole, without a body.
        saved: whether a Saved record holds what is kept for the next run; else the result is.
        cached: whether the result came out of a cache.
    """

    point: str
    saved: bool = False
    cached: bool = False


class RunFailed(Record):
    """The body raised ``value``."""


class RunPaused(Record):
    """The body waits for answers to ``ids``.

    Attributes:
        ids: names the questions.
        point: checkpoint id of the pause, the same as long as nothing else has happened; empty in the first versions.
    """

    ids: tuple[str, ...]
    point: str = ""


class RunHalted(Record):
    """The run was stopped from outside, for ``reason``; it can be resumed."""

    reason: str = ""


class Saved(Record):
    """``value`` is what the next run of the thread receives as ``previous``."""


class CallRecord(Record):
    """What all records of a call share.

    Attributes:
        name: the task's name.
        kind: ``"task"``, ``"entrypoint"`` or ``"node"``.
        attempt: number of the attempt, from 1.
    """

    name: str
    kind: str = "task"
    attempt: int = 1


class CallStarted(CallRecord):
    """A call was requested with ``value``, its ``(args, kwargs)`` as they are; this is never stored.

    Attributes:
        replayed: whether its stored outcome was handed out.
        shown: the arguments as short text.
    """

    replayed: bool = False
    shown: str = ""


class CallBegan(CallRecord):
    """The body of a call begins, or begins again; until then the call waits for its turn."""


class CallRetried(CallRecord):
    """An attempt failed with ``value`` and another one follows.

    Attributes:
        wait: seconds before it, without what chance adds.
    """

    wait: float = 0.0


class CallSettled(CallRecord):
    """What the records of a call's end share.

    Attributes:
        started: seconds since 1970 when its body began.
        inputs: digest of the arguments; empty without a checkpointer.
        code: digest of the task's code; empty when unknown.
        shown: the arguments as short text.
        edges: paths of the calls whose futures were passed as arguments.
        branch: numbers and keys of the branches that the call was made in, such as ``"b2@0=1f0c"``; see ``Branches``.
    """

    started: float = 0.0
    inputs: bytes = b""
    code: bytes = b""
    shown: str = ""
    edges: tuple[str, ...] = ()
    branch: str = ""


class CallReturned(CallSettled):
    """A call returned ``value``.

    Attributes:
        reused: whether the result was taken over from an earlier run.
        cached: whether the result came out of a cache.
        lineage: of a stateful nested workflow, which of the thread's histories goes on with it; else empty.
        changed: names of arguments that were changed in place while it worked.
    """

    reused: bool = False
    cached: bool = False
    lineage: str = ""
    changed: tuple[str, ...] = ()


class CallFailed(CallSettled):
    """A call failed with ``value``.

    Attributes:
        survived: whether its caller went on; only then is the failure handed out again on replay.
        place: how many results its caller had been given before; None if that is told by the order of the records.
        cancelled: whether its caller cancelled it; then there is no ``value``.
    """

    survived: bool = False
    place: int | None = None
    cancelled: bool = False


class Observed(Record):
    """What the body at ``path`` saw beyond the results of its calls.

    Attributes:
        misses: pairs of a number of results and how often, while it had been given so many, it looked in vain for
            another or went on without one: polls, waits that timed out, timers. Several records add up.
        timers: of a body with branches, in order: after how many results, whose timer (the position of the branch
            below the body, empty for the body itself), and how often one after the other.
    """

    misses: tuple[tuple[int, int], ...]
    timers: tuple[tuple[int, str, int], ...] = ()


class Told(Record):
    """The body at ``path`` was given chunks of a nested run's stream: ``value``, or what that of a returned call gives.

    Attributes:
        call: position of the nested run.
        source: position of the call that they tell of.
        kind: of the record that they were made of.
        ns: names the run that ``source`` belongs to, as chunks do.
    """

    call: str
    source: str
    kind: str
    ns: tuple[str, ...] = ()


class Discarded(Record):
    """What the log held at ``path`` and after it in that branch no longer counts: the body changed."""


class Caller(msgspec.Struct, array_like=True, frozen=True):
    """A call that waits for an answer: the one that asked, or one around it.

    Attributes:
        path: position.
        name: the task's name.
        kind: ``"task"``, ``"entrypoint"`` or ``"node"``.
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


class Fallback(Record):
    """The question ``id`` is answered with ``value`` once its time is up."""

    id: str


class Answered(Record):
    """The question ``id`` was answered with ``value``.

    Attributes:
        id: names the question.
        rejected: whether a person refused to answer; ``value`` is the reason.
        expired: whether nobody answered in time; ``value`` is the fallback, None without one.
    """

    id: str
    rejected: bool = False
    expired: bool = False


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


class Emitted(Record):
    """``value`` was written to the stream ``mode``."""

    name: str = ""
    mode: str = "custom"


KINDS: dict[str, type[Record]] = {
    kind.__name__: kind
    for kind in (
        RunStarted, ContextGiven, RunResumed, RunReturned, RunFailed, RunPaused, RunHalted, Saved,
        CallReturned, CallFailed, Observed, Told, Discarded, Asked, Fallback, Answered, Reopened,
    )
}  # fmt: skip
Kind = TypeVar("Kind", bound=Record)


def of_kind(records: Sequence[Record], kind: type[Kind]) -> list[Kind]:
    """Return the records of one kind, in order; quick, since it is asked of long logs that hold few of them."""
    return list(compress(records, map(is_, map(type, records), repeat(kind))))  # type: ignore[arg-type]  # of that kind


ENDS = (RunReturned, RunFailed, RunPaused, RunHalted)


class Checkpoint(NamedTuple):
    """A checkpoint of a run.

    Attributes:
        id: names it.
        parent: id of the one before it, or None.
        end: the record that it stands for: that of the run's start, of a pause or of the result.
        length: how many records of the run there were until it went on from there; all, for its input.
    """

    id: str
    parent: str | None
    end: Record
    length: int


def checkpoints(records: Sequence[Record]) -> list[Checkpoint]:
    """Return the checkpoints of a run, newest first: its result, its pauses, its input.

    The input shows how the run stands now. What no body wrote is one checkpoint.
    """
    started = records[0]
    assert isinstance(started, RunStarted), "a run's first record says that it started"
    found = [Checkpoint(started.run_id, started.parent, started, len(records))]
    for index, record in enumerate(records):
        if isinstance(record, RunResumed) and len(found) > 1 and found[-1].length == len(records):
            found[-1] = found[-1]._replace(length=index)
        elif isinstance(record, RunReturned) and record.point == started.run_id:
            return [Checkpoint(record.point, started.parent, record, len(records))]
        elif isinstance(record, RunReturned) or (isinstance(record, RunPaused) and record.point):
            if found[-1].id == record.point:  # asked again
                found[-1] = found[-1]._replace(length=len(records))
            else:
                found.append(Checkpoint(record.point, found[-1].id, record, len(records)))
    return found[::-1]


def current_checkpoint(records: Sequence[Record]) -> Checkpoint:
    """Return the checkpoint that a run goes on from: its result, the pause that it stands at, else its input."""
    newest, *others = checkpoints(records)
    paused = standing_pause(records)
    is_left = isinstance(newest.end, RunPaused) and (paused is None or paused.point != newest.id)
    return others[-1] if is_left else newest


def origin_of(started: RunStarted, point: Checkpoint) -> tuple[str, int]:
    """Return the source and the step of a checkpoint: a result is the step after its input, a pause none of its own."""
    if point.id == started.run_id:
        return started.source, started.step
    return "loop", started.step + isinstance(point.end, RunReturned)


def waiting_at(records: Sequence[Record], point: Checkpoint, *, goes_on: bool) -> list[Asked]:
    """Return the questions that an answer given at a checkpoint goes to.

    At a pause these are its own, whatever came after it. At the input of a run that the thread goes on with, they are
    those that are open now; at that of any other run, which begins again there, those that it comes to first.

    Args:
        records: of the run.
        point: the checkpoint.
        goes_on: whether the thread goes on with that run.
    """
    if isinstance(point.end, RunReturned):
        return []
    is_input = point.id == cast("RunStarted", records[0]).run_id
    known = records[: point.length]
    pauses = [index for index, record in enumerate(known) if isinstance(record, RunPaused)]
    if not pauses:
        return []
    last = pauses[0] if is_input and not goes_on else pauses[-1]
    asked = {record.id: record for record in of_kind(known[:last], Asked)}
    answered: set[str] = set()
    for record in known[last:] if is_input and goes_on else ():
        if isinstance(record, Answered):
            answered.add(record.id)
        elif isinstance(record, Reopened):
            answered.discard(record.id)
    return [asked[key] for key in cast("RunPaused", known[last]).ids if key in asked and key not in answered]


def standing_pause(records: Sequence[Record]) -> RunPaused | None:
    """Return the pause that a run stands at, by its last records; None if it stands at none."""
    for record in reversed(records):
        if isinstance(record, RunPaused):
            return record
        if isinstance(record, (RunStarted, RunResumed, *ENDS)):
            break
    return None
