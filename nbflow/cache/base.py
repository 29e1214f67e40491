"""The port of a cache: values that can be made again, by namespace and key, each for a time."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

from nbflow._support import clock
from nbflow._support.offload import offload
from nbflow.codec import dumps
from nbflow.errors import InvalidOptionError

Namespace = tuple[str, ...]
FullKey = tuple[Namespace, str]
Entry = tuple[FullKey, bytes, float | None]


class BaseCache:
    """Keeps values under keys; safe to use from any thread and any event loop.

    A key is a namespace and a text, such as ``(("nbflow", "shop.price"), "d41d8c")``. A value
    that can't be read back, because it was damaged or its class is gone, is not there.
    """

    def get(self, keys: Sequence[FullKey]) -> dict[FullKey, object]:
        """Return copies of the values that are there and have not expired."""
        raise NotImplementedError

    def set(self, pairs: Mapping[FullKey, tuple[object, int | float | None]]) -> None:
        """Keep copies of values, all or none.

        Args:
            pairs: by key, the value and how many seconds it may be used; 0 for not at all, None for ever.

        Raises:
            UnserializableError: if a value can't be stored.
            InvalidOptionError: if a key or a time can't be one.
        """
        raise NotImplementedError

    def clear(self, namespaces: Sequence[Namespace] | None = None) -> None:
        """Forget the values of exactly these namespaces; None forgets all."""
        raise NotImplementedError

    async def aget(self, keys: Sequence[FullKey]) -> dict[FullKey, object]:
        """As ``get``, awaited."""
        return await offload(self.get, keys)

    async def aset(self, pairs: Mapping[FullKey, tuple[object, int | float | None]]) -> None:
        """As ``set``, awaited."""
        await offload(self.set, pairs)

    async def aclear(self, namespaces: Sequence[Namespace] | None = None) -> None:
        """As ``clear``, awaited."""
        await offload(self.clear, namespaces)


def checked_keys(where: str, keys: Iterable[object]) -> list[FullKey]:
    """Return keys if they can be some.

    Raises:
        InvalidOptionError: if one is not a pair of a namespace and a text.
    """
    found: list[FullKey] = []
    for key in keys:
        if not isinstance(key, tuple) or len(key) != 2 or not _is_text(key[1]):  # noqa: PLR2004  # a pair
            raise InvalidOptionError(where, "keys", f"with {key!r}", "each is a pair such as (('prices', 'eu'), 'owl')")
        found.append((*checked_namespaces(where, [key[0]]), key[1]))
    return found


def checked_namespaces(where: str, namespaces: Iterable[object]) -> list[Namespace]:
    """Return namespaces if they can be some.

    Raises:
        InvalidOptionError: if one is not a tuple of texts.
    """
    found = []
    for namespace in [namespaces] if isinstance(namespaces, str) else namespaces:
        if not isinstance(namespace, tuple) or not all(map(_is_text, namespace)):
            expected = "each is a tuple of texts such as ('prices', 'eu')"
            raise InvalidOptionError(where, "namespaces", f"with {namespace!r}", expected)
        found.append(namespace)
    return found


def encoded(pairs: Mapping[FullKey, tuple[object, int | float | None]]) -> list[Entry]:
    """Return entries to keep: the key, the value in bytes, and when it expires in seconds since 1970.

    Raises:
        UnserializableError: if a value can't be stored.
        InvalidOptionError: if a key or a time can't be one.
    """
    at = clock.wall()
    entries = []
    for key, pair in zip(checked_keys("set()", pairs), pairs.values(), strict=True):
        entries.append((key, *_entry(pair, at)))
    return entries


def _entry(pair: object, at: float) -> tuple[bytes, float | None]:
    if not isinstance(pair, tuple) or len(pair) != 2:  # noqa: PLR2004  # as above
        raise InvalidOptionError("set()", "pairs", f"with {pair!r}", "each key has a pair of a value and its seconds")
    return dumps(pair[0]), _expiry(pair[1], at)


def _expiry(ttl: object, at: float) -> float | None:
    if ttl is None:
        return None
    if isinstance(ttl, bool) or not isinstance(ttl, int | float) or not 0 <= ttl < math.inf:
        raise InvalidOptionError("set()", "ttl", repr(ttl), "it is seconds, 0 or more, or None for ever")
    return at + ttl


def _is_text(part: object) -> bool:
    try:
        return isinstance(part, str) and part.encode() is not None
    except UnicodeEncodeError:  # half of a surrogate pair: no database takes it
        return False
