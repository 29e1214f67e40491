"""Runs kept in one SQLite file: the saver, its large values, and who works on which thread."""

from __future__ import annotations

from nbflow.checkpoint.sqlite.saver import MIGRATIONS, SqliteSaver

__all__ = ["MIGRATIONS", "SqliteSaver"]
