"""Whether a function that reads or writes threads was given a saver and the name of a thread, in this order."""

from __future__ import annotations

from nbflow.checkpoint.base import BaseCheckpointSaver
from nbflow.errors import InvalidOptionError
from nbflow.values import is_text


def check_given(where: str, saver: object, thread_id: object = "") -> None:
    """Check the saver, and the thread if it takes one.

    Args:
        where: what was called, such as ``"read_run()"``.
        saver: first argument.
        thread_id: second argument.

    Raises:
        InvalidOptionError: says what was meant, where that can be told.
    """
    if not isinstance(saver, BaseCheckpointSaver):
        raise InvalidOptionError(where, "saver", _shown(saver), _saver_meant(saver, thread_id))
    if not isinstance(thread_id, str) or not is_text(thread_id):
        raise InvalidOptionError(where, "thread_id", _shown(thread_id), _thread_meant(thread_id))


def _saver_meant(saver: object, thread_id: object) -> str:
    expected = "it is a saver such as SqliteSaver('runs.db')"
    if isinstance(thread_id, BaseCheckpointSaver):
        return f"{expected}, and the thread comes after it: ({thread_id!r}, {_shown(saver)})"
    if hasattr(saver, "checkpointer"):
        return f"{expected}; the one of this workflow is its .checkpointer"
    return f"{expected}{f': SqliteSaver({saver!r})' if isinstance(saver, str) and saver.endswith('.db') else ''}"


def _thread_meant(thread_id: object) -> str:
    expected = "it is the name of a thread, text without lone surrogates"
    inner = thread_id.get("configurable", thread_id) if isinstance(thread_id, dict) else None
    named = inner.get("thread_id") if isinstance(inner, dict) else None
    return f"{expected}: {named!r}" if isinstance(named, str) else expected


def _shown(given: object) -> str:
    text = repr(given)
    return text if len(text) <= _LONG else f"a {type(given).__name__}"


_LONG = 100
