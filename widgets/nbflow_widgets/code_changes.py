"""Whose values a statement changes, and whether it runs a workflow, by what the names in it are bound to there."""

from __future__ import annotations

import builtins
from typing import TYPE_CHECKING, NamedTuple

from nbflow_widgets.code_effects import CHANGING, ENVIRONMENT
from nbflow_widgets.code_parts import MAKERS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from nbflow_widgets.code_bindings import Bindings
    from nbflow_widgets.code_effects import Call, Effects, Function
    from nbflow_widgets.code_parts import Part

_FIRST = {
    "delattr", "heapify", "heappop", "heappush", "heappushpop", "heapreplace", "insort", "insort_left", "insort_right",
    "next", "setattr", "shuffle",
}  # fmt: skip
"""Functions that change what they are given first."""
_WORDS = {
    "add", "append", "clear", "compile", "delete", "disable", "enable", "extend", "fit", "insert", "load", "partial",
    "pop", "push", "put", "register", "remove", "reset", "seed", "set", "train", "unregister", "update",
}  # fmt: skip
"""First words of methods that change their object."""
_SETTING_WORDS = _WORDS - {"load", "fit", "train", "partial", "compile"} | {
    "basicConfig", "configure", "filterwarnings", "init", "install", "manual", "patch", "setlocale", "setattr",
    "seterr", "setcontext", "setrecursionlimit", "simplefilter", "use",
}  # fmt: skip
"""First words of functions of modules that change a setting."""
_HARMLESS = {
    "IPython", "datetime", "json", "logging", "loguru", "matplotlib", "pathlib", "pickle", "plotly", "pprint",
    "seaborn", "time", "tqdm",
}  # fmt: skip
"""Packages whose functions and objects leave what they are given as it is."""
_TABLES = {"pandas", "polars", "pyarrow"}
_TABLE_CHANGES = {"insert", "pop", "update"}
_GIVES_NEW = ("to_", "head", "tail", "describe", "info", "plot", "hist", "sample", "value_counts", "groupby")
"""Methods of tables that leave them as they are."""
_DRAWN_ONCE = {"iter", "Random", "RandomState", "default_rng", "open", "count", "cycle", "reader"}
_RUNS = {
    "abatch", "ainvoke", "astream", "astream_events", "batch", "fork", "go_on", "invoke", "resume", "start", "stream",
    "sweep", "try_call",
}  # fmt: skip
"""Methods of workflows that run them."""


class _Found(NamedTuple):
    """Names whose own value is changed, something within whose value is, or may be."""

    near: set[str]
    deep: set[str]
    touched: set[str]


