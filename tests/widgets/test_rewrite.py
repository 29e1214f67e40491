"""A rewritten cell does what its author wrote, on the lines where it stands."""

from __future__ import annotations

import ast
import re
import traceback

import pytest

import nbflow_widgets
from nbflow.fingerprint import digest_of
from nbflow_widgets.rewrite import CellRewriter, assigned_names, rewrite_lines
from tests.widgets.conftest import Shell


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("%%entrypoint flow -i 1\n", "await __nbflow_cell__.entrypoint('flow -i 1')\n"),
        ("%%entrypoint\n", "await __nbflow_cell__.entrypoint('')\n"),
        ("%%task\n", "__nbflow_cell__.task('')\n"),
        ("%%watch", "__nbflow_cell__.watch('')\n"),
        ("%%entrypoint?\n", "%%entrypoint?\n"),
        ("%%entrypoints\n", "%%entrypoints\n"),
        ("x = 1\n", "x = 1\n"),
    ],
)
def test_only_the_line_of_a_magic_of_ours_is_replaced(line: str, expected: str) -> None:
    assert rewrite_lines([line, "body\n"]) == [expected, "body\n"]
    assert rewrite_lines([]) == []


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("a = 1; b: int = 2; c: int", {"a", "b", "c"}),
        ("import os.path, sys as system; from m import n as k", {"os", "system", "k"}),
        ("[i for i in x]; {j: k for j, k in y}", set()),
        ("[w := i for i in x]", {"w"}),
        ("def f(p):\n    q = 1\nclass K:\n    r = 1", {"f", "K"}),
        ("for i, (j, *k) in x:\n    with o as l:\n        pass", {"i", "j", "k", "l"}),
        ("try:\n    pass\nexcept E as e:\n    del d", {"e", "d"}),
        ("x.a = y[0] = 1; lambda v: v", set()),
        ("match x:\n    case {'k': m, **rest}:\n        pass", {"m", "rest"}),
        ("n += 1", {"n"}),
    ],
)
def test_the_names_that_a_body_assigns_are_found(text: str, names: set[str]) -> None:
    assert assigned_names(ast.parse(text).body) == names


def test_a_cell_of_somebody_else_stays_as_it_is() -> None:
    tree = ast.parse("x = 1\nawait f()")
    assert CellRewriter().visit(tree) is tree


BODY = """\
%%entrypoint flow --input 3
import math
x: int = inputs
twice: float
def double(n):
    return n * 2
class Box:
    size = x
squares = [i * x for i in range(3)]
if (half := x / 2) > 1:
    from os.path import *
try:
    1 / 0
except ZeroDivisionError as error:
    text = str(error)
total = double(x) + sum(squares)
inputs = total
[inputs, Box.size, math.floor(half), text]"""


def test_names_that_a_body_assigns_are_the_notebooks(shell: Shell) -> None:
    with pytest.raises(AssertionError, match="import \\* only allowed at module level"):
        shell.run(BODY)
    assert shell.run(BODY.replace("    from os.path", "    pass\nfrom os.path")) == [15, 3, 1, "division by zero"]
    assert shell.run("x, squares, half, text, total, Box.__qualname__, double(4), join.__name__") == (
        3, [0, 3, 6], 1.5, "division by zero", 15, "Box", 8, "join",
    )  # fmt: skip
    assert {"inputs", "i", "error", "__nbflow_body__"} & set(shell.names) == set()


def test_a_body_may_await(shell: Shell) -> None:
    assert shell.run("%%entrypoint flow -i 2\nimport asyncio\nawait asyncio.sleep(0)\ninputs + 1") == 3
    assert shell.names["flow"].spec.is_async
    assert shell.run("%%entrypoint flow -i 2\n[x async for x in inputs] if 0 else inputs") == 2


def test_magics_and_shell_lines_work_in_a_body(shell: Shell) -> None:
    shell.run("%%entrypoint flow\nfound = !echo hello\n%precision 2\nfound[0]")
    assert shell.names["found"][0] == "hello"


def test_the_source_of_what_a_cell_defines_is_found(shell: Shell) -> None:
    shell.run("%%entrypoint flow\n\ndef helper():\n    return 1\nhelper()")
    assert shell.run("import inspect; inspect.getsource(helper)") == "def helper():\n    return 1\n"
    shell.run("%%entrypoint\n# a comment\ndef flow(n):\n    return n")
    assert shell.run("inspect.getsource(flow)") == "def flow(n):\n    return n\n"


