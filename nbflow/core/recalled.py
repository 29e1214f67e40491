"""What the log holds of a call, its value rebuilt: this runs code of the user's classes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from nbflow.core.outcome import Outcome
from nbflow.core.record import CallFailed
from nbflow.errors import CorruptValueError, UnloadableResultError

if TYPE_CHECKING:
    from nbflow.core.record import CallSettled


class Recalled(msgspec.Struct, frozen=True):
    """What the log holds of a call.

    Attributes:
        record: of its end.
        outcome: how it ended; with an error if the value can't be rebuilt.
        lost: why the value can't be rebuilt; None if it was.
    """

    record: CallSettled
    outcome: Outcome
    lost: Exception | None = None


def recall(past: CallSettled) -> Recalled:
    """Return what a record says of the end of a call, its value rebuilt."""
    try:
        value = past.value.whole() if past.value is not None else None
    except CorruptValueError as error:
        lost = UnloadableResultError(f"the result of {past.kind} {past.name!r}, call {past.path},", error.reason)
        return Recalled(past, Outcome(None, lost), lost)
    if isinstance(past, CallFailed) and isinstance(value, BaseException):
        return Recalled(past, Outcome(None, value))
    return Recalled(past, Outcome(value))
