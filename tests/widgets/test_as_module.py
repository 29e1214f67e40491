"""``nbflow module`` writes the workflows of a notebook as a module that goes on with the notebook's threads."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from nbflow.cli import main
from nbflow_widgets.as_module import module_of
from tests.browser.lab import notebook
from tests.house.sources import ROOT, environment
from tests.widgets.conftest import Shell

CELLS = (
    "%load_ext nbflow",
    """\
from dataclasses import dataclass
from enum import Enum

from nbflow import interrupt, task

FACTOR = 3


@dataclass
class Study:
    size: int


class Side(Enum):
    LEFT = 1


class OddError(Exception):
    pass


@task
def refuse(n):
    raise OddError("no")""",
    """\
%%task
def triple(n: int) -> Study:
    print("triple runs")
    return Study(FACTOR * n)""",
    """\
%%task
def show(study: Study, side: Side) -> str:
    print("show runs")
    return f"{study.size} {side.name}\"""",
    """\
%%time
%%entrypoint --thread one --input 4
def flow(n: int) -> list:
    study = triple(n).result()
    text = show(study, Side.LEFT).result()
    try:
        refuse(1).result()
        caught = ""
    except OddError:
        caught = "caught"
    return [study.size, text, caught, interrupt("Go on?")]""",
    """\
%%entrypoint as_body --thread two --input 5
x: int = inputs
study = triple(x).result()
answer = interrupt("Go on?")
[x, study.size, answer]""",
)


def write(folder: Path, *cells: str) -> Path:
    path = folder / "study.ipynb"
    path.write_text(json.dumps(notebook(cells)), encoding="utf-8")
    return path


def code(folder: Path, *cells: str) -> str:
    """Return a module without what stands above the notebook's own lines."""
    return module_of(write(folder, *cells), folder).text.partition("threads.db')\n\n\n")[2] or "(no head)"


def test_a_run_that_a_notebook_began_goes_on_from_the_module(shell: Shell, tmp_path: Path) -> None:
    for cell in CELLS:
        shell.execute(cell)
    folder = tmp_path / "flows"
    folder.mkdir()
    assert main(["module", str(write(tmp_path, *CELLS)), str(folder / "flows.py")]) == 0
    for flow, thread, result in (
        ("flow", "one", [12, "12 LEFT", "caught", "yes"]),
        ("as_body", "two", [5, 15, "yes"]),
    ):
        command = [sys.executable, "-W", "error", "-m", "nbflow", "resume", f"flows:{flow}", thread, "--answer", "yes"]
        done = subprocess.run(command, cwd=folder, env=environment(ROOT), capture_output=True, text=True, check=False)
        assert (done.stdout, done.stderr) == (f"{result!r}\n", ""), "the finished calls were not run again"


def test_what_can_not_stand_in_a_module_is_left_out_and_told(tmp_path: Path) -> None:
    text = code(
        tmp_path,
        "%load_ext nbflow\n!ls\nfiles = !ls\nrows = %sql select 1",
        "%%bash\nls\npwd",
        "%%time\n%%watch\nflow.invoke(1)",
        "def broken(:",
        "await flow.ainvoke(1)\nloose = await flow.ainvoke(1)",
        "%%entrypoint --no-such\ndef other(n): ...",
        "%%entrypoint\n1 + 1",
        "%%entrypoint\ndef flow(n):\n    return n",
    )
    assert text.splitlines()[:12] == [
        "# left out (a magic): %load_ext nbflow",
        "# left out (a magic): !ls",
        "# left out (a magic): files = !ls",
        "# left out (a magic): rows = %sql select 1",
        "# left out (a magic): %%bash ...",
        "# left out (no workflow needs it): flow.invoke(1)",
        "# left out (it can't be read: invalid syntax (<unknown>, line 1)): def broken(:",
        "# left out (no workflow needs it): await flow.ainvoke(1)",
        "# left out (no workflow needs it): loose = await flow.ainvoke(1)",
        "# left out (%%entrypoint: unrecognized arguments: --no-such): %%entrypoint --no-such",
        "# left out (its cell does not end with a def, and has no name): %%entrypoint",
        "",
    ]


@pytest.mark.parametrize(
    ("statement", "kept"),
    [
        ("table = [1]", True),
        ("table = load()", True),
        ("table.append(2)", True),
        ("table[0] = 5", True),
        ("for n in range(3):\n    table.append(n)", True),
        ("with open('x') as file:\n    table = file.read()", True),
        ("if True:\n    table = []", True),
        ("first, *table = 1, 2", True),
        ("import csv as table", True),
        ("from csv import *", True),
        ("def unused(): ...", True),
        ("import sys; sys.path.insert(0, '..')", True),
        ("import os; os.environ['A'] = 'b'", True),
        ("nbflow.register_type(int)", True),
        ("app = builder.compile()", True),
        ("app = entrypoint(checkpointer=None)(print)", True),
        ("other = [1]", False),
        ("other.append(2)", False),
        ("import csv", False),
        ("print(table)", False),
        ("[table]", False),
        ("table = flow.invoke(1)", False),
        ("flow.invoke(1)", False),
        ("load.cache_clear()", False),
    ],
)
def test_what_workflows_need_is_kept(tmp_path: Path, statement: str, kept: bool) -> None:
    text = code(tmp_path, "def load(): return table", "%%entrypoint\ndef flow(n):\n    return load()", statement)
    written = "\n".join(line for line in text.splitlines() if not line.startswith("#"))
    assert (statement.rsplit("; ", maxsplit=1)[-1] in written) is kept
    assert ("# left out" in text) is not kept


