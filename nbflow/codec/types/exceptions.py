"""Exceptions: type, arguments, attributes, notes, cause, and the text of the traceback.

An exception can always be stored, since it is the record of a failure: parts that can't be
are replaced by a visible ``Unloadable``. What is loaded is caught by the same ``except`` clauses: one whose
class is not found is of a class made of the bases that are (``standins.py``), and only one that has none of
its own comes back as a ``RemoteError`` that says the same. Rebuilding runs no code of the exception's class.

Parts: ``type`` and ``text`` (what it said), ``bases``, ``own`` (facts by ``rebuilders.py``), ``args``, ``members``
(attributes of its C base), ``state`` (its own attributes, notes among them), ``made`` and ``lost`` (of those three,
what is made again from facts or could not be stored), ``traceback``, ``cause``, ``context``, ``suppress``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from contextvars import ContextVar
from types import MemberDescriptorType
from typing import Any, Final

from msgspec.msgpack import Ext

from nbflow.codec import codes
from nbflow.codec.classes import class_dict, class_name, family_of, find_class, is_heap, mro, static_bases
from nbflow.codec.exact import items
from nbflow.codec.types.rebuilders import EXCEPTIONS, PARTS, rebuilder_of
from nbflow.codec.types.records import put_state, schema_of, state_of
from nbflow.codec.types.standins import StandIn, classes_of, derived, names_of_bases
from nbflow.codec.unloadable import CannotRebuild, Unloadable, met
from nbflow.codec.wire import CAREFUL, PLAIN, Plan, Refusal, from_bytes, lower, to_bytes
from nbflow.errors import RemoteError, asides
from nbflow.errors.frames import traceback_text

SHOWN: Final = 200  # characters that are kept of a part that can't be stored
WHOLE_BY_ARGS: Final = frozenset({BaseException, BaseExceptionGroup})
MAX_LINKS: Final = 60  # causes and contexts that are kept, one behind the other
LIVE_MEMBERS: Final = frozenset({"obj"})  # the object an AttributeError is about


def _pack(error: BaseException) -> tuple[str, dict[str, Any]]:
    above = _above.get()
    if id(error) in above:  # it is a part of itself
        named = f"{type(error).__module__}.{type(error).__qualname__}"
        args = [arg for arg in error.args if type(arg) in PLAIN]
        return _class_id(type(error)), {"type": named, "text": _said(str, error), "args": args}
    token = _above.set((*above, id(error)))
    try:
        return _packed(type(error), error)
    finally:
        _above.reset(token)


def _packed(cls: type, error: BaseException) -> tuple[str, dict[str, Any]]:
    own = rebuilder_of(cls, EXCEPTIONS)
    keeper = _Keeper(asides.NAMES | (own[1].covered if own else set()))
    parts = {
        "type": f"{cls.__module__}.{cls.__qualname__}",
        "text": _said(str, error),
        "bases": names_of_bases(cls) if cls.__module__ != "builtins" else [],
        "own": _ready([own[0], own[1].facts(error)]) if own else None,
        "args": list(keeper.kept("args", dict(enumerate(error.args))).values()),
        "members": keeper.kept("members", _members(error)),
        "state": keeper.kept("state", state_of(error, schema_of(cls))),
        "made": keeper.made,
        "lost": keeper.lost,
        "traceback": traceback_text(error),
        "cause": _linked(error.__cause__),
        "context": None if error.__context__ is error.__cause__ else _linked(error.__context__),
        "suppress": error.__suppress_context__,
    }
    return _class_id(cls), {key: part for key, part in parts.items() if part}


def _class_id(cls: type) -> str:
    """Return the name that a class is stored under, whether or not it will be found by it."""
    try:
        return class_name(cls)
    except Refusal:
        return f"{cls.__module__}:{cls.__qualname__}"


def _linked(error: BaseException | None) -> object:
    """Return a cause or context as it is stored; None for one that leads back to where it came from."""
    above = _above.get()
    return None if error is None or id(error) in above or len(above) > MAX_LINKS else _ready(error)


class _Ready:
    """A part that is encoded already, while it is known what it is a part of."""

    __slots__ = ("ext",)

    def __init__(self, ext: Ext) -> None:
        self.ext = ext


def _ready(value: object) -> object:
    """Encode a value now; later it can't be told that an exception contains itself."""
    try:
        return _wrapped(lower(value, PLAIN))
    except (OverflowError, UnicodeEncodeError):
        return _wrapped(lower(value, CAREFUL))


def _wrapped(lowered: object) -> object:
    if type(lowered) is Ext:
        return _Ready(lowered)
    if isinstance(lowered, list):
        return [_wrapped(item) for item in lowered]
    if isinstance(lowered, dict):
        return {key: _wrapped(item) for key, item in lowered.items()}
    return lowered


