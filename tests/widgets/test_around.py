"""IPython's magics above ours, and what a cell says that does not do what its author meant."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from IPython.core.completer import provisionalcompleter
from IPython.core.error import UsageError

from nbflow import SqliteSaver, Workflow
from tests.widgets.conftest import Shell

FLOW = """\
%%entrypoint --input 1 --out result
def flow(n):
    print("hello")
    return n + 1"""
ASKS = """\
%%entrypoint --input 1 --thread t --out answer
from nbflow import interrupt
def flow(n):
    return interrupt("sure?")"""


def offers(shell: Shell, line: str) -> list[str]:
    with provisionalcompleter():
        return sorted(one.text for one in shell.ip.Completer.completions(line, len(line)))


def test_a_captured_cell_runs_and_shows_nothing(shell: Shell) -> None:
    shell.execute(f"%%capture got\n{FLOW}")
    assert (shell.text, shell.outputs) == ("", [])
    assert shell.names["result"] == 2
    assert shell.names["got"].stdout == "hello\n"
    assert len(shell.names["got"].outputs) == 2, "the run and the result"
    shell.execute("print('seen')")
    assert shell.text == "seen\n", "the capture ends with its cell"


def test_options_of_capture_count(shell: Shell) -> None:
    shell.execute(f"%%capture --no-stdout --no-display got\n{FLOW}")
    assert shell.text.startswith("hello\n")
    assert shell.names["got"].stdout == ""


def test_a_timed_cell_tells_its_time(shell: Shell) -> None:
    assert shell.run(f"%%time\n{FLOW}") == 2
    assert "Wall time: " in shell.text
    shell.execute(f"%%time\n%%capture\n{FLOW}")
    assert shell.text.startswith("CPU time: ")
    assert "hello" not in shell.text
    shell.execute(f"%%capture\n%%time\n{FLOW}")
    assert shell.text == ""


def test_a_timed_cell_that_fails_keeps_its_line_numbers(shell: Shell) -> None:
    shell.fail("%%time\n%%entrypoint --input 0\ndef flow(n):\n    return 1 / n")
    assert "line 4, in flow" in shell.text
    assert "Wall time: " in shell.text


@pytest.mark.parametrize("ours", ["%%task\ndef step(n):\n    return n", "%%watch\n1 + 1"])
def test_they_stand_above_each_of_our_magics(shell: Shell, ours: str) -> None:
    shell.run(f"%%time\n{ours}")
    assert "Wall time: " in shell.text


@pytest.mark.parametrize(("magic", "instead"), [("timeit", "write %timeit flow.invoke(x)"), ("prun", "inside a task")])
def test_what_can_not_stand_there_says_what_to_do(shell: Shell, magic: str, instead: str) -> None:
    error = shell.fail(f"%%{magic}\n{FLOW}")
    assert isinstance(error, UsageError)
    assert instead in str(error)
    assert "result" not in shell.names, "nothing ran"


def test_text_below_other_magics_is_theirs(shell: Shell) -> None:
    shell.run(f"%%writefile kept.txt\n{FLOW}")
    assert Path("kept.txt").read_text(encoding="utf-8").strip() == FLOW
    assert shell.run("%%time\n1 + 1") == 2


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        ("%%entrypoint -i 1\nif True:\n    def flow(n):\n        return n", "'flow' stands under the `if` in line 2"),
        ("%%entrypoint -i 1\nflow = lambda n: n", "a lambda is no def: write `def flow(...):`"),
        ("%%entrypoint -i 1\ndef flow(n):\n    return n\nflow.invoke(1)", "line 4 follows the def of 'flow'"),
        ("%%task\nx = 1", "%%task: the cell does not end with a def"),
        ("%%task\nwith open('x'):\n    def step(n):\n        return n", "of 'step' stands under the `with` in line 2"),
        ("%%entrypoint --background\ndef flow(n):\n    return n", "--background is for a run"),
        ("%%entrypoint --thread t\ndef flow(n):\n    return n", "--thread is for a run"),
        ("%%entrypoint -i 1 --out flow\ndef flow(n):\n    return n", "--out flow is the name of the workflow"),
        ("%%entrypoint -i 1 --out class\ndef flow(n):\n    return n", "--out is 'class', but it must be a Python name"),
        ("%%entrypoint --inptu 1\ndef flow(n):\n    return n", "--inptu (did you mean '--input'?)"),
    ],
)
def test_a_cell_that_can_not_be_meant_says_why(shell: Shell, cell: str, message: str) -> None:
    error = shell.fail(cell)
    assert isinstance(error, UsageError)
    assert message in str(error)


def test_a_cell_without_an_input_says_that_nothing_ran(shell: Shell) -> None:
    shell.run("%%entrypoint\ndef flow(n):\n    return n")
    assert shell.shown() == ["flow is defined, and nothing ran: add --input EXPR, or call flow.invoke(...)."]
    shell.run("%%entrypoint --display off\ndef flow(n):\n    return n")
    assert shell.shown() == []


def test_a_name_that_waits_for_an_answer_is_said_to(shell: Shell) -> None:
    shell.run(ASKS)
    shell.fail("answer + 1")
    assert shell.shown() == [
        "answer is bound when the question that waits above is answered: in its form, or by %nbflow resume t ANSWER."
    ]
    shell.fail("other + 1")
    assert shell.shown() == []


def test_a_result_is_bound_whatever_brings_the_answer(shell: Shell) -> None:
    shell.run(ASKS)
    shell.run("%nbflow resume t 3")
    assert shell.names["answer"] == 3
    shell.run("del answer")
    shell.fail("answer")
    assert shell.shown() == [], "it waits for nothing"


def test_an_object_of_another_loop_is_told_with_the_way_out(shell: Shell) -> None:
    shell.run(
        "import asyncio\nlock = asyncio.Semaphore(1)\nasync def touch():\n    async with lock:\n"
        "        await asyncio.sleep(0)\nawait asyncio.gather(touch(), touch())"
    )
    error = shell.fail(
        "%%entrypoint -i 1\nasync def flow(n):\n    async def one():\n        async with lock:\n"
        "            await asyncio.sleep(0.01)\n    await asyncio.gather(one(), one())"
    )
    assert "make it in the body or task that uses it" in "".join(error.__notes__)


def test_a_workflow_is_found_under_its_name_before_old_outputs(shell: Shell) -> None:
    shell.run("%%entrypoint\ndef flow(n):\n    return n")
    shell.run("flow")
    shell.run("%%entrypoint\ndef flow(n):\n    return n")
    found = next(shell.kit.workflows())
    assert found is shell.names["flow"]
    assert isinstance(found, Workflow)


def test_nbflow_alone_says_what_there_is(shell: Shell) -> None:
    shown: Any = shell.run("%nbflow")
    assert "%nbflow resume THREAD ANSWER" in repr(shown)
    assert set(shown._repr_mimebundle_()) == {"text/html", "text/plain"}


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        ("%nbflow thread", "did you mean 'threads'?"),
        ("%nbflow histroy t", "did you mean 'history'?"),
        ("%nbflow calls tt", "did you mean 't'?"),
        ("%nbflow history tt", "did you mean 't'?"),
    ],
)
def test_nearly_right_is_told(shell: Shell, line: str, hint: str) -> None:
    shell.run(ASKS)
    assert hint in str(shell.fail(line))


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("%nbflow hi", ["history"]),
        ("%nbflow history ", ["some-thread", "t"]),
        ("%nbflow history some", ["some-thread"]),
        ("%nbflow history t ", ["--saver"]),
        ("%%entrypoint --thr", ["--thread"]),
        ("%%entrypoint --thread ", ["some-thread", "t"]),
        ("%%entrypoint -i 1 --display s", ["static"]),
        ("%%watch --display l", ["live"]),
        ("%%entrypoint --fresh --reu", ["--reuse"]),
    ],
)
def test_the_tab_key_offers_what_may_come(shell: Shell, line: str, offered: list[str]) -> None:
    shell.run(ASKS)
    shell.run(ASKS.replace("--thread t", "--thread some-thread"))
    keywords = {"and", "if", "in", "is", "not", "or"}  # what IPython itself offers behind a space
    assert set(offers(shell, line)) - keywords == set(offered)


def test_without_a_file_no_thread_is_offered_and_none_is_made(shell: Shell) -> None:
    assert "some-thread" not in offers(shell, "%nbflow history ")
    assert not shell.kit.file.exists()
    assert not isinstance(shell.kit._saver, SqliteSaver)


def test_unloading_takes_the_completions_back(shell: Shell) -> None:
    shell.run("%unload_ext nbflow")
    assert "%nbflow" not in shell.ip.strdispatchers["complete_command"].strs
