"""Run All in a second notebook, while the first one works: one run, and both cells show its end."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from nbflow import Run, SqliteSaver, list_runs
from nbflow.errors import ThreadBusyError
from tests.widgets.conftest import Shell

CELL = """\
%%entrypoint --thread t{options}
import time
from pathlib import Path
from nbflow import task
@task
def wait(n):
    Path("ran").write_text(Path("ran").read_text() + "x" if Path("ran").exists() else "x")
    while not Path("go").exists():
        time.sleep(0.01)
    return 10 * n
def flow(n):
    return wait(n).result() + {more}"""


def cell(options: str = "", more: int = 0) -> str:
    return CELL.format(options=options, more=more)


@pytest.fixture
def at_work(shell: Shell) -> Run:
    """Return the run of another notebook's cell, which waits for the file ``go``."""
    shell.run(cell().replace(" --thread t", ""))
    elsewhere = shell.names["flow"].with_checkpointer(SqliteSaver(shell.kit.file))
    run: Run = elsewhere.start(1, {"configurable": {"thread_id": "t"}})
    while not Path("ran").exists():
        pass
    return run


def test_the_second_cell_joins_the_run_and_has_its_result(shell: Shell, at_work: Run) -> None:
    threading.Timer(0.3, Path("go").touch).start()
    assert shell.run(cell(" --input 1")) == 10
    assert at_work.result() == 10
    assert Path("ran").read_text(encoding="utf-8") == "x"
    assert list_runs(shell.kit.default_saver(), "t") == [at_work.run_id]
    assert any("at work in another cell" in text for text in shell.shown())


def test_a_cell_with_another_input_or_code_says_why_not(shell: Shell, at_work: Run) -> None:
    for options, more, reason in ((" --input 2", 0, "another input"), (" --input 1", 1, "other code")):
        error = shell.fail(cell(options, more))
        assert isinstance(error, ThreadBusyError)
        assert reason in str(error)
    assert isinstance(shell.fail(cell(" --input 1 --fresh")), ThreadBusyError)
    Path("go").touch()
    assert at_work.result() == 10
