"""The magics, and the rest of what loading the extension does to a shell: all of it undone by unloading.

``%%entrypoint``, ``%%task`` and ``%%watch`` are rewritten before IPython sees them as magics; those
here stand for help, completion and ``%lsmagic``.
"""

from __future__ import annotations

from typing import Any

from IPython.core.error import UsageError
from IPython.core.magic import Magics, cell_magic, line_magic, magics_class, no_var_expand
from traitlets import Enum, Unicode

from nbflow_widgets import completion
from nbflow_widgets.cell import Cells
from nbflow_widgets.display import MODES
from nbflow_widgets.echo import lead_displays, leave_displays
from nbflow_widgets.failure import lead_tracebacks, leave_tracebacks
from nbflow_widgets.options import PARSER, words
from nbflow_widgets.rewrite import DOOR, CellRewriter, rewrite_lines
from nbflow_widgets.toolkit import DEFAULT_FILE, Toolkit

_NAMES = {"line": ("nbflow",), "cell": ("entrypoint", "task", "watch")}


@magics_class
class NbflowMagics(Magics):
    """Magics of nbflow, and their settings: ``%config NbflowMagics.display = "static"``."""

    display = Enum(("auto", *MODES), "auto", help="What %%entrypoint shows; auto looks for a person.").tag(config=True)
    file = Unicode(DEFAULT_FILE, help="The default file, beside the notebook; read when it is first used.").tag(
        config=True
    )

    def __init__(self, shell: Any) -> None:  # noqa: ANN401  # untyped package
        super().__init__(shell)
        self.kit = Toolkit(shell, lambda: self.file)
        self.cells = Cells(self.kit, lambda: self.display)

    @cell_magic
    @no_var_expand
    def entrypoint(self, _line: str, _cell: str) -> None:
        """Make a workflow of the cell, and run it."""
        _not_first("entrypoint")

    @cell_magic
    @no_var_expand
    def task(self, _line: str, _cell: str) -> None:
        """Make a task of the cell's last function, under its name.

        ::

            %%task
            def fetch(url: str) -> str:
                ...
        """
        _not_first("task")

    @cell_magic
    @no_var_expand
    def watch(self, _line: str, _cell: str) -> None:
        """Show a timeline for every run that the cell starts, plain ``invoke`` included.

        ::

            %%watch
            flow.invoke("cats")
        """
        _not_first("watch")

    @line_magic
    @no_var_expand
    def nbflow(self, line: str) -> object:
        """Look at threads and answer them: %nbflow SUBCOMMAND; without one, what there is."""
        from nbflow_widgets.subcommands import run_subcommand  # noqa: PLC0415  # pandas comes with the tables

        return run_subcommand(words(line), self.kit)


NbflowMagics.entrypoint.__doc__ = f"""Make a workflow of the cell, and run it.

A cell that ends with a def: that function is the entrypoint, bound under its name; with
--input it also runs. Any other cell is itself the body of the workflow NAME: its last
expression is the result, ``inputs`` its input, and the names that it assigns are the notebook's.

With --thread, running the cell again continues an unfinished run that has the same input.
A finished one with the same input is shown again, and nothing runs, while its code and the
files that it has read are as they were; with another input, or after an edit, a new run begins.
--fresh begins one anyway, --reuse takes over what has not changed.

{PARSER.format_help()}"""


def _not_first(magic: str) -> None:
    msg = f"%%{magic} must stand in the first line of a cell, or below %%time or %%capture; it can't be called"
    raise UsageError(msg)


def load(shell: Any) -> NbflowMagics:  # noqa: ANN401  # untyped package
    """Register everything in a shell; once, however often it is loaded."""
    known = shell.magics_manager.registry.get("NbflowMagics")
    if isinstance(known, NbflowMagics):
        return known
    magics = NbflowMagics(shell)
    shell.register_magics(magics)
    shell.input_transformers_cleanup.append(rewrite_lines)
    shell.ast_transformers.append(CellRewriter())
    shell.events.register("post_run_cell", magics.cells.closed)
    shell.user_ns[DOOR] = shell.user_ns_hidden[DOOR] = magics.cells
    lead_displays(shell)
    lead_tracebacks(shell)
    completion.load(shell, magics.kit)
    return magics


def unload(shell: Any) -> None:  # noqa: ANN401  # untyped package
    """Undo what ``load`` did."""
    manager = shell.magics_manager
    magics = manager.registry.pop("NbflowMagics", None)
    if magics is None:
        return
    for kind, names in _NAMES.items():
        for name in names:
            manager.magics[kind].pop(name, None)
    if magics in shell.configurables:
        shell.configurables.remove(magics)
    shell.input_transformers_cleanup.remove(rewrite_lines)
    shell.ast_transformers[:] = [one for one in shell.ast_transformers if not isinstance(one, CellRewriter)]
    shell.events.unregister("post_run_cell", magics.cells.closed)
    shell.user_ns.pop(DOOR, None)
    shell.user_ns_hidden.pop(DOOR, None)
    leave_displays(shell)
    leave_tracebacks(shell)
    completion.unload(shell)
    magics.kit.close()
