"""What somebody with the file, and with this package, can do to it: rows with seals that belong to them."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from nbflow.checkpoint.base import Row, RunKey
from nbflow.checkpoint.sqlite.seals import run_seal, seal


def change(path: Path, *statements: str) -> None:
    """Carry out statements in a file."""
    connection = sqlite3.connect(path)
    for statement in statements:
        connection.execute(statement)
    connection.commit()
    connection.close()


def reseal(path: Path) -> None:
    """Give every row and every run of a file the seal of what it is now."""
    connection = sqlite3.connect(path)
    found = connection.execute(
        "SELECT id, blob, thread_id, run_id, seq, kind, path, head, value FROM records JOIN runs ON id >> 32 = number"
    ).fetchall()
    for key, blob, thread_id, run_id, *row in found:
        sealed = seal(RunKey(thread_id, run_id), Row(*row), blob)
        connection.execute("UPDATE records SET seal = ? WHERE id = ?", (sealed, key))
    runs = connection.execute("SELECT number, thread_id, run_id, before FROM runs").fetchall()
    for number, thread_id, run_id, before in runs:
        sealed = run_seal(thread_id, run_id, number, before)
        connection.execute("UPDATE runs SET seal = ? WHERE number = ?", (sealed, number))
    connection.commit()
    connection.close()
