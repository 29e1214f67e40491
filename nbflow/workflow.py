"""A workflow: what ``@entrypoint`` makes of a function, and the ways to run it and look at it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from nbflow import history
from nbflow.config import is_callers, is_independent, merge, thread_of
from nbflow.core.call import current_frame
from nbflow.definition import Definition
from nbflow.errors import InvalidOptionError
from nbflow.launch import attach, launch, nest, plain
from nbflow.options import request_of, spelled_out
from nbflow.shape import shape_of
from nbflow.streams import achunks, begin, chunks, nested_chunks, output_of, watched_call
from nbflow.values import Command

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
    from typing import Unpack

    from nbflow.drivers.future import CallFuture
    from nbflow.opening import Request
    from nbflow.run import Run
    from nbflow.shape import Shape
    from nbflow.values import RunnableConfig, RunOptions, StateSnapshot, StreamVersion


class Workflow(Definition):
    """A function that runs durably: ``invoke`` it, ``stream`` it, ``start`` it, ask for its state."""

    def __repr__(self) -> str:
        return f"<workflow {self.name}>"

    def with_config(self, config: RunnableConfig | dict[str, Any]) -> Workflow:
        """Return the same workflow with a config that later ones are merged into."""
        bound = merge("with_config()", self.config, config)
        return Workflow(
            self.spec,
            checkpointer=self.checkpointer,
            store=self.store,
            cache=self.cache,
            context_schema=self.context_schema,
            config=bound,
        )

    @spelled_out
    def invoke(
        self,
        input: object,  # LangGraph's name
        config: RunnableConfig | dict[str, Any] | None = None,
        *,
        stream_mode: str | Sequence[str] = "values",
        print_mode: str | Sequence[str] = (),
        version: StreamVersion = "v1",
        **options: Unpack[RunOptions],
    ) -> Any:  # noqa: ANN401  # whatever the body returns
        """Run, and return what the body returns; ``{"__interrupt__": [...]}`` if it asks.

        Works for sync and async bodies, in scripts and in notebooks, where an event loop runs already.

        Args:
            input: for a new run; None goes on with the thread's unfinished run, and
                ``Command(resume=...)`` answers its question.
            config: ``{"configurable": {"thread_id": ...}}`` and more; needed with a checkpointer.
            stream_mode: other than ``"values"``: return the list of chunks that ``stream`` would give.
            print_mode: as for ``stream``.
            version: ``"v2"`` returns a ``GraphOutput``, with the questions apart from the value.
            **options: what ``nbflow.types.RunOptions`` describes.

        Raises:
            NbflowError: for a mistake in the arguments; nothing was written then.
            Exception: whatever the body raises, as it is.
        """
        request = request_of("invoke()", input, config, options)
        shape = shape_of(request.where, stream_mode, print_mode, version=version)
        if stream_mode != "values":
            return list(self._stream(request, shape))
        if self._is_nested(config):
            future = self._call(request, shape, waits=True)
            future.wait()
            return output_of(plain(future.result()), shape)
        run = begin(self, request, shape, inline=True)
        return output_of(run.result(), shape, run)

    @spelled_out
    async def ainvoke(
        self,
        input: object,  # LangGraph's name
        config: RunnableConfig | dict[str, Any] | None = None,
        *,
        stream_mode: str | Sequence[str] = "values",
        print_mode: str | Sequence[str] = (),
        version: StreamVersion = "v1",
        **options: Unpack[RunOptions],
    ) -> Any:  # noqa: ANN401  # whatever the body returns
        """As ``invoke``, awaited; an async body runs on the loop that awaits."""
        request = request_of("ainvoke()", input, config, options)
        shape = shape_of(request.where, stream_mode, print_mode, version=version)
        if stream_mode != "values":
            return [chunk async for chunk in self._astream(request, shape)]
        if self._is_nested(config):
            return output_of(plain(await self._call(request, shape)), shape)
        run = begin(self, request, shape, here=True)
        return output_of(await run, shape, run)

    @spelled_out
    def stream(
        self,
        input: object,  # LangGraph's name
        config: RunnableConfig | dict[str, Any] | None = None,
        *,
        stream_mode: str | Sequence[str] | None = None,
        print_mode: str | Sequence[str] = (),
        subgraphs: bool = False,
        debug: bool | None = None,
        version: StreamVersion = "v1",
        **options: Unpack[RunOptions],
    ) -> Iterator[Any]:
        """Run, and yield chunks as things happen; closing the iterator stops the run.

        Args:
            input: as for ``invoke``.
            config: as for ``invoke``.
            stream_mode: one of these, or a list of them, for ``(mode, chunk)`` pairs: ``"updates"`` (each
                result, by task), ``"values"`` (the end result), ``"custom"`` (what stream writers write),
                ``"messages"`` (tokens and messages of language models), ``"tasks"`` (what begins and ends),
                ``"checkpoints"`` and ``"debug"`` (those two with step and time). None stands for
                ``"updates"``; for ``"values"`` in a nested run that is handed its caller's config.
            print_mode: modes whose chunks are printed as well, as ``[mode] chunk``.
            subgraphs: whether runs nested in this one are shown too, as ``(run, chunk)`` or
                ``(run, mode, chunk)``: a run is named by what leads to it, ``()`` is this one.
            debug: whether to print ``updates`` and ``values``.
            version: ``"v2"`` makes every chunk a dict of ``type``, ``ns`` and ``data``.
            **options: as for ``invoke``.

        Raises:
            NbflowError: for a mistake in the arguments; nothing was written then.
        """
        request = request_of("stream()", input, config, options)
        mode = stream_mode if stream_mode is not None else self._default_mode(config)
        shape = shape_of(request.where, mode, print_mode, subgraphs=subgraphs, debug=debug, version=version)
        return self._stream(request, shape)

    @spelled_out
    def astream(
        self,
        input: object,  # LangGraph's name
        config: RunnableConfig | dict[str, Any] | None = None,
        *,
        stream_mode: str | Sequence[str] | None = None,
        print_mode: str | Sequence[str] = (),
        subgraphs: bool = False,
        debug: bool | None = None,
        version: StreamVersion = "v1",
        **options: Unpack[RunOptions],
    ) -> AsyncGenerator[Any]:
        """As ``stream``, for ``async for``."""
        request = request_of("astream()", input, config, options)
        mode = stream_mode if stream_mode is not None else self._default_mode(config)
        shape = shape_of(request.where, mode, print_mode, subgraphs=subgraphs, debug=debug, version=version)
        return self._astream(request, shape)

    @spelled_out
    def start(
        self,
        input: object,  # LangGraph's name
        config: RunnableConfig | dict[str, Any] | None = None,
        **options: Unpack[RunOptions],
    ) -> Run:
        """Begin a run in the background and return its handle at once; arguments as for ``invoke``."""
        return launch(self, request_of("start()", input, config, options))

    def _stream(self, request: Request, shape: Shape) -> Iterator[Any]:
        if self._is_nested(request.config):
            return nested_chunks(self, shape, self._nested_input(request))
        return chunks(self, shape, request)

    def _astream(self, request: Request, shape: Shape) -> AsyncGenerator[Any]:
        nested = self._is_nested(request.config)
        if nested:
            self._nested_input(request)
        return achunks(self, shape, request, nested=nested)

    def _default_mode(self, config: RunnableConfig | dict[str, Any] | None) -> str:
        return "values" if is_callers(cast("dict[str, object] | None", config)) else "updates"

    def _is_nested(self, config: RunnableConfig | dict[str, Any] | None) -> bool:
        """Whether a run would be a part of the run around it: it has one, and names no thread of its own."""
        return current_frame.get() is not None and not is_independent(cast("dict[str, object] | None", config))

    def _call(self, request: Request, shape: Shape, *, waits: bool = False) -> CallFuture:
        """Start a run as a part of the run around it, and print what is wanted of it."""
        value = self._nested_input(request)
        if not shape.printed:
            return nest(self, value, waits=waits)
        future, leave = watched_call(self, shape._replace(modes=frozenset()), value, shape.show, waits=waits)
        future.add_done_callback(lambda _: leave())
        return future

    def _nested_input(self, request: Request) -> object:
        value = request.input
        if isinstance(value, Command) or value is None:
            raise InvalidOptionError(
                request.where, "input", repr(value), "a nested run is resumed through the run around it; pass an input"
            )
        merge(request.where, cast("dict[str, object] | None", request.config))
        return value

    def last_run(self, config: RunnableConfig | dict[str, Any]) -> Run | None:
        """Return the newest run of a thread as it stands in the checkpointer; None if there is none.

        Raises:
            NoCheckpointerError: if the workflow keeps no runs.
        """
        return attach(self, merge("last_run()", self.config, config))

    def get_state(self, config: RunnableConfig | dict[str, Any]) -> StateSnapshot:
        """Return where a thread stands: now, or at the ``checkpoint_id`` of the config.

        Raises:
            NoCheckpointerError: if the workflow keeps no runs.
            UnknownCheckpointError: if the thread has no such checkpoint.
        """
        merged, thread_id = self._address("get_state()", config)
        return history.state_of(self.saver("get_state()"), merged, thread_id)

    async def aget_state(self, config: RunnableConfig | dict[str, Any]) -> StateSnapshot:
        """As ``get_state``, awaited."""
        return self.get_state(config)

    def get_state_history(
        self,
        config: RunnableConfig | dict[str, Any],
        *,
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> Iterator[StateSnapshot]:
        """Yield the states of a thread, newest first: for each run its result, then its input.

        Args:
            config: names the thread.
            before: a config with a ``checkpoint_id``; only older states are shown.
            limit: how many at most; None for all.
        """
        _, thread_id = self._address("get_state_history()", config)
        below = before["configurable"].get("checkpoint_id") if before is not None else None
        states = history.history_of(self.saver("get_state_history()"), thread_id, before=below)
        for number, snapshot in enumerate(states):
            if limit is not None and number >= limit:
                return
            yield snapshot

    async def aget_state_history(
        self,
        config: RunnableConfig | dict[str, Any],
        *,
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[StateSnapshot]:
        """As ``get_state_history``, for ``async for``."""
        for snapshot in self.get_state_history(config, before=before, limit=limit):
            yield snapshot

    def _address(self, where: str, config: RunnableConfig | dict[str, Any]) -> tuple[RunnableConfig, str]:
        self.saver(where)
        merged = merge(where, self.config, config)
        return merged, thread_of(merged, self.name)


EntrypointPregel = Workflow
