"""The notebook toolkit of nbflow: magics, timelines, forms, tables. ``%load_ext nbflow`` loads it.

The functions are those of ``%nbflow SUBCOMMAND``. Some have the name of their module: they are
bound here once all modules are loaded, so that the function is what a name stands for.
"""

from __future__ import annotations

from typing import Any

from nbflow_widgets.commands import (
    callgraph,
    calls,
    diff,
    explore,
    export_run,
    graph,
    greet,
    history,
    import_run,
    inbox,
    introduce,
    nest,
    record_answers,
    repeatable,
    report,
    resume,
    threads,
    timeline,
    timing,
    trace,
    whatif,
)
from nbflow_widgets.fields.own import register_form
from nbflow_widgets.graphs import show_graphs
from nbflow_widgets.magics import load, unload
from nbflow_widgets.reproducible import reproducible
from nbflow_widgets.trying import sweep, try_call

__all__ = [
    "callgraph",
    "calls",
    "diff",
    "explore",
    "export_run",
    "graph",
    "history",
    "import_run",
    "inbox",
    "load_ipython_extension",
    "nest",
    "record_answers",
    "register_form",
    "repeatable",
    "report",
    "reproducible",
    "resume",
    "sweep",
    "threads",
    "timeline",
    "timing",
    "trace",
    "try_call",
    "unload_ipython_extension",
    "whatif",
]


def load_ipython_extension(shell: Any) -> None:  # noqa: ANN401  # IPython's shell is untyped here
    """Register magics, transformers and hooks; show what waits in the default file, or without one what to try."""
    magics = load(shell)
    show_graphs(shell)
    if magics.kit.file.exists():
        greet(magics.kit)
    else:
        introduce()


def unload_ipython_extension(shell: Any) -> None:  # noqa: ANN401  # as above
    """Undo what loading did."""
    unload(shell)