def test_the_code_of_a_body_is_digested(shell: Shell) -> None:
    digests = []
    for text in ("1 + inputs.get('a', 0)", "1 + inputs.get('a', 0)  # same", "2 + inputs.get('b', 0)"):
        shell.run(f"%%entrypoint flow\n{text}")
        digests.append(digest_of(shell.names["flow"].spec))
    assert digests[0] == digests[1] != digests[2]


@pytest.mark.parametrize(
    ("cell", "line", "message"),
    [
        ("%%entrypoint flow\nx = 1\nreturn x", 3, "'return' outside function"),
        ("%%entrypoint flow\nx = 1\n\nyield x", 4, "'yield' outside function"),
        ("%%entrypoint flow\nx = (1\ny = 2", 2, "was never closed"),
        ("%%entrypoint flow\n\nif x:\npass", 4, "expected an indented block"),
    ],
)
def test_a_mistake_is_shown_where_it_is_and_nothing_runs(shell: Shell, cell: str, line: int, message: str) -> None:
    error = shell.fail(cell)
    assert isinstance(error, SyntaxError)
    assert message in str(error)
    assert error.lineno == line
    assert "x" not in shell.names


@pytest.mark.parametrize("colours", ["nocolor", "linux"])
def test_a_traceback_shows_the_lines_of_the_cell_and_none_of_ours(shell: Shell, colours: str) -> None:
    shell.ip.colors = colours
    shell.fail("%%entrypoint flow -i 0\n\ndef part(n):\n    return 1 / n\nq = part(inputs)")
    text = re.sub(r"\x1b\[[\d;]*m", "", shell.text)
    assert re.search(r"Cell In\[\d+\], line 5\n", text)
    assert "----> 5 q = part(inputs)" in text
    assert "----> 4     return 1 / n" in text
    assert "nbflow" not in text


def test_the_error_of_a_task_shows_both_places(shell: Shell) -> None:
    shell.run("%%task\ndef part(n):\n    return 1 / n")
    shell.fail("%%entrypoint --input 0\ndef flow(n):\n    return part(n).result()")
    assert "----> 3     return part(n).result()" in shell.text
    assert "----> 3     return 1 / n" in shell.text
    assert "task 'part', call 0.0" in shell.text
    assert "core/" not in shell.text


@pytest.mark.parametrize(
    "call", ["flow.invoke(0)", "await flow.ainvoke(0)", "flow.start(0).result()", "list(flow.stream(0))"]
)
def test_a_run_of_a_plain_cell_fails_with_the_users_lines_alone(shell: Shell, call: str) -> None:
    shell.run("import nbflow\n@nbflow.task\ndef part(n):\n    return 1 / n")
    body = "    try:\n        return part(n).result()\n    except ZeroDivisionError as error:\n"
    shell.run(f"@nbflow.entrypoint()\ndef flow(n):\n{body}        raise ValueError('no') from error")
    error = shell.fail(f"x = 1\n{call}")
    for line in (f"----> 2 {call}", "----> 4     return 1 / n", "raise ValueError('no') from error"):
        assert line in shell.text
    assert "/nbflow/" not in shell.text
    names = [frame.f_globals["__name__"] for frame, _ in traceback.walk_tb(error.__traceback__)]
    assert any(name.startswith("nbflow.") for name in names), "the error itself is as Python has it"


def test_a_workflow_called_wrongly_points_at_the_line_that_does(shell: Shell) -> None:
    shell.run("import nbflow\n@nbflow.entrypoint(checkpointer=nbflow.InMemorySaver())\ndef flow(n):\n    return n")
    shell.fail("x = 1\nflow.invoke(x)")
    assert "----> 2 flow.invoke(x)" in shell.text
    assert "MissingThreadIdError" in shell.text
    assert "/nbflow/" not in shell.text


def test_other_errors_and_shells_without_the_toolkit_are_left_alone(shell: Shell) -> None:
    shell.fail("import json\njson.loads('{')")
    assert "json/decoder.py" in shell.text.replace("\\", "/")
    nbflow_widgets.unload_ipython_extension(shell.ip)
    shell.run("import nbflow\n@nbflow.entrypoint()\ndef flow(n):\n    return 1 / n")
    shell.fail("flow.invoke(0)")
    assert "/nbflow/" in shell.text.replace("\\", "/")
