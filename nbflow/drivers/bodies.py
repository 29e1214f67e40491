"""Runs the functions of calls: fills in their parameters, awaits, passes parts on, watches the time."""

from __future__ import annotations

import threading
from _thread import get_ident
from contextlib import aclosing, closing
from contextvars import Context, copy_context
from functools import cache, partial
from typing import TYPE_CHECKING, TypeVar, cast

from nbflow._support import clock
from nbflow._support.warnings import warn
from nbflow.core.beside import beside
from nbflow.core.call import current_frame
from nbflow.core.outcome import Outcome
from nbflow.drivers import threads
from nbflow.drivers.future import CallFuture
from nbflow.drivers.here import running_loop
from nbflow.errors import NodeCancelledError, RunStopped

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Iterator
    from types import ModuleType

    from nbflow.core.call import Call, Frame, Spec
    from nbflow.core.deadline import Deadline
    from nbflow.core.effects import Invoke

T = TypeVar("T")


@cache
def aio() -> ModuleType:
    """Return the loop's driver; asyncio is imported when something async first happens."""
    from nbflow.drivers import aio as module  # noqa: PLC0415  # see above

    return module


@cache
def timers() -> ModuleType:
    """Return what knows timers of loops; imported as ``aio`` is."""
    from nbflow.drivers import timers as module  # noqa: PLC0415  # see above

    return module


@cache
def aside() -> Callable[[Callable[[], T]], Awaitable[T]]:
    """Return what runs a function in a worker thread while the loop goes on; imported as ``aio`` is."""
    from nbflow.drivers import aside as module  # noqa: PLC0415  # see above

    return module.aside


class Bodies:
    """The functions of one run's calls.

    Args:
        provide: gives the values of injected parameters.
        emit: passes a part of a generator on to those who listen.
        home_loop: gives the loop that async functions of the run use.
        stopping: says why the run was told to stop; empty while it runs.

    Attributes:
        at_work: by position of a call, the thread that its sync function runs in.
    """

    def __init__(
        self,
        *,
        provide: Callable[[Spec, Frame], dict[str, object]],
        emit: Callable[[Frame, object], None],
        home_loop: Callable[[], AbstractEventLoop],
        stopping: Callable[[], str],
    ) -> None:
        self._provide = provide
        self._emit = emit
        self._home_loop = home_loop
        self._stopping = stopping
        self.at_work: dict[str, int] = {}

    def run(self, effect: Invoke, *, apart: bool = False) -> Outcome:
        """Run a sync function in this thread; with a timeout, in another one, ``apart`` from the one that waits."""
        __tracebackhide__ = True
        if effect.call.deadline is not None and not apart:
            return self._run_in_time(effect, effect.call.deadline)
        effect.frame.below = running_loop()
        self.at_work[effect.call.path] = get_ident()
        try:
            value = self._called(effect)
            if effect.call.spec.yields:
                with closing(cast("Generator[object, None, object]", value)) as parts:
                    value = [self._pass_on(effect.frame, part) for part in _until_return(parts, effect.call.spec)]
            elif hasattr(type(value), "__await__"):
                value = self.resolve(value)
        except BaseException as error:  # noqa: BLE001  # every end of a body is an outcome
            return Outcome(None, error)
        finally:
            self.at_work.pop(effect.call.path, None)
        return Outcome(value)

    def _run_in_time(self, effect: Invoke, deadline: Deadline) -> Outcome:
        errand = _Errand(partial(self.run, effect, apart=True), copy_context())
        threads.pool.submit(errand)
        threads.pool.wait(lambda: errand.wait(effect.call))
        return errand.outcome or _too_late(effect, deadline)

    async def arun(self, effect: Invoke, *, apart: bool = False) -> Outcome:
        """Run an async function on this loop; with a timeout, in a task ``apart`` from the one that waits."""
        __tracebackhide__ = True
        deadline = effect.call.deadline
        if deadline is not None and not apart:
            body = self.arun(effect, apart=True)
            return await aio().within(body, lambda: deadline.left(clock.now())) or _too_late(effect, deadline)
        try:
            value = self._called(effect)
            if effect.call.spec.yields:
                async with aclosing(cast("AsyncGenerator[object]", value)) as parts:
                    return Outcome([self._pass_on(effect.frame, part) async for part in parts])
            value = await value  # type: ignore[misc]  # an async function gives a coroutine
            return Outcome(await aio().fully(value) if hasattr(type(value), "__await__") else value)
        except BaseException as error:  # noqa: BLE001  # as in _run
            return Outcome(None, self._own_cancel(effect.call, error))

    def _called(self, effect: Invoke) -> object:
        """Return what calling the function gives, which may be a coroutine or a generator still to run."""
        __tracebackhide__ = True
        call = effect.call
        current_frame.set(effect.frame)
        if beside.get():
            beside.set("")  # this run was begun by code that belongs to no body of another one
        if call.spec.inject:
            return call.spec.fn(*call.args, **{**self._provide(call.spec, effect.frame), **call.kwargs})
        return call.spec.fn(*call.args, **call.kwargs)

    def _pass_on(self, frame: Frame, part: object) -> object:
        """Return a part of what a generator yields, once those who listen have it.

        Raises:
            RunStopped: if nobody waits for the rest any more.
        """
        if frame.closed or self._stopping():
            raise RunStopped(self._stopping() or "the attempt is over")
        self._emit(frame, part)
        return part

    def resolve(self, value: object) -> object:
        """Await for sync code, such as what a body returned un-awaited."""
        if isinstance(value, CallFuture):
            return value.result()
        return aio().asyncio.run_coroutine_threadsafe(aio().fully(value), self._home_loop()).result()

    def _own_cancel(self, call: Call, error: BaseException) -> BaseException:
        """Tell a cancellation of this call from one that its body let out by mistake."""
        if not aio().is_cancelled(error) or aio().was_asked_to_cancel() or self._stopping():
            return error
        mistake = NodeCancelledError(call.path, call.spec.name)
        mistake.__cause__ = error
        return mistake


