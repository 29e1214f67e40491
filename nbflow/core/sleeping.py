"""Sleeps that outlive their process: when one ends is recorded as it begins, so going on sleeps for the rest alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nbflow.core import announce
from nbflow.core.effects import Commit, Program, Sleep
from nbflow.core.outcome import Outcome
from nbflow.core.questions import callers_of
from nbflow.core.record import CallSleeps
from nbflow.errors import GraphDrained, RunRests

if TYPE_CHECKING:
    from nbflow.core.call import Call
    from nbflow.core.scheduler import Scheduler

SHORT = 1.0  # seconds; when a sleep of less ends need not be recorded
LOOK = 5.0  # seconds, after which it looks whether the time has come: clocks are set, machines are put to sleep


def sleep(run: Scheduler, call: Call) -> Program:
    """Carry out the call of a sleep: its only argument is how many seconds it takes.

    Yields:
        ``Commit`` of when it ends, then ``Sleep``.

    Returns:
        None; or ``RunRests`` if the run shall rest rather than wait so long.
    """
    return (yield from _until(run, call, run.now() + float(call.args[0])))  # type: ignore[arg-type]  # checked before


def sleep_until(run: Scheduler, call: Call) -> Program:
    """As ``sleep``; the argument is when it ends, in seconds since 1970."""
    return (yield from _until(run, call, float(call.args[0])))  # type: ignore[arg-type]  # as above


def _until(run: Scheduler, call: Call, end: float) -> Program:
    call.started, call.attempt = run.now(), 1
    unknown = run.dry.would_run(call) if run.dry is not None else None
    if unknown is not None:
        return unknown
    if run.log.listeners:
        run.log.append(announce.began(call, call.started))
    begun = run.log.sleeps.get(call.path)
    if begun is not None and begun.name == call.spec.name:
        end, call.started = begun.until, begun.at
    elif end - call.started >= SHORT:
        record = CallSleeps(
            path=call.path, at=call.started, name=call.spec.name, kind=call.spec.kind, until=end,
            callers=callers_of(call)[:-1],
        )  # fmt: skip
        reply = yield Commit((record,))
        if reply.error is not None:
            return reply
        run.log.append(record)
    while (left := end - run.now()) > 0:
        if _may_rest(run, call) and run.rest_after is not None and left > run.rest_after:
            run.resting = min(end, run.resting if run.resting is not None else end)
            run.refused.append(call.path)
            return Outcome(None, RunRests(end))
        reply = yield Sleep(min(left, LOOK), 0.0)
        error = reply.error or _reason_to_stop(run, call)
        if error is not None:
            return Outcome(None, error)
    return Outcome(None)


def _reason_to_stop(run: Scheduler, call: Call) -> BaseException | None:
    """Return why a call sleeps no longer; None if it does."""
    reason = run.draining() if run.draining is not None else None
    if reason is not None:
        run.refused.append(call.path)
        return GraphDrained(reason)
    return run.stopped()


def _may_rest(run: Scheduler, call: Call) -> bool:
    """Whether what runs around a sleep may run again: it is kept, and no call is around it that must not."""
    frame = call.caller
    while frame is not None:
        if frame.call.spec.at_most_once:
            return False
        frame = frame.call.caller
    return run.keep is not None
