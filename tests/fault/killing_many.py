"""Kills a process whose threads commit runs of their own at the same time; run as a script.

Run as ``python -m tests.fault.killing_many FOLDER KILLS SEED``. Every other time it kills itself when some results
were told of, which is in the middle of the work on any machine. Every task notes, after its caller was told of its
result, that it was; what was noted must be on the disk after the kill. Prints one line of JSON.
"""

from __future__ import annotations

import json
import math
import os
import random
import signal
import sqlite3
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import nbflow
from nbflow import SqliteSaver
from nbflow.core.record import CallReturned
from tests.fault.killing import in_child

RUNS, TASKS = 4, 12
EXPECTED = sum(n * n for n in range(TASKS)) + TASKS


def flow_in(folder: Path, left: float = math.inf) -> Any:
    """Return the workflow; the process ends when so many results were told of in it."""
    log = os.open(folder / "effects.log", os.O_APPEND | os.O_CREAT | os.O_WRONLY)

    def note(word: str, thread: str, n: int) -> None:
        nonlocal left
        os.write(log, f"{word} {thread} {n}\n".encode())
        left -= word == "told"
        if left <= 0:
            os.kill(os.getpid(), signal.SIGKILL)

    @nbflow.task
    def square(thread: str, n: int) -> int:
        note("ran", thread, n)
        return n * n

    @nbflow.entrypoint(checkpointer=SqliteSaver(folder / "runs.db"))
    def body(thread: str) -> int:
        total = 0
        for n in range(TASKS // 2):
            total += square(thread, n).result()
            note("told", thread, n)
        rest = [(n, square(thread, n)) for n in range(TASKS // 2, TASKS)]
        for n, future in rest:
            total += future.result()
            note("told", thread, n)
        return total + TASKS

    return body


def go_on(folder: Path, threads: list[str], left: float = math.inf) -> None:
    body = flow_in(folder, left)

    def one(thread: str) -> int:
        config: Any = {"configurable": {"thread_id": thread}}
        return int(body.invoke(None if body.last_run(config) is not None else thread, config))

    with ThreadPoolExecutor(len(threads)) as pool:
        results = dict(zip(threads, pool.map(one, threads), strict=True))
    (folder / "results.json").write_text(json.dumps(results))


def noted(folder: Path) -> Counter[tuple[str, str, int]]:
    """Return what happened how often: ``("ran" or "told", thread, task)``."""
    log = folder / "effects.log"
    lines = log.read_text().splitlines() if log.exists() else []
    return Counter((word, thread, int(n)) for word, thread, n in map(str.split, lines))


def durable(folder: Path, threads: list[str]) -> set[tuple[str, int]]:
    """Return the tasks whose results are on disk."""
    saver = SqliteSaver(folder / "runs.db", read_only=True)
    found = {
        (thread, int(record.path.split(".")[1]))
        for thread in threads
        for record in nbflow.read_run(saver, thread)
        if isinstance(record, CallReturned)
    }
    saver.close()
    return found


def main(folder: Path, kills: int, seed: int) -> dict[str, Any]:
    chance = random.Random(seed)
    wrong: list[str] = []
    in_the_middle = acknowledged = 0
    os.waitpid(in_child(lambda: go_on(folder, ["warm-up"])), 0)
    began = time.monotonic()
    os.waitpid(in_child(lambda: go_on(folder, [f"timing{n}" for n in range(RUNS)])), 0)
    length = time.monotonic() - began
    for number in range(kills):
        threads = [f"t{number}.{n}" for n in range(RUNS)]
        (folder / "effects.log").unlink(missing_ok=True)
        left = chance.randint(1, TASKS) if number % 2 else math.inf
        child = in_child(lambda threads=threads, left=left: go_on(folder, threads, left))  # type: ignore[misc]  # bound now
        if left == math.inf:
            time.sleep(chance.uniform(0.2, 1.0) * length)
            os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        kept, before = durable(folder, threads), noted(folder)
        told = {(thread, n) for word, thread, n in before if word == "told"}
        acknowledged += len(told)
        in_the_middle += 0 < len(kept) < RUNS * TASKS
        if told - kept:
            wrong.append(f"{number}: told as stored and not there: {sorted(told - kept)}")
        _, status = os.waitpid(in_child(lambda threads=threads: go_on(folder, threads)), 0)  # type: ignore[misc]  # as above
        results = json.loads((folder / "results.json").read_text()) if status == 0 else None
        if results != dict.fromkeys(threads, EXPECTED):
            wrong.append(f"{number}: {results} with status {status}")
        twice = [one for one in kept if noted(folder)["ran", *one] > before["ran", *one]]
        if twice:
            wrong.append(f"{number}: ran again although durable: {sorted(twice)}")
    (check,) = sqlite3.connect(folder / "runs.db").execute("PRAGMA integrity_check").fetchone()
    return {
        "kills": kills, "in_the_middle": in_the_middle, "acknowledged": acknowledged, "wrong": wrong,
        "integrity": check,
    }  # fmt: skip


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))))
