"""The store under the name that async programs know; one object serves sync and async code alike."""

from __future__ import annotations

from contextlib import asynccontextmanager, closing
from typing import TYPE_CHECKING

from nbflow.store.sqlite.store import SqliteStore

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from nbflow.store.base import IndexConfig, TTLConfig

__all__ = ["AsyncSqliteStore"]


class AsyncSqliteStore(SqliteStore):
    """A ``SqliteStore`` that is opened by ``async with``."""

    @classmethod
    @asynccontextmanager
    async def from_conn_string(  # type: ignore[override]  # LangGraph's
        cls, conn_string: str | Path, *, index: IndexConfig | None = None, ttl: TTLConfig | None = None
    ) -> AsyncIterator[AsyncSqliteStore]:
        """Open a file for the time of an ``async with`` block."""
        with closing(cls(conn_string, index=index, ttl=ttl)) as store:
            yield store

    async def setup(self) -> None:  # type: ignore[override]  # LangGraph's
        """Do nothing: opening a file makes its tables. Kept for those who await it by habit."""
