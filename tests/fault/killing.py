"""Kills a workflow at random moments, again and again, and looks at what is left; run as a script.

It forks before anything has started a thread: the child works, the parent kills it after a time; every other time
the child kills itself instead as a task begins, which is in the middle of the work on any machine. Prints one line
of JSON: how often it was killed, how often in the middle of the work, and what went wrong.
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
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbflow
from nbflow import SqliteSaver
from nbflow.core.record import CallReturned
from nbflow.errors import CallInterruptedError

TASKS = 10
PAID = 3  # of them must not happen twice
EXPECTED = sum(n * n for n in range(TASKS)) + TASKS - 1


def effects(folder: Path) -> list[str]:
    """Return what tasks have done to the world, in order."""
    log = folder / "effects.log"
    return log.read_text().split() if log.exists() else []


def flow_in(folder: Path, left: float = math.inf) -> Any:
    """Return the workflow; the process ends when so many tasks have begun in it."""

    def note(what: str) -> None:
        nonlocal left
        with (folder / "effects.log").open("a") as log:
            log.write(f"{what}\n")
        left -= 1
        if left <= 0:
            os.kill(os.getpid(), signal.SIGKILL)

    @nbflow.task
    def square(n: int) -> int:
        note(f"square{n}")
        time.sleep(0.0005)
        return n * n

    @nbflow.task(at_most_once=True)
    def pay(n: int) -> int:
        note(f"pay{n}")
        return n * n

    def paid(future: Any, n: int) -> int:
        try:
            return int(future.result())
        except CallInterruptedError:  # a person would look it up
            return n * n

    @nbflow.task
    def total(numbers: list[int]) -> int:
        note("total")
        return sum(numbers) + square(1).result() * (TASKS - 1)

    @nbflow.entrypoint(checkpointer=SqliteSaver(folder / "runs.db"))
    def body(count: int) -> int:
        first = [square(n).result() for n in range(count // 2)]
        rest = [square(n) for n in range(count // 2, count - PAID)]
        once = [(pay(n), n) for n in range(count - PAID, count)]
        return total(first + [future.result() for future in rest] + [paid(*one) for one in once]).result()

    return body


def in_child(work: Callable[[], None]) -> int:
    """Return the id of a new process that works and ends."""
    child = os.fork()
    if child:
        return child
    try:
        work()
        os._exit(0)
    except BaseException as error:
        sys.stderr.write(f"child: {error!r}\n")
        os._exit(1)


def go_on(folder: Path, thread: str, left: float = math.inf) -> None:
    config: Any = {"configurable": {"thread_id": thread}}
    body = flow_in(folder, left)
    started = body.last_run(config) is not None
    result = body.invoke(None if started else TASKS, config)
    (folder / "result.txt").write_text(json.dumps([thread, result]))


def durable(folder: Path, thread: str) -> set[str]:
    """Return the effects whose results are on disk."""
    if not (folder / "runs.db").exists():
        return set()
    saver = SqliteSaver(folder / "runs.db", read_only=True)
    records = nbflow.read_run(saver, thread)
    saver.close()
    names = {record.path: record for record in records if isinstance(record, CallReturned)}
    return {f"square{n}" for n in range(TASKS) if f"0.{n}" in names} | ({"total"} if f"0.{TASKS}" in names else set())


def main(folder: Path, kills: int, seed: int) -> dict[str, Any]:
    chance = random.Random(seed)
    wrong: list[str] = []
    in_the_middle = 0
    os.waitpid(in_child(lambda: go_on(folder, "warm-up")), 0)
    began = time.monotonic()
    os.waitpid(in_child(lambda: go_on(folder, "timing")), 0)
    length = time.monotonic() - began
    for number in range(kills):
        thread = f"t{number}"
        (folder / "effects.log").unlink(missing_ok=True)
        left = chance.randint(2, TASKS + 1) if number % 2 else math.inf
        child = in_child(lambda thread=thread, left=left: go_on(folder, thread, left))  # type: ignore[misc]  # bound now
        if left == math.inf:
            time.sleep(chance.uniform(0.3, 1.0) * length)
            os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        kept, done = durable(folder, thread), effects(folder)
        in_the_middle += 0 < len(kept) <= TASKS
        _, status = os.waitpid(in_child(lambda thread=thread: go_on(folder, thread)), 0)  # type: ignore[misc]  # as above
        again = effects(folder)[len(done) :]
        result = json.loads((folder / "result.txt").read_text()) if status == 0 else None
        if result != [thread, EXPECTED]:
            wrong.append(f"{thread}: {result} with status {status}")
        # total calls square(1) once more, so that one may be there again
        twice = [effect for effect in again if effect in kept and effect != "square1"]
        paid = Counter(effect for effect in effects(folder) if effect.startswith("pay"))
        if max(paid.values(), default=0) > 1:
            wrong.append(f"{thread}: happened twice: {paid}")
        if twice:
            wrong.append(f"{thread}: ran again although durable: {twice}")
    (check,) = sqlite3.connect(folder / "runs.db").execute("PRAGMA integrity_check").fetchone()
    return {"kills": kills, "in_the_middle": in_the_middle, "wrong": wrong, "integrity": check}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))))
