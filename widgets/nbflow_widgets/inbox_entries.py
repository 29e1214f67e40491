"""What an entry of the inbox shows and does: forms where its workflow is at hand, and where it is not."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

import ipywidgets

from nbflow import RunnableConfig, Workflow
from nbflow_widgets.cell_run import CellRun
from nbflow_widgets.display import close_tree, here, make_live
from nbflow_widgets.elsewhere import DISCARDED
from nbflow_widgets.fields.base import small_button
from nbflow_widgets.inbox import Inbox
from nbflow_widgets.inbox_code import Check, KeptCode
from nbflow_widgets.inbox_recording import ANSWERED, Recording, define_first
from nbflow_widgets.inbox_text import title_html
from nbflow_widgets.markup import as_text, note
from nbflow_widgets.shown import labelled
from nbflow_widgets.toolkit import Toolkit, probe, with_saver
from nbflow_widgets.waiting import Deletes, Waiting, lost_with, waiting_in

if TYPE_CHECKING:
    from nbflow.types import BaseCheckpointSaver
    from nbflow_widgets.loop_calls import LoopCalls

_BECAME = {"done": "is done", "failed": "has failed", "discarded": "was discarded"}


def inbox_of(kit: Toolkit, saver: BaseCheckpointSaver, *, archived: bool = False) -> Inbox:
    """Return the inbox of a saver, with entries that can be answered where the workflow is known.

    Args:
        kit: the shell's toolkit.
        saver: keeps the threads.
        archived: whether those that were archived are shown too.
    """
    look = _Look(kit, saver, archived=archived)
    return Inbox(look, lambda item, box: InboxEntry(kit, saver, item, box), kit.notebook(saver))


class _Look:
    """Finds what waits in a saver."""

    def __init__(self, kit: Toolkit, saver: BaseCheckpointSaver, *, archived: bool) -> None:
        self._kit, self._saver, self._archived = kit, saver, archived
        self._probe = probe(saver)
        self._known: list[Waiting] = []

    def waiting(self) -> tuple[list[Waiting], int]:
        """Return what waits, and how many of it are archived and left out."""
        self._kit.archived.refresh()
        last = self._probe.last_run
        self._known = waiting_in(self._saver, lambda thread: last(config_of(thread)), self._known)
        shown = [item for item in self._known if self._archived or not is_archived(self._kit, item)]
        return shown, len(self._known) - len(shown)

    def became(self, thread_id: str) -> str:
        """Return what became of a thread that is not among those that wait."""
        if any(item.thread_id == thread_id for item in self._known):
            return "aside"
        run = self._probe.last_run(config_of(thread_id))
        if run is None:
            return "discarded"
        return run.status if run.status in _BECAME else "working"

    def post(self, job: Callable[[], None]) -> None:
        """Do a job soon, on a worker thread."""
        self._kit.post(job)


def is_archived(kit: Toolkit, item: Waiting) -> bool:
    """Whether a person put a thread out of the inbox, and it has not moved since."""
    return kit.archived.get(item.run.run_id) == item.mark


class Holds(Protocol):
    """What an entry stands in: an inbox, or an explorer.

    Attributes:
        calls: leads what threads find to the loop of the cell that shows it.
    """

    calls: LoopCalls

    def update(self) -> None:
        """Take in that the entry has changed."""
        ...

    def in_cell(self, job: Callable[[], None]) -> None:
        """Call a function so that what it shows appears in the cell."""
        ...

    def put_aside(self, thread_id: str) -> None:
        """Take in that a thread was archived."""
        ...


class InboxEntry:
    """One thread: its heading, what can be done about it, and what to do with it if nobody wants it.

    Args:
        kit: the shell's toolkit.
        saver: keeps the thread.
        item: the thread.
        box: what the entry stands in.

    Attributes:
        item: the thread as it was last seen.
        widget: what is shown; made by `open`.
        hint: for a text: why it can't be answered here; empty if it can.
        said: HTML and text of how it ended; empty as long as it waits.
        is_over: whether nothing more is to be heard of it; an answer that was recorded here leads on.
        is_open: whether ``widget`` was made.
    """

    def __init__(self, kit: Toolkit, saver: BaseCheckpointSaver, item: Waiting, box: Holds) -> None:
        self._kit, self._saver, self._box = kit, saver, box
        self.item = item
        self.said = self._told = ("", "")
        self.is_over = self.is_open = False
        self.widget: Any = None
        self._cell_run: CellRun | None = None
        self._recording: Recording | None = None
        self._check: Check | None = None
        self._was_here = False
        self.hint = ""

    @property
    def _key(self) -> tuple[int, str]:
        return id(self._saver), self.item.thread_id

    @property
    def _is_mine(self) -> bool:
        """Whether the run is shown here, and in no other cell since."""
        return self._cell_run is not None and self._kit.cell_runs.get(self._key) is self._cell_run

    def open(self, *, takes: bool) -> None:
        """Make what is shown; ``takes`` says whether a run that another cell shows is taken over."""
        self.is_open = True
        self._title = ipywidgets.HTML(layout={"margin": "0", "flex": "1 1 320px"})
        self._body = ipywidgets.VBox(layout={"margin": "0"})
        self._aside = Aside(self)
        head = ipywidgets.HBox([self._title, self._aside.widget], layout={"flex_flow": "row wrap"})
        parts = [head, self._aside.asking, self._body]
        self.widget = ipywidgets.VBox(parts, layout={"margin": "0 0 10px 0", "overflow": "visible"})
        self.widget.add_class("nbflow-entry")
        self._fill(takes=takes)

    def _fill(self, *, takes: bool) -> None:
        item, old = self.item, self._body.children
        workflow = self._kit.workflow_named(item.workflow, self._saver)
        self._was_here, self._recording, self.hint = workflow is not None, None, ""
        if workflow is None:
            self._body.children = self._without_workflow()
        elif self._key in self._kit.cell_runs and not takes:
            shown = ipywidgets.HTML(note("Another cell of this notebook shows it."))
            button = small_button("Answer here" if item.interrupts else "Show here", "", self._take)
            self._body.children = [shown, button]
        else:
            checked = [self._check.widget] if self._check is not None else []
            self._body.children = [*checked, self._staged(workflow)]
        self._title.value = title_html(item, when=True)
        make_live(self.widget)
        for one in old:
            close_tree(one)

    def _take(self) -> None:
        self.lead(lambda: self._fill(takes=True))

    def lead(self, job: Callable[[], None]) -> None:
        """Call a function where the entry is shown, soon."""
        self._box.calls.post(lambda: self._box.in_cell(job))

    def defined(self, workflow: Workflow) -> None:
        """Take in that the code of the run has defined its workflow here."""
        check = self._check = Check(with_saver(workflow, self._saver), self.item)
        self._fill(takes=False)
        self._box.update()
        self._kit.post(lambda: check.look(self.lead))

    def _without_workflow(self) -> list[Any]:
        item = self.item
        code = KeptCode(self._kit, item, self).widgets
        if item.interrupts:
            self._recording = Recording(self._kit, self._saver, item, self.settle)
            return [self._recording.widget, *code]
        self.hint = define_first(item)
        return [ipywidgets.HTML(note(self.hint)), *code]

    def _staged(self, workflow: Workflow) -> Any:  # noqa: ANN401  # untyped package
        """Return the forms of the run, or a button to go on."""
        item = self.item

        def returned(result: object) -> None:
            html, text = cell_run.run_display.twin()
            self.settle("is done", f"{html}{labelled('Result', result)}", f"{text}\n{as_text(result)}")

        cell_run = self._cell_run = stage(self._kit, workflow, item.thread_id, returned, compact=True)
        cell_run.open(item.run, past=len(item.run.log), changed=self._box.update)
        if item.status == "asking":
            cell_run.conclude()
            return cell_run.run_display.box
        self._kit.lookout.watch()
        if item.status == "sleeping":  # its time has come, and it was to go on by itself
            self._kit.post(lambda: cell_run.calls.guarded(cell_run.start_again))
            return cell_run.run_display.box
        button = ipywidgets.Button(description="Go on", button_style="primary", layout={"width": "auto"})

        def go_on(_button: object) -> None:
            button.disabled = True
            cell_run.start_again()

        button.on_click(lambda clicked: cell_run.calls.guarded(lambda: go_on(clicked)))
        return ipywidgets.VBox([button, cell_run.run_display.box])

    def follow(self, item: Waiting | None, became: str) -> None:
        """Take in how the thread stands now: ``item`` if it waits, else what became of it."""
        is_mine = self._is_mine
        if item is None:
            if became in _BECAME and not (is_mine and became == "done"):  # else its own card shows the end
                self.settle(_BECAME[became], *self._shown(is_mine=is_mine))
            elif self.is_open and became == "working" and not self.said[1]:
                self._title.value = title_html(self.item, "is at work")
                self._aside.enable(enabled=False)
            return
        moved = item.mark != self.item.mark and not (self._recording is not None and self._recording.asks(item))
        self.item = item
        if not self.is_open or self.said[1]:
            return
        came = (self._kit.workflow_named(item.workflow, self._saver) is not None) is not self._was_here
        lost = self._cell_run is not None and not is_mine
        if is_mine:
            self._title.value = title_html(item, when=True)
        elif moved or came or lost:
            self._cell_run = None
            self._fill(takes=self._key not in self._kit.cell_runs)
        else:
            self._title.value = title_html(item, when=True)
        self._aside.enable(enabled=True)

    def _shown(self, *, is_mine: bool) -> tuple[str, str]:
        return self._cell_run.run_display.twin() if self._cell_run is not None and is_mine else ("", "")

    def settle(self, state: str, html: str = "", text: str = "") -> None:
        """Show that nobody waits for it any more, and why."""
        item = self.item
        line = f"{item.thread_id}: {item.workflow} {state}"
        html, text = self._told = (html, text) if html else self._told
        self.is_over = state != ANSWERED
        self.said = title_html(item, state) + html, f"{line}\n{text}" if text else line
        if self.is_open:
            self._title.value = title_html(item, state)
            self._aside.hide()
            if not html and not self._is_mine:
                self._body.children = []
        self._box.update()

    def lost(self) -> str:
        """Return what is lost if the thread is deleted."""
        return lost_with(self.item.thread_id, self.item.run.log, self._saver)

    def discard(self) -> None:
        """Delete the thread; raises if somebody works on it. Called on a worker thread."""
        assert isinstance(self._saver, Deletes), "without it there is no button"
        self._saver.delete_thread(self.item.thread_id)
        card = self._kit.cell_runs.pop(self._key, None)
        self._kit.awaited.pop(self._key, None)
        if card is not None and card is not self._cell_run:
            card.leave(DISCARDED)
        self._body.children = []
        self.settle("was discarded")

    @property
    def can_be_discarded(self) -> bool:
        """Whether its saver deletes threads."""
        return isinstance(self._saver, Deletes)

    @property
    def is_archived(self) -> bool:
        """Whether the thread is put aside."""
        return is_archived(self._kit, self.item)

    def archive(self) -> None:
        """Put the thread out of the inbox until it moves; one that was put out comes back."""
        if self.is_archived:
            del self._kit.archived[self.item.run.run_id]
            return
        self._kit.archived[self.item.run.run_id] = self.item.mark
        self._box.put_aside(self.item.thread_id)

    def post(self, job: Callable[[], None]) -> None:
        """Do a job on a worker thread."""
        self._kit.post(job)


class Aside:
    """The two small buttons of an entry: Archive, and Discard, which asks first.

    Args:
        entry: whose.

    Attributes:
        widget: the buttons.
        asking: what is shown below the heading while it asks.
    """

    def __init__(self, entry: InboxEntry) -> None:
        self._entry = entry
        tip = "Out of the inbox until the run moves; `%nbflow inbox --archived` shows it"
        self._archive = small_button("", tip.replace("`", ""), self._archived)
        self._discard = small_button("Discard …", "Delete the thread; asks first", lambda: self._ask(asks=True))
        self._sure = small_button("Delete for good", "Delete the thread", self._discarded)
        self._sure.button_style = "danger"
        self._keep = small_button("Keep", "Delete nothing", lambda: self._ask(asks=False))
        self._text = ipywidgets.HTML(layout={"margin": "0"})
        shown = [self._archive, *([self._discard] if entry.can_be_discarded else [])]
        self.widget = ipywidgets.HBox(shown, layout={"flex": "0 0 auto"})
        buttons = ipywidgets.HBox([self._sure, self._keep])
        self.asking = ipywidgets.VBox([self._text, buttons], layout={"display": "none", "margin": "0 0 4px 0"})
        self._name()

    def _name(self) -> None:
        self._archive.description = "Bring back" if self._entry.is_archived else "Archive"

    def enable(self, *, enabled: bool) -> None:
        """Take clicks, or take none."""
        self._name()
        for button in (self._archive, self._discard, self._sure):
            button.disabled = not enabled

    def hide(self) -> None:
        """Offer nothing any more."""
        for one in (self.widget, self.asking):
            one.layout.display = "none"

    def _archived(self) -> None:
        self._entry.archive()
        self._name()

    def _ask(self, *, asks: bool) -> None:
        if asks:
            lost = f"Delete thread `{self._entry.item.thread_id}` for good? What is lost: {self._entry.lost()}."
            self._text.value = note(lost, "warning")
        self.asking.layout.display = None if asks else "none"

    def _discarded(self) -> None:
        self.enable(enabled=False)
        self._entry.post(self._delete)

    def _delete(self) -> None:
        try:
            self._entry.discard()
        except Exception as error:  # noqa: BLE001  # whatever it is, the page must show it
            self._text.value = note(f"Not deleted: {error}", "error")
            self.enable(enabled=True)


def stage(
    kit: Toolkit,
    workflow: Workflow,
    thread: str,
    on_return: Callable[[object], None] = lambda _result: None,
    *,
    compact: bool = False,
) -> CellRun:
    """Return what shows the run of a thread in the running cell, and in no other any more."""
    key = (id(workflow.checkpointer), thread)
    before = kit.cell_runs.pop(key, None)
    if before is not None:
        before.leave(here())

    def returned(result: object) -> None:
        kit.returned(key, result)
        on_return(result)

    cell_run = kit.cell_runs[key] = CellRun(
        kit, workflow, config_of(thread), mode="live", on_return=returned, compact=compact
    )
    return cell_run


def config_of(thread: str) -> RunnableConfig:
    """Return the config that names a thread."""
    return {"configurable": {"thread_id": thread}}
