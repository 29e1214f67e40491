"""The event loop: the loop that drives a program, the runtime's own loop thread, and branches.

asyncio tasks started inside a body are branches of it: each counts its calls by itself, in the
order the tasks were created, so the positions do not depend on timing. A task factory sees to
that, on the runtime's loop for good and on a caller's loop while a run is on it.
"""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from contextlib import suppress
from contextvars import Context, copy_context
from functools import partial
from hashlib import blake2b
from inspect import CO_VARARGS, CO_VARKEYWORDS
from typing import TYPE_CHECKING, Protocol, cast
from weakref import WeakKeyDictionary

from nbflow import codec
from nbflow._support import clock
from nbflow.core.call import current_frame
from nbflow.core.effects import (
    Await,
    AwaitAny,
    AwaitSaved,
    AwaitTold,
    Commit,
    Compute,
    Invoke,
    Program,
    Recall,
    Remember,
    Sleep,
)
from nbflow.core.outcome import Outcome
from nbflow.drivers.future import CallFuture
from nbflow.drivers.timers import belongs, make_timer

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Generator, Sized
    from types import FrameType

    from nbflow.core.call import Frame
    from nbflow.core.deliveries import Deliveries
    from nbflow.drivers.futures_wait import Closing
    from nbflow.drivers.listeners import Telling

GRACE_SECONDS = 1.0  # for a cancelled body to clean up


class AsyncHands(Protocol):
    """What a driver needs to carry out effects for one run, on a loop."""

    lock: threading.RLock
    telling: Telling

    @property
    def delivery(self) -> Closing:
        """What gives bodies their results."""
        ...

    @property
    def untold(self) -> Sized:
        """What those who listen have not been told of."""
        ...

    def acall(self, effect: Invoke) -> Awaitable[Outcome]:
        """Run the function of a call on this loop."""
        ...

    def acarry_out(self, effect: Commit | AwaitSaved | AwaitTold | Recall | Remember | Compute) -> Awaitable[Outcome]:
        """Do what needs no waiting for other calls."""
        ...

    async def aawait_calls(self, effect: Await | AwaitAny) -> Outcome:
        """Wait for other calls."""
        ...

    def jittered(self, effect: Sleep) -> float:
        """Return the seconds of a wait."""
        ...


async def drive(program: Program, hands: AsyncHands) -> Outcome:
    """Run a program to its end on this loop."""
    reply: Outcome | None = None
    untold = hands.untold
    while True:
        with hands.lock:
            try:
                effect = program.send(reply)  # type: ignore[arg-type]  # the first step takes None
            except StopIteration as stop:
                outcome: Outcome = stop.value
                return outcome
        if untold:
            hands.telling.tell()
        if isinstance(effect, Invoke):
            reply = await hands.acall(effect)
            if effect.frame.deliveries is not None:
                hands.delivery.close(effect.frame.deliveries)
        elif isinstance(effect, Sleep):
            reply = await _sleep(hands.jittered(effect))
        elif isinstance(effect, (Await, AwaitAny)):
            reply = await hands.aawait_calls(effect)
        else:
            reply = await hands.acarry_out(effect)


async def _sleep(seconds: float) -> Outcome:
    try:
        await asyncio.sleep(clock.sleep_time(seconds))
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
            await asyncio.wait({task}, timeout=clock.check_interval(seconds))
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
    if future.call.outcome is None:
        loop = asyncio.get_running_loop()
        waiting = loop.create_future()

        def wake() -> None:
            if not waiting.done():
                waiting.set_result(None)

        future.when_settled(lambda: soon(loop, wake))
        await waiting
    outcome = future.call.outcome
    assert outcome is not None, "its callbacks run after the outcome is set"
    return outcome


def soon(loop: asyncio.AbstractEventLoop, fn: Callable[[], None]) -> None:
    """Call ``fn`` on a loop, from any thread, as nobody's code; not at all if the loop is closed."""
    if asyncio._get_running_loop() is loop:  # noqa: SLF001  # a documented name of asyncio.events
        loop.call_soon(fn, context=Context())
    elif not loop.is_closed():
        with suppress(RuntimeError):  # it was closed at this moment
            loop.call_soon_threadsafe(fn, context=Context())


MAX_HOPS = 200  # of a loop that always has work for a body, as one that spins
BLIND_HOPS = 8  # of a loop that does not show its work, as uvloop's


def is_busy(loop: asyncio.AbstractEventLoop, body: Deliveries, hops: int) -> bool:
    """Whether a loop will call code of a body next; ``hops`` is how often the answer was yes in a row."""
    ready = getattr(loop, "_ready", None)
    if ready is None:
        return hops < BLIND_HOPS
    return hops < MAX_HOPS and bool(ready) and any(belongs(handle, body) for handle in tuple(ready))


async def fully(value: object) -> object:
    """Await a value for as long as it is awaitable."""
    while hasattr(type(value), "__await__"):
        value = await value  # type: ignore[misc]  # just checked
    return value


