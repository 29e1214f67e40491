"""What code does to the values of the names that it uses: which it changes in place, shares, and gives to calls."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass

from nbflow_widgets.notebook_code import FUNCTIONS
from nbflow_widgets.rewrite import assigned_names

ENVIRONMENT = "os.environ"
"""Stands for the process's environment among the names whose values are changed."""
CHANGING = {
    "add", "append", "appendleft", "clear", "discard", "extend", "insert", "pop", "popitem", "popleft", "register",
    "remove", "reverse", "setdefault", "sort", "update",
}  # fmt: skip
"""Methods that change their object, whatever it is."""
_SHARING = {"get", "items", "pop", "popleft", "setdefault", "values", "__getitem__"}
"""Methods whose result is a part of their object."""
_PASSING = {"enumerate", "filter", "getattr", "iter", "map", "next", "reversed", "vars", "zip", "cast"}
"""Functions whose result is, or holds, what they are given."""
_COPYING = {"dict", "list", "set", "sorted", "tqdm", "tuple"}
"""Functions whose result holds what that which they are given holds."""
_PLAIN = {"abs", "bool", "float", "hash", "id", "int", "isinstance", "len", "range", "repr", "round", "str", "type"}
"""Functions whose result holds nothing of what they are given."""
_TAKING_ALL = {"all", "any", "deque", "list", "max", "min", "set", "sum", "sorted", "tuple"}
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.GeneratorExp)


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A call, as it is written.

    Attributes:
        root: the name at which it begins.
        path: what is called, if it is names joined by dots: ``os.environ.update``; else empty.
        name: the last name of what is called.
        is_method: whether that follows a dot.
        is_near: whether it is a method of what ``root`` is bound to, not of a part of that.
        given: the names whose values each argument is, or holds; those by position, then those by name.
        keywords: the names of those by name; None for ``**``.
        is_dropped: whether nothing keeps its result, so that it was called for what else it does.
    """

    root: str
    path: str
    name: str
    is_method: bool
    is_near: bool
    given: tuple[frozenset[str], ...]
    keywords: tuple[str | None, ...]
    is_dropped: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """That two names' values have something in common, so that a change of the one may be one of the other.

    Attributes:
        name: what is bound, or changed.
        roots: the names whose values it is given.
        is_held: whether these may hold its value.
        holds: whether its value may hold theirs.
        callees: calls in between, by the names of what is called: ``.name`` of a method; they decide whether it is so.
    """

    name: str
    roots: frozenset[str]
    is_held: bool
    holds: bool
    callees: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Effects:
    """What some code does.

    Attributes:
        near: names whose own value it changes: an item, an attribute.
        deep: names of whose values it changes something within.
        calls: its calls.
        shares: its names for the values of others.
        attributes: what it reads of names, called or not.
    """

    near: frozenset[str]
    deep: frozenset[str]
    calls: tuple[Call, ...]
    shares: tuple[Share, ...]
    attributes: frozenset[tuple[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Function:
    """A function that a statement defines.

    Attributes:
        name: its.
        parameters: their names in order.
        is_method: whether it stands in a class.
        own: the names that are its own: parameters, and what it binds, but for those that it says are global.
        sets: those.
        imports: the modules of names that it imports.
        effects: of its lines.
    """

    name: str
    parameters: tuple[str, ...]
    is_method: bool
    own: frozenset[str]
    sets: frozenset[str]
    imports: tuple[tuple[str, str], ...]
    effects: Effects


def effects_of(nodes: Iterable[ast.AST]) -> Effects:
    """Return what some nodes do, those within them left aside."""
    nodes = [*nodes]
    near, deep = set[str](), set[str]()
    dropped = {id(one) for node in nodes for one in _dropped(node)}
    called = {id(node.func) for node in nodes if isinstance(node, ast.Call)}
    for node in nodes:
        if isinstance(node, (ast.Subscript, ast.Attribute)):
            is_changed = isinstance(node.ctx, (ast.Store, ast.Del))
            is_changed |= isinstance(node, ast.Attribute) and node.attr in CHANGING and id(node) not in called
            if is_changed:
                (near if isinstance(node.value, ast.Name) else deep).add(root_of(node))
                near |= {ENVIRONMENT} if _is_environment(node.value) else set()
        elif isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
            near.add(node.target.id)
        near |= {*_named_in(node)}
    calls = [_call(node, is_dropped=id(node) in dropped) for node in nodes if isinstance(node, ast.Call)]
    if any(one.path.startswith(("os.environ.", "environ.", "os.putenv")) and one.name in _SETTING for one in calls):
        near.add(ENVIRONMENT)
    read = {(root_of(node), node.attr) for node in nodes if isinstance(node, ast.Attribute) and _is_of_name(node)}
    return Effects(
        near=frozenset(near - {""}),
        deep=frozenset(deep - {""}),
        calls=tuple(calls),
        shares=tuple(one for node in nodes for one in _shares(node)),
        attributes=frozenset(read),
    )


def _named_in(node: ast.AST) -> Iterator[str]:
    """Yield the names of the module that a node binds by their texts: ``globals()["k"] = 1``, ``exec("k = 1")``."""
    match node:
        case ast.Subscript(value=ast.Call(func=ast.Name(id="globals")), slice=ast.Constant(value=str() as name)):
            if not isinstance(node.ctx, ast.Load):
                yield name
        case ast.Call(func=ast.Name(id="exec"), args=[ast.Constant(value=str() as text)]):
            with suppress(SyntaxError, ValueError):
                yield from assigned_names(ast.parse(text).body)


_SETTING = {*CHANGING, "putenv", "__setitem__"}


def _is_of_name(node: ast.AST) -> bool:
    return isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)


def _is_environment(node: ast.expr) -> bool:
    return ast.unparse(node) in {ENVIRONMENT, "environ"} if isinstance(node, (ast.Attribute, ast.Name)) else False


def functions_in(node: ast.stmt) -> Iterator[Function]:
    """Yield the functions that a statement defines, but for those within others."""
    waiting: list[tuple[ast.AST, bool]] = [(node, False)]
    while waiting:
        one, in_class = waiting.pop()
        if isinstance(one, FUNCTIONS):
            yield _function(one.name, one.args, one.body, is_method=in_class)
            continue
        if isinstance(one, ast.Assign) and isinstance(one.value, ast.Lambda):
            names = [target.id for target in one.targets if isinstance(target, ast.Name)]
            yield from (_function(name, one.value.args, [one.value.body], is_method=in_class) for name in names)
        is_class = in_class or isinstance(one, ast.ClassDef)
        waiting += [
            (part, is_class) for part in ast.iter_child_nodes(one) if isinstance(part, (ast.stmt, ast.excepthandler))
        ]


def _function(name: str, args: ast.arguments, body: Iterable[ast.AST], *, is_method: bool) -> Function:
    parts = [*args.posonlyargs, *args.args, args.vararg, *args.kwonlyargs, args.kwarg]
    nodes = [part for one in body for part in ast.walk(one)]
    names = tuple(one.arg for one in parts if one is not None)
    sets = {found for one in nodes if isinstance(one, ast.Global) for found in one.names}
    bound = {one.id for one in nodes if isinstance(one, ast.Name) and not isinstance(one.ctx, ast.Load)}
    inner = {one.arg for one in nodes if isinstance(one, ast.arg)}
    return Function(
        name=name,
        parameters=names,
        is_method=is_method,
        own=frozenset({*names, *bound, *inner} - sets),
        sets=frozenset(sets),
        imports=tuple(found for one in nodes for found in imports_of(one)),
        effects=effects_of(nodes),
    )


def imports_of(node: ast.AST) -> Iterator[tuple[str, str]]:
    """Yield the names that an import binds, each with the outermost package that it is of."""
    if isinstance(node, ast.Import):
        for one in node.names:
            package = one.name.partition(".")[0]
            yield one.asname or package, package
    elif isinstance(node, ast.ImportFrom):
        yield from ((one.asname or one.name, (node.module or "").partition(".")[0]) for one in node.names)


def now(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes of a statement that it runs where it stands: of a function its decorators and defaults."""
    yield node
    parts: Iterable[ast.AST]
    if isinstance(node, FUNCTIONS):
        parts = [*node.decorator_list, *_defaults(node.args)]
    elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Lambda):
        parts = [*node.targets, *_defaults(node.value.args)]
    else:
        parts = ast.iter_child_nodes(node)
    for one in parts:
        yield from now(one)


