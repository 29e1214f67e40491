"""What a function's code depends on, followed name by name through the user's own code."""

from __future__ import annotations

import sys
from collections import ChainMap, UserDict, UserList, deque
from collections.abc import Iterator, Mapping
from enum import Enum
from functools import partial
from importlib.util import find_spec, resolve_name
from string import Template
from types import CellType, FunctionType, MappingProxyType, MethodType, ModuleType, SimpleNamespace
from typing import Any

from nbflow import codec
from nbflow._support.signature import plain
from nbflow.core.call import Spec
from nbflow.fingerprint.content import part_of
from nbflow.fingerprint.held import FUNCTIONS, HOLDERS, is_public
from nbflow.fingerprint.looks import MISSING, dict_of, inside, parts_of
from nbflow.fingerprint.names import Import, Names, names_of
from nbflow.fingerprint.project import SURROUNDINGS, is_own, is_own_path, is_standard, package_of
from nbflow.fingerprint.sight import (
    CONTAINERS,
    SEALED,
    Sight,
    Step,
    data_within,
    module_of,
    state_of,
)
from nbflow.fingerprint.sources import code_text, file_text, literal_defaults, loaded_source_of
from nbflow.fingerprint.texts import text_of

_BIRTH = frozenset({"__init__", "__post_init__", "__new__", "__setstate__", "__attrs_post_init__", "model_post_init"})


