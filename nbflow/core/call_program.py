"""The programs that carry one call to its end: its arguments, its attempts, its durable result.

A program never waits: it yields effects, and a driver carries them out. The lock of the run is held
around every step, and never while user code or storage runs.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import msgspec

from nbflow.core import announce, caching
from nbflow.core.beside import no_body
from nbflow.core.call import Frame, Promise
from nbflow.core.changed_arguments import FIXED, can_change
from nbflow.core.deadline import Deadline
from nbflow.core.effects import Await, AwaitTold, Commit, Compute, Invoke, Program, Sleep
from nbflow.core.files import PLAIN, is_watched, named_by, pass_up
from nbflow.core.outcome import Outcome
from nbflow.core.rebuilt import Recalled, recall
from nbflow.core.record import CallEntered, CallReturned, Patched, seconds_of
from nbflow.core.retry import wait_before_retry
from nbflow.errors import CallInterruptedError, GraphDrained

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from nbflow.core.call import Call
    from nbflow.core.effects import Effect
    from nbflow.core.record import Record
    from nbflow.core.scheduler import Scheduler


def perform(run: Scheduler, call: Call) -> Program:
    """Carry a call to its end.

    Yields:
        ``Await`` for futures among its arguments, ``Invoke`` for every attempt, a wait
        between two of them, and ``Commit`` of its result.

    Returns:
        How it ended; this program raises nothing.
    """
    outcome = None
    if call.waits_for:
        outcome = yield from _fill_in(run, call)
    if outcome is None and (call.carry or call.taken or (call.deliveries and call.deliveries.is_urgent)):
        outcome = yield from _begin(run, call)
    if outcome is None:
        tries = attempts if run.dry is None else _planned
        if call.spec.program is not None:
            outcome = yield from call.spec.program(run, call)
        elif call.spec.cache is None:
            outcome = yield from tries(run, call)
        else:
            outcome = yield from caching.cached(call, partial(tries, run), run.now())
        if run.outputs.is_heard:
            run.outputs.end(call, run.now())
        outcome = yield from _settle(run, call, outcome)
        if call.spec.cache is not None and run.dry is None:
            outcome = yield from caching.remember(call, outcome, run.log)
    return outcome


def _fill_in(run: Scheduler, call: Call) -> Program:
    """Put the results of other calls in the place of their futures."""
    reply = yield Await(call.waits_for)
    outcomes: Sequence[Outcome] = reply.value  # type: ignore[assignment]  # what Await replies
    for other, outcome in zip(call.waits_for, outcomes, strict=True):
        if outcome.error is not None:
            run.failures.unseen.pop(other.path, None)
            call.failure = other.failure  # whoever asks for this call is told of that failure
            return outcome
    call.args = tuple(_result(arg) for arg in call.args)
    call.kwargs = {name: _result(arg) for name, arg in call.kwargs.items()}
    reply = yield Compute(partial(run.prepare, call))
    if reply.error is not None:
        return reply
    try:
        found = run.look_up(call)
    except Exception as error:  # noqa: BLE001  # a mismatch belongs to the one who waits for this call
        return Outcome(None, error)
    if call.shelved and call.deliveries is not None:  # its caller will cancel it again: it may as well begin
        call.shelved = False
        call.deliveries.unshelve(call)
    return found  # type: ignore[return-value]  # None means: go on


def _begin(run: Scheduler, call: Call) -> Program:
    """Make durable what must be before a call begins, and take its result from another run if there is one.

    Returns:
        The result that was taken over, or why the call can't begin; None if it shall run.
    """
    seen = yield from run.results.take_seen(call, run.now)
    first, call.carry = (*(seen.records if seen is not None else ()), *call.carry), ()
    if first:
        reply = yield Commit(first, saves=call)
        if reply.error is not None:
            return _give_up(run, call, reply.error)
    if call.taken is None:
        return None  # type: ignore[return-value]  # as in _fill_in
    taken, call.taken = call.taken, None
    recalled = yield from _still_there(run, call, taken)
    if recalled is None:
        return None  # type: ignore[return-value]  # as in _fill_in
    call.started, call.attempt = run.now(), recalled.record.attempt
    record = run.ended_as(CallReturned, call, None)
    record.reused, record.value = True, recalled.record.value
    record.saved = seconds_of(recalled.record) or 0.0
    record.files = taken.files
    if run.reuse is not None:
        record.made_with = run.reuse.other_versions(taken, call.spec)
    if taken.files:
        pass_up(call, taken.files)
    reply = yield Commit((record,), call)
    if reply.error is not None:
        return _give_up(run, call, reply.error)
    run.log.append(record)
    return recalled.outcome


def _still_there(run: Scheduler, call: Call, taken: CallReturned) -> Generator[Effect, Outcome, Recalled | None]:
    """Return a result of another run, rebuilt; None if it can't be, or a file that it rests on is another one now."""
    if taken.files and run.watches and is_watched(call):
        reply = yield Compute(partial(run.host.still_holds, taken.files), waits=True)
        if reply.value is not True:
            return None
    reply = yield Compute(partial(recall, taken, {}))
    return reply.value if isinstance(reply.value, Recalled) and not reply.value.lost else None


