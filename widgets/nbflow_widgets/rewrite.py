"""How a cell that begins with ``%%entrypoint``, ``%%task`` or ``%%watch`` becomes Python.

The magic's line becomes one line of Python and the lines below it stay where they are, so line
numbers, tracebacks, ``inspect.getsource``, ``%`` and ``!`` lines and completion keep working; a
cell magic could not await. The rest happens in the syntax tree: a cell that is a body becomes a
function whose assigned names are global. Nothing here runs anything.
"""

from __future__ import annotations

import ast
import inspect
import re
import symtable
from itertools import takewhile
from typing import TypeVar, cast

from nbflow_widgets.advice import advice_on

DOOR = "__nbflow_cell__"
BODY = "__nbflow_body__"
INPUT = "inputs"
AROUND = ("time", "capture", "timeit", "prun")
"""Magics of IPython's that may stand above ours: as magics they would have to run the cell, which has to await."""
_MAGIC = re.compile(r"%%(entrypoint|task|watch)\b(?!\?)(.*)", re.DOTALL)
_AROUND = re.compile(rf"%%({'|'.join(AROUND)})\b(?!\?)(.*)", re.DOTALL)
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_SCOPES = (*_FUNCTIONS, ast.ClassDef, ast.Lambda)
Node = TypeVar("Node", bound=ast.AST)


def rewrite_lines(lines: list[str]) -> list[str]:
    """Replace the magic's line, and those of IPython's that stand above it; an input transformer of IPython."""
    head: list[str] = []
    for line in lines:
        around = _AROUND.fullmatch(line.rstrip())
        if around is None:
            break
        head.append(f"{DOOR}.around({around[1]!r}, {around[2].strip()!r})\n")
    rest = lines[len(head) :]
    found = _MAGIC.fullmatch(rest[0].rstrip()) if rest else None
    if found is None:
        return lines
    wait = "await " if found[1] == "entrypoint" else ""
    return [*head, f"{wait}{DOOR}.{found[1]}({found[2].strip()!r})\n", *rest[1:]]


rewrite_lines.has_side_effects = False  # type: ignore[attr-defined]  # IPython asks for it before it completes a cell


class CellRewriter(ast.NodeTransformer):
    """Arranges a cell around its first line; an AST transformer of IPython."""

    def visit_Module(self, module: ast.Module) -> ast.Module:  # the visitor's naming
        """Rewrite a cell of ours; leave any other as it is."""
        head = list(takewhile(lambda one: asked_of_door(one) == "around", module.body))
        if head:
            return _module(*head, *self.visit_Module(_module(*module.body[len(head) :])).body)
        kind = magic_of(module)
        if kind is None or len(module.body) == 1:
            return module
        wrong = _wrong_statement(module)
        if wrong is not None:  # alone, so that Python says what is wrong with it before anything runs
            return ast.Module(body=[wrong], type_ignores=[])
        if kind == "task":
            return _decorated(module)
        return _entrypoint(module) if kind == "entrypoint" else module


def magic_of(module: ast.Module) -> str | None:
    """Return which magic a cell began with; None for an ordinary one."""
    return asked_of_door(module.body[0]) if module.body else None


def asked_of_door(statement: ast.stmt) -> str | None:
    """Return which magic a statement stands for; None for an ordinary one."""
    match statement:
        case ast.Expr(value=ast.Await(value=ast.Call(func=func)) | ast.Call(func=func)):
            match func:
                case ast.Attribute(value=ast.Name(id=name), attr=kind) if name == DOOR:
                    return kind
    return None


def _entrypoint(module: ast.Module) -> ast.Module:
    begin, *body = module.body
    last = body[-1]
    if isinstance(last, _FUNCTIONS):
        return _module(begin, *body, _end(last.name, advice_on(last.body), last))
    stars = [statement for statement in body if _is_star(statement)]
    rest = [statement for statement in body if not _is_star(statement)]
    advice = advice_on(body)
    return _module(begin, *stars, _function(rest, begin, last), _end(BODY, advice, last, why_no_def(body)))


def _end(function: str, advice: str, where: ast.stmt, why: str = "") -> ast.stmt:
    """Return the last statement: hands the function over and awaits its run."""
    call = ast.parse(f"await {DOOR}.end({function}, {advice!r}, {why!r})").body[0]
    return _moved(call, where)


