"""Which notebook a kernel belongs to: what servers and editors tell, and no more of it than its name and folder."""

from __future__ import annotations

from pathlib import Path

import pytest

import nbflow
from nbflow.checkpoint.encrypted import AesCipher, EncryptedSaver
from nbflow_widgets.notebook import VARIABLE, folder_of, notebook_of

FOLDER = Path("/srv/birds")


@pytest.mark.parametrize(
    ("told", "name"),
    [
        ("/srv/birds/penguins.ipynb", "penguins.ipynb"),
        ("/srv/birds/south/penguins.ipynb", "south/penguins.ipynb"),
        ("/srv/secret/fish/fish.ipynb", "fish/fish.ipynb"),
        ("south/penguins.ipynb", "south/penguins.ipynb"),
        ("/srv/birds/penguins.md", "penguins.md"),
        ("console-1-0f61a2", ""),
        ("", ""),
    ],
)
def test_a_notebook_is_named_relative_to_its_folder(told: str, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    assert notebook_of({"__session__": told}, FOLDER) == name
    assert notebook_of({"__vsc_ipynb_file__": told, "__session__": ""}, FOLDER) == name
    monkeypatch.setenv(VARIABLE, told)
    assert notebook_of({}, FOLDER) == name


def test_nothing_told_is_no_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    assert notebook_of({"__session__": 3}, FOLDER) == ""


def test_threads_belong_to_the_folder_around_their_file(tmp_path: Path) -> None:
    plain = nbflow.SqliteSaver(tmp_path / "threads.db")
    (tmp_path / ".nbflow").mkdir()
    own = nbflow.SqliteSaver(tmp_path / ".nbflow" / "threads.db")
    hidden = EncryptedSaver(plain, AesCipher(b"k" * 32))
    assert [folder_of(one, FOLDER) for one in (plain, own, hidden)] == [tmp_path] * 3
    for without in (
        nbflow.InMemorySaver(),
        nbflow.SqliteSaver(":memory:"),
        EncryptedSaver(nbflow.InMemorySaver(), AesCipher(b"k" * 32)),
    ):
        assert folder_of(without, FOLDER) == FOLDER