def test_comments_and_layout_stay(tmp_path: Path) -> None:
    scale = "# Scales.\n@cache\ndef scale(n):\n    return FACTOR  # not n\n"
    cell = f"# Of tables.\n\nFACTOR = (  # a wide one\n    3\n)\n\n\n{scale}"
    text = code(tmp_path, cell, "%%entrypoint small\n\n# Runs.\n@scale\ndef flow(n):\n    return n")
    head = "# Runs.\n@nbflow.entrypoint(checkpointer=_SAVER, cache=_CACHE, name='small')\n"
    assert text == cell.replace("\n\nFACTOR", "\nFACTOR") + f"\n\n{head}@scale\ndef flow(n):\n    return n\n"


def test_own_savers_stay(tmp_path: Path) -> None:
    cells = (
        "from nbflow import InMemorySaver, entrypoint\nsaver = InMemorySaver()",
        "%%entrypoint --saver saver\ndef flow(n):\n    return n",
        "%%entrypoint --saver saver\n@entrypoint()\ndef other(n):\n    return n",
    )
    text = module_of(write(tmp_path, *cells), tmp_path).text
    assert "saver = InMemorySaver()\n" in text
    assert "@nbflow.entrypoint(checkpointer=saver, cache=nbflow.InMemoryCache())\ndef flow" in text
    assert text.endswith("other = other.with_checkpointer(saver)\n")
    assert "_SAVER" not in text, "the notebook's file is not opened where no workflow keeps its threads there"


def test_what_is_not_bound_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(tmp_path, "%%entrypoint --out first\ndef flow(n):\n    return [first, len(str(n)), __name__]")
    assert main(["module", str(path), str(tmp_path / "flows.py")]) == 0
    told = f"{tmp_path / 'flows.py'}: flow\nnot bound in it, though it is used: first\n"
    assert capsys.readouterr().out == told


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("{", "is no notebook of format 4"),
        ('{"worksheets": []}', "is no notebook of format 4"),
        ('{"cells": [{"cell_type": "code", "source": "1"}]}', "has no workflow"),
    ],
)
def test_what_is_no_notebook_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, line: str) -> None:
    (tmp_path / "study.ipynb").write_text(text)
    assert main(["module", str(tmp_path / "study.ipynb"), str(tmp_path / "flows.py")]) == 1
    assert line in capsys.readouterr().err
    assert not (tmp_path / "flows.py").exists()


def test_a_file_that_is_there_is_replaced_only_if_asked_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, file = write(tmp_path, *CELLS), tmp_path / "flows.py"
    file.write_text("mine")
    assert main(["module", str(path), str(file)]) == 1
    assert "flows.py" in capsys.readouterr().err
    assert file.read_text() == "mine"
    assert main(["module", str(path), str(file), "--overwrite"]) == 0
    assert file.read_text() != "mine"


@pytest.mark.parametrize("path", sorted((ROOT / "notebooks").glob("*.ipynb")), ids=lambda path: path.stem)
def test_each_tutorial_can_be_a_module(tmp_path: Path, path: Path) -> None:
    made = module_of(path, tmp_path)
    compile(made.text, "flows.py", "exec", dont_inherit=True)
    assert made.workflows
    assert made.unbound == []
    assert not re.search(r"^(?!# left out).*get_ipython", made.text, re.MULTILINE)


@pytest.mark.parametrize("letter", ["\x0c", "\x85", "\u2028", "\x1e"])
def test_letters_that_only_look_like_ends_of_lines_end_none(tmp_path: Path, letter: str) -> None:
    cell = f"%%entrypoint --thread t --input 1\ndef flow(n):\n    # a{letter}b\n    return 'x{letter}y'\n"
    made = module_of(written(tmp_path / "odd.ipynb", cell), tmp_path)
    space: dict[str, object] = {"__file__": str(tmp_path / "odd.py")}
    exec(compile(made.text, "odd.py", "exec"), space)
    assert made.workflows == ["flow"]


def test_a_notebook_may_have_any_name_and_is_never_written_over(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = written(tmp_path / 'x""";print("RAN");"""y\\z.ipynb', "%%entrypoint --input 1\ndef flow(n):\n    return n")
    before = path.read_text()
    assert main(["module", str(path), str(path), "--overwrite"]) != 0
    assert "give a name with .py" in capsys.readouterr().err
    assert path.read_text() == before
    exec(compile(module_of(path, tmp_path).text, "x.py", "exec"), {"__file__": str(tmp_path / "x.py")})
    assert "RAN" not in capsys.readouterr().out


def written(path: Path, *cells: str) -> Path:
    path.write_text(json.dumps(notebook(cells)), encoding="utf-8")
    return path
