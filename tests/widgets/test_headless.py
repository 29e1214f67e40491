"""Without a person before it, a notebook runs by itself and gives the same outputs every time."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbclient
import nbformat
import pytest

from tests.house.sources import ROOT, environment

CELLS = (
    "%load_ext nbflow",
    "import time\nfrom nbflow import interrupt, task\n@task\ndef nap(n):\n    time.sleep(n / 50)\n    return n",
    """\
%%entrypoint --thread demo --input [3,1,2]
def flow(naps):
    woken = [one.result() for one in [nap(n) for n in naps]]
    return woken, interrupt({"question": "Well rested?", "woken": woken})""",
    "%%entrypoint quick --answers {'Sure?':'yes'} --out sure\ninterrupt('Sure?')",
    "sure",
    "%nbflow resume demo 1",
    "%nbflow timeline demo",
    """\
%%entrypoint talk --input 6
import random
from nbflow import task

@task
def talk(n):
    time.sleep(random.random() / 20)
    print("task", n)
    print("again", n)

def talking(n):
    print("begin")
    futures = [talk(k) for k in range(n)]
    [future.result() for future in futures]
    print("end")""",
    "%%entrypoint broken\n1 / 0",
)


def notebook() -> nbformat.NotebookNode:
    v4: Any = nbformat.v4
    made: nbformat.NotebookNode = v4.new_notebook()
    made.cells = [v4.new_code_cell(text) for text in CELLS]
    made.cells[-1].metadata.tags = ["raises-exception"]
    for number, cell in enumerate(made.cells):
        cell.id = f"cell-{number}"
    return made


def run(folder: Path, monkeypatch: pytest.MonkeyPatch) -> nbformat.NotebookNode:
    """Execute the notebook in a fresh kernel and folder."""
    folder.mkdir()
    monkeypatch.setenv("PYTHONPATH", environment(ROOT)["PYTHONPATH"])
    monkeypatch.setenv("IPYTHONDIR", str(folder / "ipython"))
    made = notebook()
    nbclient.NotebookClient(made, timeout=60, resources={"metadata": {"path": str(folder)}}).execute()
    return made


def shown(made: nbformat.NotebookNode) -> list[list[Any]]:
    """Return the outputs of each cell, without what counts executions."""
    return [
        [
            {key: value for key, value in output.items() if key not in {"execution_count", "traceback"}}
            for output in cell.outputs
        ]
        for cell in made.cells
    ]


@pytest.mark.filterwarnings("default")
def test_a_notebook_gives_the_same_outputs_every_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = run(tmp_path / "one", monkeypatch)
    assert shown(first) == shown(run(tmp_path / "two", monkeypatch))
    kinds = [[output.output_type for output in cell.outputs] for cell in first.cells]
    shows, gives = "display_data", "execute_result"
    assert kinds == [[], [], [shows], [shows, gives], [gives], [gives], [gives], ["stream", shows], [shows, "error"]]
    asked = first.cells[2].outputs[0].data
    assert "Well rested?" in asked["text/html"]
    assert asked["text/plain"].endswith("asks: Well rested?\n  woken: [\n    3,\n    1,\n    2\n  ]")
    talked = [f"{word} {n}" for n in range(6) for word in ("task", "again")]
    assert first.cells[7].outputs[0].text.splitlines() == ["begin", *talked, "end"]
    assert first.cells[4].outputs[0].data["text/plain"] == "'yes'"
    check_with_nbval(first, tmp_path / "three")


def check_with_nbval(made: nbformat.NotebookNode, folder: Path) -> None:
    folder.mkdir()
    path = folder / "saved.ipynb"
    path.write_text(json.dumps(made), encoding="utf-8")
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "--nbval",
        "--nbval-current-env",
        str(path),
    ]
    checked = subprocess.run(command, cwd=folder, env=environment(ROOT), capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr
