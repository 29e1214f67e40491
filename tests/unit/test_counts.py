"""The price of a call, as a count that no machine changes: how many Python functions it enters."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

# Entries per call, or per run without one, and a few more for workers that come at the wrong moment. Who makes a call
# dearer has a reason, and writes it beside the new number.
LIMITS = {
    "sequential": 53,
    "sequential on SQLite": 59,
    "fan-out": 80,  # now and then a worker comes for a call that is done already
    "async": 82,  # 34 of them are those of asyncio
    "gathered": 78 if sys.version_info < (3, 12) else 85,  # the gather of Python 3.12 calls more functions itself
    "replayed": 18.7,
    # 11 of them keep the body's source, 3 have what its code prints heard; 6 since runs, plans and tries are assembled
    # by the same functions.
    "a run": 188,
    "a run on SQLite": 228,  # 226 where no thread comes at the wrong moment
}


@pytest.fixture(scope="module")
def counts() -> dict[str, float]:
    done = subprocess.run([sys.executable, "-m", "tests.unit.counting"], capture_output=True, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("kind", LIMITS)
def test_a_call_enters_no_more_functions_than_it_did(counts: dict[str, float], kind: str) -> None:
    assert counts[kind] <= LIMITS[kind]
