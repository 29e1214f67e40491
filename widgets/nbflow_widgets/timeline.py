"""The timeline of a run: live on a canvas, then as plain HTML, and always as text.

Python sends rows, JavaScript draws them. Deltas go as messages, one for each batch of the source;
the ``snapshot`` trait is the whole, for a page that is reloaded or missed a message.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import anywidget
import traitlets

from nbflow.views.calls import CallRow
from nbflow.views.progress import CALL_STATES, FINISHED, OPEN, URGENT, Progress
from nbflow_widgets import packed, static_timeline
from nbflow_widgets.display import make_live
from nbflow_widgets.markup import visible
from nbflow_widgets.run_feed import RunFeed

STATES = {"listed": CALL_STATES, "urgent": URGENT, "open": OPEN, "finished": FINISHED}  # as the page wants them
SNAPSHOT_SECONDS = 2.0
ROWS_PER_SECOND = 500  # a page with 10,000 rows gets a snapshot every 22 s, and one at the end


class TimelineWidget(anywidget.AnyWidget):
    """The canvas. Holds no rows: it asks for them when the page does.

    Attributes:
        snapshot: all rows, made when the front end asks for the widget's state.
    """

    _esm = packed.module()
    _css = packed.STATIC / "timeline.css"

    snapshot = traitlets.Any(None, allow_none=True).tag(
        sync=True, to_json=lambda _value, widget: widget.compose(), from_json=lambda _value, widget: widget.snapshot
    )

    def __init__(self, compose: Callable[[], dict[str, object]]) -> None:
        self.compose = compose
        super().__init__()

    def __repr__(self) -> str:
        return "Timeline"


class Timeline:
    """What a run looks like: ``widget`` while it lives, ``html()`` after, ``text()`` for readers of text.

    Args:
        feed: the run.
        on_stop: called by the Stop button; None cancels the run.
    """

    def __init__(self, feed: RunFeed, on_stop: Callable[[], object] | None = None) -> None:
        self.feed = feed
        self.on_stop = on_stop
        self._widget: TimelineWidget | None = None
        self._sequence = 0
        self._snapshot_due = 0.0
        self._unsubscribe: Callable[[], None] | None = None

    def __repr__(self) -> str:
        return self.text()

    def _repr_mimebundle_(self, **_limits: object) -> dict[str, str]:
        return {"text/html": self.html(), "text/plain": self.text()}

    @property
    def widget(self) -> TimelineWidget:
        """The live view; made when it is first asked for."""
        if self._widget is None:
            self.feed.flush()  # the widget's first state is its first snapshot
            self._widget = TimelineWidget(self._snapshot)
            self._widget.on_msg(self._on_message)
            make_live(self._widget)
            self._unsubscribe = self.feed.subscribe(self._send)
        return self._widget

    def html(self, *, times: bool = True, script: bool = False, room: packed.Room = packed.NOTEBOOK) -> str:
        """Return the static version, which needs no kernel.

        Args:
            times: whether to show when and how long; without, two runs that did the same give the same text.
            script: whether a script that draws the interactive version is a part of it; nobody misses it
                where scripts don't run.
            room: how much of the run that script may hold.
        """
        self.feed.flush()
        view, details = self.feed.view, self.feed.details
        drawing = ""
        if script and packed.is_wanted() and view.calls.rows:
            urgent = sorted(view.calls.rows.values(), key=lambda row: (row.parent != "", row.state != "failed"))
            drawing = packed.script_of(self._snapshot(), [row.path for row in urgent], details, self.feed.code_of, room)
        return static_timeline.timeline_html(
            view,
            self.feed.progress,
            times=times,
            until=time.time(),
            details=details,
            script=drawing,
            code=self.feed.code.kept.values(),
        )

    def text(self) -> str:
        """Return one line about the run and one for each call: the same for every run that did the same."""
        self.feed.flush()
        return static_timeline.timeline_text(self.feed.view, self.feed.progress)

    def leave(self) -> None:
        """Show no more of the run: it goes on elsewhere."""
        self.feed.leave()

    def close(self) -> None:
        """Take the live view from the page; the run goes on."""
        if self._unsubscribe is not None:
            self._unsubscribe()
        if self._widget is not None:
            self._widget.close()

    def _send(self, rows: list[CallRow], progress: Progress) -> None:
        widget = self._widget
        if widget is None:
            return
        self._sequence += 1
        head = head_of(progress, stoppable=not self.feed.done())
        base = progress.started
        widget.send({"kind": "delta", "seq": self._sequence, "rows": self._rows(rows, base), "head": head})
        now = time.monotonic()
        if self.feed.done() or now >= self._snapshot_due:
            widget.send_state("snapshot")
            self._snapshot_due = now + SNAPSHOT_SECONDS + progress.total / ROWS_PER_SECOND

    def _snapshot(self) -> dict[str, object]:
        view, progress = self.feed.view, self.feed.progress
        base = progress.started
        rows = self._rows(tuple(view.calls.rows.values()), base)
        head = head_of(progress, stoppable=not self.feed.done())
        return {"seq": self._sequence, "rows": rows, "head": head, "states": STATES}

    def _rows(self, rows: Iterable[CallRow], base: float) -> list[list[object]]:
        printed = self.feed.view.calls.printed
        return [[*to_json(row, base), row.path in printed] for row in rows]

    def _on_message(self, widget: TimelineWidget, content: Mapping[str, Any], _buffers: object) -> None:
        kind = content.get("kind")
        if kind == "stop":
            self._stop()
        elif kind == "again":
            widget.send_state("snapshot")
        elif kind == "details":
            path = str(content.get("path"))
            widget.send({"kind": "details", "path": path, "items": packed.items_of(self.feed.facts(path))})

    def _stop(self) -> None:
        if self.on_stop is not None:
            self.on_stop()
        elif self.feed.run is not None:
            self.feed.run.cancel("stopped in the notebook")


def head_of(progress: Progress, *, stoppable: bool) -> dict[str, object]:
    """Return what the head of the page shows; times in seconds since 1970."""
    shown = progress._replace(name=visible(progress.name), thread_id=visible(progress.thread_id))
    return {**shown._asdict(), "stoppable": stoppable, "now": time.time()}


def to_json(row: CallRow, base: float) -> list[object]:
    """Return a row as the page wants it, but for its last field; times in milliseconds since ``base``."""
    return [
        row.path, row.parent, visible(row.name), row.kind, row.state, row.attempt,
        _since(base, row.requested or row.started), _since(base, row.started),
        None if row.ended is None else _since(base, row.ended), visible(row.shown), bool(row.changed),
    ]  # fmt: skip


def _since(base: float, at: float) -> float:
    return round((at - base) * 1000, 1)
