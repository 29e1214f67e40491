"""Several questions of a run: answered one by one in any order, or all at once."""

from __future__ import annotations

import asyncio
from typing import Any

import ipywidgets
import pytest
from IPython.utils.capture import capture_output

import nbflow
from nbflow import interrupt
from nbflow_widgets.cell_run import CellRun
from nbflow_widgets.fields import Entry
from tests.widgets.conftest import Shell
from tests.widgets.people import all_in, click, press
from tests.widgets.test_cell_run import until

CONFIG: nbflow.RunnableConfig = {"configurable": {"thread_id": "t"}}


def asking(*schemas: Any) -> nbflow.Workflow:
    """Return a workflow that asks one question for each schema, at once."""

    @nbflow.task
    def ask(number: int) -> object:
        return interrupt(f"question {number}?", response_schema=schemas[number])

    @nbflow.entrypoint(checkpointer=nbflow.InMemorySaver(), name="flow")
    def flow(_: object) -> object:
        return [one.result() for one in [ask(number) for number in range(len(schemas))]]

    return flow


class Page:
    """A card with its forms, as a person sees it."""

    def __init__(self, shell: Shell, flow: nbflow.Workflow) -> None:
        self.results: list[object] = []
        self.run = CellRun(shell.kit, flow, CONFIG, mode="live", on_return=self.results.append)
        self.run.open(flow.start(1, CONFIG))

    async def shown(self) -> Page:
        with capture_output():
            await self.run.settled()
            self.run.conclude()
        return self

    @property
    def line(self) -> Any:
        return self.run.run_display._together.widget  # type: ignore[union-attr]  # there are forms

    @property
    def texts(self) -> str:
        return " ".join(one.value for one in all_in(self.line, ipywidgets.HTML))

    def form(self, number: int) -> Any:
        found = {form.question.text: form for form in self.run.run_display.forms.values()}
        return found[f"question {number}?"]

    def type_into(self, number: int, text: str) -> None:
        press(all_in(self.form(number).widget, Entry)[0], text)

    def submit_all(self) -> None:
        (button,) = all_in(self.line, ipywidgets.Button)
        button.click()


def test_all_that_is_complete_goes_in_one_command_and_the_rest_is_flagged(shell: Shell) -> None:
    async def story() -> None:
        page = await Page(shell, asking(int, int, int)).shown()
        assert "3 questions wait; in any order, or together." in page.texts
        page.type_into(0, "1")
        page.type_into(2, "3")
        page.submit_all()
        await until(lambda: page.form(0).is_answered and page.form(2).is_answered and page.run.run.done())
        assert "1 answer not complete: see below" in page.texts
        assert "Not sent: see above." in page.form(1)._message.value
        resumed = [one for one in page.run.run.log if type(one).__name__ == "Answered"]
        assert len(resumed) == 2
        assert len({one.at for one in resumed}) == 1, "both at once"
        await until(lambda: page.line.layout.display == "none")
        page.type_into(1, "2")
        click(page.form(1), "Submit")
        await until(lambda: page.results)
        assert page.results == [[1, 2, 3]]

    asyncio.run(story())


def test_an_answer_that_the_runtime_refuses_stops_none_of_the_others(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story() -> None:
        page = await Page(shell, asking(int, str, int)).shown()
        first = page.form(0)
        monkeypatch.setattr(first, "_own_actions", [("Submit", lambda: "no number")])  # what only the runtime sees
        page.type_into(1, "two")
        page.type_into(2, "3")
        page.submit_all()
        await until(lambda: page.form(1).is_answered and page.form(2).is_answered)
        await until(lambda: "is not" in first._message.value or "must be" in first._message.value)
        assert not first.is_answered
        assert not all_in(first.widget, Entry)[0].disabled

    asyncio.run(story())


def test_questions_that_are_answered_by_buttons_are_not_submitted(shell: Shell) -> None:
    async def story() -> None:
        page = await Page(shell, asking(bool, int, int)).shown()
        page.type_into(1, "1")
        page.type_into(2, "2")
        page.submit_all()
        await until(lambda: page.form(1).is_answered and page.form(2).is_answered and page.run.run.done())
        assert "buttons of its own" in page.form(0)._message.value
        click(page.form(0), "Yes")
        await until(lambda: page.results)
        assert page.results == [[True, 1, 2]]
        only = await Page(shell, asking(bool, bool)).shown()
        (button,) = all_in(only.line, ipywidgets.Button)
        assert button.layout.display == "none", "there is nothing to submit"
        assert "2 questions wait" in only.texts

    asyncio.run(story())


def test_what_nobody_typed_is_no_answer_unless_its_own_button_says_so(shell: Shell) -> None:
    async def story() -> None:
        page = await Page(shell, asking(None, None)).shown()
        page.type_into(0, "something")
        page.submit_all()
        await until(lambda: page.form(0).is_answered and page.run.run.done())
        assert "nothing is typed" in page.form(1)._message.value
        click(page.form(1), "Submit")
        await until(lambda: page.results)
        assert page.results == [["something", ""]]

    asyncio.run(story())


def test_one_question_has_no_line(shell: Shell) -> None:
    async def story() -> None:
        page = await Page(shell, asking(int)).shown()
        assert page.line.layout.display == "none"

    asyncio.run(story())
