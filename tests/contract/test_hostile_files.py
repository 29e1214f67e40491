"""A file that somebody has put together: it is not opened, or it is read as far as it is ours, and reading ends."""

from __future__ import annotations

import os
import sqlite3
import stat
import sys
import zlib
from pathlib import Path
from typing import Any

import pytest

from nbflow import SqliteSaver, SqliteStore, entrypoint, read_run
from nbflow.checkpoint.sqlite import MIGRATIONS
from nbflow.errors import CorruptFileError, CorruptRunError, ReadOnlyFileError
from tests.contract.crafting import change

CONFIG: Any = {"configurable": {"thread_id": "t"}}
ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT"


def flow_in(saver: SqliteSaver) -> Any:
    @entrypoint(checkpointer=saver)
    def body(value: Any) -> Any:
        return value

    return body


@pytest.fixture
def path(tmp_path: Path) -> Path:
    with SqliteSaver.from_conn_string(tmp_path / "runs.db") as saver:
        flow_in(saver).invoke("x" * 20_000, CONFIG)
    return tmp_path / "runs.db"


HOSTILE = {
    "a view in the place of a table": (
        "DROP TABLE leases",
        f"CREATE VIEW leases AS {ENDLESS} i AS thread_id, i AS owner, i AS process, i AS beat, 1 AS token FROM n",
    ),
    "another view of ours": ("DROP VIEW log", f"CREATE VIEW log AS {ENDLESS} i FROM n"),
    "a trigger": (
        f"CREATE TRIGGER t AFTER INSERT ON records BEGIN INSERT INTO blobs {ENDLESS} i, i, i, i FROM n; END",
    ),
    "a trigger on deletion": ("CREATE TRIGGER t BEFORE DELETE ON runs BEGIN SELECT RAISE(IGNORE); END",),
    "a column that is computed": (
        "ALTER TABLE records ADD COLUMN more AS (hex(zeroblob(100000000)))",
    ),
    "an index over an expression": ("CREATE INDEX slow ON records (hex(zeroblob(1000000)))",),
    "a check": (
        "ALTER TABLE blobs RENAME TO old",
        "CREATE TABLE blobs (digest BLOB PRIMARY KEY, size INTEGER CHECK (randomblob(9) > 1), form, data)",
    ),
    "a table that is missing": ("DROP TABLE blobs",),
    "a view in the place of the versions": (
        "DROP TABLE nbflow_schema", "CREATE VIEW nbflow_schema AS SELECT 'checkpoints' AS component, 4 AS version",
    ),
    "a version that is none": ("UPDATE nbflow_schema SET version = 'four'",),
}  # fmt: skip


@pytest.mark.parametrize("read_only", [False, True])
@pytest.mark.parametrize("name", HOSTILE)
def test_it_is_not_opened(path: Path, name: str, *, read_only: bool) -> None:
    change(path, *HOSTILE[name])
    told = r"not as nbflow makes|did not make|says that it has|no tables of nbflow's"
    with pytest.raises((CorruptFileError, ReadOnlyFileError), match=told):
        SqliteSaver(path, read_only=read_only)


