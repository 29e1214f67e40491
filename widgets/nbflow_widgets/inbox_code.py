"""The code of a run whose workflow is not defined in this kernel: to be read, and then run here on request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import ipywidgets

from nbflow import Workflow
from nbflow.views.calls import calls_of
from nbflow.views.code import code_of
from nbflow.views.progress import FINISHED
from nbflow_widgets.as_module import LEFT_OUT, unbound_in
from nbflow_widgets.fields.base import small_button
from nbflow_widgets.inbox_text import code_html, module_html
from nbflow_widgets.kept_cells import module_of_run, names_of, run_module
from nbflow_widgets.markup import note, plural, preformatted

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterator, Sequence

    from nbflow_widgets.toolkit import Toolkit
    from nbflow_widgets.waiting import Waiting

_READ_FIRST = "Run the lines above in this kernel, with all that you may do: read them first"


class Leads(Protocol):
    """What the code stands in: an entry of the inbox."""

    def lead(self, job: Callable[[], None]) -> None:
        """Call a function where the entry is shown, soon."""
        ...

    def defined(self, workflow: Workflow) -> None:
        """Take in that the workflow is defined here now."""
        ...


class KeptCode:
    """The code of a run: what its cell needs, with a button that runs it here; else the functions that ran.

    Args:
        kit: the shell's toolkit.
        item: the thread.
        entry: what it stands in.

    Attributes:
        widgets: what is shown; empty if no code was kept.
    """

    def __init__(self, kit: Toolkit, item: Waiting, entry: Leads) -> None:
        self._kit, self._item, self._entry = kit, item, entry
        self._module = module_of_run(item.run.log, item.workflow)
        text = module_html(self._module) if self._module else code_html(code_of(item.run.log))
        self.widgets: list[Any] = [ipywidgets.HTML(text, layout={"margin": "0"})] if text else []
        if not self._module:
            return
        self._button = small_button("Run that cell's code", _READ_FIRST, self._clicked)
        self._said = ipywidgets.HTML(layout={"margin": "0"})
        self._said.value = "".join(note(text, "warning") for text in _to_know(self._module, kit.names))
        self.widgets += [self._button, self._said]

    def _clicked(self) -> None:
        if not self._button.disabled:  # a second click may have been on its way
            self._button.disabled = True
            self._entry.lead(self._run)

    def _run(self) -> None:
        """Run the code; whatever it raises is said."""
        item, names = self._item, self._kit.names
        assert isinstance(names, dict), "a user's namespace is one"
        try:
            run_module(self._module, names, str(item.begun) or f"thread {item.thread_id}")
        except BaseException as error:  # noqa: BLE001  # also SystemExit: the page must show it, the kernel live on
            self._say(f"{type(error).__name__}: {error}. What stood above that line is done.")
            return
        found = next((one for one in self._kit.workflows() if one.name == item.workflow), None)
        if found is None:
            self._say(f"That code ran and did not define `{item.workflow}`.")
        else:
            self._entry.defined(found)

    def _say(self, text: str) -> None:
        self._said.value = note(text, "error")
        self._button.disabled = False


def _to_know(module: str, names: Container[str]) -> Iterator[str]:
    """Yield what a person should know before a module is run in a namespace."""
    replaced = [name for name in sorted(names_of(module)) if name in names]
    if replaced:
        yield f"It binds {_listed(replaced)} anew, which this kernel has."
    unbound = unbound_in(module)
    taken, missing = [one for one in unbound if one in names], [one for one in unbound if one not in names]
    if taken:
        yield f"It uses {_listed(taken)}, which nothing in it binds: those that this kernel has."
    if missing:
        yield f"It uses {_listed(missing)}, which nothing in it binds, and this kernel has not: bind them first."
    if count := module.count(f"\n{LEFT_OUT} ("):
        yield f"Its comments tell {plural(count, 'statement')} of the cells that can't be kept."


def _listed(names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


class Check:
    """Whether what was defined here is what ran.

    Found by a plan, a dry run of the body on what is recorded, and by the digest of the body and all that it names,
    since a dry run sees nothing of what comes after the question.

    Args:
        workflow: as it is defined here, with the saver of the thread.
        item: the thread.

    Attributes:
        widget: what was found; empty before.
    """

    def __init__(self, workflow: Workflow, item: Waiting) -> None:
        self._workflow, self._item = workflow, item
        self.widget = ipywidgets.HTML(layout={"margin": "0"})

    def look(self, lead: Callable[[Callable[[], None]], None]) -> None:
        """Find out, and show it; called on a worker thread."""
        shown = self._found()
        lead(lambda: setattr(self.widget, "value", shown))

    def _found(self) -> str:
        try:
            plan = self._workflow.plan(None, {"configurable": {"thread_id": self._item.thread_id}})
        except Exception as error:  # noqa: BLE001  # whatever it is, the page must show it
            return note(f"Defined here. What would run can't be told: {error}", "warning")
        if plan.error is not None:
            return note(f"Defined here by its kept code, which does not do what it did: {plan.error}", "warning")
        ended = {row.path for row in calls_of(self._item.run.log) if row.state in FINISHED}
        if any(call.path in ended for call in plan.runs):
            return note("Defined here by its kept code. When it goes on:", "warning") + preformatted(str(plan))
        there = f"{plural(len(plan.taken), 'finished call')} of it stand, and none runs again"
        if plan.changed:
            return note(f"Defined here by its kept code: {there}, but {plan.changed}.", "warning")
        return note(f"Defined here by its kept code: {there}.", "success")
