"""What names are bound to, from statement to statement."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from nbflow_widgets.code_effects import last_name, root_of
from nbflow_widgets.code_parts import MAKERS, is_decorated
from nbflow_widgets.notebook_code import FUNCTIONS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from nbflow_widgets.code_effects import Function, Share
    from nbflow_widgets.code_parts import Part

_GRAPHS = {"nbflow", "langgraph"}
"""Packages whose builders compile to workflows."""


class Given:
    """A statement that gave a name its value, or changed that, and those before it.

    Args:
        position: its.
        part: it.
        before: the one before; None if it bound the name.

    Attributes:
        uses: the names that they all use.
    """

    __slots__ = ("before", "part", "position", "uses")

    def __init__(self, position: int, part: Part, before: Given | None) -> None:
        self.position, self.part, self.before = position, part, before
        past: frozenset[str] = before.uses if before is not None else frozenset()
        self.uses: frozenset[str] = past if part.uses <= past else past | part.uses

    def __iter__(self) -> Iterator[Given]:
        one: Given | None = self
        while one is not None:
            yield one
            one = one.before


class Bindings:
    """What the names of a module are bound to after some of its statements.

    Attributes:
        givers: by name, the statements that may have given or changed its value since it was bound.
        packages: the outermost package of each name that was imported.
        origins: what made a name's value, where that is of a package: ``"pandas.read_csv"``.
        instances: the names bound to objects of classes here.
        fixed: names of definitions and imports, which no method changes unless its name says so.
        functions: by name.
        classes: the functions of each class.
        methods: of all classes, by their own names.
        workflows: the names of workflows.
        known: what functions change, as long as no function is bound anew.
    """

    def __init__(self) -> None:
        self.givers: dict[str, Given] = {}
        self.packages: dict[str, str] = {}
        self.origins: dict[str, str] = {}
        self.instances: set[str] = set()
        self.fixed: set[str] = set()
        self.functions: dict[str, tuple[Function, ...]] = {}
        self.classes: dict[str, tuple[Function, ...]] = {}
        self.methods: dict[str, tuple[Function, ...]] = {}
        self.workflows: dict[str, None] = {}
        self.known: dict[Function, set[str]] = {}
        self._defined: set[Function] = set()
        self._holds: dict[str, set[str]] = {}
        self._in: dict[str, set[str]] = {}

    def of(self, name: str) -> tuple[Given, ...]:
        """Return the statements that may have given or changed what a name stands for, and settings of its package."""
        keys = (name, f"import {self.packages[name]}") if name in self.packages else (name,)
        return tuple(self.givers[key] for key in keys if key in self.givers)

    def give(self, name: str, part: Part, position: int, *, is_new: bool = False) -> None:
        """Take in that a statement gives a name its value, or changes that."""
        before = None if is_new else self.givers.get(name)
        self.givers[name] = Given(position, part, before)

    def held_by(self, names: Iterable[str]) -> set[str]:
        """Return names, and those whose values theirs may hold."""
        return _closure(names, self._holds)

    def holders_of(self, names: Iterable[str]) -> set[str]:
        """Return names, and those whose values may hold theirs."""
        return _closure(names, self._in)

    def bind(self, part: Part, position: int) -> None:
        """Take in what a statement binds."""
        workflows = self.workflows_of(part)
        made, is_instance = self._maker(part)
        for name in part.binds:
            if part.is_sure:
                self._forget(name)
            self.give(name, part, position, is_new=part.is_sure)
            if part.is_definition or part.is_import:
                self.fixed.add(name)
            if made:
                self.origins[name] = made
            if is_instance:
                self.instances.add(name)
        self.packages.update(part.imports)
        self.workflows.update(dict.fromkeys(sorted(workflows)))
        if part.is_import or not {*part.functions} <= self._defined:
            self.known.clear()
        self._defined.update(part.functions)
        for function in part.functions:
            self._define(function, part)

    def _define(self, function: Function, part: Part) -> None:
        if not function.is_method:
            _add(self.functions, function.name, function)
            return
        for name in part.binds:
            _add(self.classes, name, function)
        _add(self.methods, function.name, function)

    def _forget(self, name: str) -> None:
        """Forget a name: what it held, its holders hold."""
        held, holders = self._holds.pop(name, set()), self._in.pop(name, set())
        for one in held:
            self._in.get(one, set()).discard(name)
        for one in holders:
            self._holds.get(one, set()).discard(name)
        for holder in holders:
            for one in held - {holder}:
                self._hold(holder, one)
        for known in (self.packages, self.origins, self.functions, self.classes, self.workflows):
            known.pop(name, None)
        self.fixed.discard(name)
        self.instances.discard(name)

    def _hold(self, name: str, held: str) -> None:
        self._holds.setdefault(name, set()).add(held)
        self._in.setdefault(held, set()).add(name)

    def share(self, shares: Iterable[Share]) -> None:
        """Take in that names are bound to values of others."""
        for one in shares:
            if not all(map(self._hands_on, one.callees)):
                continue
            for root in one.roots - {one.name}:
                if root in self.packages or root not in self.givers:
                    continue
                if one.holds:
                    self._hold(one.name, root)
                if one.is_held:
                    self._hold(root, one.name)

    def _hands_on(self, called: str) -> bool:
        """Whether what a function or class here makes may hold what it is given."""
        if called in {"partial", ".partial"}:
            return True
        if called.startswith("."):
            return called[1:] in self.methods
        return called in self.functions or called in self.classes

    def workflows_of(self, part: Part) -> set[str]:
        """Return the names of a statement's workflows."""
        node = part.piece.node
        if isinstance(node, FUNCTIONS):
            is_one = part.piece.workflow is not None or is_decorated(node, "entrypoint")
            return {node.name} if is_one else set()
        value = node.value if isinstance(node, (ast.Assign, ast.AnnAssign)) else None
        while isinstance(value, ast.Call):  # entrypoint(...)(function)
            if last_name(value.func) in MAKERS and self._can_make(value.func):
                return {*part.binds}
            value = value.func
        return set()

    def _can_make(self, called: ast.expr) -> bool:
        """Whether a call makes a workflow, by what it is called on."""
        name, root = last_name(called), root_of(called)
        if name in {"entrypoint", "create_react_agent"}:
            return True
        if not isinstance(called, ast.Attribute):
            return False
        package = self.packages.get(root) or self.origins.get(root, "").partition(".")[0]
        is_plain_module = root in self.packages and not isinstance(called.value, ast.Call)
        is_own = root in self.instances or root in self.classes
        return not is_own and not is_plain_module and (not package or package in _GRAPHS)

    def _maker(self, part: Part) -> tuple[str, bool]:
        """Return what of a package made the value that a statement binds, and whether a class here did."""
        node = part.piece.node
        value = node.value if isinstance(node, (ast.Assign, ast.AnnAssign)) else None
        if value is None:
            return "", False
        called = value.func if isinstance(value, ast.Call) else value
        root, name = root_of(called), last_name(called)
        if name in {"iter", "open"} and isinstance(value, ast.Call) and root not in self.givers:
            return f"builtins.{name}", False
        if root in self.packages and isinstance(value, ast.Call):
            return f"{self.packages[root]}.{name}", False
        return self.origins.get(root, ""), root in self.classes or root in self.instances


def _add(known: dict[str, tuple[Function, ...]], name: str, function: Function) -> None:
    if function not in known.get(name, ()):
        known[name] = (*known.get(name, ()), function)


def _closure(names: Iterable[str], edges: dict[str, set[str]]) -> set[str]:
    found = {*names}
    waiting = [*found]
    while waiting:
        more = edges.get(waiting.pop(), set()) - found
        found |= more
        waiting += more
    return found
