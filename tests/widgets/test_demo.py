"""``nbflow demo`` brings the tutorials, never writes over a file, and says what is missing and where they are."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any, Self

import pytest

from nbflow.cli import main
from nbflow_widgets import demo
from tests.house.sources import ROOT
from tests.packaging.contents import tracked

TUTORIALS = {name.removeprefix("notebooks/") for name in tracked() if name.startswith("notebooks/")}


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Return what was started, as it would stand on a command line, and where; nothing is."""
    started: list[Any] = []

    class Lab:
        def __init__(self, command: list[str], cwd: Path) -> None:
            started.append((command, cwd))
            self.interrupts = 1

        def __enter__(self) -> Self:
            return self

        def __exit__(self, *_: object) -> None:
            started.append("ended")

        def wait(self) -> int:
            if self.interrupts:
                self.interrupts -= 1
                raise KeyboardInterrupt
            return 0

    monkeypatch.setattr(subprocess, "Popen", Lab)
    return started


def test_the_tutorials_are_copied_and_jupyterlab_opens_the_first(
    here: Path, opened: list[Any], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["demo"]) == 0
    assert files(here / "nbflow-demo") == TUTORIALS
    (command, folder), ended = opened
    assert (command[:3], command[-1]) == ([sys.executable, "-m", "jupyterlab"], demo.FIRST)
    assert (folder, ended) == (Path("nbflow-demo"), "ended"), "Ctrl-C is the server's, which asks"
    assert capsys.readouterr().out == f"the tutorials are in nbflow-demo: {len(TUTORIALS)} files are new\n"


def test_what_was_changed_is_left_and_told(here: Path, opened: list[Any], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["demo", "mine", "--no-open"]) == 0
    (here / "mine" / demo.FIRST).write_text("my own")
    (here / "mine" / "data" / "penguins.csv").unlink()
    capsys.readouterr()
    assert main(["demo", "mine", "--no-open"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "the tutorials are in mine: 1 files are new",
        f"left as they are, as they were changed: {demo.FIRST}",
    ]
    assert (here / "mine" / demo.FIRST).read_text() == "my own"
    assert files(here / "mine") == TUTORIALS
    assert opened == []


def test_what_runs_have_made_in_a_checkout_is_not_copied(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = here / "source"
    for name in (demo.FIRST, ".nbflow/threads.db", "made/noticeboard.txt", "work.log", "data/penguins.csv"):
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).touch()
    monkeypatch.setattr(demo, "_SOURCES", (here / "nowhere", source))
    assert demo.copy_tutorials(here / "to").written == [demo.FIRST, "data/penguins.csv"]


def test_without_jupyterlab_it_says_what_to_install(
    here: Path, opened: list[Any], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(demo, "missing", lambda: ["jupyterlab", "matplotlib"])
    assert main(["demo"]) == 1
    assert capsys.readouterr().out.splitlines()[1:] == [
        f"they need what is not installed here: {sys.executable} -m pip install jupyterlab matplotlib",
        "then open the first one: nbflow demo nbflow-demo",
    ]
    assert opened == []


def test_a_folder_that_can_not_be_is_told(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "taken").touch()
    assert main(["demo", "taken"]) == 1
    assert capsys.readouterr().err.startswith("nbflow demo: ")


def test_an_installation_without_tutorials_is_told(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(demo, "_SOURCES", (here / "nowhere",))
    assert main(["demo"]) == 1
    assert "this installation has no tutorials" in capsys.readouterr().err
    assert not (here / "nbflow-demo").exists()


def test_what_is_missing_is_what_the_extra_brings() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extra = {requirement.partition(">")[0] for requirement in project["optional-dependencies"]["demo"]}
    assert extra == {*demo.WANTED.values(), "graphviz-pure"}, "which draws where Graphviz itself is not there"
    assert demo.missing() == []
