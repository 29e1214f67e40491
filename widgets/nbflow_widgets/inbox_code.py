"""The code of a run whose workflow is not defined in this kernel: to be read, and to be run here once it was."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import ipywidgets

from nbflow.views.code import code_of
from nbflow_widgets.fields.base import small_button
from nbflow_widgets.inbox_text import code_html, module_html
from nbflow_widgets.kept_cells import module_of_run, names_of, run_module
from nbflow_widgets.markup import note

if TYPE_CHECKING:
    from collections.abc import Callable

    from nbflow_widgets.toolkit import Toolkit
    from nbflow_widgets.waiting import Waiting

READ_FIRST = "Run the lines above in this kernel, with all that you may do: read them first"


def kept_code(kit: Toolkit, item: Waiting, lead: Callable[[Callable[[], None]], None]) -> list[Any]:
    """Return widgets that show the code of a run, and offer to define its workflow where its cell is known.

    Args:
        kit: the shell's toolkit.
        item: the thread.
        lead: calls a function where the entry is shown, and has the entry look again.
    """
    module = module_of_run(item.run.log, item.workflow)
    if not module:
        shown = code_html(code_of(item.run.log))
        return [ipywidgets.HTML(shown, layout={"margin": "0"})] if shown else []
    return [Definition(kit, item, module, lead).widget]


class Definition:
    """What a cell needs, folded, and a button that runs it here.

    Attributes:
        widget: what is shown.
    """

    def __init__(self, kit: Toolkit, item: Waiting, module: str, lead: Callable[[Callable[[], None]], None]) -> None:
        self._kit, self._item, self._module = kit, item, module
        self._said = ipywidgets.HTML(layout={"margin": "0"})
        code = ipywidgets.HTML(module_html(module), layout={"margin": "0"})
        button = small_button("Run that code here", READ_FIRST, lambda: lead(self._define))
        replaced = self._replaced()
        if replaced:
            self._said.value = note(f"It binds {replaced} anew, which this kernel has.", "warning")
        self.widget = ipywidgets.VBox([code, button, self._said])

    def _replaced(self) -> str:
        """Return the names that are bound here and would be bound anew, for a text."""
        try:
            names = names_of(self._module)
        except SyntaxError:
            return ""
        return ", ".join(f"`{name}`" for name in sorted(names & set(self._kit.names)))

    def _define(self) -> None:
        """Define the workflow; what goes wrong is said."""
        place = str(self._item.begun) or f"thread {self._item.thread_id}"
        names = self._kit.names
        assert isinstance(names, dict), "a user's namespace is one"
        try:
            run_module(self._module, names, place)
        except Exception as error:  # noqa: BLE001  # whatever the lines raise, the page must show it
            self._said.value = note(f"{type(error).__name__}: {error}. What stood above that line is done.", "error")
