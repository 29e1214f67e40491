"""A cache in one SQLite file, which a saver and a store may share.

Table ``cache_entries`` holds one row per value; a namespace is its parts as a JSON list.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path

from nbflow._support import clock
from nbflow.cache.base import BaseCache, FullKey, Namespace, checked_keys, checked_namespaces, encoded
from nbflow.codec import loads_whole
from nbflow.database.migrations import Schema
from nbflow.database.sqlite import SqliteFile, Statement
from nbflow.errors import CorruptValueError

MIGRATIONS = (
    """
    CREATE TABLE cache_entries (
        namespace TEXT NOT NULL,
        key TEXT NOT NULL,
        expires REAL,
        value BLOB NOT NULL,
        PRIMARY KEY (namespace, key)
    );
    CREATE INDEX cache_expiry ON cache_entries (expires) WHERE expires IS NOT NULL
    """,
)
_GET = "SELECT value FROM cache_entries WHERE namespace = ? AND key = ? AND (expires IS NULL OR expires > ?)"
_SET = "INSERT OR REPLACE INTO cache_entries (namespace, key, value, expires) VALUES (?, ?, ?, ?)"
_SWEEP = "DELETE FROM cache_entries WHERE expires <= ?"
_SWEEP_EVERY = 100  # writes; the first one of an object among them


class SqliteCache(BaseCache):
    """A cache in a file, for sync and async code alike; two kernels may use it at once.

    Args:
        path: of the file, which is made when missing; or an open connection that was made with
            ``check_same_thread=False``.
        network: whether the file may be on a network file system; see ``SqliteSaver``.
        serde: only what is the default: None, or a ``JsonPlusSerializer()``; kept for LangGraph's users.
    """

    def __init__(self, path: str | Path | sqlite3.Connection, *, network: bool = False, serde: object = None) -> None:
        if serde is not None:
            from nbflow.checkpoint.serde.base import check_serde  # noqa: PLC0415  # hardly ever given

            check_serde("SqliteCache()", serde)
        self._file = SqliteFile(path, Schema("cache", MIGRATIONS), network=network)
        self._writes = 0

    def __repr__(self) -> str:
        return f"SqliteCache({self._file.path!r})"

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def get(self, keys: Sequence[FullKey]) -> dict[FullKey, object]:
        """Return copies of the values that are there and have not expired."""
        at = clock.wall()
        values: dict[FullKey, object] = {}
        for key in checked_keys("get()", keys):
            for (data,) in self._file.read(_GET, (_text(key[0]), key[1], at)):
                try:
                    values[key] = loads_whole(data)  # type: ignore[arg-type]  # the column's declared type
                except CorruptValueError:  # it was damaged, or its class is gone: as good as not there
                    continue
        return values

    def set(self, pairs: Mapping[FullKey, tuple[object, int | float | None]]) -> None:
        """Keep copies of values; see ``BaseCache``."""
        entries = encoded(pairs)
        if not entries:
            return
        statements: list[Statement] = [(_SET, [(_text(key[0]), key[1], *rest) for key, *rest in entries])]
        if self._writes % _SWEEP_EVERY == 0:
            statements.append((_SWEEP, [(clock.wall(),)]))
        self._writes += 1
        self._file.write(*statements)

    def clear(self, namespaces: Sequence[Namespace] | None = None) -> None:
        """Forget the values of exactly these namespaces; None forgets all."""
        if namespaces is None:
            self._file.write(("DELETE FROM cache_entries", [()]))
        elif gone := [(_text(namespace),) for namespace in checked_namespaces("clear()", namespaces)]:
            self._file.write(("DELETE FROM cache_entries WHERE namespace = ?", gone))


def _text(namespace: Namespace) -> str:
    return json.dumps(namespace)
