"""All that waits for a person in one saver: a list that is folded, filtered, and kept up to date while it is open.

Lays out; what an entry shows and does is given by its owner.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

import ipywidgets

from nbflow_widgets.card import Card, State
from nbflow_widgets.display import Cell, Mode, bundle_of, close_tree, make_live, show_once
from nbflow_widgets.inbox_text import brief, count_html, group_html, head_line, item_html, item_text
from nbflow_widgets.loop_calls import LoopCalls
from nbflow_widgets.markup import note, plural
from nbflow_widgets.ticker import ticker
from nbflow_widgets.waiting import STATES

if TYPE_CHECKING:
    from nbflow_widgets.waiting import Waiting

LIMIT = 20
"""Entries that are shown at once; more are counted, and found by the filter."""
FILTERED = 5
"""Entries above which there is a filter."""
SECONDS = 2.0
SHARE = 0.02
"""Which part of the time looking for what has changed may take."""
ALL = "all"
_FOLD = {"width": "auto", "height": "24px", "flex": "0 0 auto", "margin": "0 0 0 8px"}


class Entry(Protocol):
    """What one thread shows and does.

    Attributes:
        item: the thread as it was last seen.
        widget: what is shown; made by `open`.
        hint: for a text: why it can't be answered here, with code in backquotes; empty if it can.
        said: HTML and text of how it ended; empty as long as it waits.
        is_over: whether nothing more is to be heard of it; an answer that was recorded here leads on.
        is_open: whether ``widget`` was made.
    """

    item: Waiting
    widget: Any
    hint: str
    said: tuple[str, str]
    is_over: bool
    is_open: bool

    def open(self, *, takes: bool) -> None:
        """Make what is shown; ``takes`` says whether a run that another cell shows is taken over."""
        ...

    def follow(self, item: Waiting | None, became: str) -> None:
        """Take in how the thread stands now: ``item`` if it waits, else what became of it."""
        ...


class Look(Protocol):
    """Finds what waits; called on a worker thread too."""

    def waiting(self) -> tuple[list[Waiting], int]:
        """Return what waits, and how much was put aside."""
        ...

    def became(self, thread_id: str) -> str:
        """Return what became of a thread that waits no more: working, done, failed or discarded."""
        ...

    def post(self, job: Callable[[], None]) -> None:
        """Do a job soon, on a worker thread."""
        ...


class Inbox:
    """The list, as widgets and as static text.

    Args:
        look: finds what waits.
        entry: returns the entry of an item in this list.
        notebook: this notebook's file; its entries come first.

    Attributes:
        widget: the list, while it is shown live; None before.
        calls: leads what threads find to the loop of the cell that shows it.
    """

    def __init__(self, look: Look, entry: Callable[[Waiting, Inbox], Entry], notebook: str = "") -> None:
        self.widget: Any = None
        self._look, self._entry, self._notebook = look, partial(_entry_of, entry, self), notebook
        self._cell = Cell()
        self.calls = LoopCalls(self._cell)
        self._card = Card(self._twin, self._state, self.close)
        found, self._aside = look.waiting()
        self._entries = {item.thread_id: self._entry(item) for item in self._sorted(found)}
        self._hidden: dict[str, Entry] = {}
        self._head = ipywidgets.HTML(layout={"margin": "0", "flex": "1 1 auto", "min_width": "0"})
        self._list = ipywidgets.VBox(layout={"margin": "0"})
        self._later: set[str] = set()  # threads that came while the list was open: perhaps their cell asks just now
        self._groups: dict[str, Any] = {}
        self._fold = ipywidgets.Button(layout=_FOLD, style={"font_size": "12px"})
        self._filter = _Filter(self._arrange)
        self._is_folded = self._is_looking = self._is_closed = False
        self._due = 0.0

    def __repr__(self) -> str:
        return self.text()

    def __len__(self) -> int:
        return len(self.items)

    @property
    def items(self) -> list[Waiting]:
        """What waits, in the order of the list."""
        return [entry.item for entry in tuple(self._entries.values()) if not entry.said[1]]

    def show(self, mode: Mode, *, folded: bool = False) -> None:
        """Show the list in the running cell: with widgets where something can be clicked, else as text.

        Args:
            mode: how.
            folded: whether one line is shown at first, and nothing behind it is made before it is opened.
        """
        if mode != "live":
            show_once(bundle_of(self.html(), self.text()))
            return
        self.calls.join()
        self._is_folded = folded
        self._fold.on_click(lambda _button: self.calls.post(lambda: self._cell.run(self._turn)))
        row = ipywidgets.HBox([self._head, self._fold], layout={"justify_content": "space-between"})
        self.widget = ipywidgets.VBox([row, self._filter.widget, self._list], layout={"margin": "0"})
        self.widget.add_class("nbflow-inbox")
        self._card.place()
        self._arrange()
        self._card.reveal([self.widget])
        self._due = time.monotonic() + SECONDS
        ticker.add(self)

    def update(self) -> None:
        """Bring what is shown and saved up to date; called when an entry has changed."""
        if self._card.is_revealed:
            self._head.value = head_line(self.items, self._notebook, self._aside, folded=self._is_folded)
            self._card.update()

    def in_cell(self, job: Callable[[], None]) -> None:
        """Call a function so that what it shows appears in the cell."""
        self._cell.run(job)

    def put_aside(self, thread_id: str) -> None:
        """Show an entry no more."""
        entry = self._entries.pop(thread_id, None)
        if entry is not None:
            self._hidden[thread_id] = entry
            self._aside += 1
            self._arrange()

    def close(self) -> None:
        """Look no more, and take the widgets away."""
        self._is_closed = True
        ticker.remove(self)
        if self.widget is not None:
            close_tree(self.widget)

    def flush(self) -> bool:
        """Look for what has changed, if it is time to."""
        if not self._is_closed and not self._is_looking and time.monotonic() >= self._due:
            self._is_looking = True
            with suppress(RuntimeError):  # the toolkit was unloaded
                self._look.post(self._find)
                return True
            self._is_closed = True
        return not self._is_closed

    def _find(self) -> None:
        """Look for what has changed; called on a worker thread."""
        begun = time.monotonic()
        try:
            found, aside = self._look.waiting()
            waits = {item.thread_id for item in found}
            gone = {
                name: self._look.became(name)
                for name, entry in tuple(self._entries.items())
                if name not in waits and not entry.is_over
            }
        except Exception:  # noqa: BLE001  # a file that can't be read just now is read the next time
            return
        finally:
            now = time.monotonic()
            self._due = now + max(SECONDS, (now - begun) / SHARE)
            self._is_looking = False
        self.calls.post(lambda: self._cell.run(self.refresh, found, gone, aside))

    def refresh(self, found: Sequence[Waiting], gone: Mapping[str, str], aside: int = 0) -> None:
        """Show what waits now.

        Args:
            found: what waits.
            gone: what became of threads that do not wait any more.
            aside: how many threads wait that were put aside.
        """
        if self._is_closed:
            return
        before = (len(self._entries), self._aside, *(entry.item.mark for entry in self._entries.values()))
        self._aside = aside
        for item in self._sorted(found):
            entry = self._entries.get(item.thread_id)
            if entry is None and (entry := self._hidden.pop(item.thread_id, None)) is not None:
                self._entries[item.thread_id] = entry
            if entry is None or (entry.said[1] and entry.item.mark != item.mark and item.status != "answered"):
                self._entries[item.thread_id] = self._entry(item)
                self._later.add(item.thread_id)
            else:
                entry.follow(item, "")
        for name, became in gone.items():
            entry = self._entries.get(name)
            if entry is not None and became == "aside":
                self._hidden[name] = self._entries.pop(name)
            elif entry is not None:
                entry.follow(None, became)
        if before != (len(self._entries), self._aside, *(entry.item.mark for entry in self._entries.values())) or gone:
            self._arrange()

    def _turn(self) -> None:
        self._is_folded = not self._is_folded
        self._arrange()

    def _sorted(self, items: Iterable[Waiting]) -> list[Waiting]:
        """Return items by notebook: this one first, those of none last; else in their order."""
        return sorted(items, key=lambda item: _rank(item.begun.notebook, self._notebook))

    def _arrange(self) -> None:
        """Show the entries that fit the filter, under their notebooks."""
        if self.widget is None:
            return
        self._fold.description = "Show" if self._is_folded else "Hide"
        self._fold.layout.display = None if self._entries else "none"
        self._filter.show(shown=not self._is_folded and len(self._entries) > FILTERED)
        rows: list[Any] = []
        fitting = [] if self._is_folded else [one for one in self._entries.values() if self._filter.fits(one.item)]
        fitting.sort(key=lambda one: _rank(one.item.begun.notebook, self._notebook))
        grouped, last = self._is_grouped(), None
        for entry in fitting[:LIMIT]:
            if not entry.is_open:
                entry.open(takes=entry.item.thread_id not in self._later)
            notebook = entry.item.begun.notebook
            if notebook != last and grouped:
                rows.append(self._group(notebook))
            last = notebook
            rows.append(entry.widget)
        if len(fitting) > LIMIT:
            rows.append(self._more(len(fitting) - LIMIT))
        self._list.children = rows
        make_live(self.widget)
        if self._card.is_revealed:
            self.update()
        else:
            self._head.value = head_line(self.items, self._notebook, self._aside, folded=self._is_folded)

    def _is_grouped(self) -> bool:
        """Whether there is more to tell than what this notebook, or nobody knows which, has begun."""
        return {item.begun.notebook for item in self.items} not in ({""}, {self._notebook}, set())

    def _group(self, notebook: str) -> Any:  # noqa: ANN401  # untyped package
        if notebook not in self._groups:
            self._groups[notebook] = ipywidgets.HTML(group_html(notebook, self._notebook), layout={"margin": "0"})
        return self._groups[notebook]

    def _more(self, number: int) -> Any:  # noqa: ANN401  # as above
        more = self._groups.setdefault("\0more", ipywidgets.HTML(layout={"margin": "0"}))
        more.value = note(f"and {plural(number, 'run')} more: type into the filter above")
        return more

    def _twin(self) -> tuple[str, str]:
        """Return the static version with when it was so, for whoever reads it later."""
        if not self.items:
            return self.html(), self.text()
        stood = f"As of {time.strftime('%H:%M:%S')}. Run the cell again to answer."
        if self._is_folded:
            line = head_line(self.items, self._notebook, self._aside, folded=True)
            return line + note(stood), f"{brief(self.items, self._notebook, self._aside)}\n{stood}"
        return self.html() + note(stood), f"{self.text()}\n{stood}"

    def _state(self) -> State:
        return "waits" if self.items else "settled"

    def html(self) -> str:
        """Return the static version."""
        parts = [count_html(len(self.items), self._aside)]
        entries = tuple(self._entries.values())
        grouped, last = self._is_grouped(), None
        for entry in entries:
            if not entry.said[1]:
                notebook = entry.item.begun.notebook
                parts += [group_html(notebook, self._notebook)] if notebook != last and grouped else []
                last = notebook
                parts.append(item_html(entry.item, entry.hint))
        return "".join([*parts, *(entry.said[0] for entry in entries)])

    def text(self) -> str:
        """Return the list as text."""
        entries = tuple(self._entries.values())
        waits = [item_text(entry.item) for entry in entries if not entry.said[1]]
        said = [entry.said[1] for entry in entries if entry.said[1]]
        return "\n".join([brief(self.items, "", self._aside, grouped=False), *waits, *said])


class _Filter:
    """A text and a state that entries must have to be shown.

    Args:
        changed: called when a person has changed it.
    """

    def __init__(self, changed: Callable[[], None]) -> None:
        self._text = ipywidgets.Text(placeholder="Filter by workflow, thread, notebook or question")
        self._text.layout = {"width": "auto", "flex": "1 1 220px"}
        states = [(ALL, ALL), *((words, state) for state, words in STATES.items())]
        self._state = ipywidgets.Dropdown(options=states, value=ALL, layout={"width": "auto", "flex": "0 1 200px"})
        self.widget: Any = ipywidgets.HBox(
            [self._text, self._state], layout={"display": "none", "flex_flow": "row wrap"}
        )
        for one in (self._text, self._state):
            one.observe(lambda _change: changed(), "value")

    def show(self, *, shown: bool) -> None:
        """Show it, or let all entries pass."""
        self.widget.layout.display = None if shown else "none"

    def fits(self, item: Waiting) -> bool:
        """Whether an entry is to be shown."""
        if self.widget.layout.display == "none":
            return True
        words = self._text.value.casefold().split()
        text = f"{item_text(item)}\n{item.begun}".casefold()
        return self._state.value in (ALL, item.status) and all(word in text for word in words)


def _entry_of(entry: Callable[[Waiting, Inbox], Entry], box: Inbox, item: Waiting) -> Entry:
    return entry(item, box)


def _rank(notebook: str, mine: str) -> tuple[bool, bool, str]:
    return not notebook or notebook != mine, not notebook, notebook