def _until_return(parts: Generator[object, None, object], spec: Spec) -> Iterator[object]:
    """Yield what a generator yields; what it returns has no place in the list of its parts, which is told once."""
    returned = yield from parts
    if returned is not None and "returned" not in spec.warned:
        spec.warned.add("returned")
        text = f"{spec.kind} {spec.name!r} yields, so its result is the list of its parts, and what it returns is lost"
        warn(f"{text}: {returned!r:.60}; yield it as the last part", UserWarning)


def _too_late(effect: Invoke, deadline: Deadline) -> Outcome:
    effect.frame.closed = True
    return Outcome(None, deadline.passed(effect.call.spec.name, clock.now()))


class _Errand:
    """A function that a worker runs, and that nobody has to wait for to the end.

    Attributes:
        outcome: how it ended; None while it runs, and when nobody waited that long.
    """

    def __init__(self, fn: Callable[[], Outcome], context: Context) -> None:
        self._fn = fn
        self._context = context
        self._ended = threading.Event()
        self.outcome: Outcome | None = None

    def claim(self) -> bool:
        """Take the right to run it: only the pool has it."""
        return True

    def run(self) -> None:
        """Run it."""
        self.outcome = self._context.run(self._fn)
        self._ended.set()

    def wait(self, call: Call) -> None:
        """Wait until it has ended or the call's time is up."""
        assert call.deadline is not None, "only a call with a timeout has an errand"
        while (left := call.deadline.left(clock.now())) > 0 and not self._ended.wait(clock.check_interval(left)):
            continue


def standing(frame: Frame) -> Frame:
    """Return the frame of the code that runs here: of an asyncio task, if a sync body runs a loop of its own."""
    if frame.call.spec.is_async or frame.call.spec.program is not None or running_loop() is None:
        return frame
    found: Frame = aio().frame_of_task(frame)
    return found
