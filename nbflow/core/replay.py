"""Whether the log already holds the outcome of a call, and whether it is the same call."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nbflow.core.brief import brief_call
from nbflow.core.outcome import Outcome
from nbflow.core.record import CallReturned, Discarded
from nbflow.errors import ReplayMismatchError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nbflow.core.call import Call
    from nbflow.core.log import Log
    from nbflow.core.record import CallSettled


class Replay:
    """Looks calls up in a log.

    Attributes:
        log: where the outcomes are.
        recorded: by path, the outcomes that it began with.
        rerun_changed: whether a changed call runs again; else it is an error.
    """

    __slots__ = ("log", "recorded", "rerun_changed")

    def __init__(self, log: Log, *, rerun_changed: bool) -> None:
        self.log = log
        self.recorded = dict(log.settled)
        self.rerun_changed = rerun_changed

    def find(self, call: Call) -> Outcome | None:
        """Return the recorded outcome of a call, or None when it has to run.

        Raises:
            ReplayMismatchError: if the log holds another call there, and may not be overruled.
        """
        past = self.log.settled.get(call.path)
        frame = call.caller
        if past is None or frame is None or frame.fresh:
            return None
        difference = _difference(call, past)
        if difference is None:
            value = past.value.get() if past.value is not None else None
            return Outcome(None, value) if isinstance(value, BaseException) and _failed(past) else Outcome(value)
        # A retried body may take another way than the attempt before: that is no mistake of its author.
        if not self.rerun_changed and frame.call.attempt <= 1:
            raise ReplayMismatchError(call.path, *difference)
        frame.fresh = True
        discarded = Discarded(path=call.path, at=past.at)
        call.carry += (discarded,)
        self.log.append(discarded)
        return None


def unreached(replay: Replay, replayed: Sequence[str]) -> list[CallSettled]:
    """Return what the log held the outcomes of and the body, which has returned, did not ask for again.

    Args:
        replay: of the run.
        replayed: paths of the calls that were asked for again.
    """
    reached, settled = set(replayed), replay.log.settled
    return [
        past
        for path, past in replay.recorded.items()
        if path not in reached and settled.get(path) is past and not _is_inside(path, reached)
    ]


def _is_inside(path: str, others: set[str]) -> bool:
    while "." in path:
        path = path.rpartition(".")[0]
        if path in others:
            return True
    return False


def _failed(past: CallSettled) -> bool:
    return type(past) is not CallReturned


def _difference(call: Call, past: CallSettled) -> tuple[str, str] | None:
    """Return what was recorded and what is asked for, in words, where they differ."""
    spec = call.spec
    if past.name != spec.name or (past.kind != spec.kind and past.inputs):  # a result that was handed in has no digest
        return f"{past.kind} {past.name!r}", f"{spec.kind} {spec.name!r}"
    if past.inputs != call.inputs and past.inputs and call.inputs:
        return f"{past.name!r} with the arguments {past.shown}", f"the arguments {brief_call(call.args, call.kwargs)}"
    if past.code != spec.code and past.code and spec.code:
        return f"{past.name!r} with other code", "the code as it is now"
    return None
