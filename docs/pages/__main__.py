"""Gather what Sphinx reads: ``python -m docs.pages FOLDER``."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from docs.pages import commands, pictures, reference

ROOT = Path(__file__).parents[2]


def gather(target: Path) -> None:
    """Write the pages of the documentation to a folder, which is replaced.

    Those written by hand come from ``docs`` and the tutorials from ``notebooks``, with their saved outputs; the
    others are made of the code: the reference, the help of magics and commands, the pictures.
    """
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(ROOT / "docs", target, ignore=shutil.ignore_patterns("*.py", "pages", "static", "__pycache__"))
    _tutorials(target / "tutorials")
    shutil.copy(ROOT / "CHANGELOG.md", target / "changelog.md")
    (target / "commands.md").write_text(commands.page(), encoding="utf-8")
    folder = target / "reference"
    folder.mkdir()
    (folder / "index.rst").write_text(reference.index(), encoding="utf-8")
    for page in reference.PAGES:
        (folder / f"{page.module}.rst").write_text(reference.text_of(page), encoding="utf-8")
    pictures.draw(target / "made")


def _tutorials(target: Path) -> None:
    target.mkdir()
    names = sorted(path.name for path in (ROOT / "notebooks").glob("*.ipynb"))
    for name in names:
        shutil.copy(ROOT / "notebooks" / name, target)
    listed = (ROOT / "notebooks" / "README.md").read_text(encoding="utf-8")
    tree = "\n".join(["```{toctree}", ":hidden:", "", *names, "```", ""])
    (target / "README.md").write_text(f"{listed}\n{tree}", encoding="utf-8")


if __name__ == "__main__":
    gather(Path(sys.argv[1]))
