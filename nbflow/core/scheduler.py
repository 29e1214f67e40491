"""What happens next in a run: calls opened, tried, settled; questions asked; the end.

The scheduler decides and never waits: its programs yield effects, and a driver carries them
out. It is single-threaded by contract: a driver that uses threads holds one lock around
``open``, ``ask`` and every step of a program, and never while user code or storage runs.
"""

from __future__ import annotations

from heapq import heappush
from typing import TYPE_CHECKING, TypeVar

from nbflow.core import announce
from nbflow.core.beside import beside
from nbflow.core.call import Call, Frame
from nbflow.core.changed_arguments import FIXED
from nbflow.core.failures import Failures
from nbflow.core.heartbeat import progressed
from nbflow.core.output import Outputs
from nbflow.core.path import is_below
from nbflow.core.questions import Questions
from nbflow.core.rebuilt import recall
from nbflow.core.record import (
    CallFailed,
    CallReturned,
    Emitted,
    Value,
)
from nbflow.core.replay import Replay
from nbflow.core.results import Results
from nbflow.core.sources import SMALL, sources_of
from nbflow.errors import GraphDrained, RunRests, RunStopped

if TYPE_CHECKING:
    from collections.abc import Callable

    from nbflow.core.call import Host
    from nbflow.core.deliveries import Deliveries
    from nbflow.core.log import Log
    from nbflow.core.outcome import Outcome
    from nbflow.core.planning import Dry
    from nbflow.core.results import Rows
    from nbflow.core.reuse import Reuse

Ended = TypeVar("Ended", CallReturned, CallFailed)


