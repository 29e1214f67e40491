"""What can be seen of values: classes by their members, data by its content, all else by its type.

Nothing iterates a namespace that other threads may change.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from enum import Enum
from types import BuiltinFunctionType, CellType, CodeType, FunctionType, MemberDescriptorType, MethodWrapperType
from typing import Any, NamedTuple

from nbflow import codec
from nbflow.fingerprint.held import FUNCTIONS, held_by
from nbflow.fingerprint.looks import items_of
from nbflow.fingerprint.names import MUTATORS
from nbflow.fingerprint.project import is_own, is_standard, package_of

LARGE = 8 << 20
"""Bytes above which data that a function names counts by its type alone."""
_PLAIN = (int, float, complex, str, bytes, bool, type(None))
SEALED = frozenset({*_PLAIN, type(Ellipsis), type(NotImplemented)})
CONTAINERS = (list, dict, set, frozenset, tuple)
_SURROUNDINGS = frozenset({"nbflow", "IPython"})  # packages whose objects code runs in, as a cell's get_ipython tells
_BASES = frozenset({"builtins", "abc", "typing"})
_ADDRESS = re.compile(r"0x[0-9a-f]+")

Step = str | tuple[str, object]


class Trace(NamedTuple):
    """What a digest was found from, so that it can be told whether it still stands.

    Attributes:
        names: namespace, name and value of each name that was looked up.
        cells: closure cells and what was in them.
        codes: functions and their code, which a reload replaces in place.
        items: containers of code, and what was in them.
        data: values that may change in place, and their digests.
        files: of modules that are imported later, and what stands for their content.
    """

    names: list[tuple[Mapping[str, object], str, object]]
    cells: list[tuple[CellType, object]]
    codes: list[tuple[FunctionType, CodeType, object]]
    items: list[tuple[Any, list[object]]]
    data: list[tuple[object, bytes]]
    files: list[tuple[str, str]]


class Changes(NamedTuple):
    """What some code rebinds or changes in place while it runs: it is state, and does not count.

    Attributes:
        names: where names that are bound anew stand: the id of a namespace or cell, and the name.
        objects: values that are changed in place, by id.
        attributes: names of attributes that are set, or whose values are changed in place.
    """

    names: set[tuple[int, str]]
    objects: dict[int, object]
    attributes: set[str]


def merged(*several: Changes) -> Changes:
    """Return all of several changes as one."""
    return Changes(
        {name for one in several for name in one.names},
        {key: value for one in several for key, value in one.objects.items()},
        {name for one in several for name in one.attributes},
    )


class Sight:
    """What has been seen on one walk over all that a function depends on.

    Attributes:
        found: what the code that was walked over changes.
        unread: task or workflow, name and type of what counts by its type alone though a change of it may matter.
    """

    def __init__(self, changes: Changes | None = None) -> None:
        """Begin a walk that leaves out what is known to be changed."""
        self.found = Changes(set(), {}, set())
        self.unread: set[tuple[str, str, str]] = set()
        self._owner = self._module = ""
        self._packages: set[str] = set()
        self._changes = changes if changes is not None else self.found
        self._names: list[tuple[Mapping[str, object], str, object]] = []
        self._cells: list[tuple[CellType, object]] = []
        self._codes: list[tuple[FunctionType, CodeType, object]] = []
        self._items: list[tuple[Any, list[object]]] = []
        self._data: list[tuple[object, bytes]] = []
        self._files: list[tuple[str, str]] = []
        self._seen: dict[int, tuple[str, object]] = {}
        self._deep: set[int] = set()  # containers inside of one that contains itself or is nested too deeply

    @property
    def trace(self) -> Trace:
        """What has been looked at."""
        return Trace(self._names, self._cells, self._codes, self._items, self._data, self._files)

    @property
    def has_code(self) -> bool:
        """Whether there was any code to read."""
        return bool(self._codes)

    def _class(self, name: str, cls: type) -> Iterator[Step]:
        yield f"{name}: class {cls.__qualname__} {self._annotations_of(cls)}"
        members = dict(vars(cls))
        if type(cls) is not type:
            yield (f"{name}: metaclass", type(cls))
        for base in cls.__bases__:
            yield (f"{name}({base.__name__})", base)
        for field, value in _fields_of(members):
            yield (f"{name}.{field}", value)
        for member in sorted(members):
            value = members[member]
            if not isinstance(value, FUNCTIONS) and (_is_special(member) or member in self._changes.attributes):
                continue
            if not isinstance(value, Enum):
                self._names.append((vars(cls), member, value))
                yield (f"{name}.{member}", value)
            else:
                yield (f"{name}.{member}", value.value)

    def _holder(self, name: str, value: Any) -> Iterator[Step]:  # noqa: ANN401  # one of several
        """Follow a callable or descriptor of Python's own: what it holds counts, such as the object of a method."""
        target = getattr(value, "__self__", None)
        named = isinstance(value, (BuiltinFunctionType, MethodWrapperType))
        yield self._named(name, value) if named else f"{name}: {type(value).__qualname__}"
        if target is not None and value.__name__ in MUTATORS:
            self.found.objects[id(target)] = target
        if target is not None and self._owns(type(target).__module__) and not isinstance(target, type):
            yield from self._plain_parts(f"{name}.__self__", target)
        for part, inner in held_by(value):
            yield (name if part in _ALONE else f"{name}.{part}", inner)

    def _instance(self, name: str, value: object) -> Iterator[Step]:
        """Follow an object of the user's: its class, and its content if it is data."""
        yield (f"{name}:", type(value))
        data = _data_or_none(value) if is_record(value) else None
        if data is not None:
            self._data.append((value, data))
            yield f"{name}={data.hex()}"
        elif callable(value) or hasattr(type(value), "__get__") or all(map(self._is_ours, type(value).__mro__)):
            yield from self._plain_parts(name, value)

    def _is_ours(self, cls: type) -> bool:
        """Whether no installed code sets attributes of a class's objects on its own account."""
        return cls.__module__ in _BASES or self._owns(cls.__module__)

    def _is_state(self, cls: type, attribute: str) -> bool:
        """Whether an attribute of a class's objects is set, or computed once, by code that runs."""
        return attribute in self._changes.attributes or _is_computed(cls, attribute)

    def _owns(self, module: str | None) -> bool:
        """Whether code of a module is the user's own, or of the installed package that a task stands in."""
        return is_own(module) or (bool(package := package_of(module)) and package in self._packages)

    def _plain_parts(self, name: str, value: object) -> Iterator[Step]:
        """Take in the plain attributes of an object, but for those that some code sets or computes."""
        state = state_of(value)
        for attribute in sorted(state):
            part = state.get(attribute)
            if type(part) in SEALED and not self._is_state(type(value), attribute):
                self._names.append((state, attribute, part))
                yield (f"{name}.{attribute}", part)

    def _container(self, name: str, value: Any) -> Iterator[Step]:  # noqa: ANN401  # one of several
        data = None
        try:
            data = _data_of(value) if id(value) not in self._deep else None
            is_deep = id(value) in self._deep
        except RecursionError:
            is_deep = True
        if data is not None:
            if not isinstance(value, tuple):
                self._data.append((value, data))
            yield f"{name}={data.hex()}"
            return
        items = items_of(value)
        if is_deep:  # so are those in it, and looking at each anew would take the square of the depth
            self._deep.update(id(item) for item in items if type(item) in CONTAINERS)
        self._items.append((value, items))
        yield f"{name}: {type(value).__name__} of {len(items)}"
        for index, item in enumerate(sorted(items, key=repr) if isinstance(value, (set, frozenset)) else items):
            yield (f"{name}[{index}]", item)

    def _unread(self, name: str, kind: type) -> str:
        """Return what stands for something that counts by its type alone, and note that if it is no part of Python."""
        if not is_standard(kind.__module__) and kind.__module__.partition(".")[0] not in _SURROUNDINGS:
            self.unread.add((self._owner, name, f"{kind.__module__}.{kind.__qualname__}"))
        return self._named(name, kind)

    def _named(self, name: str, value: Any) -> str:  # noqa: ANN401  # a class, a function, a descriptor
        """Return what stands for something that counts by its name alone.

        The module that a task or workflow stands in may be named anew: a notebook's code can go to a file.
        """
        module = getattr(value, "__module__", "") or ""
        home = "" if module == self._module else module
        own = getattr(value, "__qualname__", None) or getattr(value, "__name__", None) or type(value).__qualname__
        return f"{name} is {home}:{own}"

    def _annotations_of(self, cls: type) -> str:
        """Return a class's annotations as text, with the classes of the same module by their names there."""
        found = vars(cls).get("__annotations__", "")
        if cls.__module__ != self._module or not isinstance(found, dict):
            return _ADDRESS.sub("", repr(found))
        own = re.compile(rf"(?<![\w.]){re.escape(cls.__module__)}\.")
        told = {key: one if isinstance(one, str) else own.sub("", repr(one)) for key, one in found.items()}
        return _ADDRESS.sub("", repr(told))


