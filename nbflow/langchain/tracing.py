"""Tells LangChain's callbacks of bodies and tasks, and gives models that are called in them their config.

Imported only where langchain-core is loaded already. A function is wrapped in the edition that a run has of it:
``on_chain_start`` before, ``on_chain_end`` or ``on_chain_error`` after, and in between LangChain's own context
variable holds the config, so that what is called without one has the run's callbacks, tags and metadata.
"""

from __future__ import annotations

import functools
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID

from langchain_core.callbacks import BaseCallbackManager
from langchain_core.runnables.config import (
    get_async_callback_manager_for_config,
    get_callback_manager_for_config,
    var_child_runnable_config,
)

from nbflow.constants import INTERRUPT
from nbflow.core.call import Spec, current_frame
from nbflow.core.run_program import is_pause
from nbflow.session.session import Session, callbacks_here
from nbflow.values import Final

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Mapping
    from contextvars import Token

INNER = "__nbflow_inner__"  # attribute of a wrapper: the function in it


class Traced(dict[Spec, Spec]):
    """The editions of one run, with functions that tell LangChain what they do."""

    def __init__(self, editions: Mapping[Spec, Spec]) -> None:
        super().__init__()
        self._editions = editions

    def __missing__(self, spec: Spec) -> Spec:
        edition = self._editions[spec]
        return self.setdefault(spec, replace(edition, fn=_told(edition)))


class _Chain:
    """One attempt of a call, as LangChain sees it.

    Args:
        spec: of the call.
        args, kwargs: what its function is called with; the config among them is brought up to date.
        make: makes what tells the callbacks, sync or async, of a config.
    """

    def __init__(
        self, spec: Spec, args: tuple[object, ...], kwargs: dict[str, Any], make: Callable[[Any], Any]
    ) -> None:
        frame = current_frame.get()
        assert frame is not None, "the function of a call runs in its frame"
        session = cast("Session", frame.host)
        self._spec = spec
        self._make = make
        self._kwargs = kwargs
        self._frame = frame
        self._config: dict[str, Any] = {**session.config_of(frame)}
        self._inputs = args[0] if len(args) == 1 else {"args": list(args)} if args else {}
        self._run: Any = None
        self._tokens: list[tuple[Any, Token[Any]]] = []
        given: dict[str, Any] = {"name": spec.name}
        if frame.call.caller is None:  # the run itself
            around: Any = var_child_runnable_config.get() or {}
            self._config["callbacks"] = _handed_on(session.config.get("callbacks") or around.get("callbacks"))
            given["name"] = self._config.get("run_name") or spec.name
            given["run_id"] = _as_uuid(self._config.get("run_id"))
        self._given = given

    def begin(self) -> Any:  # noqa: ANN401  # LangChain's, or to be awaited
        """Tell that it begins; None if nobody is told."""
        with _Apart():
            manager = self._make(self._config)
            if not manager.handlers:
                return None
            return manager.on_chain_start(None, self._inputs, **self._given)

    def started(self, run: Any) -> None:  # noqa: ANN401  # as above
        """Have what is called from here on be a part of this chain."""
        self._run = run
        child = {name: item for name, item in self._config.items() if name not in {"run_id", "run_name"}}
        child["callbacks"] = run.get_child() if run is not None else self._config.get("callbacks")
        self._tokens = [
            (var_child_runnable_config, var_child_runnable_config.set(cast("Any", child))),
            (callbacks_here, callbacks_here.set(child["callbacks"])),
        ]
        for one in self._spec.inject if run is not None else ():
            if one.what == "config" and isinstance(self._kwargs.get(one.name), dict):
                session = cast("Session", self._frame.host)
                self._kwargs[one.name] = {
                    **self._kwargs[one.name],
                    "callbacks": session.config_of(self._frame).get("callbacks"),
                }

    def end(self, value: object, error: BaseException | None = None) -> Any:  # noqa: ANN401  # None, or to be awaited
        """Take the config out of the context again, and tell how it ended."""
        for variable, token in self._tokens:
            with suppress(ValueError):  # a generator that is closed elsewhere
                variable.reset(token)
        if self._run is None:
            return None
        if error is not None:
            self._frame.closed = True  # while callbacks are awaited, the attempt is over already
        with _Apart():
            if error is None:
                return self._run.on_chain_end(value.value if isinstance(value, Final) else value)
            if is_pause(error):
                return self._run.on_chain_end({INTERRUPT: list(getattr(error, "interrupts", ()))})
            return self._run.on_chain_error(error)


