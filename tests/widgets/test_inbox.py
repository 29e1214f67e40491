"""The inbox: grouped, folded, filtered, live; what its entries do, and what is lost or kept by it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ipywidgets
import pytest

import nbflow
from nbflow import Command, interrupt
from nbflow.views.begun import Begun
from nbflow_widgets.card import deck
from nbflow_widgets.fields import Entry
from nbflow_widgets.inbox import Inbox
from nbflow_widgets.inbox_entries import inbox_of
from tests.widgets.conftest import Shell
from tests.widgets.people import all_in, press
from tests.widgets.test_card import asked, asking
from tests.widgets.test_cell_run import until

HERE = Begun("here.ipynb", "a", "4")
FISH = Begun("fish.ipynb", "b", "7")


@pytest.fixture(autouse=True)
def _no_cards_are_left(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr("nbflow_widgets.ticker.ticker.add", lambda _source: None)  # each look is the test's own
    shell.names["__session__"] = "here.ipynb"
    yield
    for card in tuple(deck._cards):
        card.close()


def config(thread: str, begun: Begun = HERE) -> nbflow.RunnableConfig:
    return {"configurable": {"thread_id": thread}, "metadata": {**begun.as_metadata()}}


def flow_of(saver: Any, name: str = "flow") -> nbflow.Workflow:
    @nbflow.task
    def work(number: int) -> int:
        return number

    @nbflow.entrypoint(checkpointer=saver, name=name)
    def flow(count: int) -> object:
        return [*(work(number).result() for number in range(count)), interrupt("Go on?")]

    return flow


def opened(shell: Shell, saver: Any, **options: Any) -> Inbox:
    box = inbox_of(shell.kit, saver, archived=options.pop("archived", False))
    box.show("live", **options)
    return box


def page(box: Inbox) -> str:
    """Return what the page shows, as text with markup."""
    return " ".join(one.value for one in _visible(box.widget) if isinstance(one, ipywidgets.HTML))


def _visible(widget: Any) -> Iterator[Any]:
    if widget.layout.display != "none":
        yield widget
        for child in getattr(widget, "children", ()):
            yield from _visible(child)


def button(box: Inbox, label: str) -> Any:
    found = [one for one in _visible(box.widget) if getattr(one, "description", "") == label]
    assert found, f"no button {label!r}"
    return found[0]


def look(shell: Shell, box: Inbox) -> None:
    """Let the inbox look for what has changed, as the ticker does every other second."""
    box._due = 0.0
    box.flush()
    shell.kit._hand.submit(lambda: None).result()


def settle(shell: Shell) -> None:
    """Wait until what was posted is done."""
    shell.kit._hand.submit(lambda: None).result()


def test_entries_stand_under_their_notebooks_this_one_first(shell: Shell) -> None:
    saver = nbflow.InMemorySaver()
    for thread, begun in (("a", FISH), ("b", Begun()), ("c", HERE)):
        flow_of(saver).invoke(1, config(thread, begun))
    box = opened(shell, saver)
    assert [item.thread_id for item in box.items] == ["c", "a", "b"]
    shown = page(box)
    places = [
        shown.index(text) for text in ("this notebook<", "thread c", "fish.ipynb<", "thread a", "no known notebook<")
    ]
    assert places == sorted(places)
    assert "here.ipynb, cell [4]" in shown
    assert "fish.ipynb, cell [7]" in box.text()


def test_a_folded_inbox_is_one_line_and_makes_nothing(shell: Shell) -> None:
    saver = nbflow.InMemorySaver()
    flow_of(saver).invoke(1, config("a", FISH))
    flow_of(saver).invoke(1, config("b"))
    box = opened(shell, saver, folded=True)
    assert "2 runs wait for you: 1 in this notebook, 1 in fish.ipynb." in page(box)
    assert not all_in(box.widget, Entry)
    assert "Go on?" not in box._twin()[0]
    button(box, "Show").click()
    assert len(all_in(box.widget, Entry)) > 1
    assert "Go on?" in box._twin()[0]
    button(box, "Hide").click()
    assert "thread a" not in page(box)


def test_a_filter_finds_entries_among_many(shell: Shell) -> None:
    saver = nbflow.InMemorySaver()
    for number in range(6):
        flow_of(saver, f"flow{number}").invoke(1, config(f"t{number}", FISH if number == 3 else HERE))
    few = nbflow.InMemorySaver()
    flow_of(few).invoke(1, config("t"))
    assert opened(shell, few)._filter.widget.layout.display == "none"
    box = opened(shell, saver)
    assert box._filter.widget.layout.display is None
    box._filter._text.value = "FLOW4"
    assert "thread t4" in page(box)
    assert "thread t3" not in page(box)
    box._filter._text.value = "fish go"
    assert "thread t3" in page(box)
    box._filter._state.value = "crashed"
    assert "thread t3" not in page(box)


def test_discard_says_what_is_lost_and_asks_once_more(shell: Shell) -> None:
    saver = nbflow.InMemorySaver()
    flow_of(saver).invoke(4, config("t"))
    box = opened(shell, saver)
    button(box, "Discard …").click()
    assert "Delete thread <code" in page(box)
    assert "What is lost: 4 finished calls." in page(box)
    button(box, "Keep").click()
    assert "4 finished calls" not in page(box)
    button(box, "Discard …").click()
    button(box, "Delete for good").click()
    settle(shell)
    assert saver.thread_ids() == []
    assert [len(box), "t: flow was discarded" in box.text()] == [0, True]
    assert "Go on?" not in page(box)


def test_a_thread_that_somebody_works_on_is_not_discarded(shell: Shell) -> None:
    saver = nbflow.InMemorySaver()
    flow_of(saver).invoke(1, config("t"))
    box = opened(shell, saver)
    saver.lease("t", "somebody")
    button(box, "Discard …").click()
    button(box, "Delete for good").click()
    settle(shell)
    assert "Not deleted: " in page(box)
    assert saver.thread_ids() == ["t"]
    saver.release("t", "somebody")


@pytest.mark.parametrize("elsewhere", [False, True])
def test_a_card_whose_thread_was_discarded_says_so(shell: Shell, tmp_path: Any, elsewhere: bool) -> None:
    async def story() -> None:
        file = tmp_path / "file.db"
        cell_run = await asked(shell, asking(nbflow.SqliteSaver(file)))
        nbflow.SqliteSaver(file).delete_thread("t")
        shell.kit.lookout._due = 0.0
        shell.kit.lookout.flush()
        html, text = cell_run.run_display.twin()
        assert "The thread was discarded." in text
        assert "waits for an answer" not in html
        assert "goes on" not in text

    async def here() -> None:
        flow = asking(nbflow.InMemorySaver())
        cell_run = await asked(shell, flow)
        shell.names["flow"] = flow
        box = inbox_of(shell.kit, flow.checkpointer)  # type: ignore[arg-type]  # a saver
        (entry,) = box._entries.values()
        entry.is_open, entry._body = False, ipywidgets.VBox()  # type: ignore[attr-defined]  # an InboxEntry
        entry.discard()  # type: ignore[attr-defined]  # as above
        assert "The thread was discarded." in cell_run.run_display.twin()[1]

    asyncio.run(story() if elsewhere else here())


def test_what_is_archived_is_out_until_it_moves(shell: Shell) -> None:
    saver = shell.kit.default_saver()
    flow = flow_of(saver)
    flow.invoke(1, config("t"))
    box = opened(shell, saver)
    button(box, "Archive").click()
    assert "Nothing waits for you. 1 archived." in page(box)
    shell.kit.archived.flush()
    assert len(inbox_of(shell.kit, saver)) == 0
    everything = opened(shell, saver, archived=True)
    assert len(everything) == 1
    button(everything, "Bring back").click()
    assert len(inbox_of(shell.kit, saver)) == 1
    look(shell, box)
    assert "thread t" in page(box)
    button(box, "Archive").click()
    flow.invoke(2, config("t"))
    look(shell, box)
    assert len(box) == 1, "another run asks on the thread"


def test_an_open_inbox_follows_what_happens_elsewhere(shell: Shell, tmp_path: Any) -> None:
    saver, other = (nbflow.SqliteSaver(tmp_path / "file.db") for _ in range(2))
    flow = flow_of(other)
    flow.invoke(1, config("a"))
    flow.invoke(1, config("b"))
    box = opened(shell, saver)
    flow.invoke(1, config("c"))
    look(shell, box)
    assert [item.thread_id for item in box.items] == ["a", "b", "c"]
    assert "3 runs wait for you" in page(box)
    flow.invoke(Command(resume="yes"), config("a"))
    other.delete_thread("b")
    nbflow.record_answer(other, "c", "yes")
    look(shell, box)
    assert "a: flow is done" in box.text()
    assert "b: flow was discarded" in box.text()
    assert [(item.thread_id, item.status) for item in box.items] == [("c", "answered")]
    assert "is answered, and waits to go on" in page(box)
    other.lease("c", "somebody")
    look(shell, box)
    assert "is at work" in page(box)
    assert button(box, "Discard …").disabled
    other.release("c", "somebody")
    look(shell, box)
    assert not button(box, "Discard …").disabled


def test_an_answer_that_was_recorded_is_followed_to_the_end(shell: Shell) -> None:
    saver = nbflow.InMemorySaver()
    flow = flow_of(saver)
    flow.invoke(1, config("t"))
    box = opened(shell, saver)
    press(all_in(box.widget, Entry)[0], "yes")
    button(box, "Submit").click()
    settle(shell)
    look(shell, box)
    assert len(box) == 0
    assert "Recorded: the run goes on" in page(box)
    assert flow.invoke(None, config("t")) == [0, "yes"]
    look(shell, box)
    assert "t: flow is done" in box.text()
    assert "is done" in page(box)
    flow.invoke(2, config("t"))
    look(shell, box)
    assert len(box) == 1, "the thread asks anew"


def test_a_run_whose_sleep_is_over_goes_on_when_its_workflow_is_here(shell: Shell) -> None:
    saver = shell.kit.default_saver()

    @nbflow.entrypoint(checkpointer=saver)
    def sleeper(seconds: float) -> str:
        nbflow.sleep(seconds)
        return "rested"

    sleeper.invoke(3600.0, config("long"), rest_after=0)
    sleeper.invoke(1.0, config("short"), rest_after=0)
    assert {one.thread_id: one.status for one in nbflow.threads(saver)} == {"long": "sleeping", "short": "sleeping"}

    async def story() -> None:
        run = sleeper.last_run(config("short"))
        assert run is not None
        await until(lambda: (run.until or 0) <= time.time())
        box = opened(shell, saver)
        assert "short" in page(box)
        assert "long" not in page(box), "it sleeps on, and waits for nobody"
        shell.names["sleeper"] = sleeper
        look(shell, box)
        await until(lambda: [one.status for one in nbflow.threads(saver) if one.thread_id == "short"] == ["done"])
        box.close()

    asyncio.run(story())


def test_a_thread_that_asks_more_keeps_its_forms_while_one_is_answered_after_the_other(shell: Shell) -> None:
    saver = nbflow.InMemorySaver()

    @nbflow.task
    def ask(what: str) -> str:
        return str(interrupt(what))

    @nbflow.entrypoint(checkpointer=saver, name="flow")
    def flow(_: object) -> list[str]:
        return [one.result() for one in [ask("first?"), ask("second?")]]

    flow.invoke(1, config("t"))
    box = opened(shell, saver)
    assert "2 questions wait; in any order, or together." in page(box)
    first, _, note = [one for one in all_in(box.widget, Entry) if one.label != "Why?"]
    press(note, "by phone")
    press(first, "yes")
    button(box, "Submit").click()
    settle(shell)
    look(shell, box)
    assert note in all_in(box.widget, Entry), "nothing was made anew"
    assert "Answer<" in page(box)
    assert "2 questions wait" not in page(box)


def test_a_workflow_that_is_defined_later_can_be_answered_then_and_keeps_what_was_typed(shell: Shell) -> None:
    saver = nbflow.InMemorySaver()
    flow = flow_of(saver)
    flow.invoke(1, config("t"))
    box = opened(shell, saver)
    assert "is not defined in this kernel; it is in <code" in page(box)
    assert "The code that ran: 2 functions" in page(box)
    press(all_in(box.widget, Entry)[0], "half a")
    shell.names["flow"] = flow
    look(shell, box)
    assert "is not defined" not in page(box)
    (form,) = box._entries["t"]._cell_run.run_display.forms.values()  # type: ignore[attr-defined]  # an InboxEntry
    assert form._fields["answer"].draft() == "half a"


def test_a_run_that_asks_in_its_cell_is_not_taken_from_it_unasked(shell: Shell) -> None:
    async def story() -> None:
        flow = asking(nbflow.InMemorySaver())
        shell.names["flow"] = flow
        box = opened(shell, flow.checkpointer)
        cell_run = await asked(shell, flow)
        box._due = 0.0
        box.flush()
        await until(lambda: len(box) == 1)
        (entry,) = box._entries.values()
        assert "waits for an answer" in cell_run.run_display.twin()[0]
        assert shell.kit.cell_runs[id(flow.checkpointer), "t"] is cell_run
        assert "Another cell of this notebook shows it." in page(box)
        button(box, "Answer here").click()
        await until(lambda: entry._cell_run is not None)  # type: ignore[attr-defined]  # an InboxEntry
        assert "The run goes on in cell [" in cell_run.run_display.twin()[1]

    asyncio.run(story())


def test_an_inbox_of_a_toolkit_that_was_unloaded_looks_no_more(shell: Shell) -> None:
    box = opened(shell, nbflow.InMemorySaver())
    assert box.flush()
    shell.kit._hand.shutdown()
    box._due, box._is_looking = 0.0, False
    assert not box.flush()


CELL = "%%entrypoint --thread t --input 1 --out it\ndef flow(n):\n    return [n, nbflow.interrupt('Go on?')]"


async def run(shell: Shell, cell: str) -> None:
    """Run a cell on the loop that goes on after it, as in a kernel."""
    await shell.ip.run_cell_async(cell, transformed_cell=shell.ip.transform_cell(cell))


def test_out_is_bound_by_an_answer_in_the_inbox(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NBFLOW_DISPLAY", "live")

    async def story() -> None:
        await run(shell, "import nbflow")
        await run(shell, CELL)
        box = opened(shell, shell.kit.default_saver())
        press(all_in(box.widget, Entry)[0], "yes")
        button(box, "Submit").click()
        await until(lambda: "it" in shell.names)
        await until(lambda: len(box) == 0)
        assert "t: flow is done" in box.text()

    asyncio.run(story())
    assert shell.names["it"] == [1, "yes"]


def test_out_is_bound_by_a_plain_call_in_another_cell(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NBFLOW_DISPLAY", "live")
    shell.run("import nbflow")
    shell.run(CELL)
    shell.run("flow.invoke(nbflow.Command(resume='yes'), {'configurable': {'thread_id': 't'}})")
    asyncio.run(until(lambda: "it" in shell.names))
    assert shell.names["it"] == [1, "yes"]


def test_out_is_not_bound_by_another_run_of_the_thread(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NBFLOW_DISPLAY", "live")
    shell.run("import nbflow")
    shell.run(CELL)
    config = "{'configurable': {'thread_id': 't'}}"
    shell.run(f"flow.invoke(2, {config}); flow.invoke(nbflow.Command(resume='no'), {config})")
    assert "it" not in shell.names


def test_out_is_bound_by_an_answer_of_another_program(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NBFLOW_DISPLAY", "live")

    async def story() -> None:
        await run(shell, "import nbflow")
        await run(shell, CELL)
        nbflow.record_answer(nbflow.SqliteSaver(shell.kit.file), "t", "yes")
        shell.kit.lookout._due = 0.0
        shell.kit.lookout.flush()
        await until(lambda: "it" in shell.names)

    asyncio.run(story())
    assert shell.names["it"] == [1, "yes"]


def test_out_is_bound_by_an_answer_in_an_inbox_with_another_saver_of_the_file(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NBFLOW_DISPLAY", "live")

    async def story() -> None:
        await run(shell, "import nbflow")
        await run(shell, CELL)
        box = opened(shell, nbflow.SqliteSaver(shell.kit.file))
        press(all_in(box.widget, Entry)[0], "yes")
        button(box, "Submit").click()
        await until(lambda: len(box) == 0)
        shell.kit.lookout._due = 0.0
        shell.kit.lookout.flush()
        await until(lambda: "it" in shell.names)

    asyncio.run(story())
    assert shell.names["it"] == [1, "yes"]


def test_a_cell_tells_its_notebook_and_number_where_a_person_looks_on(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    shell.run("import nbflow")
    shell.run(CELL)
    assert [item.begun for item in inbox_of(shell.kit, shell.kit.default_saver()).items] == [Begun()]
    monkeypatch.setattr("nbflow_widgets.notebook.has_person", lambda: True)
    shell.run(CELL.replace("--thread t", "--thread u"))
    begun = next(item.begun for item in inbox_of(shell.kit, shell.kit.default_saver()).items if item.thread_id == "u")
    assert [begun.notebook, begun.number.isdecimal()] == ["here.ipynb", True]


def test_notebooks_of_one_name_that_share_a_file_are_two(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("nbflow_widgets.notebook.has_person", lambda: True)
    shell.run("import nbflow\nshared = nbflow.SqliteSaver('shared.db')")
    for place in ("north", "south"):
        shell.names["__session__"] = str(tmp_path / place / "birds.ipynb")
        shell.run(CELL.replace("--thread t", f"--thread {place} --saver shared"))
    box = opened(shell, shell.names["shared"])
    assert [item.begun.notebook for item in box.items] == ["south/birds.ipynb", "north/birds.ipynb"]
    assert "this notebook<" in page(box)
    assert "north/birds.ipynb<" in page(box)
    shell.names["__session__"] = str(tmp_path / "birds.ipynb")
    assert shell.kit.notebook(shell.kit.default_saver()) == "birds.ipynb"
