"""What can be seen of values: classes by their members, data by its content, all else by its type.

Nothing iterates a namespace that other threads may change.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import Enum
from types import BuiltinFunctionType, CellType, CodeType, FunctionType, MemberDescriptorType, MethodWrapperType
from typing import Any

from nbflow.fingerprint.content import digest_of_data, is_large, part_of
from nbflow.fingerprint.held import FUNCTIONS, held_by
from nbflow.fingerprint.looks import dict_of, items_of
from nbflow.fingerprint.names import MUTATORS
from nbflow.fingerprint.packages import installed
from nbflow.fingerprint.project import SURROUNDINGS, is_own, is_standard, package_of
from nbflow.fingerprint.texts import in_order, text_of
from nbflow.fingerprint.trace import Changes, Trace

_PLAIN = (int, float, complex, str, bytes, bool, type(None))
SEALED = frozenset({*_PLAIN, type(Ellipsis), type(NotImplemented)})
CONTAINERS = (list, dict, set, frozenset, tuple)
_BASES = frozenset({"builtins", "abc", "typing", "collections", "enum"})
_PLAIN_BASES = (int, float, str, bytes)
_MOST = 10_000  # items of a container of code and objects that are followed

Step = str | tuple[str, object]


class Sight:
    """What has been seen on one walk over all that a function depends on.

    Attributes:
        found: what the code that was walked over changes.
        used: the installed packages that it names.
        unread: task or workflow, name and type of what counts by its type alone though a change of it may matter.
    """

    def __init__(self, changes: Changes | None = None) -> None:
        """Begin a walk that leaves out what is known to be changed."""
        self.found = Changes(set(), {}, set())
        self.unread: set[tuple[str, str, str]] = set()
        self.used: set[str] = set()
        self._owner = self._module = ""
        self._packages: set[str] = set()
        self._changes = changes if changes is not None else self.found
        self._names: list[tuple[Mapping[str, object], str, object]] = []
        self._parts: list[tuple[Mapping[str, object], str, object]] = []
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
        return Trace(self._names, self._parts, self._cells, self._codes, self._items, self._data, self._files)

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
            if _is_generated(value):  # of the fields, which are followed themselves
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
        is_data = is_record(value) or isinstance(value, (*CONTAINERS, *_PLAIN_BASES))
        has_state = any(self._is_state(type(value), attribute) for attribute in state_of(value))
        data = data_within(value) if is_data and not has_state else None
        if data is not None:
            self._data.append((value, data))
            yield f"{name}={data.hex()}"
            return
        if is_large(value):
            yield self._unread(name, type(value), is_data=True)
            return
        if isinstance(value, CONTAINERS):
            yield from self._items_in(name, value)
        for base in _PLAIN_BASES:
            if isinstance(value, base):
                yield f"{name}={base.__repr__(value)}"
        if (
            is_record(value)
            or callable(value)
            or hasattr(type(value), "__get__")
            or all(map(self._is_ours, type(value).__mro__))
        ):
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
            part = part_of(state, attribute)
            if self._counts(part) and not self._is_state(type(value), attribute):
                self._parts.append((state, attribute, part))
                yield (f"{name}.{attribute}", part)

    def _counts(self, value: object) -> bool:
        """Whether what an object keeps can be told from another value: data, code, and objects of the user's own."""
        kind = type(value)
        return kind in SEALED or isinstance(value, (*CONTAINERS, *FUNCTIONS)) or self._owns(module_of(kind))

    def _container(self, name: str, value: Any) -> Iterator[Step]:  # noqa: ANN401  # one of several
        data = None
        try:
            is_deep = id(value) in self._deep
            if not is_deep and is_large(value):
                yield self._unread(name, type(value), is_data=True)
                return
            data = digest_of_data(value) if not is_deep else None
        except RecursionError:
            is_deep = True
        if data is not None:
            if not isinstance(value, tuple) or not all(type(item) in SEALED for item in value):
                self._data.append((value, data))
            yield f"{name}={data.hex()}"
            return
        if is_deep:  # so are those in it, and looking at each anew would take the square of the depth
            self._deep.update(id(item) for item in items_of(value) if type(item) in CONTAINERS)
        yield from self._items_in(name, value)

    def _items_in(self, name: str, value: Any) -> Iterator[Step]:  # noqa: ANN401  # one of several
        items = items_of(value)
        self._items.append((value, items))
        yield f"{name}: {type(value).__name__} of {len(items)}"
        if len(items) > _MOST:
            yield self._unread(name, type(value), is_data=True)
            return
        for index, item in enumerate(in_order(items) if isinstance(value, (set, frozenset)) else items):
            yield (f"{name}[{index}]", item)

    def _unread(self, name: str, kind: type, *, is_data: bool = False) -> str:
        """Return what stands for what counts by its type alone, and note that if it is data or not of Python."""
        module = module_of(kind)
        if is_data or (not is_standard(module) and module.partition(".")[0] not in SURROUNDINGS):
            self.unread.add((self._owner, name, f"{module}.{kind.__qualname__}"))
        return self._named(name, kind)

    def _named(self, name: str, value: Any) -> str:  # noqa: ANN401  # a class, a function, a descriptor
        """Return what stands for something that counts by its name alone.

        The module that a task or workflow stands in may be named anew: a notebook's code can go to a file.
        """
        module = getattr(value, "__module__", "") or ""
        self._uses(module)
        home = "" if module == self._module else module
        own = getattr(value, "__qualname__", None) or getattr(value, "__name__", None) or type(value).__qualname__
        return f"{name} is {home}:{own}"

    def _uses(self, module: object) -> None:
        """Note that code names something of a module."""
        package = installed(module) if isinstance(module, str) else ""
        if package:
            self.used.add(package)

    def _annotations_of(self, cls: type) -> str:
        """Return a class's annotations as text, with the classes of the same module by their names there."""
        found = vars(cls).get("__annotations__", "")
        if not isinstance(found, dict) or not found:
            return text_of(found) if found else ""
        home = self._module if cls.__module__ == self._module else ""
        return ", ".join(
            f"{key}: {repr(one) if isinstance(one, str) else text_of(one, home)}" for key, one in found.items()
        )


