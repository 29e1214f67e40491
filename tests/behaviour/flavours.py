"""Write a workflow once, run it in both flavours.

A body is written as a generator that yields what it waits for: a future, or a list of them.
In the sync flavour it becomes a function that calls ``result()``, in the async flavour a
coroutine function that awaits.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
import itertools
from collections.abc import Callable, Generator
from typing import Any

import nbflow
from nbflow.checkpoint.base import BaseCheckpointSaver


class Flavour:
    """Makes tasks and workflows of one flavour, and runs them.

    Attributes:
        name: ``"sync"`` or ``"async"``.
        saver: what workflows keep their runs in, unless they are told otherwise.
    """

    def __init__(self, name: str, saver: BaseCheckpointSaver) -> None:
        self.name = name
        self.saver = saver

    def task(self, fn: Callable[..., Any] | None = None, **options: Any) -> Any:
        """As ``nbflow.task``, of this flavour."""
        if fn is None:
            return functools.partial(self.task, **options)
        return nbflow.task(self._shape(fn), **options)

    def entrypoint(self, fn: Callable[..., Any] | None = None, **options: Any) -> Any:
        """As ``nbflow.entrypoint``, of this flavour and with a checkpointer."""
        if fn is None:
            return functools.partial(self.entrypoint, **options)
        return nbflow.entrypoint(**{"checkpointer": self.saver, **options})(self._shape(fn))

    def node(self, fn: Callable[..., Any]) -> Callable[..., Any]:
        """Return a function as a node of a graph, or as a branch, of this flavour."""
        return self._shape(fn)

    def compile(self, builder: Any, **options: Any) -> Any:
        """Return a graph with a checkpointer."""
        return builder.compile(**{"checkpointer": self.saver, **options})

    def _shape(self, fn: Callable[..., Any]) -> Callable[..., Any]:
        if self.name == "async":
            return _as_coroutine(fn)
        return _as_function(fn)

    def invoke(self, workflow: Any, value: Any, thread: Any = "t", **options: Any) -> Any:
        """Run to the end, in this flavour's way."""
        config = options.pop("config", {"configurable": {"thread_id": thread}})
        if self.name == "async":
            return asyncio.run(workflow.ainvoke(value, config, **options))
        return workflow.invoke(value, config, **options)

    def stream(self, workflow: Any, value: Any, thread: Any = "t", **options: Any) -> list[Any]:
        """Return all chunks of a run."""
        config = options.pop("config", {"configurable": {"thread_id": thread}})
        if self.name == "async":

            async def collect() -> list[Any]:
                return [chunk async for chunk in workflow.astream(value, config, **options)]

            return asyncio.run(collect())
        return list(workflow.stream(value, config, **options))

    def nested(self, workflow: Any, value: Any, config: Any = None) -> Any:
        """Return what a body yields to run another workflow inside."""
        if self.name == "async":
            return workflow.ainvoke(value, config)
        return _Later(lambda: workflow.invoke(value, config))

    def streamed(self, workflow: Any, value: Any, *, count: int | None = None, **options: Any) -> Any:
        """Return what a body yields to read the stream of another workflow inside: all chunks, or the first few."""
        if self.name == "async":

            async def collect() -> list[Any]:
                found: list[Any] = []
                async for chunk in workflow.astream(value, **options):
                    found.append(chunk)
                    if len(found) == count:
                        break
                return found

            return collect()
        return _Later(lambda: list(itertools.islice(workflow.stream(value, **options), count)))


class _Later:
    """Gives ``result()`` to something that is no future."""

    def __init__(self, fn: Callable[[], Any]) -> None:
        self.result = fn


def _as_function(fn: Callable[..., Any]) -> Callable[..., Any]:
    if not inspect.isgeneratorfunction(fn):
        return fn

    @functools.wraps(fn)
    def body(*args: Any, **kwargs: Any) -> Any:
        return _drive(fn(*args, **kwargs))

    return body


def _drive(steps: Generator[Any, Any, Any]) -> Any:
    send, reply = steps.send, None
    while True:
        try:
            waited = send(reply)
        except StopIteration as stop:
            return stop.value
        try:
            several = isinstance(waited, (list, tuple))
            reply = [one.result() for one in waited] if several else waited.result()
            send = steps.send
        except BaseException as error:
            send, reply = steps.throw, error


def _as_coroutine(fn: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(fn)
    async def body(*args: Any, **kwargs: Any) -> Any:
        if not inspect.isgeneratorfunction(fn):
            return fn(*args, **kwargs)
        steps = fn(*args, **kwargs)
        send, reply = steps.send, None
        while True:
            try:
                waited = send(reply)
            except StopIteration as stop:
                return stop.value
            try:
                reply = await (asyncio.gather(*waited) if isinstance(waited, (list, tuple)) else waited)
                send = steps.send
            except BaseException as error:
                send, reply = steps.throw, error

    return body
