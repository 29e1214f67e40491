"""A cell that is edited although the task and the workflow that name its things are not."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from tests.widgets.conftest import Shell

TASK = """\
%%task
def step(n):
    ran.append(n)
    return helper(n) * SCALE + model.shift + helpers_of_a_notebook.more(n)"""
FLOW = """\
%%entrypoint --thread demo --input 1 {options}
from nbflow import interrupt
def flow(n):
    one = step(n).result()
    return [one, interrupt("Good?")]"""
NAMES = {
    "helper": "def helper(n):\n    return n + 1",
    "constant": "SCALE = 10",
    "class": "class Model:\n    def __init__(self):\n        self.shift = 100\nmodel = Model()",
}
EDITS = {"helper": ("n + 1", "n + 2"), "constant": ("10", "20"), "class": ("100", "200")}


@pytest.fixture
def notebook(shell: Shell, tmp_path: Path) -> Shell:
    (tmp_path / "helpers_of_a_notebook.py").write_text("def more(n):\n    return n * 1000\n")
    shell.run(f"ran = []\nimport sys\nsys.path.insert(0, {str(tmp_path)!r})\nimport helpers_of_a_notebook")
    for text in NAMES.values():
        shell.run(text)
    shell.run(TASK)
    return shell


@pytest.mark.parametrize("edit", NAMES)
def test_reuse_sees_it(notebook: Shell, edit: str) -> None:
    flow = FLOW.format(options='--reuse --answers "[0]"')
    before = notebook.run(flow)
    assert notebook.run(NAMES[edit]) is None
    assert notebook.run(flow) == before
    assert notebook.names["ran"] == [1], "the same again in the cell of what it names"
    notebook.run(NAMES[edit].replace(*EDITS[edit]))
    assert notebook.run(flow) != before
    assert notebook.names["ran"] == [1, 1]


@pytest.mark.parametrize("edit", NAMES)
def test_a_paused_run_runs_it_again_and_says_so(notebook: Shell, edit: str) -> None:
    notebook.run(FLOW.format(options=""))
    notebook.run(FLOW.format(options=""))
    assert notebook.names["ran"] == [1]
    notebook.run(NAMES[edit].replace(*EDITS[edit]))
    notebook.run(FLOW.format(options='--answers "[0]"'))
    assert notebook.names["ran"] == [1, 1]
    assert "was discarded and ran again" in notebook.shown()[-1]


@pytest.mark.parametrize(
    ("edit", "why"),
    [
        (("TASK", "* SCALE", "* 3"), "The code of 'step' has changed"),
        (
            ("FLOW", "step(n)", "step(n + 1)"),
            "The body asks for the call with the arguments 2 now, not for 'step' with ",
        ),
        (("FLOW", "step(n)", "other(n)"), "The body asks for task 'other' now, not for task 'step'"),
    ],
)
def test_a_card_says_why_what_was_recorded_was_discarded(notebook: Shell, edit: tuple[str, str, str], why: str) -> None:
    notebook.run("import nbflow\n@nbflow.task\ndef other(n):\n    return n")
    notebook.run(FLOW.format(options=""))
    cells = {"TASK": TASK, "FLOW": FLOW}
    cells[edit[0]] = cells[edit[0]].replace(*edit[1:])
    notebook.run(cells["TASK"])
    notebook.run(cells["FLOW"].format(options="--answers '[0]'"))
    (told,) = [line for line in notebook.shown()[-1].splitlines() if "was discarded" in line]
    assert told.startswith(why)
    assert told.endswith(": what was recorded from call 0.0 on was discarded and ran again.")


def test_a_module_that_was_loaded_again_counts(notebook: Shell, tmp_path: Path) -> None:
    flow = FLOW.format(options='--reuse --answers "[0]"')
    before = notebook.run(flow)
    (tmp_path / "helpers_of_a_notebook.py").write_text("def more(n):\n    return n * 2222000\n")
    notebook.run("import importlib; importlib.reload(helpers_of_a_notebook)\nNone")
    assert notebook.run(flow) != before
    assert notebook.names["ran"] == [1, 1]
    notebook.run("del sys.modules['helpers_of_a_notebook']")


@pytest.mark.parametrize("edit", NAMES)
def test_a_plan_says_that_it_would_run_and_why(notebook: Shell, edit: str) -> None:
    flow = FLOW.format(options="{} --reuse --answers '[0]'")
    notebook.run(flow.format(""))
    notebook.run(flow.format("--plan"))
    assert "flow: nothing runs (1 reused)" in notebook.shown()[-1]
    notebook.run(NAMES[edit].replace(*EDITS[edit]))
    notebook.run(flow.format("--plan"))
    (told,) = [line for line in notebook.shown()[-1].splitlines() if line.startswith("  step (0.0) runs: ")]
    name = {"helper": "helper", "constant": "SCALE", "class": "model"}[edit]
    assert f"'{name}" in told, told
    assert notebook.names["ran"] == [1]


def test_a_plan_of_a_new_thread_runs_and_keeps_nothing(notebook: Shell) -> None:
    notebook.run(FLOW.format(options="--plan"))
    assert notebook.shown()[-1].startswith("flow: 1 of 1 calls run\n  step (0.0) runs: nothing has run before")
    assert "ran" not in notebook.names or notebook.names["ran"] == []
    assert notebook.kit.default_saver().thread_ids() == []


def test_a_plan_of_a_finished_cell_says_that_it_is_shown_again(notebook: Shell) -> None:
    notebook.run(FLOW.format(options="--answers '[0]'"))
    notebook.run(FLOW.format(options="--plan --answers '[0]'"))
    assert "nothing runs (1 replayed)" in notebook.shown()[-1]


def test_a_card_says_what_was_reused_and_why_the_rest_ran(notebook: Shell) -> None:
    flow = FLOW.format(options="--reuse --answers '[0]'")
    notebook.run(flow)
    notebook.run(flow)
    assert "1 of 1 call reused." in notebook.shown()[-1]
    notebook.run(NAMES["constant"].replace("10", "20"))
    notebook.run(flow)
    assert "0 of 1 call reused. Ran: step (0.0): 'SCALE', which it uses, has changed." in notebook.shown()[-1]


EDITED = {
    "task": (TASK, "+ model.shift", "- model.shift", "`step`"),
    "body": (FLOW, "return [one,", "return [one, one,", "`flow`"),
    "constant": (NAMES["constant"], "10", "20", "`SCALE`"),
}


@pytest.mark.parametrize("edit", EDITED)
def test_a_finished_cell_says_that_it_runs_again_because_of_its_code(notebook: Shell, edit: str) -> None:
    flow = FLOW.format(options="--answers '[0]'")
    notebook.run(flow)
    cell, old, new, name = EDITED[edit]
    edited = cell.replace(old, new)
    assert edited != cell
    if edit == "body":
        flow = edited.format(options="--answers '[0]'")
    else:
        notebook.run(edited)
    notebook.run(flow)
    told = f"The code of {name.strip('`')} has changed since the last run: this is a new one. --reuse takes over"
    assert told in notebook.shown()[-1]
    assert notebook.names["ran"] == [1, 1]
    notebook.run(flow)
    assert "has changed" not in notebook.shown()[-1]
    assert "here it is again" in notebook.shown()[-1]


@pytest.mark.parametrize("is_finished", [True, False])
def test_a_cell_says_that_its_thread_had_a_run_of_another_workflow(notebook: Shell, *, is_finished: bool) -> None:
    notebook.run(FLOW.format(options="--answers '[0]'" if is_finished else ""))
    notebook.run(FLOW.format(options="--answers '[0]'").replace("def flow", "def other"))
    shown = notebook.shown()[-1]
    assert "The last run of this thread was one of flow: this is a new one, of other." in shown
    assert ("That one was not finished, and is left behind." in shown) is not is_finished
    assert "another input" not in shown


READ = """\
%%entrypoint --thread read --input 1 {options}
def flow(n):
    return [step(n).result(), Path("body.txt").read_text()]"""


@pytest.fixture
def reading(shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
    """Return a notebook that reads two files, one of them in a task."""
    monkeypatch.chdir(tmp_path)
    for name in ("body.txt", "task.txt"):
        Path(name).write_text("one")
    shell.run("ran = []\nfrom pathlib import Path")
    shell.run("%%task\ndef step(n):\n    ran.append(n)\n    return Path('task.txt').read_text()")
    return shell


def change(name: str, text: str) -> None:
    """Write a file after all runs so far, whatever its file system tells of times."""
    Path(name).write_text(text)
    os.utime(name, (time.time() + 10, time.time() + 10))


@pytest.mark.parametrize("name", ["body.txt", "task.txt"])
def test_a_finished_cell_runs_again_because_of_a_file(reading: Shell, name: str) -> None:
    before = reading.run(READ.format(options=""))
    assert reading.run(READ.format(options="")) == before
    assert "here it is again" in reading.shown()[-1]
    change(name, "two")
    reading.run(READ.format(options="--plan"))
    assert "1 of 1 calls run" in reading.shown()[-1]
    assert "two" in reading.run(READ.format(options=""))
    assert (
        f"The file {name} has changed since the last run: this is a new one. --reuse takes over" in reading.shown()[-1]
    )
    assert reading.names["ran"] == [1, 1]


def test_the_card_and_the_plan_name_the_file(reading: Shell) -> None:
    reading.run(READ.format(options=""))
    change("task.txt", "two")
    reading.run(READ.format(options="--reuse --plan"))
    assert "its file task.txt has changed" in reading.shown()[-1]
    reading.run(READ.format(options="--reuse"))
    assert "0 of 1 call reused. Ran: step (0.0): its file task.txt has changed." in reading.shown()[-1]
