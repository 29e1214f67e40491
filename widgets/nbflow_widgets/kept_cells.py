"""The cells behind a run, kept with it as a module, so that a kernel that has not run them can define its workflow."""

from __future__ import annotations

import ast
import linecache
from contextlib import suppress
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from nbflow.views.code import code_of
from nbflow_widgets.as_module import cell_module
from nbflow_widgets.code_parts import Part, part_of, parts_for
from nbflow_widgets.notebook_code import Piece, pieces_in
from nbflow_widgets.rewrite import assigned_names

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nbflow import Workflow
    from nbflow.core.record import Record

LONGEST = 100_000
"""Characters of a module that is kept, and of a cell that is looked at; a longer one is not."""
MOST_CELLS = 2_000
"""How many cells of a kernel's history are looked at: the last ones."""


def keep_cells(shell: Any, workflow: Workflow, name: str) -> None:  # noqa: ANN401  # untyped package
    """Keep with the runs of a workflow what it needs of the cells that this kernel has run.

    Args:
        shell: IPython's.
        workflow: of the running cell.
        name: that it is bound to.
    """
    if workflow.spec.module:
        return
    with suppress(Exception):  # a cell that can't be read is none the worse for it
        cells = shell.history_manager.input_hist_parsed[1:][-MOST_CELLS:]
        parts = [one for cell in cells if len(cell) <= LONGEST for one in _parts(cell)]
        needed = parts_for(name, parts)
        text = cell_module(needed) if needed else ""
        workflow.spec.module = text if len(text) <= LONGEST else ""


@lru_cache(maxsize=MOST_CELLS)
def _parts(cell: str) -> tuple[Part, ...]:
    return tuple(part_of(one) for one in pieces_in(cell) if isinstance(one, Piece))


def module_of_run(records: Sequence[Record], workflow: str) -> str:
    """Return the code that defines the workflow of a run; empty if none was kept."""
    kept = [one for one in code_of(records).kept.values() if one.name == workflow and one.module]
    return kept[-1].module if kept else ""


def names_of(module: str) -> set[str]:
    """Return the names that a module binds, but for what it imports; empty if it is no Python."""
    try:
        body = ast.parse(module).body
    except (SyntaxError, ValueError):
        return set()
    return assigned_names([one for one in body if not isinstance(one, (ast.Import, ast.ImportFrom))])


def run_module(module: str, names: dict[str, Any], place: str) -> None:
    """Run a module in a namespace, as its cells would have been run there.

    Raises:
        BaseException: whatever its lines raise; what stood before them is done.
    """
    file = f"<code kept with the run of {place}>"
    linecache.cache[file] = (len(module), None, module.splitlines(keepends=True), file)
    exec(compile(module, file, "exec", dont_inherit=True), names)  # noqa: S102  # a person has read it and wants it
