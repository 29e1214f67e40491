"""Long-term memory in this process; gone when it ends. Values are kept as copies."""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any

from nbflow.errors import InvalidOptionError
from nbflow.store.base import (
    BaseStore,
    GetOp,
    Item,
    ListNamespacesOp,
    MatchCondition,
    Namespace,
    Op,
    PutOp,
    SearchItem,
    SearchOp,
)

_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "$eq": lambda value, wanted: bool(value == wanted),
    "$ne": lambda value, wanted: bool(value != wanted),
    "$gt": lambda value, wanted: value is not None and bool(value > wanted),
    "$gte": lambda value, wanted: value is not None and bool(value >= wanted),
    "$lt": lambda value, wanted: value is not None and bool(value < wanted),
    "$lte": lambda value, wanted: value is not None and bool(value <= wanted),
}


class InMemoryStore(BaseStore):
    """A store for tests, examples and throw-away sessions."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._items: dict[Namespace, dict[str, Item]] = {}

    def __repr__(self) -> str:
        return f"InMemoryStore({sum(map(len, self._items.values()))} items)"

    def batch(self, ops: Iterable[Op]) -> list[Any]:
        """Carry out several operations; results in their order, puts last."""
        listed = list(ops)
        with self._lock:
            results = [self._read(op) for op in listed]
            for op in listed:
                if isinstance(op, PutOp):
                    self._put(op)
        return results

    def _read(self, op: Op) -> Any:  # noqa: ANN401  # each operation has its own result
        if isinstance(op, GetOp):
            found = self._items.get(op.namespace, {}).get(op.key)
            return copy.deepcopy(found)
        if isinstance(op, SearchOp):
            return self._search(op)
        if isinstance(op, ListNamespacesOp):
            return self._list(op)
        return None

    def _put(self, op: PutOp) -> None:
        if op.value is None:
            items = self._items.get(op.namespace, {})
            items.pop(op.key, None)
            if not items:
                self._items.pop(op.namespace, None)
            return
        items = self._items.setdefault(op.namespace, {})
        at = datetime.now(UTC)
        created = items[op.key].created_at if op.key in items else at
        value = copy.deepcopy(op.value)
        items[op.key] = Item(namespace=op.namespace, key=op.key, value=value, created_at=created, updated_at=at)

    def _search(self, op: SearchOp) -> list[SearchItem]:
        depth = len(op.namespace_prefix)
        found = [
            item
            for namespace, items in self._items.items()
            if namespace[:depth] == op.namespace_prefix
            for item in items.values()
            if all(_fits(item.value.get(name), wanted) for name, wanted in (op.filter or {}).items())
        ]
        return [
            SearchItem(
                namespace=item.namespace,
                key=item.key,
                value=copy.deepcopy(item.value),
                created_at=item.created_at,
                updated_at=item.updated_at,
            )
            for item in found[op.offset : op.offset + op.limit]
        ]

    def _list(self, op: ListNamespacesOp) -> list[Namespace]:
        found = {
            namespace[: op.max_depth]
            for namespace in self._items
            if all(_matches(namespace, condition) for condition in op.match_conditions)
        }
        return sorted(found)[op.offset : op.offset + op.limit]


def _matches(namespace: Namespace, condition: MatchCondition) -> bool:
    size = len(condition.path)
    part = namespace[:size] if condition.match_type == "prefix" else namespace[-size:]
    return len(part) == size and all(want in {"*", have} for want, have in zip(condition.path, part, strict=True))


def _fits(value: object, wanted: object) -> bool:
    """Whether a value is what a filter wants: equal, a superset of a dict, or right for all operators."""
    if not isinstance(wanted, dict):
        return value == wanted
    if not any(name.startswith("$") for name in wanted):
        return isinstance(value, dict) and all(_fits(value.get(name), part) for name, part in wanted.items())
    unknown = [name for name in wanted if name not in _OPERATORS]
    if unknown:
        raise InvalidOptionError("search()", "filter", repr(unknown[0]), f"operators are {', '.join(_OPERATORS)}")
    return all(_OPERATORS[name](value, part) for name, part in wanted.items())
