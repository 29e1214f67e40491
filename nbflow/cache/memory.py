"""A cache in this process, encoded like everywhere else; gone when it ends."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence

from nbflow._support import clock
from nbflow.cache.base import BaseCache, FullKey, Namespace, checked_keys, checked_namespaces, encoded
from nbflow.codec import loads_whole
from nbflow.errors import CorruptValueError, InvalidOptionError


class InMemoryCache(BaseCache):
    """A cache for tests, examples and results that are quick to make again.

    Args:
        max_items: how many values it keeps; beyond that it forgets those that were used least
            recently. None keeps all.
        serde: only what is the default: None, or a ``JsonPlusSerializer()``; kept for LangGraph's users.

    Attributes:
        quick: that it never waits for others.
    """

    quick = True

    def __init__(self, *, max_items: int | None = None, serde: object = None) -> None:
        if serde is not None:
            from nbflow.checkpoint.serde.base import check_serde  # noqa: PLC0415  # hardly ever given

            check_serde("InMemoryCache()", serde)
        self._max_items = _checked_size(max_items)
        self._lock = threading.Lock()
        self._entries: dict[FullKey, tuple[bytes, float | None]] = {}  # the least recently used first

    def __repr__(self) -> str:
        return f"InMemoryCache({len(self._entries)} items)"

    def get(self, keys: Sequence[FullKey]) -> dict[FullKey, object]:
        """Return copies of the values that are there and have not expired."""
        wanted = checked_keys("get()", keys)
        at = clock.wall()
        with self._lock:
            found = {key: data for key in wanted if (data := self._used(key, at)) is not None}
        values: dict[FullKey, object] = {}
        for key, data in found.items():
            try:
                values[key] = loads_whole(data)
            except CorruptValueError:  # its class is gone: as good as not there
                continue
        return values

    def _used(self, key: FullKey, at: float) -> bytes | None:
        """Return the bytes under a key, which becomes the most recently used one."""
        data, expires = self._entries.pop(key, (None, None))
        if data is None or (expires is not None and expires <= at):
            return None
        self._entries[key] = (data, expires)
        return data

    def set(self, pairs: Mapping[FullKey, tuple[object, int | float | None]]) -> None:
        """Keep copies of values; see ``BaseCache``."""
        entries = encoded(pairs)
        with self._lock:
            for key, data, expires in entries:
                self._entries.pop(key, None)
                self._entries[key] = (data, expires)
            self._make_room()

    def _make_room(self) -> None:
        if self._max_items is None or len(self._entries) <= self._max_items:
            return
        at = clock.wall()
        for key in [key for key, (_, expires) in self._entries.items() if expires is not None and expires <= at]:
            del self._entries[key]
        for key in list(self._entries)[: max(0, len(self._entries) - self._max_items)]:
            del self._entries[key]

    def clear(self, namespaces: Sequence[Namespace] | None = None) -> None:
        """Forget the values of exactly these namespaces; None forgets all."""
        gone = None if namespaces is None else set(checked_namespaces("clear()", namespaces))
        with self._lock:
            for key in [key for key in self._entries if gone is None or key[0] in gone]:
                del self._entries[key]

    async def aget(self, keys: Sequence[FullKey]) -> dict[FullKey, object]:
        """As ``get``; there is nothing to wait for."""
        return self.get(keys)

    async def aset(self, pairs: Mapping[FullKey, tuple[object, int | float | None]]) -> None:
        """As ``set``; there is nothing to wait for."""
        self.set(pairs)

    async def aclear(self, namespaces: Sequence[Namespace] | None = None) -> None:
        """As ``clear``; there is nothing to wait for."""
        self.clear(namespaces)


def _checked_size(found: object) -> int | None:
    if found is None or (isinstance(found, int) and not isinstance(found, bool) and found > 0):
        return found
    raise InvalidOptionError("InMemoryCache()", "max_items", repr(found), "it is 1 or more, or None for all")