class Changes:
    """What is changed by statements that stand where names are bound in some way.

    Args:
        bound: that way; it moves on from statement to statement.
    """

    def __init__(self, bound: Bindings) -> None:
        self._bound = bound

    def by(self, part: Part, reached: Iterable[str]) -> set[str]:
        """Return the names whose values a statement may change, the functions that it calls included.

        Args:
            part: the statement.
            reached: the names that it may use where it stands, in functions too.
        """
        found = self._of(part.effects, frozenset())
        if part.may_call:
            for name in reached:
                for function in (*self._bound.functions.get(name, ()), *self._bound.classes.get(name, ())):
                    found |= self._outside(function)
            for call in part.effects.calls:
                for function in self._methods(call):
                    found |= self._outside(function)
        return found - {""}

    def _outside(self, function: Function) -> set[str]:
        return (self._by_function(function) - function.own) | function.sets

    def _by_function(self, function: Function) -> set[str]:
        """Return the names whose values a function may change: its own, parameters first, and the module's."""
        known = self._bound.known
        if function not in known:
            group = [one for one in self._callable(function) if one not in known]
            known.update((one, set[str]()) for one in group)
            is_open = True
            while is_open:  # until those that call each other agree
                found = [self._once(one) for one in group]
                is_open = any(known[one] != now for one, now in zip(group, found, strict=True))
                known.update(zip(group, found, strict=True))
        return known[function]

    def _callable(self, function: Function) -> list[Function]:
        """Return a function, and those that it may call, those first."""
        found: dict[Function, None] = {}
        waiting = [function]
        while waiting:
            one = waiting.pop()
            if one in found:
                continue
            found[one] = None
            for call in one.effects.calls:
                waiting += self._called(call)
                for name in {name for names in call.given for name in names} & self._bound.functions.keys():
                    waiting += self._bound.functions[name]
        return [*reversed(found)]

    def _once(self, function: Function) -> set[str]:
        """Return what a function changes, by what is known of those that it calls."""
        found = self._of(function.effects, function.own, dict(function.imports))
        shares = function.effects.shares
        for _ in shares:
            more = {root for one in shares if one.name in found for root in one.roots} - found
            if not more:
                break
            found |= more
        return found

    def _of(
        self,
        effects: Effects,
        own: frozenset[str],
        imports: dict[str, str] | None = None,
    ) -> set[str]:
        near, found, touched = {*effects.near}, {*effects.deep}, set[str]()
        packages = {**self._bound.packages, **(imports or {})}
        for call in effects.calls:
            self._of_call(call, own, packages, _Found(near, found, touched))
        found |= {name for name in touched if name in own or name not in self._bound.fixed}
        near |= {f"import {packages[name]}" for name in (near | found) & packages.keys()}
        return near | found | self._bound.held_by(found - own)

    def _of_call(
        self,
        call: Call,
        own: frozenset[str],
        packages: dict[str, str],
        to: _Found,
    ) -> None:
        near, found, touched = to
        given = {name for one in call.given for name in one}
        package = packages.get(call.root, "")
        if "inplace=True" in call.keywords:
            near.add(call.root)
        functions = [] if call.root in own and not call.is_method else self._called(call)
        if functions:
            self._of_known(call, functions, found)
        for name in given & self._bound.functions.keys():  # it may be called with the rest: map(put, rows)
            found |= given - {name} if self._changes_given(self._bound.functions[name]) else set()
        if call.name in _FIRST:
            near |= {*call.given[0]} if call.given else set()
        elif call.root in packages:
            near |= {f"import {package}"} if self._is_setting(call, package) else set()
            near |= {ENVIRONMENT} if call.name == "load_dotenv" else set()
            touched |= given if call.is_dropped and package not in _HARMLESS | _TABLES else set()
        elif call.is_method and not functions:
            self._of_method(call, own, given, to)
        elif not call.is_method and not functions:
            is_ours = call.root in own or call.root in self._bound.givers
            if is_ours and call.root not in self._bound.fixed:
                found |= self._bound.held_by([call.root]) - {call.root}
            is_plain = not is_ours and (hasattr(builtins, call.root) or call.root == "display")
            touched |= given if call.is_dropped and not is_plain else set()
            if is_ours and call.is_dropped and call.root in self._bound.givers:  # it may be a closure, or hold lambdas
                touched |= {call.root, *self._bound.givers[call.root].part.uses_later}

    def _changes_given(self, functions: Iterable[Function]) -> bool:
        return any(self._by_function(one) & {*one.parameters} for one in functions)

    def _of_method(self, call: Call, own: frozenset[str], given: set[str], to: _Found) -> None:
        """Take in a call of a method that no class here defines."""
        near, found, touched = to
        made = "" if call.root in own else self._bound.origins.get(call.root, "")
        package = made.partition(".")[0]
        word = call.name.partition("_")[0]
        if package in _TABLES:
            near |= {call.root} if call.name in _TABLE_CHANGES else set()
            is_new = call.name.startswith(_GIVES_NEW)
            touched |= {call.root, *given} if call.is_dropped and not is_new else set()
        elif made.rpartition(".")[2] in _DRAWN_ONCE:
            found |= {call.root, *given}
        elif call.name in CHANGING or (word in _WORDS and call.root not in self._bound.fixed):
            (near if call.is_near else found).add(call.root)
        if call.is_dropped and package not in _HARMLESS | _TABLES:
            touched |= {call.root, *given}

    def _is_setting(self, call: Call, package: str) -> bool:
        word = call.name.partition("_")[0]
        if word in _SETTING_WORDS or call.name.endswith(("seed", "_option")):
            return True
        draws = package == "random" or ".random." in call.path
        return draws and f"import {package}" in self._bound.givers

    def _of_known(self, call: Call, functions: Iterable[Function], found: set[str]) -> None:
        """Take in a call of functions whose lines are known."""
        by_name = dict(zip(reversed(call.keywords), reversed(call.given), strict=False))
        for function in functions:
            changed = self._by_function(function)
            first = 1 if function.is_method else 0
            parameters = function.parameters
            if function.is_method and parameters and parameters[0] in changed and call.is_method:
                found.add(call.root)
            for number, names in enumerate(call.given[: len(call.given) - len(call.keywords)]):
                one = parameters[number + first] if number + first < len(parameters) else ""
                found |= names if one in changed or not one else set()
            for name, names in by_name.items():
                found |= names if name is None or name in changed or name not in parameters else set()

    def _called(self, call: Call) -> list[Function]:
        """Return the functions here that a call may be of."""
        if call.is_method:
            return self._methods(call)
        made = self._bound.classes.get(call.name, ())
        begun = [one for one in made if one.name in {"__init__", "__new__", "__post_init__"}]
        return [*self._bound.functions.get(call.name, ()), *begun]

    def _methods(self, call: Call) -> list[Function]:
        """Return the methods of classes here that a call may be of: none, if its object is of a package."""
        if not call.is_method or call.root in self._bound.packages:
            return []
        made = self._bound.origins.get(call.root, "")
        return [] if made else [*self._bound.methods.get(call.name, ())]

    def run_by(self, part: Part) -> str:
        """Return the workflow that a statement runs where it stands; empty if it runs none."""
        return next(self._runs(part.effects, set()), "")

    def _runs(self, effects: Effects, seen: set[int]) -> Iterator[str]:
        workflows = self._bound.workflows
        yield from (root for root, name in effects.attributes if root in workflows and name in _RUNS)
        for call in effects.calls:
            if call.root in workflows and call.name not in MAKERS:
                yield call.root
            functions = self._called(call)
            given = {name for one in call.given for name in one} & workflows.keys()
            if given and functions and not call.is_method and call.name not in self._bound.classes:
                yield min(given)
            for function in functions:
                if id(function) not in seen:
                    seen.add(id(function))
                    yield from self._runs(function.effects, seen)
