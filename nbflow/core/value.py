"""A user's value beside a record: live, or the bytes that were stored, decoded when asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

STORED = object()


class Value:
    """A user's value: as it is, or as the bytes that were stored.

    Attributes:
        live: the value; STORED if there are only bytes.
        raw: the encoded value; None until it was stored.

    Args:
        live: the value, which is given as it is; STORED for one that is decoded anew each time it is asked for.
        raw: the encoded value.
        loads: decodes it, with a visible stand-in for each part that can't be rebuilt.
        loads_whole: decodes it, or raises CorruptValueError if a part can't be rebuilt; ``loads`` if None.
    """

    __slots__ = ("_loads", "_loads_whole", "live", "raw")

    _loads: Callable[[bytes], object]
    _loads_whole: Callable[[bytes], object]

    def __init__(
        self,
        live: object,
        raw: bytes | None = None,
        loads: Callable[[bytes], object] | None = None,
        loads_whole: Callable[[bytes], object] | None = None,
    ) -> None:
        self.live = live
        self.raw = raw
        if loads is not None:
            self._loads = loads
            self._loads_whole = loads_whole or loads

    def get(self) -> object:
        """Return the value: the same object while live, a fresh copy when stored."""
        if self.live is not STORED or self.raw is None:
            return self.live
        return self._loads(self.raw)

    def whole(self) -> object:
        """Return the value for a body, which never sees a stand-in.

        Raises:
            CorruptValueError: if a part of it can't be rebuilt.
        """
        if self.live is not STORED or self.raw is None:
            return self.live
        return self._loads_whole(self.raw)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Value):
            return False
        return (self.raw is not None and self.raw == other.raw) or self.get() == other.get()

    __hash__ = None  # type: ignore[assignment]  # it holds any value

    def __repr__(self) -> str:
        return f"Value({self.get()!r})"


class Parts(Value):
    """A list of values that are stored each by itself; it takes up nothing.

    Args:
        parts: its values, in order.
    """

    __slots__ = ("_parts",)

    def __init__(self, parts: Sequence[Value | None]) -> None:
        super().__init__(STORED)
        self._parts = parts

    def get(self) -> object:
        """Return the list of the values, as ``get`` of each gives it."""
        return [part.get() if part is not None else None for part in self._parts]

    def whole(self) -> object:
        """Return the list of the values for a body; errors as of ``Value.whole``."""
        return [part.whole() if part is not None else None for part in self._parts]
