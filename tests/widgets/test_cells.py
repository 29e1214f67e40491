"""What an entrypoint cell runs, continues, shows and binds; in a shell without a person before it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from IPython.core.error import UsageError

from nbflow import Workflow
from nbflow_widgets.magics import NbflowMagics
from tests.widgets.conftest import Shell

TASK = """\
%%task
def step(n):
    ran.append(n)
    return n + 1"""
FLOW = """\
%%entrypoint --thread demo --input 1 --out result {options}
from nbflow import interrupt
def flow(n):
    one = step(n).result()
    answer = interrupt({{"question": "Good?", "one": one}})
    return [step(one).result(), answer]"""

BROKEN = """\
%%entrypoint --thread t -i 1
def flow(n):
    one = step(n).result()
    if broken:
        raise ValueError(one)
    return one"""


@pytest.fixture
def flow(shell: Shell) -> Shell:
    shell.run("ran = []")
    shell.run(TASK)
    return shell


def test_a_cell_that_ends_with_a_def_binds_a_workflow_and_runs_it_with_an_input(shell: Shell, tmp_path: Path) -> None:
    assert shell.run("%%entrypoint\ndef flow(n):\n    return n * 2") is None
    assert isinstance(shell.names["flow"], Workflow)
    assert not (tmp_path / ".nbflow" / "threads.db").exists() or shell.names["flow"].checkpointer is not None
    assert shell.run("%%entrypoint --input 4 --out twice\nasync def flow(n):\n    return n * 2") == 8
    assert shell.names["twice"] == 8
    assert shell.shown() == ["flow: done"] or "flow" in shell.shown()[0]
    assert (tmp_path / ".nbflow" / "threads.db").exists()


def test_a_decorated_def_is_taken_as_it_is(shell: Shell) -> None:
    shell.run("from nbflow import entrypoint, InMemorySaver\nsaver = InMemorySaver()")
    shell.run("%%entrypoint -i 1\n@entrypoint(checkpointer=saver)\ndef flow(n):\n    return n")
    assert shell.names["flow"].checkpointer is shell.names["saver"]
    shell.run("%%entrypoint -i 1\n@entrypoint()\ndef flow(n):\n    return n")
    assert shell.names["flow"].checkpointer is shell.kit.default_saver()
    shell.run("%%entrypoint -i 1 --saver saver\ndef flow(n):\n    return n")
    assert shell.names["flow"].checkpointer is shell.names["saver"]


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        ("%%entrypoint\n1 + 1", "it wants a name"),
        ("%%entrypoint\n%%task\ndef f(n):\n    return n", "not found"),
        ("%%entrypoint -i 1\nfrom nbflow import task\n@task\ndef f(n):\n    return n", "wants a plain function"),
        ("%%entrypoint flow -i cats\n1", "NameError: name 'cats' is not defined (a text wants quotes within quotes)"),
        ("%%task x\ndef f(n):\n    return n", "takes nothing on its line"),
        ("%%entrypoint flow --reuse\n1", "name it with --thread"),
    ],
)
def test_a_mistake_on_the_line_is_told_in_one_line(shell: Shell, monkeypatch: Any, cell: str, message: str) -> None:
    error = shell.fail(cell)
    assert isinstance(error, UsageError), error
    assert message in str(error)


def test_without_a_thread_each_execution_is_a_new_one(shell: Shell) -> None:
    for _ in range(2):
        shell.run("%%entrypoint flow\n1")
    one, other = shell.kit.default_saver().thread_ids()
    assert one.startswith("flow-")
    assert one < other


def test_a_paused_run_is_shown_again_without_running_the_body(flow: Shell) -> None:
    flow.names["result"] = "old"
    assert flow.run(FLOW.format(options="")) is None
    assert flow.shown()[-1].endswith("asks: Good?\n  one: 2")
    assert "result" not in flow.names
    flow.run(FLOW.format(options=""))
    assert flow.shown()[-1].endswith("asks: Good?\n  one: 2")
    assert flow.names["ran"] == [1]
    assert flow.run(FLOW.format(options="--answers \"['yes']\"")) == [3, "yes"]
    assert (flow.names["ran"], flow.names["result"]) == ([1, 2], [3, "yes"])


def test_a_finished_run_is_shown_again_and_nothing_runs(flow: Shell) -> None:
    first = flow.run(FLOW.format(options='--answers "[0]"'))
    del flow.names["result"]
    assert flow.run(FLOW.format(options='--answers "[1]"')) == first
    assert flow.names["result"] == first
    assert flow.names["ran"] == [1, 2]


def test_a_finished_run_of_edited_code_is_run_again(flow: Shell) -> None:
    flow.run(FLOW.format(options='--answers "[0]"'))
    edited = FLOW.format(options='--answers "[0]"').replace("one = step(n)", "one = step(n + 1 - 1)")
    assert edited.count("n + 1 - 1") == 1
    flow.run(edited)
    assert flow.names["ran"] == [1, 2, 1, 2]


def test_reuse_pays_only_for_what_changed(flow: Shell) -> None:
    flow.run(FLOW.format(options='--answers "[0]"'))
    edited = FLOW.format(options='--reuse --answers "[5]"').replace("return [", "return [100, ")
    assert edited.count("100, ") == 1
    assert flow.run(edited) == [100, 3, 5]
    assert flow.names["ran"] == [1, 2]


def test_reuse_tells_what_was_answered_before_and_asks_again(flow: Shell) -> None:
    flow.run(FLOW.format(options='--answers "[5]"'))
    edited = FLOW.format(options="--reuse").replace("return [", "return [100, ")
    flow.run(edited)
    assert "answered before: 5" in flow.shown()[-1]
    assert flow.names["ran"] == [1, 2]
    flow.run(edited.replace("--reuse", "--reuse --plan"))
    assert "answered before: 5" in flow.shown()[-1]


def test_fresh_starts_over_and_another_input_too(flow: Shell) -> None:
    flow.run(FLOW.format(options=""))
    flow.run(FLOW.format(options="--fresh"))
    assert flow.names["ran"] == [1, 1]
    flow.run(FLOW.format(options="").replace("--input 1", "--input 5"))
    assert flow.names["ran"] == [1, 1, 5]
    assert "had another input" in flow.shown()[-1]


def test_a_failed_run_goes_on_where_it_failed(flow: Shell) -> None:
    text = BROKEN
    flow.names["broken"] = True
    flow.fail(text)
    assert "run the cell again to go on, with --fresh to start over" in flow.shown()[-1]
    flow.names["broken"] = False
    assert flow.run(text) == 2
    assert flow.names["ran"] == [1]


def test_a_changed_body_runs_again_and_says_so(flow: Shell) -> None:
    flow.run(FLOW.format(options=""))
    changed = FLOW.format(options='--answers {"Good?": 0}').replace("step(n)", "step(n + 10)")
    assert flow.run(changed) == [13, 0]
    why = "The body asks for the call with the arguments 11 now, not for 'step' with the arguments 1"
    assert f"{why}: what was recorded from call 0.0 on was discarded" in flow.shown()[-1]


def test_off_shows_the_result_only_and_static_one_output(flow: Shell) -> None:
    flow.run(FLOW.format(options='--display off --answers "[0]"'))
    assert flow.outputs == []
    flow.run(FLOW.format(options='--answers "[0]"'))
    assert len(flow.outputs) == 1


def test_the_static_output_is_the_same_every_time(shell: Shell) -> None:
    cell = "%%entrypoint flow --display static\nfrom nbflow import interrupt\ninterrupt({'a': 1})"
    shell.run(cell)
    first = dict(shell.outputs[0].data)
    shell.run(cell)
    assert shell.outputs[0].data == first


def test_a_decided_answer_that_does_not_fit_is_an_error(shell: Shell) -> None:
    shell.run("from nbflow import interrupt")
    error = shell.fail("%%entrypoint flow --answers ['many']\ninterrupt('How many?', response_schema=int)")
    assert "must be of type integer" in str(error)


def test_a_body_that_gets_no_input_gets_an_empty_dict(shell: Shell) -> None:
    assert shell.run("%%entrypoint flow\ninputs") == {}


def test_a_failure_before_the_end_leaves_nothing_behind(shell: Shell) -> None:
    shell.fail("%%entrypoint -i 1\n1 / 0\ndef flow(n):\n    return n")
    assert "flow" not in shell.names
    assert shell.run("1 + 1") == 2


def test_advice_is_shown_and_is_no_error(shell: Shell) -> None:
    shell.run("%%entrypoint\nimport time\ndef flow(n):\n    return time.time()")
    assert "time.time() in line 4" in shell.shown()[0]


def test_watch_shows_every_run_that_a_cell_starts(flow: Shell) -> None:
    flow.run("from nbflow import interrupt")
    flow.run("%%entrypoint\ndef flow(n):\n    step(n).result()\n    return interrupt('?') if n > 5 else n")
    flow.run("config = lambda name: {'configurable': {'thread_id': name}}")
    assert flow.run("%%watch\nflow.invoke(1, config('a'))\nflow.invoke(9, config('b'))\n'end'") == "end"
    assert ["asks: ?" in text for text in flow.shown()] == [False, True]
    flow.run("flow.invoke(1, config('c'))")
    assert flow.outputs == []
    flow.fail("%%watch\nflow.invoke(2, config('a'))\n1 / 0")
    assert len(flow.outputs) == 1


@pytest.mark.parametrize(
    ("saver", "told"),
    [("kit.default_saver()", ""), ("saver", " --saver saver"), ("InMemorySaver()", " --saver flow.checkpointer")],
)
def test_watch_says_where_a_question_is_answered(shell: Shell, saver: str, told: str) -> None:
    shell.names["kit"] = shell.kit
    shell.run("from nbflow import entrypoint, interrupt, InMemorySaver\nsaver = InMemorySaver()")
    shell.run(f"@entrypoint(checkpointer={saver})\ndef flow(n):\n    return interrupt('?')")
    shell.run("%%watch\nasked = flow.invoke(1, {'configurable': {'thread_id': 'w'}})")
    assert f"%nbflow inbox{told}<" in shell.outputs[0].data["text/html"]


def test_a_task_with_a_cache_policy_finds_a_cache(shell: Shell) -> None:
    shell.run("from nbflow.types import CachePolicy\nRAN = []")
    shell.run(
        "from nbflow import task\n@task(cache_policy=CachePolicy(), version='1')\ndef slow(n):\n    RAN.append(n)"
    )
    for _ in range(2):
        shell.run("%%entrypoint --input 4\ndef flow(n):\n    slow(n).result()")
    shell.run("%%entrypoint body --input 4\nslow(inputs).result()")
    assert shell.names["RAN"] == [4]


def test_a_home_on_the_network_is_used_without_a_write_ahead_log(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nbflow.database.opening.file_system_of", lambda _: "nfs4")
    assert shell.run("%%entrypoint --input 4 --thread t\ndef flow(n):\n    return n * 2") == 8
    assert (tmp_path / ".nbflow" / "threads.db").exists()
    assert not (tmp_path / ".nbflow" / "threads.db-wal").exists()


def test_the_help_says_what_becomes_of_a_finished_run(shell: Shell) -> None:
    said = " ".join((NbflowMagics.entrypoint.__doc__ or "").split())
    cell = "%%entrypoint --thread demo --input {}\ndef flow(n):\n    ran.append(n)\n    return n"
    shell.run("ran = []")
    shell.run(cell.format(1))
    shell.run(cell.format(1))
    assert shell.names["ran"] == [1]
    assert "A finished one with the same input is shown again, and nothing runs" in said
    shell.run(cell.format(2))
    shell.run(cell.format(2).replace("return n", "return -n"))
    assert shell.names["ran"] == [1, 2, 2]
    assert "with another input, or after an edit, a new run begins" in said
    shell.run(cell.format("2 --fresh").replace("return n", "return -n"))
    assert shell.names["ran"] == [1, 2, 2, 2]
    assert "--fresh begins one anyway" in said