class _Keeper:
    """Sorts the parts of one exception by how they can be stored.

    Attributes:
        made: those that are made again from facts: where they stand, under which key, what they are, and the facts.
        lost: those that are shown by a stand-in: where, under which key, their type, and as what they were shown.
    """

    def __init__(self, skipped: AbstractSet[str]) -> None:
        self._skipped = skipped
        self.made: list[object] = []
        self.lost: list[object] = []

    def kept(self, where: str, items: Mapping[Any, object]) -> dict[Any, object]:
        """Return parts as they are stored, with None in the place of others."""
        return {key: self._keep(where, key, item) for key, item in items.items() if key not in self._skipped}

    def _keep(self, where: str, key: object, value: object) -> object:
        row = rebuilder_of(type(value), PARTS)
        try:
            if row is None:
                return _ready(value)
            self.made.append([where, key, row[0], _ready(row[1].facts(value))])
        except Exception:  # whatever is wrong with a part, the failure must be recorded
            self.lost.append([where, key, _type_name(value), _said(repr, value)[:SHOWN]])
        return None


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


def _named(name: object) -> str:
    if type(name) is not str:
        raise CannotRebuild("an exception", "it does not say of which class it is")
    return name


def _rebuild(name: str, parts: Mapping[str, Any]) -> BaseException:
    known = find_class(_named(name))
    if known is not None and family_of(known) != codes.EXCEPTION:
        raise CannotRebuild(name, f"what has this name now is no {codes.NAMES[codes.EXCEPTION]} class")
    classes, namesakes = classes_of(name, [_named(base) for base in items(parts.get("bases", []))])
    reason: Exception = CannotRebuild(name, "its class is not imported here; import or define it, or register it")
    for first in range(len(classes)):
        rest = classes[first:]
        try:
            is_itself = first == 0 and namesakes == 1 and not _needs_its_text(rest[0], parts)
            return _made(rest[0] if is_itself else derived(name, rest), parts)
        except Exception as failure:
            reason = failure if first == 0 and namesakes else reason
    raise reason


def _needs_its_text(cls: type, parts: Mapping[str, Any]) -> bool:
    """Whether what the exception says of itself would be made of parts that are lost."""
    lost = {where for where, *_ in parts.get("lost", ())}
    return "args" in lost or (bool(lost) and any(is_heap(base) and "__str__" in class_dict(base) for base in mro(cls)))


def _made(cls: Any, parts: Mapping[str, Any]) -> BaseException:
    """Return an exception of a class, with what is stored of it."""
    places = _places(parts)
    args = tuple(places["args"].values())
    statics: list[Any] = static_bases(cls)
    own = rebuilder_of(cls, EXCEPTIONS)
    if own is not None and "own" in parts:
        error: BaseException = own[1].make(cls, parts["own"][1])
    else:
        maker: Any = BaseExceptionGroup if BaseExceptionGroup in mro(cls) else statics[0]
        error = maker.__new__(cls, *args)
        maker.__init__(error, *args)
    for key, item in places["members"].items():
        _put_member(error, statics, key, item)
    put_state(error, schema_of(cls), places["state"])
    if isinstance(error, StandIn):
        asides.put(error, asides.TEXT, _text(parts.get("text", "")))
    return error


def _places(parts: Mapping[str, Any]) -> dict[str, dict[Any, object]]:
    """Return arguments, members and attributes, with what was stored beside them in its place."""
    places: dict[str, dict[Any, object]] = {
        "args": dict(enumerate(items(parts.get("args", [])))),
        "members": dict(parts.get("members", {})),
        "state": dict(parts.get("state", {})),
    }
    told = met.set(None)  # a failure is handed out without what it could not keep: that was said when it was survived
    try:
        for where, key, kind, shown in items(parts.get("lost", [])):
            places[where][key] = Unloadable(_text(kind), _text(shown), "it could not be stored with its exception")
    finally:
        met.reset(told)
    for where, key, kind, facts in items(parts.get("made", [])):
        places[where][key] = PARTS[kind].make(None, facts)
    return places


def unkept(error: BaseException) -> str:
    """Return what a failure will lack when it is replayed, for a warning; empty if it will be as it is.

    Args:
        error: that a body has survived.
    """
    cls, (_, parts) = type(error), _pack(error)
    again = from_bytes(to_bytes(error))
    if not isinstance(again, cls):
        near = type(again).__mro__[1] if isinstance(again, StandIn) else type(again)
        return f"it will be caught as {near.__name__} and not as {cls.__name__}"
    own = rebuilder_of(cls, EXCEPTIONS)
    if own is not None and (lacks := own[1].lacks(error)):
        return lacks
    lost = [f"args[{key}]" if where == "args" else str(key) for where, key, *_ in parts.get("lost", ())]
    return f"{' and '.join(lost)} can't be stored with it" if lost else ""


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
    if _text(parts.get("traceback")):
        asides.put(error, asides.TRACEBACK, parts["traceback"])


_above: ContextVar[tuple[int, ...]] = ContextVar("above", default=())  # ids of the exceptions that are being written
UNPACK: Final = {codes.EXCEPTION: _unpack}


def find(kind: type) -> Plan | None:
    """Return the plan of an exception class."""
    if kind is _Ready:
        return Plan(codes.EXCEPTION, lambda part: part.ext)
    return Plan(codes.EXCEPTION, lambda error: list(_pack(error))) if family_of(kind) == codes.EXCEPTION else None
