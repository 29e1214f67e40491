"""Which classes a stored value may name, and how a name is found again.

A name is ``module:qualname``, or what ``register_type`` was given. Looking one up reads
``sys.modules`` and class dictionaries only: nothing is imported, and no attribute hook, property
or metaclass of what is found there runs.
"""

from __future__ import annotations

import sys
import warnings
from collections import OrderedDict, defaultdict, deque
from collections.abc import Callable, Mapping
from enum import Enum
from functools import lru_cache
from types import ModuleType
from typing import Any, Final, NamedTuple, TypeGuard, TypeVar

import msgspec

from nbflow.codec import codes
from nbflow.codec.unloadable import CannotRebuild
from nbflow.codec.wire import PLAIN, PLANS, Plan, Refusal, plan_for, remedy

SUBCLASSED: Final = frozenset(
    {str, bytes, bytearray, int, float, complex, tuple, list, set, frozenset, dict, OrderedDict, defaultdict, deque}
)
PYDANTIC: Final = {
    "pydantic.types": ("_SecretBase", "Secret"),
    "pydantic.networks": ("_BaseUrl", "_BaseMultiHostUrl", "NameEmail"),
}
HEAP_TYPE: Final = 1 << 9  # set for the classes that a class statement makes, and for more of those of C in each Python
IMMUTABLE_TYPE: Final = 1 << 8  # set for those of C alone
TYPE_DICT: Final = type.__dict__["__dict__"]
TYPE_MRO: Final = type.__dict__["__mro__"]
T = TypeVar("T")


class Registration(NamedTuple):
    """What ``register_type`` was told about a class."""

    cls: type
    name: str
    encode: Callable[[Any], object] | None
    decode: Callable[[Any], object] | None


_by_class: dict[type, Registration] = {}
_by_name: dict[str, Registration] = {}


def register_type(
    cls: type[T],
    *,
    encode: Callable[[T], object] | None = None,
    decode: Callable[[Any], T] | None = None,
    name: str | None = None,
    pickle: bool = False,
) -> type[T]:
    """Allow values of a class to be stored and rebuilt. Usable as a decorator.

    A class of the same name that was registered before is replaced, so a notebook cell that
    defines and registers a class can be run again.

    Args:
        cls: the class itself; its subclasses are not meant.
        encode: turns an instance into a value that can be stored. None: its attributes are stored.
        decode: the inverse of ``encode``; given with it or not at all.
        name: what stored values call the class. None: module and qualified name.
        pickle: store what can't be stored otherwise, a fitted model for instance, by cloudpickle. Loading such
            a value runs whatever code its bytes hold, so a warning says to open only files that you trust.

    Raises:
        TypeError: if ``cls`` is no class, or only one of ``encode`` and ``decode`` is given, or ``pickle`` too.
        ImportError: if ``pickle`` is asked for and cloudpickle is not installed.
        ValueError: if nbflow stores values of this class already in its own way.
    """
    if pickle:
        encode, decode = _pickled(cls, encode or decode)
    _check_registration(cls, encode, decode)
    row = Registration(cls, name or _qualified(cls), encode, decode)
    _by_class[cls] = _by_name[row.name] = row
    PLANS.pop(cls, None)
    family_of.cache_clear()
    return cls


def _pickled(cls: type, given: object) -> tuple[Callable[[Any], bytes], Callable[[bytes], Any]]:
    if given is not None:
        raise TypeError(f"register_type({cls!r}) expects pickle=True, or encode= and decode=, but not both")
    try:
        import cloudpickle  # who asks for it by name has it
    except ImportError:
        raise ImportError("register_type(..., pickle=True) needs cloudpickle: pip install cloudpickle") from None
    text = f"values of {cls.__qualname__} are stored by pickle: loading them runs code, so open only files you trust"
    warnings.warn(text, UserWarning, stacklevel=3)
    return cloudpickle.dumps, cloudpickle.loads


def _check_registration(cls: type, encode: object, decode: object) -> None:
    if not is_class(cls):
        raise TypeError(f"register_type expects a class, not {cls!r}")
    if (encode is None) is not (decode is None):
        raise TypeError(f"register_type({cls.__qualname__}) expects both encode= and decode=, or neither")
    if _is_native(cls):
        raise ValueError(f"values of {cls.__qualname__} are stored already; register a subclass instead")


def _is_native(cls: type) -> bool:
    try:
        return cls in PLAIN or cls in (list, dict) or plan_for(cls).code not in codes.CLASS_CODES
    except Refusal:
        return False


def registered(cls: type) -> Registration | None:
    """Return what was registered for a class."""
    return _by_class.get(cls)


