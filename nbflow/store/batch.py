"""What a batch of operations does, whatever keeps the items.

A batch is checked and its values are copied when it is made; its texts get their vectors, from
sync or async code; then it is called with the rows of a backend, inside of a transaction. Reads
come first, then puts, the last to each key. What has expired is not there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import Any, Protocol, TypeVar

from nbflow import clock
from nbflow.codec import NotWholeError
from nbflow.errors import InvalidOptionError
from nbflow.store.base import GetOp, Item, ListNamespacesOp, Namespace, Op, PutOp, SearchItem, SearchOp
from nbflow.store.checks import checked_op
from nbflow.store.filters import fits, matches
from nbflow.store.lost import unreadable
from nbflow.store.paths import texts
from nbflow.store.vectors import Index, Vectors, Wanted, nearness, packed, parsed_fields

AnyItem = TypeVar("AnyItem", bound=Item)
_MINUTE = 60.0


@dataclass(slots=True)
class Kept:
    """An item as a backend keeps it.

    Attributes:
        value: as the backend packs it.
        created, updated: seconds since 1970.
        ttl: minutes that it lives after a put or a refreshing read; None for ever.
        expires: seconds since 1970; None for never.
        dims: numbers in each of its vectors; None if it is not indexed.
        vectors: its vectors, packed; None if it is not indexed, or nobody asked.
    """

    namespace: Namespace
    key: str
    value: Any
    created: float
    updated: float
    ttl: float | None
    expires: float | None
    dims: int | None = None
    vectors: bytes | None = None

    def lives(self, at: float) -> bool:
        """Whether it has not expired."""
        return self.expires is None or self.expires > at


class Rows(Protocol):
    """The items of a backend during one transaction; of those that live at ``at``, unless it says otherwise."""

    def one(self, namespace: Namespace, key: str, at: float) -> Kept | None:
        """Return an item, or None."""
        ...

    def below(self, prefix: Namespace, at: float, *, vectors: bool = False) -> Iterable[Kept]:
        """Yield the items below a namespace in the order they were made."""
        ...

    def page(self, prefix: Namespace, at: float, limit: int, offset: int) -> list[Kept]:
        """Return a slice of what ``below`` yields."""
        ...

    def namespaces(self, at: float) -> Iterable[Namespace]:
        """Yield each namespace that holds items, once."""
        ...

    def refresh(self, found: list[Kept], at: float) -> None:
        """Let items live as long again."""
        ...

    def put(self, item: Kept) -> None:
        """Keep an item; one that lives there keeps its place and its time of creation."""
        ...

    def delete(self, namespace: Namespace, key: str) -> None:
        """Forget an item; an unknown one is no error."""
        ...


class Packing(Protocol):
    """How a backend keeps values."""

    def pack(self, value: dict[str, Any]) -> Any:  # noqa: ANN401  # the backend's own form
        """Return what to keep; raises UnserializableError if it can't be kept."""
        ...

    def peek(self, kept: Any) -> object:  # noqa: ANN401  # as above
        """Return a value to look at."""
        ...

    def unpack(self, kept: Any) -> Any:  # noqa: ANN401  # as above
        """Return a value to give away; raises NotWholeError if a part of it can't be rebuilt."""
        ...


