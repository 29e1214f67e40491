"""Random and damaged bytes: a value or one of our errors, and never more memory than they are worth."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.amounts import often

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.timeout(600)  # a machine may be slow
INPUTS = often(10_000, 20_000)


def test_whatever_the_decoder_is_handed_it_says_so_in_our_words() -> None:
    command = [sys.executable, "-m", "tests.fault.decoding", str(INPUTS), "7"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=580)
    assert run.returncode == 0, run.stderr
    told = json.loads(run.stdout)
    assert told["wrong"] == []
    assert told["fates"]["value"] > INPUTS // 10
    assert told["fates"]["CorruptValueError"] > INPUTS // 10
