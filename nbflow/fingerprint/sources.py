"""The source of functions, normalised: comments, docstrings and layout do not count."""

from __future__ import annotations
import __future__

import ast
import inspect
import linecache
import os
import textwrap
from collections.abc import Iterator
from functools import lru_cache
from hashlib import blake2b
from tokenize import TokenError
from types import CodeType
from typing import Any, NamedTuple

from nbflow._support.signature import plain
from nbflow.fingerprint.texts import constant_text

_UNREADABLE = (
    OSError, TypeError, SyntaxError, ValueError, AttributeError, IndexError, RecursionError, MemoryError, TokenError,
)  # fmt: skip
_FUTURES = sum(getattr(__future__, name).compiler_flag for name in __future__.all_feature_names)


MOST = 65_536
"""Characters of a source that are kept as they were written; of a longer one, the first."""


class Source(NamedTuple):
    """The source of a function.

    Attributes:
        normal: normalised; empty where there is none to read that is its own.
        text: as it was written, without the indentation that all its lines share; empty where it can't be read.
        place: module and line, such as ``"flows:12"``.
    """

    normal: str = ""
    text: str = ""
    place: str = ""


def source_of(fn: object) -> Source:
    """Return the source of a function.

    Read it at decoration: the file or cell that it stands in may change later.
    """
    text = place = ""
    try:
        code: Any = plain(fn)
        lines, first = inspect.getsourcelines(code)
        source = "".join(lines)
        text, place = _as_written(source), _place(code, first)
        return Source(_normalised(source, code.__name__), text, place)
    except _UNREADABLE:
        return Source("", text, place)


def _as_written(source: str) -> str:
    """Return a source as it is kept."""
    text = textwrap.dedent(source).rstrip().encode("utf-8", "replace").decode()  # no half characters
    return text if len(text) <= MOST else f"{text[:MOST]}\n# … {len(text) - MOST} more characters"


def _place(code: object, first: int) -> str:
    module = getattr(code, "__module__", None)
    return _as_written(f"{module}:{first}") if isinstance(module, str) else ""


@lru_cache(maxsize=4096)
def loaded_source_of(code: CodeType) -> str:
    """Return the normalised source of code that was loaded some time ago; ``""`` if its file has changed since."""
    file = code.co_filename
    if os.path.isfile(file):  # noqa: PTH113  # a name like "<cell 1>" is no path
        linecache.checkcache(file)
        text = "".join(linecache.getlines(file))
        if _codes_in(file, text, code.co_flags & _FUTURES).get((code.co_qualname, code.co_firstlineno)) != code:
            return ""
    try:
        block = inspect.getblock(linecache.getlines(file)[code.co_firstlineno - 1 :])
        return _normalised("".join(block), code.co_name)
    except _UNREADABLE:
        return ""


def _normalised(source: str, name: str) -> str:
    """Return source without comments, docstrings, layout and decorators; ``""`` for a lambda among others.

    Raises:
        SyntaxError: if it can't be read on its own.
        RecursionError: if it is nested too deeply to be written out.
    """
    tree = _parsed(textwrap.dedent(source))
    nodes = list(ast.walk(tree))
    if name == "<lambda>" and sum(isinstance(node, ast.Lambda) for node in nodes) > 1:
        return ""  # the source of a lambda is its whole line, which is that of the others too
    for node in nodes:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            node.decorator_list = []
            if ast.get_docstring(node, clean=False) is not None:
                node.body[:1] = [] if len(node.body) > 1 else [ast.Pass()]
    return ast.unparse(tree)


def _parsed(source: str) -> ast.Module:
    """Return the tree of a source. Older Pythons share a count between threads that parse, and may say it is wrong."""
    try:
        return ast.parse(source)
    except SystemError:
        return ast.parse(source)


@lru_cache(maxsize=64)
def _codes_in(file: str, text: str, flags: int) -> dict[tuple[str, int], CodeType]:
    """Return all code of a file by qualified name and line."""
    try:
        whole = compile(text, file, "exec", flags | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return {}
    return {(code.co_qualname, code.co_firstlineno): code for code in _inner(whole)}


def _inner(code: CodeType) -> Iterator[CodeType]:
    waiting = [code]
    while waiting:
        one = waiting.pop()
        yield one
        waiting += [constant for constant in one.co_consts if isinstance(constant, CodeType)]


def code_text(code: CodeType) -> str:
    """Return what stands for a function without source: its bytecode, which differs between versions of Python."""
    constants = [code_text(one) if isinstance(one, CodeType) else constant_text(one) for one in code.co_consts]
    return f"{code.co_code.hex()} {constants} {code.co_names}"


def file_text(path: str) -> str:
    """Return what stands for a whole file: a digest of its content; empty if it can't be read."""
    try:
        stamp = os.stat(path)  # noqa: PTH116  # what a path object would call
        return _file_text(path, stamp.st_mtime_ns, stamp.st_size)
    except OSError:
        return ""


@lru_cache(maxsize=256)
def _file_text(path: str, _changed: int, _size: int) -> str:
    with open(path, "rb") as file:  # noqa: PTH123  # as above
        return blake2b(file.read(), digest_size=16).hexdigest()


@lru_cache(maxsize=1024)
def literal_defaults(source: str) -> frozenset[str] | None:
    """Return the parameters whose defaults stand in a function's source as they are; None if that can't be told."""
    try:
        node = _parsed(source).body[0]
    except (SyntaxError, ValueError, IndexError, RecursionError, MemoryError):
        return None
    if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return None
    given = [*node.args.posonlyargs, *node.args.args]
    pairs = [
        *zip(given[len(given) - len(node.args.defaults) :], node.args.defaults, strict=True),
        *zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True),
    ]
    return frozenset(argument.arg for argument, default in pairs if isinstance(default, ast.Constant))
