"""A process that was forked while connections were open: the child has its own, or says that it can't."""

from __future__ import annotations

import os
import sqlite3
import threading
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nbflow import SqliteCache, SqliteSaver, SqliteStore, entrypoint, task
from nbflow._support import clock
from nbflow.checkpoint.base import Row, RunKey
from nbflow.database import forking
from nbflow.errors import ThreadBusyError

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no forks")


def in_child(work: Callable[[], object]) -> str:
    """Return what work said in a child process."""
    told, tell = os.pipe()
    child = os.fork()
    if not child:
        try:
            said = repr(work())
        except BaseException as error:
            said = f"{type(error).__name__}: {error}"
            traceback.print_exc()
        os.write(tell, said.encode())
        os._exit(0)
    os.close(tell)
    with os.fdopen(told) as words:
        said = words.read()
    os.waitpid(child, 0)
    return said


def rows(*numbers: int) -> list[Row]:
    return [Row(number, "CallReturned", "0.0", b"head", b"value") for number in numbers]


A = RunKey("t", "a")


def test_a_child_reads_and_writes_with_a_connection_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    saver, store, cache = SqliteSaver(path), SqliteStore(path), SqliteCache(path=path)
    saver.append(A, rows(0), "parent")
    store.put(("a",), "k", {"n": 1})

    def work() -> object:
        saver.append(A, rows(1), "child")
        cache.set({(("a",), "key"): (5, None)})
        item = store.get(("a",), "k")
        return [row.seq for row in saver.rows(A)], item and item.value

    assert in_child(work) == "([0, 1], {'n': 1})"
    saver.append(A, rows(2), "parent")
    assert saver.rows(A) == rows(0, 1, 2)
    assert cache.get([(("a",), "key")]) == {(("a",), "key"): 5}
    connection = sqlite3.connect(tmp_path / "runs.db")
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()


def test_children_of_a_process_whose_threads_write_all_the_time(tmp_path: Path) -> None:
    saver = SqliteSaver(tmp_path / "runs.db")
    over = threading.Event()
    written = [0, 0]

    def write(place: int) -> None:
        while not over.is_set():
            saver.append(RunKey("t", f"w{place}"), rows(written[place]), "me")
            written[place] += 1

    writers = [threading.Thread(target=write, args=(place,), daemon=True) for place in range(2)]
    for writer in writers:
        writer.start()
    try:
        for number in range(20):
            run = RunKey("t", f"child{number}")
            assert in_child(lambda run=run: saver.append(run, rows(0, 1), "me")) == "None"  # type: ignore[misc]  # bound now
    finally:
        over.set()
        for writer in writers:
            writer.join()
    assert [len(saver.rows(RunKey("t", f"w{place}"))) for place in range(2)] == written
    assert all(len(saver.rows(RunKey("t", f"child{number}"))) == 2 for number in range(20))


def test_a_child_runs_workflows(tmp_path: Path) -> None:
    @task
    def double(n: int) -> int:
        return n * 2

    @entrypoint(checkpointer=SqliteSaver(tmp_path / "runs.db"))
    def body(n: int, previous: Any) -> Any:
        return [previous, double(n).result()]

    config: Any = {"configurable": {"thread_id": "t"}}
    body.invoke(1, config)
    assert in_child(lambda: body.invoke(2, config)) == "[[None, 2], 4]"
    assert body.invoke(3, config) == [[[None, 2], 4], 6]


def test_what_can_not_be_opened_again_says_so(tmp_path: Path) -> None:
    given = sqlite3.connect(tmp_path / "given.db", check_same_thread=False)
    for saver, told in ((SqliteSaver(":memory:"), "in memory"), (SqliteSaver(given), "handed in")):
        said = in_child(lambda saver=saver: saver.append(A, rows(0), "child"))  # type: ignore[misc]  # bound now
        assert said.startswith("StorageError")
        assert told in said
        saver.append(A, rows(0), "parent")
    given.close()


def test_a_file_that_was_in_use_at_that_moment_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forking, "PATIENCE", 0.01)
    saver = SqliteSaver(tmp_path / "runs.db")
    saver.append(A, rows(0), "parent")
    began, go_on = threading.Event(), threading.Event()

    def hold(_: sqlite3.Connection) -> None:
        began.set()
        go_on.wait(30)

    holder = threading.Thread(target=saver._file.commit, args=(hold,))
    holder.start()
    began.wait(30)
    said = in_child(lambda: saver.append(A, rows(1), "child"))
    go_on.set()
    holder.join()
    assert said.startswith("StorageError")
    assert "was writing to it" in said
    saver.append(A, rows(1), "parent")


def test_a_lease_stays_with_the_process_that_took_it(tmp_path: Path) -> None:
    saver = SqliteSaver(tmp_path / "runs.db")
    saver.lease("t", "me")

    def work() -> None:
        saver.release("t", "you")
        with pytest.raises(ThreadBusyError, match="me"):
            saver.append(A, rows(0), "me")
        with pytest.raises(ThreadBusyError, match="me"):
            saver.lease("t", "other")

    assert in_child(work) == "None"
    assert saver.holder("t") == "me"
    saver.append(A, rows(0), "me")


def test_ids_are_drawn_in_a_child_whose_parent_was_drawing_one() -> None:
    """The lock of the ids is held by a thread that is not there in the child."""
    with clock._lock:
        assert len(in_child_of_another_thread(clock.new_id)) == 38


def in_child_of_another_thread(work: Callable[[], object]) -> str:
    told: list[str] = []
    thread = threading.Thread(target=lambda: told.append(in_child(work)))
    thread.start()
    thread.join(30)
    return told[0] if told else ""
