"""Hears what the code of runs prints, logs and warns of, and drops what a body says again while it replays.

While a run of this process works, the standard streams and the handlers of logging that write to them are led through
here. The context of the code that prints tells which call it belongs to, and in which branch of a body; code outside
of runs goes its way untouched, and so do the threads that a task starts by itself, unless they are given its context
(``contextvars.copy_context().run``, as ``asyncio.to_thread`` does): nobody can tell whose they are.
"""

from __future__ import annotations

import logging
import sys
import threading
from collections import deque
from functools import partial
from typing import TYPE_CHECKING, Any

from nbflow.core.call import current_frame, is_replaying

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_STREAMS = ("stdout", "stderr")
_lock = threading.Lock()
_users: set[object] = set()
_is_led = False  # whether loggers are; they stay so if somebody else has come before them since
_handle: Callable[[logging.Logger, logging.LogRecord], None] = logging.Logger.handle
_emit: Callable[[Any, logging.LogRecord], None] = logging.StreamHandler.emit
# Those that were taken out of their places live on: ``print`` in another thread may be at work with one, and in C it
# holds no reference of its own.
_kept: deque[_Heard] = deque(maxlen=64)
_latest: dict[str, _Heard] = {}


class _Heard:
    """A standard stream whose texts are heard, and that takes nothing from a body that replays."""

    def __init__(self, name: str, stream: Any) -> None:  # noqa: ANN401  # whatever stands for a stream
        self._name = name
        self._stream = stream

    def write(self, text: Any) -> int:  # noqa: ANN401  # as a stream is given it
        """Write a text, or drop it."""
        frame = current_frame.get()
        if frame is None or (frame.closed and not frame.left):
            written: int = self._stream.write(text)
            return written
        if not isinstance(text, str):  # which a stream says in its own words
            self._stream.write(text)
        elif not frame.left:
            frame.host.hear(frame, self._name, text, partial(self._stream.write, text))
        return len(text)

    def writelines(self, texts: Iterable[str]) -> None:
        """Write several texts."""
        for text in texts:
            self.write(text)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  # whatever the stream has
        return getattr(self._stream, name)


def _log(logger: logging.Logger, record: logging.LogRecord) -> None:
    """Handle a log record, or drop it."""
    if not is_replaying():
        _handle(logger, record)


def _emit_heard(handler: Any, record: logging.LogRecord) -> None:  # noqa: ANN401  # a StreamHandler of any stream
    """Have a handler write a log record that was made before its stream was led through here."""
    frame = current_frame.get()
    name = next((name for name, heard in _latest.items() if heard._stream is handler.stream), "")  # noqa: SLF001  # of the class above
    if not name or frame is None or frame.closed:
        _emit(handler, record)
        return
    try:
        text = f"{handler.format(record)}{handler.terminator}"
    except Exception:  # noqa: BLE001  # a format of the user's may raise anything; the handler tells it its way
        _emit(handler, record)
        return
    frame.host.hear(frame, name, text, partial(_emit, handler, record))


def begin(user: object) -> None:
    """Hear what is said from now on; ``end`` undoes it, however often it is called."""
    global _handle, _emit, _is_led  # noqa: PLW0603  # of the process, as the streams are
    with _lock:
        _users.add(user)
        # What somebody else has put before ours since leads to ours, and stays; what was there first, we lead again.
        if not _is_led or logging.Logger.handle is _handle:
            _handle = logging.Logger.handle
            logging.Logger.handle = _log  # type: ignore[assignment,method-assign]  # for as long as a run works
        if not _is_led or logging.StreamHandler.emit is _emit:
            _emit = logging.StreamHandler.emit
            logging.StreamHandler.emit = _emit_heard  # type: ignore[assignment,method-assign]  # likewise
        _is_led = True
        for name in _STREAMS:
            stream = getattr(sys, name)
            if stream is None or isinstance(stream, _Heard):
                continue
            heard = _latest.get(name)
            if heard is None or heard._stream is not stream:  # noqa: SLF001  # of the class above
                heard = _latest[name] = _Heard(name, stream)
                _kept.append(heard)
            setattr(sys, name, heard)


def end(user: object, _outcome: object = None) -> None:
    """Leave the streams and loggers as they were found, once no run works any more."""
    global _is_led  # noqa: PLW0603  # as above
    with _lock:
        _users.discard(user)
        if _users:
            return
        if logging.Logger.handle is _log and logging.StreamHandler.emit is _emit_heard:
            _is_led = False
            logging.Logger.handle = _handle  # type: ignore[assignment,method-assign]  # as it was
            logging.StreamHandler.emit = _emit  # type: ignore[assignment,method-assign]  # as it was
        for name in _STREAMS:
            stream = getattr(sys, name)
            if isinstance(stream, _Heard):
                setattr(sys, name, stream._stream)  # noqa: SLF001  # of the class above
