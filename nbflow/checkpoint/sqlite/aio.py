"""The saver under the name that async programs know; one object serves sync and async code alike."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from nbflow.checkpoint.shared import awaited
from nbflow.checkpoint.sqlite.saver import SqliteSaver

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

__all__ = ["AsyncSqliteSaver"]


class AsyncSqliteSaver(SqliteSaver):
    """A ``SqliteSaver`` that is opened by ``async with``."""

    @classmethod
    @asynccontextmanager
    async def from_conn_string(cls, conn_string: str | Path) -> AsyncIterator[AsyncSqliteSaver]:  # type: ignore[override]  # LangGraph's
        """Open a file for the time of an ``async with`` block."""
        saver = cls(conn_string)
        try:
            yield saver
        finally:
            saver.close()

    setup = awaited(SqliteSaver.setup)  # type: ignore[assignment]  # LangGraph's