def dict_of(value: object) -> dict[str, Any]:
    """Return the attributes that an object keeps itself, asking none of its hooks; empty if it keeps none."""
    try:
        found = object.__getattribute__(value, "__dict__")
    except (AttributeError, TypeError):
        return {}
    return found if type(found) is dict else {}


class _Slots(Mapping[str, Any]):
    """The attributes that an object keeps in slots, as they are at any time."""

    def __init__(self, value: object) -> None:
        self._value = value
        self._members = {
            name: member
            for kind in type(value).__mro__
            for name, member in vars(kind).items()
            if isinstance(member, MemberDescriptorType)
        }

    def __getitem__(self, name: str) -> Any:  # noqa: ANN401  # whatever is there
        try:
            return self._members[name].__get__(self._value)
        except AttributeError:  # not set
            raise KeyError(name) from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._members)

    def __len__(self) -> int:
        return len(self._members)


def state_of(value: object) -> Mapping[str, Any]:
    """Return the attributes that an object keeps itself, in its dict or else in slots; asks none of its hooks."""
    return dict_of(value) or _Slots(value)


def _size_of(value: Any) -> int:  # noqa: ANN401  # an object of any package
    """Return about how many bytes of data an object of numpy or pandas holds; 0 for what does not tell."""
    frame = getattr(value, "memory_usage", None) if type(value).__module__.partition(".")[0] == "pandas" else None
    size = frame().sum() if frame is not None and not hasattr(value, "nbytes") else getattr(value, "nbytes", 0)
    return int(size) if isinstance(size, (int, float)) or hasattr(size, "__int__") else 0