def _give_up(run: Scheduler, call: Call, error: BaseException) -> Outcome:
    if isinstance(error, Exception):
        run.failed(call, error)
    return Outcome(None, error)


def _fail(run: Scheduler, call: Call, error: BaseException) -> Program:
    """Note how a call failed; if it must not happen twice, durably: whoever goes on with the run is told so again."""
    if not call.spec.at_most_once or not isinstance(error, Exception) or run.stopping:
        return _give_up(run, call, error)
    failure = run.failed(call, error, is_outcome=True)
    before = yield from _before_end(run, call)
    reply = yield Commit((*before, failure), call, call if call.saving is not None else None, at_once=True)
    return Outcome(None, error if reply.error is None else reply.error)


def _planned(run: Scheduler, call: Call) -> Program:
    """As ``attempts``, of a run that is only planned: of bodies alone."""
    unknown = run.dry.would_run(call) if run.dry is not None else None
    return unknown if unknown is not None else (yield from attempts(run, call))


def attempts(run: Scheduler, call: Call) -> Program:
    """Try a call until it returns, gives up, or may not be tried again."""
    call.started = run.now()
    while True:
        if run.draining is not None or call.spec.at_most_once:
            refused = yield from _enter(run, call)
            if refused.error is not None:
                return refused
        call.attempt += 1
        if run.log.listeners or call.spec.timeout is not None:
            _tell_beginning(run, call)
        frame = Frame(call, run.host, call.path)
        if run.replay.is_needed or run.replay.goes_on:
            run.replay.begin(frame)
        outcome = yield Invoke(call, frame)
        frame.over = True
        error = outcome.error
        if frame.deliveries in run.results.behind:
            yield from _leave(run, call, frame, failed=error is not None)
        if error is None or run.stopping or run.impasse is not None or not call.spec.retry:
            return outcome
        # A predicate of the user's decides, so without the lock.
        reply = yield Compute(partial(_wait, call, error, run.now()))
        wait = reply.value
        if not isinstance(wait, Sleep):
            return reply if reply.error is not None else outcome
        _tell_retry(run, call, error, wait.seconds)
        run.replay.reread(frame)
        yield wait
        stopped = run.stopped()
        if stopped is not None:
            return Outcome(None, stopped)


def _tell_beginning(run: Scheduler, call: Call) -> None:
    if run.log.listeners:
        run.log.append(announce.began(call, run.now()))
    if call.spec.timeout is not None:
        call.deadline, run.timed = Deadline(call.spec.timeout, run.now()), True


def _enter(run: Scheduler, call: Call) -> Program:
    """Make durable that a call begins, if it must not happen twice; the outcome says why it may not begin, if so."""
    reason = run.draining() if run.draining is not None else None
    if reason is not None:
        run.refused.append(call.path)
        return Outcome(None, GraphDrained(reason))
    spec, before = call.spec, run.log.entered.get(call.path)
    if not spec.at_most_once or call.attempt > 0:
        return Outcome(None)
    if before is not None and before.name == spec.name:
        return Outcome(None, CallInterruptedError(spec.name, call.path, before.at))
    record = CallEntered(path=call.path, at=run.now(), name=spec.name, kind=spec.kind)
    reply = yield Commit((record,), at_once=True)
    if reply.error is None:
        run.log.append(record)
    return reply


def _leave(run: Scheduler, call: Call, frame: Frame, *, failed: bool) -> Program:
    """Make durable what the body of an attempt saw, if the call does not end with it."""
    body = frame.deliveries
    if body is None or not failed or run.stopping:
        run.results.behind.discard(body)
        if body is not None:  # what it decided is durable with its end
            call.carry += tuple(one for one in body.unsaved if isinstance(one, Patched))
        return Outcome(None)
    seen = yield from run.results.take_seen(call, run.now, (body,))
    run.results.behind.discard(body)
    return (yield Commit(seen.records, saves=call)) if seen is not None else Outcome(None)


