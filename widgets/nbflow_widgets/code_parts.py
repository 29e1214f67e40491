"""Statements of cells, and what each does to names: from which others a workflow needs can be told."""

from __future__ import annotations

import ast
import symtable
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from nbflow_widgets.notebook_code import FUNCTIONS, Piece

DEFINES = (*FUNCTIONS, ast.ClassDef)
IMPORTS = (ast.Import, ast.ImportFrom)
_MAKERS = {"compile", "create_react_agent", "entrypoint", "with_checkpointer"}
"""What gives a workflow when it is called, by its last name."""
_SHOWING = {
    "print",
    "display",
    "pprint",
    "help",
    "len",
    "repr",
    "type",
    "dir",
    "id",
    "head",
    "tail",
    "describe",
    "info",
}
"""Calls that change nothing."""
_CHANGING = {
    "add", "append", "appendleft", "clear", "discard", "extend", "insert", "pop", "popitem", "popleft", "register",
    "remove", "reverse", "setdefault", "sort", "update",
}  # fmt: skip
"""Methods that change their object, whatever it is."""
_FOR_ALL = ("sys.path.", "register_", "nbflow.register_")
"""Calls of these matter though they bind nothing, whoever runs the code."""
_SETTINGS = (*_FOR_ALL, "os.environ.", "warnings.", "logging.")
"""Calls of these matter too, on the machine and to the person that they were written for."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Part:
    """A statement, and names.

    Attributes:
        piece: the statement.
        binds: what it binds where it stands; ``*`` for an import of all.
        uses: what it uses of the module's names, in functions too.
        uses_now: what of that it uses where it stands.
        sets: what it or its functions bind of them.
        stores: whose values it changes in place where it stands, or its functions when they are called.
        touches: whose values may be changed so, since a method is called or a call is given them for its own sake.
        registers: whose methods, or which with them, decorate it.
        workflows: those of its workflows.
        calls: on whose methods, or which of them, it calls where it stands, but for what makes workflows.
        stands: whether it can be a statement of a module.
        is_inert: whether it does nothing but bind names.
        may_call: whether it may run other code where it stands.
    """

    piece: Piece
    binds: frozenset[str]
    uses: frozenset[str]
    uses_now: frozenset[str]
    sets: frozenset[str]
    stores: frozenset[str]
    touches: frozenset[str]
    registers: frozenset[str]
    workflows: frozenset[str]
    calls: frozenset[str]
    stands: bool
    is_inert: bool
    may_call: bool


def part_of(piece: Piece) -> Part:
    """Return what a statement does to names."""
    node, saver = piece.node, piece.workflow.saver if piece.workflow else None
    top = symtable.symtable(piece.text, "<cell>", "exec")
    tables = [top]
    uses: set[str] = {one.id for one in ast.walk(ast.parse(saver or "")) if isinstance(one, ast.Name)}
    now: set[str] = set()
    sets: set[str] = set()
    while tables:
        table = tables.pop()
        tables += table.get_children()
        of_module = [one for one in table.get_symbols() if table is top or one.is_global()]
        read = {one.get_name() for one in of_module if one.is_referenced()}
        uses |= read
        now |= read if table is top or table.get_type() == "class" or not isinstance(node, DEFINES) else set()
        sets |= {one.get_name() for one in of_module if one.is_assigned()}
    is_star = isinstance(node, ast.ImportFrom) and node.names[0].name == "*"
    binds = {"*"} if is_star else {one.get_name() for one in top.get_symbols() if one.is_local()}
    if not isinstance(node, DEFINES):  # a := in a comprehension binds here too
        binds |= {one.target.id for one in ast.walk(node) if isinstance(one, ast.NamedExpr)} - {""}
    return Part(
        piece=piece,
        binds=frozenset(binds),
        uses=frozenset(uses),
        uses_now=frozenset(now),
        sets=frozenset(sets),
        stores=_stored(node) & uses,
        touches=_touched(node) & uses,
        registers=_registered(node),
        workflows=frozenset(_workflows(piece, binds)),
        calls=_called(node),
        stands=_can_stand(node),
        is_inert=_is_inert(node),
        may_call=_calls(node),
    )


def _workflows(piece: Piece, binds: set[str]) -> set[str]:
    """Return the names of a statement's workflows."""
    node = piece.node
    if isinstance(node, FUNCTIONS):
        is_one = piece.workflow is not None or is_decorated(node, "entrypoint")
        return {node.name} if is_one else set()
    value = node.value if isinstance(node, (ast.Assign, ast.AnnAssign)) else None
    while isinstance(value, ast.Call):  # entrypoint(...)(function)
        if last_name(value.func) in _MAKERS and _root(value.func) != "re":
            return binds
        value = value.func
    return set()


