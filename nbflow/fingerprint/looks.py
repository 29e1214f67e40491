"""How a name, a closure cell and a container are looked at: again by every run, so this is all that it loads."""

from __future__ import annotations

from collections.abc import Iterator
from types import CellType, MappingProxyType
from typing import Any

MISSING = object()


def inside(cell: CellType) -> object:
    """Return what a closure cell holds; MISSING for a variable that is not bound yet."""
    try:
        return cell.cell_contents
    except ValueError:
        return MISSING


def dict_of(value: object) -> dict[str, Any]:
    """Return the attributes that an object keeps itself, asking none of its hooks; empty if it keeps none."""
    try:
        found = object.__getattribute__(value, "__dict__")
    except (AttributeError, TypeError):
        return {}
    return found if type(found) is dict else {}


def items_of(container: Any) -> list[object]:  # noqa: ANN401  # one of several
    """Return what is in a container; of a dict, keys and values in turn."""
    if isinstance(container, (dict, MappingProxyType)):
        return [one for pair in list(container.items()) for one in pair]
    return list(container)


def has_parts(fn: object) -> bool:
    """Whether a callable of nbflow's own says what code it is made of, as those of graphs do."""
    return type(fn).__module__.startswith("nbflow.") and hasattr(fn, "code_parts")


def parts_of(fn: Any) -> Iterator[tuple[str, object]]:  # noqa: ANN401  # any callable
    """Yield by name the code that a callable, or one that it wraps, says it is made of beside its own."""
    while fn is not None:
        if has_parts(fn):
            yield from fn.code_parts()
        fn = getattr(fn, "__wrapped__", None) if type(fn).__module__.startswith("nbflow.") else None
