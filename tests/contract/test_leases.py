"""One runner per thread: who holds it is told, the dead are taken over, the living are not."""

from __future__ import annotations

import multiprocessing
import os
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from nbflow import InMemorySaver, SqliteSaver, entrypoint
from nbflow.checkpoint.base import BaseCheckpointSaver, Row, RunKey
from nbflow.checkpoint.sqlite import leases
from nbflow.errors import ThreadBusyError

ROW = Row(0, "RunStarted", "0", b"", None)


@pytest.fixture(params=["memory", "sqlite"])
def saver(request: pytest.FixtureRequest, tmp_path: Path) -> BaseCheckpointSaver:
    return InMemorySaver() if request.param == "memory" else SqliteSaver(tmp_path / "runs.db")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "runs.db"


def test_the_second_runner_is_told_who_is_there(saver: BaseCheckpointSaver) -> None:
    saver.lease("t", "run 1 in process 7")
    with pytest.raises(ThreadBusyError, match="run 1 in process 7") as caught:
        saver.lease("t", "run 2")
    assert "take_away" in str(caught.value)
    assert saver.holder("t") == "run 1 in process 7"
    saver.lease("other", "run 2")
    saver.release("t", "run 1 in process 7")
    assert saver.holder("t") is None
    saver.lease("t", "run 2")


def test_a_thread_that_was_taken_away_is_free_and_its_old_runner_is_refused(saver: BaseCheckpointSaver) -> None:
    saver.lease("t", "stuck")
    saver.take_away("t")
    assert saver.holder("t") is None
    saver.lease("t", "new")
    with pytest.raises(ThreadBusyError, match="new"):
        saver.append(RunKey("t", "r"), [ROW], "stuck")
    saver.release("t", "stuck")
    assert saver.holder("t") == "new"
    saver.take_away("unknown")


def hold(path: Path) -> None:
    SqliteSaver(path).lease("t", "the one who dies")
    os._exit(0)


def test_the_lease_of_a_process_that_is_gone_is_taken_over(path: Path) -> None:
    child = multiprocessing.get_context("spawn").Process(target=hold, args=(path,))
    child.start()
    child.join(60)
    saver = SqliteSaver(path)
    assert saver.holder("t") is None
    saver.lease("t", "the heir")
    assert saver.holder("t") == "the heir"


def write(path: Path, process: str, beat: float | None) -> None:
    connection = sqlite3.connect(path)
    connection.execute("INSERT INTO leases VALUES ('t', 'far away', ?, ?, 1, 0)", (process, beat))
    connection.commit()
    connection.close()


@pytest.mark.parametrize("silent_for", [5.0, leases.STALE_SECONDS - 1])
def test_a_runner_on_another_machine_is_alive_as_long_as_its_heart_beats(
    path: Path, monkeypatch: pytest.MonkeyPatch, silent_for: float
) -> None:
    monkeypatch.setattr("nbflow.clock.wall", lambda: 1_000_000.0)
    saver = SqliteSaver(path)
    write(path, "moon/12/34", 1_000_000.0 - silent_for)
    with pytest.raises(ThreadBusyError, match=rf"far away on moon, heard of {silent_for:.0f} s ago"):
        saver.lease("t", "me")


def test_one_whose_heart_has_stopped_is_taken_over(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nbflow.clock.wall", lambda: 1_000_000.0)
    saver = SqliteSaver(path)
    write(path, "moon/12/34", 1_000_000.0 - leases.STALE_SECONDS - 1)
    saver.lease("t", "me")
    assert saver.holder("t") == "me"


def test_a_lease_from_before_heartbeats_is_kept(path: Path) -> None:
    saver = SqliteSaver(path)
    write(path, "moon/12/34", None)
    with pytest.raises(ThreadBusyError, match="moon"):
        saver.lease("t", "me")


def test_the_heart_beats_while_there_is_a_lease(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]
    monkeypatch.setattr("nbflow.clock.wall", lambda: now[0])
    saver = SqliteSaver(path)
    saver.lease("t", "me")
    now[0] = 1010.0
    assert saver._leases.beat()
    assert saver._file.read("SELECT beat FROM leases") == [(1010.0,)]
    saver.release("t", "me")
    assert not saver._leases.beat()


def test_a_file_that_was_closed_has_no_heart(path: Path) -> None:
    saver = SqliteSaver(path)
    saver.lease("t", "me")
    saver.close()
    assert not saver._leases.beat()
    assert saver._leases.idle


def test_a_run_that_has_lost_its_thread_can_not_write(path: Path) -> None:
    saver = SqliteSaver(path)
    config: Any = {"configurable": {"thread_id": "t"}}

    @entrypoint(checkpointer=saver)
    def body(n: int) -> int:
        saver.take_away("t")
        saver.lease("t", "somebody else")
        return n

    with pytest.raises(ThreadBusyError, match="somebody else"):
        body.invoke(1, config)
