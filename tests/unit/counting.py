"""Counts how many Python functions one more call enters, in a process of its own: ``python -m tests.unit.counting``.

Prints JSON: for each kind of run, entries of functions per call, those of asyncio included, as the difference
between a run of 300 calls and one of 100; and those of a run without a call, likewise of 300 and 100 of them. A
count is the same on every machine, which a time is not.
"""

from __future__ import annotations

import asyncio
import gc
import json
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

from nbflow import Command, InMemorySaver, SqliteSaver, Workflow, entrypoint, interrupt, task
from nbflow.checkpoint.base import BaseCheckpointSaver
from nbflow.types import RunnableConfig

FEW, MANY = 100, 300
_entered = 0


def count(_frame: object, event: str, _argument: object) -> None:
    global _entered  # noqa: PLW0603  # a profile function has nowhere else to keep it
    if event == "call":
        _entered += 1


@task
def add(number: int) -> int:
    return number + 1


@task
async def add_later(number: int) -> int:
    return number + 1


def sequential(saver: BaseCheckpointSaver) -> Workflow:
    @entrypoint(checkpointer=saver)
    def flow(calls: int) -> int:
        total = 0
        for _ in range(calls):
            total = add(total).result()
        return total

    return flow


def fan_out(saver: BaseCheckpointSaver) -> Workflow:
    @entrypoint(checkpointer=saver)
    def flow(calls: int) -> int:
        return sum(future.result() for future in [add(number) for number in range(calls)])

    return flow


def awaited(saver: BaseCheckpointSaver) -> Workflow:
    @entrypoint(checkpointer=saver)
    async def flow(calls: int) -> int:
        total = 0
        for _ in range(calls):
            total = await add_later(total)
        return total

    return flow


def gathered(saver: BaseCheckpointSaver) -> Workflow:
    @entrypoint(checkpointer=saver)
    async def flow(calls: int) -> int:
        return sum(await asyncio.gather(*[add_later(number) for number in range(calls)]))

    return flow


def asked_twice(saver: BaseCheckpointSaver) -> Workflow:
    @entrypoint(checkpointer=saver)
    def flow(calls: int) -> int:
        total = 0
        for _ in range(calls):
            total = add(total).result()
        interrupt("more?")
        interrupt("and more?")
        return total

    return flow


def invoke(workflow: Workflow, calls: int) -> Callable[[], object]:
    return lambda: workflow.invoke(calls, config_of(calls))


def ainvoke(workflow: Workflow, calls: int) -> Callable[[], object]:
    return lambda: asyncio.run(workflow.ainvoke(calls, config_of(calls)))


def resume(workflow: Workflow, calls: int) -> Callable[[], object]:
    workflow.invoke(calls, config_of(calls))
    return lambda: workflow.invoke(Command(resume="yes"), config_of(calls))


def run_often(workflow: Workflow, runs: int) -> Callable[[], object]:
    return lambda: [workflow.invoke(0, {"configurable": {"thread_id": f"{runs}, {run}"}}) for run in range(runs)]


def config_of(calls: int) -> RunnableConfig:
    return {"configurable": {"thread_id": f"{calls} calls"}}


def entered(run: Callable[[], object]) -> int:
    """Return how many functions are entered, those of garbage that earlier runs left not among them."""
    gc.collect()
    before = _entered
    sys.setprofile(count)
    try:
        run()
    finally:
        sys.setprofile(None)
    return _entered - before


def main() -> None:
    threading.setprofile(count)
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        kinds = {
            "sequential": (invoke, sequential(InMemorySaver())),
            "sequential on SQLite": (invoke, sequential(SqliteSaver(Path(folder) / "runs.db"))),
            "fan-out": (invoke, fan_out(InMemorySaver())),
            "async": (ainvoke, awaited(InMemorySaver())),
            "gathered": (ainvoke, gathered(InMemorySaver())),
            "replayed": (resume, asked_twice(InMemorySaver())),
            "a run": (run_often, sequential(InMemorySaver())),
            "a run on SQLite": (run_often, sequential(SqliteSaver(Path(folder) / "more.db"))),
        }
        for name, (way, workflow) in kinds.items():
            entered(way(workflow, FEW // 2))  # what only the first run does
            found[name] = (entered(way(workflow, MANY)) - entered(way(workflow, FEW))) / (MANY - FEW)
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
