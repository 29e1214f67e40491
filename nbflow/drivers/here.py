"""Which event loop runs in this thread, asked without importing asyncio, which another thread may be importing now."""

from __future__ import annotations

import sys
from functools import cache
from typing import TYPE_CHECKING

from nbflow.core.call import current_frame

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from collections.abc import Callable

    Running = Callable[[], AbstractEventLoop | None]


def running_loop() -> AbstractEventLoop | None:
    """Return the event loop that runs in this thread; None if none does."""
    # A module whose import has only begun is there already, without its names; no loop can run yet then.
    running: Running | None = getattr(sys.modules.get("asyncio.events"), "_get_running_loop", None)
    return running() if running is not None else None


@cache
def running_here() -> Running:
    """Return what ``running_loop`` asks, which is no function of Python's; for whoever has a loop or asyncio's task."""
    from asyncio import _get_running_loop  # noqa: PLC0415  # a documented name; asyncio is imported then

    return _get_running_loop


def on_loop() -> AbstractEventLoop | None:
    """Return the loop whose code this is; None in sync code, even where a loop waits below it."""
    # As running_loop, without a step between: this is asked for every result.
    running: Running | None = getattr(sys.modules.get("asyncio.events"), "_get_running_loop", None)
    loop = running() if running is not None else None
    if loop is None:
        return None
    frame = current_frame.get()
    return None if frame is not None and not frame.call.spec.is_async and loop is frame.below else loop


def is_idle(loop: AbstractEventLoop | None) -> bool:
    """Whether this thread runs the loop, and that has nothing to do before what it is given now."""
    return loop is not None and not getattr(loop, "_ready", True) and running_here()() is loop
