"""A run again from a call, as a person asks for in a timeline: what runs, where it is shown, and what is refused."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

import nbflow
from nbflow import interrupt, task
from nbflow_widgets.cell_run import CellRun
from nbflow_widgets.timeline import Wish
from tests.widgets.conftest import Shell
from tests.widgets.people import click, type_into
from tests.widgets.test_cell_run import until

RAN: list[tuple[str, int]] = []


@task
def first(n: int) -> int:
    RAN.append(("first", n))
    return n + 1


@task
def inner(n: int) -> int:
    RAN.append(("inner", n))
    return n * 2


@task
def second(n: int) -> int:
    RAN.append(("second", n))
    return inner(n).result() + 1


def flow_of(*, asks: bool = False) -> nbflow.Workflow:
    @nbflow.entrypoint(checkpointer=nbflow.InMemorySaver())
    def flow(n: int) -> list[int]:
        one = first(n).result()
        two = second(one).result()
        return [one, two, int(interrupt("How many?")) if asks else 0]

    return flow


class Stage:
    """A cell whose run is over, or asks, and what is sent to its page."""

    def __init__(self, shell: Shell, flow: nbflow.Workflow, out: str = "") -> None:
        RAN.clear()
        self.kit = shell.kit
        self.results: list[object] = []
        self.config: nbflow.RunnableConfig = {"configurable": {"thread_id": "t"}}
        self.key = (id(flow.checkpointer), "t")
        self.run = flow.start(2, self.config)
        self.cell_run = CellRun(shell.kit, flow, self.config, mode="live", on_return=self.results.append)
        self.cell_run.out = out
        self.said: list[str] = []

    async def begin(self) -> None:
        self.cell_run.open(self.run)
        await self.cell_run.settled()
        self.cell_run.conclude()

    async def fork(self, path: str, value: str | None = None, *, bind: bool = False) -> str:
        """Ask as a page does; return what the kernel said."""
        before = len(self.said)
        on_fork = self.cell_run.run_display._timeline.on_fork
        assert on_fork is not None
        on_fork(Wish(path, value, bind, self.said.append))
        await until(lambda: len(self.said) > before)
        return self.said[-1]

    @property
    def below(self) -> list[Any]:
        return [display for _, display in self.cell_run.run_display._below]

    @property
    def text(self) -> str:
        return self.cell_run.run_display.twin()[1]


def test_a_run_again_takes_over_what_came_before_and_is_shown_below(shell: Shell) -> None:
    async def story() -> None:
        stage = Stage(shell, flow_of())
        await stage.begin()
        RAN.clear()
        assert await stage.fork("0.1") == ""
        await until(lambda: stage.below[0]._result)
        assert RAN == [("second", 3), ("inner", 3)], "the first call was taken over"
        assert stage.below[0]._result == [[3, 7, 0]]
        assert "Run again from call 0.1" in stage.text
        assert stage.text.count("flow: done") == 2
        assert stage.cell_run.run_display._state() == "settled"

    asyncio.run(story())


def test_another_result_is_an_expression_of_the_notebook(shell: Shell) -> None:
    async def story() -> None:
        shell.names["wanted"] = 40
        stage = Stage(shell, flow_of())
        await stage.begin()
        RAN.clear()
        assert await stage.fork("0.1.0", "wanted + 2") == ""
        await until(lambda: stage.below[0]._result)
        assert (RAN, stage.below[0]._result) == ([("second", 3)], [[3, 43, 0]]), "a call inside another one"
        assert "with another result, wanted + 2" in stage.text

    asyncio.run(story())


@pytest.mark.parametrize(
    ("path", "value", "told"),
    [
        ("0.0", "1 +", "SyntaxError"),
        ("0.0", "nowhere", "NameError"),
        ("0.7", None, "0.7"),
        ("</script>\x1b", None, "at"),
        ("0.0", "object()", "object"),
    ],
)
def test_what_cannot_be_run_again_is_said_and_nothing_runs(shell: Shell, path: str, value: str, told: str) -> None:
    async def story() -> None:
        stage = Stage(shell, flow_of())
        await stage.begin()
        RAN.clear()
        problem = await stage.fork(path, value)
        assert problem.startswith("Nothing was run: ")
        assert told in problem
        assert (RAN, stage.below, stage.results) == ([], [], [])
        assert len(nbflow.list_runs(stage.run.workflow.saver("test"), "t")) == 1

    asyncio.run(story())


def test_a_run_that_works_is_not_run_again(shell: Shell) -> None:
    let_go = threading.Event()

    @nbflow.entrypoint(checkpointer=nbflow.InMemorySaver())
    def flow(n: int) -> int:
        one = int(first(n).result())
        assert let_go.wait(60)
        return one

    async def story() -> None:
        stage = Stage(shell, flow)
        stage.cell_run.open(stage.run)
        assert "the run works" in await stage.fork("0.0")
        let_go.set()
        await stage.cell_run.settled()

    asyncio.run(story())


@pytest.mark.parametrize("bind", [True, False])
def test_the_result_goes_to_the_cells_variable_only_if_asked(shell: Shell, bind: bool) -> None:
    async def story() -> None:
        shell.names["kept"] = "as it was"
        stage = Stage(shell, flow_of(), out="kept")
        await stage.begin()
        assert await stage.fork("0.0", "9", bind=bind) == ""
        await until(lambda: stage.below[0]._result)
        assert shell.names["kept"] == ([9, 19, 0] if bind else "as it was")
        assert stage.key not in stage.kit.awaited

    asyncio.run(story())


def test_a_run_that_asks_makes_way_for_the_run_below_and_that_is_answered(shell: Shell) -> None:
    async def story() -> None:
        stage = Stage(shell, flow_of(asks=True), out="kept")
        stage.kit.cell_runs[stage.key] = stage.cell_run
        stage.kit.awaited[stage.key] = "kept"
        await stage.begin()
        assert stage.cell_run._again.can_bind("kept") == {"out": "kept", "awaited": True}
        assert await stage.fork("0.1", bind=True) == ""
        (below,) = stage.below
        await until(lambda: below.forms)
        assert "The run goes on in a new run, below." in stage.text
        assert stage.cell_run.run_display._state() == "waits"
        (form,) = below.forms.values()
        type_into(form, "5")
        click(form, "Submit")
        await until(lambda: below._result)
        assert shell.names["kept"] == [3, 7, 5]

    asyncio.run(story())


def test_runs_again_of_runs_again_stand_one_below_the_other(shell: Shell) -> None:
    async def story() -> None:
        stage = Stage(shell, flow_of())
        await stage.begin()
        assert await stage.fork("0.0", "10") == ""
        await until(lambda: stage.below[0]._result)
        on_fork = stage.below[0]._timeline.on_fork
        on_fork(Wish("0.1", "0", False, stage.said.append))
        await until(lambda: len(stage.below) == 2 and stage.below[1]._result)
        assert stage.below[1]._result == [[10, 0, 0]], "what the run above it had instead is taken over"
        assert stage.below[0]._below == []

    asyncio.run(story())
