"""Measure the same workflow in nbflow and DBOS, each in a process of its own, stored in SQLite.

Figures are milliseconds, the best of several rounds: a task is one of a run of tasks that return what they are given,
one after the other; a run is one without tasks. Both run with their own settings. ``make bench-others`` runs this in
an environment of its own.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

Run = Callable[[int], object]


def nbflow_run(folder: Path) -> Run:
    from nbflow import SqliteSaver, entrypoint, task

    echo = task(lambda n: n)
    count = iter(range(10**9))

    @entrypoint(checkpointer=SqliteSaver(folder / "nbflow.db"))
    def body(tasks: int) -> int:
        return sum(echo(n).result() for n in range(tasks))

    return lambda tasks: body.invoke(tasks, {"configurable": {"thread_id": str(next(count))}})


def dbos_run(folder: Path) -> Run:
    from dbos import DBOS

    DBOS(config={"name": "bench", "system_database_url": f"sqlite:///{folder}/dbos.db", "log_level": "ERROR"})

    @DBOS.step()
    def echo(n: int) -> int:
        return n

    @DBOS.workflow()
    def body(tasks: int) -> int:
        return sum(echo(n) for n in range(tasks))

    DBOS.launch()
    return body


KITS = {"nbflow": nbflow_run, "dbos": dbos_run}


def measured(name: str, tasks: int, rounds: int) -> dict[str, float]:
    """Return the seconds of a task and of a run without any."""
    logging.disable(logging.WARNING)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        run = KITS[name](Path(folder))
        run(1)  # what only the first run pays for
        empty = min(_timed(run, 0) for _ in range(rounds * 3))
        whole = min(_timed(run, tasks) for _ in range(rounds))
    return {"task": (whole - empty) / tasks, "run": empty}


def _timed(run: Run, tasks: int) -> float:
    begin = time.perf_counter()
    run(tasks)
    return time.perf_counter() - begin


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--one", choices=KITS, help="measure one here, and print JSON")
    parser.add_argument("--tasks", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(measured(options.one, options.tasks, options.rounds)))
        sys.stdout.flush()
        os._exit(0)  # servers and threads of theirs need not be waited for
    print(f"{'milliseconds':20}{'task':>10}{'x nbflow':>10}{'run':>10}{'x nbflow':>10}")
    ours: dict[str, float] = {}
    for name in KITS:
        try:
            label = f"{name} {version(name)}"
        except PackageNotFoundError:
            print(f"{name:20}not installed")
            continue
        command = [sys.executable, __file__, "--one", name, "--tasks", str(options.tasks)]
        done = subprocess.run([*command, "--rounds", str(options.rounds)], capture_output=True, text=True, check=False)
        if done.returncode:
            print(f"{label:20}failed: {done.stderr.strip().splitlines()[-1:]}")
            continue
        found = json.loads(done.stdout.strip().splitlines()[-1])
        ours = ours or found
        cells = [f"{found[what] * 1e3:10.3f}{found[what] / ours[what]:10.1f}" for what in ("task", "run")]
        print(f"{label:20}{''.join(cells)}", flush=True)


if __name__ == "__main__":
    main()
