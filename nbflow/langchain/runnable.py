"""A workflow as a Runnable of LangChain's; imported only by who asks for one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast
from uuid import uuid4

from langchain_core.runnables import Runnable, RunnableConfig, ensure_config
from langchain_core.runnables.config import get_async_callback_manager_for_config

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator


class WorkflowRunnable(Runnable[Any, Any]):
    """Runs a workflow where a Runnable is wanted: in a chain, as a tool, with ``bind`` and ``with_retry``.

    Attributes:
        workflow: the workflow.
    """

    def __init__(self, workflow: Any) -> None:  # noqa: ANN401  # a Workflow, which imports this
        self.workflow = workflow
        self.name = workflow.name

    @property
    def InputType(self) -> Any:  # noqa: ANN401, N802  # a type; LangChain's name
        """The type of the input."""
        return self.workflow.InputType

    @property
    def OutputType(self) -> Any:  # noqa: ANN401, N802  # as above
        """The type of the result."""
        return self.workflow.OutputType

    def invoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:  # noqa: ANN401  # LangChain's signature
        """As ``Workflow.invoke``."""
        return self.workflow.invoke(input, _ours(config), **kwargs)

    async def ainvoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:  # noqa: ANN401  # as above
        """As ``Workflow.ainvoke``."""
        return await self.workflow.ainvoke(input, _ours(config), **kwargs)

    def stream(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Iterator[Any]:  # noqa: ANN401  # as above
        """As ``Workflow.stream``."""
        yield from self.workflow.stream(input, _ours(config), **kwargs)

    def transform(self, input: Iterator[Any], config: RunnableConfig | None = None, **kwargs: Any) -> Iterator[Any]:  # noqa: ANN401  # as above
        """Give the result, once, to what comes next in a chain."""
        yield self.invoke(_joined(list(input)), config, **kwargs)

    async def atransform(
        self,
        input: AsyncIterator[Any],
        config: RunnableConfig | None = None,
        **kwargs: Any,  # noqa: ANN401  # as above
    ) -> AsyncIterator[Any]:
        """As ``transform``, for ``async for``."""
        yield await self.ainvoke(_joined([chunk async for chunk in input]), config, **kwargs)

    async def astream(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> AsyncIterator[Any]:  # noqa: ANN401  # as above
        """As ``Workflow.astream``; those who tap streams are given the chunks too."""
        ours = _ours(config)
        run_id = ours.setdefault("run_id", uuid4())
        chunks: AsyncIterator[Any] = self.workflow.astream(input, ours, **kwargs)
        for handler in get_async_callback_manager_for_config(cast("RunnableConfig", ours)).handlers:
            tap = getattr(handler, "tap_output_aiter", None)
            if tap is not None and not type(handler).__module__.startswith("nbflow."):
                chunks = tap(run_id, chunks)
        async for chunk in chunks:
            yield chunk


def _joined(chunks: list[Any]) -> Any:  # noqa: ANN401  # what a chain has come to
    """Return the chunks of one input as a whole."""
    whole = chunks[0]
    for chunk in chunks[1:]:
        try:
            whole = whole + chunk
        except TypeError:
            whole = chunk
    return whole


def _ours(config: RunnableConfig | None) -> dict[str, Any]:
    """Return a config with what the code around says, less LangChain's default limit of steps."""
    full: dict[str, Any] = {**ensure_config(config)}
    if full.get("run_id") is None:
        full.pop("run_id", None)
    return full