def kept_parts(parts: Sequence[Part]) -> list[Part]:
    """Return the statements that a module of all their workflows needs, in their order."""
    workflows = {name for one in parts for name in one.workflows}
    able = [one for one in parts if one.stands and not one.calls & workflows]
    first = [one for one in able if isinstance(one.piece.node, DEFINES) or one.workflows or _is_setting(one.piece.node)]
    return _with_needs(first, able, workflows)


def parts_for(workflow: str, parts: Sequence[Part]) -> list[Part]:
    """Return the statements that one workflow needs, in their order; none if nothing here defines it.

    Args:
        workflow: the name that it is bound to.
        parts: statements in the order in which they were run; what was run again stands there again.
    """
    workflows = {name for one in parts for name in one.workflows}
    able = [one for one in parts if one.stands and not one.calls & workflows]
    last = next((one for one in reversed(able) if workflow in one.workflows), None)
    if last is None:
        return []
    settings = [one for one in able if _is_setting(one.piece.node, _FOR_ALL)]
    return _without_overtaken(_with_needs([*settings, last], able, workflows))


def _with_needs(first: Sequence[Part], able: Sequence[Part], workflows: set[str]) -> list[Part]:
    """Return some statements with all that give or change what they name, in their order."""
    fixed = {name for one in able if isinstance(one.piece.node, (*DEFINES, *IMPORTS)) for name in one.binds}
    modules = {name for one in able if isinstance(one.piece.node, IMPORTS) for name in one.binds}
    reach = _Reach(able, fixed)
    kept = {id(one) for one in first}
    waiting = ["*", "annotations", *(name for one in first for name in one.uses)]
    needed: set[str] = set()
    givers: dict[str, list[Part]] = {}
    for one in able:
        changed = reach.changed_by(one) | (one.registers - modules)
        changed |= set() if isinstance(one.piece.node, DEFINES) else reach.changes(one)
        for name in one.binds | (changed - workflows):
            givers.setdefault(name, []).append(one)
    while waiting:
        name = waiting.pop()
        if name in needed:
            continue
        needed.add(name)
        for one in givers.get(name, ()):
            if id(one) not in kept:
                kept.add(id(one))
                waiting += one.uses
    return [one for one in able if id(one) in kept]


def _without_overtaken(parts: Sequence[Part]) -> list[Part]:
    """Leave out definitions that later ones bind anew, with nothing in between that could have used them."""
    reach = _Reach(parts, set())
    kept: list[Part] = []
    later: dict[str, str] = {}
    for one in reversed(parts):
        text, is_import = one.piece.text, isinstance(one.piece.node, IMPORTS)
        again = [later.get(name) for name in one.binds]
        if one.is_inert and again and all(text == found if is_import else found for found in again):
            continue
        kept.append(one)
        later.update(dict.fromkeys(one.binds, text) if one.is_inert else {})
        for name in reach.used_by(one):
            later.pop(name, None)
    return kept[::-1]


class _Reach:
    """What statements use and change through the functions that they may call.

    Args:
        parts: all that may bind those functions.
        fixed: names of definitions and modules, which no method changes unless its name says so.
    """

    def __init__(self, parts: Sequence[Part], fixed: set[str]) -> None:
        self._fixed = fixed
        self._uses: dict[str, set[str]] = {}
        self._changes: dict[str, set[str]] = {}
        for one in parts:
            for name in one.binds:
                self._uses.setdefault(name, set()).update(one.uses)
                if isinstance(one.piece.node, DEFINES):
                    self._changes.setdefault(name, set()).update(self.changes(one), one.sets - one.binds)
        self._known: dict[frozenset[str], set[str]] = {}

    def used_by(self, part: Part) -> Iterable[str]:
        """Return the names that a statement may use where it stands, in functions that it calls too."""
        if not part.may_call:
            return part.uses_now
        found = self._known.get(part.uses_now)
        if found is None:
            found = self._known[part.uses_now] = set()
            waiting = list(part.uses_now)
            while waiting:
                name = waiting.pop()
                if name not in found:
                    found.add(name)
                    waiting += self._uses.get(name, ())
        return found

    def changes(self, part: Part) -> set[str]:
        """Return the names whose values a statement, or functions in it, may change in place by itself."""
        return {*part.stores, *(part.touches - self._fixed)}

    def changed_by(self, part: Part) -> set[str]:
        """Return the names that functions may change which a statement calls where it stands."""
        if not part.may_call:
            return set()
        return {changed for name in self.used_by(part) for changed in self._changes.get(name, ())}


_INERT = {"task", "entrypoint", "dataclass", "cache", "lru_cache", "dataclasses.dataclass", "functools.cache"}
_INERT |= {f"nbflow.{name}" for name in ("task", "entrypoint")} | {"functools.lru_cache"}
_PLAIN_BASES = {
    "object",
    "BaseModel",
    "TypedDict",
    "NamedTuple",
    "Enum",
    "StrEnum",
    "IntEnum",
    "Exception",
    "ValueError",
}


