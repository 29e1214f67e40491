"""The explorer: what the tree shows, what its buttons do, how it follows, and what it does not do."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import ipywidgets
import pytest
from IPython.core.error import UsageError

import nbflow
import nbflow_widgets
from nbflow import Command, interrupt
from nbflow.types import BaseCheckpointSaver
from nbflow_widgets import explorer_threads, explorer_tree
from nbflow_widgets.card import deck
from nbflow_widgets.completion import Completer
from nbflow_widgets.explorer import Explorer
from nbflow_widgets.fields import Entry
from tests.widgets.conftest import Shell
from tests.widgets.people import all_in, press
from tests.widgets.test_cell_run import until

HOSTILE = "<img src=x onerror=alert(1)>\x1b[31m\u202e\x00"


@pytest.fixture(autouse=True)
def _no_cards_are_left(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr("nbflow_widgets.ticker.ticker.add", lambda _source: None)  # each look is the test's own
    yield
    for card in tuple(deck._cards):
        card.close()


def config(thread: str) -> nbflow.RunnableConfig:
    return {"configurable": {"thread_id": thread}}


def flow_of(saver: Any, name: str = "flow") -> nbflow.Workflow:
    @nbflow.task
    def work(number: int) -> int:
        return number

    @nbflow.entrypoint(checkpointer=saver, name=name)
    def flow(count: int) -> object:
        return [*(work(number).result() for number in range(count)), interrupt("Go on?")]

    return flow


def filled(shell: Shell, *threads: str) -> nbflow.InMemorySaver:
    """Return a saver with threads: each has a run that ended, and one that asks."""
    saver = nbflow.InMemorySaver()
    shell.names["flow"] = flow = flow_of(saver)
    for thread in threads:
        flow.invoke(2, config(thread))
        flow.invoke(Command(resume="yes"), config(thread))
        flow.invoke(3, config(thread))
    return saver


def opened(shell: Shell, saver: BaseCheckpointSaver, thread: str | None = None) -> Explorer:
    found = Explorer(shell.kit, saver, thread)
    found.look()
    if thread is not None:
        found.open_newest()
    found.show("live")
    return found


def settle(shell: Shell) -> None:
    """Wait until what was posted is done."""
    for _ in range(3):
        shell.kit._hand.submit(lambda: None).result()


def look(shell: Shell, box: Explorer) -> None:
    """Let it look for what has changed, as the ticker does every other second."""
    box.soon()
    box.flush()
    settle(shell)


def say(shell: Shell, box: Explorer, kind: str, line: str = "", /, **more: object) -> None:
    """Do what a person does in the page, to the first line with a name."""
    assert box.widget is not None
    key = next((row[0] for row in box.widget.rows if row[3] == line), "")
    assert key or kind in {"find", "keep"}, f"no line {line!r} in {[row[3] for row in box.widget.rows]}"
    box.widget._handle_custom_msg({"kind": kind, "id": key, **more}, [])
    settle(shell)


def names(box: Explorer) -> list[str]:
    assert box.widget is not None
    return [row[3] for row in box.widget.rows]


def actions(box: Explorer) -> dict[str, bool]:
    assert box.widget is not None
    return {name: can for name, _label, _hint, can in box.widget.told["actions"]}


def test_a_tree_of_threads_runs_checkpoints_and_values(shell: Shell) -> None:
    box = opened(shell, filled(shell, "a", "b"))
    assert names(box) == ["b", "a"]
    for name in ("a", "flow", "question"):
        say(shell, box, "open", name)
    assert box.text().splitlines() == [
        "2 threads",
        "b: asking · flow · 1 question",
        "a: asking · flow · 1 question",
        "  flow: asking",
        "    question: asking · step 1 · 3 calls · question of flow new",
        "      = input: 3",
        "      + question of flow: Go on?",
        "      + work (0): 0",
        "      + work (1): 1",
        "      + work (2): 2",
        "    input: asking · input changed, answer gone, result gone",
        "  flow: done",
    ]
    say(shell, box, "close", "a")
    assert names(box) == ["b", "a"]


def test_a_line_tells_what_changed_and_a_value_is_told_in_full(shell: Shell) -> None:
    box = opened(shell, filled(shell, "a"), "a")
    say(shell, box, "choose", "question")
    assert box.widget is not None
    told = {label: (text, change) for label, text, change in box.widget.told["facts"]}
    assert told["question of flow"] == ("Go on?", "new")
    assert told["since the one before"] == ("3 calls", "")
    say(shell, box, "choose", "work (2)")
    assert box.widget.told["facts"][0] == ["call", "2", "new"]
    assert ["position", "0.2", ""] in box.widget.told["facts"]


def test_delete_asks_says_what_is_lost_and_needs_a_second_click(shell: Shell) -> None:
    saver = filled(shell, "a", "b")
    box = opened(shell, saver)
    assert box.widget is not None
    say(shell, box, "choose", "a")
    say(shell, box, "do", "a", name="delete", sure=True)  # a page that has never asked
    assert (saver.thread_ids(), box.widget.sure["name"]) == (["a", "b"], "delete")
    assert "What is lost: 3 finished calls, 1 earlier run." in box.widget.sure["text"]
    say(shell, box, "keep")
    assert (box.widget.sure, saver.thread_ids()) == ({}, ["a", "b"])
    say(shell, box, "do", "a", name="delete")
    say(shell, box, "choose", "b")
    say(shell, box, "do", "a", name="delete", sure=True)  # of a line that is chosen no more
    assert saver.thread_ids() == ["a", "b"]
    say(shell, box, "choose", "a")
    for sure in (False, True):
        say(shell, box, "do", "a", name="delete", sure=sure)
    assert saver.thread_ids() == ["b"]
    look(shell, box)
    assert names(box) == ["b"]
    assert box.widget.told == {}


def test_prune_drops_the_runs_that_are_not_needed(shell: Shell) -> None:
    saver = filled(shell, "a")
    shell.names["flow"].invoke(Command(resume="yes"), config("a"))
    shell.names["flow"].invoke(1, config("a"))
    box = opened(shell, saver)
    assert box.widget is not None
    say(shell, box, "choose", "a")
    say(shell, box, "do", "a", name="prune")
    assert "What is lost: 1 run, " in box.widget.sure["text"]
    assert len(saver.runs("a")) == 3
    say(shell, box, "do", "a", name="prune", sure=True)
    assert len(saver.runs("a")) == 2
    say(shell, box, "do", "a", name="prune")
    assert "nothing to drop" in box.widget.said["text"]


def test_a_thread_that_works_is_left_alone(shell: Shell) -> None:
    saver, works, go = filled(shell, "a"), threading.Event(), threading.Event()

    @nbflow.entrypoint(checkpointer=saver, name="slow")
    def slow(_: object) -> None:
        works.set()
        go.wait(60)

    run = slow.start(1, config("w"))
    try:
        works.wait(60)
        box = opened(shell, saver)
        say(shell, box, "choose", "w")
        assert [actions(box)[name] for name in ("fork", "resume", "prune", "delete")] == [False] * 4
        assert box.widget is not None
        for name in ("delete", "prune"):  # of a page that is behind
            for sure in (False, True):
                say(shell, box, "do", "w", name=name, sure=sure)
            assert len(saver.runs("w")) == 1
        assert box.widget.said["error"]
    finally:
        go.set()
        run.result()


def test_archived_threads_are_out_of_the_list_until_they_move(shell: Shell) -> None:
    saver = filled(shell, "a", "b")
    box = opened(shell, saver)
    say(shell, box, "choose", "a")
    say(shell, box, "do", "a", name="archive")
    assert names(box) == ["b"]
    assert len(nbflow_widgets.inbox(saver)) == 1
    say(shell, box, "find", text="", state="archived")
    assert names(box) == ["a"]
    say(shell, box, "find", text="", state="all")
    shell.names["flow"].invoke(Command(resume="yes"), config("a"))
    look(shell, box)
    assert names(box) == ["a", "b"]


def test_it_follows_what_happens_elsewhere(shell: Shell) -> None:
    saver = filled(shell, "a")
    box = opened(shell, saver, "a")
    say(shell, box, "choose", "a")
    assert box.widget is not None
    before = names(box)
    look(shell, box)
    assert names(box) == before
    shell.names["flow"].invoke(Command(resume="yes"), config("a"))
    look(shell, box)
    assert "result" in names(box)
    assert box.widget.rows[0][5] == "done"
    settle(shell)
    assert not actions(box)["resume"]
    saver.delete_thread("a")
    look(shell, box)
    assert names(box) == []


def test_threads_are_found_by_words_and_by_state(shell: Shell) -> None:
    saver = filled(shell, *"abcdef")
    flow_of(saver, "other").invoke(1, config("z"))
    flow_of(saver, "other").invoke(Command(resume=1), config("z"))
    box = opened(shell, saver)
    assert box.widget is not None
    assert box.widget.filtered
    say(shell, box, "find", text="OTHER", state="all")
    assert (names(box), box.widget.head) == (["z"], "1 of 7 threads")
    say(shell, box, "find", text="", state="done")
    assert names(box) == ["z"]
    say(shell, box, "find", text="other b", state="all")
    assert names(box) == []


def test_two_runs_are_compared(shell: Shell) -> None:
    box = opened(shell, filled(shell, "a", "b"))
    assert box.widget is not None
    say(shell, box, "choose", "a")
    say(shell, box, "do", "a", name="compare")
    say(shell, box, "choose", "b")
    assert [label for name, label, _, _ in box.widget.told["actions"] if name == "compare"] == ["Compare with it"]
    say(shell, box, "do", "b", name="compare")
    shown = " ".join(one.value for one in all_in(box.hand.below.widget, ipywidgets.HTML))
    assert "a, then b" in shown
    assert "3 equal" in shown
    assert "3 equal" in box._twin()[1]


def below(box: Explorer) -> str:
    return " ".join(one.value for one in all_in(box.hand.below.widget, ipywidgets.HTML))


async def answered(box: Explorer) -> None:
    """Answer what is asked below, as a person does."""
    await until(lambda: all_in(box.hand.below.widget, Entry))
    press(all_in(box.hand.below.widget, Entry)[0], "yes")
    next(one for one in all_in(box.hand.below.widget, ipywidgets.Button) if one.description == "Submit").click()


def test_a_fork_runs_below_and_is_answered_there(shell: Shell) -> None:
    saver = filled(shell, "a")
    flow = shell.names["flow"]

    async def story() -> None:
        box = opened(shell, saver, "a")
        await until(lambda: "work (1)" in names(box))
        say(shell, box, "choose", "work (1)")
        say(shell, box, "do", "work (1)", name="fork")
        await until(lambda: "A new run of a" in below(box))
        await answered(box)
        await until(lambda: flow.last_run(config("a")).status == "done")

    asyncio.run(story())
    assert flow.last_run(config("a")).result() == [0, 1, 2, "yes"]
    copied = {one.path: one.copied for one in nbflow.read_run(saver, "a") if one.path != "0"}
    assert copied == {"0.0": True, "0.1": False, "0.2": False}


def test_a_thread_is_resumed_below(shell: Shell) -> None:
    saver = filled(shell, "a")
    flow = shell.names["flow"]

    async def story() -> None:
        box = opened(shell, saver)
        say(shell, box, "choose", "a")
        say(shell, box, "do", "a", name="resume")
        await answered(box)
        await until(lambda: flow.last_run(config("a")).status == "done")

    asyncio.run(story())
    assert len(saver.runs("a")) == 2


def test_a_workflow_that_is_not_here_says_so(shell: Shell) -> None:
    saver = filled(shell, "a")
    del shell.names["flow"]
    box = opened(shell, saver)
    assert box.widget is not None
    say(shell, box, "choose", "a")
    assert not actions(box)["fork"]
    assert "'flow' is not defined in this kernel" in str(box.widget.told["actions"])
    say(shell, box, "do", "a", name="fork")
    assert box.widget.said["error"]
    assert len(saver.runs("a")) == 2


@dataclass
class Broken:
    number: int

    def __repr__(self) -> str:
        raise RuntimeError("no")


def test_a_repr_that_raises_is_told(shell: Shell) -> None:
    saver = nbflow.InMemorySaver()

    @nbflow.entrypoint(checkpointer=saver)
    def flow(number: int) -> Broken:
        return Broken(number)

    flow.invoke(1, config("t"))
    box = opened(shell, saver, "t")
    assert "      + result: <cannot be shown: RuntimeError>" in box.text().splitlines()
    result = next(line for line in box.lines() if line.key[0] == "value" and line.name == "result")
    assert box.widget is not None
    box.hand.hear({"kind": "choose", "id": box.widget.id_of(result.key)})
    settle(shell)
    assert box.widget.told["facts"][0][:2] == ["result", "<cannot be shown: RuntimeError>"]


def test_hostile_values_and_names_are_shown_as_they_are(shell: Shell) -> None:
    saver = nbflow.InMemorySaver()

    @nbflow.task
    def evil(_: object) -> str:
        return HOSTILE

    @nbflow.entrypoint(checkpointer=saver, name=HOSTILE)
    def flow(given: object) -> object:
        return evil(given).result()

    flow.invoke(HOSTILE, config("<b>x</b>\x1b\u202e"))
    box = opened(shell, saver)
    thread = names(box)[0]
    assert thread == "<b>x</b>␛\\u202e"
    for name in (thread, names(box)[0]):
        say(shell, box, "open", name)
    key = next(line.key for line in box.lines() if line.key[0] == "run")
    box.tree.turn(key, opens=True)
    box.tree.read()
    for line in list(box.lines()):
        if line.key[0] == "point":
            box.tree.turn(line.key, opens=True)
    box.draw()
    assert box.widget is not None
    page = f"{box.widget.rows}{box.widget.head}{box._twin()}"
    assert not {"\x1b", "\u202e", "\x00"} & set(page)
    assert "evil (" in page
    html = box.html()
    assert "<img" not in html
    assert "<b>x" not in html
    assert "&lt;img src=x" in html
    assert [box.text().count("\n"), repr(box.widget)] == [len(box.lines()), "Explorer"]


def test_large_values_are_loaded_only_when_they_are_chosen(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    saver = nbflow.InMemorySaver()
    monkeypatch.setattr("nbflow.views.moments.SMALL", 100)

    @nbflow.entrypoint(checkpointer=saver)
    def large(size: int) -> str:
        return "x" * size

    large.invoke(5000, config("t"))
    box = opened(shell, saver, "t")
    assert box.widget is not None
    shown = next(row for row in box.widget.rows if row[3] == "result" and row[2] == "value")
    assert shown[4] == "5 kB, not loaded"
    box.hand.hear({"kind": "choose", "id": shown[0]})
    settle(shell)
    label, text, _ = box.widget.told["facts"][0]
    assert (label, text.startswith("xxx"), len(text) < 4100) == ("result", True, True)


def test_many_threads_runs_and_values_are_cut_and_counted(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    saver = filled(shell, *"abcd")
    for name in ("THREADS", "RUNS", "POINTS", "VALUES"):
        monkeypatch.setattr(explorer_tree, name, 1)
    box = opened(shell, saver)
    assert names(box) == ["d", "and 3 threads more: type into the filter above"]
    for name in ("d", "flow", "question"):
        say(shell, box, "open", name)
    assert [name for name in names(box) if name.startswith("and ")] == [
        "and 1 value more",
        "and 2 calls more",
        "and 1 checkpoint more",
        "and 1 run more",
        "and 3 threads more: type into the filter above",
    ]


def test_threads_that_returned_are_not_read_again(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    saver = filled(shell, "a")
    flow_of(saver).invoke(Command(resume=1), config("a"))
    box = opened(shell, saver)
    read: list[str] = []

    def reads(*given: object, **_: object) -> list[object]:
        read.append(str(given))
        return []

    monkeypatch.setattr(explorer_threads, "read_run", reads)
    look(shell, box)
    assert read == []


def offered(shell: Shell, line: str) -> list[str]:
    return Completer(shell.kit)(None, SimpleNamespace(text_until_cursor=line, symbol=line.rsplit(maxsplit=1)[-1]))


def test_a_command_shows_all_a_thread_or_a_file(shell: Shell) -> None:
    shell.run("import nbflow\n@nbflow.entrypoint(checkpointer=nbflow.SqliteSaver('other.db'))\ndef flow(n): return n")
    shell.run("flow.invoke(1, {'configurable': {'thread_id': 't'}})")
    shell.run("%nbflow explore other.db")
    assert shell.shown() == ["1 thread\nt: done · flow"]
    shell.run("%nbflow explore t --saver flow.checkpointer")
    assert "      + result: 1" in shell.shown()[0]
    assert not re.search(r"\d\d:\d\d|[0-9a-f]{8}-", str(shell.outputs[0].data))  # a notebook by itself looks the same
    assert isinstance(shell.fail("%nbflow explore nobody"), UsageError)
    assert "explore" in shell.run("%nbflow").text
    assert offered(shell, "%nbflow explore oth") == ["other.db"]


def test_thousands_of_threads_are_listed_piece_by_piece(shell: Shell) -> None:
    saver = nbflow.InMemorySaver()
    flow = flow_of(saver)
    flow.invoke(0, config("a"))
    for number in range(3000):
        saver.copy_thread("a", f"t{number:04}")
    box = Explorer(shell.kit, saver)
    while not box.look(0.0):
        pass
    assert box.threads.count == len(box.threads.known) == 3001
    assert len(box.lines()) == explorer_tree.THREADS + 1
