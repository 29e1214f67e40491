"""What happened, as frozen values; the only state of a run is a list of these.

A record says when it happened (``at``, seconds since 1970) and where (``path``, positions from
the root body ``"0"``, such as ``"0.2.1"``). A user's value rides in ``value`` and is encoded
beside the record, not in it, so that a log can be read without decoding what tasks returned.
"""

from __future__ import annotations

from itertools import compress, repeat
from operator import is_
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import msgspec

# All kinds of records, and their values, are imported from here.
from nbflow.core.file_read import FileRead as FileRead
from nbflow.core.question_records import Answered as Answered
from nbflow.core.question_records import AnsweredBefore as AnsweredBefore
from nbflow.core.question_records import Asked as Asked
from nbflow.core.question_records import Caller as Caller
from nbflow.core.question_records import Fallback as Fallback
from nbflow.core.question_records import Reopened as Reopened
from nbflow.core.record_base import ROOT as ROOT
from nbflow.core.record_base import Record as Record
from nbflow.core.value import Parts as Parts
from nbflow.core.value import Value as Value

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

BEGUN = "nbflow_cell"  # the key of a run's metadata that tells which cell began it
FORMAT = 1


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
        kind: of its body: ``"entrypoint"`` or ``"graph"``.
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
    kind: str = "entrypoint"

    @property
    def shown_metadata(self) -> dict[str, object]:
        """The metadata without what tells which cell began the run."""
        return {name: value for name, value in self.metadata.items() if name != BEGUN}


class ContextGiven(Record):
    """``value`` is the context of the run from here on.

    Attributes:
        missing: why it could not be saved; empty if it was.
    """

    missing: str = ""


class CodeKept(Record):
    """``value`` is the source of a function that ran, and what it uses: of the calls with its name, kind and digest.

    It is a dict of ``text``, as it was written, and ``parts``: the helpers and values that it names, by name, each as
    its source or a digest; ``packages``, the versions of installed packages that it uses, by name; of a body in a
    notebook also ``module``, the code that defines it where nothing else is defined. In early versions it is the text
    alone.

    Attributes:
        name: of the task or body.
        kind: as of a call record; of the body of a run as of ``RunStarted``.
        code: digest of its code, as those calls have it.
        place: where it is written: module and line, such as ``"flows:12"``.
    """

    name: str
    kind: str = "task"
    code: bytes = b""
    place: str = ""

    def contents(self) -> Mapping[str, object]:
        """Return what ``value`` holds; nothing of what can't be read, since this is only shown and told."""
        try:
            value = self.get()
        except Exception:  # noqa: BLE001  # a file that somebody has changed
            return {}
        return value if isinstance(value, dict) else {"text": value}


class RunResumed(Record):
    """The body of an unfinished run is executed again."""


class RunReturned(Record):
    """The body returned ``value``.

    Attributes:
        point: checkpoint id of the result; the run id in a segment that was written whole, without a body.
        saved: whether a Saved record holds what is kept for the next run; else the result is.
        cached: whether the result came out of a cache.
        step: number of that checkpoint; None for the one after the input.
        files: as of ``CallReturned``, those that the body itself has read.
    """

    point: str
    saved: bool = False
    cached: bool = False
    step: int | None = None
    files: tuple[FileRead, ...] = ()


class RunFailed(Record):
    """The body raised ``value``."""


class RunPaused(Record):
    """The body waits for answers to ``ids``.

    Attributes:
        ids: names the questions.
        point: checkpoint id of the pause, the same as long as nothing else has happened; empty in the first versions.
        recorded: whether no body ran before it: answers were recorded, and ``ids`` are left.
    """

    ids: tuple[str, ...]
    point: str = ""
    recorded: bool = False


class RunHalted(Record):
    """The run was brought to a halt; it can be resumed.

    Attributes:
        reason: why.
        until: when it goes on, in seconds since 1970, if it sleeps; else None.
    """

    reason: str = ""
    until: float | None = None


class Saved(Record):
    """``value`` is what the next run of the thread receives as ``previous``."""


