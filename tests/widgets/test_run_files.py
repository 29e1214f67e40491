"""``%nbflow export`` and ``%nbflow import``: a run as a file, in a notebook."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from IPython.core.error import UsageError

import nbflow_widgets
from nbflow_widgets.completion import Completer
from nbflow_widgets.subcommands import usage
from tests.widgets.conftest import Shell

FLOW = """\
%%entrypoint --thread asks --input "{'api_key': 'sk-2f9a77c1'}"
from nbflow import interrupt, task
@task
def fetch(given):
    print("with", given["api_key"])
    return {"rows": [1, 2]}
def flow(given):
    return fetch(given).result(), interrupt("Go on?")"""


@pytest.fixture
def there(shell: Shell) -> Shell:
    shell.run(FLOW)
    return shell


class Typed:
    """What IPython tells a completer."""

    def __init__(self, line: str) -> None:
        self.text_until_cursor = line
        self.symbol = "" if line.endswith(" ") else line.rsplit(maxsplit=1)[-1]


def offered(shell: Shell, line: str) -> list[str]:
    return Completer(shell.kit)(None, Typed(line))


def test_a_run_goes_out_and_comes_back_under_another_name(there: Shell) -> None:
    assert repr(there.run("%nbflow export asks run.nbf")).startswith("Wrote the runs of thread 'asks' to run.nbf (")
    told = "Thread back has 1 run of run.nbf; the newest, of flow, is asking. %nbflow timeline back shows it."
    assert repr(there.run("%nbflow import run.nbf back")) == told
    assert there.run("%nbflow resume back 1") == ({"rows": [1, 2]}, 1)


def test_all_that_shows_runs_shows_an_imported_one(there: Shell, tmp_path: Path) -> None:
    there.run("%nbflow resume asks 1")
    there.run("%nbflow export asks run.nbf")
    there.run("from nbflow import InMemorySaver; other = InMemorySaver()")
    there.run("%nbflow import run.nbf --saver other")
    for name in ("timeline", "calls", "callgraph", "history", "timing"):
        line = f"%nbflow {name} asks"
        assert repr(there.run(f"{line} --saver other")) == repr(there.run(line))
    assert list(there.run("%nbflow threads --saver other")["thread_id"]) == ["asks"]
    there.run("%nbflow report asks page.html --saver other")
    assert "fetch" in Path("page.html").read_text(encoding="utf-8")
    there.run("%nbflow import run.nbf copy")
    difference: Any = there.run("%nbflow diff asks copy")
    assert {*difference.calls["change"]} == {"equal"}


def test_secrets_are_masked_as_the_line_says(there: Shell) -> None:
    there.run("%nbflow export asks run.nbf --redact ['api_key']")
    there.run("%nbflow import run.nbf masked")
    assert "sk-2f9a77c1" not in there.run("%nbflow timeline masked")._repr_mimebundle_()["text/html"]
    assert "sk-2f9a77c1" in there.run("%nbflow timeline asks")._repr_mimebundle_()["text/html"]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("export nope run.nbf", "there is no such thread"),
        ("export asks", "missing a required argument: 'path'"),
        ("export asks mine.txt", "a file is there"),
        ("export asks run.nbf --redact 3", "it is a function, or names of keys"),
        ("export asks run.nbf --redact", "--redact wants an expression"),
        ("export asks run.nbf --redct 3", "did you mean '--redact'?"),
        ("export asks no/run.nbf", "make the folder first"),
        ("import mine.txt", "no file that export_run() wrote"),
        ("import nope.nbf", "there is no such file"),
        ("import there.nbf", "that thread has runs; name another one"),
    ],
)
def test_a_wrong_line_is_told_in_one_line(there: Shell, line: str, message: str) -> None:
    Path("mine.txt").write_text("mine", encoding="utf-8")
    there.run("%nbflow export asks there.nbf")
    error = there.fail(f"%nbflow {line}")
    assert isinstance(error, UsageError)
    assert message in str(error)
    assert Path("mine.txt").read_text(encoding="utf-8") == "mine"
    assert not Path("run.nbf").exists()


def test_a_run_at_hand_is_written_with_what_it_needs(there: Shell) -> None:
    run = there.names["flow"].last_run({"configurable": {"thread_id": "asks"}})
    nbflow_widgets.export_run(run, "run.nbf")
    assert repr(there.run("%nbflow export asks run.nbf --overwrite")).startswith("Wrote the runs of thread")


def test_help_and_completion_know_them(there: Shell) -> None:
    assert usage("export") == "export THREAD PATH [--redact EXPR] [--overwrite]"
    assert usage("import") == "import PATH [THREAD]"
    assert "%nbflow export THREAD PATH" in repr(there.run("%nbflow"))
    there.run("%nbflow export asks run.nbf")
    assert offered(there, "%nbflow ex") == ["export", "explore"]
    assert offered(there, "%nbflow export ") == ["asks"]
    assert offered(there, "%nbflow export asks run.nbf --") == ["--overwrite", "--redact", "--saver"]
    assert offered(there, "%nbflow import ") == ["run.nbf"]
