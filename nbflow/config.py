"""What a config may say, and what a body may ask for by function: config, store, writer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from nbflow.core.call import current_frame
from nbflow.core.record import ROOT
from nbflow.errors import CalledOutsideRunError, InvalidOptionError, MissingThreadIdError
from nbflow.session.session import Session
from nbflow.values import RunnableConfig, is_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nbflow.core.call import Frame
    from nbflow.store.base import BaseStore
    from nbflow.values import StreamWriter

KNOWN = frozenset(RunnableConfig.__annotations__)
COORDINATES = frozenset({"thread_id", "checkpoint_id", "checkpoint_ns", "checkpoint_map"})
_SHAPES = {"configurable": dict, "metadata": dict, "tags": list}


def get_config() -> RunnableConfig:
    """Return the config of the call that runs here.

    Raises:
        CalledOutsideRunError: outside of a run.
    """
    session, frame = here("get_config()")
    return session.config_of(frame)


def get_store() -> BaseStore | None:
    """Return the store of the run, or None if it has none.

    Raises:
        CalledOutsideRunError: outside of a run.
    """
    return here("get_store()")[0].store


def get_stream_writer() -> StreamWriter:
    """Return a function that writes one value to the ``custom`` stream.

    Raises:
        CalledOutsideRunError: outside of a run.
    """
    session, frame = here("get_stream_writer()")
    return session.writer(frame)


def emit_token(token: object, **metadata: object) -> None:
    """Write a token, a message or a piece of one to the ``messages`` stream, for models that LangChain does not know.

    Args:
        token: what to show.
        **metadata: goes beside it, with where the code stands (``langgraph_node``, ...).

    Raises:
        CalledOutsideRunError: outside of a run.
    """
    session, frame = here("emit_token()")
    session.emit_message(frame, token, metadata)


def here(what: str) -> tuple[Session, Frame]:
    """Return the session and the frame of the code that asks; ``what`` names it in the error."""
    frame = current_frame.get()
    if frame is None:
        raise CalledOutsideRunError(what)
    return cast("Session", frame.host), frame


def merge(where: str, *configs: Mapping[str, object] | None) -> RunnableConfig:
    """Return one config of several, later ones winning, in its full form.

    A top-level key that a config does not have, such as ``thread_id``, goes to ``configurable``.

    Raises:
        InvalidOptionError: if a part has the wrong type.
    """
    merged: Any = {"tags": [], "metadata": {}, "configurable": {}}
    value: Any  # of the right type, as was checked
    for config in configs:
        if config is None:
            continue
        _check(where, config)
        for name, value in config.items():
            if name not in KNOWN:
                merged["configurable"] = {**merged["configurable"], name: value}
            elif name in {"configurable", "metadata"}:
                merged[name] = {**merged[name], **(value or {})}
            elif name == "tags":
                merged[name] = [*merged[name], *(value or [])]
            else:
                merged[name] = value
    found: RunnableConfig = merged
    return found


def _check(where: str, config: Mapping[str, object]) -> None:
    if not isinstance(config, dict):
        raise InvalidOptionError(
            where, "config", f"a {type(config).__name__}", "it is a dict such as {'configurable': {'thread_id': 'a'}}"
        )
    for name in _SHAPES.keys() & config.keys():
        shape = _SHAPES[name]
        if config[name] is not None and not isinstance(config[name], shape):
            raise InvalidOptionError(where, f"config[{name!r}]", repr(config[name]), f"it is a {shape.__name__}")
        if shape is not dict or not config[name] or {*map(type, cast("dict[object, object]", config[name]))} == {str}:
            continue
        odd = [key for key in cast("dict[object, object]", config[name]) if not isinstance(key, str)]
        if odd:
            raise InvalidOptionError(where, f"config[{name!r}]", f"a dict with the key {odd[0]!r}", "its keys are text")
    steps = config.get("recursion_limit")
    if steps is not None and (not isinstance(steps, int) or steps < 1):
        raise InvalidOptionError(where, "config['recursion_limit']", repr(steps), "it is a whole number from 1")
    limit = config.get("max_concurrency")
    if limit is not None and (not isinstance(limit, int) or limit < 1):
        raise InvalidOptionError(
            where, "config['max_concurrency']", repr(limit), "it is a whole number from 1, or None"
        )


def thread_of(config: RunnableConfig, workflow: str) -> str:
    """Return the thread id of a config, as text.

    Raises:
        InvalidOptionError: if it is no text that can be stored.
        MissingThreadIdError: if there is none, or an empty one.
    """
    configurable = config["configurable"]
    thread_id = configurable.get("thread_id")
    if thread_id is None or not str(thread_id):
        raise MissingThreadIdError(workflow, repr(thread_id) if "thread_id" in configurable else "missing")
    found = str(thread_id)
    if not found.isascii() and not is_text(found):
        raise InvalidOptionError(workflow, "thread_id", repr(found), "it is text without lone surrogates")
    return found


def is_nested(config: Mapping[str, object] | None) -> bool:
    """Whether a run would be a part of the run around it: it has one, and names no thread of its own."""
    return current_frame.get() is not None and not is_independent(config)


def is_independent(config: Mapping[str, object] | None) -> bool:
    """Whether a config says which thread it means, so that a nested run with it stands for itself."""
    if not config or is_callers(config):
        return False
    configurable = config.get("configurable") or {}
    return bool(COORDINATES & (set(config) | set(cast("dict[str, object]", configurable))))


def is_callers(config: Mapping[str, object] | None) -> bool:
    """Whether a config is the one that the run around this code handed out, or one with more to it."""
    frame = current_frame.get()
    if not config or frame is None or set(config) & COORDINATES:
        return False
    given = cast("dict[str, object]", config.get("configurable") or {})
    own = cast("Session", frame.host).config["configurable"]
    is_of_this_run = given.get("thread_id") == own.get("thread_id") and given.get("checkpoint_id") is None
    return is_of_this_run and str(given.get("checkpoint_ns") or "").partition(".")[0] == ROOT
