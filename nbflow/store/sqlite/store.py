"""Long-term memory in one SQLite file, which a saver and a cache may share.

Table ``store_items`` holds one row per item. A namespace is a text of its parts with a dot
behind each, so all that is below one is a range of the index.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from nbflow import clock
from nbflow.codec import dumps, loads, loads_whole
from nbflow.database.migrations import Schema
from nbflow.database.sqlite import SqliteFile
from nbflow.offload import offload
from nbflow.store.backend import Backend
from nbflow.store.base import IndexConfig, Namespace, TTLConfig
from nbflow.store.batch import Kept, Rows

MIGRATIONS = (
    """
    CREATE TABLE store_items (
        id INTEGER PRIMARY KEY,
        namespace TEXT NOT NULL,
        key TEXT NOT NULL,
        created REAL NOT NULL,
        updated REAL NOT NULL,
        ttl REAL,
        expires REAL,
        value BLOB NOT NULL,
        dims INTEGER,
        vectors BLOB,
        UNIQUE (namespace, key)
    );
    CREATE INDEX store_expiry ON store_items (expires) WHERE expires IS NOT NULL
    """,
)
_ITEM = "SELECT namespace, key, value, created, updated, ttl, expires FROM store_items"
_INDEXED = "SELECT namespace, key, value, created, updated, ttl, expires, dims, vectors FROM store_items"
_ONE = f"{_ITEM} WHERE namespace = ? AND key = ? AND (expires IS NULL OR expires > ?)"
_BELOW = "WHERE namespace >= ? AND namespace < ? AND (expires IS NULL OR expires > ?) ORDER BY id"
_NAMESPACES = "SELECT DISTINCT namespace FROM store_items WHERE expires IS NULL OR expires > ?"
_REFRESH = """
UPDATE store_items SET expires = max(expires, ? + ttl * 60) WHERE namespace = ? AND key = ? AND expires > ?
"""
_EXPIRE = "DELETE FROM store_items WHERE namespace = ? AND key = ? AND expires <= ?"
_PUT = """
INSERT INTO store_items (namespace, key, value, created, updated, ttl, expires, dims, vectors)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (namespace, key) DO UPDATE SET value = excluded.value, updated = excluded.updated, ttl = excluded.ttl,
    expires = excluded.expires, dims = excluded.dims, vectors = excluded.vectors
"""
_DELETE = "DELETE FROM store_items WHERE namespace = ? AND key = ?"
_SWEEP = "DELETE FROM store_items WHERE expires <= ?"


class SqliteStore(Backend):
    """A store in a file, for sync and async code alike; two kernels may use it at once.

    Args:
        conn: path of the file, which is made when missing; or an open connection that was
            made with ``check_same_thread=False``.
        index: how items are found by meaning; None if they are not.
        ttl: how long they live; None if that is left to each ``put``.
        network: whether the file may be on a network file system; see ``SqliteSaver``.
    """

    _passing = (sqlite3.OperationalError,)  # the file is locked

    def __init__(
        self,
        conn: str | Path | sqlite3.Connection,
        *,
        index: IndexConfig | None = None,
        ttl: TTLConfig | None = None,
        network: bool = False,
    ) -> None:
        super().__init__(index, ttl)
        self._packing = _Encoded()
        self._file = SqliteFile(conn, Schema("store", MIGRATIONS), network=network)

    def __repr__(self) -> str:
        return f"SqliteStore({self._file.path!r})"

    @classmethod
    @contextmanager
    def from_conn_string(
        cls, conn_string: str | Path, *, index: IndexConfig | None = None, ttl: TTLConfig | None = None
    ) -> Iterator[SqliteStore]:
        """Open a file for the time of a ``with`` block."""
        store = cls(conn_string, index=index, ttl=ttl)
        try:
            yield store
        finally:
            store.close()

    def setup(self) -> None:
        """Do nothing: opening a file makes its tables. Kept for those who call it by habit."""

    def close(self) -> None:
        """Stop sweeping and close the file."""
        self.stop_ttl_sweeper()
        self._file.close()

    def sweep_ttl(self) -> int:
        """Remove what has expired, to free its space; returns how many items that were."""
        return self._file.transact(lambda connection: connection.execute(_SWEEP, (clock.wall(),)).rowcount)

    def _transact(self, work: Callable[[Rows], list[Any]], *, writing: bool) -> list[Any]:
        refreshed: list[Sequence[object]] = []

        def inside(connection: sqlite3.Connection) -> list[Any]:
            rows = _SqliteRows(connection)
            results = work(rows)
            refreshed.extend(rows.refreshed)
            return results

        results = self._file.transact(inside, writing=writing)
        if refreshed:
            self._file.write((_REFRESH, refreshed))
        return results

    async def _atransact(self, work: Callable[[Rows], list[Any]], *, writing: bool) -> list[Any]:
        return await offload(self._transact, work, writing=writing)


class _Encoded:
    """Values as the codec writes them."""

    pack = staticmethod(dumps)
    peek = staticmethod(loads)
    unpack = staticmethod(loads_whole)


class _SqliteRows:
    """The items of a file, inside of a transaction.

    Attributes:
        refreshed: parameters of what is to live longer. That is written in a transaction of its
            own: one that began by reading may be too late to write.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._execute = connection.execute
        self.refreshed: list[Sequence[object]] = []

    def one(self, namespace: Namespace, key: str, at: float) -> Kept | None:
        row = self._execute(_ONE, (_text(namespace), key, at)).fetchone()
        return None if row is None else _kept(*row)

    def below(self, prefix: Namespace, at: float, *, vectors: bool = False) -> Iterable[Kept]:
        rows = self._execute(f"{_INDEXED if vectors else _ITEM} {_BELOW}", (*_range(prefix), at)).fetchall()
        return (_kept(*row) for row in rows)

    def page(self, prefix: Namespace, at: float, limit: int, offset: int) -> list[Kept]:
        rows = self._execute(f"{_ITEM} {_BELOW} LIMIT ? OFFSET ?", (*_range(prefix), at, limit, offset))
        return [_kept(*row) for row in rows.fetchall()]

    def namespaces(self, at: float) -> Iterable[Namespace]:
        return [_parts(text) for (text,) in self._execute(_NAMESPACES, (at,)).fetchall()]

    def refresh(self, found: list[Kept], at: float) -> None:
        self.refreshed += [(at, _text(kept.namespace), kept.key, at) for kept in found]

    def put(self, item: Kept) -> None:
        place = (_text(item.namespace), item.key)
        times = (item.created, item.updated, item.ttl, item.expires)
        self._execute(_EXPIRE, (*place, item.created))
        self._execute(_PUT, (*place, item.value, *times, item.dims, item.vectors))

    def delete(self, namespace: Namespace, key: str) -> None:
        self._execute(_DELETE, (_text(namespace), key))


def _kept(namespace: str, key: str, *rest: Any) -> Kept:  # noqa: ANN401  # the other columns, in their order
    return Kept(_parts(namespace), key, *rest)


def _text(namespace: Namespace) -> str:
    return "".join(f"{part}." for part in namespace)


def _parts(text: str) -> Namespace:
    return tuple(text.split(".")[:-1])


def _range(prefix: Namespace) -> tuple[str, str | bytes]:
    """Return what is not after, and what is after, all namespaces that begin so."""
    text = _text(prefix)
    return (text, f"{text[:-1]}/") if text else ("", b"")  # a slash comes after a dot, bytes after all texts
