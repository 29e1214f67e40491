"""Cards: two outputs, what a page is told, what is closed when, and runs that go on elsewhere."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import ipywidgets
import pytest
from IPython.utils.capture import capture_output

import nbflow
from nbflow import Command, interrupt
from nbflow_widgets import card as card_module
from nbflow_widgets import ticker
from nbflow_widgets.card import KEPT, Card, State, deck
from nbflow_widgets.cell_run import CellRun
from nbflow_widgets.fields import Entry
from nbflow_widgets.form_parts import FormKeys
from nbflow_widgets.inbox_entries import inbox_of
from tests.widgets.conftest import Shell
from tests.widgets.people import all_in, click, press, type_into
from tests.widgets.test_cell_run import until

VIEW = "application/vnd.jupyter.widget-view+json"


class Thing:
    """What a card shows, with all that the card sends and displays."""

    def __init__(self, state: State = "waits") -> None:
        self.state: State = state
        self.html = "<p>1</p>"
        self.closed = 0
        self.card = Card(lambda: (self.html, "text"), lambda: self.state, self._close)
        self.sent: list[dict[str, Any]] = []
        self.outputs: list[Any] = []

    def _close(self) -> None:
        self.closed += 1

    def show(self) -> Thing:
        with capture_output() as captured:
            self.card.place()
            self.card.reveal([])
        self.outputs = [output.data for output in captured.outputs]
        self.card._keeper.send = self.sent.append  # type: ignore[union-attr]  # it was revealed
        return self

    def hear(self, **content: object) -> list[Any]:
        """Take a message of a page; return what is displayed because of it."""
        with capture_output() as captured:
            self.card._keeper._handle_custom_msg(content, [])  # type: ignore[union-attr]  # as above
        return [output.data for output in captured.outputs]

    def twins(self) -> list[str]:
        return [message["html"] for message in self.sent if message["kind"] == "twin"]


LAB: dict[str, Any] = {"kind": "hello", "signals": True, "area": True}


@pytest.fixture(autouse=True)
def _no_cards_are_left(shell: Shell) -> Iterator[None]:
    yield
    for card in tuple(deck._cards):
        card.close()


def test_the_twin_stands_before_the_widgets_and_the_widgets_have_no_text() -> None:
    thing = Thing().show()
    twin, live = thing.outputs[-2:]
    assert "nbflow-twin" in twin["text/html"]
    assert "<p>1</p>" in twin["text/html"]
    assert VIEW not in twin
    assert VIEW in live
    assert live["text/plain"] == ""
    assert "text/html" not in live


def test_twins_are_numbered_and_name_their_card() -> None:
    thing = Thing().show()
    thing.html = "<p>2</p>"
    thing.card.update()
    thing.card.update()
    (first, second), mark = thing.twins(), f'data-card="{thing.card._id}" data-turn="'
    assert "<p>2</p>" in first
    turns = [int(html.partition(mark)[2].partition('"')[0]) for html in (first, second)]
    assert turns[0] + 1 == turns[1]


def test_a_page_that_comes_later_is_a_reloaded_one_and_gets_the_twin() -> None:
    thing = Thing().show()
    thing.hear(**LAB, page="a")
    assert thing.card.is_reloaded is False
    thing.html = "<p>new</p>"
    thing.hear(**LAB, page="b")
    assert [thing.card.is_reloaded, "<p>new</p>" in thing.twins()[-1]] == [True, True]


def test_a_page_without_signals_hears_beats_until_nothing_is_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ticker.ticker, "add", lambda _card: None)
    thing = Thing().show()
    thing.hear(**LAB, page="a")
    assert not thing.card.flush()
    thing.hear(kind="hello", page="b", signals=False, area=True)
    assert thing.card.flush()
    assert [message["kind"] for message in thing.sent].count("beat") == 1
    assert thing.card.flush(), "and the next one is not due"
    assert [message["kind"] for message in thing.sent].count("beat") == 1
    thing.state = "settled"
    assert not thing.card.flush()


def test_a_page_whose_outputs_do_not_know_each_other_gets_one_with_all() -> None:
    thing = Thing("waits").show()
    emptied, whole = thing.hear(kind="hello", page="a", signals=False, area=False)[:2]
    assert "nbflow-twin" not in emptied["text/html"]
    assert VIEW in whole
    assert "<p>1</p>" in whole["text/html"]


def test_what_moves_is_drawn_again_and_what_is_settled_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ticker.ticker, "add", lambda _card: None)
    monkeypatch.setattr(card_module, "TWIN_SECONDS", 0.0)
    monkeypatch.setattr(card_module, "SHARE", 1e9)
    thing = Thing("moves").show()
    assert thing.card.flush()
    assert thing.card.flush()
    assert len(thing.twins()) == 2
    thing.state = "settled"
    assert not thing.card.flush()
    assert len(thing.twins()) == 2


def test_a_cell_that_runs_again_closes_what_it_showed(monkeypatch: pytest.MonkeyPatch) -> None:
    def running(cell: str, message: str) -> Thing:
        monkeypatch.setattr(card_module, "execution", lambda: (cell, message))
        return Thing().show()

    one, other, unknown = running("cell", "1"), running("other", "2"), running("", "3")
    same = running("cell", "4")
    running("", "5")
    assert [thing.closed for thing in (one, other, unknown, same)] == [1, 0, 0, 0]
    one.card.update()
    assert one.sent == [], "nobody looks at what is closed"


def test_the_oldest_that_are_settled_are_closed_when_there_are_many() -> None:
    things = [Thing("waits" if number == 0 else "settled").show() for number in range(KEPT + 3)]
    assert [number for number, thing in enumerate(things) if thing.closed] == [1, 2, 3]


def test_the_ticker_keeps_what_is_added_while_it_ends() -> None:
    class Source:
        turns = 0

        def flush(self) -> bool:
            self.turns += 1
            if self.turns == 1:
                ticker.ticker.add(self)
            return False

    source = Source()
    ticker.ticker.add(source)
    asyncio.run(until(lambda: source.turns == 2 and source not in ticker.ticker._sources))


def asking(saver: nbflow.SqliteSaver | nbflow.InMemorySaver) -> nbflow.Workflow:
    @nbflow.entrypoint(checkpointer=saver, name="flow")
    def flow(_: object) -> object:
        return interrupt("Go on?")

    return flow


CONFIG: nbflow.RunnableConfig = {"configurable": {"thread_id": "t"}}


async def asked(shell: Shell, flow: nbflow.Workflow) -> CellRun:
    """Return a card that waits with its form."""
    cell_run = CellRun(shell.kit, flow, CONFIG, mode="live")
    cell_run.open(flow.start(1, CONFIG))
    shell.kit.cell_runs[id(flow.checkpointer), "t"] = cell_run
    await cell_run.settled()
    cell_run.conclude()
    return cell_run


def left(cell_run: CellRun, where: str) -> bool:
    html, text = cell_run.run_display.twin()
    (form,) = cell_run.run_display.forms.values()
    shown = "".join(str(getattr(part, "value", "")) for part in form.widget.children)
    return all(
        [
            f"The run goes on in {where}" in text,
            "goes on elsewhere" in text.splitlines()[0],
            "waits for an answer" not in html + shown,
            f"went on in {where}" in shown,
        ]
    )


def test_a_waiting_twin_says_when_it_was_and_what_to_do(shell: Shell) -> None:
    async def story() -> None:
        cell_run = await asked(shell, asking(nbflow.InMemorySaver()))
        text = cell_run.run_display.twin()[1]
        assert "Go on?" in text
        assert text.splitlines()[-1].startswith("As of ")
        assert text.endswith("asking. Run the cell again to answer (thread t).")

    asyncio.run(story())


def test_an_answer_of_another_cell_is_told_in_the_old_card(shell: Shell) -> None:
    async def story() -> None:
        flow = asking(nbflow.InMemorySaver())
        cell_run = await asked(shell, flow)
        assert flow.invoke(Command(resume="yes"), CONFIG) == "yes"
        assert left(cell_run, "cell [1]")
        assert not shell.kit.cell_runs

    asyncio.run(story())


def test_what_another_program_answered_and_finished_is_shown_in_the_old_card(shell: Shell, tmp_path: Any) -> None:
    async def story() -> None:
        cell_run = await asked(shell, asking(nbflow.SqliteSaver(tmp_path / "file.db")))
        results: list[object] = []
        cell_run._on_return = results.append
        assert not cell_run.has_moved()
        other = asking(nbflow.SqliteSaver(tmp_path / "file.db"))
        assert other.invoke(Command(resume="yes"), CONFIG) == "yes"
        shell.kit.lookout._due = 0.0
        shell.kit.lookout.flush()
        await until(lambda: results)
        html, text = cell_run.run_display.twin()
        assert results == ["yes"], "what waits for the result gets it"
        assert text.startswith("flow: done")
        assert "Answer, elsewhere" in html

    asyncio.run(story())


@pytest.mark.parametrize("hand", ["here", "elsewhere"])
def test_what_was_said_of_an_earlier_end_goes_when_the_run_goes_on(shell: Shell, tmp_path: Any, hand: str) -> None:
    broken = [True]

    def failing(name: str) -> nbflow.Workflow:
        @nbflow.entrypoint(checkpointer=nbflow.SqliteSaver(tmp_path / name))
        def flow(_: int) -> Any:
            said = interrupt("Now?")
            if broken:
                raise ValueError("not mended yet")
            return said

        return flow

    async def story() -> None:
        cell_run = await asked(shell, failing("file.db"))
        results: list[object] = []
        cell_run._on_return = results.append
        shown: list[dict[str, Any]] = []
        cell_run.run_display._late._slot.show = shown.append  # type: ignore[method-assign, assignment]  # what the page is told
        (form,) = cell_run.run_display.forms.values()
        type_into(form, "yes")
        click(form, "Submit")
        await until(lambda: shown)
        assert "not mended yet" in shown[-1]["text/plain"]
        assert "Failed. What has finished is kept" in cell_run.run_display.twin()[1]
        broken.clear()
        if hand == "here":
            cell_run.start_again()
        else:
            failing("file.db").invoke(None, CONFIG)
            shell.kit.lookout._due = 0.0
            shell.kit.lookout.flush()
        await until(lambda: results)
        _, text = cell_run.run_display.twin()
        assert text.startswith("flow: done")
        assert "Failed." not in text
        assert "not mended yet" not in str(shown[1:])
        assert {"text/html": "<div></div>", "text/plain": ""} in shown

    asyncio.run(story())


def test_another_run_of_another_program_is_told_in_the_old_card(shell: Shell, tmp_path: Any) -> None:
    async def story() -> None:
        cell_run = await asked(shell, asking(nbflow.SqliteSaver(tmp_path / "file.db")))
        other = asking(nbflow.SqliteSaver(tmp_path / "file.db"))
        other.invoke("another input", CONFIG)
        shell.kit.lookout._due = 0.0
        shell.kit.lookout.flush()
        assert left(cell_run, "another kernel or program")

    asyncio.run(story())


def test_a_watched_run_that_asks_is_told_where_it_went_on(shell: Shell) -> None:
    shell.names |= {"flow": asking(nbflow.InMemorySaver()), "config": CONFIG}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NBFLOW_DISPLAY", "live")
        shell.run("%%watch\nflow.invoke(1, config)")
    (watched,) = shell.kit.cell_runs.values()
    assert "waits for an answer" in str(watched.twin())  # type: ignore[attr-defined]  # a Watched
    assert not watched.has_moved()
    shell.names["flow"].invoke(Command(resume="yes"), CONFIG)
    html, text = watched.twin()  # type: ignore[attr-defined]  # as above
    assert "waits for an answer" not in html
    assert "The run goes on in cell [" in html
    assert text.startswith("flow: goes on elsewhere")
    assert "went on in cell [" in text


def test_an_inbox_takes_a_question_over(shell: Shell) -> None:
    async def story() -> None:
        flow = asking(nbflow.InMemorySaver())
        cell_run = await asked(shell, flow)
        shell.names["flow"] = flow
        assert flow.checkpointer
        inbox_of(shell.kit, flow.checkpointer).show("live")  # type: ignore[arg-type]  # a saver
        assert left(cell_run, "cell [1]")

    asyncio.run(story())


def test_an_inbox_records_answers_to_workflows_that_are_not_here(shell: Shell) -> None:
    saver = nbflow.InMemorySaver()
    flow = asking(saver)
    flow.invoke(1, CONFIG)
    box = inbox_of(shell.kit, saver)
    box.show("live")
    assert len(all_in(box.widget, FormKeys)) == 1
    answer, note = all_in(box.widget, Entry)[0], all_in(box.widget, Entry)[-1]
    press(note, "by phone")
    press(answer, "yes")
    next(one for one in all_in(box.widget, ipywidgets.Button) if one.description == "Submit").click()
    shell.kit._hand.submit(lambda: None).result()
    assert "Recorded: the run goes on where its workflow is defined" in box.text()
    assert len(box) == 0
    (record,) = [one for one in nbflow.read_run(saver, "t") if type(one).__name__ == "Answered"]
    assert (record.comment, record.value.get()) == ("by phone", "yes")  # type: ignore[attr-defined,union-attr]  # an Answered
    assert [one.status for one in inbox_of(shell.kit, saver).items] == ["answered"]
    (run,) = flow.go_on()
    assert run.result() == "yes"


def test_a_cell_goes_on_with_what_was_answered_elsewhere(shell: Shell) -> None:
    cell = "%%entrypoint --thread t --input 1 --out it\ndef flow(n):\n    return [n, nbflow.interrupt('Go on?')]"
    shell.run("import nbflow")
    shell.run(cell)
    nbflow.record_answer(shell.kit.default_saver(), "t", "yes")
    shell.run(cell)
    assert shell.names["it"] == [1, "yes"]


def test_a_card_that_runs_is_left_by_a_cell_that_takes_it_over(shell: Shell) -> None:
    shell.run("import threading\ngate = threading.Event()")
    cell = "%%entrypoint --thread t --input 1 --display live{}\ndef flow(n):\n    return gate.wait(60)"

    async def run(text: str) -> None:
        await shell.ip.run_cell_async(text, transformed_cell=shell.ip.transform_cell(text))

    async def story() -> None:
        await run(cell.format(" --background --out one"))
        (first,) = shell.kit.cell_runs.values()
        await until(lambda: first.run_display.twin()[1].startswith("flow: running"))  # type: ignore[attr-defined]  # a CellRun
        second = asyncio.ensure_future(run(cell.format(" --out two")))
        await until(lambda: first not in shell.kit.cell_runs.values())
        shown = first.run_display.twin()[1]  # type: ignore[attr-defined]  # a CellRun
        assert shown.splitlines()[0].startswith("flow: goes on elsewhere")
        shell.names["gate"].set()
        await second

    asyncio.run(story())
    assert shell.names["two"] is True
