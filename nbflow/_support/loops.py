"""What to say of an error that comes of two event loops."""

from __future__ import annotations

_SIGNS = ("bound to a different event loop", "attached to a different loop")
_NOTE = (
    "an asyncio object (a lock, semaphore, queue, client) belongs to the event loop that it was first used on, and a "
    "run that sync code or a notebook cell began has a loop of nbflow's own: make it in the body or task that uses it"
)


def note_other_loop(error: BaseException) -> None:
    """Add to an error of asyncio's about an object of another event loop what to do."""
    is_told = _NOTE in getattr(error, "__notes__", ())
    if isinstance(error, RuntimeError) and not is_told and any(sign in str(error) for sign in _SIGNS):
        error.add_note(_NOTE)