class Batch:
    """Operations that can be carried out, with all that they need.

    Attributes:
        writes: whether there are puts among them.
    """

    def __init__(self, ops: Iterable[Op], packing: Packing, index: Index | None) -> None:
        self._ops = [checked_op(op) for op in ops]
        self._packing = packing
        self._index = index
        self._puts = {(op.namespace, op.key): op for op in self._ops if isinstance(op, PutOp)}
        self._texts = {place: self._texts_of(op) for place, op in self._puts.items()}
        queries = dict.fromkeys(op.query for op in self._ops if isinstance(op, SearchOp) and op.query)
        documents = dict.fromkeys(text for found in self._texts.values() for text in found)
        self._wanted = Wanted(list(queries), list(documents))
        if queries and index is None:
            expected = (
                "this store has no index; make it with index={'dims': 384, 'embed': texts_to_vectors}, "
                "where texts_to_vectors takes a list of texts and returns a list of vectors"
            )
            raise InvalidOptionError("search()", "query", repr(next(iter(queries))), expected)
        self._values = {place: packing.pack(op.value) for place, op in self._puts.items() if op.value is not None}
        self._vectors = Vectors({}, {})
        self.writes = bool(self._puts)

    def embed(self) -> None:
        """Get the vectors that it needs."""
        if self._index is not None and any(self._wanted):
            self._vectors = self._index.embed(self._wanted)

    async def embedded(self) -> Batch:
        """Return it with the vectors that it needs."""
        if self._index is not None and any(self._wanted):
            self._vectors = await self._index.aembed(self._wanted)
        return self

    def _texts_of(self, op: PutOp) -> list[str]:
        """Return the texts that an item is to be found by."""
        if self._index is None:
            if op.index:
                expected = "this store has no index; make it with index={'dims': ..., 'embed': ...}, or leave this out"
                raise InvalidOptionError("put()", "index", repr(op.index), expected)
            return []
        if op.value is None or op.index is False:
            return []
        return texts(op.value, self._index.fields if op.index is None else parsed_fields(op.index, "put()"))

    def __call__(self, rows: Rows) -> list[Any]:
        """Carry it out; returns one result for each operation."""
        at = clock.wall()
        results = [self._read(rows, op, at) for op in self._ops]
        for place, op in self._puts.items():
            if op.value is None:
                rows.delete(*place)
            else:
                rows.put(self._kept(op, at))
        return results

    def _kept(self, op: PutOp, at: float) -> Kept:
        place = (op.namespace, op.key)
        vectors = [self._vectors.documents[text] for text in self._texts[place]]
        return Kept(
            namespace=op.namespace,
            key=op.key,
            value=self._values[place],
            created=at,
            updated=at,
            ttl=op.ttl,
            expires=None if op.ttl is None else at + op.ttl * _MINUTE,
            dims=self._index.dims if self._index is not None and vectors else None,
            vectors=packed(vectors) if vectors else None,
        )

    def _read(self, rows: Rows, op: Op, at: float) -> Item | list[SearchItem] | list[Namespace] | None:
        if isinstance(op, GetOp):
            found = rows.one(op.namespace, op.key, at)
            if found is not None and op.refresh_ttl and found.ttl is not None:
                rows.refresh([found], at)
            return None if found is None else self._item(Item, found)
        if isinstance(op, SearchOp):
            return self._search(rows, op, at)
        if isinstance(op, ListNamespacesOp):
            return _listed(rows.namespaces(at), op)
        return None

    def _search(self, rows: Rows, op: SearchOp, at: float) -> list[SearchItem]:
        page = slice(op.offset, op.offset + op.limit)
        scores: dict[int, float] = {}
        if op.query:
            fitting = list(self._fitting(rows.below(op.namespace_prefix, at, vectors=True), op))
            found, scores = self._ranked(fitting, op.query, page)
        elif op.filter:
            found = list(islice(self._fitting(rows.below(op.namespace_prefix, at), op), page.start, page.stop))
        else:
            found = rows.page(op.namespace_prefix, at, op.limit, op.offset)
        if op.refresh_ttl:
            rows.refresh([kept for kept in found if kept.ttl is not None], at)
        items = [self._item(SearchItem, kept) for kept in found]
        for item, kept in zip(items, found, strict=True):
            item.score = scores.get(id(kept))
        return items

    def _fitting(self, found: Iterable[Kept], op: SearchOp) -> Iterator[Kept]:
        return (kept for kept in found if not op.filter or fits(self._packing.peek(kept.value), op.filter))

    def _ranked(self, found: list[Kept], query: str, page: slice) -> tuple[list[Kept], dict[int, float]]:
        """Return a page of items, the nearest first and those without vectors last, and scores by identity."""
        vector = self._vectors.queries[query]
        indexed = [kept for kept in found if kept.vectors is not None]
        for kept in indexed:
            if kept.dims != len(vector):
                has = (
                    f"has vectors of {len(vector)} numbers, but item {kept.key!r} in {kept.namespace!r} of {kept.dims}"
                )
                expected = "they are compared number by number; put what is older again, with the embedder of today"
                raise InvalidOptionError("search()", "index", has, expected)
        near = nearness(vector, [kept.vectors for kept in indexed if kept.vectors is not None])
        scores = {id(kept): score for kept, score in zip(indexed, near, strict=True)}
        indexed.sort(key=lambda kept: -scores[id(kept)])
        return (indexed + [kept for kept in found if kept.vectors is None])[page], scores

    def _item(self, kind: type[AnyItem], kept: Kept) -> AnyItem:
        value: Any
        try:
            value = self._packing.unpack(kept.value)
        except NotWholeError as error:
            kind, value = unreadable(kind), error
        return kind(
            namespace=kept.namespace,
            key=kept.key,
            value=value,
            created_at=datetime.fromtimestamp(kept.created, UTC),
            updated_at=datetime.fromtimestamp(kept.updated, UTC),
        )


def _listed(namespaces: Iterable[Namespace], op: ListNamespacesOp) -> list[Namespace]:
    conditions = op.match_conditions or ()
    found = {name[: op.max_depth] for name in namespaces if all(matches(name, condition) for condition in conditions)}
    return sorted(found)[op.offset : op.offset + op.limit]