class Scheduler:
    """The state of one run while it executes.

    Attributes:
        log: what happened so far, the past of a resumed run included.
        reuse: results of an earlier run to take over; None for none.
        now: gives seconds since 1970.
        keep: gives the digest of arguments; None when nothing is kept, so none is needed.
        show: gives arguments as short text.
        draining: says why no further call may begin; None while it may.
        watches: whether the files are noted that calls read.
        refused: paths of the calls that did not begin for that reason, or were given up when the run stopped.
        open_calls: by path, the calls that were asked for and have not ended.
        replayed: paths of the calls whose outcome the log held.
        results: leads results to the bodies that asked for them.
        failures: what became of calls that failed.
        questions: what its bodies ask of people.
        outputs: what its code prints and displays.
        timed: whether a call with a timeout has begun.
        rest_after: seconds of a sleep from which on the run rests instead of waiting; None for never.
        dry: what it would do, if it is only planned; None if it runs.
        resting: when the first of the sleeps ends that the run rests for, in seconds since 1970; None for none.
        stopping: why the run was told to stop; empty while it runs.
        impasse: why the run can't go on, whatever its bodies make of it; None while it can.
        point: checkpoint id that the result gets, or the pause.
        opened: whether its first record is written.
        ended: whether its last record is written.
        host: what the code of the run can reach.
    """

    host: Host

    def __init__(  # noqa: PLR0913  # all that decides of a run
        self,
        log: Log,
        *,
        now: Callable[[], float],
        keep: Callable[[object], bytes] | None,
        show: Callable[[tuple[object, ...], dict[str, object]], str],
        rerun_changed: bool = False,
        draining: Callable[[], str | None] | None = None,
        reuse: Reuse | None = None,
        rows: Rows | None = None,
        rest_after: float | None = None,
        watches: bool = False,
    ) -> None:
        self.log = log
        self.now = now
        self.keep = keep
        self.show = show
        self.replay = Replay(log, rerun_changed=rerun_changed)
        self.reuse = reuse
        self.draining = draining
        self.watches = watches
        self.refused: list[str] = []
        self.open_calls: dict[str, Call] = {}
        self.replayed: list[str] = []
        self.results = Results(log, self.replay, rows)
        self.failures = Failures()
        self.questions = Questions(self)
        self.outputs = Outputs()
        self.timed = False
        self.rest_after = rest_after
        self.resting: float | None = None
        self.dry: Dry | None = None
        self.stopping = ""
        self.impasse: Exception | None = None
        self.point = ""
        self.opened = False
        self.ended = False

    def prepare(self, call: Call, frame: Frame | None = None) -> None:
        """Find what is known of a call before it is opened, or once all its arguments are there.

        This runs code of the user's classes, so the run's lock is not held.

        Args:
            call: with its arguments.
            frame: that it will be opened in; None if it was opened.
        """
        is_users = call.kwargs or not FIXED.issuperset(map(type, call.args))
        token = beside.set("the class of an argument") if is_users else None
        try:
            if self.keep is not None and not call.spec.derived:
                call.inputs = self.keep((call.args, call.kwargs)) if call.kwargs else self.keep(call.args)
            if self.replay.is_needed:
                past = self.log.settled.get(f"{frame.prefix}.{frame.calls}" if frame is not None else call.path)
                call.recalled = recall(past, self.log.settled) if past is not None else None
            if self.log.listeners or (self.keep is not None and call.recalled is None):
                call.shown = self.show(call.args, call.kwargs)
                if self.log.made and (is_users or str in map(type, call.args)):
                    call.edges = sources_of(self.log.made, call)
        finally:
            if token is not None:
                beside.reset(token)

    def open(self, frame: Frame, call: Call) -> None:
        """Take a request of a body; the call has its outcome already if the log holds it.

        Raises:
            RunStopped: if the run was told to stop, or the frame's attempt is over.
            ReplayMismatchError: if the log holds another call at this position.
            UnloadableValueError: if its result is there and can't be rebuilt.
        """
        trunk = frame.trunk or frame
        if self.stopping or self.impasse is not None or trunk.over:
            raise self.refusal(frame)
        position = frame.calls
        frame.calls = position + 1
        call.path = path = f"{frame.prefix}.{position}"
        call.caller = frame
        deliveries = call.deliveries = trunk.deliveries or self.results.begin(trunk)
        deliveries.pending += 1
        name = call.spec.name
        names = frame.names
        if names is None:
            frame.names = {name: 1}
        else:
            call.namesakes = names.get(name, 0)
            names[name] = call.namesakes + 1
        if (self.replay.is_needed or self.log.listeners or self.reuse is not None) and not call.waits_for:
            call.outcome = self.look_up(call)
        if frame.left and call.outcome is None:
            frame.step(is_new=not call.shelved and not call.waits_for)
        if call.outcome is not None:
            frame.left -= frame.left > 0
            if type(call.outcome.value) not in SMALL:
                self.log.made[id(call.outcome.value)] = call.outcome.value, path
            deliveries.count += 1
            heappush(deliveries.arrived, (call.row, deliveries.count, call))
        elif not call.shelved:
            if frame.call.seen:
                deliveries.outlive(self.failures.survived(frame.call))
            self.open_calls[path] = call
        if self.timed:
            progressed(frame.call, self.now())

    def refusal(self, frame: Frame) -> BaseException:
        """Return why no further call of a body may begin."""
        if self.stopping or self.impasse is not None:
            self.refused.append(f"{frame.prefix}.{frame.calls}")
        return self.impasse or RunStopped(self.stopping or "the attempt that made this call is over")

    def arrive(self, call: Call) -> Deliveries | None:
        """Take in that a call has ended; None if its result need not wait for its caller's turn."""
        self.open_calls.pop(call.path, None)
        rows, deliveries = self.results.rows, call.deliveries
        if rows.in_flight:
            rows.in_flight.pop(call, None)
        if deliveries is None or deliveries.closed or (deliveries.wanted is call and deliveries.is_first(call)):
            return None
        deliveries.count += 1
        heappush(deliveries.arrived, (call.row or rows.latest(), deliveries.count, call))
        return deliveries

    def branch(self, frame: Frame, key: str) -> Frame:
        """Return the frame of a new branch of a body; ``key`` as for ``Branches``."""
        branch = frame.branch(key, self.replay.branches.get(frame.prefix, {}))
        branch.left = self.replay.left_for(branch.prefix, is_old=frame.left > 0)
        return branch

    def unshelve(self, call: Call) -> None:
        """Have a call run that its caller is recorded to have cancelled, and now waits for."""
        call.shelved = False
        if call.deliveries is not None:
            call.deliveries.unshelve(call)
        self.open_calls[call.path] = call

    def give_up(self, call: Call) -> None:
        """Let a call go whose caller cancels it: its end does not count any more."""
        was_shelved = call.shelved
        if was_shelved:
            self.unshelve(call)
        self.open_calls.pop(call.path, None)
        call.cancelled = True
        if was_shelved:  # it is recorded already, and the body learns of it in the recorded order
            self.results.cancelled_again(call)
        else:
            self.cancelled(call)

    def cancelled(self, call: Call) -> None:
        """Note that a call ended since its caller cancelled it."""
        if call.caller is not None and not self.stopping:
            self.results.cancelled(call, self.ended_as(CallFailed, call, None))

    def look_up(self, call: Call) -> Outcome | None:
        """Return the call's outcome if the log holds it; else get it ready to run."""
        outcome = None
        if self.replay.is_needed:
            try:
                outcome = self.replay.find(call)
            except Exception as error:
                self.bar(call.path, error)
                raise
            if outcome is not None or call.shelved:
                self.replayed.append(call.path)
        if self.log.listeners:
            self.log.append(announce.started(call, self.now(), replayed=outcome is not None))
        if self.reuse is not None and outcome is None and not call.shelved:
            call.taken = self.reuse.take(call)
        return outcome

    def bar(self, path: str, error: Exception) -> None:
        """Note that the run can't go on, since what is stored for the call at a position is of no use."""
        self.refused.append(path)
        self.impasse = self.impasse or error

    def bar_code(self, frame: Frame, error: Exception) -> None:
        """Note that the run can't go on, since what is stored for the code of a frame is of no use."""
        self.bar(f"{frame.prefix}.{frame.calls}", error)

    def halted(self, call: Call) -> BaseException | None:
        """Return what a call met below it that ends the run, even if its body hid that; None if it met nothing."""
        if not self.refused or not any(is_below(path, call.path) for path in self.refused):
            return None
        rest = RunRests(self.resting) if self.resting is not None else None
        return self.impasse or self.stopped() or rest or GraphDrained((self.draining and self.draining()) or "")

    def stopped(self) -> RunStopped | None:
        """Return why a call whose run was stopped ends; None if it goes on."""
        return RunStopped(self.stopping) if self.stopping else None

    def ended_as(self, kind: type[Ended], call: Call, value: object) -> Ended:
        """Return the record of a call's end."""
        spec = call.spec
        return kind(
            path=call.path,
            at=self.now(),
            name=spec.name,
            kind=spec.kind,
            attempt=call.attempt,
            requested=call.requested,
            started=call.started,
            inputs=call.inputs,
            code=spec.code if self.keep is not None else b"",
            shown=call.shown,
            edges=call.edges,
            branch=call.caller.key if call.caller is not None else "",
            value=Value(value),
        )

    def failed(self, call: Call, error: Exception, *, is_outcome: bool = False) -> CallFailed:
        """Note how a call failed; unless that is its outcome, what its caller does says whether replay hands it out."""
        limit = max((policy.max_attempts for policy in call.spec.retry), default=1)
        error.add_note(f"{call.spec.kind} {call.spec.name!r}, call {call.path}, attempt {call.attempt} of {limit}")
        failure = self.ended_as(CallFailed, call, error)
        failure.survived = is_outcome
        self.failures.add(call, failure)
        self.log.append(failure)
        return failure

    def fail_late(self, call: Call, error: Exception) -> None:
        """Have a call that has returned count as failed: its caller can't go on with its result."""
        failure = self.ended_as(CallFailed, call, error)
        self.failures.open[call.path] = failure
        self.log.append(failure)

    def emit(self, frame: Frame, value: object, mode: str = "custom") -> None:
        """Pass something to those who listen; a replayed call emits nothing, as it does not run."""
        call = frame.call
        if frame.closed:
            return
        if self.timed:
            progressed(call, self.now())
        if self.log.listeners:
            self.log.append(Emitted(path=call.path, at=self.now(), name=call.spec.name, mode=mode, value=Value(value)))
