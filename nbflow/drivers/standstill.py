"""Ends bodies that stand still because of a question: a branch asked it, and others wait for what that branch would do.

A worker that asked takes no more from its queue, so who waits for the queue would wait for ever, and nobody would
see the question. The run pauses in the end whatever its body does, so nothing is lost by ending the body now.
"""

from __future__ import annotations

from contextvars import Context
from typing import TYPE_CHECKING

from nbflow.drivers.future import CallFuture
from nbflow.drivers.here import running_loop

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop, Task
    from collections.abc import Callable

    from nbflow.core.call import Call, Frame

SECONDS = 0.5  # without a step, and without a call at work, until a body that waits with a question is ended


class Standstill:
    """Looks after the bodies of one run that have a question below them.

    Args:
        waits: whether a call, or one below it, waits for an answer.
    """

    def __init__(self, waits: Callable[[Call], bool]) -> None:
        self._waits = waits
        self._looked_after: set[tuple[str, int]] = set()

    def watch(self, frame: Frame | None) -> None:
        """Look after a body on this loop, since it has asked, or a call that it made has."""
        loop, trunk = running_loop(), (frame.trunk or frame) if frame is not None else None
        if loop is None or trunk is None or not trunk.call.spec.is_async:
            return
        place = (trunk.prefix, trunk.call.attempt)
        if place not in self._looked_after:
            self._looked_after.add(place)
            loop.call_later(SECONDS, self._look, loop, trunk, steps_of(trunk), context=Context())

    def _look(self, loop: AbstractEventLoop, trunk: Frame, before: tuple[int, ...]) -> None:
        future, body, now = trunk.call.promise, trunk.deliveries, steps_of(trunk)
        task: Task[None] | None = future.task if isinstance(future, CallFuture) else None
        if trunk.over or task is None or task.done():
            return
        if now == before and (body is None or not body.pending) and self._waits(trunk.call):
            task.cancel()
        loop.call_later(SECONDS, self._look, loop, trunk, now, context=Context())


def steps_of(trunk: Frame) -> tuple[int, ...]:
    """Return what changes whenever a body comes further, as far as the runtime can tell."""
    body = trunk.deliveries
    results = (body.given, body.pending, body.count, body.missed) if body is not None else ()
    return (trunk.calls, trunk.asks, *results)
