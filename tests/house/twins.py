"""Counts twin lines: an ``async def`` that repeats a sync namesake.

Two functions are twins when at least 60% of their lines are alike once ``async`` and ``await`` are
dropped and the async names (``ainvoke``, ``invoke_async``) are spelled like the sync ones. Docstrings
are left out. A twin weighs the lines of its async half. Nested functions count with their parent.
"""

from __future__ import annotations

import ast
import difflib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.house.sources import Function, docstring_of, shown

ALIKE = 0.6

_ASYNC_TWIN_OF = {
    ast.AsyncFunctionDef: ast.FunctionDef,
    ast.AsyncFor: ast.For,
    ast.AsyncWith: ast.With,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Twin:
    """An async function and the sync one that it repeats.

    Attributes:
        where: ``"path:line name"`` of the async half.
        of: the same of the sync half.
        lines: lines of the async half, normalised.
        alike: share of equal lines, between ALIKE and 1.
    """

    where: str
    of: str
    lines: int
    alike: float


@dataclass(frozen=True, slots=True)
class _Shape:
    where: str
    stem: str
    lines: list[str]


def twins(paths: Iterable[Path]) -> list[Twin]:
    """Return the twins among all functions of these files, the largest first."""
    found = [pair for path in paths for pair in _functions(path)]
    asynchronous = [_shape(path, node) for path, node in found if isinstance(node, ast.AsyncFunctionDef)]
    stems = {shape.stem for shape in asynchronous}
    plain = [pair for pair in found if isinstance(pair[1], ast.FunctionDef) and stem(pair[1].name) in stems]
    sync = [_shape(*pair) for pair in plain]
    pairs = (_closest(shape, sync) for shape in asynchronous)
    return sorted((twin for twin in pairs if twin), key=lambda twin: -twin.lines)


def stem(name: str) -> str:
    """Return the name that a sync and an async namesake share."""
    bare = re.sub(r"^async_|_async$|_sync$", "", name.strip("_"))
    return bare.lstrip("a")  # every one of them, so that `add` and `aadd` meet as `get` and `aget` do


def _closest(shape: _Shape, candidates: list[_Shape]) -> Twin | None:
    scored = [(_alike(shape.lines, other.lines), other) for other in candidates if _is_namesake(shape, other)]
    score, other = max(scored, key=lambda pair: pair[0], default=(0.0, shape))
    if score < ALIKE:
        return None
    return Twin(where=shape.where, of=other.where, lines=len(shape.lines), alike=score)


def _is_namesake(one: _Shape, other: _Shape) -> bool:
    return one.stem == other.stem


def _alike(one: list[str], other: list[str]) -> float:
    return difflib.SequenceMatcher(None, one, other, autojunk=False).ratio()


def _functions(path: Path) -> Iterator[tuple[Path, Function]]:
    """Yield the functions and methods of a file; those inside a function are part of it, and overloads are types."""
    waiting: list[ast.AST] = [ast.parse(path.read_text(encoding="utf-8"))]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            if not any(isinstance(each, ast.Name) and each.id == "overload" for each in node.decorator_list):
                yield path, node
        else:
            waiting.extend(ast.iter_child_nodes(node))


def _shape(path: Path, node: Function) -> _Shape:
    where = f"{shown(path)}:{node.lineno} {node.name}"
    for inner in ast.walk(node):
        if isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and docstring_of(inner):
            inner.body = inner.body[1:] or [ast.Pass()]
    return _Shape(where, stem(node.name), ast.unparse(_DropAsync().visit(node)).splitlines())


class _DropAsync(ast.NodeTransformer):
    """Rewrites a tree as if there were no asyncio: no keywords, no a-names."""

    def generic_visit(self, node: ast.AST) -> ast.AST:
        super().generic_visit(node)
        if isinstance(node, ast.Await):
            return node.value
        if isinstance(node, ast.comprehension):
            node.is_async = 0
        for field in ("id", "attr", "name"):
            if isinstance(name := getattr(node, field, None), str):
                setattr(node, field, stem(name))
        plain = _ASYNC_TWIN_OF.get(type(node))
        return plain(**dict(ast.iter_fields(node)), lineno=1) if plain else node
