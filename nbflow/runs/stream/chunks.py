"""Iterators over a run's chunks: the run works in the background, the reader pulls."""

from __future__ import annotations

import queue
from contextlib import contextmanager
from functools import partial
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, cast

from nbflow.constants import INTERRUPT
from nbflow.core.call import current_frame
from nbflow.core.record import ROOT
from nbflow.drivers.bodies import aio
from nbflow.drivers.here import running_loop
from nbflow.errors import UnloadableValueError, WouldBlockError
from nbflow.runs.launch import launch, nest, on_this_loop
from nbflow.runs.stream.feed import Feed
from nbflow.session.session import Session, model_listener
from nbflow.values import GraphOutput
from nbflow.views.stream import Chunk, StreamView

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from collections.abc import AsyncGenerator, Callable, Iterator

    from nbflow.core.call import Frame
    from nbflow.core.record import Record
    from nbflow.drivers.future import CallFuture
    from nbflow.runs.request import Opening, Request
    from nbflow.runs.run import Run
    from nbflow.runs.stream.shape import Shape
    from nbflow.workflow.definition import Definition

    Put = Callable[[Chunk], None]

_END = Chunk((), "", None)  # stands behind the last one


def chunks(workflow: Definition, shape: Shape, request: Request) -> Iterator[object]:
    """Yield the chunks of a run; closing the iterator cancels it.

    Raises:
        WouldBlockError: on the runtime's own loop, which the run may need.
    """
    if running_loop() is not None and aio().on_runtime_loop():
        raise WouldBlockError(ROOT, workflow.name)
    ready: queue.SimpleQueue[Chunk] = queue.SimpleQueue()
    run = watched(workflow, shape, request, ready.put)
    run.on_done(lambda: ready.put(_END))
    try:
        while (chunk := ready.get()) is not _END:
            yield from shape.give(chunk)
    finally:
        run.cancel("the stream was closed")
    run.result()


async def achunks(workflow: Definition, shape: Shape, request: Request, *, nested: bool) -> AsyncGenerator[object]:
    """As ``chunks``, for ``async for``; async functions run on the loop that reads."""
    import asyncio  # noqa: PLC0415  # a loop runs, so it is loaded already

    loop = asyncio.get_running_loop()
    ready: asyncio.Queue[Chunk] = asyncio.Queue()

    def put(chunk: Chunk) -> None:
        loop.call_soon_threadsafe(ready.put_nowait, chunk)

    waited: Run | CallFuture
    if nested:
        waited, leave = watched_call(workflow, shape, request.input, put)
        waited.when_settled(_after_the_news(lambda: put(_END)))
    else:
        waited = run = await on_this_loop(workflow, partial(watched, workflow, shape, request, put, loop=loop))
        run.on_done(lambda: put(_END))
        leave = _leaver(run)
    try:
        while (chunk := await ready.get()) is not _END:
            for given in shape.give(chunk):
                yield given
    finally:
        leave()
    await waited


def _leaver(run: Run) -> Callable[[], None]:
    def leave() -> None:
        run.cancel("the stream was closed")

    return leave


def nested_chunks(workflow: Definition, shape: Shape, value: object) -> Iterator[object]:
    """Yield the chunks of a run that is a part of the run around it."""
    ready: queue.SimpleQueue[Chunk] = queue.SimpleQueue()
    on_loop = _session().dispatch.is_on_loop()
    future, leave = watched_call(workflow, shape, value, ready.put, waits=on_loop)
    future.when_settled(_after_the_news(lambda: ready.put(_END)))
    try:
        if on_loop:  # which can't turn while this waits, so chunks come when all is done
            future.wait()
        while (chunk := ready.get()) is not _END:
            yield from shape.give(chunk)
    finally:
        leave()
    future.result()


def begin(
    workflow: Definition,
    request: Request,
    shape: Shape,
    *,
    inline: bool = False,
    loop: AbstractEventLoop | None = None,
) -> Run:
    """Begin a run that nobody streams, and print what is wanted of it; ``inline`` and ``loop`` as for ``launch``."""
    if not shape.printed:
        return launch(workflow, request, inline=inline, loop=loop)
    return watched(workflow, shape._replace(modes=frozenset()), request, shape.show, inline=inline, loop=loop)


