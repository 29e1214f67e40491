"""Time and ids: the only place of the runtime that reads a clock or draws an id."""

from __future__ import annotations

import os
import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_EPOCH = time.time() - time.perf_counter()
_GREGORIAN = 0x01B21DD213814000  # 100 ns steps from 1582-10-15 to 1970-01-01, RFC 9562 section 5.1
_VARIANTS = dict(zip("0123456789abcdef", "89ab" * 4, strict=True))  # the two bits that RFC 9562 fixes
_lock = threading.Lock()
_latest = 0


def now() -> float:
    """Return seconds since 1970, UTC; never runs backwards within a process."""
    return _EPOCH + time.perf_counter()


def wall() -> float:
    """Return seconds since 1970, UTC, as the system tells them; for times that other processes compare."""
    return time.time()


def new_id() -> str:
    """Return a UUID of version 6: ordered by time as text, and increasing within a process."""
    global _latest  # noqa: PLW0603  # what makes ids increase
    with _lock:
        _latest = stamp = max(_latest + 1, time.time_ns() // 100 + _GREGORIAN)
    tail = os.urandom(8).hex()
    variant = _VARIANTS[tail[0]]
    return f"{stamp >> 28:08x}-{stamp >> 12 & 0xFFFF:04x}-6{stamp & 0xFFF:03x}-{variant}{tail[1:4]}-{tail[4:]}"


def _in_child() -> None:
    global _lock  # noqa: PLW0603  # a thread that is not here may hold it
    _lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_child)


def later(seconds: float, fn: Callable[[], None]) -> None:
    """Call ``fn`` after some seconds, on a thread of its own."""
    timer = threading.Timer(seconds, fn)
    timer.daemon = True
    timer.start()


def nap(seconds: float) -> float:
    """Return how long a sleep of so many seconds really takes."""
    return seconds


def poll(seconds: float) -> float:
    """Return after how long one who waits for something looks at the clock again, if that is so many seconds away."""
    return seconds
