"""The cells that a run needs, kept with it: what is kept, what becomes of it elsewhere, and what is told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import ipywidgets
import pytest

import nbflow
from nbflow import Command
from nbflow.core.record import CallReturned
from nbflow.views.code import code_of
from nbflow_widgets.inbox import Inbox
from nbflow_widgets.kept_cells import module_of_run
from tests.widgets.conftest import Shell
from tests.widgets.people import all_in
from tests.widgets.test_inbox import button, opened, page, settle

BODY = "%%entrypoint --thread t --input 2.5 --display off\ndef flow(n):\n    return [work(n).result(), interrupt('?')]"
CELLS = (
    "import math\nfrom nbflow import interrupt, task",
    "base = 2\nunused = object()",
    "@task\ndef work(number):\n    return math.floor(number) + offset()",
    "def offset():\n    return 1",
    "base = base + 8\nprint('not kept')",
    "def offset():\n    return base",
    BODY,
)
CONFIG: nbflow.RunnableConfig = {"configurable": {"thread_id": "t"}}


def kept(shell: Shell, *cells: str) -> str:
    """Run cells, and return the code that is kept with the run of the last one."""
    for cell in cells:
        shell.run(cell)
    run = shell.names["flow"].last_run(CONFIG)
    assert run is not None
    return module_of_run(run.log, "flow")


def another_kernel(shell: Shell, saver: Any) -> Inbox:
    """Forget what the cells have defined, and open the inbox."""
    for name in [name for name in shell.names if not name.startswith("_") and name not in {"In", "Out"}]:
        shell.names.pop(name)
    shell.kit.cell_runs.clear()
    return opened(shell, saver)


def test_what_a_cell_needs_is_kept_and_defines_its_workflow_in_another_kernel(shell: Shell) -> None:
    code = kept(shell, *CELLS)
    assert code.count("def offset") == 1, "as it was run last"
    assert "unused" not in code
    assert "not kept" not in code
    saver = shell.names["flow"].checkpointer
    box = another_kernel(shell, saver)
    assert [one.value for one in all_in(box.widget, ipywidgets.HTML) if "What its cell needs" in one.value]
    button(box, "Run that cell's code").click()
    settle(shell)
    assert shell.names["base"] == 10
    assert "is not defined" not in page(box)
    assert "1 finished call of it stand, and none runs again" in page(box)
    assert button(box, "Submit")
    flow = shell.names["flow"].with_checkpointer(saver)
    assert flow.invoke(Command(resume="yes"), CONFIG) == [12, "yes"]


REGISTERED = (
    "import functools\nfrom nbflow import interrupt, task",
    "@functools.singledispatch\ndef show(x):\n    return 'any'",
    "@show.register\ndef _(x: int):\n    return 'int'",
    "@show.register\ndef _(x: float):\n    return 'float'",
    "TABLE = {}\ndef register(fn):\n    TABLE[fn.__name__] = fn\n    return fn",
    "@register\ndef first(x):\n    return 1",
    "@register\ndef first(x):\n    return 2",
    "def second(x):\n    return 3\nTABLE['second'] = second",
    "def second(x):\n    return 4",
    "class Base:\n    found = []\n    def __init_subclass__(cls):\n        Base.found.append(cls.__name__)",
    "class One(Base): pass",
    "class Two(Base): pass",
    "step = 1",
    "def scaled(x, k=step):\n    return x * k",
    "step = 2",
    "@task\ndef work(x):\n    return [show(x), *(one(x) for one in TABLE.values()), scaled(x), step, Base.found]",
    BODY,
)


def test_what_is_registered_or_used_before_it_is_bound_anew_is_kept_too(shell: Shell) -> None:
    kept(shell, *REGISTERED)
    flow, saver = shell.names["flow"], shell.names["flow"].checkpointer
    (ran,) = [record for record in flow.last_run(CONFIG).log if isinstance(record, CallReturned)]
    box = another_kernel(shell, saver)
    button(box, "Run that cell's code").click()
    settle(shell)
    work = shell.names["work"]
    assert work.spec.fn(2.5) == ran.get() == ["float", 2, 3, 2.5, 2, ["One", "Two"]]


@pytest.mark.parametrize("again", [1, 30])
def test_a_cell_that_is_run_again_and_again_is_kept_once(shell: Shell, again: int) -> None:
    once = kept(shell, *CELLS)
    cells = [cell for number in range(again) for cell in (CELLS[2], f"limit = {number}", CELLS[0], CELLS[-1])]
    code = kept(shell, *cells)
    assert [code.count("def work"), code.count("def flow"), code.count("import math")] == [1, 1, 1]
    assert len(code) == len(once)


def test_what_another_kernel_finds_otherwise_is_told_before_it_runs(shell: Shell, tmp_path: Path) -> None:
    path = tmp_path / "rate.txt"
    path.write_text("3")
    kept(
        shell,
        f"import pathlib\nfrom nbflow import interrupt, task\nrate = pathlib.Path({str(path)!r}).read_text()",
        "@task\ndef work(n):\n    return [n, rate]",
        BODY,
    )
    path.write_text("4")
    box = another_kernel(shell, shell.names["flow"].checkpointer)
    button(box, "Run that cell's code").click()
    settle(shell)
    assert "which does not do what it did" in page(box)
    assert "with other code" in page(box)


def test_code_after_the_question_that_another_kernel_finds_otherwise_is_told(shell: Shell, tmp_path: Path) -> None:
    path = tmp_path / "rate.txt"
    path.write_text("3")
    body = BODY.replace("interrupt('?')", "interrupt('?'), rate")
    read = f"import pathlib\nrate = pathlib.Path({str(path)!r}).read_text()"
    kept(shell, CELLS[0], read, "@task\ndef work(n):\n    return n", body)
    path.write_text("4")
    box = another_kernel(shell, shell.names["flow"].checkpointer)
    button(box, "Run that cell's code").click()
    settle(shell)
    assert "1 finished call of it stand, and none runs again, but" in page(box)
    assert "&#x27;rate&#x27;, which it uses, has changed" in page(box)


def test_of_a_cell_that_is_a_body_what_it_names_is_compared_and_the_rest_said_to_be_unknown(shell: Shell) -> None:
    cell = "%%entrypoint flow --thread t --input 2 --display off\nr = work(2).result()\nq = interrupt('?')\n[q, k]"
    kept(shell, CELLS[0], "k = 3", "@task\ndef work(n):\n    return n", cell)
    box = another_kernel(shell, shell.names["flow"].checkpointer)
    button(box, "Run that cell's code").click()
    settle(shell)
    assert "none runs again, but whether its own lines have changed can" in page(box)


@pytest.mark.parametrize("then", ["raise SystemExit", "raise KeyboardInterrupt", "1 / 0"])
def test_code_that_fails_here_says_so_and_can_be_run_again(shell: Shell, tmp_path: Path, then: str) -> None:
    path = tmp_path / "rows.py"
    path.write_text("pass")
    code = f"def load():\n    exec(pathlib.Path({str(path)!r}).read_text())\n    return 3\nrows = load()"
    kept(shell, "import pathlib\nfrom nbflow import interrupt", code, BODY.replace("work(n).result()", "rows"))
    path.write_text(then)
    box = another_kernel(shell, shell.names["flow"].checkpointer)
    button(box, "Run that cell's code").click()
    settle(shell)
    assert type(_raised(then)).__name__ in page(box)
    assert "is not defined in this kernel" in page(box)
    path.write_text("pass")
    button(box, "Run that cell's code").click()
    settle(shell)
    assert "is not defined in this kernel" not in page(box)


def _raised(code: str) -> BaseException:
    try:
        exec(code, {})
    except BaseException as error:  # whatever it is
        return error
    raise AssertionError(code)


COUNTED = """
runs = globals().get("runs", 0) + 1
@task
def work(n):
    return [n, runs]
