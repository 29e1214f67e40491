"""Interrupts a workflow at random moments, as Ctrl-C does, again and again in one process; run as a script.

Run as ``python -m tests.fault.interrupting FOLDER INTERRUPTIONS SEED``. A timer of the system sends SIGINT to the
process while threads of its own write runs of their own to the same file; every other time a task does so as it
begins, which is in the middle of a run on any machine. Prints one line of JSON: how often it
interrupted, how often in the middle of a run, and what went wrong: threads that stayed busy, records that were
told as stored and are not on the disk, resumes that did not end right, tasks that ran again although durable.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sqlite3
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbflow
from nbflow import SqliteSaver
from nbflow.checkpoint.base import Row, RunKey
from nbflow.core.record import CallReturned

TASKS = 6
EXPECTED = sum(n * n for n in range(TASKS)) + TASKS
NEIGHBOURS = 2


class Flows:
    """A sync and an async workflow over one file, and what their tasks have done."""

    def __init__(self, saver: SqliteSaver) -> None:
        self.done: Counter[tuple[str, int]] = Counter()
        self.acknowledged: set[tuple[str, int]] = set()
        self.until_signal = 0  # tasks that begin before one sends the signal; 0 for none

        @nbflow.task
        def square(thread: str, n: int) -> int:
            self.done[thread, n] += 1
            self.until_signal -= 1
            if self.until_signal == 0:
                os.kill(os.getpid(), signal.SIGALRM)
            return n * n

        @nbflow.task
        async def asquare(thread: str, n: int) -> int:
            return square.func(thread, n)  # type: ignore[return-value]  # the plain function

        @nbflow.entrypoint(checkpointer=saver, name="flow")
        def body(thread: str) -> int:
            total = 0
            for n in range(TASKS // 2):
                total += square(thread, n).result()
                self.acknowledged.add((thread, n))
            rest = [square(thread, n) for n in range(TASKS // 2, TASKS)]
            return total + sum(one.result() for one in rest) + TASKS

        @nbflow.entrypoint(checkpointer=saver, name="flow")
        async def abody(thread: str) -> int:
            total = 0
            for n in range(TASKS):
                total += await asquare(thread, n)
                self.acknowledged.add((thread, n))
            return total + TASKS

        self.kinds = (body, abody)


class Neighbours:
    """Threads that write rows of their own all the time, and note what they were told is stored."""

    def __init__(self, saver: SqliteSaver) -> None:
        self._saver = saver
        self._over = threading.Event()
        self.told: dict[RunKey, int] = {}
        self.errors: list[str] = []
        self._threads = [
            threading.Thread(target=self._work, args=(RunKey("neighbours", f"n{number}"),), daemon=True)
            for number in range(NEIGHBOURS)
        ]
        for thread in self._threads:
            thread.start()

    def _work(self, run: RunKey) -> None:
        number = 0
        while not self._over.wait(0.0002):
            try:
                self._saver.append(run, [Row(number, "CallReturned", "0.0", b"head", b"value")], "neighbour")
            except BaseException as error:
                self.errors.append(repr(error))
                return
            self.told[run] = number = number + 1

    def stop(self) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(60)


def interrupted(work: Callable[[], object], seconds: float) -> bool:
    """Run work with a Ctrl-C after some seconds, none of the timer's for 0; whether one came before the end."""
    try:
        signal.setitimer(signal.ITIMER_REAL, seconds)
        work()
        signal.setitimer(signal.ITIMER_REAL, 0)
    except KeyboardInterrupt:
        return True
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    return False


def raise_interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def patiently(work: Callable[[], Any], seconds: float = 20) -> Any:
    """Return the result of work that a run which still ends in the background may stand in the way of."""
    until = time.monotonic() + seconds
    while True:
        try:
            return work()
        except nbflow.errors.ThreadBusyError:
            if time.monotonic() > until:
                raise
            time.sleep(0.001)


class Check:
    """What went wrong."""

    def __init__(self, saver: SqliteSaver, flows: Flows) -> None:
        self._saver = saver
        self._flows = flows
        self.wrong: list[str] = []

    def durable(self, thread: str) -> set[int]:
        records = nbflow.read_run(self._saver, thread)
        return {
            int(record.path.split(".")[-1])
            for record in records
            if isinstance(record, CallReturned) and record.path.count(".") == 1 and record.path != "0"
        }

    def goes_on(self, flow: Any, thread: str) -> None:
        """Resume a thread, and tell if anything is not as it should be."""
        config: Any = {"configurable": {"thread_id": thread}}
        told = self._flows.acknowledged.copy()  # before the look at the disk: a run may still go on in the background
        kept = self.durable(thread)
        lost = {n for one, n in told if one == thread} - kept
        if lost:
            self.wrong.append(f"{thread}: told as stored and not there: {sorted(lost)}")
        before = Counter(self._flows.done)
        last = flow.last_run(config)
        try:
            result = patiently(lambda: flow.invoke(None if last is not None else thread, config))
        except BaseException as error:
            self.wrong.append(f"{thread}: {error!r}")
            return
        if result != EXPECTED:
            self.wrong.append(f"{thread}: ended in {result!r}")
        twice = [n for n in kept if self._flows.done[thread, n] > before[thread, n]]
        if twice:
            self.wrong.append(f"{thread}: ran again although durable: {twice}")
        if self._saver.holder(thread) is not None:
            self.wrong.append(f"{thread}: still held by {self._saver.holder(thread)}")


def main(folder: Path, interruptions: int, seed: int) -> dict[str, Any]:
    chance = random.Random(seed)
    saver = SqliteSaver(folder / "runs.db")
    flows = Flows(saver)
    check = Check(saver, flows)
    for _ in range(3):
        for kind in flows.kinds:
            kind.invoke("warm-up", {"configurable": {"thread_id": "warm-up"}})
    signal.signal(signal.SIGALRM, raise_interrupt)
    neighbours = Neighbours(saver)
    began = time.perf_counter()
    for number in range(10):
        flows.kinds[number % 2].invoke("timing", {"configurable": {"thread_id": f"timing {number}"}})
    length = (time.perf_counter() - began) / 10
    hits = in_the_middle = tries = 0
    while hits < interruptions:
        tries += 1
        thread = f"t{tries}"
        config: Any = {"configurable": {"thread_id": thread}}
        flow = flows.kinds[tries % 2]
        by_task = tries // 2 % 2
        flows.until_signal = chance.randint(1, TASKS // 2) if by_task else 0
        seconds = 0 if by_task else chance.uniform(0.01, 1.2) * length
        hit = interrupted(lambda: flow.invoke(thread, config), seconds)  # noqa: B023  # called at once
        flows.until_signal = 0
        hits += hit
        if hit and flow.last_run(config) is not None:
            in_the_middle += 1
        check.goes_on(flow, thread)
    neighbours.stop()
    saver.close()
    kept = SqliteSaver(folder / "runs.db")
    for run, told in neighbours.told.items():
        there = [row.seq for row in kept.rows(run)]
        if there != list(range(len(there))) or len(there) < told:
            check.wrong.append(f"{run.run_id}: told {told} and {len(there)} are there")
    check.wrong += [f"neighbour: {error}" for error in neighbours.errors]
    (whole,) = sqlite3.connect(folder / "runs.db").execute("PRAGMA integrity_check").fetchone()
    return {
        "interruptions": hits, "in_the_middle": in_the_middle, "runs": tries,
        "acknowledged": len(flows.acknowledged) + sum(neighbours.told.values()),
        "wrong": check.wrong, "integrity": whole,
    }  # fmt: skip


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))))
