"""How something ended: with a value or with an error."""

from __future__ import annotations

import msgspec


class Outcome(msgspec.Struct, frozen=True):
    """A value, or the error that was raised instead.

    Attributes:
        value: what was returned; None beside an error.
        error: what was raised; None beside a value.
    """

    value: object
    error: BaseException | None = None
