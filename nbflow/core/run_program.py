"""The program of a whole run: its first record, its body, those it waits for, its last record."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from nbflow.core.caching import cached, remember
from nbflow.core.call_program import attempts, note_files
from nbflow.core.checkpoints import is_mark
from nbflow.core.effects import Await, Commit, Program
from nbflow.core.files import PLAIN
from nbflow.core.outcome import Outcome
from nbflow.core.record import (
    ROOT,
    Answered,
    CallSettled,
    Record,
    Reopened,
    RunFailed,
    RunHalted,
    RunPaused,
    RunReturned,
    Saved,
    Value,
)
from nbflow.errors import (
    Breakpoint,
    ForeignObjectError,
    GraphBubbleUp,
    GraphDrained,
    GraphInterrupt,
    RunRests,
    RunStopped,
    UnknownResult,
)
from nbflow.values import Final, Unstored

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nbflow.core.call import Call
    from nbflow.core.scheduler import Scheduler


def execute(scheduler: Scheduler, body: Call, opening: Sequence[Record], point: str) -> Program:
    """Carry a run to its end.

    Args:
        scheduler: of the run.
        body: the call of the root body.
        opening: records to make durable before the first line of the body.
        point: checkpoint id that the result gets, or the pause.

    Yields:
        ``Commit`` first and last, ``Invoke`` for the body, ``Await`` for calls nobody awaited.

    Returns:
        The result; or the error, a ``GraphInterrupt`` for a pause, ``RunStopped`` for a stop.
    """
    scheduler.point = point
    reply = yield Commit(opening)
    if reply.error is not None:
        scheduler.ended = True
        return Outcome(None, reply.error)
    for record in opening:
        scheduler.log.append(record)
    scheduler.replay.start()
    scheduler.opened = True
    if scheduler.stopping:
        return (yield from halt(scheduler, scheduler.stopping))
    if body.spec.cache is None:
        outcome = yield from attempts(scheduler, body)
    else:
        outcome = yield from cached(body, partial(attempts, scheduler), scheduler.now())
    if outcome.error is None or is_pause(outcome.error) or isinstance(outcome.error, _HALTS):
        while scheduler.open_calls and not scheduler.stopping:
            left = tuple(scheduler.open_calls.values())
            yield Await(left)
            for call in left:  # whatever became of them: a run that looks at them again would do so for ever
                scheduler.open_calls.pop(call.path, None)
    if scheduler.ended:
        return Outcome(None, RunStopped(scheduler.stopping))
    return (yield from _close(scheduler, body, outcome, point))


def halt(scheduler: Scheduler, reason: str) -> Program:
    """End a run from outside; its body learns of it at its next call or result.

    A run whose first record is not durable yet writes its end itself, after it.
    """
    if scheduler.ended:
        return Outcome(None)
    scheduler.stopping = reason
    if not scheduler.opened:
        return Outcome(None, RunStopped(reason))
    return (yield from _end(scheduler, (RunHalted(at=scheduler.now(), reason=reason),), RunStopped(reason)))


def pause(scheduler: Scheduler, body: Call) -> Program:
    """Pause a run from outside whose body has asked, and can't be brought to its end."""
    if scheduler.ended or not scheduler.opened:
        return Outcome(None, RunStopped(scheduler.stopping))
    scheduler.stopping = "its body stands still"
    seen = yield from scheduler.results.take_seen(body, scheduler.now, tuple(scheduler.results.behind))
    if seen is not None:
        yield Commit(seen.records, saves=body)
    for call in reversed(tuple(scheduler.open_calls.values())):
        if call.asked:
            yield from scheduler.questions.pause(call)
    return (yield from _close(scheduler, body, Outcome(None, GraphInterrupt()), scheduler.point))


_HALTS = (GraphDrained, Breakpoint, RunRests, UnknownResult)


def is_pause(error: BaseException) -> bool:
    """Whether an error is a pause, also inside the exception groups of ``asyncio.TaskGroup``."""
    if isinstance(error, BaseExceptionGroup):
        return error.split(GraphBubbleUp)[1] is None
    return isinstance(error, GraphInterrupt)