class _Apart:
    """Callbacks are no part of the body: what they do is not counted among its calls and branches."""

    def __enter__(self) -> None:
        self._token = current_frame.set(None)

    def __exit__(self, *_: object) -> None:
        current_frame.reset(self._token)


def _as_uuid(given: object) -> UUID | None:
    if isinstance(given, UUID):
        return given
    try:
        return UUID(given) if isinstance(given, str) else None
    except ValueError:
        return None


async def _apart(told: Awaitable[Any] | None) -> Any:  # noqa: ANN401  # as above
    if told is None:
        return None
    with _Apart():
        return await told


def _handed_on(callbacks: object) -> object:
    """Return a config's callbacks so that they hear of what is called in a run, as well as of the run itself."""
    if not isinstance(callbacks, BaseCallbackManager) or callbacks.parent_run_id is not None:
        return callbacks
    manager = callbacks.copy()
    for handler in manager.handlers:
        if handler not in manager.inheritable_handlers:
            manager.inheritable_handlers.append(handler)
    return manager


def _told(spec: Spec) -> Callable[..., Any]:
    """Return a function that does the same and tells LangChain's callbacks."""
    made = _KINDS[spec.is_async, spec.yields](spec, spec.fn)
    functools.update_wrapper(made, spec.fn)
    setattr(made, INNER, spec.fn)
    return made


def _function(spec: Spec, fn: Callable[..., Any]) -> Callable[..., Any]:
    def body(*args: object, **kwargs: object) -> Any:  # noqa: ANN401  # whatever the function returns
        __tracebackhide__ = True
        chain = _Chain(spec, args, kwargs, get_callback_manager_for_config)
        chain.started(chain.begin())
        try:
            value = fn(*args, **kwargs)
        except BaseException as error:
            chain.end(None, error)
            raise
        chain.end(value)
        return value

    return body


def _coroutine(spec: Spec, fn: Callable[..., Any]) -> Callable[..., Any]:
    async def body(*args: object, **kwargs: object) -> Any:  # noqa: ANN401  # as above
        __tracebackhide__ = True
        chain = _Chain(spec, args, kwargs, get_async_callback_manager_for_config)
        chain.started(await _apart(chain.begin()))
        try:
            value = await fn(*args, **kwargs)
        except BaseException as error:
            await _apart(chain.end(None, error))
            raise
        await _apart(chain.end(value))
        return value

    return body


def _generator(spec: Spec, fn: Callable[..., Any]) -> Callable[..., Any]:
    def body(*args: object, **kwargs: object) -> Generator[object, None, object]:
        chain, parts = _Chain(spec, args, kwargs, get_callback_manager_for_config), list[object]()
        chain.started(chain.begin())
        try:
            returned = yield from _noted(fn(*args, **kwargs), parts)
        except BaseException as error:
            chain.end(None, error)
            raise
        chain.end(parts)
        return returned

    return body


def _noted(generator: Generator[object, None, object], parts: list[object]) -> Generator[object, None, object]:
    """Yield what a generator yields, noted in a list; return what it returns."""
    while True:
        try:
            part = next(generator)
        except StopIteration as end:
            return end.value
        parts.append(part)
        yield part


def _async_generator(spec: Spec, fn: Callable[..., Any]) -> Callable[..., Any]:
    async def body(*args: object, **kwargs: object) -> AsyncIterator[object]:
        chain, parts = _Chain(spec, args, kwargs, get_async_callback_manager_for_config), []
        chain.started(await _apart(chain.begin()))
        try:
            async for part in fn(*args, **kwargs):
                parts.append(part)
                yield part
        except BaseException as error:
            await _apart(chain.end(None, error))
            raise
        await _apart(chain.end(parts))

    return body


_KINDS = {
    (False, False): _function,
    (True, False): _coroutine,
    (False, True): _generator,
    (True, True): _async_generator,
}
