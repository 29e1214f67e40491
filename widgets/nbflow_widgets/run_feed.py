"""A run as the page sees it: its records, folded and handed on in batches, by the ticker that all runs share."""

from __future__ import annotations

import threading
import traceback
from collections import deque
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from nbflow.views.calls import CallRow, Record
from nbflow.views.code import NOT_KEPT, Code, CodeView
from nbflow.views.details import Detail, details_of
from nbflow.views.progress import OPEN, Progress, RunView
from nbflow_widgets.ticker import ticker

if TYPE_CHECKING:
    from nbflow import Run


ELSEWHERE = "goes on elsewhere"
Subscriber = Callable[[list[CallRow], Progress], None]


class RunFeed:
    """The records of a run, live or stored.

    Attributes:
        run: the handle that is listened to; None for records alone.
        records: all that was heard so far.
        view: what they add up to; current after ``flush``.
        code: the code that ran, likewise.
        is_left: whether the run goes on elsewhere, unheard.
    """

    def __init__(self, run: Run | Sequence[Record]) -> None:
        self.run: Run | None = None
        self.records: list[Record] = []
        self.view = RunView()
        self.code = CodeView()
        self.is_left = False
        self._lock = threading.RLock()
        self._inbox: deque[Record] = deque()
        self._by_path: dict[str, list[Record]] = {}
        self._subscribers: list[Subscriber] = []
        self._before: dict[str, CallRow] = {}
        self._unlisten: Callable[[], None] = _nothing
        self.attach(run)

    def attach(self, run: Run | Sequence[Record]) -> None:
        """Go on with another handle of the same run, such as ``run.resume(answer)`` gives."""
        with self._lock:
            self._unlisten()
            self._before |= self.view.calls.rows
            self._inbox, self.records, self.view, self._by_path = deque(), [], RunView(), {}
            self.code = CodeView()
            if isinstance(run, Sequence):
                self.run, self._unlisten = None, _nothing
                self._inbox.extend(run)
            else:
                self.run = run
                self._unlisten = run.listen(self._inbox.append)
        if not self.done():
            ticker.add(self)
        elif self._subscribers:
            self.flush()

    @property
    def progress(self) -> Progress:
        """How the run stands, as far as it was heard."""
        progress = self.view.progress
        if not self.is_left:
            return progress
        ended = {state: count for state, count in progress.counts.items() if state not in OPEN}
        return progress._replace(state=ELSEWHERE, counts=ended, questions=0)  # what was open then may be over

    def done(self) -> bool:
        """Whether nothing more is to be expected of the run."""
        return self.run is None or self.is_left or self.run.done()

    def leave(self) -> None:
        """Hear no more of the run: it goes on elsewhere."""
        with self._lock:
            self.flush()
            self.is_left = True
            self._unlisten()
            self._unlisten = _nothing
            for subscriber in tuple(self._subscribers):
                self._tell(subscriber, [], self.progress)

    def subscribe(self, fn: Subscriber) -> Callable[[], None]:
        """Have ``fn(changed rows, progress)`` called: now with all there is, then at most every 0.1 s.

        Changed rows of the state ``discarded`` are to be forgotten. It is called on the ticker's
        thread, or on that which flushes, one call at a time.

        Returns:
            A function that ends it.
        """
        with self._lock:
            self.flush()
            fn(list(self.view.calls.rows.values()), self.progress)
            self._subscribers.append(fn)
        return lambda: self._subscribers.remove(fn) if fn in self._subscribers else None

    def flush(self) -> bool:
        """Take in what has happened and hand it on; return whether more is to be expected."""
        with self._lock:
            over = self.done()  # first: what is recorded before a run is done is in the inbox then
            changed = self._take_in()
            if over and not self.is_left:
                changed |= {row.path: row for row in self.view.close()}
            if changed:
                progress = self.progress
                for subscriber in tuple(self._subscribers):
                    self._tell(subscriber, list(changed.values()), progress)
            return not over

    def details(self, path: str) -> list[Detail]:
        """Return what is known of one call."""
        with self._lock:
            self.flush()
            still = self.run.said(path) if self.run is not None and not self.is_left else ()
            return details_of((*self._by_path.get(path, ()), *still), path)

    def code_of(self, path: str) -> Code | None:
        """Return the code of one call; None where no code is known of."""
        with self._lock:
            self.flush()
            return self.code.of(tuple(self._by_path.get(path, ())))

    def facts(self, path: str) -> list[Detail]:
        """Return what is known of one call, its code included."""
        code = self.code_of(path)
        return [*self.details(path), *([code_fact(code)] if code is not None else [])]

    def close(self) -> None:
        """Stop listening; the run goes on."""
        ticker.remove(self)
        with self._lock:
            self._unlisten()
            self._unlisten = _nothing
            self._subscribers.clear()

    def _take_in(self) -> dict[str, CallRow]:
        changed: dict[str, CallRow] = {}
        for _ in range(len(self._inbox)):
            record = self._inbox.popleft()
            self.records.append(record)
            self._by_path.setdefault(record.path, []).append(record)
            self.code.fold(record)
            for row in self.view.fold(record):
                changed.pop(row.path, None)
                changed[row.path] = row
        if self._before:
            before, self._before = self._before, {}
            gone = before.keys() - self.view.calls.rows.keys() - changed.keys()
            changed |= {path: before[path]._replace(state="discarded") for path in gone}
        return changed

    def _tell(self, subscriber: Subscriber, rows: list[CallRow], progress: Progress) -> None:
        try:
            subscriber(rows, progress)
        except Exception:  # noqa: BLE001  # one view that fails must not stop the others; say so once
            self._subscribers.remove(subscriber)
            traceback.print_exc()


def code_fact(code: Code) -> Detail:
    """Return code as a fact of a call."""
    return Detail(f"code, {code.place}" if code.place else "code", code.text or NOT_KEPT)


def _nothing() -> None:
    pass
