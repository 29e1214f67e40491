"""Tells those who listen to a run, outside of its lock: what they do there holds nobody up but themselves."""

from __future__ import annotations

import warnings
from _thread import RLock
from typing import TYPE_CHECKING

from nbflow.core.beside import no_body

if TYPE_CHECKING:
    from nbflow.core.log import Listener, Log
    from nbflow.core.record import Record


class Telling:
    """Calls the listeners of one run, one record after the other, whatever threads bring them.

    Attributes:
        lock: held by who tells; taking it holds the news up.
    """

    def __init__(self, log: Log) -> None:
        self._log = log
        self.lock = RLock()

    def tell(self, *, to_the_end: bool = False) -> None:
        """Tell what is new. Where another thread is at it, that one tells this too.

        Args:
            to_the_end: whether all is to have been told on return.
        """
        untold = self._log.untold
        while untold:
            if not self.lock.acquire(blocking=to_the_end):
                return
            try:
                while untold:
                    record, listeners = untold.popleft()
                    for listener in listeners:
                        self._tell(listener, record)
            finally:
                self.lock.release()

    def _tell(self, listener: Listener, record: Record) -> None:
        if listener not in self._log.listeners:
            return
        try:
            with no_body("a listener of the run"):
                listener(record)
        except Exception as error:  # noqa: BLE001  # who only looks must not break what it looks at
            self._log.listeners.remove(listener)
            warnings.warn(f"{listener!r} raised {error!r} and is told nothing more", RuntimeWarning, stacklevel=2)
