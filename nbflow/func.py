"""The two decorators: ``@task`` makes calls of a function durable, ``@entrypoint`` makes a workflow."""

from __future__ import annotations

import functools
import warnings
from typing import TYPE_CHECKING, Generic, ParamSpec, TypeVar, cast, overload

from nbflow import fingerprint
from nbflow.core.call import Injected, Spec, current_frame
from nbflow.core.retry import matches
from nbflow.errors import CalledOutsideRunError, DecorationError, InvalidOptionError, UnknownOptionError
from nbflow.signature import injected, is_async, name_of, parameters_of, refuse_generator
from nbflow.values import Final, RetryPolicy
from nbflow.workflow import Workflow

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from nbflow.checkpoint.base import BaseCheckpointSaver
    from nbflow.store.base import BaseStore
    from nbflow.values import TaskFuture

__all__ = ["entrypoint", "task"]

P = ParamSpec("P")
T = TypeVar("T")


class Task(Generic[P, T]):
    """A function whose calls are durable; calling it inside a run gives a future.

    Attributes:
        func: the function.
        spec: what is fixed about it.
    """

    def __init__(self, func: Callable[P, Awaitable[T]] | Callable[P, T], spec: Spec) -> None:
        functools.update_wrapper(self, func)
        self.func = func
        self.spec = spec

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> TaskFuture[T]:
        """Start a call; its result is a future, which may be awaited or asked for ``result()``."""
        frame = current_frame.get()
        if frame is None:
            raise CalledOutsideRunError(f"task {self.spec.name!r}")
        return cast("TaskFuture[T]", frame.host.submit(frame, self.spec, args, kwargs))

    def __get__(self, instance: object, owner: type | None = None) -> Callable[..., TaskFuture[T]]:
        """Bind to an instance, as functions do."""
        return self if instance is None else functools.partial(cast("Callable[..., TaskFuture[T]]", self), instance)

    def __repr__(self) -> str:
        return f"<task {self.spec.name}>"

    @property
    def retry_policy(self) -> tuple[RetryPolicy, ...]:
        """The policies of its failures."""
        return self.spec.retry


_TaskFunction = Task


@overload
def task(func: Callable[P, Awaitable[T]], /) -> Task[P, T]: ...
@overload
def task(func: Callable[P, T], /) -> Task[P, T]: ...
@overload
def task(
    func: None = None,
    *,
    name: str | None = None,
    retry_policy: RetryPolicy | Sequence[RetryPolicy] | None = None,
    version: str | None = None,
    **deprecated: object,
) -> Callable[[Callable[P, Awaitable[T]] | Callable[P, T]], Task[P, T]]: ...
def task(
    func: Callable[..., object] | None = None,
    *,
    name: str | None = None,
    retry_policy: RetryPolicy | Sequence[RetryPolicy] | None = None,
    version: str | None = None,
    **deprecated: object,
) -> object:
    """Make calls of a function durable: each runs once, and its result is replayed after a restart.

    Args:
        func: a sync or async function, method or other callable.
        name: what calls are named; None for the function's name.
        retry_policy: when failed calls are tried again; None for never.
        version: stands for the code, instead of a digest of its source, to tell when it changed.
        deprecated: ``retry`` is accepted for ``retry_policy``, with a warning.
    """
    policies = _policies("@task", retry_policy, deprecated, ("name", "retry_policy", "version"))

    def decorate(fn: Callable[..., object]) -> Task[..., object]:
        if not callable(fn):
            raise DecorationError("@task", repr(fn), "it can't be called; decorate a function")
        refuse_generator("@task", fn)
        return Task(fn, _spec(fn, "task", name, policies, version, injected(parameters_of(fn))))

    return decorate if func is None else decorate(func)


def _spec(  # the facts of a function, gathered once
    fn: Callable[..., object],
    kind: str,
    name: str | None,
    policies: tuple[RetryPolicy, ...],
    version: str | None,
    inject: tuple[Injected, ...],
) -> Spec:
    return Spec(
        name or name_of(fn),
        fn,
        kind=kind,
        is_async=is_async(fn),
        retry=policies,
        inject=inject,
        source=fingerprint.source_of(fn) if version is None else "",
        version=version,
        digest=fingerprint.digest_of,
    )


