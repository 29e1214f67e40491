"""The rules of pyproject.toml put every file into the wheel that an installed nbflow reads, and none besides."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from zipfile import ZipFile

import pytest
from hatchling.builders.sdist import SdistBuilder
from hatchling.builders.wheel import WheelBuilder

from tests.house.sources import ROOT
from tests.packaging.contents import PACKED, difference, in_wheel, tracked, version, wrong_in
from tests.packaging.extras import CHECKS

needs_git = pytest.mark.skipif(not (ROOT / ".git").exists(), reason="only a checkout of git says what belongs to it")


@needs_git
def test_the_wheel_would_hold_the_files_of_the_tree() -> None:
    found = {file.distribution_path for file in WheelBuilder(str(ROOT)).recurse_included_files()}
    assert difference("wheel", found, in_wheel(tracked())) == []


@needs_git
def test_the_sdist_would_hold_the_whole_tree() -> None:
    found = {file.distribution_path for file in SdistBuilder(str(ROOT)).recurse_included_files()}
    assert difference("sdist", found, tracked()) == []


@needs_git
def test_what_is_read_from_files_is_among_them() -> None:
    wanted = in_wheel(tracked())
    for folder, there in PACKED.items():
        assert any(file.startswith(f"{there}/") for file in wanted), folder
    static = ROOT / "widgets" / "nbflow_widgets" / "static"
    assert {f"nbflow_widgets/static/{path.name}" for path in static.iterdir()} <= wanted
    assert {"nbflow/py.typed", "nbflow_widgets/py.typed"} <= wanted
    assert {"nbflow_widgets/tutorials/01_quickstart.ipynb", "nbflow_widgets/tutorials/data/penguins.csv"} <= wanted


def test_the_changelog_has_a_heading_for_the_version() -> None:
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.search(rf"^## \[{re.escape(version())}\]", text, re.MULTILINE)


def test_each_extra_has_its_check() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert set(project["optional-dependencies"]) == set(CHECKS) - {"", "core"}


@pytest.mark.parametrize("names", [("a", "a"), ("a", "b")])
def test_missing_files_and_others_are_told(names: tuple[str, str]) -> None:
    found, wanted = names
    lines = difference("wheel", {found, "c"}, {wanted, "c"})
    assert lines == ([] if found == wanted else ["wheel: b is missing", "wheel: a should not be there"])


def test_a_wheel_that_lacks_a_file_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import tarfile

    monkeypatch.setattr("tests.packaging.contents.tracked", lambda: {"nbflow/a.py", "notebooks/1.ipynb"})
    for folder in ("dist", "tree"):
        (tmp_path / folder).mkdir()
        with ZipFile(tmp_path / folder / f"nbflow-{version()}-py3-none-any.whl", "w") as wheel:
            wheel.writestr("nbflow/a.py", folder)
    with tarfile.open(tmp_path / "dist" / f"nbflow-{version()}.tar.gz", "w:gz"):
        pass
    lines = wrong_in(tmp_path / "dist", tmp_path / "tree")
    assert [line.partition(": ")[2] for line in lines] == [
        "nbflow_widgets/tutorials/1.ipynb is missing",
        "PKG-INFO is missing",
        "nbflow/a.py is missing",
        "notebooks/1.ipynb is missing",
        "built from the sdist it differs from the one that was built from the tree",
    ]
