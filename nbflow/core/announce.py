"""The records that only those who listen need: what was asked for, began, failed and is tried again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nbflow.core.record import CallBegan, CallRetried, CallStarted, Value

if TYPE_CHECKING:
    from nbflow.core.call import Call


def started(call: Call, at: float) -> CallStarted:
    """Return that a call was asked for; replayed, if it has its outcome already."""
    spec, replayed = call.spec, call.outcome is not None
    return CallStarted(
        path=call.path,
        at=at,
        name=spec.name,
        kind=spec.kind,
        replayed=replayed,
        shown=call.shown,
        value=Value((call.args, call.kwargs)),
    )


def began(call: Call, at: float) -> CallBegan:
    """Return that an attempt of a call began."""
    spec = call.spec
    return CallBegan(path=call.path, at=at, name=spec.name, kind=spec.kind, attempt=call.attempt)


def retried(call: Call, at: float, error: BaseException) -> CallRetried:
    """Return that an attempt of a call failed and another one follows."""
    spec = call.spec
    return CallRetried(path=call.path, at=at, name=spec.name, kind=spec.kind, attempt=call.attempt, value=Value(error))