def _defaults(args: ast.arguments) -> Iterator[ast.expr]:
    yield from (*args.defaults, *filter(None, args.kw_defaults))


def _dropped(node: ast.AST) -> Iterator[ast.expr]:
    """Yield the calls of a statement whose results nothing keeps."""
    targets = node.targets if isinstance(node, ast.Assign) else []
    is_unnamed = isinstance(node, ast.Assign) and all(isinstance(one, ast.Name) and one.id == "_" for one in targets)
    value = node.value if isinstance(node, ast.Expr) or (isinstance(node, ast.Assign) and is_unnamed) else None
    if value is None:
        return
    while True:
        yield value
        if isinstance(value, _COMPREHENSIONS):
            value = value.elt
        elif isinstance(value, ast.Await):
            value = value.value
        elif isinstance(value, ast.Call) and last_name(value.func) in _TAKING_ALL and len(value.args) == 1:
            value = value.args[0]
        else:
            return


def _call(node: ast.Call, *, is_dropped: bool) -> Call:
    found = [roots_of(one) for one in (*node.args, *(keyword.value for keyword in node.keywords))]
    return Call(
        root=root_of(node.func),
        path=dotted(node.func),
        name=last_name(node.func),
        is_method=isinstance(node.func, ast.Attribute),
        is_near=_is_of_name(node.func),
        given=tuple(frozenset() if callees else roots for roots, callees in found),
        keywords=tuple(
            f"{one.arg}=True" if isinstance(one.value, ast.Constant) and one.value.value is True else one.arg
            for one in node.keywords
        ),
        is_dropped=is_dropped,
    )