def _wait(call: Call, error: BaseException, now: float) -> Sleep | None:
    """Return the wait before the next attempt, or None; what a predicate raises has the call's error as its cause."""
    try:
        with no_body(f"retry_on of {call.spec.kind} {call.spec.name!r}"):
            return wait_before_retry(call.spec.retry, call.attempt, error, now)
    except Exception as raised:
        raised.__cause__ = raised.__cause__ or error
        raise


def _tell_retry(run: Scheduler, call: Call, error: BaseException, wait: float) -> None:
    call.asked = None
    run.failures.forget(call)
    if run.log.listeners:
        run.log.append(announce.retried(call, run.now(), error, wait))


def _settle(run: Scheduler, call: Call, outcome: Outcome) -> Program:
    """Make the end of a call durable, if it is one."""
    error = outcome.error
    if call.cancelled:
        return outcome
    if (call.asked or run.questions.pending) and not isinstance(error, Exception) and run.questions.waits(call):
        return (yield from run.questions.pause(call))
    if error is None and run.refused:
        error = run.halted(call)
    if error is None and (call.reads or call.files or call.kwargs or not PLAIN.issuperset(map(type, call.args))):
        yield from _look_back(run, call)
    if error is None:
        record = run.ended_as(CallReturned, call, outcome.value)
        if call.cached or call.changed or call.files or call.spec.stateful or call.gathered is not None:
            record = _detailed(run, call, record)
        if run.log.feeds:  # what a body that reads a stream was given of this call is durable with its end
            yield AwaitTold()
        before: Sequence[Record] = ()
        if run.results.behind or call.carry or call.seen:
            before = yield from _before_end(run, call)
        commit = Commit((*before, record), call, call if call.saving is not None else None)
        is_plain = not (call.joins or run.outputs.is_heard)
        reply = (yield commit) if is_plain else (yield from _commit_with_others(run, call, commit))
        if reply.error is None:
            run.log.append(record)
            return outcome
        error = reply.error
    return (yield from _fail(run, call, error))


def _detailed(run: Scheduler, call: Call, record: CallReturned) -> CallReturned:
    """Return the record of a call's result, with what most calls have nothing to say of."""
    if call.gathered is not None:
        result = record.get()
        run.log.made[id(result)] = result, call.path
        facts = {name: getattr(record, name) for name in CallReturned.__struct_fields__ if name != "value"}
        return msgspec.structs.replace(call.gathered, **facts)
    record.cached, record.lineage, record.changed = call.cached, call.lineage, call.changed
    record.files, record.made_with = call.files, {**call.made_with}
    return record


def _look_back(run: Scheduler, call: Call) -> Generator[Effect, Outcome, None]:
    """Note the arguments that were changed in place, and the files that the result rests on."""
    if call.inputs and (call.kwargs or not FIXED.issuperset(map(type, call.args))) and can_change(call):
        reply = yield Compute(partial(run.host.look_again, call))
        call.changed = reply.value if isinstance(reply.value, tuple) else ()
    yield from note_files(run, call)
    if call.files:
        pass_up(call, call.files)


def note_files(run: Scheduler, call: Call) -> Generator[Effect, Outcome, None]:
    """Note the files that the result of a call rests on."""
    if not run.watches or call.cached or not is_watched(call):
        return
    named = named_by(call)
    if named or call.reads:
        reply = yield Compute(partial(run.host.files_of, call, named))
        if callable(reply.value):  # large ones
            reply = yield Compute(reply.value, waits=True)
        call.files = reply.value if isinstance(reply.value, tuple) else ()


def _before_end(run: Scheduler, call: Call) -> Generator[Effect, Outcome, Sequence[Record]]:
    """Return what becomes durable with the end of a call, before it."""
    seen = yield from run.results.take_seen(call, run.now)
    return (*(seen.records if seen is not None else ()), *call.carry, *run.failures.survived(call))


def _commit_with_others(run: Scheduler, call: Call, commit: Commit) -> Program:
    """Have the end of a call become durable with what it printed, and with the mark that its caller may make of it.

    It waits for that mark unless somebody listens.
    """
    joins = call.joins and commit.saves is None and not run.log.listeners
    said = run.outputs.take(call, run.now()) if run.outputs.is_heard else ()
    records = (*commit.records[:-1], *said, commit.records[-1])
    reply = yield Commit(records, commit.ends, commit.saves, joins)
    if said:
        run.outputs.keep(said, run.log, is_durable=reply.error is None)
    if joins and run.log.listeners:  # somebody has begun to
        yield Commit(())
    return reply


def _result(arg: object) -> object:
    """Return an argument, or the result of the finished call that it promises."""
    if isinstance(arg, Promise) and arg.call.outcome is not None:
        return arg.call.outcome.value
    return arg