class Walk(Sight):
    """One walk over all that a function depends on: functions, tasks, classes, objects, data."""

    def parts(self, spec: Spec) -> Iterator[str]:
        """Yield what stands for a function and for all that it names."""
        stack: list[Iterator[Step]] = [self._root("", spec)]
        while stack:
            step = next(stack[-1], None)
            if step is None:
                stack.pop()
            elif isinstance(step, str):
                yield step
            else:
                stack.append(self._of(*step))

    def _root(self, name: str, spec: Spec) -> Iterator[Step]:
        """Follow what a task or workflow was made of: the plain function, then what is wrapped around it."""
        around = self._owner, self._module
        inner = plain(spec.fn)
        self._owner, self._module = f"{spec.kind} {spec.name!r}", getattr(inner, "__module__", "") or ""
        if isinstance(inner, FunctionType):
            self._packages.add(package_of(_home(inner)))
        if isinstance(inner, FunctionType) and id(inner) not in self._seen:
            self._seen[id(inner)] = (name, inner)
            if name:
                yield f"{name}:"
            yield from self._function(name, inner, spec.source)
        for part, value in parts_of(spec.fn):
            yield (f"{name}.{part}", value)
        layer = _layer(spec.fn)
        if layer is not inner or not isinstance(inner, FunctionType):
            yield (f"{name}@", layer)
        self._owner, self._module = around  # all that was yielded has been followed by now

    def _of(self, name: str, value: object) -> Iterator[Step]:
        """Yield what stands for a named value, or what else must be followed for it."""
        kind = type(value)
        if kind in SEALED:
            yield f"{name}={codec.digest(value).hex()}"
            return
        if type(value) is _ByAttributes:
            value = value.value
            kind = type(value)
            if kind not in SEALED and not issubclass(kind, _FOLLOWED) and self._owns(module_of(kind)):
                yield (f"{name}:", kind)
                return
        if issubclass(type(value), ModuleType) or id(value) in self._changes.objects:
            return
        first = self._seen.get(id(value))
        if first is None:
            self._seen[id(value)] = (name, value)
            try:
                yield from self._followed(name, value)
            except Exception:  # noqa: BLE001  # a proxy, or a class that will not be looked at
                yield self._unread(name, kind)
        elif first[0] != name:
            yield f"{name}->{first[0]}"

    def _followed(self, name: str, value: Any) -> Iterator[Step]:  # noqa: ANN401  # whatever has a name
        kind = type(value)
        spec = _spec_of(value)
        if spec is not None and spec.version is not None:
            yield f"{name}@{spec.version}"
        elif spec is not None:
            yield from self._root(name, spec)
        elif isinstance(value, type):
            yield from self._class(name, value) if self._owns(module_of(value)) else (self._named(name, value),)
        elif isinstance(value, FunctionType):
            yield from self._helper(name, value)
        elif isinstance(value, Enum):
            yield (f"{name}", kind)
            yield f"{name}={value.name}"
        elif kind in CONTAINERS or (isinstance(value, _HOLDS) and is_standard(module_of(kind))):
            yield from self._container(name, value)
        elif module_of(kind) in _OF_TYPES and not isinstance(value, SimpleNamespace):
            yield f"{name}={text_of(value, self._module)}"
        elif isinstance(value, HOLDERS):
            yield from self._named_or_held(name, value)
        elif self._owns(module_of(kind)):
            yield from self._instance(name, value)
        else:
            yield from self._foreign(name, value)

    def _helper(self, name: str, fn: FunctionType) -> Iterator[Step]:
        if (_home(fn) or "").partition(".")[0] in SURROUNDINGS:
            return  # as the open() that IPython puts into a notebook's namespace
        if self._owns(_home(fn)):
            yield f"{name}:"
            yield from self._function(name, fn, loaded_source_of(fn.__code__))
            return
        yield self._named(name, fn)
        yield from self._behind(name, fn)
        registry = dict_of(fn).get("registry")
        if isinstance(registry, Mapping):  # as functools.singledispatch leaves it
            for kind, one in sorted(registry.items(), key=lambda pair: self._named("", pair[0])):
                self._names.append((registry, kind, one))
                yield (f"{name}[{self._named('', kind)}]", one)

    def _foreign(self, name: str, value: object) -> Iterator[Step]:
        """Take in an object of an installed class: by its content where that can be told, else by its type."""
        self._uses(module_of(type(value)))
        data = data_within(value)
        if data is not None:
            self._data.append((value, data))
            yield f"{name}={data.hex()}"
            return
        if isinstance(value, _PLAIN):
            yield self._named(name, type(value))
            yield from self._plain_parts(name, value)
            return
        is_told = is_public(value) or callable(dict_of(value).get("__wrapped__"))
        yield self._named(name, value) if is_told else self._unread(name, type(value))
        yield from self._behind(name, value)

    def _behind(self, name: str, value: object) -> Iterator[Step]:
        """Follow what an installed function or object stands for: what it wraps or keeps of the user's own code."""
        attributes = dict_of(value)
        wrapped = attributes.get("__wrapped__")
        if callable(wrapped):
            yield (f"{name}.__wrapped__", wrapped)
        for attribute, part in sorted(attributes.copy().items()):
            if part is not wrapped and self._is_own_code(part):
                self._names.append((attributes, attribute, part))
                yield (f"{name}.{attribute}", part)
        if isinstance(value, FunctionType):
            rebound = names_of(value.__code__).rebound
            for variable, cell in zip(value.__code__.co_freevars, value.__closure__ or (), strict=True):
                part = inside(cell)
                if variable not in rebound and (type(part) in _SETTINGS or self._is_own_code(part)):
                    self._cells.append((cell, part))
                    yield (f"{name}({variable})", part)

    def _is_own_code(self, value: object) -> bool:
        """Whether a value is a function of the user's own, whatever is around it."""
        inner = plain(value) if isinstance(value, FUNCTIONS) or "__wrapped__" in dict_of(value) else None
        return _spec_of(value) is not None or (isinstance(inner, FunctionType) and self._owns(_home(inner)))

    def _named_or_held(self, name: str, value: Any) -> Iterator[Step]:  # noqa: ANN401  # one of several
        """Follow what a callable or descriptor holds, unless its name in an installed module says what it is."""
        if module_of(type(getattr(value, "__self__", None))).partition(".")[0] in SURROUNDINGS:
            return  # as get_ipython
        if is_public(value) and not self._owns(getattr(value, "__module__", None)):
            yield self._named(name, value)
        else:
            yield from self._holder(name, value)

    def _function(self, name: str, fn: FunctionType, source: str) -> Iterator[Step]:
        code = fn.__code__
        self._codes.append((fn, code, fn.__defaults__))
        yield source or code_text(code)
        names = names_of(code)
        self.found.attributes.update(names.elsewhere if fn.__name__ in _BIRTH else names.attributes)
        found = dict(self._read(fn, names))
        for one in sorted(found):
            yield (one, found[one])
        yield from self._defaults(name, fn, literal_defaults(source) if source else None)
        for imported in names.imports:
            self._uses(imported.name if not imported.level else "")
            path = _file_of(imported, fn.__globals__.get("__package__"))
            if path is not None:
                self._files.append((path, file_text(path)))
                yield f"import {imported.name} {self._files[-1][1]}"

    def _read(self, fn: FunctionType, names: Names) -> Iterator[tuple[str, object]]:
        """Yield the values of the names that a function reads; through modules, those of the attributes."""
        cells = dict(zip(fn.__code__.co_freevars, fn.__closure__ or (), strict=True))
        roots: dict[str, object] = {}
        for chain in names.chains:
            name, *rest = chain
            if name not in roots:
                place = (id(cells.get(name, fn.__globals__)), name)
                if name in names.rebound:
                    self.found.names.add(place)
                is_state = name in names.rebound or place in self._changes.names
                roots[name] = MISSING if is_state else self._looked_up(name, fn.__globals__, cells.get(name))
                if name in names.changed and not issubclass(type(roots[name]), (type, FunctionType, ModuleType)):
                    self.found.objects[id(roots[name])] = roots[name]
            value = roots[name]
            if rest and not issubclass(type(value), ModuleType):
                yield from self._attribute(name, value, rest[0])
                continue
            while type(value) is ModuleType and rest and self._owns(value.__name__):
                members, step = vars(value), rest.pop(0)
                value = members.get(step, MISSING)
                self._names.append((members, step, value))
                name = f"{name}.{step}"
            if type(value) is ModuleType:
                self._uses(value.__name__)
            if value is not MISSING and id(value) not in self._changes.objects:
                is_whole = name in names.bare or rest or "." in name or self._has_called(value, name, names)
                yield name, value if is_whole else _ByAttributes(value)

    def _has_called(self, value: object, name: str, names: Names) -> bool:
        """Whether code reads an attribute of an object that its class computes from the rest, as a method does."""
        if not self._owns(module_of(type(value))):
            return False
        read = {chain[1] for chain in names.chains if len(chain) > 1 and chain[0] == name}
        return not read <= state_of(value).keys()

    def _attribute(self, name: str, value: object, attribute: str) -> Iterator[tuple[str, object]]:
        """Yield what a function reads of an object of the user's, where that is plain."""
        state = state_of(value)
        if not self._owns(module_of(type(value))) or self._is_state(type(value), attribute):
            return
        inner = part_of(state, attribute) if attribute in state else MISSING
        if inner is not MISSING and self._counts(inner):
            self._parts.append((state, attribute, inner))
            yield f"{name}.{attribute}", inner

    def _looked_up(self, name: str, space: Mapping[str, object], cell: CellType | None) -> object:
        if cell is None:
            value = space.get(name, MISSING)
            self._names.append((space, name, value))
        else:
            value = inside(cell)
            self._cells.append((cell, value))
        return value

    def _defaults(self, name: str, fn: FunctionType, literal: frozenset[str] | None) -> Iterator[Step]:
        """Follow the defaults of a function that its source does not hold; a mutable one is its memory."""
        positional = fn.__code__.co_varnames[: fn.__code__.co_argcount]
        values = fn.__defaults__ or ()
        given = dict(zip(positional[len(positional) - len(values) :], values, strict=True))
        given.update(fn.__kwdefaults__ or {})
        for parameter, value in given.items():
            if parameter not in (literal or ()) and not isinstance(value, (list, dict, set)):
                yield (f"{name}({parameter})", value)


