"""A call whose result may come out of a cache: looked up first, computed once by all who ask at the same time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nbflow.core.call import Call
from nbflow.core.effects import Await, Program, Recall, Remember
from nbflow.core.outcome import Outcome
from nbflow.core.record import Value

if TYPE_CHECKING:
    from collections.abc import Callable

    from nbflow.core.log import Log


def cached(call: Call, attempts: Callable[[Call], Program], now: float) -> Program:
    """Take a call's result out of the cache, or try the call.

    Of several that ask for the same result at the same time one computes it and the others wait
    for that one, whatever run they belong to.
    """
    while True:
        reply = yield Recall(call)
        if reply.error is not None:
            call.started, call.attempt = now, 1
            return reply
        if not isinstance(reply.value, Call):
            break
        yield Await((reply.value,))
    if isinstance(reply.value, Value):
        call.cached, call.started, call.attempt = True, now, 1
        return Outcome(reply.value.get())
    return (yield from attempts(call))


def remember(call: Call, outcome: Outcome, log: Log) -> Program:
    """Put the result of a call into the cache, unless a person's answer went into it or its arguments were changed."""
    if outcome.error is None and not call.cached and not call.changed and call.path not in log.answered:
        yield Remember(call, outcome.value)
    return outcome