def test_one_of_an_earlier_layout_is_not_brought_up_to_date(tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    connection = sqlite3.connect(path)
    connection.executescript(MIGRATIONS[0] + "; PRAGMA user_version = 1")
    connection.execute(f"CREATE TRIGGER t AFTER DELETE ON records BEGIN {ENDLESS} i FROM n; END")
    connection.close()
    with pytest.raises(CorruptFileError, match="the trigger 't' on 'records'"):
        SqliteSaver(path)


def test_what_is_beside_our_tables_is_left_alone(path: Path) -> None:
    change(
        path,
        "CREATE TABLE birds (name TEXT)",
        "CREATE VIEW many AS SELECT * FROM birds",
        "CREATE INDEX by_name ON birds (name)",
        "CREATE TRIGGER tweet AFTER INSERT ON birds BEGIN DELETE FROM birds; END",
    )
    with SqliteSaver.from_conn_string(path) as saver:
        assert flow_in(saver).invoke(2, CONFIG) == 2
    SqliteStore(path).close()


def test_a_value_that_says_it_is_larger_than_it_is_takes_no_more(path: Path) -> None:
    bomb = zlib.compress(bytes(200_000_000), 9)
    connection = sqlite3.connect(path)
    connection.execute("UPDATE blobs SET form = 1, data = ?", (bomb,))
    for size in (20_000, 200_000_000, 2**40):
        connection.execute("UPDATE blobs SET size = ?", (size,))
        connection.commit()
        with SqliteSaver.from_conn_string(path) as saver, pytest.raises(CorruptRunError, match="large value"):
            read_run(saver, "t")
    connection.close()


def test_what_was_stored_before_the_damage_can_be_read(tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    with SqliteSaver.from_conn_string(path) as saver:

        @entrypoint(checkpointer=saver)
        def body(value: Any) -> Any:
            return value

        body.invoke(1, CONFIG)
    change(path, "UPDATE records SET head = x'00' WHERE kind = 'RunReturned'")
    with SqliteSaver.from_conn_string(path) as saver:
        with pytest.raises(CorruptRunError, match=r"first=2\) reads the 2 before") as caught:
            read_run(saver, "t")
        assert (caught.value.thread_id, caught.value.seq, caught.value.sound) == ("t", 2, 2)
        started, _ = read_run(saver, "t", first=caught.value.sound)
        assert started.value is not None
        assert started.value.get() == 1


CHANGES = {
    "lost": "DELETE FROM records WHERE id = {id}",
    "moved within the run": "UPDATE records SET id = id + 100 WHERE id = {id}",
    "moved to another run": "UPDATE records SET id = id + (1 << 32) WHERE id = {id}",
    "doubled": "INSERT INTO records SELECT id+9, kind, path, head, value, blob, seq, seal FROM records WHERE id = {id}",
    "renumbered": "UPDATE records SET seq = seq + 1 WHERE id = {id}",
    "made old": "UPDATE records SET seal = NULL WHERE id = {id}",
}


@pytest.mark.parametrize("place", [0, 1, 2])
@pytest.mark.parametrize("name", CHANGES)
def test_a_row_that_is_not_where_it_was_stored_is_told(tmp_path: Path, name: str, place: int) -> None:
    path = tmp_path / "runs.db"
    with SqliteSaver.from_conn_string(path) as saver:

        @entrypoint(checkpointer=saver)
        def body(value: Any) -> Any:
            return value

        saver_flow = body.with_checkpointer(saver)
        saver_flow.update_state(CONFIG, entrypoint.final(value=1, save=2))  # three records
    change(path, CHANGES[name].format(id=(1 << 32) + place))
    with SqliteSaver.from_conn_string(path) as saver, pytest.raises(CorruptRunError, match=r"run .* on thread 't'"):
        read_run(saver, "t")


def test_pages_that_refer_to_each_other_do_not_make_reading_endless(path: Path) -> None:
    """A tree of the records' table, eight levels deep, in which all children of a page are the same one."""
    connection = sqlite3.connect(path)
    ((root, size, count, last),) = connection.execute(
        "SELECT rootpage, page_size, page_count, (SELECT MAX(id) FROM records) FROM sqlite_master, "
        "pragma_page_size, pragma_page_count WHERE name = 'records'"
    )
    connection.close()
    data = bytearray(path.read_bytes())
    leaf = bytes(data[(root - 1) * size : root * size])
    assert leaf[0] == 13, "a leaf of a table, section 1.6 of sqlite.org/fileformat2.html"
    data += leaf
    for child in range(count + 1, count + 10):
        data += interior_page(size, child, last)
    data[(root - 1) * size : root * size] = data[-size:]
    data[28:32] = (len(data) // size).to_bytes(4, "big")
    path.write_bytes(data)
    with SqliteSaver.from_conn_string(path) as saver:
        for read in (lambda: read_run(saver, "t"), lambda: saver.sizes("t"), lambda: saver.prune(["t"])):
            with pytest.raises(CorruptFileError, match=r"circles|would not end|damaged"):
                read()


def interior_page(size: int, child: int, key: int) -> bytes:
    """Return a page whose 200 children are all the same one, each with the same greatest key."""
    groups = [key >> shift & 0x7F for shift in range(0, 63, 7) if key >> shift]
    cell = child.to_bytes(4, "big") + bytes([*(group | 0x80 for group in groups[:0:-1]), groups[0]])
    begin = size - 200 * len(cell)
    head = b"\x05\0\0" + (200).to_bytes(2, "big") + begin.to_bytes(2, "big") + b"\0" + child.to_bytes(4, "big")
    places = b"".join((begin + len(cell) * number).to_bytes(2, "big") for number in range(200))
    return (head + places).ljust(begin, b"\0") + cell * 200


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such permissions")
def test_a_new_file_is_its_owners_alone(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        with SqliteSaver.from_conn_string(tmp_path / "new" / "deep" / "runs.db") as saver:
            flow_in(saver).invoke(1, CONFIG)
            modes = {
                str(found.relative_to(tmp_path)): stat.S_IMODE(found.stat().st_mode) for found in tmp_path.rglob("*")
            }
    finally:
        os.umask(before)
    assert modes == {
        "new": 0o700, "new/deep": 0o700, "new/deep/runs.db": 0o600, "new/deep/runs.db-wal": 0o600,
        "new/deep/runs.db-shm": 0o600,
    }  # fmt: skip


def test_rows_that_hold_nothing_are_told(path: Path) -> None:
    """As a page of zeros leaves them, which no statement can."""
    declared = "sql = replace(sql, 'head BLOB{}', 'head BLOB{}') WHERE name = 'records'"
    for one, other, then in (
        (" NOT NULL", " ", "UPDATE records SET head = NULL, value = NULL, blob = NULL"),
        (" ", " NOT NULL", ""),
    ):
        with sqlite3.connect(path) as connection:
            connection.execute("PRAGMA writable_schema = ON")
            connection.execute(f"UPDATE sqlite_master SET {declared.format(one, other)}")
        connection.close()
        with sqlite3.connect(path) as connection:
            connection.execute(then)
        connection.close()
    with SqliteSaver.from_conn_string(path) as saver, pytest.raises(CorruptFileError, match="hold nothing"):
        saver.sizes("t")
