"""Drops what a body prints, logs and warns of while it replays: it was seen before the pause.

Each branch of a body is looked at by itself, through the context of the code that prints: another
branch, another run, and the cell beside it, are heard all the time. The standard streams and the
loggers are only led through here while a run of this process replays.
"""

from __future__ import annotations

import logging
import sys
import threading
from collections import deque
from typing import TYPE_CHECKING, Any

from nbflow.core.call import is_replaying

if TYPE_CHECKING:
    from collections.abc import Callable

_STREAMS = ("stdout", "stderr")
_lock = threading.Lock()
_users = 0
_handle: Callable[[logging.Logger, logging.LogRecord], None] = logging.Logger.handle
# Those that were taken out of their places live on: ``print`` in another thread may be at work with one, and in C it
# holds no reference of its own.
_kept: deque[_Quiet] = deque(maxlen=64)


class _Quiet:
    """A standard stream that takes nothing from a body that replays."""

    def __init__(self, stream: Any) -> None:  # noqa: ANN401  # whatever stands for a stream
        self._stream = stream

    def stands_for(self, stream: object) -> bool:
        """Whether it was made for this stream."""
        return self._stream is stream

    def write(self, text: str) -> int:
        """Write a text, or drop it."""
        return len(text) if is_replaying() else self._stream.write(text)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  # whatever the stream has
        return getattr(self._stream, name)


def _quiet(stream: object) -> _Quiet:
    """Return what stands for a stream, the same one each time."""
    found = next((one for one in _kept if one.stands_for(stream)), None)
    if found is None:
        found = _Quiet(stream)
        _kept.append(found)
    return found


def _log(logger: logging.Logger, record: logging.LogRecord) -> None:
    """Handle a log record, or drop it."""
    if not is_replaying():
        _handle(logger, record)


def begin() -> None:
    """Have replaying bodies be quiet from now on; ``end`` undoes it."""
    global _users, _handle  # noqa: PLW0603  # of the process, as the streams are
    with _lock:
        _users += 1
        if _users == 1:
            _handle = logging.Logger.handle
            logging.Logger.handle = _log  # type: ignore[assignment,method-assign]  # for as long as a run replays
        for name in _STREAMS:
            stream = getattr(sys, name)
            if stream is not None and not isinstance(stream, _Quiet):
                setattr(sys, name, _quiet(stream))


def end() -> None:
    """Leave the streams and loggers as they were found, once no run replays any more."""
    global _users  # noqa: PLW0603  # as above
    with _lock:
        _users -= 1
        if _users:
            return
        if logging.Logger.handle is _log:
            logging.Logger.handle = _handle  # type: ignore[assignment,method-assign]  # as it was
        for name in _STREAMS:
            stream = getattr(sys, name)
            if isinstance(stream, _Quiet):
                setattr(sys, name, stream._stream)  # noqa: SLF001  # of the class above