def _is_inert(node: ast.stmt) -> bool:
    """Whether a statement does nothing but bind names: it registers nothing, and calls no code of the user's."""
    if isinstance(node, DEFINES):
        names = {ast.unparse(one.func if isinstance(one, ast.Call) else one) for one in node.decorator_list}
        bases = {last_name(one) for one in node.bases} if isinstance(node, ast.ClassDef) else set()
        keywords = node.keywords if isinstance(node, ast.ClassDef) else []
        return names <= _INERT and bases <= _PLAIN_BASES and not keywords
    if isinstance(node, ast.Assign):
        return all(isinstance(one, ast.Name) for one in node.targets) and not _calls(node)
    return isinstance(node, IMPORTS) or (isinstance(node, ast.AnnAssign) and not _calls(node))


def _calls(node: ast.stmt) -> bool:
    """Whether a statement may run other code where it stands."""
    if isinstance(node, DEFINES):
        return not _is_inert(node)
    return any(isinstance(one, (ast.Call, ast.With, ast.For, ast.AugAssign)) for one in ast.walk(node))


def _can_stand(node: ast.stmt) -> bool:
    """Whether a statement is one of a module: none that awaits."""
    try:
        compile(ast.Module(body=[node], type_ignores=[]), "<cell>", "exec", dont_inherit=True)
    except SyntaxError:
        return False
    return True


def _called(node: ast.stmt) -> frozenset[str]:
    """Return the names that a statement's calls begin at, where it stands; a workflow's among them is run there."""
    if isinstance(node, DEFINES):
        return frozenset()
    calls = [one.func for one in ast.walk(node) if isinstance(one, ast.Call)]
    return frozenset(_root(one) for one in calls if last_name(one) not in _MAKERS)


def _stored(node: ast.stmt) -> frozenset[str]:
    """Return the names of whose values some code sets items or attributes, or calls a method that changes them."""
    found = {""}
    for one in ast.walk(node):
        if isinstance(one, (ast.Subscript, ast.Attribute)) and isinstance(one.ctx, (ast.Store, ast.Del)):
            found.add(_root(one))
        elif isinstance(one, ast.Call) and isinstance(one.func, ast.Attribute) and one.func.attr in _CHANGING:
            found.add(_root(one.func))
    return frozenset(found - {""})


def _touched(node: ast.stmt) -> frozenset[str]:
    """Return the names of the values that some code calls a method of, or gives to a call, and keeps no result of."""
    found: set[str] = set()
    for one in ast.walk(node):
        call = one.value if isinstance(one, ast.Expr) else None
        if isinstance(call, ast.Call) and last_name(call.func) not in _SHOWING:
            given = [*call.args, *(keyword.value for keyword in call.keywords)]
            found |= {part.id for part in given if isinstance(part, ast.Name)}
            found |= {_root(call.func)} - {""} if isinstance(call.func, ast.Attribute) else set()
    return frozenset(found)


def _registered(node: ast.stmt) -> frozenset[str]:
    """Return the names of the objects that a definition's decorators are methods of, or are given."""
    found = {""}
    for one in node.decorator_list if isinstance(node, DEFINES) else []:
        call = one.func if isinstance(one, ast.Call) else one
        found |= {_root(call)} if isinstance(call, ast.Attribute) else set()
        found |= {part.id for part in one.args if isinstance(part, ast.Name)} if isinstance(one, ast.Call) else set()
    return frozenset(found - {""})


def _is_setting(node: ast.stmt, calls: tuple[str, ...] = _SETTINGS) -> bool:
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        return ast.unparse(node.value.func).startswith(calls)
    return (
        calls is _SETTINGS and isinstance(node, ast.Assign) and ast.unparse(node.targets[0]).startswith("os.environ[")
    )


def is_future(node: ast.stmt) -> bool:
    """Whether a statement is a ``from __future__ import ...``."""
    return isinstance(node, ast.ImportFrom) and node.module == "__future__"


def _root(node: ast.expr) -> str:
    """Return the name at which an expression begins: ``builder`` of ``builder.add_node(f).add_edge``."""
    while not isinstance(node, ast.Name):
        inner = getattr(node, "func", None) or getattr(node, "value", None)
        if not isinstance(inner, ast.expr):
            return ""
        node = inner
    return node.id


def last_name(node: ast.expr) -> str:
    """Return the name at which an expression ends: ``read_csv`` of ``pandas.read_csv``."""
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def is_decorated(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef, name: str) -> bool:
    """Whether one of a definition's decorators has a name, called or not."""
    calls = [one.func if isinstance(one, ast.Call) else one for one in node.decorator_list]
    return any(last_name(one) == name for one in calls)
