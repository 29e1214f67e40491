"""The two decorators: ``@task`` makes calls of a function durable, ``@entrypoint`` makes a workflow."""

from __future__ import annotations

import functools
import warnings
from typing import (
    TYPE_CHECKING,
    Any,
    Concatenate,
    Generic,
    Never,
    ParamSpec,
    Protocol,
    TypedDict,
    TypeVar,
    Unpack,
    cast,
    overload,
)

from nbflow._support.foreign import check_own
from nbflow._support.signature import injected, name_of, parameters_of
from nbflow.core.beside import beside, check_body
from nbflow.core.call import Spec, current_frame
from nbflow.errors import CalledOutsideRunError, DecorationError
from nbflow.runs.result_cache import namespace_of
from nbflow.values import Final, Input_contra, Kept, Returned
from nbflow.values.policies import CachePolicy, RetryPolicy, TimeoutPolicy
from nbflow.workflow import Workflow
from nbflow.workflow.checkpointer import check_checkpointer
from nbflow.workflow.mapped import MapOptions, start_map
from nbflow.workflow.rules import (
    Rules,
    cache_policy_of,
    check_one_input,
    flag,
    limits_of,
    policies_of,
    spec_of,
    timeout_of,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Sequence
    from datetime import timedelta

    from nbflow.cache.base import BaseCache
    from nbflow.checkpoint.base import BaseCheckpointSaver
    from nbflow.runs.run import Run
    from nbflow.runs.trying import Tried
    from nbflow.store.base import BaseStore
    from nbflow.values import TaskFuture

__all__ = ["entrypoint", "task"]

P = ParamSpec("P")
Q = ParamSpec("Q")  # the parameters of a method without the instance
T = TypeVar("T")


class Task(Generic[P, T]):
    """A function whose calls are durable; calling it inside a run gives a future.

    Attributes:
        func: the function.
        spec: what is fixed about it.
        maps: the same of its maps, by how many calls may be open at a time.
    """

    __name__: str

    def __init__(self, func: Callable[P, Awaitable[T]] | Callable[P, T], spec: Spec) -> None:
        functools.update_wrapper(self, func)
        self.func = func
        self.spec = spec
        self.maps: dict[int | None, Spec] = {}

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> TaskFuture[T]:
        """Start a call; its result is a future, which may be awaited or asked for ``result()``."""
        frame = current_frame.get()
        if frame is None:
            raise CalledOutsideRunError(f"task {self.spec.name!r}")
        if beside.get():
            check_body(f"task {self.spec.name!r}")
        return frame.host.submit(frame, self.spec, args, kwargs)  # type: ignore[return-value]  # a CallFuture

    def map(
        self,
        items: Iterable[Any] | TaskFuture[list[Any]],
        *,
        max_concurrency: int | None = None,
        min_successes: int | None = None,
        tolerate: int | str | None = None,
        return_exceptions: bool = False,
    ) -> TaskFuture[list[T]]:
        """Start a call for each of many items; the result is one future, of the list of what they return.

        Every item has a call of its own, with all the options of the task. The list is in the order of the items.
        When too many have failed, or enough have succeeded, the calls that are left are cancelled.

        Args:
            items: what each call is given as its argument; or a future of a list of them.
            max_concurrency: how many of its calls may be open at a time; None for any number.
            min_successes: successes that are enough; None for those of all items. It fails when that many can't be
                reached any more.
            tolerate: failures that are left out of the list, and told by a warning: a number, or a share of the
                items such as ``"5%"``. None tolerates none, but with ``min_successes`` what that leaves room for.
            return_exceptions: whether errors stand in the list in the place of results, which is as long as the items
                then; any number of them, unless ``tolerate`` says otherwise. An item that was not needed has
                ``NotNeededError``.

        Raises:
            CalledOutsideRunError: outside of a run.
            InvalidOptionError: if an option does not fit.

        The future raises ``MapError``, which has the error of each item, if too many failed.

        Example:
            >>> from nbflow import entrypoint, task
            >>> @task
            ... def root(n: float) -> float:
            ...     if n < 0:
            ...         raise ValueError(n)
            ...     return n**0.5
            >>> @entrypoint()
            ... def flow(numbers: list[float]) -> list[float]:
            ...     return root.map(numbers, return_exceptions=True).result()
            >>> flow.invoke([4, 9, -1])
            [2.0, 3.0, ValueError(-1)]
        """
        future = start_map(
            self.spec, self.maps, (), items, max_concurrency=max_concurrency, min_successes=min_successes,
            tolerate=tolerate, return_exceptions=return_exceptions,
        )  # fmt: skip
        return cast("TaskFuture[list[T]]", future)

    async def amap(self, items: Iterable[Any] | TaskFuture[list[Any]], **options: Unpack[MapOptions]) -> list[T]:
        """As ``map``, awaited."""
        return await self.map(items, **options)

    @overload
    def __get__(self, instance: None, owner: type | None = None) -> Task[P, T]: ...
    @overload
    def __get__(self: Task[Concatenate[Any, Q], T], instance: object, owner: type | None = None) -> Bound[Q, T]: ...
    def __get__(self, instance: object, owner: type | None = None) -> object:
        """Bind to an instance, as functions do."""
        return self if instance is None else Bound(self, instance)

    def __repr__(self) -> str:
        return f"<task {self.spec.name}>"

    def try_call(self, run: Run[Any], path: str) -> Tried:
        """Run one recorded call alone, with this task on the arguments that it was given; see ``Workflow.try_call``.

        Args:
            run: whose call, such as ``workflow.last_run(config)``.
            path: position of the call.
        """
        there = {**run.config["configurable"], "checkpoint_id": run.run_id}
        workflow = cast("Workflow[Any, Any]", run.workflow)
        return workflow.try_call({"configurable": there}, path, self)

    @property
    def retry_policy(self) -> tuple[RetryPolicy, ...]:
        """The policies of its failures."""
        return self.spec.retry

    @property
    def cache_policy(self) -> CachePolicy | None:
        """When results are taken from earlier calls; None for never."""
        return self.spec.cache

    @property
    def timeout(self) -> TimeoutPolicy | None:
        """How long an attempt may take; None for no limit."""
        return self.spec.timeout

    @property
    def _is_coroutine(self) -> object:
        """What makes ``asyncio.iscoroutinefunction`` say of an async task what it says of its function."""
        if not self.spec.is_async or self.spec.yields:
            return None
        from asyncio import coroutines  # noqa: PLC0415  # only who asks has it loaded

        return getattr(coroutines, "_is_coroutine", None)

    def clear_cache(self, cache: BaseCache) -> None:
        """Forget the results of this task that a cache holds."""
        cache.clear([namespace_of(self.spec)])

    async def aclear_cache(self, cache: BaseCache) -> None:
        """As ``clear_cache``, awaited."""
        await cache.aclear([namespace_of(self.spec)])


class Bound(functools.partial["TaskFuture[T]"], Generic[Q, T]):
    """A task that is a method, with its instance."""

    if TYPE_CHECKING:

        def __call__(self, /, *args: Q.args, **kwargs: Q.kwargs) -> TaskFuture[T]: ...

    def map(self, items: Iterable[Any] | TaskFuture[list[Any]], **options: Unpack[MapOptions]) -> TaskFuture[list[T]]:
        """As ``Task.map``; each call is given the instance before its item."""
        of = cast("Task[..., T]", self.func)
        return cast("TaskFuture[list[T]]", start_map(of.spec, of.maps, self.args, items, **options))

    async def amap(self, items: Iterable[Any] | TaskFuture[list[Any]], **options: Unpack[MapOptions]) -> list[T]:
        """As ``map``, awaited."""
        return await self.map(items, **options)


_TaskFunction = Task


class TaskOptions(TypedDict, total=False):
    """The keywords of ``task``, which documents them."""

    name: str | None
    retry_policy: RetryPolicy | Sequence[RetryPolicy] | None
    cache_policy: CachePolicy | None
    timeout: float | timedelta | TimeoutPolicy | None
    max_concurrency: int | None
    rate_limit: str | None
    version: str | None
    at_most_once: bool
    files: bool
    retry: RetryPolicy | Sequence[RetryPolicy] | None


class _Decorator(Protocol):
    """What ``task(...)`` without a function gives."""

    @overload
    def __call__(self, func: Callable[P, Never], /) -> Task[P, Any]: ...
    @overload
    def __call__(self, func: Callable[P, Iterator[T]] | Callable[P, AsyncIterator[T]], /) -> Task[P, list[T]]: ...
    @overload
    def __call__(self, func: Callable[P, Awaitable[T]], /) -> Task[P, T]: ...
    @overload
    def __call__(self, func: Callable[P, T], /) -> Task[P, T]: ...


# A function that returns ``Any`` would fit each of these: it is taken for itself, by the first.
@overload
def task(func: Callable[P, Never], /, **options: Unpack[TaskOptions]) -> Task[P, Any]: ...
@overload
def task(
    func: Callable[P, Iterator[T]] | Callable[P, AsyncIterator[T]],
    /,
    **options: Unpack[TaskOptions],
) -> Task[P, list[T]]: ...
@overload
def task(func: Callable[P, Awaitable[T]], /, **options: Unpack[TaskOptions]) -> Task[P, T]: ...
@overload
def task(func: Callable[P, T], /, **options: Unpack[TaskOptions]) -> Task[P, T]: ...
@overload
def task(func: None = None, **options: Unpack[TaskOptions]) -> _Decorator: ...
def task(  # noqa: PLR0913  # all that can be said of a task
    func: Callable[..., object] | None = None,
    *,
    name: str | None = None,
    retry_policy: RetryPolicy | Sequence[RetryPolicy] | None = None,
    cache_policy: CachePolicy | None = None,
    timeout: float | timedelta | TimeoutPolicy | None = None,
    max_concurrency: int | None = None,
    rate_limit: str | None = None,
    version: str | None = None,
    at_most_once: bool = False,
    files: bool = True,
    **deprecated: object,
) -> object:
    """Make calls of a function durable: each runs once, and its result is replayed after a restart.

    Args:
        func: a sync or async function, method or other callable.
        name: what calls are named; None for the function's name.
        retry_policy: when failed calls are tried again; None for never.
        cache_policy: when a result may be taken from an earlier call with the same code and arguments, of any
            run; needs ``@entrypoint(cache=...)``. None for never.
        timeout: seconds that one attempt may take, or a ``TimeoutPolicy``; None for no limit.
        max_concurrency: how many of its calls may work at the same time, in all runs of this process; those that
            call other tasks do not count while they wait. None for any number.
        rate_limit: how many of its calls may begin in a time, in all runs of this process, such as ``"10/s"``
            or ``"100/min"``; attempts after the first follow their own waits. None for any number.
        version: stands for the code, instead of a digest of its source, to tell when it changed.
        at_most_once: whether a call that has begun is never begun again in its run, as one that pays or sends mail:
            that it begins is on the disk before it does. If it was cut off, by a crash or a stop, the body is told so
            when the run goes on, by ``CallInterruptedError``; if it failed, by the same error. Retries of failures
            that were seen are up to ``retry_policy``. It can't ask a person; its caller can.
        files: whether the files that it reads are recorded with its result, and compared by their content before a
            cache or a run with ``reuse`` takes that over: those that it opens in the working folder or its project,
            the folders there whose names it lists, and those that its arguments name. False for files that change and
            are not to count, such as a log.
        deprecated: ``retry`` is accepted for ``retry_policy``, with a warning.

    Example:
        >>> from nbflow import entrypoint, task
        >>> @task
        ... def double(n: int) -> int:
        ...     return 2 * n
        >>> @entrypoint()
        ... def flow(numbers: list[int]) -> list[int]:
        ...     futures = [double(n) for n in numbers]  # side by side
        ...     return [future.result() for future in futures]
        >>> flow.invoke([1, 2, 3])
        [2, 4, 6]
    """
    known = (
        "name",
        "retry_policy",
        "cache_policy",
        "timeout",
        "max_concurrency",
        "rate_limit",
        "version",
        "at_most_once",
        "files",
    )
    policies = policies_of("@task", retry_policy, deprecated, known)
    rules = Rules(policies, cache_policy_of("@task", cache_policy), timeout_of("@task", timeout), version)
    limits, once = limits_of(max_concurrency, rate_limit), flag("@task", "at_most_once", at_most_once)
    are_watched = flag("@task", "files", files)

    def decorate(fn: Callable[..., object]) -> Task[..., object]:
        if not callable(fn):
            raise DecorationError("@task", repr(fn), "it can't be called; decorate a function")
        spec = spec_of(fn, "task", name, rules, injected(fn), limits)
        spec.at_most_once, spec.files = once, are_watched
        return Task(fn, spec)

    return decorate if func is None else decorate(func)


class entrypoint:  # noqa: N801  # a decorator, named as LangGraph's
    """Make a workflow of a function with one positional argument, its input.

    Args:
        checkpointer: keeps runs, so that they can pause and go on; None keeps nothing. A workflow that runs
            inside another is kept by that one; ``True`` gives it a ``previous`` of its own there.
        store: long-term memory for the body and its tasks.
        context_schema: type of what callers pass as ``context``.
        cache: where results are taken from and put; only those of functions with a cache policy.
        cache_policy: when the body's own result may be taken from an earlier run with the same input, previous
            value and context; tasks have policies of their own.
        retry_policy: when a failed body is tried again; tasks have policies of their own.
        timeout: seconds that one attempt of the body may take, or a ``TimeoutPolicy``; None for no limit.
        name: what the workflow is named; None for the function's name.
        files: whether the files that calls read are recorded, as of ``task``; False for none of all its calls.

    Example:
        ``entrypoint.final`` gives the caller one value, and the next run of the thread another.

        >>> from nbflow import InMemorySaver, entrypoint
        >>> @entrypoint(checkpointer=InMemorySaver())
        ... def total(n: int, *, previous: int = 0) -> entrypoint.final[str, int]:
        ...     return entrypoint.final(value=f"{previous} + {n}", save=previous + n)
        >>> config = {"configurable": {"thread_id": "sums"}}
        >>> total.invoke(3, config)
        '0 + 3'
        >>> total.invoke(4, config)
        '3 + 4'
    """

    if TYPE_CHECKING:

        class final(Final[Returned, Kept]):  # noqa: N801  # checkers want a class; at run time it is Final itself
            """What a body returns to give its caller one value and the next run another."""

    else:
        final = Final

    def __init__(  # noqa: PLR0913  # LangGraph's signature, and one more
        self,
        checkpointer: BaseCheckpointSaver | bool | None = None,  # noqa: FBT001  # LangGraph's signature
        store: BaseStore | None = None,
        cache: BaseCache | None = None,
        context_schema: type | None = None,
        cache_policy: CachePolicy | None = None,
        retry_policy: RetryPolicy | Sequence[RetryPolicy] | None = None,
        timeout: float | timedelta | TimeoutPolicy | None = None,
        name: str | None = None,
        *,
        files: bool = True,
        **deprecated: object,
    ) -> None:
        known = (
            "checkpointer", "store", "cache", "context_schema", "cache_policy", "retry_policy", "timeout", "name",
            "files",
        )  # fmt: skip
        schema = deprecated.pop("config_schema", None)
        if schema is not None:
            warnings.warn("@entrypoint(config_schema=...) is called context_schema now", DeprecationWarning, 2)
        self._rules = Rules(
            policies_of("@entrypoint", retry_policy, deprecated, known),
            cache_policy_of("@entrypoint", cache_policy),
            timeout_of("@entrypoint", timeout),
        )
        check_checkpointer(checkpointer)
        check_own("@entrypoint", "store", store)
        check_own("@entrypoint", "cache", cache)
        self._checkpointer = checkpointer
        self._store = store
        self._cache = cache
        self._context_schema = context_schema if context_schema is not None else cast("type | None", schema)
        self._name = name
        self._files = flag("@entrypoint", "files", files)

    @overload  # as of ``task``
    def __call__(self, func: Callable[Concatenate[Input_contra, ...], Never]) -> Workflow[Input_contra, Any]: ...
    @overload
    def __call__(
        self, func: Callable[Concatenate[Input_contra, ...], Iterator[T] | AsyncIterator[T]]
    ) -> Workflow[Input_contra, list[T]]: ...
    @overload
    def __call__(
        self, func: Callable[Concatenate[Input_contra, ...], Final[T, Kept] | Awaitable[Final[T, Kept]]]
    ) -> Workflow[Input_contra, T]: ...
    @overload
    def __call__(self, func: Callable[Concatenate[Input_contra, ...], Awaitable[T]]) -> Workflow[Input_contra, T]: ...
    @overload
    def __call__(self, func: Callable[Concatenate[Input_contra, ...], T]) -> Workflow[Input_contra, T]: ...
    @overload
    def __call__(self, func: Callable[..., object]) -> Workflow: ...
    def __call__(self, func: Callable[..., object]) -> Workflow:
        """Return the workflow of a function."""
        if not parameters_of(func):
            raise DecorationError(
                "@entrypoint", name_of(func), "it takes no argument; give it one positional argument, the input"
            )
        filled = injected(func, first=1)
        check_one_input(func, {one.name for one in filled})
        spec = spec_of(func, "entrypoint", self._name, self._rules, filled)
        spec.stateful, spec.files = self._checkpointer is True, self._files
        return Workflow(
            spec,
            checkpointer=self._checkpointer,
            store=self._store,
            cache=self._cache,
            context_schema=self._context_schema,
        )
