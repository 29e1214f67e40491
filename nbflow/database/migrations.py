"""Which layout the tables of a file have: one version for each component that keeps tables there.

A saver, a store and a cache may share a file, so each counts its own migrations, in the table
``nbflow_schema(component, version)``. A file from before that table has the saver's version in
``PRAGMA user_version``; it is read from there and left as it is.
"""

from __future__ import annotations

import sqlite3
from typing import NamedTuple

from nbflow.errors import NewerFormatError, ReadOnlyFileError

_TABLE = """
CREATE TABLE IF NOT EXISTS nbflow_schema (component TEXT PRIMARY KEY, version INTEGER NOT NULL) WITHOUT ROWID
"""
_HAS_TABLE = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'nbflow_schema'"
_VERSION = "SELECT version FROM nbflow_schema WHERE component = ?"
_MARKED_IN_HEAD = "checkpoints"  # the one component of files without the table


class Schema(NamedTuple):
    """The tables of one component.

    Attributes:
        component: its name, such as ``"store"``.
        migrations: scripts of SQL, the first of which makes the tables; version n has had n of them.
    """

    component: str
    migrations: tuple[str, ...]


def check(connection: sqlite3.Connection, path: str, schema: Schema) -> None:
    """Make sure that a file that may only be read has the tables of one component.

    Raises:
        NewerFormatError: if they were made by a later nbflow.
        ReadOnlyFileError: if they were made by an earlier one, or not at all.
    """
    version = _version(connection, path, schema)
    if version < len(schema.migrations):
        found = f"format {version}" if version else f"no tables of nbflow's {schema.component}"
        raise ReadOnlyFileError(path, f"it has {found}; open it once for writing to bring it up to date")


def migrate(connection: sqlite3.Connection, path: str, schema: Schema) -> None:
    """Bring the tables of one component up to date; those of others stay as they are.

    Raises:
        NewerFormatError: if they were made by a later nbflow; nothing was touched.
    """
    if _version(connection, path, schema) == len(schema.migrations):
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        version = _version(connection, path, schema)  # another process may have been quicker
        for script in schema.migrations[version:]:
            for statement in script.split(";"):
                connection.execute(statement)
        connection.execute(_TABLE)
        connection.execute(
            "INSERT OR REPLACE INTO nbflow_schema VALUES (?, ?)", (schema.component, len(schema.migrations))
        )
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _version(connection: sqlite3.Connection, path: str, schema: Schema) -> int:
    found = None
    if connection.execute(_HAS_TABLE).fetchone():
        found = connection.execute(_VERSION, (schema.component,)).fetchone()
    if found is None and schema.component == _MARKED_IN_HEAD:
        found = connection.execute("PRAGMA user_version").fetchone()
    version = int(found[0]) if found else 0
    if version > len(schema.migrations):
        raise NewerFormatError(path, version, len(schema.migrations))
    return version
