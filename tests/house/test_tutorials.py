"""The tutorials are bound together, and their saved outputs hold nothing that only one machine or run has."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.house.sources import ROOT

TUTORIALS = sorted((ROOT / "notebooks").glob("*.ipynb"))
LINK = re.compile(r"\]\(([^)#:]+)\)")


def read(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def prose(path: Path) -> str:
    cells = [cell for cell in read(path)["cells"] if cell["cell_type"] == "markdown"]
    return "\n\n".join("".join(cell["source"]) for cell in cells)


def test_they_are_numbered_without_a_gap() -> None:
    assert [path.name[:2] for path in TUTORIALS] == [f"{number:02}" for number in range(1, len(TUTORIALS) + 1)]


@pytest.mark.parametrize("path", [ROOT / "README.md", ROOT / "notebooks" / "README.md"], ids=["README", "notebooks"])
def test_the_lists_name_each_of_them(path: Path) -> None:
    linked = {Path(link).name for link in LINK.findall(path.read_text(encoding="utf-8"))}
    assert linked >= {tutorial.name for tutorial in TUTORIALS}


@pytest.mark.parametrize("path", TUTORIALS, ids=lambda path: path.stem)
def test_each_leads_to_those_beside_it(path: Path) -> None:
    place = TUTORIALS.index(path)
    beside = [other.name for other in TUTORIALS[max(0, place - 1) : place + 2] if other != path]
    links = LINK.findall(prose(path))
    assert [link for link in links if not (path.parent / link).exists()] == []
    assert set(links) >= {*beside, "README.md"}
    assert f"Tutorial {place + 1} of {len(TUTORIALS)}." in prose(path)


@pytest.mark.parametrize("path", TUTORIALS, ids=lambda path: path.stem)
def test_saved_outputs_have_no_times_of_cells_no_widgets_and_no_frames_of_the_library(path: Path) -> None:
    found = read(path)
    assert "widgets" not in found["metadata"], "`make outputs` keeps no state of widgets"
    assert [cell["id"] for cell in found["cells"] if "execution" in cell["metadata"]] == []
    outputs = json.dumps([cell.get("outputs", []) for cell in found["cells"]])
    assert str(ROOT) not in outputs
    assert "nbflow/runs/" not in outputs, "catch the error and print it: its traceback shows frames of this checkout"
