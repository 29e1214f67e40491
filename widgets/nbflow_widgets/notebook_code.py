"""The code of a notebook, read from its file: statements as they were written, and what our magics make of them.

Uses IPython's own reading of cells and the rewriting that kernels use (``rewrite.py``). Runs nothing.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

from IPython.core.error import UsageError
from IPython.core.inputtransformer2 import TransformerManager

from nbflow_widgets.options import Options, parse_entrypoint
from nbflow_widgets.rewrite import AROUND, BODY, CellRewriter, asked_of_door, assigned_names, rewrite_lines

ANY = "%"
"""Stands among the names that a magic binds for those that can't be told."""
_BINDS_ANY = {"pylab", "reset", "run", "store"}
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A statement of a cell.

    Attributes:
        node: the statement.
        above: the comments above it.
        text: as it was written, with its decorators.
        workflow: options of the ``%%entrypoint`` that makes a workflow of this function; None for another statement.
        is_task: whether ``%%task`` makes a task of this function.
        is_body: whether this function stands for a cell that is a body; its text was made from its code.
    """

    node: ast.stmt
    above: str = ""
    text: str
    workflow: Options | None = None
    is_task: bool = False
    is_body: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Dropped:
    """What can't stand in a module: a magic, or what is no Python.

    Attributes:
        text: as it was written.
        why: in a few words.
        binds: the names that it binds.
        node: the statement, if it is one of Python's and some of it ran.
        has_failed: whether it failed, so that it may have done a part of what it does.
    """

    text: str
    why: str
    binds: frozenset[str] = frozenset()
    node: ast.stmt | None = None
    has_failed: bool = False


def cells_of(notebook: Path) -> list[str]:
    """Return the texts of a notebook's code cells.

    Raises:
        LookupError: if the file is no notebook of format 4.
        OSError: if it can't be read.
    """
    try:
        found = json.loads(notebook.read_text(encoding="utf-8"))
        return ["".join(cell["source"]) for cell in found["cells"] if cell["cell_type"] == "code"]
    except (ValueError, TypeError, KeyError):
        raise LookupError(f"{str(notebook)!r} is no notebook of format 4, whose code stands in 'cells'") from None


def pieces_of(cell: str) -> Iterator[Piece | Dropped]:
    """Yield the statements of a cell in their order."""
    manager = TransformerManager()  # type: ignore[no-untyped-call]  # untyped package
    manager.cleanup_transforms.append(rewrite_lines)
    yield from pieces_in(manager.transform_cell(cell))


def pieces_in(text: str, failed_in: int | None = None) -> Iterator[Piece | Dropped]:
    """Yield the statements of a cell that IPython has made Python of.

    Args:
        text: the cell.
        failed_in: the line in which it failed, if it did; 0 if nothing of it ran.
    """
    try:
        module = ast.parse(text)
    except (SyntaxError, ValueError) as error:
        yield Dropped(text=text, why=f"it can't be read: {error}")
        return
    body = [one for one in module.body if asked_of_door(one) != "around"]
    asked = asked_of_door(body[0]) if body else None
    if failed_in is not None:
        yield from _before_failure([one for one in body if asked_of_door(one) is None], text, failed_in)
        return
    if asked is None:
        yield from _plain(body, text)
        return
    begin, *rest = body
    if not rest:
        return
    written = list(_plain(rest, text, begin.end_lineno or 0))
    if asked == "entrypoint":
        yield from _entrypoint(_line_of(begin), begin, rest, written)
    elif asked == "task" and isinstance(rest[-1], FUNCTIONS):
        yield from (replace(one, is_task=one.node is rest[-1]) if isinstance(one, Piece) else one for one in written)
    else:
        yield from written


def _before_failure(body: Sequence[ast.stmt], text: str, line: int) -> Iterator[Piece | Dropped]:
    """Yield the statements that a cell ran before it failed in a line, and the one that failed if others are in it."""
    done = [one for one in body if (one.end_lineno or 0) < line]
    yield from _plain(done, text)
    failed = body[len(done)] if len(done) < len(body) and line else None
    if isinstance(failed, (ast.For, ast.AsyncFor, ast.While, ast.With, ast.AsyncWith, ast.If, ast.Try)):
        yield Dropped(text=ast.unparse(failed), why="it failed half-way", node=failed, has_failed=True)


def _entrypoint(
    line: str, begin: ast.stmt, body: list[ast.stmt], written: list[Piece | Dropped]
) -> Iterator[Piece | Dropped]:
    try:
        options = parse_entrypoint(line)
    except UsageError as error:
        yield Dropped(text=f"%%entrypoint {line}", why=str(error))
        return
    last = body[-1]
    if isinstance(last, FUNCTIONS):
        for one in written:
            yield replace(one, workflow=options) if isinstance(one, Piece) and one.node is last else one
        return
    made = CellRewriter().visit_Module(ast.Module(body=[begin, *body], type_ignores=[])).body
    function = next((one for one in made if isinstance(one, FUNCTIONS) and one.name == BODY), None)
    if function is None or options.name is None:
        yield Dropped(text=f"%%entrypoint {line}", why="its cell does not end with a def, and has no name")
        return
    function.name = options.name
    yield from _plain([one for one in made if isinstance(one, ast.ImportFrom)], "")
    yield Piece(node=function, text=ast.unparse(ast.fix_missing_locations(function)), workflow=options, is_body=True)


def _plain(body: Sequence[ast.stmt], text: str, done: int = 0) -> Iterator[Piece | Dropped]:
    """Yield the statements below line ``done`` with their texts; those of one line with others are written anew."""
    lines = text.split("\n")  # as Python counts them
    crowded = {
        id(one)
        for before, after in pairwise(body)
        if _begin(after) <= (before.end_lineno or 0)
        for one in (before, after)
    }
    for node in body:
        begin, end = _begin(node), node.end_lineno or 0
        is_written = bool(text) and id(node) not in crowded
        above = "\n".join(one for one in lines[done : begin - 1] if one.startswith("#")) if is_written else ""
        done = end
        magic = _magic_in(node)
        if magic is None:
            written = "\n".join(lines[begin - 1 : end]) if is_written else ast.unparse(node)
            yield Piece(node=node, above=above, text=written)
        elif magic[0] in AROUND and len(magic) > 2:  # noqa: PLR2004  # name, line and body of a cell magic
            yield Dropped(text=f"%%{magic[0]} {magic[1]}".rstrip(), why="a magic")
            yield from pieces_of(magic[2])
        elif magic[0] == "time" and len(magic) > 1 and isinstance(node, ast.Expr):  # %time, whose line is run here
            yield from pieces_of(magic[1])
        else:
            binds = assigned_names([node]) | ({ANY} if magic[0] in _BINDS_ANY else set())
            yield Dropped(text=_as_typed(node, magic), why="a magic", binds=frozenset(binds))


def _begin(node: ast.stmt) -> int:
    """Return the first line of a statement, its decorators included."""
    decorators = node.decorator_list if isinstance(node, (*FUNCTIONS, ast.ClassDef)) else []
    return min([node.lineno, *(one.lineno for one in decorators)])


def _line_of(begin: ast.stmt) -> str:
    """Return what stood on the line of our magic."""
    return next(one.value for one in ast.walk(begin) if isinstance(one, ast.Constant) and isinstance(one.value, str))


def _magic_in(node: ast.stmt) -> list[str] | None:
    """Return the words of the magic that a statement runs where it stands; None if it runs none."""
    if isinstance(node, (*FUNCTIONS, ast.ClassDef)):
        return None
    for one in ast.walk(node):
        if isinstance(one, ast.Call) and isinstance(one.func, ast.Attribute) and _is_shell(one.func.value):
            return [part.value for part in one.args if isinstance(part, ast.Constant) and isinstance(part.value, str)]
    return None


def _is_shell(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "get_ipython"


def _as_typed(node: ast.stmt, magic: list[str]) -> str:
    call = next(one for one in ast.walk(node) if isinstance(one, ast.Call) and isinstance(one.func, ast.Attribute))
    kind = call.func.attr if isinstance(call.func, ast.Attribute) else ""
    sign = {"run_line_magic": "%", "system": "!", "getoutput": "!"}.get(kind, "")
    if kind == "run_cell_magic":
        return f"%%{' '.join(magic[:2]).rstrip()}\n{''.join(magic[2:])}"
    if magic[:1] in (["env"], ["set_env"]):  # what it sets may be a secret
        return f"%{magic[0]} {''.join(magic[1:]).partition('=')[0].split(' ')[0]} ..."
    target = f"{ast.unparse(node.targets[0])} = " if isinstance(node, ast.Assign) else ""
    return f"{target}{sign}{' '.join(magic)}".rstrip()
