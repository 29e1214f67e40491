"""Advice about a body, from its text alone: what gives another value when the body runs again.

Never an error: a body may do what it likes, and may have made sure of it in ways not seen here.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

_MODULES = ("random", "numpy.random", "secrets", "requests", "httpx", "urllib.request", "socket", "aiohttp")
_FUNCTIONS = {
    "time.time", "time.time_ns", "time.monotonic", "time.perf_counter", "time.sleep", "os.urandom", "os.getpid",
    "datetime.now", "datetime.utcnow", "datetime.today", "date.today", "datetime.datetime.now",
    "datetime.datetime.utcnow", "datetime.datetime.today", "datetime.date.today", "uuid.uuid1", "uuid.uuid4",
    "pandas.Timestamp.now", "pandas.read_csv", "pandas.read_parquet", "open", "input", "urllib.urlopen",
    "uuid.uuid6", "uuid.uuid7",
}  # fmt: skip
_USUAL = {"np": "numpy", "pd": "pandas", "dt": "datetime"}
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def advice_on(body: Iterable[ast.stmt]) -> str:
    """Return one note on a body's statements, with code in backquotes; empty if all is well."""
    statements = list(body)
    names = {**_USUAL, **dict(_imported(statements))}
    found: dict[str, int] = {}
    for call in _calls(statements):
        name = _full_name(call.func, names)
        if name in _FUNCTIONS or name.startswith(tuple(f"{module}." for module in _MODULES)):
            found.setdefault(ast.unparse(call.func), call.lineno)
    if not found:
        return ""
    places = ", ".join(f"`{name}()` in line {line}" for name, line in found.items())
    return f"{places}: a body runs again from its first line on every resume. In a `@task` the first result is kept."


def _calls(nodes: Iterable[ast.AST]) -> Iterator[ast.Call]:
    """Yield the calls that are made outside of tasks."""
    for node in nodes:
        if isinstance(node, _DEFINITIONS) and any(_is_task(one) for one in node.decorator_list):
            continue
        if isinstance(node, ast.Call):
            yield node
        yield from _calls(ast.iter_child_nodes(node))


def _is_task(decorator: ast.expr) -> bool:
    called = decorator.func if isinstance(decorator, ast.Call) else decorator
    return ast.unparse(called).rpartition(".")[2] in {"task", "as_task"}


def _imported(nodes: Iterable[ast.AST]) -> Iterator[tuple[str, str]]:
    """Yield what imports below the nodes bind, each with its full name."""
    for node in nodes:
        for one in ast.walk(node):
            if isinstance(one, ast.Import):
                yield from ((alias.asname, alias.name) for alias in one.names if alias.asname)
            elif isinstance(one, ast.ImportFrom) and one.module:
                yield from ((alias.asname or alias.name, f"{one.module}.{alias.name}") for alias in one.names)


def _full_name(node: ast.expr, names: dict[str, str]) -> str:
    if isinstance(node, ast.Attribute):
        inner = _full_name(node.value, names)
        return f"{inner}.{node.attr}" if inner else ""
    return names.get(node.id, node.id) if isinstance(node, ast.Name) else ""
