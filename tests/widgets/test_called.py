"""A workflow that was called like a function."""

from __future__ import annotations

import pytest

from tests.widgets.conftest import Shell

FLOW = "%%entrypoint\ndef flow(n): return n"


@pytest.mark.parametrize(
    ("cell", "advice"),
    [
        ("flow(1)", "flow.invoke(1)"),
        ("x = [flow( {'a': 1} ) for _ in range(1)]", "flow.invoke( {'a': 1} )"),
        ("if True:\n    print(flow('ä', 'b'))", "flow.invoke('ä', 'b')"),
        ("flow(\n    1)", "it.invoke(...)"),
        (f"flow('{'x' * 100}')", "flow.invoke(...)"),
    ],
)
def test_a_cell_that_calls_a_workflow_says_what_to_do(shell: Shell, cell: str, advice: str) -> None:
    shell.run(FLOW)
    assert isinstance(shell.fail(cell), TypeError)
    assert advice in shell.shown()[-1]


def test_of_a_graph_too(shell: Shell) -> None:
    shell.run("from nbflow.graph import StateGraph, START\nbuilder = StateGraph(dict)")
    shell.run("builder.add_node('a', lambda s: s); builder.add_edge(START, 'a'); app = builder.compile()")
    shell.fail("app({'n': 1})")
    assert "app.invoke({'n': 1})" in shell.shown()[-1]


@pytest.mark.parametrize(
    "cell", ["None(1)", "len(3)", "raise TypeError(\"'Foreign' object is not callable\")", "1 / 0"]
)
def test_other_errors_are_not_commented(shell: Shell, cell: str) -> None:
    shell.run(FLOW)
    shell.fail(cell)
    assert not [text for text in shell.shown() if "invoke" in text]
