"""The port of a store: items under namespaces, found by key, by filter or by meaning.

Every method is built on ``batch``, which a backend implements; names and arguments are
LangGraph's. A store is not part of a run's log: what a body writes there, it writes again when
it is resumed, so write from tasks.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any, Final, Literal, NamedTuple, TypedDict, cast

from nbflow.errors import InvalidOptionError

Namespace = tuple[str, ...]


class InvalidNamespaceError(InvalidOptionError):
    """A namespace that can't be one."""


class NotProvided(Enum):
    """Stands for an argument that was left out, where None means something else."""

    NOT_PROVIDED = "NOT_PROVIDED"


NOT_PROVIDED: Final = NotProvided.NOT_PROVIDED


class TTLConfig(TypedDict, total=False):
    """How long items live.

    Attributes:
        default_ttl: minutes, for items that are put without their own; None keeps them for ever.
        refresh_on_read: whether reading an item lets it live as long again; True if left out.
        sweep_interval_minutes: how often ``start_ttl_sweeper`` removes what has expired; 5 if left out.
    """

    default_ttl: float | None
    refresh_on_read: bool
    sweep_interval_minutes: float | None


class IndexConfig(TypedDict, total=False):
    """How items are found by meaning.

    Attributes:
        dims: numbers per vector.
        embed: a function, sync or async, from a list of texts to a list of vectors; or an object
            with ``embed_documents`` and ``embed_query``.
        fields: paths to the texts of a value, such as ``"title"``, ``"notes[*].text"``,
            ``"tags[-1]"``, ``"{title,body}"``; ``"$"`` is the whole value as JSON, and the default.
    """

    dims: int
    embed: Any
    fields: list[str] | None


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
        score: cosine similarity to the query, between -1 and 1; None without a query, and for
            items that are not indexed.
    """

    score: float | None = None

    def dict(self) -> dict[str, Any]:
        """Return it as plain data, times as ISO text."""
        return {**Item.dict(self), "score": self.score}


class GetOp(NamedTuple):
    """Look one item up; ``refresh_ttl`` lets it live as long again."""

    namespace: Namespace
    key: str
    refresh_ttl: bool = True


class PutOp(NamedTuple):
    """Remember an item, or forget it when ``value`` is None; ``ttl`` in minutes, None for ever."""

    namespace: Namespace
    key: str
    value: dict[str, Any] | None
    index: Literal[False] | list[str] | None = None  # type: ignore[assignment]  # the name is LangGraph's
    ttl: float | None = None


class SearchOp(NamedTuple):
    """Find items below a namespace, by what their values are and what they mean."""

    namespace_prefix: Namespace
    filter: dict[str, Any] | None = None
    limit: int = 10
    offset: int = 0
    query: str | None = None
    refresh_ttl: bool = True


class MatchCondition(NamedTuple):
    """A beginning or an end that a namespace must have; ``"*"`` stands for any one part."""

    match_type: Literal["prefix", "suffix"]
    path: Namespace


class ListNamespacesOp(NamedTuple):
    """List the namespaces that hold items."""

    match_conditions: tuple[MatchCondition, ...] | None = None
    max_depth: int | None = None
    limit: int = 100
    offset: int = 0


Op = GetOp | PutOp | SearchOp | ListNamespacesOp


class BaseStore:
    """Long-term memory; a backend implements ``batch``, and ``abatch`` if it can wait better.

    Attributes:
        supports_ttl: whether items can expire.
        ttl_config: how long they live; None if that is left to each ``put``.
    """

    supports_ttl: bool = False
    ttl_config: TTLConfig | None = None

    def batch(self, ops: Iterable[Op]) -> list[Any]:
        """Carry out several operations, all or none.

        Returns:
            One result for each, in their order: of a GetOp an Item or None, of a SearchOp a list
            of SearchItem, of a ListNamespacesOp a list of namespaces, of a PutOp None. Reads see
            what was there before the puts of the same batch; the last put to a key wins.

        Raises:
            InvalidOptionError: if one of them can't be carried out; then none was.
        """
        raise NotImplementedError

    async def abatch(self, ops: Iterable[Op]) -> list[Any]:
        """As ``batch``, awaited."""
        return self.batch(ops)

    def get(self, namespace: Namespace, key: object, *, refresh_ttl: bool | None = None) -> Item | None:
        """Return an item, or None.

        Args:
            namespace: where it is.
            key: names it there; made a text.
            refresh_ttl: whether it lives as long again from now; None as the store was told.
        """
        return cast("Item | None", self.batch([self._get_op(namespace, key, refresh_ttl)])[0])

    def search(
        self,
        namespace_prefix: Namespace,
        /,
        *,
        query: str | None = None,
        filter: dict[str, Any] | None = None,
        limit: int = 10,
        offset: int = 0,
        refresh_ttl: bool | None = None,
    ) -> list[SearchItem]:
        """Return items below a namespace, in the order they were made, or by similarity to a query.

        Args:
            namespace_prefix: where to look; ``()`` looks everywhere.
            query: what to look for, in words; the nearest come first, items that are not indexed last.
            filter: by top-level key, a value to equal, a part of a dict, or operators such as
                ``{"$gte": 3}`` (``$eq $ne $gt $gte $lt $lte``).
            limit: how many at most.
            offset: how many to leave out first.
            refresh_ttl: whether what is found lives as long again from now; None as the store was told.

        Raises:
            InvalidOptionError: if there is a query but no index, or the filter compares what has no order.
        """
        op = SearchOp(namespace_prefix, filter, limit, offset, query, self._refreshes(refresh_ttl))
        return cast("list[SearchItem]", self.batch([op])[0])

    def put(
        self,
        namespace: Namespace,
        key: object,
        value: dict[str, Any] | None,
        index: Literal[False] | list[str] | None = None,
        *,
        ttl: float | NotProvided | None = NOT_PROVIDED,
    ) -> None:
        """Remember a dict with text keys under a key; None forgets it.

        Args:
            namespace: where; a tuple of texts without dots.
            key: names it there; made a text.
            value: what to remember; a copy of it is kept.
            index: paths to the texts to find it by; None as the store was told, False for none.
            ttl: minutes until it expires, None for never; if left out, as the store was told.

        Raises:
            InvalidNamespaceError: if the namespace is not a tuple of non-empty texts without dots.
            UnserializableError: if the value can't be stored.
        """
        self.batch([self._put_op(namespace, key, value, index, ttl)])

    def delete(self, namespace: Namespace, key: object) -> None:
        """Forget an item; an unknown one is no error."""
        self.batch([PutOp(namespace, str(key), None)])

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
        op = ListNamespacesOp(_conditions(prefix, suffix), max_depth, limit, offset)
        return cast("list[Namespace]", self.batch([op])[0])

    async def aget(self, namespace: Namespace, key: object, *, refresh_ttl: bool | None = None) -> Item | None:
        """As ``get``, awaited."""
        return cast("Item | None", await self._send(self._get_op(namespace, key, refresh_ttl)))

    async def asearch(
        self,
        namespace_prefix: Namespace,
        /,
        *,
        query: str | None = None,
        filter: dict[str, Any] | None = None,
        limit: int = 10,
        offset: int = 0,
        refresh_ttl: bool | None = None,
    ) -> list[SearchItem]:
        """As ``search``, awaited."""
        refreshes = self._refreshes(refresh_ttl)
        found = await self._send(SearchOp(namespace_prefix, filter, limit, offset, query, refreshes))
        return cast("list[SearchItem]", found)

    async def aput(
        self,
        namespace: Namespace,
        key: object,
        value: dict[str, Any] | None,
        index: Literal[False] | list[str] | None = None,
        *,
        ttl: float | NotProvided | None = NOT_PROVIDED,
    ) -> None:
        """As ``put``, awaited."""
        await self._send(self._put_op(namespace, key, value, index, ttl))

    async def adelete(self, namespace: Namespace, key: object) -> None:
        """As ``delete``, awaited."""
        await self._send(PutOp(namespace, str(key), None))

    async def alist_namespaces(
        self,
        *,
        prefix: Sequence[str] | None = None,
        suffix: Sequence[str] | None = None,
        max_depth: int | None = None,
        limit: int = 100,
        offset: int = 0,
    ) -> list[Namespace]:
        """As ``list_namespaces``, awaited."""
        conditions = _conditions(prefix, suffix)
        found = await self._send(ListNamespacesOp(conditions, max_depth, limit, offset))
        return cast("list[Namespace]", found)

    async def _send(self, op: Op) -> object:
        return (await self.abatch([op]))[0]

    def _get_op(self, namespace: Namespace, key: object, refresh_ttl: bool | None) -> GetOp:  # noqa: FBT001  # get's
        return GetOp(namespace, str(key), self._refreshes(refresh_ttl))

    def _put_op(
        self,
        namespace: Namespace,
        key: object,
        value: dict[str, Any] | None,
        index: Literal[False] | list[str] | None,
        ttl: float | NotProvided | None,
    ) -> PutOp:
        if ttl is NOT_PROVIDED:
            ttl = (self.ttl_config or {}).get("default_ttl")
        elif ttl is not None and not self.supports_ttl:
            kind = type(self).__name__
            raise InvalidOptionError("put()", "ttl", repr(ttl), f"items of a {kind} do not expire; leave it out")
        return PutOp(namespace, str(key), value, index, ttl)

    def _refreshes(self, refresh_ttl: bool | None) -> bool:  # noqa: FBT001  # as get and search take it
        return (self.ttl_config or {}).get("refresh_on_read", True) if refresh_ttl is None else refresh_ttl


def _conditions(prefix: Sequence[str] | None, suffix: Sequence[str] | None) -> tuple[MatchCondition, ...]:
    """Return what namespaces are asked to match; a text is left whole, so that it is found out."""
    given: dict[Literal["prefix", "suffix"], Sequence[str] | None] = {"prefix": prefix, "suffix": suffix}
    return tuple(
        MatchCondition(kind, cast("Namespace", path if isinstance(path, str) else tuple(path)))
        for kind, path in given.items()
        if path
    )
