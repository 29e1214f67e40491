"""Runs what may have to wait in a worker thread, while the event loop goes on."""

from __future__ import annotations

import asyncio
from contextvars import copy_context
from typing import TYPE_CHECKING, TypeVar

from nbflow.core.outcome import Outcome
from nbflow.drivers import aio, threads

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


class _Errand:
    """A job of the pool that nobody else takes."""

    def __init__(self, fn: Callable[[], None]) -> None:
        self.run = fn

    def claim(self) -> bool:
        """Take the right to run it."""
        return True


async def aside(fn: Callable[[], T]) -> T:
    """Return what ``fn`` returns in a worker thread, in this context.

    It is waited for to its end: a cancellation of the asyncio task that waits comes after it.
    """
    loop, context = asyncio.get_running_loop(), copy_context()
    waiting: asyncio.Future[Outcome] = loop.create_future()

    def run() -> None:
        try:
            outcome = Outcome(context.run(fn))
        except BaseException as error:  # noqa: BLE001  # told to who waits
            outcome = Outcome(None, error)
        aio.soon(loop, lambda: waiting.set_result(outcome))

    threads.pool.submit(_Errand(run))
    task, cancelled = asyncio.current_task(), False
    while not waiting.done():
        try:
            await asyncio.wait({waiting})
        except asyncio.CancelledError:
            cancelled = True
    if cancelled and task is not None:
        task.cancel()
    outcome = waiting.result()
    if outcome.error is not None:
        raise outcome.error
    return outcome.value  # type: ignore[return-value]  # what fn returned