def module_of(cls: type) -> str:
    """Return the name of a class's module; empty where that is no text."""
    found = getattr(cls, "__module__", "")
    return found if isinstance(found, str) else ""


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


_ALONE = frozenset({"fget", "func", "__wrapped__"})  # who has one of these is called by the name of what it holds


def _is_computed(cls: type, attribute: str) -> bool:
    """Whether a class computes an attribute and leaves it in the object, as functools.cached_property does."""
    member = next((vars(base)[attribute] for base in cls.__mro__ if attribute in vars(base)), None)
    return hasattr(type(member), "__get__") and not isinstance(member, MemberDescriptorType)


def is_record(value: object) -> bool:
    """Whether an object is there to hold data: a dataclass, attrs class or pydantic model."""
    cls = type(value)
    return any(hasattr(cls, name) for name in ("__dataclass_fields__", "__attrs_attrs__", "__pydantic_fields__"))


def data_within(value: object) -> bytes | None:
    """Return a digest of the content of data that is not too large; None for what is larger, too deep, or no data."""
    try:
        return None if is_large(value) else digest_of_data(value)
    except RecursionError:
        return None


def _is_generated(member: object) -> bool:
    """Whether attrs has written a method: where it hashes, the text differs between processes."""
    return isinstance(member, FunctionType) and member.__code__.co_filename.startswith("<attrs generated")


def _is_special(name: str) -> bool:
    return name.startswith("_") and name.endswith("_")


def _fields_of(members: Mapping[str, Any]) -> Iterator[tuple[str, object]]:
    """Yield what the fields of a dataclass or pydantic model are made of, beside their annotations."""
    for name, field in (members.get("__dataclass_fields__") or {}).items():
        if isinstance(field.default_factory, (FunctionType, type)):
            yield f"{name}()", field.default_factory
    for name, field in (members.get("__pydantic_fields__") or {}).items():
        yield f"{name}()", text_of(field)
        functions = [getattr(one, "func", None) for one in field.metadata]
        yield from _followed_of(name, field.default, field.default_factory, *functions)
    for name, default in (members.get("__private_attributes__") or {}).items():
        yield f"{name}()", text_of(default)
        yield from _followed_of(name, getattr(default, "default", None), getattr(default, "default_factory", None))
    for field in members.get("__attrs_attrs__") or ():
        yield f"{field.name}()", text_of((field.default, field.validator, field.converter, field.kw_only, field.eq))
        factory = getattr(field.default, "factory", None)
        yield from _followed_of(field.name, field.default, factory, field.validator, field.converter)


def _followed_of(name: str, *values: object) -> Iterator[tuple[str, object]]:
    """Yield what a field is made of that its text does not tell, or not in its order: code, and containers."""
    for number, value in enumerate(values):
        if isinstance(value, (*FUNCTIONS, *CONTAINERS)):
            yield f"{name}({number})", value
