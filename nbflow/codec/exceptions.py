"""Exceptions: type, arguments, attributes, notes, cause, and the text of the traceback.

An exception can always be stored, since it is the record of a failure: parts that can't be
are replaced by a visible ``Unloadable``, and one whose type can't be found again comes back as
a ``RemoteError`` that says the same. Rebuilding runs no code of the exception's class.

Parts: ``type`` and ``text`` (what it said), ``args``, ``members`` (attributes of its C base),
``state`` (its own attributes, notes among them), ``traceback``, ``cause``, ``context``,
``suppress``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MemberDescriptorType
from typing import Any, Final

from nbflow.codec import codes
from nbflow.codec.classes import class_dict, class_name, family_of, mro, resolve, static_bases
from nbflow.codec.exact import items
from nbflow.codec.records import put_state, schema_of, state_of
from nbflow.codec.unloadable import CannotRebuild, Unloadable
from nbflow.codec.wire import PLAIN, Plan, Refusal, to_bytes
from nbflow.errors import RemoteError

TRACEBACK: Final = "__nbflow_traceback__"  # attribute of a rebuilt exception
MAX_FRAMES: Final = 64  # innermost frames that are kept of a traceback
SHOWN: Final = 200  # characters that are kept of a part that can't be stored
WHOLE_BY_ARGS: Final = frozenset({BaseException, BaseExceptionGroup})
LIVE_MEMBERS: Final = frozenset({"obj"})  # the object an AttributeError is about


def traceback_text(error: BaseException) -> str:
    """Return the frames of a traceback, those of a rebuilt exception included.

    Args:
        error: an exception that was raised here, or was loaded.
    """
    stored = getattr(error, "__dict__", {}).get(TRACEBACK)
    if isinstance(stored, str):
        return stored
    if isinstance(error, RemoteError):
        return error.traceback_text
    if error.__traceback__ is None:
        return ""
    import traceback

    return "".join(traceback.format_tb(error.__traceback__, -MAX_FRAMES))


def _pack(error: BaseException) -> object:
    cls: type = type(error)
    try:
        name = class_name(cls)
    except Refusal:
        name = f"{cls.__module__}:{cls.__qualname__}"
    schema = schema_of(cls)
    state = {key: _storable(item) for key, item in state_of(error, schema).items() if key != TRACEBACK}
    parts = {
        "type": f"{cls.__module__}.{cls.__qualname__}",
        "text": _said(str, error),
        "args": [_storable(item) for item in error.args],
        "members": {key: _storable(item) for key, item in _members(error).items()},
        "state": state,
        "traceback": traceback_text(error),
        "cause": error.__cause__,
        "context": None if error.__context__ is error.__cause__ else error.__context__,
        "suppress": error.__suppress_context__,
    }
    return [name, {key: part for key, part in parts.items() if part}]


def _said(describe: Callable[[Any], str], value: object) -> str:
    try:
        return describe(value)
    except Exception as failure:  # a broken __str__ must not hide the failure itself
        return f"<its __{describe.__name__}__ raised {type(failure).__name__}>"


def _members(error: BaseException) -> dict[str, object]:
    """Return what the exception's C base keeps beside ``args``, such as an OSError's errno."""
    found: dict[str, object] = {}
    for base in static_bases(type(error)):
        if base in WHOLE_BY_ARGS:
            break
        for name, member in class_dict(base).items():
            if type(member) is MemberDescriptorType and name not in LIVE_MEMBERS:
                found[name] = member.__get__(error)
    return {name: item for name, item in found.items() if item is not None}


def _storable(value: object) -> object:
    """Return a value if it can be stored, else a stand-in that shows it."""
    if type(value) in PLAIN or isinstance(value, BaseException):
        return value
    try:
        to_bytes(value)
    except Exception:  # whatever is wrong with a part, the failure must be recorded
        return Unloadable(_type_name(value), _said(repr, value)[:SHOWN], "it could not be stored with its exception")
    return value


def _type_name(value: object) -> str:
    return f"{type(value).__module__}.{type(value).__qualname__}"


def _unpack(payload: list[Any]) -> object:
    name, parts = payload
    try:
        error = _rebuild(name, parts)
    except Exception as failure:  # an exception is shown by a stand-in, whatever is wrong
        reason = failure.reason if isinstance(failure, CannotRebuild) else f"{type(failure).__name__}: {failure}"
        kind, text, frames = (_text(parts.get(key, "")) for key in ("type", "text", "traceback"))
        error = RemoteError(kind or _text(name), text, frames, reason)
    _link(error, parts)
    return error


def _text(part: object) -> str:
    return part if type(part) is str else ""


def _rebuild(name: str, parts: Mapping[str, Any]) -> BaseException:
    cls: Any = resolve(name, codes.EXCEPTION)
    args = tuple(items(parts.get("args", [])))
    statics: list[Any] = static_bases(cls)
    maker: Any = BaseExceptionGroup if BaseExceptionGroup in mro(cls) else statics[0]
    error: BaseException = maker.__new__(cls, *args)
    maker.__init__(error, *args)
    for key, item in parts.get("members", {}).items():
        _put_member(error, statics, key, item)
    put_state(error, schema_of(cls), parts.get("state", {}))
    return error


def _put_member(error: BaseException, statics: list[type], name: str, item: object) -> None:
    for base in statics:
        member = class_dict(base).get(name)
        if type(member) is MemberDescriptorType:
            member.__set__(error, item)
            return


def _link(error: BaseException, parts: Mapping[str, Any]) -> None:
    links = {"__cause__": parts.get("cause"), "__context__": parts.get("context") or parts.get("cause")}
    for name, linked in links.items():
        if isinstance(linked, BaseException):
            object.__setattr__(error, name, linked)
    object.__setattr__(error, "__suppress_context__", parts.get("suppress") is True)
    if parts.get("traceback"):
        object.__getattribute__(error, "__dict__")[TRACEBACK] = parts["traceback"]


UNPACK: Final = {codes.EXCEPTION: _unpack}


def find(kind: type) -> Plan | None:
    """Return the plan of an exception class."""
    return Plan(codes.EXCEPTION, _pack) if family_of(kind) == codes.EXCEPTION else None
