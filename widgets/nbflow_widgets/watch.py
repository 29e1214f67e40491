"""What ``%%watch`` does: a timeline for every run that a cell starts, in whatever way."""

from __future__ import annotations

import asyncio
import sys
import traceback
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from nbflow import Run
from nbflow_widgets.display import Cell, Mode, Slot, bundle_of, make_live, show_once
from nbflow_widgets.forms import waiting_html, waiting_text
from nbflow_widgets.markup import note
from nbflow_widgets.run_feed import RunFeed
from nbflow_widgets.timeline import Timeline

if TYPE_CHECKING:
    from nbflow_widgets.toolkit import Toolkit

ANSWER = "`%nbflow inbox{}` shows forms for open questions."


class Watched(NamedTuple):
    """One run that is watched."""

    run: Run
    feed: RunFeed
    timeline: Timeline
    slot: Slot
    answer: str  # how its questions are answered


class Watch:
    """Shows the runs that begin until ``close``; knows those that other cells show already."""

    def __init__(self, kit: Toolkit, mode: Mode) -> None:
        self.watched: list[Watched] = []
        self._kit = kit
        self._mode = mode
        self._cell = Cell()
        Run.watchers.append(self._begun)

    def _begun(self, run: Run) -> None:
        if any(cell_run.run.thread_id == run.thread_id for cell_run in self._kit.cell_runs.values()):
            return
        try:
            self._cell.run(self._show, run)
        except Exception:  # noqa: BLE001  # a run must not fail because it is watched
            traceback.print_exc(file=sys.stderr)

    def _show(self, run: Run) -> None:
        feed = RunFeed(run)
        one = Watched(run, feed, Timeline(feed), Slot(), ANSWER.format(self._kit.option_for(run.workflow.checkpointer)))
        self.watched.append(one)
        if self._mode == "live":
            make_live(one.timeline.widget)
            one.slot.show_widget(one.timeline.widget, static_bundle(one, self._mode))

    def close(self) -> None:
        """Watch no more; runs that have not ended are shown until they have."""
        if self._begun in Run.watchers:
            Run.watchers.remove(self._begun)
        for one in self.watched:
            if self._mode == "static":
                show_once(static_bundle(one, self._mode))
            elif self._mode == "live":
                one.run.on_done(_on_loop(lambda one=one: self._freeze(one)))  # type: ignore[misc]  # a default binds it

    def _freeze(self, one: Watched) -> None:
        one.slot.show(static_bundle(one, self._mode))
        one.timeline.close()
        one.feed.close()


def static_bundle(one: Watched, mode: Mode) -> dict[str, object]:
    """Return the static form of a run that is watched."""
    html, text = [one.timeline.html(times=mode == "live")], [one.timeline.text()]
    questions = one.run.interrupts if one.run.done() else ()
    for asked in questions:
        html.append(waiting_html(asked))
        text.append(waiting_text(asked))
    if questions:
        html.append(note(one.answer))
    return bundle_of("".join(html), "\n".join(text))


def _on_loop(fn: Callable[[], None]) -> Callable[[], None]:
    """Return a function that has ``fn`` called on the kernel's loop."""
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        return fn
    return lambda: void(loop.call_soon_threadsafe(fn))


def void(_value: object) -> None:
    """Take a value and give none."""
