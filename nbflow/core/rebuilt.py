"""Stored values, rebuilt for the code of a run: all of a value or nothing. This runs code of the user's classes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from nbflow.core.outcome import Outcome
from nbflow.core.path import item_of
from nbflow.core.record import CallFailed, CallReturned, MapReturned, RunStarted, Value
from nbflow.core.value import Parts
from nbflow.errors import CorruptValueError, NotNeededError, UnloadableValueError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nbflow.core.record import CallSettled, Record

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


def recall(past: CallSettled, settled: Mapping[str, CallSettled]) -> Recalled:
    """Return what a record says of the end of a call, its value rebuilt.

    Args:
        past: the record.
        settled: by path, the ends of all calls of the run, for a result that is made of others.
    """
    try:
        made_of = gathered(past, settled) if isinstance(past, MapReturned) and past.value is None else past.value
        value = made_of.whole() if made_of is not None else None
    except CorruptValueError as error:
        return Recalled(past, Outcome(None), error.reason)
    if isinstance(past, CallFailed) and isinstance(value, BaseException):
        return Recalled(past, Outcome(None, value))
    return Recalled(past, Outcome(value))


def gathered(past: MapReturned, settled: Mapping[str, CallSettled]) -> Parts:
    """Return the result of a map, made of those of its items; ``settled`` as for ``recall``.

    Raises:
        CorruptValueError: if one of them is not there.
    """
    parts: list[Value | None] = []
    for index in range(past.count if past.keeps_errors else past.begun):
        path = item_of(past.path, index)
        item = settled.get(path)
        if item is None and index < past.begun:
            raise CorruptValueError(f"the result of item {index} is not recorded any more")
        if isinstance(item, CallReturned):
            parts.append(item.value)
        elif past.keeps_errors:
            is_failed = isinstance(item, CallFailed) and not item.cancelled
            parts.append(item.value if item is not None and is_failed else Value(NotNeededError(path)))
    return Parts(parts)


def lost(past: CallSettled, reason: str, records: Sequence[Record]) -> UnloadableValueError:
    """Return the error that the result of a call can't be rebuilt."""
    what = f"the result of {past.kind} {past.name!r}, call {past.path}, of {run_of(records)}"
    return UnloadableValueError(what, reason, RERUN)
