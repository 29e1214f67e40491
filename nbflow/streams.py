"""Iterators over a run's chunks: the run works in the background, the reader pulls."""

from __future__ import annotations

import queue
from typing import TYPE_CHECKING, Any, cast

from nbflow.core.call import current_frame
from nbflow.errors import InvalidOptionError
from nbflow.launch import launch, nest
from nbflow.opening import Request
from nbflow.views.stream import MODES, StreamView

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Iterator, Sequence

    from nbflow.core.record import Record
    from nbflow.definition import Definition
    from nbflow.run import Run
    from nbflow.session import Session

_END = object()


def chunks(workflow: Definition, mode: str | Sequence[str], request: Request) -> Iterator[Any]:
    """Yield the chunks of a run; closing the iterator cancels it."""
    view = view_of(workflow, mode, request.where)
    ready: queue.SimpleQueue[object] = queue.SimpleQueue()
    run = _launch(workflow, view, request, ready.put)
    try:
        while (chunk := ready.get()) is not _END:
            yield chunk
    finally:
        run.cancel("the stream was closed")
    run.result()


async def achunks(
    workflow: Definition, mode: str | Sequence[str], request: Request, *, nested: bool
) -> AsyncGenerator[Any]:
    """As ``chunks``, for ``async for``; async functions run on the loop that reads."""
    import asyncio  # noqa: PLC0415  # a loop runs, so it is loaded already

    loop = asyncio.get_running_loop()
    ready: asyncio.Queue[object] = asyncio.Queue()

    def put(chunk: object) -> None:
        loop.call_soon_threadsafe(ready.put_nowait, chunk)

    if nested:
        future, forget = _nested(workflow, mode, request, put)
        try:
            while (chunk := await ready.get()) is not _END:
                yield chunk
        finally:
            forget()
        await future
        return
    run = _launch(workflow, view_of(workflow, mode, request.where), request, put, here=True)
    try:
        while (chunk := await ready.get()) is not _END:
            yield chunk
    finally:
        run.cancel("the stream was closed")
    await run


def nested_chunks(
    workflow: Definition, value: object, mode: str | Sequence[str], where: str = "stream()"
) -> Iterator[Any]:
    """Yield the chunks of a run that is a part of the run around it."""
    ready: queue.SimpleQueue[object] = queue.SimpleQueue()
    future, forget = _nested(workflow, mode, Request(where, value, None), ready.put)
    try:
        while (chunk := ready.get()) is not _END:
            yield chunk
    finally:
        forget()
    future.result()


def _launch(
    workflow: Definition, view: StreamView, request: Request, put: Callable[[object], None], *, here: bool = False
) -> Run:
    def listen(record: Record) -> None:
        for chunk in view.fold(record):
            put(chunk)

    def first(value: object) -> None:
        for chunk in view.first_value(value):
            put(chunk)

    run = launch(workflow, request, here=here, listener=listen, first=first)
    run.on_done(lambda: put(_END))
    return run


def _nested(
    workflow: Definition, mode: str | Sequence[str], request: Request, put: Callable[[object], None]
) -> tuple[Any, Callable[[], None]]:
    """Start a nested run; return its future and what ends the listening."""
    frame = current_frame.get()
    assert frame is not None, "only a body nests a run"
    view = view_of(workflow, mode, request.where)
    dispatch = cast("Session", frame.host).dispatch
    listeners = dispatch.scheduler.log.listeners
    seen: list[Record] = []
    listeners.append(seen.append)
    future = nest(workflow, request.input)
    view.root = future.call.path

    def listen(record: Record) -> None:
        for chunk in view.fold(record):
            put(chunk)

    with dispatch.lock:
        listeners.remove(seen.append)
        for record in seen:
            listen(record)
        listeners.append(listen)
    future.add_done_callback(lambda _: put(_END))
    return future, lambda: listeners.remove(listen) if listen in listeners else None


def view_of(workflow: Definition, mode: str | Sequence[str], where: str) -> StreamView:
    """Return the view that gives the wanted chunks.

    Raises:
        InvalidOptionError: for modes that do not exist.
    """
    modes = [mode] if isinstance(mode, str) else list(mode)
    for one in modes:
        if one not in MODES:
            raise InvalidOptionError(where, "stream_mode", repr(one), f"it is one or several of {', '.join(MODES)}")
    return StreamView(modes, paired=not isinstance(mode, str), name=workflow.name)
