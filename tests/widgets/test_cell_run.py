"""A run on its cell_run: answers from clicks, held back while it works, refused where they don't fit."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from functools import partial
from typing import Any

import pydantic
import pytest

import nbflow
from nbflow import interrupt, task
from nbflow_widgets.cell_run import CellRun
from nbflow_widgets.forms import Form
from tests.widgets.conftest import Shell
from tests.widgets.people import buttons, click, page, type_into


@task
def ask(question: str) -> int:
    return int(interrupt(question, response_schema={"type": "integer", "multipleOf": 1}))


def flow_of(*questions: str) -> nbflow.Workflow:
    @nbflow.entrypoint(checkpointer=nbflow.InMemorySaver())
    def flow(factor: int) -> list[int]:
        return [one.result() * factor for one in [ask(question) for question in questions]]

    return flow


async def until(holds: Callable[[], object]) -> None:
    for _ in range(6000):
        if holds():
            return
        await asyncio.sleep(0.01)
    msg = f"{holds} did not hold"
    raise TimeoutError(msg)


def answer(form: Form, text: str) -> None:
    type_into(form, text)
    click(form, "Submit")


def shows(form: Form, text: str) -> bool:
    return text in page(form)


async def staged(shell: Shell, flow: nbflow.Workflow, results: list[object], **options: Any) -> CellRun:
    config: nbflow.RunnableConfig = {"configurable": {"thread_id": "t"}}
    cell_run = CellRun(shell.kit, flow, config, mode="live", on_return=results.append)
    cell_run.open(flow.start(2, config, **options))
    await cell_run.settled()
    cell_run.conclude()
    return cell_run


def test_answers_that_come_while_the_run_works_go_with_the_next_pause(shell: Shell) -> None:
    async def story() -> None:
        results: list[object] = []
        cell_run = await staged(shell, flow_of("One?", "Two?", "Three?"), results)
        assert [form.question.text for form in cell_run.run_display.forms.values()] == ["One?", "Two?", "Three?"]
        for number, form in enumerate(cell_run.run_display.forms.values(), start=1):
            answer(form, str(number))
        await until(lambda: results)
        assert (results, cell_run.calls.error) == ([[2, 4, 6]], None)
        assert "answer: 3" in cell_run.run_display.twin()[1]

    asyncio.run(story())


def test_an_answer_held_back_is_kept_while_another_takes_the_run_further(shell: Shell) -> None:
    let_go = threading.Event()

    @nbflow.task
    def ask_and_work(question: str) -> int:
        answered = int(interrupt(question))
        assert question == "Two?" or let_go.wait(30), "the test lets it go"
        return answered

    @nbflow.entrypoint(checkpointer=nbflow.InMemorySaver())
    def flow(factor: int) -> list[int]:
        return [one.result() * factor for one in [ask_and_work(question) for question in ("One?", "Two?")]]

    async def story() -> None:
        results: list[object] = []
        cell_run = await staged(shell, flow, results)
        one, two = cell_run.run_display.forms.values()
        asking = cell_run.run
        answer(one, "1")
        await until(lambda: cell_run.run is not asking)
        answer(two, "2")
        await until(lambda: cell_run._forms._held_back)
        cell_run._send_held_back()  # as the end of the run before does, if it is looked at only now
        assert list(cell_run._forms._held_back.values()) == ["2"], "it is not lost"
        let_go.set()
        await until(lambda: results)
        assert results == [[2, 4]]

    asyncio.run(story())


def test_a_refusal_of_the_runtime_stays_in_the_form(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        results: list[object] = []
        cell_run = await staged(shell, flow_of("One?"), results)
        (form,) = cell_run.run_display.forms.values()
        monkeypatch.setattr(form._fields["answer"], "_parse", lambda typed: typed)
        answer(form, "many")
        await until(lambda: "must be of type integer" in page(form))
        assert (results, form.is_answered, cell_run.run.status) == ([], False, "asking")
        monkeypatch.undo()
        answer(form, "4")
        await until(lambda: results)
        assert results == [[8]]

    asyncio.run(story())


class Film(pydantic.BaseModel):
    year: int

    @pydantic.field_validator("year")
    @classmethod
    def after_the_first(cls, year: int) -> int:
        if year < 1888:
            raise ValueError("there were no films then")
        return year


def test_a_question_that_is_open_again_says_why_in_its_form(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nbflow.schemas.answers.remember", lambda *_: None)  # as if another process had asked

    @nbflow.entrypoint(checkpointer=nbflow.InMemorySaver())
    def flow(_: int) -> int:
        return int(interrupt("Which?", response_schema=Film).year)

    async def story() -> None:
        results: list[object] = []
        cell_run = await staged(shell, flow, results)
        (form,) = cell_run.run_display.forms.values()
        for year, told in ((3, "year is 3: there were no films then"), (4, "year is 4: there were no films then")):
            type_into(form, str(year))
            click(form, "Submit")
            await until(partial(shows, form, told))
            assert (form.is_answered, cell_run.run.status) == (False, "asking")
            assert list(cell_run.run_display.forms.values()) == [form]
        assert told in form.text()
        assert told in Form(cell_run.run.interrupts[0], results.append).html(), "as another session shows it"
        type_into(form, "1999")
        click(form, "Submit")
        await until(lambda: results)
        assert (results, cell_run.calls.error) == ([1999], None)

    asyncio.run(story())


def back_of(form: Form) -> list[Any]:
    return [button for button in buttons(form) if button.description == "Take back"]


def test_a_rejection_that_ended_the_run_is_taken_back(shell: Shell, capsys: pytest.CaptureFixture[str]) -> None:
    async def story() -> None:
        results: list[object] = []
        cell_run = await staged(shell, flow_of("One?"), results)
        (form,) = cell_run.run_display.forms.values()
        assert not back_of(form)
        for _ in range(2):
            click(form, "Reject")
            await until(lambda: back_of(form))
            assert (cell_run.run.status, form.is_answered) == ("failed", True)
            assert "Rejected" in page(form)
            click(form, "Take back")
            assert not form.is_answered
            assert "The rejection is taken back as soon as another answer is sent" in page(form)
        answer(form, "4")
        await until(lambda: results)
        assert (results, cell_run.calls.error) == ([[8]], None)
        assert "answer: 4" in cell_run.run_display.twin()[1]
        assert not back_of(form)

    asyncio.run(story())
    assert "question 'One?' was rejected" in capsys.readouterr().out


@task
def ask_gently(question: str) -> int:
    try:
        return int(interrupt(question, response_schema=int))
    except Exception:
        return 0


def two_gentle_questions() -> nbflow.Workflow:
    @nbflow.entrypoint(checkpointer=nbflow.InMemorySaver())
    def flow(_: int) -> list[int]:
        return [ask_gently("One?").result(), ask_gently("Two?").result()]

    return flow


@pytest.mark.parametrize("takes_back", [True, False])
def test_a_rejection_can_be_taken_back_while_the_run_asks_on(shell: Shell, takes_back: bool) -> None:
    async def story() -> None:
        results: list[object] = []
        cell_run = await staged(shell, two_gentle_questions(), results)
        (one,) = cell_run.run_display.forms.values()
        click(one, "Reject")
        await until(lambda: len(cell_run.run_display.forms) == 2 and back_of(one))
        two = list(cell_run.run_display.forms.values())[1]
        click(one, "Take back")
        if takes_back:
            answer(one, "1")
            await until(lambda: one.answer == 1 and cell_run.run.status == "asking")
        answer(two, "2")
        await until(lambda: results)
        assert (results, cell_run.calls.error) == ([[int(takes_back), 2]], None)
        assert ("Rejected" in one.html()) is not takes_back
        assert one.is_answered

    asyncio.run(story())


def test_a_run_that_fails_after_the_cell_shows_its_error_there(
    shell: Shell, capsys: pytest.CaptureFixture[str]
) -> None:
    @nbflow.entrypoint(checkpointer=nbflow.InMemorySaver())
    def flow(_: int) -> float:
        return 1 / int(interrupt("By?", response_schema=int))

    async def story() -> None:
        cell_run = await staged(shell, flow, [])
        (form,) = cell_run.run_display.forms.values()
        answer(form, "0")
        await until(lambda: cell_run.run.status == "failed")
        await until(lambda: "ZeroDivisionError" in capsys.readouterr().out)

    asyncio.run(story())


def test_a_wait_that_is_cancelled_stops_the_run(shell: Shell) -> None:
    @nbflow.entrypoint(checkpointer=nbflow.InMemorySaver())
    async def flow(_: int) -> None:
        await asyncio.sleep(30)

    config: nbflow.RunnableConfig = {"configurable": {"thread_id": "t"}}
    run = flow.start(1, config)

    async def story() -> None:
        cell_run = CellRun(shell.kit, flow, config, mode="static")
        cell_run.open(run)
        waiting = asyncio.ensure_future(cell_run.settled())
        for _ in range(3):  # so that it waits
            await asyncio.sleep(0)
        waiting.cancel()
        await waiting

    with pytest.raises(KeyboardInterrupt, match="the run of 'flow' was stopped"):
        asyncio.run(story())
    assert run.status == "stopped"


def test_a_question_whose_time_is_up_takes_its_default_while_its_form_is_open(shell: Shell) -> None:
    @nbflow.entrypoint(checkpointer=nbflow.InMemorySaver())
    def flow(_: int) -> Any:
        return interrupt("Now?", timeout=0.05, default="too late")

    async def story() -> None:
        results: list[object] = []
        cell_run = await staged(shell, flow, results)
        (form,) = cell_run.run_display.forms.values()
        await until(lambda: results)
        assert (results, cell_run.calls.error) == (["too late"], None)
        await until(lambda: form.is_answered)
        assert "too late" in page(form)

    asyncio.run(story())


def test_a_long_sleep_leaves_the_cell_and_goes_on_by_itself(shell: Shell) -> None:
    ran: list[str] = []

    @nbflow.task
    def note(word: str) -> str:
        ran.append(word)
        return word

    @nbflow.entrypoint(checkpointer=nbflow.InMemorySaver())
    def flow(_: int) -> Any:
        note("before").result()
        nbflow.sleep(1.2)
        return note("after").result()

    async def story() -> None:
        results: list[object] = []
        cell_run = await staged(shell, flow, results, rest_after=0)
        assert cell_run.run.status == "sleeping"
        assert "Sleeps until" in cell_run.run_display.twin()[0]
        await until(lambda: results)
        assert (results, cell_run.calls.error, ran) == (["after"], None, ["before", "after"])
        assert "Sleeps until" not in cell_run.run_display.twin()[0]

    asyncio.run(story())


def test_an_answer_in_time_keeps_the_default_away(shell: Shell) -> None:
    @nbflow.entrypoint(checkpointer=nbflow.InMemorySaver())
    def flow(_: int) -> Any:
        return interrupt("Now?", timeout=3600, default="too late")

    async def story() -> None:
        results: list[object] = []
        cell_run = await staged(shell, flow, results)
        paused = cell_run.run
        assert "goes on by itself at" in cell_run.run_display.twin()[0]
        answer(next(iter(cell_run.run_display.forms.values())), "in time")
        await until(lambda: results)
        cell_run._due(paused, "asking")
        assert results == ["in time"]

    asyncio.run(story())


@pytest.mark.parametrize("together", [True, False])
def test_answers_that_another_program_recorded_move_the_run_in_its_card(shell: Shell, together: bool) -> None:
    @nbflow.task
    def ask(question: str) -> str:
        return str(interrupt(question))

    @nbflow.entrypoint(checkpointer=nbflow.InMemorySaver())
    def flow(_: int) -> list[str]:
        return [one.result() for one in [ask("One?"), ask("Two?")]]

    async def story() -> None:
        results: list[object] = []
        cell_run = await staged(shell, flow, results)
        one, two = cell_run.run_display.forms.values()
        saver: Any = flow.checkpointer
        nbflow.record_answer(saver, "t", {one.asked.id: "1"}, by="Ann")
        if not together:
            assert cell_run.has_moved()
            assert cell_run.take_up()
            await until(lambda: one.is_answered)
            assert "Answer, by Ann" in one.html()
            assert not two.is_answered
            assert cell_run.run.status == "asking"
        nbflow.record_answer(saver, "t", {two.asked.id: "2"}, by="Bob")
        assert cell_run.has_moved()
        assert cell_run.take_up()
        await until(lambda: results)
        assert results == [["1", "2"]]
        assert "Answer, by Bob" in two.html()
        assert not cell_run.has_moved(), "what went on here is known here"

    asyncio.run(story())


def test_a_run_that_another_program_goes_on_with_comes_to_its_end_in_its_card(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody may be faster between the answer and the way on; the result is handed over all the same."""
    may_end = threading.Event()

    @nbflow.entrypoint(checkpointer=nbflow.InMemorySaver())
    def flow(_: int) -> Any:
        said = interrupt("Now?")
        may_end.wait()
        return said

    async def story() -> None:
        results: list[object] = []
        cell_run = await staged(shell, flow, results)
        saver: Any = flow.checkpointer
        nbflow.record_answer(saver, "t", "yes", by="Ann")
        others: list[nbflow.Run] = []

        def post(job: Callable[[], None]) -> None:
            others.append(flow.start(None, {"configurable": {"thread_id": "t"}}))
            job()

        monkeypatch.setattr(shell.kit, "post", post)
        assert cell_run.take_up()
        await until(lambda: "another kernel or program" in cell_run.run_display.twin()[1])
        assert cell_run.take_up(), "it is still at work, and still shown here"
        assert results == []
        may_end.set()
        others[0].result()
        await until(cell_run.has_moved)
        assert cell_run.take_up()
        await until(lambda: results)
        assert results == ["yes"]

    asyncio.run(story())
