"""Large values: stored once however many records name them, smaller if that pays, gone with the last one."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from nbflow import Command, SqliteSaver, entrypoint, interrupt, task
from nbflow.checkpoint.sqlite import blobs
from nbflow.errors import CorruptRunError


def config(thread: str) -> Any:
    return {"configurable": {"thread_id": thread}}


@task
def load(size: int) -> bytes:
    return bytes(size)


@task
def draw(size: int) -> bytes:
    return os.urandom(size)


def held(path: Path, query: str) -> list[tuple[Any, ...]]:
    connection = sqlite3.connect(path)
    try:
        return connection.execute(query).fetchall()
    finally:
        connection.close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "runs.db"


def flow_in(saver: SqliteSaver) -> Any:
    @entrypoint(checkpointer=saver)
    def body(size: int) -> Any:
        large = draw(size).result()
        return large, load(size).result(), interrupt("?")

    return body


def test_a_large_value_comes_back_after_a_restart(path: Path) -> None:
    with SqliteSaver.from_conn_string(path) as saver:
        flow_in(saver).invoke(300_000, config("t"))
    with SqliteSaver.from_conn_string(path) as saver:
        drawn, loaded, answer = flow_in(saver).invoke(Command(resume=1), config("t"))
    assert (len(drawn), loaded, answer) == (300_000, bytes(300_000), 1)


def test_it_is_stored_once_however_many_runs_name_it(path: Path) -> None:
    saver = SqliteSaver(path)

    @entrypoint(checkpointer=saver)
    def body(size: int) -> int:
        return len(draw(size).result())

    body.invoke(500_000, config("t"))
    for _ in range(5):
        body.invoke(500_000, config("t"), reuse=True)
    assert held(path, "SELECT COUNT(*) FROM blobs WHERE size > 4096") == [(1,)]
    assert path.stat().st_size + Path(f"{path}-wal").stat().st_size < 1_500_000
    assert 500_000 < saver.size() < 520_000


def test_what_compresses_takes_less_room_and_what_does_not_is_left_alone(path: Path) -> None:
    with SqliteSaver.from_conn_string(path) as saver:
        flow_in(saver).invoke(100_000, config("t"))
    plain, packed = sorted(
        held(path, "SELECT size, form, LENGTH(data) FROM blobs WHERE size > 4096"), key=lambda row: row[1]
    )
    assert plain[1:] == (0, plain[0])
    assert packed[1] == 1
    assert packed[2] < 1000


def test_it_goes_with_the_last_run_that_names_it(path: Path) -> None:
    saver = SqliteSaver(path)

    @entrypoint(checkpointer=saver)
    def body(size: int) -> int:
        return len(draw(size).result())

    body.invoke(50_000, config("t"))
    body.invoke(50_000, config("t"), reuse=True)
    body.invoke(60_000, config("other"))
    saver.prune(["t"])
    assert held(path, "SELECT COUNT(*) FROM blobs WHERE size > 4096") == [(2,)]
    saver.delete_thread("t")
    assert held(path, "SELECT COUNT(*) FROM blobs WHERE size > 4096") == [(1,)]
    saver.delete_thread("other")
    assert held(path, "SELECT COUNT(*) FROM blobs") == [(0,)]


def test_damage_to_it_is_told(path: Path) -> None:
    with SqliteSaver.from_conn_string(path) as saver:
        flow_in(saver).invoke(100_000, config("t"))
    connection = sqlite3.connect(path)
    connection.execute("UPDATE blobs SET data = zeroblob(LENGTH(data))")
    connection.commit()
    connection.close()
    with SqliteSaver.from_conn_string(path) as saver, pytest.raises(CorruptRunError, match="large value"):
        flow_in(saver).invoke(Command(resume=1), config("t"))


@pytest.mark.parametrize(
    "value", [bytes(10_000), os.urandom(10_000), os.urandom(70_000) + bytes(10**6), b"ab" * 99_999]
)
def test_packing_loses_nothing(value: bytes) -> None:
    blob = blobs.pack(value)
    assert blob.size == len(value)
    assert len(blob.data) <= len(value)
    assert blobs.unpack(*blob) == value


def test_a_file_of_the_first_layout_is_brought_up_to_date(path: Path) -> None:
    from nbflow.checkpoint.sqlite import MIGRATIONS

    connection = sqlite3.connect(path)
    for statement in MIGRATIONS[0].split(";"):
        connection.execute(statement)
    connection.execute("PRAGMA user_version = 1")
    connection.close()
    with SqliteSaver.from_conn_string(path) as saver:
        flow_in(saver).invoke(100_000, config("t"))
        assert flow_in(saver).invoke(Command(resume=1), config("t"))[2] == 1
