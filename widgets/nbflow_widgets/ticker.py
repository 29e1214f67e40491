"""The one thread of a kernel that hands on what has happened, ten times a second.

Messages sent from there reach the page while a cell blocks the kernel's main thread, and while it awaits.
"""

from __future__ import annotations

import threading
import traceback
from typing import Protocol

SECONDS = 0.1


class Source(Protocol):
    """What the ticker asks."""

    def flush(self) -> bool:
        """Hand on what has happened; return whether more is to be expected."""
        ...


class Ticker:
    """Flushes sources ten times a second, on a worker thread that lives while there are any."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sources: dict[Source, int] = {}  # how often each was added
        self._thread: threading.Thread | None = None

    def add(self, source: Source) -> None:
        """Have a source flushed until it expects no more, or is removed."""
        with self._lock:
            self._sources[source] = self._sources.get(source, 0) + 1
            if self._thread is None:
                self._thread = threading.Thread(target=self._loop, name="nbflow-ticker", daemon=True)
                self._thread.start()

    def remove(self, source: Source) -> None:
        """Flush a source no more."""
        with self._lock:
            self._sources.pop(source, None)

    def _loop(self) -> None:
        pause = threading.Event()
        while True:
            pause.wait(SECONDS)
            for source, times in tuple(self._sources.items()):
                over = not goes_on(source)
                with self._lock:
                    if over and self._sources.get(source) == times:  # else it was added again meanwhile
                        del self._sources[source]
            with self._lock:
                if not self._sources:
                    self._thread = None
                    return


def goes_on(source: Source) -> bool:
    """Flush a source; a mistake of ours in one must not stop the ticker of all."""
    try:
        return source.flush()
    except Exception:  # noqa: BLE001  # see above
        traceback.print_exc()
        return False


ticker = Ticker()