def why_no_def(body: list[ast.stmt]) -> str:
    """Return why a cell that looks as if it ended with a def does not; empty if it does not look so."""
    last = body[-1]
    if isinstance(last, ast.Assign) and isinstance(last.value, ast.Lambda):
        return f"a lambda is no def: write `def {ast.unparse(last.targets[0])}(...):`"
    within = next((one for one in ast.walk(last) if isinstance(one, _FUNCTIONS)), None)
    if within is not None and not isinstance(last, ast.ClassDef):
        word = type(last).__name__.lower()
        return f"the def of {within.name!r} stands under the `{word}` in line {last.lineno}: move it to the left margin"
    before = next((one for one in reversed(body) if isinstance(one, _FUNCTIONS)), None)
    if before is not None:
        return f"line {last.lineno} follows the def of {before.name!r}: move what follows to a cell of its own"
    return ""


def _function(body: list[ast.stmt], begin: ast.stmt, last: ast.stmt) -> ast.stmt:
    """Return a cell's statements as a function of ``inputs``."""
    kind = "async def" if _awaits(body) else "def"
    names = sorted(assigned_names(body) - {INPUT})
    outline = ast.parse(f"{kind} {BODY}({INPUT}):\n    pass").body[0]
    assert isinstance(outline, _FUNCTIONS), "a def was parsed"
    function = _moved(outline, begin)
    head = [_moved(ast.parse(f"global {', '.join(names)}").body[0], begin)] if names else []
    unannotated = Unannotated().visit_all(body)
    if unannotated and isinstance(unannotated[-1], ast.Expr):
        unannotated[-1] = ast.copy_location(ast.Return(unannotated[-1].value), unannotated[-1])
    function.body = [*head, *unannotated] or [ast.copy_location(ast.Pass(), last)]
    return function


class Unannotated(ast.NodeTransformer):
    """Turns ``x: int = 1`` into ``x = 1``: a global name can't be annotated in a function."""

    def visit(self, node: ast.AST) -> ast.AST:
        """Visit what belongs to the outermost scope only."""
        if isinstance(node, _SCOPES):
            return node
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            if node.value is None:
                return ast.copy_location(ast.Pass(), node)
            return ast.copy_location(ast.Assign([node.target], node.value), node)
        return super().generic_visit(node)

    def visit_all(self, body: list[ast.stmt]) -> list[ast.stmt]:
        """Visit statements."""
        return [cast("ast.stmt", self.visit(statement)) for statement in body]


def assigned_names(body: list[ast.stmt]) -> set[str]:
    """Return the names that statements bind where they stand, not in functions or classes within."""
    function = ast.parse("async def f(): pass").body[0]
    assert isinstance(function, _FUNCTIONS), "a def was parsed"
    function.body = body or function.body  # in a function: there, a := in a comprehension counts too
    try:
        table = symtable.symtable(ast.unparse(function), "<cell>", "exec").get_children()[0]
    except SyntaxError:  # it will be compiled, and Python will say what is wrong where it is
        return set()
    return {one.get_name() for one in table.get_symbols() if one.is_local()}


def _awaits(body: list[ast.stmt]) -> bool:
    code = compile(
        ast.Module(body=body, type_ignores=[]),
        "<cell>",
        "exec",
        flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT,
        dont_inherit=True,
    )
    return bool(code.co_flags & inspect.CO_COROUTINE)


def _wrong_statement(module: ast.Module) -> ast.stmt | None:
    """Return the first statement that Python refuses outside of functions, such as a ``return``."""
    for statement in module.body:
        try:
            _awaits([statement])
        except SyntaxError:
            return statement
    return None


def _decorated(module: ast.Module) -> ast.Module:
    """Have the last function of a cell become a task."""
    begin, *body = module.body
    last = body[-1]
    if not isinstance(last, (*_FUNCTIONS, ast.ClassDef)):
        refusal = ast.parse(f"{DOOR}.no_task({why_no_def(body)!r})").body[0]
        return _module(begin, _moved(refusal, last))
    if isinstance(last, _FUNCTIONS):
        decorator = ast.parse(f"{DOOR}.as_task", mode="eval").body
        where: ast.AST = last.decorator_list[0] if last.decorator_list else last
        last.decorator_list.insert(0, _moved(decorator, where))
    return module


def _is_star(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.ImportFrom) and statement.names[0].name == "*"


def _module(*body: ast.stmt) -> ast.Module:
    return ast.Module(body=list(body), type_ignores=[])


def _moved(node: Node, where: ast.AST) -> Node:
    """Return a node that stands, with all its parts, where another one stands."""
    for part in ast.walk(node):
        ast.copy_location(part, where)
    return node
