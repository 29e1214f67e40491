"""Goes on with a run when its time has come: a question that need not be answered any more, the end of a sleep."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from nbflow_widgets.loop_calls import TICK

if TYPE_CHECKING:
    from collections.abc import Callable

    from nbflow_widgets.display import Mode
    from nbflow_widgets.loop_calls import LoopCalls

REST_AFTER = 60.0
"""Seconds of a sleep from which on a run in a cell rests: its cell is over, and its thread free."""
_LOOK = 30.0
"""Seconds after which the clock is looked at again: a machine that is put to sleep stops that of a loop."""


def rest_after(mode: Mode) -> float | None:
    """Return from which length on a run rests for a sleep: never where nobody would go on with it."""
    return REST_AFTER if mode == "live" else None


class Alarm:
    """Calls a function at a time, on a worker thread.

    Args:
        calls: leads to the kernel's loop.
        post: has a function called on a worker thread.
    """

    def __init__(self, calls: LoopCalls, post: Callable[[Callable[[], None]], None]) -> None:
        self._calls = calls
        self._post = post
        self._turn = 0

    def set(self, at: float, ring: Callable[[], None]) -> None:
        """Call ``ring`` at ``at``, in seconds since 1970, instead of what it was set to before."""
        self._turn += 1
        self._look(at, ring, self._turn)

    def _look(self, at: float, ring: Callable[[], None], turn: int) -> None:
        left = at - time.time()
        if turn != self._turn:
            return
        if left <= 0:
            self._calls.later(TICK, lambda: self._post(lambda: self._calls.guarded(ring)))
        else:
            self._calls.later(min(left, _LOOK), lambda: self._look(at, ring, turn))
