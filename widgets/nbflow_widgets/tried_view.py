"""A call that was tried: both results, what differs, and a button that forks the run with the new one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import ipywidgets

from nbflow_widgets.card import Card
from nbflow_widgets.display import Cell, Mode, bundle_of, close_tree, show_once
from nbflow_widgets.explorer_hand import Below
from nbflow_widgets.fields.base import small_button
from nbflow_widgets.inbox_entries import stage
from nbflow_widgets.loop_calls import LoopCalls
from nbflow_widgets.markup import FAINT, div, duration, escape, span
from nbflow_widgets.side_by_side import lines_html

if TYPE_CHECKING:
    from nbflow import Workflow
    from nbflow.types import Tried
    from nbflow_widgets.toolkit import Toolkit


class TriedView:
    """A call that was tried: both results, their times, what differs; live with a button that forks the run with it.

    Args:
        kit: the shell's toolkit.
        workflow: of the call.
        thread: its thread.
        tried: what came of it.
    """

    def __init__(self, kit: Toolkit, workflow: Workflow, thread: str, tried: Tried) -> None:
        self.tried = tried
        self._kit, self._workflow, self._thread = kit, workflow, thread
        self._cell = Cell()
        self._calls = LoopCalls(self._cell)
        self._below = Below(self._update)
        self._card = Card(self._twin, lambda: "waits", self.close)

    def __repr__(self) -> str:
        return "\n".join([str(self.tried), *(f"  {line}" for line in self.tried.difference())])

    def html(self, *, times: bool = True) -> str:
        """Return it as HTML without classes or scripts."""
        tried = self.tried
        what = "another result" if tried.is_changed else "the same result"
        what = f"fails: {tried.error!r}" if tried.error is not None else what
        took = f" in {duration(tried.seconds)}; recorded: {duration(tried.seconds_before)}" if times else ""
        given = escape(tried.shown or "no arguments")
        head = f"{escape(tried.name)} {span(FAINT, tried.path)} with {given}: {escape(what + took)}"
        lines = tried.difference()
        shown = [
            f"{span(FAINT, name)} {escape(text)}" for name, text in zip(("recorded", "now"), tried.texts(), strict=True)
        ]
        inner = lines_html(lines) if lines else "".join(div("white-space:pre-wrap", one) for one in shown)
        return div("line-height:1.5", div("font-weight:600", head), inner)

    def show(self, how: Mode) -> None:
        """Show it in the running cell."""
        if how != "live" or self.tried.error is not None:
            show_once(bundle_of(self.html(times=how == "live"), repr(self)))
            return
        self._calls.join()
        tip = "A new run of the thread: what came before this call is taken over, and it goes on with the new result"
        button = small_button("Fork the run with this result", tip, lambda: self._calls.post(self._fork))
        self._card.place()
        self._card.reveal([ipywidgets.HTML(self.html()), button, self._below.widget])

    def _fork(self) -> None:
        run = self._cell.run(self.tried.fork)
        cell_run = stage(self._kit, self._workflow, self._thread)
        cell_run.open(run, changed=self._update)
        self._below.add(f"The fork of thread {self._thread}", cell_run.run_display.box, cell_run.run_display.twin)
        cell_run.watch()

    def _twin(self) -> tuple[str, str]:
        twins = self._below.twins()
        return self.html() + "".join(html for html, _ in twins), "\n\n".join([repr(self), *(text for _, text in twins)])

    def _update(self) -> None:
        if self._card.is_revealed:
            self._card.update()

    def close(self) -> None:
        """Take the widgets away."""
        close_tree(self._below.widget)


__all__ = ["TriedView"]
