"""Whether the log already holds the outcome of a call, and whether it is the same call."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nbflow.core.branches import recorded_branches, steps_of
from nbflow.core.changed_arguments import shortened
from nbflow.core.deliveries import Recorded
from nbflow.core.files import pass_up
from nbflow.core.path import around, comes_before, outside
from nbflow.core.rebuilt import lost, recall
from nbflow.core.record import Answered, CallFailed, CallReturned, ContextGiven, Discarded, RunPaused, RunResumed
from nbflow.core.summary import summary_of_call
from nbflow.errors import ReplayMismatchError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nbflow.core.branches import Recorded as Branches
    from nbflow.core.call import Call, Frame
    from nbflow.core.log import Log
    from nbflow.core.outcome import Outcome
    from nbflow.core.record import CallSettled, Record


class Replay:
    """Looks calls up in a log.

    Attributes:
        log: where the outcomes are.
        began_with: how many records the log held when the run began.
        rerun_changed: whether a changed call runs again; else it is an error.
        order: the order in which bodies were given results.
        branches: what the log tells of branches, by the position of their frame.
        is_needed: whether there is anything in the log that calls could be found in.
        goes_on: whether bodies have been here before, in this run or in the one that it was forked from.
        answered: ids of the questions that had been answered by then.
        passed: positions of the marks that bodies went on from; what they had called before was not asked for again.
        steps: how many calls and questions the frames had behind them when the run began, by their position.
    """

    __slots__ = (
        "_was_paused",
        "answered",
        "began_with",
        "branches",
        "goes_on",
        "is_needed",
        "log",
        "order",
        "passed",
        "rerun_changed",
        "steps",
    )

    def __init__(self, log: Log, *, rerun_changed: bool) -> None:
        self.log = log
        self.began_with = 0
        self.rerun_changed = rerun_changed
        self.goes_on = self.is_needed = self._was_paused = False
        self.answered: set[str] = set()
        self.steps: Mapping[str, int] = {}
        self.order: Recorded = _NOTHING
        self.passed: list[str] = []
        self.branches: Mapping[str, Branches] = {}

    def reread(self, frame: Frame | None = None) -> None:
        """Take in what the log has come to hold; after an attempt, if its body has made calls."""
        if frame is not None and frame.deliveries is None:
            return
        self.is_needed = bool(self.log.settled)
        self.order = Recorded(self.log.records, self.log.settled)
        self.branches = recorded_branches(self.log.settled, self.log.asked)

    def start(self) -> None:
        """Take in what the log held before the run and its first records."""
        self.began_with = len(self.log.records)
        self.goes_on = bool(self.log.settled or self.log.asked)
        if not self.goes_on:
            return
        end = len(self.log.records)
        while end > 1 and _is_opening(self.log.records[end - 1]):
            end -= 1
        self._was_paused = isinstance(self.log.records[end - 1], RunPaused)
        new = {record.id for record in self.log.records[end:] if isinstance(record, Answered)}
        self.answered = self.log.answers.keys() - new
        self.steps = steps_of(self.log.settled, self.log.asked)
        self.reread()

    def begin(self, frame: Frame) -> None:
        """Tell the frame of a new attempt how it stands to the log."""
        call = frame.call
        frame.fresh = call.caller is not None and call.caller.fresh
        if self.goes_on:
            frame.left = self.left_for(call.path, is_old=call.caller is None)

    def left_for(self, frame: str, *, is_old: bool) -> int:
        """Return how many steps a frame has behind it, one more if it had come further than the last of them.

        A run that pauses has come as far as it could in every branch; where one that crashed had come is not known.

        Args:
            frame: position of the frame.
            is_old: whether it was there before the run went on, even if it had made no step.
        """
        steps = self.steps.get(frame, 0)
        return steps + 1 if self._was_paused and (steps or is_old) else steps

    def find(self, call: Call) -> Outcome | None:
        """Return the recorded outcome of a call, or None when it has to run.

        Raises:
            ReplayMismatchError: if the log holds another call there, and may not be overruled.
            UnloadableValueError: if its result can't be rebuilt, likewise.
        """
        past = self.log.settled.get(call.path)
        frame = call.caller
        if past is None or frame is None or frame.fresh:
            return None
        if call.recalled is None or call.recalled.record is not past:  # another thread was here first
            call.recalled = recall(past, self.log.settled)
        recalled, spec, difference = call.recalled, call.spec, None
        if (past.inputs, past.code, past.name, past.kind) != (call.inputs, spec.code, spec.name, spec.kind):
            difference = _difference(call, past)
        if difference is not None:
            self._rerun(call, frame, ReplayMismatchError(call.path, *difference))
        elif recalled.lost:
            self._rerun(call, frame, lost(past, recalled.lost, self.log.records))
        elif isinstance(past, CallFailed) and past.cancelled:
            call.shelved = True
            if call.deliveries is not None:
                call.deliveries.shelve(call)
        else:
            call.row = self.order.places[call.path]
            call.failure = past if isinstance(past, CallFailed) else None
            if isinstance(past, CallReturned) and past.files:
                pass_up(call, past.files)
            return recalled.outcome
        return None

    def _rerun(self, call: Call, frame: Frame, error: Exception) -> None:
        """Have a call run again whose recorded outcome can't stand for it."""
        # A retried body may take another way than the attempt before: that is no mistake of its author.
        if not self.rerun_changed and frame.call.attempt <= 1:
            raise error
        past = self.log.settled[call.path]
        is_map = past.kind == call.spec.kind == "map"
        frame.fresh = frame.fresh or not is_map
        discarded = Discarded(path=call.path, at=past.at, alone=is_map, why=_why(past, error))
        call.carry += (discarded,)
        self.log.append(discarded)


