"""The visible stand-in for a stored value that can't be rebuilt."""

from __future__ import annotations

from contextvars import ContextVar

import msgspec
from msgspec.msgpack import Ext

from nbflow.codec.exact import exactly
from nbflow.errors import CorruptValueError

SHOWN = 200  # characters of the data in a repr
met: ContextVar[list[Unloadable] | None] = ContextVar("met", default=None)  # where new ones are told, if somebody asks


class Unloadable(msgspec.Struct, frozen=True):
    """A stored value whose type is missing, changed or not allowed.

    Storing it again writes the original bytes, so a value that passes through a process that
    lacks its class is not lost.

    Attributes:
        type_name: the type it had, such as ``"shop.models:Order"``.
        data: its parts as plain data.
        reason: why it was not rebuilt.
        wire: extension code and payload as they were stored, a part of the bytes that were loaded; None if it
            was never stored whole.
    """

    type_name: str
    data: object
    reason: str
    wire: tuple[int, bytes | memoryview] | None = None

    def __post_init__(self) -> None:
        if (told := met.get()) is not None:
            told.append(self)

    def __repr__(self) -> str:
        try:
            shown = repr(self.data)
        except Exception as error:  # of a part of it, such as an integer of too many digits
            shown = f"<its repr raised {type(error).__name__}>"
        shown = shown if len(shown) <= SHOWN else shown[:SHOWN] + "..."
        return f"<Unloadable {self.type_name}: {self.reason}; data: {shown}>"

    def __reduce__(self) -> tuple[type[Unloadable], tuple[object, ...]]:
        wire = (self.wire[0], bytes(self.wire[1])) if self.wire is not None else None
        return Unloadable, (self.type_name, self.data, self.reason, wire)

    def __hash__(self) -> int:
        return hash((self.type_name, self.reason))


class CannotRebuild(Exception):
    """Raised while loading, for one value; becomes an ``Unloadable``."""

    def __init__(self, type_name: str, reason: str) -> None:
        super().__init__(type_name, reason)
        self.type_name = type_name
        self.reason = reason


class NotWholeError(CorruptValueError):
    """Raised instead of a value, a part of which would be an ``Unloadable``.

    Attributes:
        reason: which part that is, and why.
        shown: the value, with stand-ins; for views.
    """

    def __init__(self, reason: str, shown: object) -> None:
        super().__init__(reason)
        self.args = (reason, shown)
        self.shown = shown

    def __str__(self) -> str:
        return self.reason


def unpack_unloadable(parts: list[object]) -> Unloadable:
    """Rebuild a stand-in that was never stored whole."""
    type_name, data, reason = parts
    return Unloadable(exactly(str, type_name), data, exactly(str, reason))


def pack_unloadable(value: Unloadable) -> object:
    """Return the original extension, or the three facts of one that was never stored whole."""
    return Ext(*value.wire) if value.wire else [value.type_name, value.data, value.reason]