def _policies(
    where: str, given: object, deprecated: dict[str, object], known: tuple[str, ...]
) -> tuple[RetryPolicy, ...]:
    """Return the retry policies as a tuple, the older keyword included; refuse unknown keywords."""
    old = deprecated.pop("retry", None)
    if old is not None:
        warnings.warn(f"{where}(retry=...) is called retry_policy now", DeprecationWarning, stacklevel=3)
        given = given if given is not None else old
    if deprecated:
        raise UnknownOptionError(where, next(iter(deprecated)), known)
    several = given if isinstance(given, (list, tuple)) and not isinstance(given, RetryPolicy) else [given]
    policies: list[RetryPolicy] = []
    for policy in several:
        if policy is None:
            continue
        if not isinstance(policy, RetryPolicy):
            raise InvalidOptionError(where, "retry_policy", repr(policy), "it is a RetryPolicy or several")
        try:
            matches(policy, Exception())
        except TypeError:
            raise InvalidOptionError(
                where, "RetryPolicy.retry_on", repr(policy.retry_on), "it is an exception type, several, or a function"
            ) from None
        policies.append(policy)
    return tuple(policies)


class entrypoint:  # noqa: N801  # a decorator, named as LangGraph's
    """Make a workflow of a function with one positional argument, its input.

    Args:
        checkpointer: keeps runs, so that they can pause and go on; None keeps nothing.
        store: long-term memory for the body and its tasks.
        context_schema: type of what callers pass as ``context``.
        retry_policy: when a failed body is tried again.
        name: what the workflow is named; None for the function's name.
    """

    final = Final

    def __init__(  # LangGraph's signature
        self,
        checkpointer: BaseCheckpointSaver | bool | None = None,  # noqa: FBT001  # LangGraph's signature
        store: BaseStore | None = None,
        context_schema: type | None = None,
        retry_policy: RetryPolicy | Sequence[RetryPolicy] | None = None,
        name: str | None = None,
        **deprecated: object,
    ) -> None:
        known = ("checkpointer", "store", "context_schema", "retry_policy", "name")
        schema = deprecated.pop("config_schema", None)
        if schema is not None:
            warnings.warn("@entrypoint(config_schema=...) is called context_schema now", DeprecationWarning, 2)
        self._policies = _policies("@entrypoint", retry_policy, deprecated, known)
        _check_checkpointer(checkpointer)
        self._checkpointer = checkpointer
        self._store = store
        self._context_schema = context_schema if context_schema is not None else cast("type | None", schema)
        self._name = name

    def __call__(self, func: Callable[..., object]) -> Workflow:
        """Return the workflow of a function."""
        refuse_generator("@entrypoint", func)
        parameters = parameters_of(func)
        if not parameters:
            raise DecorationError(
                "@entrypoint", name_of(func), "it takes no argument; give it one positional argument, the input"
            )
        spec = _spec(func, "entrypoint", self._name, self._policies, None, injected(parameters, first=1))
        return Workflow(
            spec,
            checkpointer=self._checkpointer,
            store=self._store,
            context_schema=self._context_schema,
        )


def _check_checkpointer(given: object) -> None:
    from nbflow.checkpoint.base import BaseCheckpointSaver  # noqa: PLC0415  # only to check

    if given is None or isinstance(given, bool):
        return
    if isinstance(given, BaseCheckpointSaver) and not isinstance(given, type):
        return
    if callable(given) and hasattr(given, "__name__") and not isinstance(given, type):
        raise DecorationError(
            "@entrypoint", given.__name__, "it was used without parentheses; write @entrypoint() above the function"
        )
    hint = "a context manager: enter it with `with`" if hasattr(given, "__enter__") else f"a {type(given).__name__}"
    raise InvalidOptionError(
        "@entrypoint()", "checkpointer", hint, "it is a saver such as InMemorySaver() or SqliteSaver('runs.db')"
    )
