"""Damages a file of runs in random ways and reads it; run as a script.

Run as ``python -m tests.fault.corrupting FOLDER TIMES SEED``. Bytes of the file are changed, zeroed, cut off, inserted
or exchanged; single columns of its tables get random values of any type; rows are removed, doubled and moved. Then
everything is read that can be read, and threads go on. Each of that has to give what it gave before, or one of our
errors. Prints one line of JSON.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import sqlite3
import sys
import warnings
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbflow
from nbflow import Command, SqliteSaver, entrypoint, interrupt, task
from nbflow.errors import NbflowError

TABLES = {
    "records": ("id", "seq", "kind", "path", "head", "value", "blob", "seal"),
    "runs": ("number", "thread_id", "run_id", "length", "before", "seal"),
    "blobs": ("digest", "size", "form", "data"),
    "leases": ("thread_id", "owner", "process", "beat", "token", "newest", "length"),
    "nbflow_schema": ("component", "version"),
}


ANY: list[Any] = [
    None,
    0,
    1,
    -1,
    2**40,
    2**63 - 1,
    0.5,
    float("inf"),
    "",
    "a",
    "x\0y",
    "b" * 50,
    b"",
    b"\xff",
    b"\x81" * 9,
]


@task
def double(value: Any) -> Any:
    return value * 2


def flow_in(saver: SqliteSaver) -> Any:
    @entrypoint(checkpointer=saver)
    def body(value: Any, previous: Any) -> Any:
        first = double(value).result()
        second = double({"a": 1}["a"]).result()
        answer = interrupt({"question": "go on?", "so far": second}) if value != "finished" else None
        return {"value": first, "second": second, "answer": answer, "before": previous is not None}

    return body


def config(thread: str) -> Any:
    return {"configurable": {"thread_id": thread}}


def make(path: Path) -> None:
    """Fill a file with runs of all kinds."""
    with SqliteSaver.from_conn_string(path) as saver:
        flow = flow_in(saver)
        for thread, values in (("a", ["finished", "finished", "x"]), ("b", [b"y" * 9000]), ("c", ["z" * 20_000, "x"])):
            for value in values:
                flow.invoke(value, config(thread))
        flow.invoke(Command(resume="yes"), config("b"))
        flow.update_state(config("a"), {"value": 1})
        flow.invoke("x", config("d"))
        flow.fork(config("d"), "0.1").result()
        saver.copy_thread("a", "e")


def views(path: Path) -> dict[str, Callable[[SqliteSaver], Any]]:
    """Return what is read of a file, by name."""
    with SqliteSaver.from_conn_string(path) as saver:
        runs = [(thread, run) for thread in saver.thread_ids() for run in saver.runs(thread)]
        threads = saver.thread_ids()
    found: dict[str, Callable[[SqliteSaver], Any]] = {
        "threads": lambda saver: [
            (one.thread_id, one.workflow, one.status, one.runs, one.updated_at) for one in nbflow.threads(saver)
        ],
        "list": lambda saver: [repr(one) for one in saver.list(None)],
    }
    for thread, run in runs:
        found[f"run {thread} {run}"] = lambda saver, thread=thread, run=run: [  # type: ignore[misc]  # bound now
            repr(record) for record in nbflow.read_run(saver, thread, run)
        ]
    for thread in threads:
        found[f"runs {thread}"] = lambda saver, thread=thread: saver.runs(thread)  # type: ignore[misc]  # as above
        found[f"history {thread}"] = lambda saver, thread=thread: [  # type: ignore[misc]  # as above
            repr(state) for state in flow_in(saver).get_state_history(config(thread))
        ]
    return found


def going_on() -> dict[str, Callable[[SqliteSaver], Any]]:
    """Return what changes a file."""
    return {
        "resume c": lambda saver: flow_in(saver).invoke(Command(resume="ok"), config("c")),
        "begin b": lambda saver: flow_in(saver).invoke("finished", config("b")),
        "prune": lambda saver: saver.prune(saver.thread_ids()) is not None,
    }


def damage_bytes(chance: random.Random, path: Path) -> str:
    data = bytearray(path.read_bytes())
    at = chance.randrange(len(data))
    size = chance.choice([1, 1, 4, 16, 100, 4096])
    what = chance.choice(["flip", "flip", "zero", "noise", "cut", "insert", "remove", "exchange"])
    if what == "flip":
        data[at] ^= 1 << chance.randrange(8)
    elif what == "zero":
        data[at : at + size] = bytes(len(data[at : at + size]))
    elif what == "noise":
        data[at : at + size] = chance.randbytes(len(data[at : at + size]))
    elif what == "cut":
        del data[at:]
    elif what == "insert":
        data[at:at] = chance.randbytes(size)
    elif what == "remove":
        del data[at : at + size]
    else:
        pages = len(data) // 4096
        one, other = (chance.randrange(pages) * 4096 for _ in range(2))
        data[one : one + 4096], data[other : other + 4096] = data[other : other + 4096], data[one : one + 4096]
    path.write_bytes(data)
    return f"{what} {size} at {at}"


def any_value(chance: random.Random, old: Any) -> Any:
    if isinstance(old, bytes) and old and chance.random() < 0.5:
        held = bytearray(old)
        held[chance.randrange(len(held))] ^= 1 << chance.randrange(8)
        return bytes(held)
    if isinstance(old, int) and chance.random() < 0.5:
        return old + chance.choice([-1, 1, 256, 1 << 32])
    return chance.choice([*ANY, chance.randbytes(40)])


def damage_rows(chance: random.Random, path: Path) -> str:
    """Change, remove, double or move rows, as far as the tables allow it."""
    table = chance.choice([*TABLES, "records", "records", "runs"])
    column = chance.choice(TABLES[table])
    connection = sqlite3.connect(path)
    try:
        count = connection.execute(f"SELECT COUNT(*) FROM {table}").fetchone()[0]
        key = TABLES[table][0]
        row = connection.execute(f"SELECT * FROM {table} LIMIT 1 OFFSET ?", (chance.randrange(count),)).fetchone()
        keys = connection.execute(f"SELECT {key} FROM {table} LIMIT 1 OFFSET ?", (chance.randrange(count),)).fetchone()
        what = chance.choice(["change", "change", "change", "text", "remove", "double"])
        if what == "remove":
            connection.execute(f"DELETE FROM {table} WHERE {key} = ?", keys)
        elif what == "double":
            held = [
                value if name != key else any_value(chance, row[0])
                for name, value in zip(TABLES[table], row, strict=False)
            ]
            marks = ", ".join("?" * len(held))
            connection.execute(f"INSERT INTO {table} ({', '.join(TABLES[table][: len(held)])}) VALUES ({marks})", held)
        else:
            old = connection.execute(f"SELECT {column} FROM {table} WHERE {key} = ?", keys).fetchone()[0]
            new = "CAST(x'ff00fe' AS TEXT)" if what == "text" else "?"
            values = () if what == "text" else (any_value(chance, old),)
            connection.execute(f"UPDATE {table} SET {column} = {new} WHERE {key} = ?", (*values, *keys))
        connection.commit()
    except sqlite3.Error as error:
        return f"nothing, {error}"
    finally:
        connection.close()
    return f"{what} {table}.{column}"


class Reader:
    """Reads files, and compares with what was to be read before they were damaged."""

    def __init__(self, path: Path) -> None:
        self._views = views(path)
        self._expected: dict[str, Any] = {}
        self.fates: Counter[str] = Counter()
        self.wrong: list[str] = []
        self.silent: list[str] = []
        for name, view in self._all(path):
            self._expected[name] = view()

    def _all(self, path: Path) -> Any:
        with SqliteSaver.from_conn_string(path) as saver:
            for name, view in {**self._views, **going_on()}.items():
                yield name, lambda view=view: view(saver)

    def read(self, path: Path, what: str) -> None:
        """Read everything, and note what went wrong."""
        try:
            for name, view in self._all(path):
                self._one(name, view, what)
        except NbflowError as error:
            self.fates[type(error).__name__] += 1
        except BaseException as error:
            self.wrong.append(f"{what}: opening: {error!r}")

    def _one(self, name: str, view: Callable[[], Any], what: str) -> None:
        try:
            found = view()
        except NbflowError as error:
            self.fates[type(error).__name__] += 1
        except BaseException as error:
            self.wrong.append(f"{what}: {name}: {error!r}")
        else:
            same = found == self._expected[name]
            self.fates["the same" if same else "another"] += 1
            if not same:
                self.silent.append(f"{what}: {name}: {str(found)[:300]}")


def main(folder: Path, times: int, seed: int) -> dict[str, Any]:
    warnings.simplefilter("ignore")
    chance = random.Random(seed)
    whole, path = folder / "whole.db", folder / "damaged.db"
    make(whole)
    shutil.copy(whole, path)
    reader = Reader(path)
    silent_in = 0
    for _ in range(times):
        for suffix in ("", "-wal", "-shm", "-journal"):
            Path(f"{path}{suffix}").unlink(missing_ok=True)
        shutil.copy(whole, path)
        what = damage_bytes(chance, path) if chance.random() < 0.5 else damage_rows(chance, path)
        before = len(reader.silent)
        reader.read(path, what)
        silent_in += len(reader.silent) > before
    return {
        "times": times, "fates": reader.fates, "wrong": len(reader.wrong), "first_wrong": reader.wrong[:30],
        "silent_files": silent_in, "silent": reader.silent[:60], "pid": os.getpid(),
    }  # fmt: skip


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])), indent=1))
