"""What all records share; ``record`` lists the kinds."""

from __future__ import annotations

import msgspec

from nbflow.core.value import Value  # msgspec wants to know it

ROOT = "0"


class Record(msgspec.Struct, tag=True, kw_only=True, omit_defaults=True):
    """Something that happened in a run.

    Attributes:
        path: position of the call it happened in; ``"0"`` is the body.
        at: seconds since 1970, UTC.
        value: the user's value that belongs to it, if any.
        copied: whether it was taken over from the run that this one was forked from.
    """

    path: str = ROOT
    at: float = 0.0
    value: Value | None = None
    copied: bool = False

    def get(self) -> object:
        """Return the user's value that belongs to it, decoded anew if it was stored; None if there is none."""
        return self.value.get() if self.value is not None else None
