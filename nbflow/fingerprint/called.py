"""Which tasks and workflows a function's code names, so that they can be drawn before anything has run."""

from __future__ import annotations

from types import FunctionType, ModuleType
from typing import TYPE_CHECKING, Any

from nbflow._support.signature import plain
from nbflow.core.call import Spec
from nbflow.fingerprint.looks import MISSING, dict_of, inside
from nbflow.fingerprint.names import chains_of
from nbflow.fingerprint.project import is_own

if TYPE_CHECKING:
    from collections.abc import Iterator


def called_by(fn: object) -> list[Any]:
    """Return the tasks and workflows that a function names, in the order of its code, each once.

    Those that functions of the user's own name, which it calls, are among them; so are those in lists, tuples and
    dicts that it names. What a name is found out to mean only while it runs is not.

    Args:
        fn: the function of a task or workflow.
    """
    found: dict[Spec, object] = {}
    seen: set[int] = set()
    waiting = [fn]
    while waiting:
        inner = plain(waiting.pop())
        if not isinstance(inner, FunctionType) or id(inner) in seen:
            continue
        seen.add(id(inner))
        for value in _named(inner):
            spec = dict_of(value).get("spec") if type(value).__module__.startswith("nbflow.") else None
            if isinstance(spec, Spec):
                found.setdefault(spec, value)
            elif isinstance(value, FunctionType) and is_own(value.__module__):
                waiting.append(value)
    return list(found.values())


def _named(fn: FunctionType) -> Iterator[object]:
    """Yield what the names in a function's code stand for; of a container, what is in it."""
    cells = dict(zip(fn.__code__.co_freevars, fn.__closure__ or (), strict=True))
    for name, *attributes in chains_of(fn.__code__):
        value = inside(cells[name]) if name in cells else fn.__globals__.get(name, MISSING)
        for attribute in attributes:
            value = dict_of(value).get(attribute, MISSING) if isinstance(value, ModuleType) else MISSING
        if isinstance(value, dict):
            yield from list(value.values())
        elif isinstance(value, (list, tuple)):
            yield from list(value)
        else:
            yield value
