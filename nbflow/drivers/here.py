"""Which event loop runs in this thread, asked without importing asyncio, which another thread may be importing now."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from nbflow.core.call import current_frame

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from collections.abc import Callable

    Running = Callable[[], AbstractEventLoop | None] | None


def running_loop() -> AbstractEventLoop | None:
    """Return the event loop that runs in this thread; None if none does."""
    # A module whose import has only begun is there already, without its names; no loop can run yet then.
    running: Running = getattr(sys.modules.get("asyncio.events"), "_get_running_loop", None)
    return running() if running is not None else None


def on_loop() -> AbstractEventLoop | None:
    """Return the loop whose code this is; None in sync code, even where a loop waits below it."""
    running: Running = getattr(sys.modules.get("asyncio.events"), "_get_running_loop", None)  # asked for every result
    loop = running() if running is not None else None
    if loop is None:
        return None
    frame = current_frame.get()
    return None if frame is not None and not frame.call.spec.is_async and loop is frame.below else loop


def is_idle(loop: AbstractEventLoop | None) -> bool:
    """Whether this thread runs the loop, and that has nothing to do before what it is given now."""
    return loop is not None and not getattr(loop, "_ready", True) and running_loop() is loop
