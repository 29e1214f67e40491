"""Writes the golden file of this version: ``python -m tests.golden.make VERSION``; once for each format."""

from __future__ import annotations

import sqlite3
import sys
from pathlib import Path
from typing import Any

from nbflow import Command, InMemoryCache, SqliteSaver
from tests.golden import flows

HERE = Path(__file__).parent
KINDS = ["plain", "times", "names", "bird", "array", "frame"]


def config(thread: str) -> Any:
    return {"configurable": {"thread_id": thread, "who": "ada"}}


def write(path: Path) -> None:
    """Fill a new file with a run of every kind."""
    saver = SqliteSaver(path)
    made = flows.flows_in(saver, cache=InMemoryCache())
    made["all_values"].invoke(KINDS, config("values"))
    made["shapes"].invoke(3, config("shapes"), context={"some": "context"})
    flows.RAN.clear()
    made["shapes"].invoke(2, config("shapes"), reuse=True)
    paused = made["questions"].invoke(4, config("one answered"))
    ids = {one.value: one.id for one in paused["__interrupt__"]}
    made["questions"].invoke(Command(resume={ids["second"]: "B"}), config("one answered"))
    made["questions"].invoke(4, config("none answered"))
    try:
        made["failing"].invoke(1, config("failed"))
    except LookupError:
        pass
    made["failing"].update_state(config("updated"), "by hand")
    made["all_values"].fork(config("values"), at="0.2", replace="in its place").result()
    saver.close()
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode=DELETE")
    connection.execute("VACUUM")
    connection.close()


if __name__ == "__main__":
    write(HERE / f"{sys.argv[1]}.db")