async def abegin(workflow: Definition, request: Request, shape: Shape) -> Run:
    """As ``begin``; async functions run on the loop that awaits, which goes on while the storage is waited for."""
    return await on_this_loop(workflow, partial(begin, workflow, request, shape, loop=running_loop()))


def run_through(workflow: Definition, request: Request, shape: Shape) -> object:
    """Run in this thread, and return what the caller gets."""
    run = None
    try:
        run = begin(workflow, request, shape, inline=True)
        return output_of(run.result(), shape, run)
    except KeyboardInterrupt:  # before or after the run itself could learn of it
        if run is not None:
            run.cancel("KeyboardInterrupt")
        raise


def output_of(result: Any, shape: Shape, run: Run | None = None) -> object:  # noqa: ANN401  # whatever a body returned
    """Return a run's result in the form that its caller wants."""
    if shape.version != "v2":
        return result
    interrupts: Any = ()
    if run is not None and run.status == "asking":
        result, interrupts = {name: value for name, value in result.items() if name != INTERRUPT}, run.interrupts
    return GraphOutput(shape.typed(result, is_output=True) if shape.typed is not None else result, interrupts)


def watched(
    workflow: Definition,
    shape: Shape,
    request: Request,
    put: Put,
    *,
    inline: bool = False,
    loop: AbstractEventLoop | None = None,
) -> Run:
    """Begin a run and have its chunks put somewhere; ``inline`` and ``loop`` as for ``launch``."""
    views: list[StreamView] = []

    def first(session: Session, opening: Opening) -> None:
        view = StreamView(
            shape.wanted,
            name=workflow.spec.name,
            subgraphs=shape.subgraphs,
            kind=workflow.spec.kind,
            metadata=_metadata(session),
            keys=request.output_keys,
        )
        views.append(view)
        for chunk in view.begin(opening.past, opening.result):
            put(chunk)

    def listen(record: Record) -> None:
        for chunk in views[0].fold(record):
            put(chunk)

    with _hearing_models(shape):
        return launch(workflow, request, inline=inline, loop=loop, listener=listen, first=first)


def watched_call(
    workflow: Definition, shape: Shape, value: object, put: Put, *, waits: bool = False
) -> tuple[CallFuture, Callable[[], None]]:
    """Start a nested run and have its chunks put somewhere; return its future and what ends the listening."""
    session = _session()
    telling = session.dispatch.telling
    feed = Feed(session, shape, workflow.spec, put, _metadata(session), keeps=bool(shape.modes))

    def leave() -> None:
        telling.tell(to_the_end=True)
        feed.end()

    try:
        with telling.lock, _hearing_models(shape):  # so that nothing is durable that the feed could not take in
            feed.begin()
            future = nest(workflow, value, waits=waits)
            feed.open(future.call)
        telling.tell()
    except BaseException as error:
        leave()
        if isinstance(error, UnloadableValueError):
            raise session.barred(_frame(), error) from None
        raise
    return future, leave


def _after_the_news(fn: Callable[[], None]) -> Callable[[], None]:
    """Return what calls ``fn`` when those who listen to the run around this code were told of all that happened."""
    telling = _session().dispatch.telling

    def call() -> None:
        telling.tell(to_the_end=True)
        fn()

    return call


def _frame() -> Frame:
    frame = current_frame.get()
    assert frame is not None, "only a body nests a run"
    return frame


def _session() -> Session:
    return cast("Session", _frame().host)


def _metadata(session: Session) -> dict[str, object]:
    """Return what the user wrote into the config."""
    tags = session.config["tags"]
    return {**session.config["metadata"], **({"tags": list(tags)} if tags else {})}


@contextmanager
def _hearing_models(shape: Shape) -> Iterator[None]:
    """Have the models that a run begun here calls heard, if anybody wants to and there is LangChain."""
    if "messages" not in shape.wanted or model_listener.get() is not None or find_spec("langchain_core") is None:
        yield
        return
    from nbflow.langchain.models import TokenListener  # noqa: PLC0415  # see above

    token = model_listener.set(TokenListener())
    try:
        yield
    finally:
        model_listener.reset(token)
