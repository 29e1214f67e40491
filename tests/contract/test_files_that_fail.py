"""Files that can't be used: damaged, full, read-only, on a network; each told in plain words."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from nbflow import Command, SqliteSaver, entrypoint, interrupt
from nbflow.database import opening
from nbflow.errors import (
    CorruptFileError,
    DiskFullError,
    NetworkFileError,
    NewerFormatError,
    ReadOnlyFileError,
    StorageError,
)

CONFIG: Any = {"configurable": {"thread_id": "t"}}


def flow_in(saver: SqliteSaver) -> Any:
    @entrypoint(checkpointer=saver)
    def body(text: Any) -> Any:
        return text, interrupt("?")

    return body


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "runs.db"


def test_a_file_that_is_no_database_is_told(path: Path) -> None:
    path.write_text("this is a text file, and long enough to be looked at as a database header " * 20)
    with pytest.raises(CorruptFileError, match="no SQLite database"):
        SqliteSaver(path)
    assert path.read_text().startswith("this is a text file")


def test_a_damaged_file_is_told(path: Path) -> None:
    with SqliteSaver.from_conn_string(path) as saver:
        for number in range(50):
            flow_in(saver).invoke("x" * 1000, {"configurable": {"thread_id": str(number)}})
    held = bytearray(path.read_bytes())
    held[8192:-4096] = os.urandom(len(held) - 8192 - 4096)
    path.write_bytes(held)

    def look() -> None:
        saver = SqliteSaver(path)
        for number in range(50):
            flow_in(saver).get_state({"configurable": {"thread_id": str(number)}})

    with pytest.raises(CorruptFileError, match="damaged"):
        look()


def test_a_full_disk_is_told_and_the_thread_goes_on_later(path: Path) -> None:
    connection = sqlite3.connect(path, check_same_thread=False)
    body = flow_in(SqliteSaver(connection))
    body.invoke("small", CONFIG)
    connection.execute("PRAGMA max_page_count = 12")
    with pytest.raises(DiskFullError, match="make room"):
        body.invoke(os.urandom(500_000), {"configurable": {"thread_id": "other"}})
    connection.execute("PRAGMA max_page_count = 100000")
    assert body.invoke(Command(resume="yes"), CONFIG) == ("small", "yes")
    connection.close()


def test_a_file_can_be_looked_at_without_writing(path: Path) -> None:
    with SqliteSaver.from_conn_string(path) as saver:
        flow_in(saver).invoke("text", CONFIG)
        looking = SqliteSaver(path, read_only=True)
        assert flow_in(looking).get_state(CONFIG).next == ("body",)
        assert looking.thread_ids() == ["t"]
        with pytest.raises(ReadOnlyFileError):
            flow_in(looking).invoke("more", CONFIG)
        flow_in(saver).invoke(Command(resume=1), CONFIG)
        assert flow_in(looking).get_state(CONFIG).values == ("text", 1)
        looking.close()


def test_a_file_to_look_at_has_to_exist(path: Path) -> None:
    with pytest.raises(StorageError, match="no such file"):
        SqliteSaver(path, read_only=True)
    assert not path.exists()


def test_a_file_of_somebody_else_s_is_not_looked_at_as_ours(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE birds (name TEXT)")
    connection.close()
    with pytest.raises(ReadOnlyFileError, match="no tables"):
        SqliteSaver(path, read_only=True)


def test_a_newer_file_is_left_alone(path: Path) -> None:
    SqliteSaver(path).close()
    connection = sqlite3.connect(path)
    connection.execute("UPDATE nbflow_schema SET version = 99")
    connection.commit()
    connection.close()
    for read_only in (False, True):
        with pytest.raises(NewerFormatError, match="upgrade"):
            SqliteSaver(path, read_only=read_only)


def test_a_network_file_system_is_told(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "file_system_of", lambda _: "nfs4")
    with pytest.raises(NetworkFileError, match=r"nfs4.*local disk.*network=True"):
        SqliteSaver(path)
    saver = SqliteSaver(path, network=True)
    flow_in(saver).invoke("text", CONFIG)
    assert flow_in(saver).invoke(Command(resume=1), CONFIG) == ("text", 1)
    assert not Path(f"{path}-wal").exists()


def test_the_kind_of_a_file_system_is_known(tmp_path: Path) -> None:
    assert opening.file_system_of(tmp_path) not in opening._NETWORK
    if Path("/proc/self/mounts").exists():
        assert opening.file_system_of(Path("/proc")) == "proc"