class CallRecord(Record):
    """What all records of a call share.

    Attributes:
        name: the task's name.
        kind: ``"task"``, ``"entrypoint"``, ``"graph"``, ``"node"``; of a mark ``"mark"``.
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


class CallEntered(CallRecord):
    """A call that must not happen twice is about to begin; without a record of its end, it may have happened."""


class CallSleeps(CallRecord):
    """A call has begun that does nothing but wait.

    Attributes:
        until: when it ends, in seconds since 1970.
        callers: the calls around it, as of ``Asked``.
    """

    until: float = 0.0
    callers: tuple[Caller, ...] = ()


class CallRetried(CallRecord):
    """An attempt failed with ``value`` and another one follows.

    Attributes:
        wait: seconds before it, without what chance adds.
    """

    wait: float = 0.0


class CallSettled(CallRecord):
    """What the records of a call's end share.

    Attributes:
        requested: seconds since 1970 when it was asked for, if a limit may have kept it from beginning at once; else 0.
        started: seconds since 1970 when its body began.
        inputs: digest of the arguments; empty without a checkpointer.
        code: digest of the task's code; empty when unknown.
        shown: the arguments as short text.
        edges: paths of the calls whose futures were passed as arguments.
        branch: numbers and keys of the branches that the call was made in, such as ``"b2@0=1f0c"``; see ``Branches``.
    """

    requested: float = 0.0
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
        saved: of a result that was taken over from a run, how many seconds that call took there.
        files: what it rests on beside code and arguments: files that were read, as they were when the call ended.
        made_with: of a result that was taken over, by package the versions that made it, where they were others.
    """

    reused: bool = False
    cached: bool = False
    lineage: str = ""
    changed: tuple[str, ...] = ()
    saved: float = 0.0
    files: tuple[FileRead, ...] = ()
    made_with: dict[str, str] = msgspec.field(default_factory=dict)


def seconds_of(record: CallSettled) -> float | None:
    """Return how long a call took where it ran, be that an earlier run; None where that is not known."""
    if isinstance(record, CallReturned) and record.reused:
        return record.saved or None
    if not record.started or (isinstance(record, CallReturned) and record.cached):
        return None
    return max(0.0, record.at - record.started)


class MapReturned(CallReturned):
    """A call for each of many items has ended; its result is made of theirs (``path.item_of``).

    Attributes:
        count: number of the items.
        begun: how many of them, the first ones, were called.
        keeps_errors: whether errors stand in the result; else only what was returned does.
    """

    count: int = 0
    begun: int = 0
    keeps_errors: bool = False


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


class Marked(CallSettled):
    """A body put down where it stands; ``value`` is what has changed since it did so last, see ``core/marks.py``.

    It has a position among the calls of that body. Of the body of a run it is a checkpoint.

    Attributes:
        point: checkpoint id.
        step: number of the checkpoint.
        whole: whether ``value`` is all that the body goes on from, not only what changed.
        source: ``"loop"``, ``"update"`` or ``"fork"``: how it came about.
        alone: whether a run can go on from it without anything that was recorded before it, but its first record.
    """

    point: str = ""
    step: int = 0
    whole: bool = False
    source: str = "loop"
    alone: bool = False


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


class Patched(Record):
    """The code at ``path`` asked whether the change ``name`` of it counts in this run.

    Attributes:
        name: of the change.
        taken: whether it does.
        next: position that the next call has in that branch.
    """

    name: str
    taken: bool = True
    next: str = ROOT


class Discarded(Record):
    """What the log held at ``path`` and after it in that branch no longer counts: the body changed.

    Attributes:
        alone: whether that is the end of the call there alone, a map, whose items are looked up each by itself.
        why: what was recorded and what is asked for, in words; empty if an earlier nbflow wrote it.
    """

    alone: bool = False
    why: str = ""


class Said(NamedTuple):
    """A part of an output, and where the code stood then.

    Attributes:
        branch: of the body, such as ``".b1"``; empty outside of one.
        step: how many calls and questions the code had behind it there.
        attempt: number of the attempt, from 1.
        stream: ``"stdout"``, ``"stderr"``, ``"display"``, or ``"dropped"`` for words on what was not kept.
        content: a text; of a display its forms, by MIME type.
    """

    branch: str
    step: int
    attempt: int
    stream: str
    content: str | Mapping[str, object]


class Output(Record):
    """The code of the call at ``path`` printed, logged, warned of or displayed ``value``: a list of ``Said`` tuples.

    Replay neither reads it nor writes it again.

    Attributes:
        name: the task or body.
        is_new: whether it is the first of an execution of the call: what earlier ones said from there on is said again.
    """

    name: str = ""
    is_new: bool = True


class Emitted(Record):
    """``value`` was written to the stream ``mode``."""

    name: str = ""
    mode: str = "custom"


KINDS: dict[str, type[Record]] = {
    kind.__name__: kind
    for kind in (
        RunStarted, ContextGiven, CodeKept, RunResumed, RunReturned, RunFailed, RunPaused, RunHalted, Saved,
        CallEntered, CallSleeps, CallReturned, MapReturned, CallFailed, Marked, Observed, Told, Patched, Discarded,
        AnsweredBefore, Asked, Fallback, Answered, Reopened, Output,
    )
}  # fmt: skip
Kind = TypeVar("Kind", bound=Record)


def of_kind(records: Sequence[Record], kind: type[Kind]) -> list[Kind]:
    """Return the records of one kind, in order; quick, since it is asked of long logs that hold few of them."""
    return list(compress(records, map(is_, map(type, records), repeat(kind))))  # type: ignore[arg-type]  # of that kind


ENDS = (RunReturned, RunFailed, RunPaused, RunHalted)
