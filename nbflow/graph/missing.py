"""Says of a name of the Graph API that it is not here yet, where it is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nbflow.errors import NoGraphApiError

if TYPE_CHECKING:
    from collections.abc import Callable


def missing_from(module: str) -> Callable[[str], object]:
    """Return the ``__getattr__`` of a module whose names are to come."""

    def look_up(name: str) -> object:
        if name.startswith("_"):
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        raise NoGraphApiError(module, name)

    return look_up
