"""What ``%%watch`` does: a timeline for every run that a cell starts, in whatever way."""

from __future__ import annotations

import sys
import traceback
from typing import TYPE_CHECKING, Any

import ipywidgets

from nbflow import Run
from nbflow.types import BaseCheckpointSaver
from nbflow_widgets.asked import waiting_html, waiting_text
from nbflow_widgets.card import Card
from nbflow_widgets.display import Cell, Mode, bundle_of, show_once
from nbflow_widgets.elsewhere import DISCARDED, Trace, goes_on_in, is_by_a_card
from nbflow_widgets.markup import note
from nbflow_widgets.run_feed import RunFeed
from nbflow_widgets.timeline import Timeline
from nbflow_widgets.toolkit import probe

if TYPE_CHECKING:
    from nbflow import Interrupt, RunnableConfig
    from nbflow_widgets.toolkit import Toolkit

ANSWER = "`%nbflow inbox{}` shows forms for open questions."


class Watched:
    """One run that is watched.

    Args:
        run: the run.
        mode: how it is shown.
        kit: the shell's toolkit.
    """

    def __init__(self, run: Run, mode: Mode, kit: Toolkit) -> None:
        self.run = run
        self._mode = mode
        self._kit = kit
        self._answer = ANSWER.format(kit.option_for(run.workflow.checkpointer))
        self._trace = Trace()
        self._left = ""
        self._asked: Any = None
        self._feed = RunFeed(run)
        self._timeline = Timeline(self._feed)
        self._card = Card(self.twin, lambda: "settled" if run.done() else "moves", self._close)

    def show(self) -> None:
        """Show it live, in the running cell."""
        self._card.place()
        self._card.reveal([self._timeline.widget])
        self.run.on_done(self._end)

    def twin(self) -> tuple[str, str]:
        """Return its static form, as HTML and as text."""
        live = self._mode == "live"
        html = self._timeline.html(times=live, script=live and self.run.done()) + self._questions_html()
        questions = (waiting_text(asked, self._left) for asked in self._questions())
        return html, "\n".join([self._timeline.text(), *questions])

    def leave(self, where: str) -> None:
        """Say where the run goes on: its questions are answered there."""
        self._left = where
        if where != DISCARDED:
            self._timeline.leave()
        self._show_questions()

    def has_moved(self) -> bool:
        """Whether the thread has changed since the run asked, by the hand of another program."""
        saver = self.run.workflow.checkpointer
        config: RunnableConfig = {"configurable": {"thread_id": self.run.thread_id}}
        return isinstance(saver, BaseCheckpointSaver) and self._trace.leads_on(probe(saver), config, self.run)

    def take_up(self) -> bool:
        """Go on with nothing: the cell that began the run is over."""
        return False

    def _questions(self) -> tuple[Interrupt, ...]:
        return self.run.interrupts if self.run.done() else ()

    def _questions_html(self) -> str:
        html = "".join(waiting_html(asked, self._left) for asked in self._questions())
        return html + note(goes_on_in(self._left) if self._left else self._answer) if html else ""

    def _end(self) -> None:
        """Show what it asks, now that it does nothing more; on the thread that ended it."""
        if self._questions():
            self._kit.cell_runs[id(self.run.workflow.checkpointer), self.run.thread_id] = self
            self._kit.lookout.watch()
        self._show_questions()

    def _show_questions(self) -> None:
        if html := self._questions_html():
            if self._asked is None:
                self._asked = ipywidgets.HTML(layout={"margin": "0"})
            self._asked.value = html
            self._card.arrange([self._timeline.widget, self._asked])
        self._card.update()

    def _close(self) -> None:
        if self._asked is not None:
            self._asked.close()
        self._timeline.close()
        self._feed.close()


class Watch:
    """Shows the runs that begin until ``close``, but those that cards of their own show."""

    def __init__(self, kit: Toolkit, mode: Mode) -> None:
        self.watched: list[Watched] = []
        self._kit = kit
        self._mode = mode
        self._cell = Cell()
        Run.watchers.append(self._begun)

    def _begun(self, run: Run) -> None:
        if is_by_a_card():
            return
        try:
            self._cell.run(self._show, run)
        except Exception:  # noqa: BLE001  # a run must not fail because it is watched
            traceback.print_exc(file=sys.stderr)

    def _show(self, run: Run) -> None:
        self.watched.append(Watched(run, self._mode, self._kit))
        if self._mode == "live":
            self.watched[-1].show()

    def close(self) -> None:
        """Watch no more; runs that have not ended are shown until they have."""
        if self._begun in Run.watchers:
            Run.watchers.remove(self._begun)
        for one in self.watched if self._mode == "static" else ():
            show_once(bundle_of(*one.twin()))