_ALONE = frozenset({"fget", "func", "__wrapped__"})  # who has one of these is called by the name of what it holds


def _is_computed(cls: type, attribute: str) -> bool:
    """Whether a class computes an attribute and leaves it in the object, as functools.cached_property does."""
    member = next((vars(base)[attribute] for base in cls.__mro__ if attribute in vars(base)), None)
    return hasattr(type(member), "__get__") and not isinstance(member, MemberDescriptorType)


def is_record(value: object) -> bool:
    """Whether an object is there to hold data: a dataclass, attrs class or pydantic model."""
    cls = type(value)
    return any(hasattr(cls, name) for name in ("__dataclass_fields__", "__attrs_attrs__", "__pydantic_fields__"))


def _data_of(value: object) -> bytes | None:
    """Return a digest of the content of data; None for what is no data."""
    return codec.digest(value) if codec.is_storable(value) else None


def data_within(value: object) -> bytes | None:
    """Return a digest of the content of data that is not too large; None for what is larger, or no data."""
    return _data_or_none(value) if _size_of(value) <= LARGE else None


def _data_or_none(value: object) -> bytes | None:
    """Return a digest of the content of data; None for what is no data, or nested too deeply."""
    try:
        return _data_of(value)
    except RecursionError:
        return None


def _is_special(name: str) -> bool:
    return name.startswith("_") and name.endswith("_")


def _fields_of(members: Mapping[str, Any]) -> Iterator[tuple[str, object]]:
    """Yield what the fields of a dataclass or pydantic model are made of, beside their annotations."""
    for name, field in (members.get("__dataclass_fields__") or {}).items():
        if isinstance(field.default_factory, (FunctionType, type)):
            yield f"{name}()", field.default_factory
    for name, field in (members.get("__pydantic_fields__") or {}).items():
        yield f"{name}()", _ADDRESS.sub("", repr(field))
