"""``%nbflow try`` and ``%nbflow sweep`` in a shell, with and without a person."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from IPython.core.error import UsageError

import nbflow
from nbflow_widgets.inbox_entries import config_of
from nbflow_widgets.tried_view import TriedView
from tests.widgets.conftest import Shell
from tests.widgets.test_cell_run import until

TASK = """\
%%task
def step(n):
    return n * {factor}"""
FLOW = """\
%%entrypoint --thread demo --input 1
def flow(n):
    one = step(n).result()
    return one + 1"""


@pytest.fixture
def notebook(shell: Shell) -> Shell:
    shell.run(TASK.format(factor=10))
    shell.run(FLOW)
    return shell


def test_an_edited_task_is_tried_on_what_it_was_given(notebook: Shell) -> None:
    notebook.run(TASK.format(factor=20))
    notebook.run("%nbflow try demo 0.0")
    text = notebook.shown()[-1]
    assert text.startswith("step (0.0) with 1: another result\n  recorded: 10\n  now:      20")
    assert "+20" in text
    assert len(notebook.kit.default_saver().runs("demo")) == 1


def test_the_same_result_is_told(notebook: Shell) -> None:
    notebook.run("%nbflow try demo 0.0")
    assert "the same result" in notebook.shown()[-1]


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("try demo 0.7", "calls of tasks that have ended are at 0.0"),
        ("try elsewhere 0.0", "elsewhere"),
        ("sweep demo 0.0 [", "not closed"),
        ("sweep demo 0.5 [1]", "has calls at 0.0 (step)"),
        ("sweep demo 0.0 []", "one value at least"),
    ],
)
def test_what_can_not_be_is_told(notebook: Shell, line: str, text: str) -> None:
    assert text in str(notebook.fail(f"%nbflow {line}"))


def test_a_workflow_that_is_not_defined_is_told(notebook: Shell) -> None:
    notebook.run("del flow")
    error = notebook.fail("%nbflow try demo 0.0")
    assert isinstance(error, UsageError)
    assert "is not defined in this kernel" in str(error)


def test_a_sweep_is_a_table(notebook: Shell) -> None:
    found = notebook.run("%nbflow sweep demo 0.0 [1,10,100]")
    assert list(found["value"]) == [1, 10, 100]
    assert list(found["result"]) == [2, 11, 101]
    assert list(found["same"]) == [False, True, False]
    assert list(found["status"]) == ["done"] * 3


def test_a_click_forks_the_run_with_the_new_result(shell: Shell) -> None:
    @nbflow.task
    def step(n: int) -> int:
        return n * factors[-1]

    @nbflow.entrypoint(checkpointer=nbflow.InMemorySaver())
    def flow(n: int) -> Any:
        return step(n).result() + 1

    factors = [10]
    assert flow.invoke(1, config_of("t")) == 11
    factors.append(20)

    async def story() -> None:
        view = TriedView(shell.kit, flow, "t", flow.try_call(config_of("t"), "0.0"))
        view.show("live")
        view._card._box.children[2].click()
        await until(lambda: "flow: done" in view._twin()[1])
        view.close()

    asyncio.run(story())
    run = flow.last_run(config_of("t"))
    assert run is not None
    assert run.result() == 21
