"""SIGKILL at random moments: nothing durable is lost, nothing durable runs again, every resume ends right."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.amounts import often

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.timeout(600)  # a machine may be slow
KILLS = often(60, 200)


def test_a_workflow_may_be_killed_at_any_moment(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.fault.killing", str(tmp_path), str(KILLS), "7"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=580)
    assert run.returncode == 0, run.stderr
    told = json.loads(run.stdout)
    assert told["wrong"] == []
    assert told["integrity"] == "ok"
    assert told["kills"] == KILLS
    assert told["in_the_middle"] >= KILLS // 2


def test_parallel_commits_may_be_killed_at_any_moment(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.fault.killing_many", str(tmp_path), str(KILLS // 4), "7"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=580)
    assert run.returncode == 0, run.stderr
    told = json.loads(run.stdout)
    assert told["wrong"] == []
    assert told["integrity"] == "ok"
    assert told["in_the_middle"] >= KILLS // 4 // 2
    assert told["acknowledged"] >= KILLS // 4 // 2


def test_two_processes_that_answer_at_once_do_the_work_once(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.fault.racing", str(tmp_path), "25"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=580)
    assert run.returncode == 0, run.stderr
    told = json.loads(run.stdout)
    assert set(told["outcomes"]) <= {"busy done", "done late"}, told
    assert told["paid"] == [5]
