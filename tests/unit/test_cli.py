"""The command line, as a shell sees it: what it prints, and its exit codes."""

from __future__ import annotations

import ast
import importlib
import importlib.metadata
import io
import json
import re
import shlex
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from nbflow import Command
from nbflow.cli import main
from nbflow.types import how_to_write, misfits, read_answer

MODULE = """
import nbflow

@nbflow.task
def step(n):
    return n + 1

@nbflow.entrypoint(checkpointer=nbflow.SqliteSaver("runs.db"))
def flow(n):
    done = step(n).result()
    return [done, nbflow.interrupt("Go on?")]

not_one = 5
"""


NOTEBOOK = {
    "cells": [{"cell_type": "code", "source": "%%entrypoint\ndef flow(n):\n    return n"}],
    "metadata": {},
    "nbformat": 4,
    "nbformat_minor": 5,
}
ROOT = Path(__file__).parents[2]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with a module, and a file with a thread that asks and one that is done."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", ["", *sys.path])
    monkeypatch.delitem(sys.modules, "pipelines", raising=False)
    (tmp_path / "pipelines.py").write_text(MODULE)
    (tmp_path / "a.ipynb").write_text(json.dumps(NOTEBOOK))
    flow = importlib.import_module("pipelines").flow
    for thread in ("asks", "done"):
        flow.invoke(1, {"configurable": {"thread_id": thread}})
    flow.invoke(Command(resume="yes"), {"configurable": {"thread_id": "done"}})
    return tmp_path


def run(capsys: pytest.CaptureFixture[str], *line: str) -> tuple[int, str, str]:
    code = main(line)
    shown = capsys.readouterr()
    return code, shown.out, shown.err


def test_threads_are_listed(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "threads", "runs.db")
    head, *rows = [line.split() for line in out.splitlines()]
    assert (code, head) == (0, ["THREAD", "WORKFLOW", "STATE", "RUNS", "UPDATED"])
    assert sorted(row[:4] for row in rows) == [["asks", "flow", "asking", "1"], ["done", "flow", "done", "1"]]
    code, out, _ = run(capsys, "threads", "runs.db", "--json")
    assert {one["thread_id"]: one["status"] for one in json.loads(out)} == {"asks": "asking", "done": "done"}


def test_a_thread_is_shown(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "show", "runs.db", "asks")
    first, second = out.splitlines()
    assert (code, first) == (0, "flow: asking, 1 calls (1 done)")
    assert second.startswith("  step(1) done ")
    code, out, _ = run(capsys, "show", "runs.db", "asks", "--json")
    assert [(one["path"], one["state"]) for one in json.loads(out)] == [("0", "asking"), ("0.0", "done")]


def test_an_answer_is_recorded_and_gone_on_with(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "answer", "runs.db", "asks", '{"a": 1}', "--by", "ada")[:2] == (0, "answered\n")
    assert run(capsys, "resume", "pipelines:flow", "asks")[:2] == (0, "[2, {'a': 1}]\n")


def test_a_run_that_asks_still_has_a_code_of_its_own(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "resume", "pipelines:flow", "asks")[:2] == (3, "asks: 'Go on?'\n")
    assert run(capsys, "resume", "pipelines:flow", "asks", "--answer", "yes")[:2] == (0, "[2, 'yes']\n")


ASKS = """
import datetime as dt
import enum
from dataclasses import dataclass
import nbflow

@dataclass
class Movie:
    title: str
    year: int
    tags: list[str]

KINDS = {"bool": bool, "bool or none": bool | None, "int": int, "float": float, "str": str, "list": list[int],
         "date": dt.date, "movie": Movie, "choice": {"enum": ["a", "b"]}, "either": bool | str}

@nbflow.entrypoint(checkpointer=nbflow.SqliteSaver("runs.db"))
def asks(kind):
    return nbflow.interrupt(kind, response_schema=KINDS[kind])

@nbflow.entrypoint(checkpointer=nbflow.SqliteSaver("runs.db"))
def two(_):
    def one(n):
        return nbflow.interrupt(n, response_schema=bool)
    step = nbflow.task(one)
    first, second = step(1), step(2)
    return [first.result(), second.result()]
"""