def _close(scheduler: Scheduler, body: Call, outcome: Outcome, point: str) -> Program:
    error = outcome.error if isinstance(outcome.error, Exception) else scheduler.impasse or outcome.error
    if isinstance(error, Exception) and not is_pause(error):
        return (yield from _fail(scheduler, error))
    if body.asked or scheduler.questions.pending:
        paused = yield from scheduler.questions.pause(body)
        if isinstance(paused.error, Exception):
            return (yield from _fail(scheduler, paused.error))
        interrupts = scheduler.questions.below(body.path)
        ids = tuple(one.id for one in interrupts)
        waiting = RunPaused(at=scheduler.now(), ids=ids, point=_pause_point(scheduler.log.records, ids, point))
        return (yield from _end(scheduler, (waiting,), GraphInterrupt(interrupts)))
    error = error or scheduler.halted(body)
    if scheduler.resting is not None and error is not None and not scheduler.stopping:
        error = RunRests(scheduler.resting)
    if error is not None:
        reason = error.reason if isinstance(error, (GraphDrained, Breakpoint)) else type(error).__name__
        scheduler.stopping = scheduler.stopping or reason
        until = error.until if isinstance(error, RunRests) else None
        halted = RunHalted(at=scheduler.now(), reason=scheduler.stopping, until=until)
        return (yield from _end(scheduler, (halted,), error))
    if scheduler.watches and (body.reads or not PLAIN.issuperset(map(type, body.args))):
        yield from note_files(scheduler, body)
    ended = yield from _return(scheduler, body, outcome.value, point)
    if body.spec.cache is not None and ended.error is None and scheduler.dry is None:
        yield from remember(body, outcome, scheduler.log)
    return ended


def _pause_point(records: Sequence[Record], ids: tuple[str, ...], point: str) -> str:
    """Return the checkpoint id of a pause: of the last one if nothing has happened since, of a mark for its first."""
    happened = False
    for record in reversed(records):
        if isinstance(record, RunPaused):
            return record.point if record.point and record.ids == ids and not happened else point
        if is_mark(record):
            return record.point
        if isinstance(record, (CallSettled, Answered, Reopened)):
            happened = True
    return point


def _return(scheduler: Scheduler, body: Call, result: object, point: str) -> Program:
    records: list[Record] = []
    at = scheduler.now()
    kind = type(result)
    if kind.__module__ == "langgraph.func":  # its entrypoint.final, from an import line that was forgotten
        where = f"entrypoint {body.spec.name!r}"
        return (
            yield from _fail(scheduler, ForeignObjectError(where, "its result", kind.__module__, kind.__qualname__))
        )
    value = result.value if isinstance(result, Final) else result
    marks, step = scheduler.log.marks.get(ROOT), None
    shown = value
    if marks:  # which hold the state that the result is a part of
        point, step, shown = marks[-1].point, marks[-1].step, Unstored(value)
    if isinstance(result, Final):
        records.append(Saved(at=at, value=Value(result.save)))
    records.append(
        RunReturned(
            at=at,
            point=point,
            value=Value(shown),
            saved=isinstance(result, Final),
            cached=body.cached,
            step=step,
            files=body.files,
        )
    )
    failures = scheduler.failures
    reply = yield from _commit_last(
        scheduler, (*body.carry, *failures.survived(body), *failures.open.values(), *records)
    )
    if reply.error is not None:
        return (yield from _fail(scheduler, reply.error))
    scheduler.ended = True
    for record in records:
        scheduler.log.append(record)
    return Outcome(value)


def _fail(scheduler: Scheduler, error: BaseException) -> Program:
    return (yield from _end(scheduler, (RunFailed(at=scheduler.now(), value=Value(error)),), error))


def _commit_last(scheduler: Scheduler, records: Sequence[Record]) -> Program:
    """Write the last records of a run, and before them all that its code has said."""
    outputs = scheduler.outputs
    said = outputs.take_all(scheduler.now()) if outputs.is_heard else ()
    reply = yield Commit((*said, *records))
    if said:
        outputs.keep(said, scheduler.log, is_durable=reply.error is None)
    return reply


def _end(scheduler: Scheduler, records: Sequence[Record], error: BaseException) -> Program:
    """Write the last records, and beside them the failures that replay must not hand out."""
    scheduler.ended = True
    reply = yield from _commit_last(scheduler, (*scheduler.failures.open.values(), *records))
    if reply.error is not None and isinstance(error, Exception):
        error.add_note(f"and the end of the run could not be saved: {reply.error}")
    elif reply.error is not None:
        error = reply.error
    for record in records:
        scheduler.log.append(record)
    return Outcome(None, error)