_NOTHING = Recorded((), {})


def _is_opening(record: Record) -> bool:
    """Whether a record stands before what a body does: it begins an execution, or was made where no body ran."""
    if isinstance(record, RunPaused):
        return record.recorded
    return isinstance(record, _OPENING) and not record.copied


_OPENING = (Answered, RunResumed, ContextGiven)


def unreached(replay: Replay, replayed: Sequence[str]) -> list[CallSettled]:
    """Return what the log held the outcomes of and the body, which has returned, did not ask for again.

    Args:
        replay: of the run.
        replayed: paths of the calls that were asked for again.
    """
    reached, log = set(replayed), replay.log
    return [
        past
        for one in log.records[: replay.began_with]
        if (past := log.settled.get(one.path)) is one
        and one.path not in reached
        and not _is_inside(one.path, reached)
        and not any(comes_before(one.path, mark) for mark in replay.passed)
    ]


def _is_inside(path: str, others: set[str]) -> bool:
    return any(one in others for one in around(outside(path)))


def _why(past: CallSettled, error: Exception) -> str:
    """Return in words why a recorded outcome does not stand for a call."""
    if not isinstance(error, ReplayMismatchError):
        return f"the result of {past.name!r} can't be rebuilt"
    if error.asked == _OF_NOW:
        return f"the code of {past.name!r} has changed"
    return f"the body asks for {error.asked} now, not for {error.recorded}"


_OF_NOW = "the code as it is now"


def _difference(call: Call, past: CallSettled) -> tuple[str, str] | None:
    """Return what was recorded and what is asked for, in words, where they differ."""
    spec = call.spec
    if past.name != spec.name or (past.kind != spec.kind and past.inputs):  # a result that was handed in has no digest
        return f"{past.kind} {past.name!r}", f"{spec.kind} {spec.name!r}"
    if past.inputs != call.inputs and past.inputs and call.inputs:
        now = summary_of_call(call.args, call.kwargs)
        if now == past.shown:
            names = " or ".join(map(repr, shortened(call))) or "the type of one of them"
            hidden = f"arguments whose short text is the same, but which differ in what it leaves out, in {names}"
            return f"{past.name!r} {_with(past.shown)}", f"{hidden} (an id or a time that is made anew?)"
        return f"{past.name!r} {_with(past.shown)}", f"the call {_with(now)}"
    if past.code != spec.code and past.code and spec.code:
        return f"{past.name!r} with other code", _OF_NOW
    return None


def _with(shown: str) -> str:
    return f"with the arguments {shown}" if shown else "without arguments"