def _layer(fn: object) -> object:
    """Return the outermost layer of a callable that has something of the user's to it."""
    while True:
        wrapped = dict_of(fn).get("__wrapped__")
        if isinstance(fn, partial) and not (fn.args or fn.keywords):
            fn = fn.func
        elif wrapped is not None and not is_own(_home(fn) if isinstance(fn, FunctionType) else type(fn).__module__):
            fn = wrapped
        else:
            return fn


def _home(fn: FunctionType) -> str | None:
    """Return the module whose names a function reads; its ``__module__`` may be another's, which it wraps."""
    name = fn.__globals__.get("__name__")
    return name if isinstance(name, str) else None


_SETTINGS = SEALED | {tuple, frozenset}  # of a wrapper: what its arguments may be that nothing changes in place
_HOLDS = (dict, deque, MappingProxyType)  # containers of Python's own that are told by what they hold
_PLAIN = (SimpleNamespace, Template, UserDict, UserList, ChainMap)
_OF_TYPES = frozenset({"types", "typing"})  # modules of what stands for types
_FOLLOWED = (type, FunctionType, MethodType, partial, *CONTAINERS)


class _ByAttributes:
    """Stands for an object of which only attributes are read: its class counts, and what was read."""

    def __init__(self, value: object) -> None:
        self.value = value


def _spec_of(value: object) -> Spec | None:
    """Return the spec of a task or workflow, without asking an object of another kind for an attribute."""
    if not type(value).__module__.startswith("nbflow."):
        return None
    spec = dict_of(value).get("spec")
    return spec if isinstance(spec, Spec) else None


def _file_of(one: Import, package: object) -> str | None:
    """Return the file of a module that a function imports while it runs, loaded or not; None if it is not one's own."""
    try:
        name = resolve_name("." * one.level + one.name, package if isinstance(package, str) else None)
        spec = find_spec(name) if is_own(name) and name.rpartition(".")[0] in {"", *sys.modules} else None
    except (ImportError, ValueError, AttributeError):
        return None
    return spec.origin if spec is not None and spec.origin is not None and is_own_path(spec.origin) else None
