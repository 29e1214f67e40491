"""What ``%%watch`` does: a timeline for every run that a cell starts, in whatever way."""

from __future__ import annotations

import sys
import traceback
from typing import TYPE_CHECKING

from nbflow import Run
from nbflow_widgets.card import Card
from nbflow_widgets.display import Cell, Mode, bundle_of, show_once
from nbflow_widgets.elsewhere import is_by_a_card
from nbflow_widgets.forms import waiting_html, waiting_text
from nbflow_widgets.markup import note
from nbflow_widgets.run_feed import RunFeed
from nbflow_widgets.timeline import Timeline

if TYPE_CHECKING:
    from nbflow_widgets.toolkit import Toolkit

ANSWER = "`%nbflow inbox{}` shows forms for open questions."


class Watched:
    """One run that is watched.

    Args:
        run: the run.
        mode: how it is shown.
        answer: how its questions are answered.
    """

    def __init__(self, run: Run, mode: Mode, answer: str) -> None:
        self.run = run
        self._mode = mode
        self._answer = answer
        self._feed = RunFeed(run)
        self._timeline = Timeline(self._feed)
        self._card = Card(self.twin, lambda: "settled" if run.done() else "moves", self._close)

    def show(self) -> None:
        """Show it live, in the running cell."""
        self._card.place()
        self._card.reveal([self._timeline.widget])
        self.run.on_done(self._card.update)

    def twin(self) -> tuple[str, str]:
        """Return its static form, as HTML and as text."""
        live = self._mode == "live"
        html, text = [self._timeline.html(times=live, script=live and self.run.done())], [self._timeline.text()]
        questions = self.run.interrupts if self.run.done() else ()
        for asked in questions:
            html.append(waiting_html(asked))
            text.append(waiting_text(asked))
        if questions:
            html.append(note(self._answer))
        return "".join(html), "\n".join(text)

    def _close(self) -> None:
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
        answer = ANSWER.format(self._kit.option_for(run.workflow.checkpointer))
        self.watched.append(Watched(run, self._mode, answer))
        if self._mode == "live":
            self.watched[-1].show()

    def close(self) -> None:
        """Watch no more; runs that have not ended are shown until they have."""
        if self._begun in Run.watchers:
            Run.watchers.remove(self._begun)
        for one in self.watched if self._mode == "static" else ():
            show_once(bundle_of(*one.twin()))
