"""Whether a notebook, as it is saved, gives a stored run again: told by its definitions in a new process."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.widgets.conftest import Shell

CELLS = {
    "imports": "from pathlib import Path\nfrom nbflow import interrupt",
    "constant": "RATE = 3",
    "helper": "def helper(n):\n    return n * RATE",
    "task": "%%task\ndef step(n):\n    return helper(n) + len(Path('a.txt').read_text())",
    "flow": "%%entrypoint --thread study --input 2\ndef flow(n):\n    return [step(k).result() for k in range(n)]",
}
SAME = "all 2 calls have the code, arguments and files of then"


@pytest.fixture
def study(shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Return a function that saves a notebook with some cells otherwise, and asks whether it gives its run again."""
    monkeypatch.chdir(tmp_path)
    Path("a.txt").write_text("one")
    for cell in CELLS.values():
        shell.run(cell)

    def ask(**edits: str) -> str:
        cells: Any = [{"cell_type": "code", "source": edits.get(name, text)} for name, text in CELLS.items()]
        Path("study.ipynb").write_text(json.dumps({"cells": cells, "nbformat": 4, "metadata": {}}))
        return repr(shell.run("%nbflow reproducible study study.ipynb"))

    return ask


def test_nothing_has_changed(study: Callable[..., str]) -> None:
    assert study() == f"study.ipynb as it is saved gives the run of study again: {SAME}."
    assert SAME in study(helper="def helper(n):\n    # a remark\n    return n * RATE")


EDITS = {
    "constant": ("RATE = 4", "step (0.0): 'RATE', which it uses, has changed"),
    "helper": ("def helper(n):\n    return n + RATE", "step (0.0): 'helper', which it uses, has changed in line 2"),
    "task": ("%%task\ndef step(n):\n    return helper(n)", "step (0.0): its code has changed in line"),
    "flow": ("%%entrypoint --thread study --input 2\ndef other(n):\n    return n", "does not define the workflow flow"),
    "imports": ("", "step (0.0): it does not use 'Path' any more"),
}


@pytest.mark.parametrize("cell", EDITS)
def test_a_cell_has_changed_since(study: Callable[..., str], cell: str) -> None:
    text, told = EDITS[cell]
    found = study(**{cell: text})
    assert told in found
    assert SAME not in found


def test_only_the_end_of_the_body_has_changed(study: Callable[..., str]) -> None:
    found = study(flow=CELLS["flow"].replace("return [", "return [0] + ["))
    assert "may not give the run of study again: its calls would be the same, but the code of flow" in found


def test_a_file_has_changed(study: Callable[..., str]) -> None:
    Path("a.txt").write_text("three")
    os.utime("a.txt", (2e9, 2e9))
    assert "step (0.0): its file a.txt has changed" in study()


def test_an_order_of_cells_that_fails(study: Callable[..., str]) -> None:
    found = study(constant="RATE = BASE + 1")
    assert "can't be told: its definitions fail in a new process" in found
    assert "NameError: name 'BASE' is not defined" in found


def test_a_question_ends_what_can_be_told(shell: Shell, study: Callable[..., str]) -> None:
    asks = CELLS["flow"].replace("return [", "interrupt('ok?'); return [").replace("input 2", "input 2 --answers '[1]'")
    shell.run(asks)
    found = study(flow=asks)
    assert "as far as its first question" in found
    assert "what follows an answer is not looked at: ok?" in found


def test_what_is_asked_for_is_there(shell: Shell, study: Callable[..., str]) -> None:
    study()
    assert "there is no thread 'nope'" in str(shell.fail("%nbflow reproducible nope study.ipynb"))
    assert "name the notebook's file after the thread" in str(shell.fail("%nbflow reproducible study"))
    assert "there is no file 'other.ipynb'" in str(shell.fail("%nbflow reproducible study other.ipynb"))
    Path("no.ipynb").write_text("{}")
    assert "is no notebook" in str(shell.fail("%nbflow reproducible study no.ipynb"))


def test_the_notebook_of_the_kernel_is_known(
    shell: Shell, study: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    study()
    monkeypatch.setenv("JPY_SESSION_NAME", "elsewhere/study.ipynb")
    assert SAME in repr(shell.run("%nbflow reproducible study"))
