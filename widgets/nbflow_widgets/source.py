"""The records of a run, batched and handed over on the kernel's loop."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Any

from nbflow.views.calls import CallRow, CallsView

if TYPE_CHECKING:
    from collections.abc import Callable

    from nbflow import Run


class Source:
    """A minimal source: one poll per run."""

    def __init__(self, run: Run) -> None:
        self.view = CallsView()
        self._queue: deque[Any] = deque()
        self._told: list[Callable[[list[CallRow], dict[str, object]], None]] = []
        self._seen = 0
        self.attach(run)

    def attach(self, run: Run) -> None:
        """Go on with the handle of a resumed run."""
        self.run = run
        skip = self._seen
        for number, record in enumerate(list(run.log)):
            if number >= skip:
                self._queue.append(record)
        self._seen = len(run.log)
        seen = iter(range(self._seen))
        run.listen(lambda record: None if next(seen, None) is not None else self._queue.append(record))

    def subscribe(self, fn: Callable[[list[CallRow], dict[str, object]], None]) -> Callable[[], None]:
        """Have ``fn`` called with changed rows."""
        self._told.append(fn)
        try:
            asyncio.get_running_loop().call_soon(self._tick)
        except RuntimeError:
            self.flush()
        return lambda: self._told.remove(fn) if fn in self._told else None

    def _tick(self) -> None:
        self.flush()
        if self._told:
            asyncio.get_running_loop().call_later(0.1, self._tick)

    def flush(self) -> None:
        """Hand over what has come."""
        changed: dict[str, CallRow] = {}
        while self._queue:
            row = self.view.fold(self._queue.popleft())
            if row is not None:
                changed[row.path] = row
        for fn in self._told:
            fn(list(changed.values()), {"status": self.run.status})
