"""The records that only those who listen need: what was asked for, began, failed and is tried again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nbflow.core.record import CallBegan, CallRecord, CallRetried, CallStarted, Value
from nbflow.core.summary import summary_of_call

if TYPE_CHECKING:
    from collections.abc import Iterable

    from nbflow.core.call import Call
    from nbflow.core.log import Log


def started(call: Call, at: float, *, replayed: bool = False) -> CallStarted:
    """Return that a call was asked for; ``replayed`` says whether the log held its outcome."""
    spec = call.spec
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


def retried(call: Call, at: float, error: BaseException, wait: float) -> CallRetried:
    """Return that an attempt of a call failed and another one follows after ``wait`` seconds."""
    spec = call.spec
    told = Value(error)
    return CallRetried(
        path=call.path, at=at, name=spec.name, kind=spec.kind, attempt=call.attempt, wait=wait, value=told
    )


def begun(log: Log, replayed: Iterable[str], open_calls: Iterable[Call], at: float) -> list[CallRecord]:
    """Return the start of each call that was replayed or has not ended, for who begins to listen now.

    Args:
        log: of the run.
        replayed: paths of the calls whose outcome the log held.
        open_calls: those that were asked for and have not ended.
        at: seconds since 1970.
    """
    records: list[CallRecord] = [
        CallStarted(path=path, at=at, name=past.name, kind=past.kind, replayed=True)
        for path, past in ((path, log.settled.get(path)) for path in replayed)
        if past is not None
    ]
    for call in open_calls:
        call.shown = call.shown or summary_of_call(call.args, call.kwargs)
        records.append(started(call, call.started or at))
        if call.attempt:
            records.append(began(call, call.started or at))
    return records
