"""Long-term memory in this process; gone when it ends. Values are kept as copies."""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable, Iterable
from itertools import count
from operator import itemgetter
from typing import Any

from nbflow._support import clock
from nbflow.store.backend import Backend
from nbflow.store.base import BaseStore, IndexConfig, Namespace, TTLConfig
from nbflow.store.batch import Kept, Rows

__all__ = ["BaseStore", "InMemoryStore"]


class InMemoryStore(Backend):
    """A store for tests, examples and throw-away sessions.

    Args:
        index: how items are found by meaning; None if they are not.
        ttl: how long they live; None if that is left to each ``put``.
    """

    def __init__(self, *, index: IndexConfig | None = None, ttl: TTLConfig | None = None) -> None:
        super().__init__(index, ttl)
        self._lock = threading.RLock()
        self._packing = _Copies()
        self._rows = _MemoryRows()

    def __repr__(self) -> str:
        return f"InMemoryStore({self._rows.count()} items)"

    def sweep_ttl(self) -> int:
        """Remove what has expired, to free its space; returns how many items that were."""
        with self._lock:
            return self._rows.sweep(clock.wall())

    def _transact(self, work: Callable[[Rows], list[Any]], *, writing: bool) -> list[Any]:  # noqa: ARG002  # one lock
        with self._lock:
            return work(self._rows)


class _Copies:
    """Values as deep copies, so that nobody shares a list with the store."""

    pack = unpack = staticmethod(copy.deepcopy)

    def peek(self, kept: object) -> object:
        return kept


class _MemoryRows:
    """Items by namespace and key, each with a number that tells which was made first."""

    def __init__(self) -> None:
        self._items: dict[Namespace, dict[str, tuple[int, Kept]]] = {}
        self._numbers = count()

    def count(self) -> int:
        return sum(map(len, self._items.values()))

    def one(self, namespace: Namespace, key: str, at: float) -> Kept | None:
        _, found = self._items.get(namespace, {}).get(key, (0, None))
        return found if found is not None and found.lives(at) else None

    def below(self, prefix: Namespace, at: float, *, vectors: bool = False) -> Iterable[Kept]:  # noqa: ARG002  # they are there
        groups = [items.values() for name, items in self._items.items() if name[: len(prefix)] == prefix]
        numbered = [pair for group in groups for pair in group if pair[1].lives(at)]
        numbered.sort(key=itemgetter(0))
        return [kept for _, kept in numbered]

    def page(self, prefix: Namespace, at: float, limit: int, offset: int) -> list[Kept]:
        return list(self.below(prefix, at))[offset : offset + limit]

    def namespaces(self, at: float) -> Iterable[Namespace]:
        return [name for name, items in self._items.items() if any(kept.lives(at) for _, kept in items.values())]

    def refresh(self, found: list[Kept], at: float) -> None:
        for kept in found:
            kept.expires = None if kept.ttl is None else at + kept.ttl * 60

    def put(self, item: Kept) -> None:
        old = self.one(item.namespace, item.key, item.updated)
        if old is None:
            self.delete(item.namespace, item.key)
            self._items.setdefault(item.namespace, {})[item.key] = (next(self._numbers), item)
        else:
            item.created = old.created
            items = self._items[item.namespace]
            items[item.key] = (items[item.key][0], item)

    def delete(self, namespace: Namespace, key: str) -> None:
        items = self._items.get(namespace, {})
        items.pop(key, None)
        if not items:
            self._items.pop(namespace, None)

    def sweep(self, at: float) -> int:
        dead = [kept for items in self._items.values() for _, kept in items.values() if not kept.lives(at)]
        for kept in dead:
            self.delete(kept.namespace, kept.key)
        return len(dead)
