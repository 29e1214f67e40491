"""Files that were damaged in random ways: what was stored, or one of our errors; never another value or error."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.amounts import often

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.timeout(600)  # a machine may be slow
CORRUPTIONS = often(60, 200)


def test_whatever_is_damaged_is_told(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.fault.corrupting", str(tmp_path), str(CORRUPTIONS), "7"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=580)
    assert run.returncode == 0, run.stderr
    told = json.loads(run.stdout)
    assert told["first_wrong"] == []
    assert told["silent"] == []
    assert told["fates"]["the same"] > CORRUPTIONS
    assert told["fates"]["CorruptRunError"] > CORRUPTIONS // 10
    assert told["fates"]["CorruptFileError"] > CORRUPTIONS // 10
