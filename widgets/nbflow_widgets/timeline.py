"""The timeline of a run: live on a canvas, then as plain HTML, and always as text.

Python sends rows, JavaScript draws them. Deltas go as messages, one for each batch of the source;
the ``snapshot`` trait is the whole, for a page that is reloaded or missed a message.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import anywidget
import traitlets

from nbflow.views.calls import CallRow
from nbflow.views.progress import CALL_STATES, FINISHED, OPEN, URGENT, Progress, RunView
from nbflow.views.timing import timing_of
from nbflow_widgets import packed, static_timeline
from nbflow_widgets.display import make_live
from nbflow_widgets.estimates import Remaining
from nbflow_widgets.markup import visible
from nbflow_widgets.run_feed import RunFeed

STATES = {"listed": CALL_STATES, "urgent": URGENT, "open": OPEN, "finished": FINISHED}  # as the page wants them
SNAPSHOT_SECONDS = 2.0
CHAIN = 20_000  # calls up to which the critical path is marked
ROWS_PER_SECOND = 500  # a page with 10,000 rows gets a snapshot every 22 s, and one at the end


@dataclass(frozen=True)
class Wish:
    """What a person wants to have run again.

    Attributes:
        path: from which call.
        value: what that call is to have returned, as an expression; None to run it.
        bind: whether the result goes to the variable of the cell's ``--out``.
        answer: is told why nothing was run; nothing if it was.
    """

    path: str
    value: str | None
    bind: bool
    answer: Callable[[str], None]


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
        on_fork: takes what is to run again; None where it can't be.
        can_bind: says which variable may take the result of that: ``out``, and whether it is ``awaited``.

    Attributes:
        estimate: says how many seconds are left; None where nothing is known of that.
    """

    def __init__(
        self,
        feed: RunFeed,
        on_stop: Callable[[], object] | None = None,
        on_fork: Callable[[Wish], None] | None = None,
        can_bind: Callable[[], Mapping[str, object]] = dict,
    ) -> None:
        self.feed = feed
        self.on_stop = on_stop
        self.on_fork = on_fork
        self.can_bind = can_bind
        self.estimate: Remaining | None = None
        self._widget: TimelineWidget | None = None
        self._sequence = 0
        self._snapshot_due = 0.0
        self._unsubscribe: Callable[[], None] | None = None
        self._found: tuple[Progress | None, dict[str, float]] = (None, {})

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
            paths = [row.path for row in urgent]
            drawing = packed.script_of(self._snapshot(live=False), paths, details, self.feed.code_of, room)
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
        delta = {"kind": "delta", "seq": self._sequence, "rows": self._rows(rows, progress.started)}
        widget.send({**delta, "head": self._head(progress), **self._chain()})
        now = time.monotonic()
        if self.feed.done() or now >= self._snapshot_due:
            widget.send_state("snapshot")
            self._snapshot_due = now + SNAPSHOT_SECONDS + progress.total / ROWS_PER_SECOND

    def _snapshot(self, *, live: bool = True) -> dict[str, object]:
        view, progress = self.feed.view, self.feed.progress
        rows = self._rows(tuple(view.calls.rows.values()), progress.started)
        head = self._head(progress) if live else head_of(progress, stoppable=not self.feed.done())
        return {"seq": self._sequence, "rows": rows, "head": head, "states": STATES, **self._chain()}

    def _head(self, progress: Progress) -> dict[str, object]:
        forks = dict(self.can_bind()) if self.on_fork is not None else None
        left = None
        if self.estimate is not None and progress.ended is None:
            left = self.estimate.left(self.feed.view, time.time())
        return {**head_of(progress, stoppable=not self.feed.done()), "forks": forks, "left": left}

    def _chain(self) -> dict[str, object]:
        """Return the critical path: the milliseconds that each of its calls has for itself; nothing before the end."""
        progress = self.feed.progress
        if progress.ended is None or not self.feed.done() or not 1 < progress.total <= CHAIN:
            return {}
        if self._found[0] != progress:
            self._found = progress, _own(self.feed.view)
        return {"chain": self._found[1]}

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
        elif kind == "fork" and self.on_fork is not None:
            path, value = str(content.get("path")), content.get("value")

            def answer(problem: str) -> None:
                widget.send({"kind": "fork", "path": path, "problem": visible(problem)})

            self.on_fork(Wish(path, None if value is None else str(value), bool(content.get("bind")), answer))

    def _stop(self) -> None:
        if self.on_stop is not None:
            self.on_stop()
        elif self.feed.run is not None:
            self.feed.run.cancel("stopped in the notebook")


def _own(view: RunView) -> dict[str, float]:
    """Return the milliseconds of the calls that bounded how long a run took, and of those that waited for them."""
    own: dict[str, float] = {}
    for link in timing_of(view).chain:
        own[link.path] = own.get(link.path, 0.0) + (link.end - link.begin) * 1000
        above = view.calls.rows[link.path].parent
        while above and above not in own:
            own[above] = 0.0
            above = view.calls.rows[above].parent
    return {path: round(ms, 1) for path, ms in own.items() if view.calls.rows[path].parent}


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
