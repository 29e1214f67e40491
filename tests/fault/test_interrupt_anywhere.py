"""Ctrl-C at random moments, in one process: no thread stays busy, nothing told as stored is lost, resumes end right."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.amounts import often

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.timeout(600)  # a machine may be slow
INTERRUPTIONS = often(120, 300)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no timer that sends signals")
def test_a_workflow_may_be_interrupted_at_any_moment(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.fault.interrupting", str(tmp_path), str(INTERRUPTIONS), "7"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=580)
    assert run.returncode == 0, run.stderr
    told = json.loads(run.stdout)
    assert told["wrong"] == []
    assert told["integrity"] == "ok"
    assert told["interruptions"] == INTERRUPTIONS
    assert told["in_the_middle"] >= INTERRUPTIONS // 3  # those that a task sent are at least a third
    assert told["acknowledged"] > INTERRUPTIONS
