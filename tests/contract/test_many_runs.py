"""Threads with many runs: opening the head costs what it cost at first, and the file stays in proportion."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from nbflow import SqliteSaver, entrypoint, task
from tests.amounts import often

CONFIG: Any = {"configurable": {"thread_id": "t"}}
RUNS, TASKS = often(300, 1000), 20


@task
def step(run: int, number: int) -> str:
    return f"{run:05d}{number:03d}" * 40  # 320 bytes, no two alike


def test_hundreds_of_runs_cost_no_more_to_open_than_one(tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    saver = SqliteSaver(path)
    connection = saver._file._connection

    def steps_of(work: Callable[[], object]) -> int:
        """Return how many instructions the database carries out for some work."""
        steps = [0]

        def count() -> int:
            steps[0] += 1
            return 0

        connection.set_progress_handler(count, 1)
        work()
        connection.set_progress_handler(None, 1)
        return steps[0]

    @entrypoint(checkpointer=saver)
    def body(run: int) -> int:
        return len([step(run, number).result() for number in range(TASKS)])

    def read() -> object:
        return body.get_state(CONFIG)

    body.invoke(0, CONFIG)
    first = steps_of(read), steps_of(lambda: body.invoke(1, CONFIG))
    for run in range(2, RUNS - 1):
        body.invoke(run, CONFIG)
    last = steps_of(read), steps_of(lambda: body.invoke(RUNS, CONFIG))
    assert last[0] < 1.5 * first[0]
    assert last[1] < 1.1 * first[1]

    saver._file.read("PRAGMA wal_checkpoint(TRUNCATE)")
    ((values,),) = saver._file.read("SELECT SUM(LENGTH(value)) FROM log")
    before = path.stat().st_size
    assert before < 3 * int(str(values))
    told = saver.prune(["t"])
    saver.vacuum()
    assert told.runs == RUNS - 1
    assert told.bytes > 0.9 * int(str(values))
    assert path.stat().st_size < before / 20
    assert read() is not None
