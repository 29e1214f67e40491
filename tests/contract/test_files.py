"""What a database file promises to those who share it."""

from __future__ import annotations

import gc
import sqlite3
from collections.abc import Callable
from pathlib import Path
from threading import Thread

import pytest

from nbflow.cache.sqlite import SqliteCache
from nbflow.checkpoint.base import Row, RunKey
from nbflow.checkpoint.sqlite import MIGRATIONS, SqliteSaver
from nbflow.database.migrations import Schema
from nbflow.database.sqlite import SqliteFile
from nbflow.errors import CorruptFileError, NewerFormatError
from nbflow.store.sqlite import SqliteStore

RUN = RunKey("t", "r")
ROW = Row(0, "RunStarted", "", b"head", None)
NOTES = Schema("notes", ("CREATE TABLE notes (text TEXT)",))


def versions(path: Path) -> dict[str, int]:
    with sqlite3.connect(path) as connection:
        found = dict(connection.execute("SELECT component, version FROM nbflow_schema"))
    connection.close()
    return found


def old_file(path: Path) -> None:
    """Make a file as it was before components were counted apart."""
    with sqlite3.connect(path) as connection:
        connection.executescript(MIGRATIONS[0] + "; PRAGMA user_version=1")
        connection.execute("INSERT INTO records VALUES (?, ?, ?, ?, ?, ?, ?)", (*RUN, *ROW))
    connection.close()


def test_a_file_from_before_components_still_opens(tmp_path: Path) -> None:
    old_file(tmp_path / "old.db")
    for _ in range(2):
        saver = SqliteSaver(tmp_path / "old.db")
        assert saver.rows(RUN) == [ROW]
        saver.close()


def test_a_file_from_before_components_takes_other_components_too(tmp_path: Path) -> None:
    old_file(tmp_path / "old.db")
    SqliteFile(tmp_path / "old.db", NOTES).close()
    saver = SqliteSaver(tmp_path / "old.db")
    assert saver.rows(RUN) == [ROW]
    saver.close()
    assert versions(tmp_path / "old.db") == {"checkpoints": len(MIGRATIONS), "notes": 1}


def test_each_component_has_its_own_version(tmp_path: Path) -> None:
    SqliteSaver(tmp_path / "new.db").close()
    more = Schema("notes", (*NOTES.migrations, "ALTER TABLE notes ADD at REAL; CREATE INDEX late ON notes (at)"))
    for schema in (NOTES, more):
        SqliteFile(tmp_path / "new.db", schema).close()
    assert versions(tmp_path / "new.db") == {"checkpoints": len(MIGRATIONS), "notes": 2}
    with pytest.raises(NewerFormatError, match=r"format 2, .* up to 1"):
        SqliteFile(tmp_path / "new.db", NOTES)
    SqliteSaver(tmp_path / "new.db").close()


def test_a_later_layout_from_before_components_is_refused(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "old.db") as connection:
        connection.execute("PRAGMA user_version=7")
    connection.close()
    with pytest.raises(NewerFormatError, match="format 7"):
        SqliteSaver(tmp_path / "old.db")


def test_a_migration_that_fails_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "new.db"
    with pytest.raises(CorruptFileError, match="NONSENSE"):
        SqliteFile(path, Schema("notes", ("CREATE TABLE notes (text TEXT); CREATE NONSENSE",)))
    SqliteFile(path, NOTES).close()
    assert versions(path) == {"notes": 1}


@pytest.mark.parametrize("opened", [SqliteSaver, SqliteStore, SqliteCache])
def test_a_file_that_is_let_go_of_is_closed(tmp_path: Path, opened: Callable[[Path], SqliteSaver]) -> None:
    holder = opened(tmp_path / "one.db")
    connection = holder._file._connection
    del holder
    gc.collect()
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        connection.execute("SELECT 1")


def test_a_connection_that_was_given_stays_open(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "one.db", check_same_thread=False)
    SqliteSaver(connection)
    gc.collect()
    assert connection.execute("SELECT 1").fetchone() == (1,)
    connection.close()


def test_those_who_share_a_connection_take_turns(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "one.db", check_same_thread=False)
    saver, notes = SqliteSaver(connection), SqliteFile(connection, NOTES)
    other = Thread(target=saver.append, args=(RUN, [ROW], "me"))

    def write(inner: sqlite3.Connection) -> None:
        inner.execute("INSERT INTO notes VALUES ('a')")
        other.start()
        other.join(0.05)
        assert other.is_alive(), "it waits for the end of this transaction"

    notes.transact(write)
    other.join()
    assert saver.rows(RUN) == [ROW]
    connection.close()
