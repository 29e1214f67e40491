"""``nbflow demo``: copies the tutorials into a folder, and opens the first one in JupyterLab.

A file that is there already is never written over. Runs no workflow.
"""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

FIRST = "01_quickstart.ipynb"
WANTED = {"jupyterlab": "jupyterlab", "matplotlib": "matplotlib", "langchain_core": "langchain-core"}
"""What the tutorials import beside nbflow's own dependencies: modules, and what pip calls them."""
_HERE = Path(__file__).parent
_SOURCES = (_HERE / "tutorials", _HERE.parents[1] / "notebooks")  # of a wheel, of a checkout
_MADE_BY_RUNS = {".nbflow", ".ipynb_checkpoints", "__pycache__", "made", "work.log"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Copied:
    """What became of each file, relative to the folder.

    Attributes:
        written: files that were not there.
        changed: files that were there with another content, and were left as they are.
    """

    written: list[str]
    changed: list[str]


def copy_tutorials(folder: Path) -> Copied:
    """Copy the tutorials and their data into a folder, which is made if it is not there.

    Raises:
        FileNotFoundError: if this installation has no tutorials.
        OSError: if the folder can't be written.
    """
    source = next((one for one in _SOURCES if (one / FIRST).is_file()), None)
    if source is None:
        raise FileNotFoundError(f"this installation has no tutorials: there is no {FIRST} in {_SOURCES[0]}")
    copied = Copied(written=[], changed=[])
    for file in sorted(source.rglob("*")):
        name = file.relative_to(source)
        if file.is_file() and not _MADE_BY_RUNS & set(name.parts):
            _copy(file, folder / name, name.as_posix(), copied)
    return copied


def missing() -> list[str]:
    """Return what is not installed and a tutorial imports, as pip calls it."""
    return [name for module, name in WANTED.items() if find_spec(module) is None]


def open_in_lab(folder: Path) -> int:
    """Open the first tutorial in JupyterLab, wait until that ends, and return its exit code."""
    as_root = ["--allow-root"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
    command = [sys.executable, "-m", "jupyterlab", *as_root, FIRST]
    with subprocess.Popen(command, cwd=folder) as lab:  # noqa: S603  # this Python, with fixed arguments
        while True:
            try:
                return lab.wait()
            except KeyboardInterrupt:  # the server hears it too, and asks whether to end
                continue


def _copy(file: Path, target: Path, name: str, copied: Copied) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    content = file.read_bytes()
    try:
        with target.open("xb") as new:
            new.write(content)
    except FileExistsError:
        if not target.is_file() or target.read_bytes() != content:
            copied.changed.append(name)
    else:
        copied.written.append(name)