def start(
    loop: asyncio.AbstractEventLoop, future: CallFuture, run: Callable[[CallFuture], Coroutine[object, object, None]]
) -> None:
    """Run a call as an asyncio task of ``loop``, from any thread."""
    if asyncio._get_running_loop() is not loop:  # noqa: SLF001  # a documented name of asyncio.events
        loop.call_soon_threadsafe(start, loop, future, run)
    elif future.call.outcome is None:
        future.task = asyncio.Task(run(future), loop=loop, context=future.call.context)


def is_cancelled(error: BaseException | None) -> bool:
    """Whether an error says that something was cancelled."""
    return isinstance(error, asyncio.CancelledError)


def was_asked_to_cancel() -> bool:
    """Whether the current asyncio task was cancelled from outside."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


_frames: WeakKeyDictionary[asyncio.Task[object], Frame] = WeakKeyDictionary()  # of the tasks on loops of sync bodies


def frame_of_task(frame: Frame) -> Frame:
    """Return the frame of the code that runs here, on a loop that a sync body runs of its own, or of what is not.

    There every task is a branch from its first call or question on, told apart by its coroutine; but the one that
    the loop is run for counts with the body.
    """
    loop = asyncio._get_running_loop()  # noqa: SLF001  # a documented name of asyncio.events
    if loop is None or loop is (frame.trunk or frame).below:
        return frame
    task = asyncio.current_task(loop)
    if task is None:
        return frame
    own = _frames.get(task)
    if own is None or own.call is not frame.call:
        own = frame if task is _main_task() else frame.host.branch(frame, key_of(task.get_coro()))
        _frames[task] = own
        current_frame.set(own)
    return own


def _main_task() -> object:
    """Return what the loop that runs here is run for; None if that can't be seen."""
    here: FrameType | None = sys._getframe()  # noqa: SLF001  # asyncio tells in no other way
    while here is not None and here.f_code.co_name != "run_until_complete":
        here = here.f_back
    return here.f_locals.get("future") if here is not None else None


class _Branch(asyncio.Task[object]):
    """An asyncio task that a body started; in sets it stands where its number says, not where its address does."""

    def __init__(self, coro: object, number: int, **options: object) -> None:
        self._number = number
        super().__init__(coro, **options)  # type: ignore[arg-type]  # what create_task was given

    def __hash__(self) -> int:
        return self._number

    def __eq__(self, other: object) -> bool:
        return self is other


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
        number = None
        if isinstance(coro, CallFuture):
            coro = _await(coro)
        elif frame is not None and frame.call.spec.is_async and not frame.closed:
            context = cast("Context", options.get("context") or copy_context())
            branch = frame.host.branch(frame, key_of(coro))
            if frame.branches is not None and frame.branches.is_to_end:
                frame.branches.is_to_end = False
                loop.call_soon(frame.branches.end_batch, context=Context())
            context.run(current_frame.set, branch)
            options["context"] = context
            number = int(branch.prefix.rpartition(".b")[2])
        if self.previous is not None:
            return self.previous(loop, coro, **options)
        if number is not None:
            return _Branch(coro, number, loop=loop, **options)
        return asyncio.Task(coro, loop=loop, **options)  # type: ignore[arg-type]  # what create_task was given


def key_of(coro: object) -> str:
    """Return what tells a coroutine from others that were made beside it: a digest of its name and arguments."""
    name, frame = getattr(coro, "__qualname__", ""), getattr(coro, "cr_frame", None)
    hasher = blake2b(name.encode(), digest_size=4)
    if frame is not None:
        code, values = frame.f_code, frame.f_locals
        flags = bool(code.co_flags & CO_VARARGS) + bool(code.co_flags & CO_VARKEYWORDS)
        for each in code.co_varnames[: code.co_argcount + code.co_kwonlyargcount + flags]:
            hasher.update(_told_apart(values.get(each)))
    return hasher.hexdigest()


def _told_apart(value: object) -> bytes:
    try:
        return codec.digest(value)
    except Exception:  # noqa: BLE001  # a queue, a lock, a client: told apart by nothing that the next process has too
        return type(value).__qualname__.encode()


async def _await(awaitable: Awaitable[object]) -> object:
    return await awaitable


def adopt(loop: asyncio.AbstractEventLoop) -> None:
    """Count the branches of bodies on this loop, and their timers, from now on; ``release`` undoes it."""
    factory: object = loop.get_task_factory()
    if not isinstance(factory, _Factory):
        factory = _Factory(loop.get_task_factory())
        loop.set_task_factory(factory)  # type: ignore[arg-type]  # typeshed wants one generic signature
        with suppress(AttributeError):  # a loop that is not written in Python
            loop.call_at = partial(make_timer, loop.call_at, loop)  # type: ignore[assignment,method-assign]  # the one door of its timers
    factory.users += 1


def release(loop: asyncio.AbstractEventLoop) -> None:
    """Leave a loop as it was found, once its last run has ended."""
    factory: object = loop.get_task_factory()
    if isinstance(factory, _Factory):
        factory.users -= 1
        if factory.users <= 0:
            loop.set_task_factory(factory.previous)  # type: ignore[arg-type]  # as in adopt
            getattr(loop, "__dict__", {}).pop("call_at", None)


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
