"""``%nbflow explore``: a file as a tree of threads, runs, checkpoints and values, and what can be done with them."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING

from nbflow_widgets.card import Card
from nbflow_widgets.display import Cell, Mode, bundle_of, close_tree, show_once
from nbflow_widgets.explorer_hand import Hand
from nbflow_widgets.explorer_page import ExplorerWidget
from nbflow_widgets.explorer_threads import ALL, Known, Threads
from nbflow_widgets.explorer_tree import Line, Tree, text_of
from nbflow_widgets.loop_calls import LoopCalls
from nbflow_widgets.markup import FAINT, block, div, dot, escape, note, plural, span
from nbflow_widgets.ticker import ticker

if TYPE_CHECKING:
    from collections.abc import Callable

    from nbflow.types import BaseCheckpointSaver
    from nbflow_widgets.explorer_tree import Key
    from nbflow_widgets.toolkit import Toolkit

SECONDS, SHARE = 2.0, 0.02  # as the inbox looks
SLICE = 0.1
"""Seconds for which threads are read at a time; answers that wait come in between."""
AT_ONCE = 1.0
"""Seconds for which they are read before the first of them are shown."""
FILTERED = 5
"""Threads above which there is a filter."""


class Explorer:
    """The explorer of a saver, as a widget and as static text.

    Args:
        kit: the shell's toolkit.
        saver: keeps the threads.
        thread: the one thread that is shown; None for all.

    Attributes:
        widget: the tree in the page; None before it is shown live.
        hand: does what a person wants done.
        threads: the threads.
        tree: what is open of them.
        calls: leads what worker threads find to the loop of the cell that shows it.
    """

    def __init__(self, kit: Toolkit, saver: BaseCheckpointSaver, thread: str | None = None) -> None:
        self.widget: ExplorerWidget | None = None
        self.threads, self.tree = Threads(saver, thread), Tree(saver)
        self._kit, self._only = kit, thread
        self._cell = Cell()
        self.calls = LoopCalls(self._cell)
        self._card = Card(self._twin, lambda: "waits", self.close)
        self.hand = Hand(kit, saver, self)
        self._steps = self.threads.look()
        self._find, self._state = "", ALL
        self._due = self._spent = 0.0
        self._is_looking = self._is_closed = False

    def __repr__(self) -> str:
        return self.text()

    def look(self, seconds: float | None = None) -> bool:
        """Read what has moved, for some seconds at most; return whether all was read."""
        until = None if seconds is None else time.monotonic() + seconds
        for _ in self._steps:
            if until is not None and time.monotonic() >= until:
                return False
        self._steps = self.threads.look()
        self.tree.read()
        return True

    def open_newest(self) -> None:
        """Open the newest thread, its newest run, and the newest checkpoint of that."""
        key: Key = ("thread", next(iter(self.threads.known), ""))
        for kind in ("run", "point", ""):
            self.tree.turn(key, opens=True)
            self.tree.read()
            key = next((line.key for line in self.lines() if line.key[0] == kind), key)

    def show(self, mode: Mode) -> None:
        """Show it in the running cell: with widgets where something can be clicked, else as text."""
        if mode != "live":
            show_once(bundle_of(self.html(times=False), self.text()))
            return
        self.calls.join()
        self.widget = self.hand.page = ExplorerWidget(self.hand.hear, filtered=False)
        self._card.place()
        self.draw()
        self._card.reveal([self.widget, self.hand.below.widget])
        self.soon(SECONDS)
        ticker.add(self)

    def draw(self) -> None:
        """Bring what is shown up to date."""
        if self.widget is None or self._is_closed:
            return
        self.widget.filtered |= self._only is None and self.threads.count > FILTERED
        before = self.widget.rows
        self.widget.draw(self.lines(), self._head())
        if self.widget.rows != before:
            self.update()

    def update(self) -> None:
        """Bring the saved version up to date; called when something below has changed too."""
        if self._card.is_revealed:
            self._card.update()

    def close(self) -> None:
        """Look no more, and take the widgets away."""
        self._is_closed = True
        ticker.remove(self)
        if self.widget is not None:
            self.widget.close()
        close_tree(self.hand.below.widget)

    def lines(self) -> list[Line]:
        """Return the lines that are shown."""
        return self.tree.lines(self._listed())

    def sift(self, text: str, state: str) -> None:
        """Show the threads that hold all words of a text and are in a state."""
        self._find, self._state = text, state
        if self.widget is not None:
            self.widget.find, self.widget.state = text, state
        self.draw()

    def soon(self, seconds: float = 0.0) -> None:
        """Look for what has changed after some seconds."""
        self._due = time.monotonic() + seconds

    def in_cell(self, job: Callable[[], None]) -> None:
        """Call a function so that what it shows appears in the cell."""
        self._cell.run(job)

    def put_aside(self, _thread_id: str) -> None:
        """Take in that a thread was archived."""
        self.draw()

    def _listed(self) -> list[Known]:
        return self.threads.fitting(self._find, self._state, self._kit.archived, only=self._only)

    def _head(self) -> str:
        known, count = len(self.threads.known), self.threads.count
        if known < count:
            return f"{plural(count, 'thread')}, {known:,} read"
        listed = len(self._listed())
        return plural(count, "thread") if listed == count else f"{listed:,} of {plural(count, 'thread')}"

    def flush(self) -> bool:
        """Look for what has changed, if it is time to; called on the ticker's thread."""
        if not self._is_closed and not self._is_looking and time.monotonic() >= self._due:
            self._is_looking = True
            self._post_look()
        return not self._is_closed

    def _post_look(self) -> None:
        try:
            self._kit.post(self._look)
        except RuntimeError:  # the toolkit was unloaded
            self._is_closed = True

    def _look(self) -> None:
        """Look for a moment, on the worker thread, and again until all was read."""
        begun = time.monotonic()
        over = True
        with suppress(Exception):  # a file that can't be read just now is read the next time
            self._kit.archived.refresh()
            over = self.look(SLICE)
        now = time.monotonic()
        self._spent += now - begun
        if over:
            self.soon(max(SECONDS, self._spent / SHARE))
            self._spent, self._is_looking = 0.0, False
        self.calls.post(lambda: self.in_cell(self._followed))
        if not over:
            self._post_look()

    def _followed(self) -> None:
        if not self._is_closed:
            self.draw()
            self.hand.follow()

    def _twin(self) -> tuple[str, str]:
        stood = f"As of {time.strftime('%H:%M:%S')}. Run the cell again to look anew."
        below = self.hand.below.twins()
        html = "".join([self.html(), note(stood), *(html for html, _ in below)])
        return html, "\n".join([self.text(), stood, *(text for _, text in below if text)])

    def html(self, *, times: bool = True) -> str:
        """Return what is open as HTML that survives saving and export."""
        head = block("font-weight:600;padding:2px 0", escape(self._head()))
        return head + block("", *(_line_html(line, times=times) for line in self.lines()))

    def text(self) -> str:
        """Return what is open as text, without times."""
        return "\n".join([self._head(), text_of(self.lines(), times=False)]).rstrip()


def _line_html(line: Line, *, times: bool) -> str:
    tone = _TONES.get(line.change, "")
    mark = dot(line.state) if line.state else ""
    told = " · ".join(filter(None, [line.change, line.state, line.told(times=times)]))
    style = f"padding:1px 4px 1px {4 + 18 * line.depth}px;overflow-wrap:anywhere;{tone}"
    return div(style, mark, span("", line.name), " ", span(FAINT, told))


_TONES = {
    "new": "background-color:#3fa37c1f", "copied": "background-color:#3fa37c1f",
    "changed": "background-color:#e39a2d24", "gone": "background-color:#dc5a521f",
}  # fmt: skip