def find_custom(kind: type) -> Plan | None:
    """Return the plan of a class that was registered with its own encode."""
    row = _by_class.get(kind)
    if row is None or row.encode is None:
        return None
    encode = row.encode
    return Plan(codes.CUSTOM, lambda value: [row.name, encode(value)])


def unpack_custom(parts: list[Any]) -> object:
    """Rebuild a value by its registered decode."""
    name, payload = parts
    row = _by_name.get(name)
    if row is None or row.decode is None:
        raise CannotRebuild(str(name), "no type of this name is registered; call nbflow.register_type before loading")
    return row.decode(payload)


def _qualified(cls: type) -> str:
    return f"{cls.__module__}:{cls.__qualname__}"


def class_name(cls: type) -> str:
    """Return the name under which a class will be found again.

    Raises:
        Refusal: if it would not be found.
    """
    row = _by_class.get(cls)
    if row is not None:
        return row.name
    name = _qualified(cls)
    if "<locals>" in name:
        local = "a class defined inside a function can't be found again"
        raise Refusal(f"{local}; move it to the top level or call {remedy(cls)}")
    if find_class(name) is None:
        raise Refusal(f"no class is found under its name {name!r}; bind it there or call {remedy(cls)}")
    return name


def find_class(name: str) -> type | None:
    """Return the class of a name, if it is registered or its module is imported."""
    row = _by_name.get(name)
    if row is not None:
        return row.cls
    module_name, _, qualname = name.partition(":")
    found: object = sys.modules.get(module_name)
    if found is None or ModuleType not in mro(type(found)):
        return None
    space: Mapping[str, object] = object.__getattribute__(found, "__dict__")
    cls: type | None = None
    for part in qualname.split("."):
        inner = space.get(part)
        if not is_class(inner):
            return None
        cls, space = inner, class_dict(inner)
    return cls


def resolve(name: object, code: int) -> type:
    """Return the class that a stored value names.

    Raises:
        CannotRebuild: if there is none, or it is of another family than the stored value.
    """
    found = find_class(name) if isinstance(name, str) else None
    if found is None:
        raise CannotRebuild(str(name), "its class is not imported here; import or define it, or register it")
    family = family_of(found)
    if family != code:
        raise CannotRebuild(str(name), f"what has this name now is no {codes.NAMES[code]} class")
    return found


@lru_cache(maxsize=1024)
def family_of(cls: type) -> int | None:
    """Return the extension code by which instances of a class are written, or None."""
    bases = mro(cls)
    if Enum in bases:
        return codes.ENUM
    if BaseException in bases:
        return codes.EXCEPTION
    if msgspec.Struct in bases:
        return codes.STRUCT
    if tuple in bases and has_own(cls, "_fields"):
        return codes.NAMED_TUPLE
    if _is_model(bases):
        return codes.MODEL
    statics = static_bases(cls)
    if statics == [object] and (is_record(cls) or cls in _by_class):
        return codes.RECORD
    return codes.SUBCLASS if statics and statics[0] in SUBCLASSED and is_heap(cls) else None


def is_record(cls: type) -> bool:
    """Tell whether a class says itself what its fields are, or is one of pydantic's small ones."""
    if has_own(cls, "__dataclass_fields__") or has_own(cls, "__attrs_attrs__"):
        return True
    for module, names in PYDANTIC.items():
        space = getattr(sys.modules.get(module), "__dict__", {})
        small = [space.get(name) for name in names]
        if any(base is one for base in mro(cls) for one in small):
            return True
    return False


def _is_model(bases: tuple[type, ...]) -> bool:
    pydantic = sys.modules.get("pydantic.main")
    return pydantic is not None and getattr(pydantic, "BaseModel", None) in bases


def static_bases(cls: type) -> list[type]:
    """Return the bases that are written in C, most derived first."""
    return [base for base in mro(cls) if not is_heap(base)]


def is_heap(cls: type) -> bool:
    """Tell whether a class was made by a class statement."""
    return cls.__flags__ & (HEAP_TYPE | IMMUTABLE_TYPE) == HEAP_TYPE


def is_class(found: object) -> TypeGuard[type]:
    """Tell whether an object is a class, whatever it says itself."""
    return type in mro(type(found))


def mro(cls: type) -> tuple[type, ...]:
    """Return the classes that a class inherits from, past any metaclass."""
    bases: tuple[type, ...] = TYPE_MRO.__get__(cls)
    return bases


def class_dict(cls: type) -> Mapping[str, Any]:
    """Return what a class statement defined, past any metaclass."""
    space: Mapping[str, Any] = TYPE_DICT.__get__(cls)
    return space


def has_own(cls: type, name: str) -> bool:
    """Tell whether a class or one of its bases defines a name, asking no hook."""
    return any(name in class_dict(base) for base in mro(cls))
