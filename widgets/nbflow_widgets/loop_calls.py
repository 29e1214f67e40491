"""What threads have called on the kernel's loop, for one cell: in order, and with its errors shown there."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from nbflow import Run
    from nbflow_widgets.display import Cell

TICK = 0.1
"""Seconds between two looks at a run: an idle ``await`` does not see the stop button."""
GRACE = 0.15
"""Seconds before widgets are shown: what is over by then needs none, and would only flicker."""


class LoopCalls:
    """Has functions called on the loop that its cell began on, or at once where there is none.

    Args:
        cell: shows the errors.

    Attributes:
        loop: the running loop of the thread that called `join`; None before, and where none ran.
        error: what a function raised last; for tests.
    """

    def __init__(self, cell: Cell) -> None:
        self.loop: asyncio.AbstractEventLoop | None = None
        self.error: BaseException | None = None
        self._cell = cell

    def join(self) -> None:
        """Take the loop that runs in this thread, if one does."""
        with suppress(RuntimeError):  # without a loop there is nobody to wait for
            self.loop = asyncio.get_running_loop()

    def post(self, job: Callable[[], None]) -> None:
        """Have a function called, from any thread."""
        if self.loop is not None and self.loop.is_running():
            self.loop.call_soon_threadsafe(self.guarded, job)
        else:
            self.guarded(job)

    def later(self, seconds: float, job: Callable[[], None]) -> None:
        """Have a function called after some seconds; never, where there is no loop."""
        if self.loop is not None:
            self.loop.call_later(seconds, self.guarded, job)

    def guarded(self, job: Callable[[], None]) -> None:
        """Call a function; an error is shown in the cell, for it would be lost in a log."""
        try:
            job()
        except Exception as error:  # noqa: BLE001  # whatever it is, the page must show it
            self.error = error
            self._cell.show_error(error)


def led_to(loop: asyncio.AbstractEventLoop, fn: Callable[[], None]) -> Callable[[], None]:
    """Return a function that has ``fn`` called on a loop, from any thread; on a closed one nobody is there to see."""

    def post() -> None:
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(fn)

    return post


async def over(run: Run, on_grace: Callable[[], None]) -> None:
    """Wait until a run returns, fails or pauses; ``on_grace`` is called if that takes a moment."""
    loop = asyncio.get_running_loop()
    ended = loop.create_future()
    run.on_done(led_to(loop, lambda: _settle(ended)))
    await asyncio.wait({ended}, timeout=GRACE)
    if not run.done():
        on_grace()
    while not run.done():
        await asyncio.wait({ended}, timeout=TICK)


def _settle(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
