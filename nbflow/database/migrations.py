"""Which layout the tables of a file have: one version for each component that keeps tables there.

A saver, a store and a cache may share a file, so each counts its own migrations, in the table
``nbflow_schema(component, version)``. A file from before that table has the saver's version in
``PRAGMA user_version``; it is read from there and left as it is.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from functools import cache
from typing import NamedTuple

from nbflow.errors import CorruptFileError, NewerFormatError, ReadOnlyFileError

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


def check_objects(connection: sqlite3.Connection, path: str, schema: Schema) -> None:
    """Make sure that the tables of one component are those that its migrations make, and nothing hangs on them.

    A file can hold whatever SQL its maker liked: triggers on our tables, views in their place, columns that are
    computed. All that would run when they are used, for as long as it likes.

    Raises:
        CorruptFileError: if they are not.
    """
    expected = _expected(schema)
    found = {name: (kind, _plain(sql)) for kind, name, sql in connection.execute(_OBJECTS) if name in expected}
    for name, (kind, sql) in expected.items():
        if found.get(name) != (kind, sql):
            what = f"its {kind} {name!r} is not as nbflow makes it"
            raise CorruptFileError(path, f"{what}; do not trust it, restore a copy, or move it away to begin anew")
    _check_foreign(connection, path, expected)


_OBJECTS = "SELECT type, name, sql FROM sqlite_master WHERE type <> 'trigger'"


@cache
def _expected(schema: Schema) -> dict[str, tuple[str, str]]:
    """Return the objects that a component's migrations make, by name: their kinds and their SQL."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    try:
        for script in (*schema.migrations, _TABLE):
            for statement in script.split(";"):
                connection.execute(statement)
        return {name: (kind, _plain(sql)) for kind, name, sql in connection.execute(_OBJECTS)}
    finally:
        connection.close()


def _plain(sql: object) -> str:
    """Return SQL without what versions of SQLite write in different ways: blanks and quotes."""
    return "".join(str(sql).split()).replace('"', "").lower()


def _check_foreign(connection: sqlite3.Connection, path: str, ours: Mapping[str, object]) -> None:
    """Make sure that nothing of somebody else's hangs on tables of ours, or stands in their place."""
    for kind, name, table in connection.execute("SELECT type, name, tbl_name FROM sqlite_master"):
        on_ours = str(table).lower() in ours
        if on_ours and (kind == "trigger" or (kind == "view" and name != "log") or _is_foreign_index(kind, name, ours)):
            what = f"it has the {kind} {name!r} on {table!r}, which nbflow did not make"
            raise CorruptFileError(path, f"{what}; do not trust it, or drop that")


def _is_foreign_index(kind: str, name: str, ours: Mapping[str, object]) -> bool:
    """Whether an index is neither ours nor one of an earlier layout of ours."""
    return kind == "index" and name not in ours and name != "runs" and not name.startswith("sqlite_autoindex_")


def check(connection: sqlite3.Connection, path: str, schema: Schema) -> None:
    """Make sure that a file that may only be read has the tables of one component.

    Raises:
        NewerFormatError: if they were made by a later nbflow.
        ReadOnlyFileError: if they were made by an earlier one, or not at all.
    """
    version = _version(connection, path, schema)
    if version == len(schema.migrations):
        check_objects(connection, path, schema)
    else:
        found = f"format {version}" if version else f"no tables of nbflow's {schema.component}"
        raise ReadOnlyFileError(path, f"it has {found}; open it once for writing to bring it up to date")


def migrate(connection: sqlite3.Connection, path: str, schema: Schema) -> None:
    """Bring the tables of one component up to date; those of others stay as they are.

    Raises:
        NewerFormatError: if they were made by a later nbflow; nothing was touched.
    """
    if _version(connection, path, schema) == len(schema.migrations):
        check_objects(connection, path, schema)
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        _check_foreign(connection, path, _expected(schema))
        version = _version(connection, path, schema)  # another process may have been quicker
        for script in schema.migrations[version:]:
            for statement in script.split(";"):
                connection.execute(statement)
        connection.execute(_TABLE)
        check_objects(connection, path, schema)
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
    version = found[0] if found else 0
    if type(version) is not int or version < 0:
        raise CorruptFileError(path, f"it says that it has format {version!r}; restore a copy, or move it away")
    if version > len(schema.migrations):
        raise NewerFormatError(path, version, len(schema.migrations))
    return version
