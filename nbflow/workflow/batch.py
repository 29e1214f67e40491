"""Several runs of one workflow at the same time, results in the order of the inputs."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Generic, Literal, Never, cast, overload

from nbflow.config import is_nested, merge
from nbflow.errors import InvalidOptionError
from nbflow.runs.launch import launch, nest, on_this_loop, plain
from nbflow.values import Input_contra, Output_co
from nbflow.workflow.definition import Definition
from nbflow.workflow.options import request_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Sequence
    from typing import Unpack

    from nbflow.runs.request import Request
    from nbflow.values import Config, RunOptions

    Configs = Config | Sequence[Config]


class Batched(Definition, Generic[Input_contra, Output_co]):
    """What a workflow does with many inputs."""

    @overload
    def batch(
        self,
        inputs: Sequence[Input_contra],
        config: Configs | None = None,
        *,
        return_exceptions: Literal[False] = False,
        **options: Unpack[RunOptions],
    ) -> list[Output_co]: ...
    @overload
    def batch(
        self,
        inputs: Sequence[Input_contra],
        config: Configs | None = None,
        *,
        return_exceptions: bool,
        **options: Unpack[RunOptions],
    ) -> list[Output_co | Exception]: ...
    def batch(
        self,
        inputs: Sequence[object],
        config: Configs | None = None,
        *,
        return_exceptions: bool = False,
        **options: Unpack[RunOptions],
    ) -> list[Any]:
        """Run once for each input, side by side; return the results in the order of the inputs.

        Args:
            inputs: as many inputs.
            config: one for all, or a list of one for each; with a checkpointer each run needs a thread of its
                own. ``max_concurrency`` of the first is also how many of the runs go on at the same time.
            return_exceptions: whether an error stands in the place of the result that is missing; else the first
                one is raised, after all runs have ended.
            **options: as for ``invoke``.
        """
        requests = _requests("batch()", inputs, config, options)
        slots = threading.Semaphore(_limit(requests))
        gets = [self._begin_next(request, slots) for request in requests]
        return _sort_out([_attempt(get) for get in gets], keep_errors=return_exceptions)

    def _begin_next(self, request: Request, slots: threading.Semaphore) -> Callable[[], object]:
        """Begin a run when there is a slot; return what gives its result."""
        if is_nested(request.config):
            future = nest(self, request.input)
            return lambda: plain(future.result())
        slots.acquire()
        try:
            run = launch(self, request)
        except Exception as error:  # noqa: BLE001  # it belongs to this input
            slots.release()
            return _raising(error)
        run.on_done(slots.release)
        return run.result

    @overload
    async def abatch(
        self,
        inputs: Sequence[Input_contra],
        config: Configs | None = None,
        *,
        return_exceptions: Literal[False] = False,
        **options: Unpack[RunOptions],
    ) -> list[Output_co]: ...
    @overload
    async def abatch(
        self,
        inputs: Sequence[Input_contra],
        config: Configs | None = None,
        *,
        return_exceptions: bool,
        **options: Unpack[RunOptions],
    ) -> list[Output_co | Exception]: ...
    async def abatch(
        self,
        inputs: Sequence[object],
        config: Configs | None = None,
        *,
        return_exceptions: bool = False,
        **options: Unpack[RunOptions],
    ) -> list[Any]:
        """As ``batch``, awaited."""
        import asyncio  # noqa: PLC0415  # a loop runs, so it is loaded already

        requests = _requests("abatch()", inputs, config, options)
        slots, loop = asyncio.Semaphore(_limit(requests)), asyncio.get_running_loop()

        async def one(request: Request) -> object:
            async with slots:
                return await (await on_this_loop(self, lambda: launch(self, request, loop=loop)))

        if requests and is_nested(requests[0].config):
            waited: list[Awaitable[object]] = [nest(self, request.input) for request in requests]
        else:
            waited = [one(request) for request in requests]
        results = await asyncio.gather(*waited, return_exceptions=True)
        return _sort_out(map(plain, results), keep_errors=return_exceptions)


def _requests(where: str, inputs: Sequence[object], config: Configs | None, options: RunOptions) -> list[Request]:
    several: list[Config | None]
    several = list(config) if isinstance(config, (list, tuple)) else [cast("Config | None", config)] * len(inputs)
    if len(several) != len(inputs):
        raise InvalidOptionError(
            where, "config", f"a list of {len(several)}", f"there are {len(inputs)} inputs; give one config for each"
        )
    for one in several:
        merge(where, one)
    return [request_of(where, value, one, options) for value, one in zip(inputs, several, strict=True)]


def _limit(requests: Sequence[Request]) -> int:
    """Return how many runs of a batch may go on at the same time."""
    limit = (requests[0].config or {}).get("max_concurrency") if requests else None
    return cast("int", limit) or max(1, len(requests))


def _attempt(get: Callable[[], object]) -> object:
    """Return a result, or the error that came instead."""
    try:
        return get()
    except Exception as error:  # noqa: BLE001  # sorted out when all have ended
        return error


def _raising(error: Exception) -> Callable[[], Never]:
    def get() -> Never:
        raise error

    return get


def _sort_out(results: Iterable[object], *, keep_errors: bool) -> list[Any]:
    """Return results; raise the first error among them, unless errors are wanted as results."""
    listed = list(results)
    for result in listed:
        if isinstance(result, BaseException) and not (keep_errors and isinstance(result, Exception)):
            raise result
    return listed
