"""A workflow that is killed: each side effect is a line in a file, and the kill comes at the n-th.

Run as ``python -m tests.fault.victim DATABASE EFFECTS FLAVOUR KILL_AT``; it prints the result.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path
from typing import Any

from nbflow import Command, SqliteSaver, entrypoint, interrupt, task

TASKS = 8


def main(database: str, effects_file: str, flavour: str, kill_at: str) -> None:
    """Go on with whatever the thread needs next, to the end."""
    os.environ["KILL_AT"] = kill_at
    effects = Path(effects_file)

    @task
    def step(n: int) -> int:
        with effects.open("a") as file:
            file.write(f"step {n}\n")
        limit = int(os.environ["KILL_AT"])
        if limit and len(effects.read_text().splitlines()) >= limit:
            os.kill(os.getpid(), signal.SIGKILL)
        return n * n

    @task
    async def astep(n: int) -> int:
        return step.func(n)  # type: ignore[return-value]  # the plain function

    @entrypoint(checkpointer=SqliteSaver(database), name="flow")
    def sync_flow(count: int) -> Any:
        half = sum(step(n).result() for n in range(count // 2))
        rest = [step(n) for n in range(count // 2, count)]
        return half + sum(one.result() for one in rest) + interrupt("how much more?")

    @entrypoint(checkpointer=SqliteSaver(database), name="flow")
    async def async_flow(count: int) -> Any:
        half = sum([await astep(n) for n in range(count // 2)])
        rest = await asyncio.gather(*[astep(n) for n in range(count // 2, count)])
        return half + sum(rest) + interrupt("how much more?")

    flow = sync_flow if flavour == "sync" else async_flow
    config = {"configurable": {"thread_id": "t"}}
    last = flow.last_run(config)
    result = flow.invoke(TASKS if last is None else None, config) if last is None or last.status != "asking" else None
    if result is None or "__interrupt__" in result:
        result = flow.invoke(Command(resume=1000), config)
    sys.stdout.write(f"{result}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
