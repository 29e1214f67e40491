"""A workflow: what ``@entrypoint`` makes of a function, and the ways to run it and look at it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, Literal, cast, overload

from nbflow.config import is_callers, is_nested, merge
from nbflow.errors import InvalidOptionError
from nbflow.runs.launch import launch, nest, plain
from nbflow.runs.nested import NestedRun
from nbflow.runs.stream.chunks import (
    abegin,
    achunks,
    chunks,
    nested_chunks,
    output_of,
    run_through,
    watched_call,
)
from nbflow.runs.stream.shape import shape_of
from nbflow.values import Command, Input_contra, Output_co
from nbflow.workflow.batch import Batched
from nbflow.workflow.checkpointer import check_checkpointer
from nbflow.workflow.describe import Described
from nbflow.workflow.options import request_of, spelled_out
from nbflow.workflow.trials import Trials

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping, Sequence
    from typing import Never, Unpack

    from langchain_core.runnables import Runnable

    from nbflow.checkpoint.base import BaseCheckpointSaver
    from nbflow.drivers.future import CallFuture
    from nbflow.runs.request import Request
    from nbflow.runs.run import Run
    from nbflow.runs.stream.shape import Shape
    from nbflow.values import Config, GraphOutput, RunOptions, StreamVersion
    from nbflow.workflow.options import ChunkOptions, OutputOptions, ValueOptions


class Workflow(Trials[Output_co], Described, Batched[Input_contra, Output_co], Generic[Input_contra, Output_co]):
    """A function that runs durably: ``invoke`` it, ``stream`` it, ``start`` it, ask for its state.

    For a type checker it is ``Workflow[input, output]``, by the annotations of the function, and what ``invoke``
    gives is the output. A run that pauses gives ``{"__interrupt__": [...]}`` in its place: where that may come,
    ``invoke(version="v2")`` and the ``status`` and ``interrupts`` of ``start()`` keep the two apart.
    """

    def __repr__(self) -> str:
        return f"<workflow {self.name}>"

    def with_config(self, config: Config) -> Workflow[Input_contra, Output_co]:
        """Return the same workflow with a config that later ones are merged into."""
        return self._copy(config=merge("with_config()", self.config, config))

    def with_checkpointer(self, checkpointer: BaseCheckpointSaver | None) -> Workflow[Input_contra, Output_co]:
        """Return the same workflow with its runs kept elsewhere."""
        check_checkpointer(checkpointer)
        return self._copy(checkpointer=checkpointer)

    def _copy(self, **changes: Any) -> Workflow[Input_contra, Output_co]:  # noqa: ANN401  # arguments of the class
        names = ("checkpointer", "store", "cache", "context_schema", "config")
        given = {**{name: getattr(self, name) for name in names}, **changes}
        made: Workflow[Input_contra, Output_co] = Workflow(self.spec, **given)
        made.name = self.name
        return made

    @overload
    def invoke(
        self, input: Input_contra | Command | None, config: Config | None = None, **options: Unpack[ValueOptions]
    ) -> Output_co: ...
    @overload
    def invoke(
        self, input: Input_contra | Command | None, config: Config | None = None, **options: Unpack[OutputOptions]
    ) -> GraphOutput: ...
    @overload
    def invoke(
        self, input: Input_contra | Command | None, config: Config | None = None, **options: Unpack[ChunkOptions]
    ) -> Any: ...  # noqa: ANN401  # a list of chunks
    @spelled_out
    def invoke(
        self,
        input: object,  # LangGraph's name
        config: Config | None = None,
        *more: Never,
        stream_mode: str | Sequence[str] = "values",
        print_mode: str | Sequence[str] = (),
        version: StreamVersion = "v1",
        **options: Unpack[RunOptions],
    ) -> Any:  # whatever the body returns
        """Run, and return what the body returns; ``{"__interrupt__": [...]}`` if it asks.

        Works for sync and async bodies, in scripts and in notebooks, where an event loop runs already.

        Args:
            input: for a new run; None goes on with the thread's unfinished run, and
                ``Command(resume=...)`` answers its question.
            config: ``{"configurable": {"thread_id": ...}}`` and more; needed with a checkpointer.
            *more: nothing; the rest is given by name.
            stream_mode: other than ``"values"``: return the list of chunks that ``stream`` would give.
            print_mode: as for ``stream``.
            version: ``"v2"`` returns a ``GraphOutput``, with the questions apart from the value.
            **options: what ``nbflow.types.RunOptions`` describes.

        Raises:
            NbflowError: for a mistake in the arguments; nothing was written then.
            Exception: whatever the body raises, as it is.
        """
        request = request_of("invoke()", input, config, options, more)
        shape = self._shape(request, options, stream_mode, print_mode, version=version)
        if stream_mode != "values":
            return list(self._stream(request, shape))
        if is_nested(config):
            future = self._call(request, shape, waits=True)
            future.wait()
            return output_of(plain(future.result()), shape)
        return run_through(self, request, shape)

    @overload
    async def ainvoke(
        self, input: Input_contra | Command | None, config: Config | None = None, **options: Unpack[ValueOptions]
    ) -> Output_co: ...
    @overload
    async def ainvoke(
        self, input: Input_contra | Command | None, config: Config | None = None, **options: Unpack[OutputOptions]
    ) -> GraphOutput: ...
    @overload
    async def ainvoke(
        self, input: Input_contra | Command | None, config: Config | None = None, **options: Unpack[ChunkOptions]
    ) -> Any: ...  # noqa: ANN401  # a list of chunks
    @spelled_out
    async def ainvoke(
        self,
        input: object,  # LangGraph's name
        config: Config | None = None,
        *more: Never,
        stream_mode: str | Sequence[str] = "values",
        print_mode: str | Sequence[str] = (),
        version: StreamVersion = "v1",
        **options: Unpack[RunOptions],
    ) -> Any:  # whatever the body returns
        """As ``invoke``, awaited; an async body runs on the loop that awaits."""
        request = request_of("ainvoke()", input, config, options, more)
        shape = self._shape(request, options, stream_mode, print_mode, version=version)
        if stream_mode != "values":
            return [chunk async for chunk in self._astream(request, shape)]
        if is_nested(config):
            return output_of(plain(await self._call(request, shape)), shape)
        run = await abegin(self, request, shape)
        return output_of(await run, shape, run)

    @spelled_out
    def stream(
        self,
        input: Input_contra | Command | None,  # LangGraph's name
        config: Config | None = None,
        *more: Never,
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
            *more: nothing; the rest is given by name.
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
        request = request_of("stream()", input, config, options, more)
        mode = stream_mode if stream_mode is not None else _default_mode(config)
        shape = self._shape(request, options, mode, print_mode, subgraphs=subgraphs, debug=debug, version=version)
        return self._stream(request, shape)

    @spelled_out
    def astream(
        self,
        input: Input_contra | Command | None,  # LangGraph's name
        config: Config | None = None,
        *more: Never,
        stream_mode: str | Sequence[str] | None = None,
        print_mode: str | Sequence[str] = (),
        subgraphs: bool = False,
        debug: bool | None = None,
        version: StreamVersion = "v1",
        **options: Unpack[RunOptions],
    ) -> AsyncGenerator[Any]:
        """As ``stream``, for ``async for``."""
        request = request_of("astream()", input, config, options, more)
        mode = stream_mode if stream_mode is not None else _default_mode(config)
        shape = self._shape(request, options, mode, print_mode, subgraphs=subgraphs, debug=debug, version=version)
        return self._astream(request, shape)

    @spelled_out
    def start(
        self,
        input: Input_contra | Command | None,  # LangGraph's name
        config: Config | None = None,
        *more: Never,
        **options: Unpack[RunOptions],
    ) -> Run[Output_co]:
        """Begin a run in the background and return its handle at once; arguments as for ``invoke``.

        In a body, without a thread of its own, it is a part of the run around it, as of ``invoke``: its result is
        asked of the handle there (``result()`` or ``await``), and replayed.
        """
        request = request_of("start()", input, config, options, more)
        if is_nested(request.config):
            return NestedRun(self, _nested_input(request))
        return launch(self, request)

    def as_runnable(self) -> Runnable[Any, Any]:
        """Return the workflow as a Runnable of LangChain's, for chains (``|``), ``bind``, ``with_retry``, ``as_tool``.

        Raises:
            ImportError: without langchain-core.
        """
        from nbflow.langchain.runnable import WorkflowRunnable  # noqa: PLC0415  # only who asks has LangChain

        return WorkflowRunnable(self)

    def astream_events(
        self,
        input: object,  # LangChain's name
        config: Config | None = None,
        *,
        version: Literal["v1", "v2"] = "v2",
        **options: Any,  # noqa: ANN401  # LangChain's filters, and what ``astream`` takes
    ) -> AsyncIterator[Any]:
        """Run, and yield what LangChain's callbacks are told of, for ``async for``; needs langchain-core.

        Args:
            input: as for ``invoke``.
            config: as for ``invoke``.
            version: of LangChain's events.
            **options: ``include_names``, ``exclude_types`` and so on, and what ``astream`` takes.
        """
        return self.as_runnable().astream_events(input, cast("Any", config), version=version, **options)

    def _shape(
        self,
        request: Request,
        options: Mapping[str, object],
        mode: str | Sequence[str],
        print_mode: str | Sequence[str],
        *,
        version: str,
        subgraphs: bool = False,
        debug: bool | None = None,
    ) -> Shape:
        """Return the form that a caller asked for; where it selected keys, its values have no declared type."""
        return shape_of(
            request.where,
            mode,
            print_mode,
            subgraphs=subgraphs,
            debug=self.debug if debug is None else debug,
            version=version,
            typed=None if "output_keys" in options else self.typed,
        )

    def _stream(self, request: Request, shape: Shape) -> Iterator[object]:
        if is_nested(request.config):
            return nested_chunks(self, shape, _nested_input(request))
        return chunks(self, shape, request)

    def _astream(self, request: Request, shape: Shape) -> AsyncGenerator[object]:
        nested = is_nested(request.config)
        if nested:
            _nested_input(request)
        return achunks(self, shape, request, nested=nested)

    def _call(self, request: Request, shape: Shape, *, waits: bool = False) -> CallFuture:
        """Start a run as a part of the run around it, and print what is wanted of it."""
        value = _nested_input(request)
        if not shape.printed:
            return nest(self, value, waits=waits)
        future, leave = watched_call(self, shape._replace(modes=frozenset()), value, shape.show, waits=waits)
        future.when_settled(leave)
        return future


def _nested_input(request: Request) -> object:
    value = request.input
    if isinstance(value, Command) or value is None:
        raise InvalidOptionError(
            request.where, "input", repr(value), "a nested run is resumed through the run around it; pass an input"
        )
    merge(request.where, cast("dict[str, object] | None", request.config))
    return value


def _default_mode(config: Config | None) -> str:
    return "values" if is_callers(cast("dict[str, object] | None", config)) else "updates"


EntrypointPregel = Workflow
