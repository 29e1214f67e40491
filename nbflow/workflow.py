"""A workflow: what ``@entrypoint`` makes of a function, and the ways to run it and look at it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from nbflow import history
from nbflow.config import is_independent, merge, thread_of
from nbflow.core.call import current_frame
from nbflow.definition import Definition
from nbflow.errors import InvalidOptionError
from nbflow.launch import attach, launch, nest, plain
from nbflow.options import request_of, spelled_out
from nbflow.streams import achunks, chunks, nested_chunks
from nbflow.values import Command

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
    from typing import Unpack

    from nbflow.drivers.future import CallFuture
    from nbflow.opening import Request
    from nbflow.run import Run
    from nbflow.values import RunnableConfig, RunOptions, StateSnapshot


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
        **options: Unpack[RunOptions],
    ) -> Any:  # noqa: ANN401  # whatever the body returns
        """Run, and return what the body returns; ``{"__interrupt__": [...]}`` if it asks.

        Works for sync and async bodies, in scripts and in notebooks, where an event loop runs already.

        Args:
            input: for a new run; None goes on with the thread's unfinished run, and
                ``Command(resume=...)`` answers its question.
            config: ``{"configurable": {"thread_id": ...}}`` and more; needed with a checkpointer.
            stream_mode: other than ``"values"``: return the list of chunks that ``stream`` would give.
            **options: what ``nbflow.types.RunOptions`` describes.

        Raises:
            NbflowError: for a mistake in the arguments; nothing was written then.
            Exception: whatever the body raises, as it is.
        """
        request = request_of("invoke()", input, config, options)
        if stream_mode != "values":
            return list(self._stream(request, stream_mode))
        if self._is_nested(config):
            future = self._call(input, config)
            future.wait()
            return plain(future.result())
        return launch(self, request, inline=True).result()

    @spelled_out
    async def ainvoke(
        self,
        input: object,  # LangGraph's name
        config: RunnableConfig | dict[str, Any] | None = None,
        *,
        stream_mode: str | Sequence[str] = "values",
        **options: Unpack[RunOptions],
    ) -> Any:  # noqa: ANN401  # whatever the body returns
        """As ``invoke``, awaited; an async body runs on the loop that awaits."""
        request = request_of("ainvoke()", input, config, options)
        if stream_mode != "values":
            return [chunk async for chunk in self._astream(request, stream_mode)]
        if self._is_nested(config):
            return plain(await self._call(input, config))
        return await launch(self, request, here=True)

    @spelled_out
    def stream(
        self,
        input: object,  # LangGraph's name
        config: RunnableConfig | dict[str, Any] | None = None,
        *,
        stream_mode: str | Sequence[str] = "updates",
        **options: Unpack[RunOptions],
    ) -> Iterator[Any]:
        """Run, and yield chunks as things happen; closing the iterator stops the run.

        Args:
            input: as for ``invoke``.
            config: as for ``invoke``.
            stream_mode: ``"updates"`` (each result, by task), ``"values"`` (the end result),
                ``"custom"`` (what stream writers write), or a list, for ``(mode, chunk)`` pairs.
            **options: as for ``invoke``.
        """
        return self._stream(request_of("stream()", input, config, options), stream_mode)

    @spelled_out
    def astream(
        self,
        input: object,  # LangGraph's name
        config: RunnableConfig | dict[str, Any] | None = None,
        *,
        stream_mode: str | Sequence[str] = "updates",
        **options: Unpack[RunOptions],
    ) -> AsyncGenerator[Any]:
        """As ``stream``, for ``async for``."""
        return self._astream(request_of("astream()", input, config, options), stream_mode)

    @spelled_out
    def start(
        self,
        input: object,  # LangGraph's name
        config: RunnableConfig | dict[str, Any] | None = None,
        **options: Unpack[RunOptions],
    ) -> Run:
        """Begin a run in the background and return its handle at once; arguments as for ``invoke``."""
        return launch(self, request_of("start()", input, config, options))

    def _stream(self, request: Request, mode: str | Sequence[str]) -> Iterator[Any]:
        if self._is_nested(request.config):
            return nested_chunks(self, request.input, mode, request.where)
        return chunks(self, mode, request)

    def _astream(self, request: Request, mode: str | Sequence[str]) -> AsyncGenerator[Any]:
        return achunks(self, mode, request, nested=self._is_nested(request.config))

    def _is_nested(self, config: RunnableConfig | dict[str, Any] | None) -> bool:
        """Whether a run would be a part of the run around it: it has one, and names no thread of its own."""
        return current_frame.get() is not None and not is_independent(cast("dict[str, object] | None", config))

    def _call(self, input: object, config: object) -> CallFuture:  # LangGraph's name
        if isinstance(input, Command) or input is None:
            raise InvalidOptionError(
                "invoke()", "input", repr(input), "a nested run is resumed through the run around it; pass an input"
            )
        merge("invoke()", cast("dict[str, object] | None", config))
        return nest(self, input)

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
