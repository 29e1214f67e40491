"""How a body puts down where it stands, and goes on from there after a pause or a crash."""

from __future__ import annotations

from bisect import bisect
from typing import TYPE_CHECKING

from nbflow.core.effects import AwaitTold, Commit, Program
from nbflow.core.files import rest_on
from nbflow.core.outcome import Outcome
from nbflow.core.path import is_below
from nbflow.core.record import CallReturned

if TYPE_CHECKING:
    from nbflow.core.call import Frame
    from nbflow.core.record import Marked
    from nbflow.core.scheduler import Scheduler


def put_down(run: Scheduler, frame: Frame, mark: Marked) -> Program:
    """Make a mark of a body durable, at the next position of its frame, with the failures that it has survived.

    Yields:
        ``Commit`` of the mark, with what bodies around it have seen; before it ``AwaitTold`` if a body reads a stream.

    Returns:
        The mark; or why it could not be made.
    """
    if run.stopping or run.impasse is not None or frame.closed:
        return Outcome(None, run.refusal(frame))
    mark.path, mark.at = f"{frame.prefix}.{frame.calls}", run.now()
    frame.calls += 1
    body = frame.deliveries or run.results.begin(frame)
    if run.log.feeds:  # what a body was given of the step is durable no later than that the step is over
        yield AwaitTold()
    bodies, call = [*run.results.behind_at(frame.call), body], frame.call
    seen = (yield from run.results.take_seen(call, run.now, bodies)) if run.results.behind else None
    records = seen.records if seen is not None else ()
    reply = yield Commit((*records, *run.failures.survived(call), mark), saves=call)
    if reply.error is not None:
        return reply
    body.given += 1
    run.log.append(mark)
    return Outcome(mark)


def stand(run: Scheduler, frame: Frame) -> list[Marked]:
    """Have a body go on from its last mark; return its marks, in order, from the last whole one on.

    The calls before that mark are not made again, and count as replayed.
    """
    settled = run.log.settled
    found: list[Marked] = []
    for mark in run.log.marks.get(frame.prefix, ()):
        if settled.get(mark.path) is mark:
            if mark.whole:
                found.clear()
            found.append(mark)
    if found:
        last = found[-1].path
        frame.calls, frame.left = int(last.rpartition(".")[2]) + 1, 0
        body = frame.deliveries or run.results.begin(frame)
        order = run.replay.order
        body.given = bisect(order.of(body.body), order.places.get(last, 0))
        run.replay.passed.append(last)
        if frame.call.caller is not None:
            for record in settled.values():
                if isinstance(record, CallReturned) and record.files and is_below(record.path, frame.prefix):
                    rest_on(frame.call, record.files)
    return found
