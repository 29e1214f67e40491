"""Outputs that survive: what is shown live has two outputs in its cell, its twin first, then its widgets.

The twin is static. It needs no kernel, and it is what a saved notebook shows. The widgets hide it as long
as they are drawn. One of them, the keeper, keeps the twin in the notebook's file right by its JavaScript,
also after the page was reloaded, and shows the twin again when the kernel is gone. No widget is closed while
somebody may look at it.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import anywidget
import ipywidgets
import traitlets

from nbflow_widgets.display import EMPTY, Slot, bundle_of, execution, make_live
from nbflow_widgets.markup import WIDTH
from nbflow_widgets.ticker import ticker

STATIC = Path(__file__).with_name("static")
TWIN_SECONDS = 5.0
"""How old the twin of what moves grows at most; older where drawing it takes more than ``SHARE`` of the time."""
SHARE = 0.02
BEAT_SECONDS = 1.0
KEPT = 50
"""Cards with widgets in one kernel; above, the oldest of those that are settled are closed."""

# In a trusted notebook a widget that can't be drawn (any more) is mere text, below its twin; and both are as wide.
STYLE = (
    "<style>.jp-OutputArea-child:has(.nbflow-twin)+.jp-OutputArea-child>"
    ".jp-OutputArea-output.lm-Panel:not(:has(*)){display:none}"
    ".jp-RenderedHTMLCommon:has(>.nbflow-twin){padding-right:0}</style>"
)
State = Literal["moves", "waits", "settled"]


class Keeper(anywidget.AnyWidget):
    """A line that says what became of the kernel; empty as long as all is well.

    Attributes:
        card: names the card, in its twin too.
        settled: whether nothing more comes, so that the kernel is not missed.
        overtaken: what is said of the error that the cell ended with, once its run has gone on; empty before.
    """

    _esm = STATIC / "keeper.js"
    _css = STATIC / "keeper.css"

    card = traitlets.Unicode("").tag(sync=True)
    settled = traitlets.Bool(default_value=False).tag(sync=True)
    overtaken = traitlets.Unicode("").tag(sync=True)

    def __repr__(self) -> str:
        return "Keeper"


class Card:
    """The two outputs of one thing.

    Args:
        draw: returns the twin, HTML and text, as it is now; called on any thread.
        state: whether what is shown moves by itself, waits for a person, or is settled.
        on_close: called when its widgets are closed.

    Attributes:
        is_revealed: whether its widgets have been shown.
        is_reloaded: whether the page was reloaded, or opened elsewhere, since: what the cell's own
            execution prints and returns does not reach such a page.
        execution: the cell and the execution that it belongs to.
    """

    def __init__(
        self, draw: Callable[[], tuple[str, str]], state: Callable[[], State], on_close: Callable[[], None]
    ) -> None:
        self.is_revealed = False
        self.is_reloaded = False
        self.execution = execution()
        self._id = uuid.uuid4().hex[:12]
        self._draw, self._state, self._on_close = draw, state, on_close
        self._lock = threading.RLock()
        self._twin, self._live = Slot(), Slot()
        self._keeper: Keeper | None = None
        self._box: Any = None
        self._page = ""
        self._turn = 0
        self._due = self._next_beat = 0.0
        self._beats = self._is_alone = self._is_closed = False

    @property
    def state(self) -> State:
        """Whether it moves, waits or is settled."""
        return self._state()

    def place(self) -> None:
        """Take its place in the running cell, above all that the cell prints."""
        deck.begin(self.execution)
        self._twin.show(EMPTY)
        self._live.show(EMPTY)

    def reveal(self, parts: Sequence[Any]) -> None:
        """Show widgets, from top to bottom, and the twin for when they can't be drawn."""
        if self.is_revealed or self._is_closed:
            return
        self.is_revealed = True
        self._keeper = Keeper(card=self._id)
        self._keeper.on_msg(self._on_message)
        self._box = ipywidgets.VBox(layout={"max_width": WIDTH, "margin": "0", "overflow": "visible"})
        self._box.add_class("nbflow-card")
        self.arrange(parts)
        self.update()
        self._live.show_widget(self._box)
        deck.add(self)

    def arrange(self, parts: Sequence[Any]) -> None:
        """Show these widgets in the place of those before."""
        if self._box is not None and not self._is_closed:
            self._box.children = [self._keeper, *parts]
            make_live(self._box)

    def update(self) -> None:
        """Bring the twin up to date, in the page and in what is saved; called whenever it may differ."""
        begun = time.monotonic()
        with self._lock:
            if self._is_closed:
                return
            self._turn += 1
            state, (html, text) = self._state(), self._draw()
            mark = f'data-card="{self._id}" data-turn="{self._turn}"'  # keeper.js looks for it, just so
            html = f'<div class="nbflow-twin" {mark} style="max-width:{WIDTH}">{STYLE}{html}</div>'
            if self._keeper is not None:
                self._keeper.settled = state == "settled"
                self._keeper.send({"kind": "twin", "turn": self._turn, "html": html, "text": text})
            self._show(bundle_of(html, text), state)
            now = time.monotonic()
            self._due = now + max(TWIN_SECONDS, (now - begun) / SHARE)
        if self.is_revealed and state != "settled":
            ticker.add(self)

    def overtake(self, words: str, parts: Sequence[Any]) -> bool:
        """Have the error that the cell ended with folded, in the page and in the notebook; return whether it is.

        Args:
            words: what it is folded under.
            parts: widgets to show, if none have been: it is one of them that folds it.
        """
        (cell, message), (running, now) = self.execution, execution()
        if self._is_closed or (cell and cell == running and message != now):  # its cell runs anew, and clears all
            return False
        self.reveal(parts)
        assert self._keeper is not None, "what is revealed has one"
        self._keeper.overtaken = words
        return True

    def _show(self, bundle: dict[str, object], state: State) -> None:
        if not self._is_alone:
            self._twin.show(bundle)
        elif state != "moves":  # each time, the widgets are drawn anew
            self._live.show_widget(self._box, bundle)

    def flush(self) -> bool:
        """Keep the twin of what moves fresh, and tell pages without another sign that the kernel lives."""
        now, state = time.monotonic(), self._state()
        if self._is_closed or state == "settled":
            return False
        if state == "moves" and now >= self._due:
            self.update()
        if self._beats and self._keeper is not None and now >= self._next_beat:
            self._next_beat = now + BEAT_SECONDS
            self._keeper.send({"kind": "beat"})
        return state == "moves" or self._beats

    def _on_message(self, _keeper: Keeper, content: Mapping[str, Any], _buffers: object) -> None:
        """Greet a page: one that was loaded since has no twin yet, and updates of outputs do not reach it."""
        if content.get("kind") != "hello":
            return
        page = str(content.get("page"))
        self.is_reloaded |= self._page not in {"", page}
        self._page = self._page or page
        self._beats |= not content.get("signals")
        if not content.get("area") and not self._is_alone:  # outputs don't know each other there: one has all
            self._is_alone = True
            self._twin.show(EMPTY)
            self._live.show_widget(self._box, bundle_of(*self._draw()))
        self.update()

    def close(self) -> None:
        """Take the widgets away; the twin stays."""
        with self._lock:
            if self._is_closed:
                return
            self._is_closed = True
        ticker.remove(self)
        deck.remove(self)
        self._on_close()
        if self._keeper is not None:
            self._keeper.close()
            self._box.layout.close()
            self._box.close()


class Deck:
    """The cards of a kernel whose widgets are open, the oldest first."""

    def __init__(self) -> None:
        self._cards: list[Card] = []

    def begin(self, run_of_cell: tuple[str, str]) -> None:
        """Close what earlier executions of a cell have shown: the page has cleared it."""
        cell, message = run_of_cell
        for card in tuple(self._cards):
            if cell and card.execution[0] == cell and card.execution[1] != message:
                card.close()

    def add(self, card: Card) -> None:
        """Keep a card open, as long as there are not too many."""
        self._cards.append(card)
        settled = [one for one in self._cards[:-1] if one.state == "settled"]
        for one in settled[: max(0, len(self._cards) - KEPT)]:
            one.close()

    def remove(self, card: Card) -> None:
        """Forget a card."""
        if card in self._cards:
            self._cards.remove(card)


deck = Deck()
