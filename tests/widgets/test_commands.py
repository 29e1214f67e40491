"""``%nbflow``, the inbox, and nested loops."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from IPython.core.error import UsageError

import nbflow_widgets
from nbflow_widgets import commands
from nbflow_widgets import nest as nest_function
from nbflow_widgets.subcommands import SUBCOMMANDS, usage
from nbflow_widgets.toolkit import probe
from nbflow_widgets.waiting import waiting_in
from tests.widgets.conftest import Shell

FLOW = """\
%%entrypoint --thread {thread} --input {value}
from nbflow import interrupt
def flow(n):
    if n < 0: raise KeyboardInterrupt
    return n and interrupt({{"question": "Go on?", "n": n}})"""


@pytest.fixture
def threads(shell: Shell) -> Shell:
    """Return a shell whose saver has a paused, a finished and a stopped thread."""
    shell.run(FLOW.format(thread="asks", value=3))
    shell.run(FLOW.format(thread="done", value=0))
    shell.fail(FLOW.format(thread="stopped", value=-1))
    return shell


def test_each_subcommand_is_a_function_of_the_toolkit() -> None:
    others = {"load_ipython_extension", "unload_ipython_extension", "register_form"}
    assert {fn.__name__ for fn in SUBCOMMANDS.values()} == set(nbflow_widgets.__all__) - others
    assert all(getattr(nbflow_widgets, fn.__name__) is fn for fn in SUBCOMMANDS.values())
    words = {"export", "import", "try"}  # of Python's, or that say too little of a function
    assert {name for name, fn in SUBCOMMANDS.items() if name != fn.__name__} == words


@pytest.mark.parametrize(
    "line",
    ["threads", "history asks", "calls asks", "timing asks", "timeline asks", "callgraph asks", "whatif asks"],
)
def test_a_subcommand_gives_what_its_function_gives(threads: Shell, line: str) -> None:
    name, *arguments = line.split()
    assert repr(threads.run(f"%nbflow {line}")) == repr(getattr(nbflow_widgets, name)(*arguments))


def test_a_run_is_gone_through_on_paper(threads: Shell) -> None:
    threads.run("from nbflow import task\n@task\ndef step(n): return n")
    threads.run("%%entrypoint --thread paper --input 2\ndef paper(n):\n    return [step(n).result() for _ in range(n)]")
    found = threads.run("%nbflow whatif paper --workers 3 --faster {'step':2}")
    assert found["what"].tolist() == ["as it was", "with 3 workers, step 2 times as fast"]
    assert found["faster"].tolist()[0] == 1.0
    assert "tasks of the run (step)" in str(threads.fail("%nbflow whatif paper --faster {'other':2}"))
    assert "whole number from 1" in str(threads.fail("%nbflow whatif paper --workers 0"))


def test_a_timeline_of_a_stored_run_is_html_and_text(threads: Shell) -> None:
    shown: Any = nbflow_widgets.timeline("asks")
    assert set(shown._repr_mimebundle_()) == {"text/html", "text/plain"}


def test_resume_answers_and_gives_the_result(threads: Shell) -> None:
    assert threads.run("%nbflow resume asks {'a': 1}") == {"a": 1}
    assert "finished its last run" in str(threads.fail("%nbflow resume asks 1"))


def test_another_saver_may_be_named(threads: Shell) -> None:
    threads.run("from nbflow import InMemorySaver; other = InMemorySaver()")
    assert "no thread 'asks'" in str(threads.fail("%nbflow calls asks --saver other"))


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("thread", "no subcommand 'thread' (did you mean 'threads'?); known are"),
        ("history", "missing a required argument: 'thread'"),
        ("resume asks", "missing a required argument: 'answer'"),
        ("resume asks nope", "NameError: name 'nope' is not defined (a text wants quotes within quotes)"),
        ("calls nope", "there is no thread 'nope' in SqliteSaver"),
        ("threads --saver", "--saver wants an expression"),
    ],
)
def test_a_wrong_line_is_told_in_one_line(threads: Shell, line: str, message: str) -> None:
    error = threads.fail(f"%nbflow {line}")
    assert isinstance(error, UsageError)
    assert message in str(error)


@pytest.mark.parametrize(("word", "answer"), [("yes", True), ("OFF", False), ("N", False), ("True", True)])
def test_a_yes_or_no_is_answered_by_a_word(threads: Shell, word: str, answer: object) -> None:
    threads.run(
        "%%entrypoint --thread sure --input 1\ndef sure(n):\n    return interrupt('Sure?', response_schema=bool)"
    )
    assert "(a text wants quotes within quotes)" in str(threads.fail("%nbflow resume sure perhaps"))
    threads.run("yes = 3")
    assert "must be of type boolean" in str(error := threads.fail("%nbflow resume sure yes")), (
        "a name of the notebook's"
    )
    assert "Write it like this: yes or no" in str(error)
    del threads.names["yes"]
    assert threads.run(f"%nbflow resume sure {word}") is answer


def test_a_workflow_that_is_not_here_is_asked_for(threads: Shell) -> None:
    del threads.names["flow"]
    assert "run the cell that defines it" in str(threads.fail("%nbflow resume asks 1"))


def test_the_inbox_lists_who_waits(threads: Shell) -> None:
    threads.run("%nbflow inbox")
    assert threads.shown() == ["2 runs wait for you.\nasks: flow asks\n  Go on?\nstopped: flow was stopped"]
    threads.run("%nbflow resume asks 1")
    threads.run("box = __import__('nbflow_widgets').inbox()")
    assert len(threads.names["box"]) == 1


def test_a_thread_that_somebody_works_on_does_not_wait(threads: Shell) -> None:
    saver = threads.kit.default_saver()
    saver.lease("asks", "somebody")
    look = probe(saver)
    found = waiting_in(saver, lambda thread: look.last_run({"configurable": {"thread_id": thread}}))
    assert [item.thread_id for item in found] == ["stopped"]
    saver.release("asks", "somebody")


def test_an_empty_inbox_says_so(shell: Shell) -> None:
    shell.run("%nbflow inbox")
    assert shell.shown() == ["Nothing waits for you."]


def test_functions_without_the_toolkit_say_what_to_do(bare: Shell) -> None:
    with pytest.raises(RuntimeError, match="load_ext nbflow"):
        commands.threads()


class Patch:
    """Stands for one of the nest packages."""

    def __init__(self) -> None:
        self.count = 0

    def apply(self) -> None:
        self.count += 1


@pytest.mark.parametrize(
    ("kernel", "versions", "outcome"),
    [
        ("7.4.0", {"nest-asyncio2": "1.7.4", "nest-asyncio": "1.6.0"}, "nest_asyncio2"),
        ("7.1.0", {"nest-asyncio": "1.6.0"}, "wants nest_asyncio2"),
        ("6.31.0", {"nest-asyncio": "1.6.0"}, "nest_asyncio"),
        ("6.31.0", {"nest-asyncio": "1.5.8"}, "was not tried"),
        ("6.31.0", {}, "wants nest_asyncio,"),
    ],
)
def test_nesting_is_what_was_measured_or_nothing(
    monkeypatch: pytest.MonkeyPatch, kernel: str, versions: dict[str, str], outcome: str
) -> None:
    patch = Patch()
    module = nest_function.__globals__["apply_nest"].__globals__
    found = versions | {"ipykernel": kernel}
    monkeypatch.setitem(module, "_version", lambda name: found.get(name, ""))
    monkeypatch.setattr(module["importlib"], "import_module", lambda name: patch)
    if outcome in {"nest_asyncio", "nest_asyncio2"}:
        assert (nest_function(), patch.count) == (outcome, 1)
    else:
        with pytest.raises(RuntimeError, match=outcome):
            nest_function()
        assert patch.count == 0


def test_the_old_patch_on_a_new_kernel_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    module = nest_function.__globals__["apply_nest"].__globals__
    monkeypatch.setattr(asyncio, "_nest_patched", True, raising=False)
    monkeypatch.setitem(module, "_version", lambda name: "7.4.0")
    monkeypatch.setattr(asyncio.run, "__module__", "nest_asyncio")
    with pytest.raises(RuntimeError, match="Restart the kernel"):
        nest_function()


def test_switches_are_words_of_the_line(threads: Shell) -> None:
    threads.run("%nbflow report asks page.html")
    threads.run("from pathlib import Path; Path('page.html').write_text('mine')")
    assert isinstance(threads.fail("%nbflow report asks page.html"), UsageError)
    threads.run("%nbflow report --overwrite asks page.html")
    assert threads.run("Path('page.html').read_text()").startswith("<!doctype html>")
    threads.run("%nbflow inbox --archived")
    assert threads.shown()[0].startswith("2 runs wait for you.")
    error = threads.fail("%nbflow inbox --archve")
    assert "no option --archve (did you mean '--archived'?); it takes --archived, --saver EXPR" in str(error)
    assert usage("inbox") == "inbox [--archived]"


def test_graphs_are_given_as_text_too_and_other_words_are_told(threads: Shell) -> None:
    assert str(threads.run("%nbflow callgraph asks --dot")).startswith("digraph calls {")
    assert threads.run("%nbflow callgraph asks call").model.by == "call"
    assert threads.run("%nbflow callgraph asks level --whole").model.by == "level"
    assert "did you mean 'level'?" in str(threads.fail("%nbflow callgraph asks levl"))
