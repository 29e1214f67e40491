"""Ids that are made in a body: the same ones when the body is replayed."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING, cast
from uuid import UUID, uuid4

from nbflow.core.call import current_frame

if TYPE_CHECKING:
    from nbflow.session.session import Session


def drawn_id() -> str:
    """Return an id that no other place or run draws; a random one outside of a run.

    It is made of the run and the position of the code that asks: its frame, and how many ids that has drawn before.
    """
    frame = current_frame.get()
    if frame is None:
        return str(uuid4())
    session = cast("Session", frame.host)
    ordinal, frame.drawn = frame.drawn, frame.drawn + 1
    parts = "|".join(("id", session.origin or session.run_id, frame.prefix, str(ordinal)))
    return str(UUID(bytes=blake2b(parts.encode(), digest_size=16).digest(), version=4))
