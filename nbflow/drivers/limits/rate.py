"""How many calls of a task may begin in a time: a sliding window over their starts."""

from __future__ import annotations

import re
import threading
from collections import deque
from typing import TYPE_CHECKING

from nbflow._support import clock
from nbflow.errors import InvalidOptionError

if TYPE_CHECKING:
    from collections.abc import Callable

    from nbflow.drivers.future import CallFuture

_UNITS = {"s": 1.0, "sec": 1.0, "second": 1.0, "m": 60.0, "min": 60.0, "minute": 60.0, "h": 3600.0, "hour": 3600.0,
          "d": 86400.0, "day": 86400.0}  # fmt: skip
_FORM = re.compile(r"\s*(\d+)\s*/\s*(\d*\.?\d*)\s*([a-z]+?)s?\s*", re.IGNORECASE)


class RateLimit:
    """Lets at most ``count`` calls begin in any ``period``.

    Calls that have to wait wait here, without a worker and without a slot. One that a concurrency limit has
    held back since its turn came is checked again when it begins, so that what piled up before
    that limit does not begin all at once.

    Attributes:
        count: how many.
        period: seconds.
    """

    def __init__(self, count: int, period: float) -> None:
        self.count = count
        self.period = period
        self._lock = threading.Lock()
        self._turns: deque[float] = deque(maxlen=count)
        self._starts: deque[float] = deque(maxlen=count)
        self._waiting: deque[tuple[CallFuture, Callable[[CallFuture], None]]] = deque()
        self._timed = False

    @classmethod
    def parse(cls, where: str, rate: object) -> RateLimit:
        """Return the limit of a text such as ``"10/s"``, ``"100/min"`` or ``"5/10s"``.

        Raises:
            InvalidOptionError: if it is no such text.
        """
        found = _FORM.fullmatch(rate) if isinstance(rate, str) else None
        unit = _UNITS.get(found[3].lower().removesuffix("s") or "s") if found else None
        if found is None or unit is None or int(found[1]) < 1:
            raise InvalidOptionError(
                where, "rate_limit", repr(rate), "it is a number of calls in a time, such as '10/s' or '100/min'"
            )
        return cls(int(found[1]), float(found[2] or 1) * unit)

    def enter(self, future: CallFuture, then: Callable[[CallFuture], None], *, first: bool = False) -> None:
        """Call ``then(future)`` when its turn comes; ``first`` puts it before those that wait."""
        with self._lock:
            if first:
                self._waiting.appendleft((future, then))
            else:
                self._waiting.append((future, then))
        self._admit()

    def may_begin(self) -> bool:
        """Whether a call may begin now; it counts if so."""
        with self._lock:
            now = clock.now()
            if self._left(self._starts, now) > 0:
                return False
            self._starts.append(now)
            return True

    def _left(self, window: deque[float], now: float) -> float:
        return window[0] + self.period - now if len(window) == self.count else 0.0

    def _admit(self) -> None:
        while True:
            with self._lock:
                if not self._waiting:
                    return
                now = clock.now()
                left = max(self._left(self._turns, now), self._left(self._starts, now))
                if left > 0:
                    if not self._timed:
                        self._timed = True
                        clock.later(left, self._wake)
                    return
                future, then = self._waiting.popleft()
                if future.call.outcome is not None:
                    continue
                self._turns.append(now)
            then(future)

    def _wake(self) -> None:
        with self._lock:
            self._timed = False
        self._admit()
