"""SIGKILL between and inside tasks: finished tasks never run twice, the rest goes on."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest

from tests.amounts import THOROUGH
from tests.fault.victim import TASKS

ROOT = Path(__file__).parents[2]
FLAVOURS = ("sync", "async")
RESULT = sum(n * n for n in range(TASKS)) + 1000


def run(database: Path, effects: Path, flavour: str, kill_at: int) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tests.fault.victim", str(database), str(effects), flavour, str(kill_at)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


# Each place in one of the flavours, and each flavour among the first and the last places.
KILLS = [
    (flavour, n) for n in range(1, TASKS + 1) for flavour in FLAVOURS if THOROUGH or FLAVOURS.index(flavour) == n % 2
]


@pytest.mark.parametrize(("flavour", "kill_at"), KILLS)
def test_a_killed_run_goes_on_where_it_was(tmp_path: Path, flavour: str, kill_at: int) -> None:
    database, effects = tmp_path / "runs.db", tmp_path / "effects"
    assert run(database, effects, flavour, kill_at).returncode == -signal.SIGKILL
    finished = finished_calls(database)
    after = run(database, effects, flavour, 0)
    assert after.stdout.strip() == str(RESULT), after.stderr
    times = Counter(effects.read_text().splitlines())
    for n in range(TASKS):
        assert times[f"step {n}"] == 1 if f"0.{n}" in finished else times[f"step {n}"] in {1, 2}
    # The kill comes inside one call; of those that ran beside it, only unfinished ones may run again.
    assert len(finished) >= min(kill_at, TASKS // 2) - 1
    with closing(sqlite3.connect(database)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def finished_calls(database: Path) -> set[str]:
    with closing(sqlite3.connect(database)) as connection:
        rows = connection.execute("SELECT path FROM records WHERE kind = 'CallReturned'").fetchall()
    return {path for (path,) in rows}
