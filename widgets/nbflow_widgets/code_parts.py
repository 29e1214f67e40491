"""Statements of cells, and what each does to names."""

from __future__ import annotations

import ast
import symtable
from dataclasses import dataclass, replace

from nbflow_widgets.code_effects import (
    ENVIRONMENT,
    Call,
    Effects,
    Function,
    dotted,
    effects_of,
    functions_in,
    imports_of,
    last_name,
    now,
    root_of,
    roots_of,
)
from nbflow_widgets.notebook_code import ANY, FUNCTIONS, Dropped, Piece

DEFINES = (*FUNCTIONS, ast.ClassDef)
IMPORTS = (ast.Import, ast.ImportFrom)
MAKERS = {"compile", "create_react_agent", "entrypoint", "with_checkpointer", "with_config"}
"""What gives a workflow when it is called, by its last name."""
_FOR_ALL = ("sys.path.", "register_", "nbflow.register_")
"""Calls of these matter though they bind nothing, whoever runs the code."""
_SETTINGS = (*_FOR_ALL, "os.environ.", "warnings.", "logging.")
"""Calls of these matter too, on the machine and to the person that they were written for."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Part:
    """A statement, and names.

    Attributes:
        piece: the statement.
        why: why it can't stand in a module; empty if it can.
        binds: what it binds, or unbinds, where it stands; ``*`` for an import of all.
        is_sure: whether it does, each time.
        uses: what it uses of the module's names, in functions too.
        uses_now: what of that it uses where it stands.
        uses_later: what of that its functions use.
        imports: the names that it imports where it stands, each with its outermost package.
        packages: those that its functions import.
        effects: what it does where it stands.
        functions: those that it defines.
        is_inert: whether it does nothing but bind names.
        may_call: whether it may run other code where it stands.
        has_secret: whether it sets an environment variable to a text that stands in it.
    """

    piece: Piece
    why: str
    binds: frozenset[str]
    is_sure: bool
    uses: frozenset[str]
    uses_now: frozenset[str]
    uses_later: frozenset[str]
    imports: tuple[tuple[str, str], ...]
    packages: frozenset[str]
    effects: Effects
    functions: tuple[Function, ...]
    is_inert: bool
    may_call: bool
    has_secret: bool

    @property
    def is_definition(self) -> bool:
        """Whether it is a ``def`` or a ``class``."""
        return isinstance(self.piece.node, DEFINES)

    @property
    def is_import(self) -> bool:
        """Whether it is an import."""
        return isinstance(self.piece.node, IMPORTS)


def part_of(piece: Piece | Dropped) -> Part:
    """Return what a statement does to names."""
    if isinstance(piece, Dropped):
        node = piece.node or ast.parse("pass").body[0]
        made = part_of(Piece(node=node, text=ast.unparse(node)))
        shown = replace(made.piece, text=piece.text)
        binds = made.binds | piece.binds
        return replace(
            made, piece=shown, why=piece.why, binds=binds, is_sure=not piece.has_failed and bool(binds - {ANY})
        )
    node = piece.node
    saver = piece.workflow.saver if piece.workflow else None
    named = {one.id for one in ast.walk(ast.parse(saver or "")) if isinstance(one, ast.Name)}
    names = _names_of(node, piece.text)
    nodes = [*now(node)]
    functions = tuple(functions_in(node))
    effects = effects_of(nodes)
    return Part(
        piece=piece,
        why="" if _can_stand(node) else "it awaits",
        binds=names.binds,
        is_sure=_is_sure(node),
        uses=names.now | names.later | named,
        uses_now=names.now,
        uses_later=names.later | named,
        imports=tuple(found for one in nodes for found in imports_of(one)),
        packages=frozenset(package for one in functions for _, package in one.imports),
        effects=replace(effects, calls=(*effects.calls, *_decorating(node))),
        functions=functions,
        is_inert=_is_inert(node),
        may_call=_calls(node),
        has_secret=_has_secret(node),
    )


@dataclass(frozen=True, slots=True)
class _Names:
    binds: frozenset[str]
    now: frozenset[str]
    later: frozenset[str]


def _names_of(node: ast.stmt, text: str) -> _Names:
    top = symtable.symtable(text if _can_stand(node) else _in_function(text), "<cell>", "exec")
    is_wrapped = not _can_stand(node)
    top = top.get_children()[0] if is_wrapped else top
    tables, now_used, later = [(top, True)], set[str](), set[str]()
    while tables:
        table, is_now = tables.pop()
        tables += [(one, is_now and _is_run(one)) for one in table.get_children()]
        of_module = [one for one in table.get_symbols() if table is top or one.is_global()]
        read = {one.get_name() for one in of_module if one.is_referenced()}
        (now_used if is_now else later).update(read)
        if not is_now and not isinstance(node, DEFINES):
            now_used |= read  # a lambda may run where it stands
    is_star = isinstance(node, ast.ImportFrom) and node.names[0].name == "*"
    binds = {"*"} if is_star else {one.get_name() for one in top.get_symbols() if one.is_local()}
    if not isinstance(node, DEFINES):  # a := in a comprehension binds here too
        binds |= {one.target.id for one in ast.walk(node) if isinstance(one, ast.NamedExpr)}
        now_used |= {one.id for one in ast.walk(node) if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Del)}
        changed = [one.target for one in ast.walk(node) if isinstance(one, ast.AugAssign)]
        now_used |= {one.id for one in changed if isinstance(one, ast.Name)}
    return _Names(frozenset(binds - {""}), frozenset(now_used), frozenset(later))


def _is_run(table: symtable.SymbolTable) -> bool:
    """Whether what is within some lines is run with them: a class, a comprehension."""
    return table.get_type() == "class" or table.get_name() in {"listcomp", "setcomp", "dictcomp", "genexpr"}


def _in_function(text: str) -> str:
    lines = "\n".join(f"    {line}" for line in text.split("\n"))
    return f"async def cell():\n{lines}"


def _is_sure(node: ast.stmt) -> bool:
    """Whether a statement binds all its names whenever it is run, to nothing that they were bound to before."""
    if isinstance(node, ast.Import):
        return not any("." in one.name and one.asname is None for one in node.names)
    if isinstance(node, (*DEFINES, ast.ImportFrom)):
        return True
    if isinstance(node, (ast.Assign, ast.Delete)):
        return not any(isinstance(one, ast.NamedExpr) for one in ast.walk(node))
    return isinstance(node, ast.AnnAssign) and node.value is not None


def _decorating(node: ast.stmt) -> list[Call]:
    """Return the calls that decorate a definition: each may keep it."""
    calls: list[Call] = []
    if not isinstance(node, DEFINES):
        return []
    for one in node.decorator_list:
        is_called, called = isinstance(one, ast.Call), one.func if isinstance(one, ast.Call) else one
        if ast.unparse(called) in _INERT:
            continue
        given = [*one.args, *(part.value for part in one.keywords)] if isinstance(one, ast.Call) else []
        calls.append(
            Call(
                root=root_of(called),
                path=dotted(called),
                name=last_name(called),
                is_method=isinstance(called, ast.Attribute),
                is_near=isinstance(called, ast.Attribute) and isinstance(called.value, ast.Name),
                given=tuple(roots_of(part)[0] for part in given) if is_called else (frozenset({node.name}),),
                keywords=(),
                is_dropped=True,
            )
        )
    return calls


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
        return names <= _INERT and bases <= _PLAIN_BASES and not keywords and not _runs_in_class(node)
    if isinstance(node, ast.Assign):
        return all(isinstance(one, ast.Name) for one in node.targets) and not _calls(node)
    return isinstance(node, IMPORTS) or (isinstance(node, ast.AnnAssign) and not _calls(node))


def _runs_in_class(node: ast.stmt) -> bool:
    """Whether the lines of a class, not of its methods, call anything."""
    inner = node.body if isinstance(node, ast.ClassDef) else []
    return any(isinstance(one, ast.Call) for part in inner for one in now(part))


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


def _has_secret(node: ast.stmt) -> bool:
    """Whether a statement sets an environment variable to a text that stands in it."""
    if isinstance(node, ast.Assign):
        targets = [one.value for one in node.targets if isinstance(one, ast.Subscript)]
        return any(dotted(one) in {ENVIRONMENT, "environ"} for one in targets) and _has_text(node.value)
    call = node.value if isinstance(node, ast.Expr) else None
    if not isinstance(call, ast.Call) or not dotted(call.func).startswith(("os.environ.", "environ.", "os.putenv")):
        return False
    return any(map(_has_text, [*call.args[-1:], *(one.value for one in call.keywords)]))


def _has_text(node: ast.expr) -> bool:
    if isinstance(node, ast.Dict):
        return any(map(_has_text, node.values))
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, (str, bytes)))


def is_setting(node: ast.stmt, *, for_all: bool = False) -> bool:
    """Whether a statement matters though it binds nothing; ``for_all``: whoever runs it, wherever."""
    calls = _FOR_ALL if for_all else _SETTINGS
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        return ast.unparse(node.value.func).startswith(calls)
    return not for_all and isinstance(node, ast.Assign) and ast.unparse(node.targets[0]).startswith("os.environ[")


def is_future(node: ast.stmt) -> bool:
    """Whether a statement is a ``from __future__ import ...``."""
    return isinstance(node, ast.ImportFrom) and node.module == "__future__"


def is_decorated(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef, name: str) -> bool:
    """Whether one of a definition's decorators has a name, called or not."""
    calls = [one.func if isinstance(one, ast.Call) else one for one in node.decorator_list]
    return any(last_name(one) == name for one in calls)
