"""Ctrl-C in a script: prompt, nothing more begins, and the thread goes on later."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPT = """
import sys, time, asyncio, signal
signal.signal(signal.SIGINT, signal.default_int_handler)  # a test run in the background ignores it
from nbflow import SqliteSaver, entrypoint, task

@task
def nap(n):
    sys.stdout.write(f"nap {n}\\n"); sys.stdout.flush()
    time.sleep(60 if len(sys.argv) < 4 else 0)
    return n

@task
async def anap(n):
    sys.stdout.write(f"nap {n}\\n"); sys.stdout.flush()
    await asyncio.sleep(60 if len(sys.argv) < 4 else 0)
    return n

@entrypoint(checkpointer=SqliteSaver(sys.argv[1]), name="naps")
def naps(n):
    first = [nap(i) for i in range(n)]
    return sum(f.result() for f in first) + nap(100).result()

@entrypoint(checkpointer=SqliteSaver(sys.argv[1]), name="naps")
async def anaps(n):
    return sum(await asyncio.gather(*[anap(i) for i in range(n)])) + await anap(100)

flow = naps if sys.argv[2] == "sync" else anaps
result = flow.invoke(4 if len(sys.argv) < 4 else None, {"thread_id": "t"})
print("result", result)
"""


@pytest.mark.parametrize("flavour", ["sync", "async"])
def test_ctrl_c_returns_promptly_and_the_run_goes_on_later(tmp_path: Path, flavour: str) -> None:
    command = [sys.executable, "-c", SCRIPT, str(tmp_path / "runs.db"), flavour]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        for _ in range(4):
            assert process.stdout.readline().startswith("nap")
        process.send_signal(signal.SIGINT)
        out, error = process.communicate(timeout=10)  # the naps take 60 s
    assert "KeyboardInterrupt" in error
    assert "nap 100" not in out
    again = subprocess.run([*command, "on"], env=environment, capture_output=True, text=True, timeout=30, check=True)
    assert again.stdout.splitlines()[-1] == "result 106"
