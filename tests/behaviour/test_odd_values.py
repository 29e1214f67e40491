"""Texts and numbers that storage and displays have no room for: kept, or refused where they enter."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from nbflow import Command, InMemorySaver, SqliteSaver, entrypoint, interrupt, task, threads
from nbflow.errors import InvalidOptionError, StorageError, UnserializableError

HALF = "\ud800"
VALUES = {
    "half a character": HALF, "zero byte": "a\0b", "control characters": "\x01\x1b[31m\x7f", "many digits": 10**5000,
    "all of it": {HALF: [10**5000, -(10**5000)]},
}  # fmt: skip


@pytest.fixture(params=["memory", "sqlite"])
def saver(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Any]:
    if request.param == "memory":
        yield InMemorySaver()
        return
    with SqliteSaver.from_conn_string(tmp_path / "runs.db") as saver:
        yield saver


def config(thread: str, **metadata: object) -> Any:
    return {"configurable": {"thread_id": thread, **metadata}}


@task
def echo(value: Any) -> Any:
    return value


@task
def fail(value: Any) -> Any:
    raise ValueError(value)


def flow_in(saver: Any) -> Any:
    @entrypoint(checkpointer=saver)
    def body(value: Any) -> Any:
        same, told = echo(value).result(), None
        try:
            fail(value).result()
        except ValueError as error:
            told = error.args[0]
        return [same, told, interrupt(value)]

    return body


@pytest.mark.parametrize("name", VALUES)
def test_a_value_comes_back_as_it_was(saver: Any, name: str) -> None:
    value, flow = VALUES[name], flow_in(saver)
    flow.invoke(value, config("t"))
    assert flow.get_state(config("t")).interrupts[0].value == value
    assert flow.invoke(Command(resume=value), config("t")) == [value] * 3
    assert flow.get_state(config("t")).values == [value] * 3
    assert len(flow.last_run(config("t")).calls) == 3
    assert next(state.values for state in flow.get_state_history(config("t"))) == [value] * 3


@pytest.mark.parametrize("thread", ["a\0b", "\x01\n\x1b[31m", "\U0001f600", "a" * 10_000])
def test_a_thread_id_may_hold_any_character(saver: Any, thread: str) -> None:
    flow = flow_in(saver)
    for one in (thread, f"{thread}2"):
        flow.invoke(1, config(one, note=thread))
    assert flow.invoke(Command(resume=2), config(thread)) == [1, 1, 2]
    assert saver.thread_ids() == sorted([thread, f"{thread}2"])
    assert {row.thread_id: row.status for row in threads(saver)} == {thread: "done", f"{thread}2": "asking"}
    saver.delete_thread(thread)
    assert saver.thread_ids() == [f"{thread}2"]


def test_half_a_character_is_refused_in_names_of_threads(saver: Any) -> None:
    flow = flow_in(saver)
    flow.invoke(1, config("t"))
    for use in (
        lambda: flow.invoke(1, config(f"t{HALF}")),
        lambda: flow.get_state(config(HALF)),
        lambda: saver.copy_thread("t", HALF),
        lambda: saver.delete_thread(HALF),
    ):
        with pytest.raises(InvalidOptionError, match="lone surrogates"):
            use()
    assert saver.thread_ids() == ["t"]
    assert saver.holder("t") is None


def test_half_a_character_is_refused_in_metadata(saver: Any) -> None:
    flow = flow_in(saver)
    with pytest.raises(UnserializableError, match="metadata"):
        flow.invoke(1, config("t", note=HALF))
    assert saver.thread_ids() == []
    flow.invoke(1, config("t"))


def test_the_port_says_so_too(tmp_path: Path) -> None:
    with SqliteSaver.from_conn_string(tmp_path / "runs.db") as saver, pytest.raises(StorageError, match="surrogate"):
        saver.runs(HALF)


def test_a_value_that_is_too_large_for_the_file_fails_its_call_alone() -> None:
    connection = sqlite3.connect(":memory:", check_same_thread=False)
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, 200_000)
    saver = SqliteSaver(connection)

    @task
    def draw(size: int) -> bytes:
        return os.urandom(size)

    @entrypoint(checkpointer=saver)
    def body(size: int) -> Any:
        try:
            return len(draw(size).result())
        except UnserializableError as error:
            return str(error)

    assert body.invoke(100_000, config("t")) == 100_000
    assert "SQLite stores 199000; store it in a file" in body.invoke(300_000, config("t"))
    assert body.invoke(1000, config("t")) == 1000
    connection.close()