def dotted(node: ast.expr) -> str:
    """Return names joined by dots as they are written; empty for anything else."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return ".".join([node.id, *reversed(parts)]) if isinstance(node, ast.Name) else ""


def _shares(node: ast.AST) -> Iterator[Share]:
    """Yield which names a node binds to other names' values, or makes hold them."""
    if isinstance(node, (ast.Assign, ast.AnnAssign, ast.NamedExpr)) and node.value is not None:
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        yield from (one for target in targets for one in _bound(target, node.value))
    elif isinstance(node, (ast.For, ast.AsyncFor, ast.comprehension)):
        yield from _bound(node.target, node.iter, is_within=True)
    elif isinstance(node, ast.withitem) and node.optional_vars is not None:
        yield from _bound(node.optional_vars, node.context_expr)
    elif isinstance(node, FUNCTIONS):
        for default in _defaults(node.args):
            yield from _bound(ast.Name(node.name, ast.Store()), ast.List([default]))
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in CHANGING:
        for one in (*node.args, *(keyword.value for keyword in node.keywords)):
            yield from _bound(node.func, one)


def _bound(target: ast.expr, value: ast.expr, *, is_within: bool = False) -> Iterator[Share]:
    roots, callees = roots_of(value)
    if not roots:
        return
    is_whole = isinstance(value, ast.Name) and not is_within
    is_part = is_within or isinstance(value, (ast.Attribute, ast.Subscript)) or _is_sharing(value)
    if isinstance(target, (ast.Subscript, ast.Attribute)):
        names, is_into = {root_of(target)}, True
    else:
        names, is_into = {one.id for one in ast.walk(target) if isinstance(one, ast.Name)}, False
    for name in names - {""}:
        yield Share(
            name=name,
            roots=roots,
            is_held=bool(callees) or is_part or (is_whole and not is_into),
            holds=is_into or not is_part or isinstance(value, ast.Attribute),  # a method holds its object
            callees=callees,
        )


def _is_sharing(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and last_name(node.func) in _SHARING | _PASSING


def roots_of(node: ast.expr) -> tuple[frozenset[str], frozenset[str]]:
    """Return the names whose values an expression's is, or holds, and what it calls in between."""
    names, callees, waiting = set[str](), set[str](), [node]
    while waiting:
        one = waiting.pop()
        match one:
            case ast.Name():
                names.add(one.id)
            case ast.Attribute() | ast.Subscript() | ast.Starred() | ast.Await() | ast.NamedExpr():
                waiting.append(one.value)
            case ast.List() | ast.Tuple() | ast.Set():
                waiting += one.elts
            case ast.Dict() | ast.BoolOp():
                waiting += one.values
            case ast.IfExp():
                waiting += [one.body, one.orelse]
            case ast.ListComp() | ast.SetComp() | ast.GeneratorExp():
                waiting += [one.elt, *(part.iter for part in one.generators)]
            case ast.Call(func=ast.Name(id=name)) if name in _PLAIN:
                pass
            case ast.Call():
                is_method, last = isinstance(one.func, ast.Attribute), last_name(one.func)
                is_passed = last in (_SHARING if is_method else _PASSING | _COPYING)
                callees |= set() if is_passed else {f".{last}" if is_method else last}
                waiting += [one.func.value] if isinstance(one.func, ast.Attribute) else []
                waiting += [] if is_method and is_passed else [*one.args, *(part.value for part in one.keywords)]
    return frozenset(names), frozenset(callees)


def root_of(node: ast.expr) -> str:
    """Return the name at which an expression begins: ``builder`` of ``builder.add_node(f).add_edge``."""
    while not isinstance(node, ast.Name):
        inner = getattr(node, "func", None) or getattr(node, "value", None)
        if isinstance(inner, ast.Name) and isinstance(node, ast.Call) and inner.id in _PASSING and node.args:
            inner = node.args[0]
        if not isinstance(inner, ast.expr):
            return ""
        node = inner
    return node.id


def last_name(node: ast.expr) -> str:
    """Return the name at which an expression ends: ``read_csv`` of ``pandas.read_csv``."""
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
