"""What is drawn of one run: timeline, notes and forms in one place of a cell, then their static version.

Knows nothing of how a run goes on; all of it is called on the kernel's loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Any

import ipywidgets

from nbflow_widgets.display import Cell, Mode, Slot, bundle_of, formatted, make_live, show_once
from nbflow_widgets.forms import Form, waiting_html, waiting_text
from nbflow_widgets.markup import labelled, note
from nbflow_widgets.run_feed import RunFeed
from nbflow_widgets.timeline import Timeline

if TYPE_CHECKING:
    from nbflow import Run

EMPTY = bundle_of("<div></div>", "")
LATER = 1.0
"""Seconds until widgets that were taken out of a page are closed; one that is busy stumbles over closed ones."""


class RunDisplay:
    """The place of one run in a cell.

    Args:
        run: what is shown.
        mode: how.
        on_stop: called by the Stop button.
        in_cell: whether it is shown in the running cell; else its owner shows ``box``.
        compact: whether the timeline is left out until ``unfold``.

    Attributes:
        box: the widgets; None unless live.
        forms: by question id, in the order asked.
        is_revealed: whether widgets have been shown in the cell.
    """

    def __init__(
        self, run: Run, mode: Mode, *, on_stop: Callable[[], None], in_cell: bool = True, compact: bool = False
    ) -> None:
        self.box = ipywidgets.VBox() if mode == "live" else None
        self.forms: dict[str, Form] = {}
        self.is_revealed = False
        self._run = run
        self._mode = mode
        self._in_cell = in_cell
        self._compact = compact
        self._slot = Slot()
        self._result = Slot()
        self._notes: list[tuple[str, str]] = []
        self._feed = RunFeed(run)
        self._timeline = Timeline(self._feed, on_stop=on_stop)
        self._arrange()
        if self.box is not None and in_cell:
            self._slot.show(EMPTY)  # its place, above all that the run prints

    def attach(self, run: Run) -> None:
        """Go on with another handle of the run."""
        self._run = run
        self.offer_back(())
        self._feed.attach(run)

    def say(self, text: str, kind: str = "info") -> None:
        """Add a line of small print, with code in backquotes."""
        self._notes.append((text, kind))
        self._arrange()

    def add(self, form: Form) -> None:
        """Show a form below the others."""
        self.forms[form.asked.id] = form
        self._arrange()

    def offer_back(self, rejected: Collection[str]) -> bool:
        """Let the rejections of some questions be taken back, and no others; return whether a form is open for one."""
        for key, form in self.forms.items():
            form.offer_back(offered=key in rejected)
        return any(key in rejected for key in self.forms)

    def reveal(self) -> None:
        """Show the widgets in the cell, with their static version for those who can't draw them."""
        if self.box is not None and self._in_cell:
            self.is_revealed = True
            self._slot.show_widget(self.box, self.static_bundle())

    def unfold(self) -> None:
        """Show the timeline too."""
        self._compact = False
        self._arrange()

    def hold_place(self) -> None:
        """Keep a place in the cell for a result that comes after the cell's end."""
        if self._mode != "static" and self._in_cell and not self._result.is_shown:
            self._result.show(EMPTY)

    def stay(self) -> None:
        """Show the widgets as they are now, and keep a place for what comes: somebody may answer."""
        self.reveal()
        self.hold_place()

    def show_result(self, result: object, cell: Cell) -> None:
        """Show a result that came after the cell's end."""
        if self.box is not None and not self._in_cell:
            self.box.children = [*self.box.children, ipywidgets.HTML(labelled("Result", result))]
        elif result is not None and self._result.is_shown:
            bundle, _ = cell.run(formatted, result)
            if bundle:
                self._result.show(bundle)

    def finish(self) -> None:
        """Show the end: in a live cell, the static version takes the place of the widgets."""
        self._feed.flush()
        for form in self.forms.values():
            form.keep_rejection()
        if self._mode == "static":
            show_once(self.static_bundle())
        self.freeze()

    def freeze(self) -> None:
        """Leave the static version where the widgets were: saved widgets show an error to their own author."""
        if self.box is None:
            return
        static = self.static_bundle()
        if self._in_cell:
            self._slot.show(static)
            self.box.close()
            self._close()
            return
        self.box.children = [ipywidgets.HTML(str(static["text/html"]))]
        try:
            asyncio.get_running_loop().call_later(LATER, self._close)
        except RuntimeError:
            self._close()

    def _close(self) -> None:
        for form in self.forms.values():
            form.close()
        self._timeline.close()
        self._feed.close()

    def _arrange(self) -> None:
        if self.box is None:
            return
        parts: list[Any] = [] if self._compact else [self._timeline.widget]
        if self._notes:
            parts.append(ipywidgets.HTML(self._notes_html()))
        self.box.children = [*parts, *(form.widget for form in self.forms.values())]
        make_live(self.box)

    def static_bundle(self) -> dict[str, object]:
        """Return the static form of all that is shown."""
        shown = list(self.forms.values())
        html = [self._timeline.html(times=self._mode == "live"), self._notes_html(), *(form.html() for form in shown)]
        text = [self._timeline.text(), *(text.replace("`", "") for text, _ in self._notes)]
        text += [form.text() for form in shown]
        for asked in self._run.interrupts if self._run.done() else ():
            if asked.id not in self.forms:
                html.append(waiting_html(asked))
                text.append(waiting_text(asked))
        return bundle_of("".join(html), "\n".join(text))

    def _notes_html(self) -> str:
        return "".join(note(text, kind) for text, kind in self._notes)
