"""Long-term memory in a SQLite file."""

from __future__ import annotations

from nbflow.store.sqlite.store import MIGRATIONS, SqliteStore

__all__ = ["MIGRATIONS", "SqliteStore"]
