"""The keywords that all ways to run share: checked, spelled out for help, turned into a request.

They are declared once, in ``RunOptions`` with their meaning and in ``Request`` with their defaults.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, Literal, Required, TypeVar

from nbflow._support.foreign import check_own
from nbflow._support.warnings import warn
from nbflow.errors import InvalidOptionError, UnknownOptionError
from nbflow.runs.request import Request
from nbflow.values import RunOptions
from nbflow.values.by_name import misplaced

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from nbflow.values import Config, StreamVersion


class ValueOptions(RunOptions, total=False):
    """The keywords of an ``invoke`` that gives what the body returns."""

    stream_mode: Literal["values"]
    print_mode: str | Sequence[str]
    version: Literal["v1"]


class OutputOptions(RunOptions, total=False):
    """Those of one that gives a ``GraphOutput``."""

    stream_mode: Literal["values"]
    print_mode: str | Sequence[str]
    version: Required[Literal["v2"]]


class ChunkOptions(RunOptions, total=False):
    """Those of one that gives a list of chunks."""

    stream_mode: Required[str | Sequence[str]]
    print_mode: str | Sequence[str]
    version: StreamVersion


OPTIONS = tuple(RunOptions.__annotations__)
_INVOKE = ("stream_mode", "print_mode", "version")
_STREAM = (*_INVOKE, "subgraphs", "debug")
OWN = {"invoke()": _INVOKE, "ainvoke()": _INVOKE, "stream()": _STREAM, "astream()": _STREAM}
Method = TypeVar("Method", bound="Callable[..., object]")

_BY_NAME = ("context", "stream_mode", "durability", "reuse")


def request_of(
    where: str,
    input: object,  # LangGraph's name
    config: Config | None,
    options: RunOptions,
    more: tuple[object, ...] = (),
) -> Request:
    """Return what a caller asked for.

    Older spellings of options are translated here, before what is unknown is refused.

    Args:
        where: the method, for errors.
        input: as given.
        config: as given.
        options: the keywords as given, known or not.
        more: what was given by position beyond the config.

    Raises:
        InvalidOptionError: if there is more by position.
        UnknownOptionError: for a keyword that does not exist.
        ForeignObjectError: for an input that is of LangGraph's, such as its Command.
    """
    if more:
        raise misplaced(where, ("input", "config"), _BY_NAME, more)
    given: dict[str, Any] = {**options}
    if "checkpoint_during" in given:
        _translate(where, given)
    for name in given:
        if name not in OPTIONS:
            raise UnknownOptionError(where, name, (*OWN.get(where, ()), *OPTIONS))
    if str(type(input).__module__).startswith("langgraph"):  # a quick look, since this is done for every run
        check_own(where, "input", input)
    return Request(where, input, config, **given)


def _translate(where: str, given: dict[str, Any]) -> None:
    """Put ``durability`` in the place of ``checkpoint_during``, its older spelling."""
    during = given.pop("checkpoint_during")
    if given.get("durability") is not None:
        raise InvalidOptionError(where, "checkpoint_during", repr(during), "durability is given too; pass that alone")
    given["durability"] = "async" if during else "exit"
    text = f"{where}: checkpoint_during={during!r} is called durability={given['durability']!r} now"
    warn(text, DeprecationWarning)


_REST = {inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL}


def spelled_out(method: Method) -> Method:
    """Have ``help()`` and completion show the keywords behind ``**options``, with their defaults."""
    signature = inspect.signature(method)
    own = [one for one in signature.parameters.values() if one.kind not in _REST]
    shared = [
        inspect.Parameter(
            name,
            inspect.Parameter.KEYWORD_ONLY,
            default=Request._field_defaults[name],
            annotation=getattr(annotation, "__forward_arg__", annotation),
        )
        for name, annotation in RunOptions.__annotations__.items()
    ]
    method.__signature__ = signature.replace(parameters=[*own, *shared])  # type: ignore[attr-defined]  # inspect's hook
    return method
