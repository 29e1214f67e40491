"""Measure nbflow, the peer and the bare floor side by side, in one process, in turns.

Figures are microseconds per task (or per run), the best of several rounds; ratios are what to
quote, since machines differ. ``make bench`` runs this in an environment of its own.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import operator
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Annotated, Any, TypedDict

TASKS = 500
THREADS = itertools.count()
POOL = ThreadPoolExecutor()


def nbflow_kit(folder: Path) -> SimpleNamespace:
    from nbflow import Command, InMemorySaver, SqliteSaver, entrypoint, interrupt, task
    from nbflow.graph import StateGraph
    from nbflow.types import Send

    return SimpleNamespace(
        task=task, entrypoint=entrypoint, interrupt=interrupt, Command=Command, memory=InMemorySaver,
        sqlite=lambda: SqliteSaver(folder / "ours.db"), StateGraph=StateGraph, Send=Send,
    )  # fmt: skip


def peer_kit(folder: Path) -> SimpleNamespace | None:
    try:
        from langgraph.checkpoint.memory import InMemorySaver
        from langgraph.checkpoint.sqlite import SqliteSaver
        from langgraph.func import entrypoint, task
        from langgraph.graph import StateGraph
        from langgraph.types import Command, Send, interrupt
    except ImportError:
        return None
    connection = sqlite3.connect(folder / "theirs.db", check_same_thread=False)
    return SimpleNamespace(
        task=task, entrypoint=entrypoint, interrupt=interrupt, Command=Command, memory=InMemorySaver,
        sqlite=lambda: SqliteSaver(connection), StateGraph=StateGraph, Send=Send,
    )  # fmt: skip


def config() -> dict[str, Any]:
    return {"configurable": {"thread_id": str(next(THREADS))}}


def best(rounds: int, measure: Callable[[], float]) -> float:
    return min(measure() for _ in range(rounds))


def timed(fn: Callable[[], Any]) -> float:
    begin = time.perf_counter()
    fn()
    return time.perf_counter() - begin


def sequential(kit: Any, saver: Any, tasks: int) -> float:
    echo = kit.task(lambda n: n)

    @kit.entrypoint(checkpointer=saver)
    def body(count: int) -> int:
        return sum(echo(n).result() for n in range(count))

    return timed(lambda: body.invoke(tasks, config())) / tasks


def fan_out(kit: Any, saver: Any, tasks: int) -> float:
    echo = kit.task(lambda n: n)

    @kit.entrypoint(checkpointer=saver)
    def body(count: int) -> int:
        return sum(future.result() for future in [echo(n) for n in range(count)])

    return timed(lambda: body.invoke(tasks, config())) / tasks


def async_tasks(kit: Any, saver: Any, tasks: int, *, gathered: bool) -> float:
    @kit.task
    async def echo(n: int) -> int:
        return n

    @kit.entrypoint(checkpointer=saver)
    async def body(count: int) -> int:
        if gathered:
            return sum(await asyncio.gather(*[echo(n) for n in range(count)]))
        return sum([await echo(n) for n in range(count)])

    async def run() -> float:
        begin = time.perf_counter()
        await body.ainvoke(tasks, config())
        return time.perf_counter() - begin

    return asyncio.run(run()) / tasks


def replayed(kit: Any, saver: Any, tasks: int) -> float:
    echo = kit.task(lambda n: n)

    @kit.entrypoint(checkpointer=saver)
    def body(count: int) -> Any:
        total = sum(echo(n).result() for n in range(count))
        return total, kit.interrupt("go on?")

    where = config()
    body.invoke(tasks, where)
    return timed(lambda: body.invoke(kit.Command(resume=1), where)) / tasks


def empty_run(kit: Any, saver: Any, runs: int) -> float:
    body = kit.entrypoint(checkpointer=saver)(lambda_body)
    return timed(lambda: [body.invoke(1, config()) for _ in range(runs)]) / runs


def lambda_body(n: int) -> int:
    return n


def sleepers(kit: Any, saver: Any, tasks: int) -> float:
    nap = kit.task(lambda n: time.sleep(0.05) or n)

    @kit.entrypoint(checkpointer=saver)
    def body(count: int) -> int:
        return len([future.result() for future in [nap(n) for n in range(count)]])

    return timed(lambda: body.invoke(tasks, config()))


class Notes(TypedDict):
    notes: Annotated[list[int], operator.add]
    count: int


def loop(kit: Any, saver: Any, steps: int, *, ask: bool = False) -> Any:
    """Return a graph that goes through one node ``steps`` times, then asks if wanted."""
    graph = kit.StateGraph(Notes)
    last = "ask" if ask else "__end__"
    graph.add_node("step", lambda state: {"count": state["count"] + 1})
    graph.add_node("ask", lambda _: {"notes": [kit.interrupt("?")]})
    graph.add_edge("__start__", "step")
    graph.add_conditional_edges("step", lambda state: "step" if state["count"] < steps else last, ["step", last])
    return graph.compile(checkpointer=saver)


def steps_of_loop(kit: Any, saver: Any, steps: int) -> float:
    app = loop(kit, saver, steps)
    where = {**config(), "recursion_limit": steps + 10}
    return timed(lambda: app.invoke({"count": 0}, where, durability="sync" if saver else None)) / steps


class Texts(TypedDict):
    texts: Annotated[list[str], operator.add]


def stored_by_loop(kit: Any, file: Path, steps: int) -> float:
    """Return how many bytes a step takes on disk that adds 1,000 characters of text, none like another."""
    graph = kit.StateGraph(Texts)
    graph.add_node("step", lambda state: {"texts": [f"{len(state['texts']):04}" * 250]})
    graph.add_edge("__start__", "step")
    graph.add_conditional_edges("step", lambda state: "step" if len(state["texts"]) < steps else "__end__")
    app = graph.compile(checkpointer=kit.sqlite())
    before = bytes_in(file)
    app.invoke({"texts": []}, {**config(), "recursion_limit": steps + 10}, durability="sync")
    return (bytes_in(file) - before) / steps


def bytes_in(file: Path) -> int:
    with sqlite3.connect(file) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        pages, free = (connection.execute(f"PRAGMA {what}").fetchone()[0] for what in ("page_count", "freelist_count"))
        size: int = connection.execute("PRAGMA page_size").fetchone()[0]
    return (int(pages) - int(free)) * size


def sends(kit: Any, count: int) -> float:
    graph = kit.StateGraph(Notes)
    graph.add_node("work", lambda given: {"notes": [given]})
    graph.add_conditional_edges("__start__", lambda _: [kit.Send("work", n) for n in range(count)], ["work"])
    app = graph.compile()
    return timed(lambda: app.invoke({"count": 0})) / count


def resumed_loop(kit: Any, saver: Any, steps: int) -> float:
    app = loop(kit, saver, steps, ask=True)
    where = {**config(), "recursion_limit": steps + 10}
    app.invoke({"count": 0}, where)
    return timed(lambda: app.invoke(kit.Command(resume=1), where))


def imported(name: str) -> float:
    code = f"import time; b = time.perf_counter(); import {name}; print(time.perf_counter() - b)"
    return float(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout)


def bare_threads(tasks: int) -> float:
    return timed(lambda: [POOL.submit(lambda_body, n).result() for n in range(tasks)]) / tasks


def bare_fan_out(tasks: int) -> float:
    return timed(lambda: [f.result() for f in [POOL.submit(lambda_body, n) for n in range(tasks)]]) / tasks


def bare_async(tasks: int, *, gathered: bool) -> float:
    async def echo(n: int) -> int:
        return n

    async def run() -> float:
        begin = time.perf_counter()
        if gathered:
            await asyncio.gather(*[asyncio.create_task(echo(n)) for n in range(tasks)])
        else:
            for n in range(tasks):
                await asyncio.create_task(echo(n))
        return time.perf_counter() - begin

    return asyncio.run(run()) / tasks


def bare_commit(folder: Path, tasks: int) -> float:
    connection = sqlite3.connect(folder / "floor.db", isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=NORMAL")
    connection.execute("CREATE TABLE IF NOT EXISTS t (a, b)")

    def commits() -> None:
        for n in range(tasks):
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("INSERT INTO t VALUES (?, ?)", (n, b"x" * 100))
            connection.execute("COMMIT")

    return timed(commits) / tasks


BYTES = "bytes a step of 1 kB, 100, SQLite"
Case = tuple[str, Callable[[Any], float], Callable[[], float] | None]


def cases(folder: Path, tasks: int) -> list[Case]:
    return [
        ("sequential task, memory", lambda kit: sequential(kit, kit.memory(), tasks), lambda: bare_threads(tasks)),
        ("fan-out, memory", lambda kit: fan_out(kit, kit.memory(), tasks), lambda: bare_fan_out(tasks)),
        (
            "async task, memory",
            lambda kit: async_tasks(kit, kit.memory(), tasks, gathered=False),
            lambda: bare_async(tasks, gathered=False),
        ),
        (
            "async gathered, memory",
            lambda kit: async_tasks(kit, kit.memory(), tasks, gathered=True),
            lambda: bare_async(tasks, gathered=True),
        ),
        (
            "sequential task, SQLite",
            lambda kit: sequential(kit, kit.sqlite(), tasks),
            lambda: bare_commit(folder, tasks),
        ),
        ("replay of a finished task", lambda kit: replayed(kit, kit.memory(), tasks), None),
        ("run with no task, memory", lambda kit: empty_run(kit, kit.memory(), 50), None),
        ("run with no task, SQLite", lambda kit: empty_run(kit, kit.sqlite(), 50), None),
        ("100 tasks that sleep 50 ms (a run)", lambda kit: sleepers(kit, kit.memory(), 100), lambda: 0.05),
        ("step of a loop of 1,000, unkept", lambda kit: steps_of_loop(kit, None, 1000), None),
        ("step of a loop of 1,000, memory", lambda kit: steps_of_loop(kit, kit.memory(), 1000), None),
        ("step of a loop of 100, SQLite", lambda kit: steps_of_loop(kit, kit.sqlite(), 100), None),
        ("Send, one of 1,000, unkept", lambda kit: sends(kit, 1000), None),
        ("resume after 1,000 steps, memory", lambda kit: resumed_loop(kit, kit.memory(), 1000), None),
        ("resume after 1,000 steps, SQLite", lambda kit: resumed_loop(kit, kit.sqlite(), 1000), None),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", type=int, default=TASKS, help="calls per run")
    parser.add_argument("--only", default="", help="rows whose label has this in it")
    parser.add_argument("--rounds", type=int, default=5, help="of each measurement; the best counts")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        ours, theirs = nbflow_kit(folder), peer_kit(folder)
        print(f"{'microseconds, best of ' + str(options.rounds):36}{'nbflow':>10}{'peer':>10}{'floor':>10}", end="")
        print(f"{'peer/nbflow':>14}{'nbflow/floor':>14}")
        for label, measure, floor in cases(folder, options.tasks):
            if options.only not in label:
                continue
            mine = best(options.rounds, partial(measure, ours))
            other = best(options.rounds, partial(measure, theirs)) if theirs else None
            bare = best(options.rounds, floor) if floor else None
            row(label, mine, other, bare)
        if options.only in BYTES:
            mine = stored_by_loop(ours, folder / "ours.db", 100) / 1e6
            row(BYTES, mine, stored_by_loop(theirs, folder / "theirs.db", 100) / 1e6 if theirs else None, None)
        other = best(3, lambda: imported("langgraph.func")) if theirs else None
        row("import", best(3, lambda: imported("nbflow")), other, best(3, lambda: imported("msgspec")))


def row(label: str, mine: float, other: float | None, bare: float | None) -> None:
    print(f"{label:36}{mine * 1e6:10.1f}{shown(other, 1e6)}{shown(bare, 1e6)}", end="")
    print(f"{shown(other and other / mine, 1, 14)}{shown(bare and mine / bare, 1, 14)}", flush=True)


def shown(value: float | None, factor: float, width: int = 10) -> str:
    return f"{value * factor:{width}.1f}" if value is not None else " " * (width - 1) + "-"


if __name__ == "__main__":
    main()
