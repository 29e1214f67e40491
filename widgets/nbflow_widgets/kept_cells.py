"""The cells behind a run, kept with it as a module, so that a kernel that has not run them can define its workflow."""

from __future__ import annotations

import ast
import linecache
from contextlib import suppress
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from nbflow.views.code import code_of
from nbflow_widgets.as_module import cell_module
from nbflow_widgets.code_needs import Needs
from nbflow_widgets.code_parts import Part, part_of
from nbflow_widgets.notebook_code import Dropped, pieces_in
from nbflow_widgets.rewrite import assigned_names

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nbflow import Workflow
    from nbflow.core.record import Record
    from nbflow_widgets.toolkit import Toolkit

LONGEST = 100_000
"""Characters of a module that is kept, and of a cell that is looked at; a longer one is not."""
MOST_CELLS = 2_000
"""How many cells of a kernel's history are looked at: the last ones."""
MOST_WORK = 50_000
"""How many names are looked up, at most: about a second; if that is too few, nothing is kept."""


def keep_cells(shell: Any, workflow: Workflow, name: str, failed: Mapping[int, int]) -> None:  # noqa: ANN401  # untyped package
    """Keep with the runs of a workflow what it needs of the cells that this kernel has run.

    Args:
        shell: IPython's.
        workflow: of the running cell.
        name: that it is bound to.
        failed: the lines in which cells failed, by their numbers; 0 if nothing of a cell ran.
    """
    if workflow.spec.module:
        return
    with suppress(Exception):  # a cell that can't be read is none the worse for it
        cells = [*enumerate(shell.history_manager.input_hist_parsed)][1:][-MOST_CELLS:]
        parts = [one for number, cell in cells for one in _parts(cell, failed.get(number))]
        needed = Needs(parts, all_settings=False, most=MOST_WORK).of(name)
        text = cell_module(needed) if needed else ""
        workflow.spec.module = text if len(text) <= LONGEST else ""


def note_failure(kit: Toolkit, result: Any) -> None:  # noqa: ANN401  # untyped package
    """Take in that a cell has ended: from the line on in which it failed, nothing of it has run.

    It is read now, a few milliseconds for each, so that a run that needs all of them does not wait for that.

    Args:
        kit: the shell's toolkit.
        result: IPython's, of the cell; None where there is none.
    """
    line = None if kit.has_bound else _line_of_failure(result, kit.names)
    kit.has_bound = False
    if line is not None:
        kit.failed[result.execution_count] = line
    with suppress(Exception):  # as in `keep_cells`
        _parts(kit.shell.history_manager.input_hist_parsed[-1], line)


def _line_of_failure(result: Any, names: object) -> int | None:  # noqa: ANN401  # untyped package
    """Return the line in which a cell failed; 0 if nothing of it ran, None if all of it did."""
    if getattr(result, "error_before_exec", None) is not None:
        return 0
    error = getattr(result, "error_in_exec", None)
    trace = error.__traceback__ if isinstance(error, BaseException) else None
    while trace is not None and trace.tb_frame.f_globals is not names:
        trace = trace.tb_next
    return trace.tb_lineno if trace is not None else None


@lru_cache(maxsize=MOST_CELLS)
def _parts(cell: str, failed_in: int | None) -> tuple[Part, ...]:
    if len(cell) <= LONGEST:
        return tuple(part_of(one) for one in pieces_in(cell, failed_in))
    binds = names_of(cell)
    why = f"its cell has {len(cell):,} characters"
    return (part_of(Dropped(text=", ".join(sorted(binds)), why=why, binds=frozenset(binds))),)


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
