"""The folder of the default file: private, and no matter of version control."""

from __future__ import annotations

import stat
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from nbflow_widgets.toolkit import Toolkit


def kit_in(folder: Path, monkeypatch: pytest.MonkeyPatch, file: str = ".nbflow/threads.db") -> Toolkit:
    monkeypatch.chdir(folder)
    return Toolkit(SimpleNamespace(user_ns={}), lambda: file)


@pytest.mark.parametrize("first", ["default_saver", "default_cache"])
def test_it_is_made_private_and_ignored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, first: str) -> None:
    kit = kit_in(tmp_path, monkeypatch)
    getattr(kit, first)().close()
    assert (tmp_path / ".nbflow" / ".gitignore").read_text() == "*\n"
    if sys.platform != "win32":
        assert stat.S_IMODE((tmp_path / ".nbflow").stat().st_mode) == 0o700


def test_one_that_is_there_keeps_what_is_in_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".nbflow").mkdir()
    (tmp_path / ".nbflow" / ".gitignore").write_text("mine\n")
    kit_in(tmp_path, monkeypatch).default_saver().close()  # type: ignore[attr-defined]  # a file's
    assert (tmp_path / ".nbflow" / ".gitignore").read_text() == "mine\n"


def test_another_folder_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kit_in(tmp_path, monkeypatch, "data/threads.db").default_saver().close()  # type: ignore[attr-defined]  # as above
    assert not (tmp_path / "data" / ".gitignore").exists()
