"""What a person does in the explorer: choose a line, and what its buttons do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import ipywidgets

from nbflow_widgets.display import close_tree, make_live
from nbflow_widgets.explorer_actions import DANGEROUS, Action, Thread, actions_of, fork, lose, lost_by
from nbflow_widgets.explorer_facts import Fact, facts_of
from nbflow_widgets.explorer_threads import ALL
from nbflow_widgets.fields.base import small_button
from nbflow_widgets.inbox_entries import Holds, InboxEntry, config_of, stage
from nbflow_widgets.inbox_text import item_html, item_text
from nbflow_widgets.markup import block, escape
from nbflow_widgets.naming import records_of
from nbflow_widgets.toolkit import probe
from nbflow_widgets.waiting import mark_of, waiting_of

if TYPE_CHECKING:
    from nbflow.types import BaseCheckpointSaver
    from nbflow_widgets.explorer_page import ExplorerWidget
    from nbflow_widgets.explorer_threads import Threads
    from nbflow_widgets.explorer_tree import Key, Line, Tree
    from nbflow_widgets.toolkit import Toolkit

SHOWN = 5
"""Results of actions that stand below the tree; above, the oldest goes."""


class Shows(Holds, Protocol):
    """The explorer, as its hand knows it.

    Attributes:
        threads: the threads.
        tree: what is open of them.
    """

    threads: Threads
    tree: Tree

    def lines(self) -> list[Line]:
        """Return the lines that are shown."""
        ...

    def draw(self) -> None:
        """Bring what is shown up to date."""
        ...

    def sift(self, text: str, state: str) -> None:
        """Show the threads that hold a text and are in a state."""
        ...

    def soon(self) -> None:
        """Look at once for what has changed."""
        ...


class Below:
    """What actions have shown below the tree, the newest first.

    Args:
        changed: called when something has come or gone.

    Attributes:
        widget: all of it.
    """

    def __init__(self, changed: Callable[[], None]) -> None:
        self.widget: Any = ipywidgets.VBox(layout={"margin": "0", "overflow": "visible"})
        self.widget.add_class("nbflow-explorer")
        self._changed = changed
        self._parts: list[tuple[Any, Callable[[], tuple[str, str]]]] = []

    def add(self, title: str, widget: Any, twin: Callable[[], tuple[str, str]]) -> None:  # noqa: ANN401  # untyped package
        """Show a widget under a title; ``twin`` gives its static version as HTML and as text."""
        head = ipywidgets.HTML(block("font-weight:600", escape(title)), layout={"flex": "1 1 auto", "min_width": "0"})
        part = ipywidgets.VBox(layout={"margin": "8px 0 0 0"})
        away = small_button("Close", "Show it no more", lambda: self._drop(part))
        part.children = [ipywidgets.HBox([head, away], layout={"justify_content": "space-between"}), widget]
        self._parts.insert(0, (part, twin))
        self.widget.children = [one for one, _ in self._parts]
        make_live(self.widget)
        for one, _ in self._parts[SHOWN:]:
            self._drop(one)
        self._changed()

    def _drop(self, part: Any) -> None:  # noqa: ANN401  # as above
        self._parts = [one for one in self._parts if one[0] is not part]
        self.widget.children = [one for one, _ in self._parts]
        close_tree(part)
        self._changed()

    def twins(self) -> list[tuple[str, str]]:
        """Return the static versions."""
        return [twin() for _, twin in tuple(self._parts)]


class _Chosen(NamedTuple):
    line: Line
    asks: str = ""  # the action that would lose something, and waits to be said once more


class Hand:
    """Does what a person wants done.

    Args:
        kit: the shell's toolkit.
        saver: keeps the threads.
        shows: the explorer.

    Attributes:
        below: what actions have shown.
    """

    def __init__(self, kit: Toolkit, saver: BaseCheckpointSaver, shows: Shows) -> None:
        self.page: ExplorerWidget
        self.below = Below(shows.update)
        self._kit, self._saver, self._shows = kit, saver, shows
        self._chosen: _Chosen | None = None
        self._compared: Key | None = None

    def hear(self, content: Mapping[str, Any]) -> None:
        """Take a message of the page; from any thread."""
        self._later(self._take, content)

    def _later(self, fn: Callable[..., None], *args: object) -> None:
        self._shows.calls.post(lambda: self._shows.in_cell(lambda: fn(*args)))

    def _take(self, content: Mapping[str, Any]) -> None:
        kind, key = content.get("kind"), self.page.key_of(content.get("id"))
        if kind == "find":
            self._shows.sift(str(content.get("text") or ""), str(content.get("state") or ALL))
        elif kind == "keep":
            self._keep()
        elif key is not None and kind in {"open", "close"}:
            self._shows.tree.turn(key, opens=kind == "open")
            self._shows.draw()
            self._read(self._shows.tree.read, lambda _found: self._shows.draw())
        elif key is not None and kind == "choose":
            self._keep()
            line = next((line for line in self._shows.lines() if line.key == key), None)
            self._choose(line)
        elif key is not None and kind == "do":
            self._do(str(content.get("name")), key, sure=bool(content.get("sure")))

    def _keep(self) -> None:
        if self._chosen is not None:
            self._chosen = self._chosen._replace(asks="")
        self.page.say("")

    def _read(self, job: Callable[[], Any], then: Callable[[Any], None]) -> None:
        """Do a job on the worker thread, and something with what it gives in the cell."""

        def done() -> None:
            try:
                found = job()
            except Exception as error:  # noqa: BLE001  # whatever it is, the page must show it
                self._later(self._complain, f"{type(error).__name__}: {error}")
                return
            self._later(then, found)

        self._kit.post(done)

    def _complain(self, text: str) -> None:
        self.page.say(text, error=True)

    def _choose(self, line: Line | None) -> None:
        if line is None or line.key[0] == "more":
            return
        self._chosen = _Chosen(line)

        def read() -> tuple[list[Fact], list[Action]]:
            return facts_of(self._saver, line), self._actions(line)

        def tell(found: tuple[list[Fact], list[Action]]) -> None:
            if self._chosen is not None and self._chosen.line is line:
                self.page.tell(line, *found)

        self._read(read, tell)

    def _choose_again(self) -> None:
        if self._chosen is not None:
            self._choose(self._chosen.line)

    def follow(self) -> None:
        """Tell of the chosen line again, if it has changed."""
        before = self._chosen
        if before is None or before.asks:
            return
        now = next((line for line in self._shows.lines() if line.key == before.line.key), None)
        if now is not None and now._replace(is_open=None) != before.line._replace(is_open=None):
            self._choose(now)

    def _actions(self, line: Line) -> list[Action]:
        known = self._shows.threads.known.get(line.key[1])
        if known is None:
            return []
        here = self._kit.workflow_named(known.row.workflow, self._saver) is not None
        aside = self._kit.archived.get(known.row.run_id) == known.mark
        runs = len(self._saver.runs(line.key[1], limit=2))
        thread = Thread(known.row.workflow, known.row.state, here, aside, runs)
        return actions_of(line, thread, self._saver, self._compared)

    def _do(self, name: str, key: Key, *, sure: bool) -> None:
        asked = self._chosen is not None and self._chosen.line.key == key and self._chosen.asks == name
        self._keep()
        if name in DANGEROUS and sure and asked:
            self._read(lambda: lose(name, self._saver, key[1]), lambda text: self._lost(name, text))
        elif name in DANGEROUS:
            self._read(lambda: lost_by(name, self._saver, key[1]), lambda text: self._ask(key, name, text))
        elif name == "archive":
            self._archive(key[1])
        elif name == "compare":
            self._compare(key)
        elif name == "resume":
            self._resume(key[1])
        elif name == "fork":
            self._fork(key)

    def _ask(self, key: Key, name: str, text: str) -> None:
        if not text:
            self.page.say("The thread needs all that it has: there is nothing to drop.")
        elif self._chosen is not None and self._chosen.line.key == key:
            self._chosen = self._chosen._replace(asks=name)
            self.page.ask(key, name, text)

    def _lost(self, name: str, text: str) -> None:
        self.page.say(text)
        if name == "delete":
            self._chosen, self.page.told = None, {}
        self._shows.soon()

    def _archive(self, thread_id: str) -> None:
        known = self._shows.threads.known.get(thread_id)
        if known is None:
            return
        archived = self._kit.archived
        if archived.get(known.row.run_id) == known.mark:
            del archived[known.row.run_id]
        else:
            archived[known.row.run_id] = known.mark
            self.page.say(f"Thread {thread_id} is archived; it comes back when a run moves it.")
        self._shows.draw()
        self._choose_again()

    def _compare(self, key: Key) -> None:
        first, self._compared = self._compared, None
        if first is None:
            self._compared = key
            self.page.say("Choose the other run, or any line of it, and press Compare with it.")
        else:
            names = [one[1] if one[0] == "thread" else f"{one[1]}@{one[2]}" for one in (first, key)]
            title = f"{names[0]}, then {names[1]}"
            self._read(
                lambda: _side_by_side(names, self._saver),
                lambda twin: self.below.add(title, ipywidgets.HTML(twin[0]), lambda: twin),
            )
        self._choose_again()

    def _resume(self, thread_id: str) -> None:
        """Show the thread below as an inbox shows it."""
        run = probe(self._saver).last_run(config_of(thread_id))
        item = waiting_of(thread_id, run, mark_of(self._saver, thread_id)[0])
        if item is None:
            self._complain(f"Thread {thread_id} asks nothing, and did not stop.")
            return
        entry = InboxEntry(self._kit, self._saver, item, self._shows)
        entry.open(takes=True)
        self.below.add("", entry.widget, lambda: entry.said if entry.said[1] else (item_html(item), item_text(item)))

    def _fork(self, key: Key) -> None:
        """Begin a run from a line; it, its forms and its end are shown below."""
        known = self._shows.threads.known.get(key[1])
        workflow = self._kit.workflow_named(known.row.workflow, self._saver) if known is not None else None
        if workflow is None:
            self._complain("Its workflow is not defined in this kernel: run the cell that defines it.")
            return
        try:
            run = fork(workflow, self._saver, key)
        except Exception as error:  # noqa: BLE001  # whatever it is, the page must show it
            self._complain(f"Nothing was run: {type(error).__name__}: {error}")
            return
        cell_run = stage(self._kit, workflow, key[1])
        cell_run.open(run, past=len(run.log), changed=self._shows.update)
        self.below.add(f"A new run of {key[1]}", cell_run.run_display.box, cell_run.run_display.twin)
        if cell_run.calls.loop is not None:  # without one, nobody waits for its end
            cell_run.watch()
        self._shows.soon()


def _side_by_side(names: list[str], saver: BaseCheckpointSaver) -> tuple[str, str]:
    """Return two runs side by side, as HTML and as text."""
    from nbflow.views.diff import diff_of  # noqa: PLC0415  # pandas: half a second that only tables cost
    from nbflow_widgets.side_by_side import Diff  # noqa: PLC0415  # as above

    found = Diff(diff_of(*(records_of(name, saver) for name in names)))
    return found.html(), repr(found)
