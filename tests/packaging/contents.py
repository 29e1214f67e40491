"""What the wheel and the sdist have to hold, read from the tree; and, as a script, whether built ones do.

``python -m tests.packaging.contents DIST TREE`` compares the wheel in the folder ``DIST``, which came out of the
sdist beside it, with the tree, and with the wheel in ``TREE``, which was built from the tree itself.
"""

from __future__ import annotations

import subprocess
import sys
import tarfile
import tomllib
from pathlib import Path
from zipfile import ZipFile

from tests.house.sources import ROOT

PACKED = {"nbflow": "nbflow", "widgets/nbflow_widgets": "nbflow_widgets", "notebooks": "nbflow_widgets/tutorials"}
"""Folders of the tree, and where their files are in the wheel."""


def tracked(root: Path = ROOT) -> set[str]:
    """Return the files that git knows, or would add."""
    command = ["git", "-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True).stdout
    return {name for name in listed.split("\0") if (root / name).is_file()}


def in_wheel(files: set[str]) -> set[str]:
    """Return where the wheel has to hold these files of the tree; those outside of the packed folders are left out."""
    return {
        f"{there}/{file.removeprefix(f'{here}/')}"
        for file in files
        for here, there in PACKED.items()
        if file.startswith(f"{here}/")
    }


def version() -> str:
    """Return the version that pyproject.toml names."""
    found: str = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    return found


def difference(name: str, found: set[str], wanted: set[str]) -> list[str]:
    """Return a line for each file that is missing or too much."""
    missing = [f"{name}: {file} is missing" for file in sorted(wanted - found)]
    return missing + [f"{name}: {file} should not be there" for file in sorted(found - wanted)]


def wrong_in(dist: Path, from_tree: Path) -> list[str]:
    """Return what is wrong with a built wheel and sdist, a line each."""
    wheel = f"nbflow-{version()}-py3-none-any.whl"
    stem = f"nbflow-{version()}"
    with ZipFile(dist / wheel) as archive:
        packed = {name for name in archive.namelist() if not name.startswith(f"{stem}.dist-info/")}
    with tarfile.open(dist / f"{stem}.tar.gz") as archive_of_sources:
        sources = {name.removeprefix(f"{stem}/") for name in archive_of_sources.getnames()}
    files = tracked()
    lines = difference(wheel, packed, in_wheel(files)) + difference(f"{stem}.tar.gz", sources, files | {"PKG-INFO"})
    if (dist / wheel).read_bytes() != (from_tree / wheel).read_bytes():
        lines.append(f"{wheel}: built from the sdist it differs from the one that was built from the tree")
    return lines


if __name__ == "__main__":
    wrong = wrong_in(Path(sys.argv[1]), Path(sys.argv[2]))
    sys.stdout.writelines(f"{line}\n" for line in wrong)
    sys.exit(1 if wrong else 0)