"""


def test_two_clicks_run_it_once_and_names_that_it_binds_anew_are_told(shell: Shell) -> None:
    kept(shell, "from nbflow import interrupt, task", COUNTED, BODY)
    saver = shell.names["flow"].checkpointer
    another_kernel(shell, saver)
    shell.names["work"], shell.names["interrupt"] = "mine", "mine"
    box = opened(shell, saver)
    assert "It binds <" in page(box)
    assert "work</code> anew, which this kernel has." in page(box)
    assert shell.names["work"] == "mine"
    clicked = button(box, "Run that cell's code")
    for _ in range(2):
        clicked.click()
    settle(shell)
    assert shell.names["work"] != "mine"
    assert shell.names["runs"] == 1


@pytest.mark.parametrize("redact", [["nothing_has_this_name"], lambda value: value])
def test_a_file_that_is_handed_on_without_secrets_holds_no_statements_of_cells(
    shell: Shell, tmp_path: Path, redact: Any
) -> None:
    assert "sesame" in kept(
        shell, "from nbflow import interrupt, task\nkey = 'sesame'", "@task\ndef work(n):\n    return [n, key]", BODY
    )
    saver = shell.names["flow"].checkpointer
    other = nbflow.InMemorySaver()
    nbflow.import_run(other, nbflow.export_run(saver, "t", tmp_path / "run.nbf", redact=redact))
    run = shell.names["flow"].with_checkpointer(other).last_run(CONFIG)
    assert run is not None
    assert module_of_run(run.log, "flow") == ""
    assert all(one.text for one in code_of(run.log).kept.values())
