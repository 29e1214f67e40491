"""The event loop: the loop that drives a program, the runtime's own loop thread, and branches.

asyncio tasks started inside a body are branches of it: each counts its calls by itself, in the
order the tasks were created, so the positions do not depend on timing. A task factory sees to
that, on the runtime's loop for good and on a caller's loop while a run is on it.
"""

from __future__ import annotations

import asyncio
import os
import threading
from contextvars import copy_context
from typing import TYPE_CHECKING, Protocol, cast

from nbflow import clock
from nbflow.core.call import current_frame
from nbflow.core.effects import Await, Commit, Invoke, Program, Recall, Remember, Sleep
from nbflow.core.outcome import Outcome
from nbflow.drivers.future import CallFuture

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Generator
    from contextvars import Context


GRACE_SECONDS = 1.0  # for a cancelled body to clean up


class AsyncHands(Protocol):
    """What a driver needs to carry out effects for one run, on a loop."""

    lock: threading.RLock

    def acall(self, effect: Invoke) -> Awaitable[Outcome]:
        """Run the function of a call on this loop."""
        ...

    def carry_out(self, effect: Commit | Recall | Remember) -> Outcome:
        """Do what needs no waiting for others."""
        ...

    async def aawait_calls(self, effect: Await) -> Outcome:
        """Wait for other calls."""
        ...

    def jittered(self, effect: Sleep) -> float:
        """Return the seconds of a wait."""
        ...


async def drive(program: Program, hands: AsyncHands) -> Outcome:
    """Run a program to its end on this loop."""
    reply: Outcome | None = None
    while True:
        with hands.lock:
            try:
                effect = program.send(reply)  # type: ignore[arg-type]  # the first step takes None
            except StopIteration as stop:
                outcome: Outcome = stop.value
                return outcome
        if isinstance(effect, Invoke):
            reply = await hands.acall(effect)
        elif isinstance(effect, Sleep):
            reply = await _sleep(hands.jittered(effect))
        elif isinstance(effect, Await):
            reply = await hands.aawait_calls(effect)
        else:
            reply = hands.carry_out(effect)


async def _sleep(seconds: float) -> Outcome:
    try:
        await asyncio.sleep(clock.nap(seconds))
    except asyncio.CancelledError as error:
        return Outcome(None, error)
    return Outcome(None)


async def within(body: Coroutine[object, object, Outcome], left: Callable[[], float]) -> Outcome | None:
    """Run a coroutine in a task of its own, as a part of the body that runs here; None if its time is up.

    Args:
        body: what to run; cancelled, and given a moment to clean up, when its time is up.
        left: gives the seconds that are left, which may have become more meanwhile.
    """
    task = asyncio.Task(body, loop=asyncio.get_running_loop(), context=copy_context())
    try:
        while not task.done() and (seconds := left()) > 0:
            await asyncio.wait({task}, timeout=clock.poll(seconds))
    except asyncio.CancelledError as error:
        task.cancel()
        await asyncio.wait({task}, timeout=GRACE_SECONDS)
        return Outcome(None, error)
    if task.done():
        return task.result()
    task.cancel()
    await asyncio.wait({task}, timeout=GRACE_SECONDS)
    return None


async def settled(future: CallFuture) -> Outcome:
    """Wait until a call has ended; its error is returned, and cancelling this wait does not touch it."""
    if not future.done():
        loop = asyncio.get_running_loop()
        ended = loop.create_future()
        future.add_done_callback(lambda _: None if ended.done() else ended.set_result(None), context=copy_context())
        await ended
    outcome = future.outcome
    assert outcome is not None, "its callbacks run after the outcome is set"
    return outcome


async def fully(value: object) -> object:
    """Await a value for as long as it is awaitable."""
    while hasattr(type(value), "__await__"):
        value = await value  # type: ignore[misc]  # just checked
    return value


def start(
    loop: asyncio.AbstractEventLoop, future: CallFuture, run: Callable[[], Coroutine[object, object, None]]
) -> None:
    """Run a call as an asyncio task of ``loop``, from any thread."""

    def begin() -> None:
        if not future.done():
            future.task = asyncio.Task(run(), loop=loop, context=future.call.context)

    if asyncio._get_running_loop() is loop:  # noqa: SLF001  # a documented name of asyncio.events
        begin()
    else:
        loop.call_soon_threadsafe(begin)


def is_cancelled(error: BaseException | None) -> bool:
    """Whether an error says that something was cancelled."""
    return isinstance(error, asyncio.CancelledError)


def was_asked_to_cancel() -> bool:
    """Whether the current asyncio task was cancelled from outside."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


class _Factory:
    """Makes asyncio tasks, each started inside a body as a branch of that body."""

    def __init__(self, previous: Callable[..., asyncio.Future[object]] | None) -> None:
        self.previous = previous
        self.users = 0

    def __call__(
        self,
        loop: asyncio.AbstractEventLoop,
        coro: Coroutine[object, object, object] | Generator[object, None, object] | CallFuture,
        **options: object,
    ) -> asyncio.Future[object]:
        frame = current_frame.get()
        if isinstance(coro, CallFuture):
            coro = _await(coro)
        elif frame is not None and frame.call.spec.is_async and not frame.closed:
            context = cast("Context", options.get("context") or copy_context())
            context.run(current_frame.set, frame.branch())
            options["context"] = context
        if self.previous is not None:
            return self.previous(loop, coro, **options)
        return asyncio.Task(coro, loop=loop, **options)  # type: ignore[arg-type]  # what create_task was given


async def _await(awaitable: Awaitable[object]) -> object:
    return await awaitable


def adopt(loop: asyncio.AbstractEventLoop) -> None:
    """Count the branches of bodies on this loop from now on; ``release`` undoes it."""
    factory: object = loop.get_task_factory()
    if not isinstance(factory, _Factory):
        factory = _Factory(loop.get_task_factory())
        loop.set_task_factory(factory)  # type: ignore[arg-type]  # typeshed wants one generic signature
    factory.users += 1


def release(loop: asyncio.AbstractEventLoop) -> None:
    """Leave a loop as it was found, once its last run has ended."""
    factory: object = loop.get_task_factory()
    if isinstance(factory, _Factory):
        factory.users -= 1
        if factory.users <= 0:
            loop.set_task_factory(factory.previous)  # type: ignore[arg-type]  # as in adopt


_lock = threading.Lock()
_loop: asyncio.AbstractEventLoop | None = None
_process = 0


def on_runtime_loop() -> bool:
    """Whether this is the thread of the runtime's own loop."""
    return _loop is not None and asyncio._get_running_loop() is _loop  # noqa: SLF001  # a documented name of asyncio.events


def runtime_loop() -> asyncio.AbstractEventLoop:
    """Return the runtime's own loop, on a thread of its own that is started when first needed."""
    global _loop, _process  # one loop thread per process is the point
    with _lock:
        if _loop is None or _loop.is_closed() or _process != os.getpid():
            _loop, _process = asyncio.new_event_loop(), os.getpid()
            adopt(_loop)
            threading.Thread(target=_loop.run_forever, name="nbflow-loop", daemon=True).start()
    return _loop