@pytest.fixture
def asking(folder: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Return a module with workflows that ask for answers of a type."""
    monkeypatch.delitem(sys.modules, "asking", raising=False)
    (folder / "asking.py").write_text(ASKS)
    return importlib.import_module("asking")


@pytest.mark.parametrize(
    ("kind", "text", "answer"),
    [
        *(("bool", one, True) for one in ("yes", "Y", "on", "True", "true")),
        *(("bool", one, False) for one in ("no", "N", "OFF", "false")),
        ("bool or none", "yes", True),
        ("bool or none", "null", None),
        ("either", "yes", "yes"),
        ("int", "3", 3),
        ("str", "3", "3"),
        ("str", "yes", "yes"),
        ("str", '"quoted"', "quoted"),
        ("choice", "a", "a"),
        ("list", "[1, 2]", [1, 2]),
    ],
)
@pytest.mark.parametrize("command", ["answer", "resume"])
def test_an_answer_is_written_as_people_write_it(
    asking: ModuleType, capsys: pytest.CaptureFixture[str], command: str, kind: str, text: str, answer: object
) -> None:
    config = {"configurable": {"thread_id": "t"}}
    asking.asks.invoke(kind, config)
    if command == "answer":
        assert run(capsys, "answer", "runs.db", "t", text)[:2] == (0, "answered\n")
        assert asking.asks.invoke(None, config) == answer
    else:
        assert run(capsys, "resume", "asking:asks", "t", "--answer", text)[:2] == (0, f"{answer!r}\n")


@pytest.mark.parametrize("kind", ["bool", "bool or none", "int", "float", "list", "date", "movie", "choice"])
@pytest.mark.parametrize("command", ["answer", "resume"])
def test_a_wrong_answer_is_told_how_one_is_written(
    asking: ModuleType, capsys: pytest.CaptureFixture[str], command: str, kind: str
) -> None:
    asking.asks.invoke(kind, {"configurable": {"thread_id": "t"}})

    def given(text: str) -> tuple[int, str, str]:
        line = ("runs.db", "t", text) if command == "answer" else ("asking:asks", "t", "--answer", text)
        return run(capsys, command, *line)

    code, _, error = given("perhaps")
    assert code == 1
    how = error.strip().partition("Write it like this: ")[2]
    for one in how.split(" or ")[:1]:
        (word,) = shlex.split(one) if one.startswith("'") else [one]
        assert given(word)[0] == 0, "as it said"


def test_several_questions_are_answered_by_their_ids(asking: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    config = {"configurable": {"thread_id": "t"}}
    found = asking.two.invoke(0, config)["__interrupt__"]
    text = json.dumps({one.id: word for one, word in zip(found, ["yes", "no"], strict=True)})
    assert run(capsys, "answer", "runs.db", "t", text)[:2] == (0, "answered\n")
    assert asking.two.invoke(None, config) == [True, False]


def test_runs_are_handed_over(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "export", "runs.db", "done", "run.nbf")[0] == 0
    assert run(capsys, "import", "other.db", "run.nbf", "--thread", "mine")[0] == 0
    code, out, _ = run(capsys, "show", "other.db", "mine")
    assert (code, out.splitlines()[0]) == (0, "flow: done, 1 calls (1 done)")


def test_a_report_is_a_page(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "report", "runs.db", "done", "page.html")[0] == 0
    assert (folder / "page.html").read_text().startswith("<!doctype html>")


def test_pruning_says_what_it_would_drop_and_then_does(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "prune", "runs.db", "--delete", "--older-than", "7d")[1] == "dropped 0 runs, 0 bytes\n"
    assert run(capsys, "prune", "runs.db", "--delete", "--dry-run")[1].startswith("would drop 2 runs, ")
    assert run(capsys, "prune", "runs.db", "--delete")[1].startswith("dropped 2 runs, ")
    assert run(capsys, "threads", "runs.db", "--json")[1] == "[]\n"


@pytest.mark.parametrize(
    ("line", "text"),
    [
        (("threads", "none.db"), "there is no file 'none.db'"),
        (("show", "runs.db", "nobody"), "there is no thread 'nobody'; there are asks, done"),
        (("answer", "runs.db", "done", "1"), "finished its last run"),
        (("resume", "pipelines", "asks"), "MODULE:NAME"),
        (("resume", "pipelines:not_one", "asks"), "has no workflow 'not_one'"),
        (("resume", "nowhere:flow", "asks"), "No module named 'nowhere'"),
        (("resume", "pipelines.py:flow", "asks"), "pipelines:flow, but got 'pipelines.py:flow'"),
        (("resume", "some/pipelines.py:flow", "asks"), "some.pipelines:flow, but got"),
        (("module", "a.ipynb", "pipelines.py"), "pipelines.py is there; name another file, or pass --overwrite"),
        (("report", "runs.db", "done", "pipelines.py"), "pass --overwrite"),
        (("export", "runs.db", "done", "pipelines.py"), "pass --overwrite"),
        (("prune", "runs.db", "--older-than", "soon"), "an age is a number and m, h, d or w"),
        (("import", "other.db", "pipelines.py"), "pipelines.py"),
        (("completion", "command.com"), "there is completion for bash, zsh"),
    ],
)
def test_what_can_not_be_is_told_with_code_1(
    folder: Path, capsys: pytest.CaptureFixture[str], line: tuple[str, ...], text: str
) -> None:
    code, out, err = run(capsys, *line)
    assert (code, out) == (1, "")
    assert err.startswith(f"nbflow {line[0]}: ")
    assert text in err


def test_a_file_that_is_there_is_replaced_if_that_is_said(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for command in ("report", "export"):
        assert run(capsys, command, "runs.db", "done", "pipelines.py", "--overwrite")[0] == 0
    assert run(capsys, "import", "other.db", "pipelines.py")[0] == 0


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        main(["--version"])
    assert capsys.readouterr().out == f"nbflow {importlib.metadata.version('nbflow')}\n"


def test_make_lists_what_it_makes() -> None:
    listed = subprocess.run(["make", "help"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    made = re.findall(r"^make ([\w-]+) +\S", listed, re.MULTILINE)
    phony = re.search(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert phony is not None
    assert set(phony[1].split()) - set(made) == {"lint", "types", "pytest", "notebooks", "rest"}, "parts of make test"


def test_a_shell_completes_commands_options_and_files(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, script, _ = run(capsys, "completion", "bash")
    assert code == 0
    asked = f"""{script}
COMP_WORDS=(nbflow "$@"); COMP_CWORD=$#; COMP_LINE="nbflow $*"; COMP_POINT=${{#COMP_LINE}}
_shtab_nbflow; printf '%s\n' "${{COMPREPLY[@]}}"
"""
    for words, found in (
        (["ex"], {"export"}),
        (["show", "--j"], {"--json"}),
        (["show", "pipe"], {"pipelines.py"}),
        (["demo", "pipe"], {""}),
    ):
        done = subprocess.run(["bash", "-c", asked, "bash", *words], capture_output=True, text=True, check=True)
        assert set(done.stdout.split("\n")[:-1]) == found, done.stderr


def test_without_shtab_completion_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "shtab", None)
    code, _, err = run(capsys, "completion", "bash")
    assert (code, err) == (1, "nbflow completion: completion needs shtab: pip install 'nbflow[completion]'\n")


def test_it_runs_as_a_module(folder: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "nbflow", "threads", "runs.db"], capture_output=True, text=True, check=True
    )
    assert "asking" in done.stdout
    wrong = subprocess.run([sys.executable, "-m", "nbflow", "thread"], capture_output=True, text=True, check=False)
    assert wrong.returncode == 2
    assert "invalid choice: 'thread'" in wrong.stderr


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("command", [("threads", "runs.db"), ("show", "runs.db", "done")])
def test_a_terminal_has_colours_by_state_where_rich_is_installed(
    folder: Path, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    assert folder.exists()
    for name in ("NO_COLOR", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    written = []
    for is_installed in (True, False):
        if not is_installed:
            monkeypatch.setitem(sys.modules, "rich.console", None)
        terminal = Terminal()
        monkeypatch.setattr(sys, "stdout", terminal)
        assert main(command) == 0
        written.append(terminal.getvalue())
    coloured, plain = written
    assert "\x1b[32mdone" in coloured
    assert "\x1b" not in plain
    without = [re.sub(r"\x1b\[[0-9;]*m", "", line).split() for line in coloured.splitlines()]
    assert without == [line.split() for line in plain.splitlines()]


def test_what_a_terminal_would_obey_is_not_written(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    flow = importlib.import_module("pipelines").flow
    flow.invoke(1, {"configurable": {"thread_id": "red\x1b[31m\x07"}})
    _, out, _ = run(capsys, "threads", str(folder / "runs.db"))
    assert "red\N{REPLACEMENT CHARACTER}[31m" in out
    assert "\x1b" not in out


SCHEMAS: list[dict[str, Any]] = [
    {"type": "string"},
    {"type": "integer", "minimum": 5, "maximum": 9},
    {"type": "integer", "multipleOf": 7, "minimum": 8},
    {"type": "number", "exclusiveMaximum": 1},
    {"minimum": 10},
    {"type": "string", "minLength": 9},
    {"type": "string", "maxLength": 2},
    {"type": "array", "items": {"type": "integer"}, "minItems": 3},
    {"type": "array", "items": {"enum": ["a", "b", "c"]}, "uniqueItems": True, "minItems": 2},
    {"type": "array", "prefixItems": [{"type": "string"}, {"type": "integer"}]},
    {"properties": {"a": {"type": "boolean"}}, "required": ["a"]},
    {"type": "object", "additionalProperties": {"type": "integer"}, "minProperties": 1},
    {"const": 3},
    {"type": ["string", "null"]},
    {"anyOf": [{"type": "integer"}, {"type": "string"}]},
    {"allOf": [{"type": "integer"}, {"minimum": 7}]},
    {"$ref": "#/$defs/x", "$defs": {"x": {"type": "object", "properties": {"n": {"type": "number"}}}}},
    {"type": "null"},
    {"type": "string", "format": "date"},
    {"type": "string", "format": "email"},
    {"type": "string", "format": "uuid"},
]


@pytest.mark.parametrize("schema", SCHEMAS, ids=str)
def test_how_an_answer_is_written_is_an_answer_that_fits(schema: dict[str, Any]) -> None:
    shell, python = how_to_write(schema), how_to_write(schema, python=True)
    assert misfits(read_answer(shell.strip("'"), schema), schema) == []
    assert misfits(ast.literal_eval(python), schema) == []


def test_where_no_example_fits_the_schema_is_shown() -> None:
    assert how_to_write({"type": "string", "pattern": "^[A-Z]{3}$"}) == "a text that matches ^[A-Z]{3}$"
    assert how_to_write({"type": "object", "minProperties": 3}).startswith("JSON that fits {")
    assert (how_to_write(None), how_to_write({})) == ("", "")
    assert how_to_write({"enum": ["a", 2, None]}) == "a or 2 or null"
    assert how_to_write({"enum": ["a", 2, None]}, python=True) == "'a' or 2 or None"
