"""The port of a store: items under namespaces, found by key or by search.

Every method is built on ``batch``, which a backend implements; names and arguments are
LangGraph's. A store is not part of a run's log: what a body writes there, it writes again when
it is resumed, so write from tasks.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, NamedTuple, cast

from nbflow.errors import InvalidOptionError

Namespace = tuple[str, ...]


class InvalidNamespaceError(InvalidOptionError):
    """A namespace that can't be one."""


@dataclass(slots=True, kw_only=True)
class Item:
    """Something that is remembered.

    Attributes:
        namespace: where, from the outermost part, such as ``("users", "ada")``.
        key: names it there.
        value: what is remembered.
        created_at, updated_at: when, in UTC.
    """

    namespace: Namespace
    key: str
    value: dict[str, Any]
    created_at: datetime
    updated_at: datetime

    def dict(self) -> dict[str, Any]:
        """Return it as plain data, times as ISO text."""
        return {
            "namespace": list(self.namespace),
            "key": self.key,
            "value": self.value,
            "created_at": self.created_at.isoformat(),
            "updated_at": self.updated_at.isoformat(),
        }


@dataclass(slots=True, kw_only=True)
class SearchItem(Item):
    """Something that a search has found.

    Attributes:
        score: how well it fits the query; None where there was none.
    """

    score: float | None = None


class GetOp(NamedTuple):
    """Look one item up."""

    namespace: Namespace
    key: str


class PutOp(NamedTuple):
    """Remember an item, or forget it when ``value`` is None."""

    namespace: Namespace
    key: str
    value: dict[str, Any] | None


class SearchOp(NamedTuple):
    """Find items below a namespace whose values fit a filter."""

    namespace_prefix: Namespace
    filter: dict[str, Any] | None = None
    limit: int = 10
    offset: int = 0


class MatchCondition(NamedTuple):
    """A beginning or an end that a namespace must have; ``"*"`` stands for any one part."""

    match_type: Literal["prefix", "suffix"]
    path: Namespace


class ListNamespacesOp(NamedTuple):
    """List the namespaces that hold items."""

    match_conditions: tuple[MatchCondition, ...] = ()
    max_depth: int | None = None
    limit: int = 100
    offset: int = 0


Op = GetOp | PutOp | SearchOp | ListNamespacesOp


class BaseStore:
    """Long-term memory; a backend implements ``batch``."""

    def batch(self, ops: Iterable[Op]) -> list[Any]:
        """Carry out several operations; results in their order, puts last."""
        raise NotImplementedError

    def get(self, namespace: Namespace, key: object) -> Item | None:
        """Return an item, or None."""
        return cast("Item | None", self.batch([GetOp(checked(namespace), str(key))])[0])

    def search(
        self, namespace_prefix: Namespace, /, *, filter: dict[str, Any] | None = None, limit: int = 10, offset: int = 0
    ) -> list[SearchItem]:
        """Return items below a namespace, in the order they were made.

        Args:
            namespace_prefix: where to look; ``()`` looks everywhere.
            filter: by top-level key, a value to equal or operators such as ``{"$gte": 3}``
                (``$eq $ne $gt $gte $lt $lte``).
            limit: how many at most.
            offset: how many to leave out first.
        """
        op = SearchOp(checked(namespace_prefix), filter, limit, offset)
        return cast("list[SearchItem]", self.batch([op])[0])

    def put(self, namespace: Namespace, key: object, value: dict[str, Any] | None) -> None:
        """Remember a dict with text keys under a key; None forgets it.

        Raises:
            InvalidNamespaceError: if the namespace is not a tuple of non-empty texts without dots.
        """
        checked(namespace, filled=True)
        if value is not None and not _is_plain(value):
            raise InvalidOptionError("put()", "value", f"a {type(value).__name__}", "it is a dict with text keys")
        self.batch([PutOp(namespace, str(key), value)])

    def delete(self, namespace: Namespace, key: object) -> None:
        """Forget an item; an unknown one is no error."""
        self.batch([PutOp(checked(namespace), str(key), None)])

    def list_namespaces(
        self,
        *,
        prefix: Sequence[str] | None = None,
        suffix: Sequence[str] | None = None,
        max_depth: int | None = None,
        limit: int = 100,
        offset: int = 0,
    ) -> list[Namespace]:
        """Return the namespaces that hold items, sorted.

        Args:
            prefix: how they begin; ``"*"`` stands for any one part.
            suffix: how they end.
            max_depth: cut them to so many parts.
            limit: how many at most.
            offset: how many to leave out first.
        """
        conditions = []
        if prefix:
            conditions.append(MatchCondition("prefix", checked(tuple(prefix))))
        if suffix:
            conditions.append(MatchCondition("suffix", checked(tuple(suffix))))
        op = ListNamespacesOp(tuple(conditions), max_depth, limit, offset)
        return cast("list[Namespace]", self.batch([op])[0])

    async def abatch(self, ops: Iterable[Op]) -> list[Any]:
        """As ``batch``, awaited."""
        return self.batch(ops)

    async def aget(self, namespace: Namespace, key: object) -> Item | None:
        """As ``get``, awaited."""
        return self.get(namespace, key)

    async def asearch(self, namespace_prefix: Namespace, /, **options: Any) -> list[SearchItem]:  # noqa: ANN401  # search's
        """As ``search``, awaited."""
        return self.search(namespace_prefix, **options)

    async def aput(self, namespace: Namespace, key: object, value: dict[str, Any] | None) -> None:
        """As ``put``, awaited."""
        self.put(namespace, key, value)

    async def adelete(self, namespace: Namespace, key: object) -> None:
        """As ``delete``, awaited."""
        self.delete(namespace, key)

    async def alist_namespaces(self, **options: Any) -> list[Namespace]:  # noqa: ANN401  # list_namespaces'
        """As ``list_namespaces``, awaited."""
        return self.list_namespaces(**options)


def _is_plain(value: object) -> bool:
    return isinstance(value, dict) and all(isinstance(name, str) for name in value)


def checked(namespace: object, *, filled: bool = False) -> Namespace:
    """Return a namespace if it can be one.

    Raises:
        InvalidNamespaceError: if not.
    """
    if not isinstance(namespace, tuple):
        hint = f"it is a tuple such as {(namespace,)!r}" if isinstance(namespace, str) else "it is a tuple of texts"
        raise InvalidNamespaceError("store", "namespace", repr(namespace), hint)
    if filled and not namespace:
        raise InvalidNamespaceError("put()", "namespace", "()", "it has at least one part")
    for part in namespace:
        if not isinstance(part, str) or not part or "." in part or "\0" in part:
            raise InvalidNamespaceError("store", "namespace", repr(namespace), "its parts are texts without dots")
    return namespace
