"""The records of a run, batched and handed on: a minimal stand-in."""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Any

from nbflow.views.calls import CallRow, CallsView

if TYPE_CHECKING:
    from collections.abc import Callable

    from nbflow import Run


class Source:
    """One poll per run."""

    def __init__(self, run: Run) -> None:
        self.view = CallsView()
        self._queue: deque[Any] = deque()
        self._told: list[Callable[[list[CallRow], str], None]] = []
        self.attach(run)

    def attach(self, run: Run) -> None:
        """Go on with the handle of a resumed run."""
        self.run, self.view = run, CallsView()
        self._queue.clear()
        run.listen(self._queue.append)
        threading.Thread(target=self._poll, args=(run,), daemon=True).start()

    def subscribe(self, fn: Callable[[list[CallRow], str], None]) -> Callable[[], None]:
        """Have ``fn`` called with changed rows."""
        self._told.append(fn)
        return lambda: self._told.remove(fn) if fn in self._told else None

    def _poll(self, run: Run) -> None:
        while run is self.run and not run.done():
            self.flush()
            time.sleep(0.1)
        self.flush()

    def flush(self) -> None:
        """Hand over what has come."""
        changed: list[CallRow] = []
        while self._queue:
            row = self.view.fold(self._queue.popleft())
            if row is not None:
                changed.append(row)
        for fn in tuple(self._told):
            fn(changed, self.run.status)

    def close(self) -> None:
        """Stop."""
        self._told.clear()
