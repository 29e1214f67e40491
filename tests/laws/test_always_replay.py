"""The switch NBFLOW_ALWAYS_REPLAY=1, with which every behaviour test is a test of replay; see ``replaying``."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from nbflow import Command, interrupt
from nbflow.checkpoint.memory import InMemorySaver
from nbflow.errors import ReplayMismatchError
from tests.behaviour.flavours import Flavour
from tests.behaviour.replaying import always_replayed

ROOT = Path(__file__).parents[2]
SOME = ("context", "drain", "fork")
# Graphs brought five: steps and commits are counted, untracked values kept; two listen from outside. Calls that must
# not happen twice, maps and sleeps brought seven, which count executions.
MOST_MARKED = 64
flavours = pytest.mark.parametrize("flavour", ["sync", "async"])


@flavours
def test_a_body_runs_once_more_for_each_durable_point_and_a_task_once(flavour: str) -> None:
    ran: Counter[str] = Counter()
    flow = Flavour(flavour, InMemorySaver())

    @flow.task
    def step(n: int) -> int:
        ran["step"] += 1
        return n

    @flow.entrypoint
    def body(n: int) -> Any:
        ran["body"] += 1
        total = 0
        for k in range(n):
            total += yield step(k)
        return [total, interrupt("?")]

    with always_replayed():
        assert "__interrupt__" in flow.invoke(body, 3)
        assert ran == {"step": 3, "body": 1 + 3 + 1}  # after the input, each result, the question
        assert flow.invoke(body, Command(resume="yes")) == [3, "yes"]
        assert ran == {"step": 3, "body": 6}
    assert flow.invoke(body, 3, thread="other") != 0
    assert ran == {"step": 6, "body": 7}, "it ends with the context"


@flavours
def test_a_stream_shows_one_run(flavour: str) -> None:
    flow = Flavour(flavour, InMemorySaver())

    @flow.task
    def step(n: int) -> int:
        return n

    @flow.entrypoint
    def body(n: int) -> Any:
        total = 0
        for k in range(n):
            total += yield step(k)
        return total

    with always_replayed():
        chunks = flow.stream(body, 3, stream_mode=["updates", "values"])
    assert chunks == [*(("updates", {"step": k}) for k in range(3)), ("updates", {"body": 3}), ("values", 3)]


@flavours
def test_a_body_that_takes_another_way_is_found_out(flavour: str) -> None:
    ways = iter(range(100))
    flow = Flavour(flavour, InMemorySaver())

    @flow.task
    def step(n: int) -> int:
        return n

    @flow.entrypoint
    def body(_: int) -> Any:
        return (yield step(next(ways)))

    with always_replayed(), pytest.raises(ReplayMismatchError):
        flow.invoke(body, 1)


def test_behaviour_tests_pass_under_the_switch() -> None:
    """A few of them, so that it works whenever somebody wants them all: ``make replayed``."""
    files = [f"tests/behaviour/test_{name}.py" for name in SOME]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *files]
    environment = {**os.environ, "NBFLOW_ALWAYS_REPLAY": "1"}
    run = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=100)
    assert run.returncode == 0, run.stdout


def test_few_tests_are_left_out_and_each_says_why() -> None:
    texts = "".join(path.read_text() for path in sorted((ROOT / "tests" / "behaviour").glob("test_*.py")))
    marks = re.findall(r"mark\.runs_once\(\s*\"\w", texts)
    assert len(marks) == texts.count("mark.runs_once")
    assert 0 < len(marks) <= MOST_MARKED
