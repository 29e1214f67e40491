"""The public face as a list of names, one a line.

``python -m tests.house.public_names`` rewrites the committed list; the difference is then reviewed
like any other change of the interface.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

COMMITTED = Path(__file__).with_name("public_names.txt")
FACES = ("nbflow", "nbflow.views", "nbflow.testing")


def public_names() -> list[str]:
    """Return what the faces export, each name behind its module's; a face may not exist yet."""
    return [f"{face}.{name}" for face in FACES if importlib.util.find_spec(face) for name in exported(face)]


def exported(face: str) -> list[str]:
    """Return the names that a module exports, sorted.

    Raises:
        AttributeError: if ``__all__`` promises a name that the module does not have.
    """
    module = importlib.import_module(face)
    names: list[str] | None = getattr(module, "__all__", None)
    if names is None:
        return sorted(name for name, value in vars(module).items() if _looks_public(name, value))
    for name in names:
        getattr(module, name)
    return sorted(names)


def _looks_public(name: str, value: object) -> bool:
    return not name.startswith("_") and not isinstance(value, ModuleType) and name != "annotations"


if __name__ == "__main__":
    COMMITTED.write_text("".join(f"{name}\n" for name in public_names()), encoding="utf-8")
