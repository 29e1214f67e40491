"""The cells behind a run, kept with it as a module, so that a kernel that has not run them can define its workflow."""

from __future__ import annotations

import ast
import linecache
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from nbflow.views.code import code_of
from nbflow_widgets.as_module import module_from
from nbflow_widgets.rewrite import assigned_names

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nbflow import Workflow
    from nbflow.core.record import Record

MOST = 100_000
"""Characters of a module that is kept; a longer one is not."""


def keep_cells(shell: Any, workflow: Workflow, name: str) -> None:  # noqa: ANN401  # untyped package
    """Keep with the runs of a workflow what its cell needs of those that this kernel has run.

    Args:
        shell: IPython's.
        workflow: of the running cell.
        name: that it is bound to.
    """
    if workflow.spec.module:
        return
    with suppress(Exception):  # a cell that can't be read is none the worse for it
        cells = [str(cell) for cell in shell.history_manager.input_hist_raw[1:]]
        text = module_from(cells, name)
        workflow.spec.module = text if len(text) <= MOST else ""


def module_of_run(records: Sequence[Record], workflow: str) -> str:
    """Return the code that defines the workflow of a run; empty if none was kept."""
    kept = [one for one in code_of(records).kept.values() if one.name == workflow and one.module]
    return kept[-1].module if kept else ""


def names_of(module: str) -> set[str]:
    """Return the names that a module binds, but for what it imports.

    Raises:
        SyntaxError: if it is no Python.
    """
    return assigned_names([one for one in ast.parse(module).body if not isinstance(one, (ast.Import, ast.ImportFrom))])


def run_module(module: str, names: dict[str, Any], place: str) -> None:
    """Run a module in a namespace, as its cells would have been run there.

    Raises:
        BaseException: whatever its lines raise; what stood before them is done.
    """
    file = f"<code kept with the run of {place}>"
    linecache.cache[file] = (len(module), None, module.splitlines(keepends=True), file)
    exec(compile(module, file, "exec", dont_inherit=True), names)  # noqa: S102  # a person has read it and wants it
