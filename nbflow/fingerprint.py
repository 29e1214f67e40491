"""A digest of a function's code, to tell whether a stored result still belongs to it.

It covers the normalised source (comments and layout do not count) and, recursively, the plain
functions, tasks, workflows and constants that the source names, as they are when the digest is first asked for.
What it rebinds by ``global`` or ``nonlocal`` is state, and left out.
Best effort: what is reached through objects, attributes or other modules is not followed.
"""

from __future__ import annotations

import ast
import dis
import inspect
import textwrap
from hashlib import blake2b
from types import CodeType, FunctionType
from typing import TYPE_CHECKING, Any

from nbflow import codec
from nbflow.core.call import Spec
from nbflow.signature import plain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_CONSTANTS = (int, float, complex, str, bytes, bool, type(None), tuple, frozenset)
_DEEP = 8


def source_of(fn: Callable[..., object]) -> str:
    """Return the normalised source of a function, or ``""`` where there is none to read that is its own.

    Read it at decoration: the file or cell that it stands in may change later.
    """
    try:
        code: Any = plain(fn)
        tree = ast.parse(textwrap.dedent(inspect.getsource(code)))
    except (OSError, TypeError, SyntaxError, ValueError):
        return ""
    nodes = list(ast.walk(tree))
    if code.__name__ == "<lambda>" and sum(isinstance(node, ast.Lambda) for node in nodes) > 1:
        return ""  # the source of a lambda is its whole line, which is that of the others too
    for node in nodes:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            node.decorator_list = []
    return ast.unparse(tree)


def digest_of(spec: Spec) -> bytes:
    """Return 16 bytes that change when the code of a function does; empty for callables without code."""
    if spec.version is not None:
        return blake2b(spec.version.encode(), digest_size=16, person=b"version").digest()
    fn = plain(spec.fn)
    if not isinstance(fn, FunctionType):
        return b""
    hasher = blake2b(digest_size=16)
    for part in _parts(fn, spec.source, set(), 0):
        hasher.update(part.encode("utf-8", "surrogatepass"))
        hasher.update(b"\0")
    return hasher.digest()


def _parts(fn: FunctionType, source: str, seen: set[FunctionType], depth: int) -> Iterator[str]:
    seen.add(fn)
    yield source or _code_text(fn.__code__)
    for name, value in sorted(_named_values(fn).items()):
        if isinstance(value, _CONSTANTS):
            yield f"{name}={codec.digest(value).hex()}"
            continue
        spec = getattr(value, "spec", None)
        if isinstance(spec, Spec) and spec.version is not None:
            yield f"{name}@{spec.version}"
            continue
        inner = plain(spec.fn) if isinstance(spec, Spec) else value
        if isinstance(inner, FunctionType) and inner not in seen and depth < _DEEP:
            yield f"{name}:"
            yield from _parts(inner, spec.source if isinstance(spec, Spec) else source_of(inner), seen, depth + 1)


def _named_values(fn: FunctionType) -> dict[str, object]:
    """Return the globals and closure values that a function names."""
    names = set(_names(fn.__code__)) - set(_rebound(fn.__code__))
    found = {name: value for name, value in fn.__globals__.items() if name in names}
    for name, cell in zip(fn.__code__.co_freevars, fn.__closure__ or (), strict=True):
        if name in _rebound(fn.__code__):
            continue
        try:
            found[name] = cell.cell_contents
        except ValueError:  # a variable that is not bound yet
            continue
    return found


def _rebound(code: CodeType) -> Iterator[str]:
    """Yield the names that the code binds anew by ``global`` or ``nonlocal``: state, not constants."""
    for instruction in dis.get_instructions(code):
        if instruction.opname in {"STORE_GLOBAL", "STORE_DEREF"}:
            yield instruction.argval
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _rebound(constant)


def _names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)


def _code_text(code: CodeType) -> str:
    constants = [_code_text(one) if isinstance(one, CodeType) else repr(one) for one in code.co_consts]
    return f"{code.co_code.hex()} {constants} {code.co_names}"
