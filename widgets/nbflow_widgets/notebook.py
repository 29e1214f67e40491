"""Which notebook a kernel belongs to, and which of its cells is running."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from nbflow.views.begun import Begun
from nbflow_widgets.display import execution, has_person, here

VARIABLE = "JPY_SESSION_NAME"
_NAMES = ("__vsc_ipynb_file__", "__session__")  # in the user's namespace, by VS Code and by ipykernel


def notebook_of(names: Mapping[str, object], folder: Path) -> str:
    """Return the notebook's file relative to a folder; its name alone if it lies elsewhere, "" if it is not known.

    Args:
        names: the user's namespace.
        folder: where the kernel works, which is the notebook's folder as a rule.
    """
    told = [names.get(name) for name in _NAMES] + [os.environ.get(VARIABLE)]
    found = next((one for one in told if isinstance(one, str) and one), "")
    path = Path(found)
    if not path.suffix:  # a console, or a session without a file
        return ""
    if not path.is_absolute():
        return str(PurePosixPath(path.as_posix()))
    try:
        return path.relative_to(folder).as_posix()
    except ValueError:
        return path.name


def cell_here(names: Mapping[str, object], folder: Path) -> Begun:
    """Return the running cell; nothing of it where nobody looks on, since an output must not depend on it."""
    if not has_person():
        return Begun()
    number = here().removeprefix("cell [").removesuffix("]")
    return Begun(notebook_of(names, folder), execution()[0], "" if number == "?" else number)
