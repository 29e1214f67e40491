"""How a name, a closure cell and a container are looked at: again by every run, so this is all that it loads."""

from __future__ import annotations

from types import CellType
from typing import Any

MISSING = object()


def inside(cell: CellType) -> object:
    """Return what a closure cell holds; MISSING for a variable that is not bound yet."""
    try:
        return cell.cell_contents
    except ValueError:
        return MISSING


def items_of(container: Any) -> list[object]:  # noqa: ANN401  # one of several
    """Return what is in a container; of a dict, keys and values in turn."""
    if isinstance(container, dict):
        return [one for pair in list(container.items()) for one in pair]
    return list(container)
