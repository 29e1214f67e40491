"""The sources that the house rules hold for, as text and as syntax trees.

Only reads files; knows no rule. The rules stand in the ``test_*.py`` beside it.
"""

from __future__ import annotations

import ast
import functools
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = (ROOT / "nbflow", ROOT / "widgets" / "nbflow_widgets")

Function = ast.FunctionDef | ast.AsyncFunctionDef
Kind = type[ast.ClassDef] | tuple[type[ast.FunctionDef], type[ast.AsyncFunctionDef]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A function or class and what it weighs.

    Attributes:
        where: ``"path:line name"``, to be clicked in a report.
        lines: source lines from ``def`` or ``class`` to the end, its docstring left out.
    """

    where: str
    lines: int


def source_files(*suffixes: str) -> list[Path]:
    """Return the files of both packages that end in one of the suffixes."""
    return sorted(path for package in PACKAGES for path in package.rglob("*") if path.suffix in suffixes)


def blocks(path: Path, kind: Kind) -> Iterator[Block]:
    """Yield a Block for each definition of this kind, nested ones included."""
    for found, block in _all_blocks(path, path.read_text(encoding="utf-8")):
        if issubclass(found, kind):
            yield block


@functools.cache
def _all_blocks(path: Path, text: str) -> list[tuple[type[ast.AST], Block]]:
    """Return the blocks of a file, each with its kind: parsed once for all that asks about their sizes."""
    return [
        (type(node), Block(where=f"{shown(path)}:{node.lineno} {node.name}", lines=_length(node)))
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
    ]


def docstring_of(node: Function | ast.ClassDef) -> ast.Expr | None:
    """Return the statement that is the docstring of a definition."""
    first = node.body[0]
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
        return first
    return None


def shown(path: Path) -> str:
    """Return the path as a reader of a report wants it: from the root, where it lies below it."""
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else str(path)


def environment(root: Path) -> dict[str, str]:
    """Return the environment for a child process that imports the packages of this checkout."""
    return os.environ | {"PYTHONPATH": os.pathsep.join((str(root), str(root / "widgets")))}


def _length(node: Function | ast.ClassDef) -> int:
    whole = _lines(node)
    text = docstring_of(node)
    return whole - _lines(text) if text else whole


def _lines(node: ast.stmt) -> int:
    assert node.end_lineno is not None, "a parsed statement has an end"
    return node.end_lineno - node.lineno + 1
