"""Timers of bodies on an event loop: what they went off before is recorded, and comes again on replay in that order."""

from __future__ import annotations

import asyncio
from collections import deque
from contextvars import Context
from typing import TYPE_CHECKING

from nbflow.core.call import current_frame

if TYPE_CHECKING:
    from collections.abc import Callable

    from nbflow.core.call import Frame
    from nbflow.core.deliveries import Deliveries


AGAIN_SECONDS = 0.001  # until a timer that went off too early for what is recorded looks again
PATIENCE = 1000  # times, before it is taken that the body has changed
TURNS = 4  # of the loop, in which a body has reacted to a result or to a timer
MOST_TURNS = 40  # that a timer which is due waits for a body that is given one result after the other


class Timer:
    """What a timer of a body calls when it goes off.

    Args:
        loop: whose timer it is.
        call_at: the loop's own way to make one.
        frame: where the body stood when it was made.
        callback, args: what it is for.

    Attributes:
        branch: position of its branch below the body; empty for none.
        handle: what the code that made it was given, and may cancel.
    """

    handle: asyncio.TimerHandle

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        call_at: Callable[..., asyncio.TimerHandle],
        frame: Frame,
        callback: Callable[..., object],
        args: tuple[object, ...],
    ) -> None:
        self._loop = loop
        self._call_at = call_at
        self._trunk = frame.trunk or frame
        self.branch = frame.prefix[len(self._trunk.prefix) :]
        self._callback = callback
        self._args = args
        self._tries = 0

    def __call__(self) -> None:
        """Go off, but not before the body has reacted to what came before, as it does on replay."""
        body = self._trunk.deliveries
        if body is None:
            self.go_off()
            return
        due = body.due
        if not isinstance(due, Due) or due.loop is not self._loop:
            due = body.due = Due(self._loop, body)
        due.add(self)

    def go_off(self) -> None:
        """Go off, but not before what is recorded to have come first."""
        body = self._trunk.deliveries
        if self.handle.cancelled():
            return
        if body is None or self._tries >= PATIENCE or body.may_go_off(self.branch):
            self.fire()
            return
        if body.next_timer is not None:
            fire_next_timer(self._loop, body, body.next_timer)
        elif body.arrived:  # recorded to come before this timer, and perhaps nobody waits for it: a body that polls
            self._trunk.host.give_here(body)
        self._tries += 1
        context = self.handle._context  # type: ignore[attr-defined]  # noqa: SLF001  # as in belongs
        self._call_at(self._loop.time() + AGAIN_SECONDS, self, context=context)

    def fire(self) -> None:
        """Go off."""
        if self._trunk.deliveries is not None:
            self._trunk.host.miss(self._trunk.deliveries, self.branch)
        self._callback(*self._args)


class Due:
    """The timers of a body that are due: one goes off, the body reacts, then the next one does.

    So it is on replay; and a body may cancel a timer as it reacts to a result, or to another timer.

    Attributes:
        loop: where the body runs.
        timers: in the order in which they came to be due.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, body: Deliveries) -> None:
        self.loop = loop
        self.timers: deque[Timer] = deque()
        self._body = body
        self._seen = body.given
        self._rest = self._waited = 0
        self._is_on = False

    def add(self, timer: Timer) -> None:
        """Have a timer go off in its turn: with the next turn of the loop, if the body has nothing to react to."""
        self.timers.append(timer)
        if not self._is_on:
            self._is_on = True
            self.loop.call_soon(self._turn, context=Context())

    def _turn(self) -> None:
        if self._body.given != self._seen:
            self._seen, self._rest = self._body.given, TURNS
        try:
            if self._rest and self._waited < MOST_TURNS:
                self._rest -= 1
                self._waited += 1
            elif self.timers:
                timer = self.timers.popleft()
                if not timer.handle.cancelled():
                    self._rest, self._waited = TURNS, 0
                    timer.handle._context.run(timer.go_off)  # type: ignore[attr-defined]  # noqa: SLF001  # as in belongs
            else:
                self._is_on, self._waited = False, 0
        finally:
            if self._is_on:
                self.loop.call_soon(self._turn, context=Context())


def make_timer(
    call_at: Callable[..., asyncio.TimerHandle],
    loop: asyncio.AbstractEventLoop,
    when: float,
    callback: Callable[..., object],
    *args: object,
    context: Context | None = None,
) -> asyncio.TimerHandle:
    """Do as ``loop.call_at``; a timer of a body counts as a miss when it goes off."""
    frame = current_frame.get() if context is None else context.get(current_frame)
    if frame is None:
        return call_at(when, callback, *args, context=context)
    timer = Timer(loop, call_at, frame, callback, args)
    timer.handle = call_at(when, timer, context=context)
    return timer.handle


def belongs(handle: asyncio.Handle, body: Deliveries | None) -> bool:
    """Whether a handle of a loop calls code of a body."""
    frame = handle._context.get(current_frame)  # type: ignore[attr-defined]  # noqa: SLF001  # asyncio tells in no other way
    if frame is None or (frame.trunk or frame).deliveries is not body or handle.cancelled():
        return False
    timer = handle._callback  # type: ignore[attr-defined]  # noqa: SLF001  # as above
    return not isinstance(timer, Timer) or not timer.handle.cancelled()


def fire_next_timer(loop: asyncio.AbstractEventLoop, body: Deliveries | None, branch: str | None = None) -> bool:
    """Let the next timer of a body go off at once, since it is recorded to have done so; False if there is none.

    Args:
        loop: where the body runs.
        body: the body.
        branch: of the timer; None for the one that is recorded, or for any if none is.
    """
    wanted = branch if branch is not None or body is None else body.next_timer
    due = body.due if body is not None else None
    if isinstance(due, Due) and any(one.branch == wanted or wanted is None for one in due.timers):
        return True  # it goes off in its turn
    timers = [timer for timer in tuple(getattr(loop, "_scheduled", ())) if belongs(timer, body)]
    of_branch = [timer for timer in timers if getattr(timer._callback, "branch", None) == wanted]  # noqa: SLF001  # as above
    if branch is None:
        of_branch = of_branch or timers
    if not of_branch:
        return False
    timer = min(of_branch, key=lambda one: one.when())
    callback, args, context = timer._callback, timer._args, timer._context  # noqa: SLF001  # as above
    timer.cancel()
    loop.call_soon(callback.fire if isinstance(callback, Timer) else callback, *args, context=context)
    return True
