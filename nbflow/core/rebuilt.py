"""Stored values, rebuilt for the code of a run: all of a value or nothing. This runs code of the user's classes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from nbflow.core.outcome import Outcome
from nbflow.core.record import CallFailed, RunStarted
from nbflow.errors import CorruptValueError, UnloadableValueError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nbflow.core.record import CallSettled, Record, Value

RERUN = 'pass on_divergence="rerun" to run again what gave it'
ASK_AGAIN = 'pass on_divergence="rerun" to have it asked again'


def whole(value: Value | None, what: str, instead: str = "") -> object:
    """Return a stored value for the code of a run; None if there is none.

    Args:
        value: as it is stored, or as it is.
        what: the value, for the error.
        instead: what to do if it can't be rebuilt any more, likewise.

    Raises:
        UnloadableValueError: if a part of it can't be rebuilt.
    """
    try:
        return value.whole() if value is not None else None
    except CorruptValueError as error:
        raise UnloadableValueError(what, error.reason, instead) from None


def run_of(records: Sequence[Record]) -> str:
    """Return in words which run records are of."""
    started = records[0] if records else None
    return name_of(started.run_id, started.thread_id) if isinstance(started, RunStarted) else "the run"


def name_of(run_id: str, thread_id: str) -> str:
    """Return a run in words."""
    return f"run {run_id} on thread {thread_id!r}"


class Recalled(msgspec.Struct, frozen=True):
    """What the log holds of a call.

    Attributes:
        record: of its end.
        outcome: how it ended; as if with nothing, if the value can't be rebuilt.
        lost: why the value can't be rebuilt; empty if it was.
    """

    record: CallSettled
    outcome: Outcome
    lost: str = ""


def recall(past: CallSettled) -> Recalled:
    """Return what a record says of the end of a call, its value rebuilt."""
    try:
        value = past.value.whole() if past.value is not None else None
    except CorruptValueError as error:
        return Recalled(past, Outcome(None), error.reason)
    if isinstance(past, CallFailed) and isinstance(value, BaseException):
        return Recalled(past, Outcome(None, value))
    return Recalled(past, Outcome(value))


def lost(past: CallSettled, reason: str, records: Sequence[Record]) -> UnloadableValueError:
    """Return the error that the result of a call can't be rebuilt."""
    what = f"the result of {past.kind} {past.name!r}, call {past.path}, of {run_of(records)}"
    return UnloadableValueError(what, reason, RERUN)
