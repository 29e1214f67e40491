"""Which notebook a kernel belongs to, and which of its cells is running."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from nbflow.views.begun import Begun
from nbflow_widgets.display import execution, has_person, here

VARIABLE = "JPY_SESSION_NAME"
OWN_FOLDER = ".nbflow"
"""The folder beside a notebook that its threads are kept in."""
_NAMES = ("__vsc_ipynb_file__", "__session__")  # in the user's namespace, by VS Code and by ipykernel


def notebook_of(names: Mapping[str, object], folder: Path) -> str:
    """Return the notebook's file relative to a folder; with its own folder alone if it lies elsewhere.

    Two notebooks of one name are told apart by that, and no more is told of where they are.

    Args:
        names: the user's namespace.
        folder: that of the threads, as a rule the notebook's.

    Returns:
        A path with slashes; empty where the notebook is not known.
    """
    path = _told(names)
    if not path.suffix:  # a console, or a session without a file
        return ""
    if not path.is_absolute():
        return str(PurePosixPath(path.as_posix()))
    try:
        return path.relative_to(folder).as_posix()
    except ValueError:
        return "/".join(path.parts[-2:])


def _told(names: Mapping[str, object]) -> Path:
    """Return what the front end says of the notebook's file."""
    told = [names.get(name) for name in _NAMES] + [os.environ.get(VARIABLE)]
    return Path(next((one for one in told if isinstance(one, str) and one), ""))


def file_of(names: Mapping[str, object]) -> Path | None:
    """Return the notebook's file; None where it is not known, or not found."""
    told = _told(names)
    near = [told, Path.cwd() / told.name] if told.suffix else []  # it may be seen from the server's folder
    return next((one for one in near if one.is_file()), None)


def folder_of(saver: object, default: Path) -> Path:
    """Return the folder that the threads of a saver belong to: around ``.nbflow``, else the one of its file.

    Args:
        saver: keeps the threads.
        default: the folder for one without a file.
    """
    file = getattr(saver, "file", None)
    if not isinstance(file, Path):
        return default
    return file.parent.parent if file.parent.name == OWN_FOLDER else file.parent


def cell_here(names: Mapping[str, object], folder: Path) -> Begun:
    """Return the running cell; nothing of it where nobody looks on, since an output must not depend on it."""
    if not has_person():
        return Begun()
    number = here().removeprefix("cell [").removesuffix("]")
    return Begun(notebook_of(names, folder), execution()[0], "" if number == "?" else number)
