"""Where the time of a run went: chains of calls, parallel work, pauses, tables by task."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from nbflow.core.record import (
    Answered,
    Asked,
    CallFailed,
    CallReturned,
    RunHalted,
    RunPaused,
    RunResumed,
    RunReturned,
    RunStarted,
)
from nbflow.views.progress import run_of
from nbflow.views.timing import Timing, timing_of

T0 = 1_000.0


def call(path: str, begin: float, end: float, name: str = "", **more: Any) -> CallReturned:
    return CallReturned(path=path, at=T0 + end, name=name or f"t{path[-1]}", started=T0 + begin, **more)


def timing(*records: Any, end: float) -> Timing:
    started = RunStarted(path="0", at=T0, run_id="r", thread_id="t", workflow="flow")
    return timing_of(run_of([started, *records, RunReturned(path="0", at=T0 + end, point="p")]))


def chain(found: Timing) -> list[tuple[str, float, float]]:
    return [(link.path, link.begin, link.end) for link in found.chain]


def test_one_after_the_other_all_is_in_the_chain_and_the_body_between() -> None:
    found = timing(call("0.0", 1, 3), call("0.1", 3, 4), end=6)
    assert chain(found) == [("0", 0, 1), ("0.0", 1, 3), ("0.1", 3, 4), ("0", 4, 6)]
    assert found.bound == ("flow", 3.0)
    assert (found.worked, found.busy, found.parallel) == (6, 3, 1)


def test_side_by_side_the_longest_counts() -> None:
    found = timing(call("0.0", 0, 2), call("0.1", 0, 5), call("0.2", 0, 3), call("0.3", 5, 6), end=6)
    assert chain(found) == [("0.1", 0, 5), ("0.3", 5, 6)]
    assert found.bound == ("t1", 5.0)
    assert found.busy == 11
    assert found.parallel == pytest.approx(11 / 6)


def test_a_nested_body_is_followed_into_its_calls() -> None:
    nested = call("0.0", 0, 4, name="child", kind="entrypoint")
    found = timing(call("0.0.0", 1, 3, name="leaf"), nested, end=4)
    assert chain(found) == [("0.0", 0, 1), ("0.0.0", 1, 3), ("0.0", 3, 4)]
    assert found.busy == 2, "the nested body's own time is that of no task"


def test_the_chain_has_no_gaps_and_no_overlaps() -> None:
    found = timing(*(call(f"0.{n}", n * 0.7, n * 0.7 + 1) for n in range(9)), end=8)
    ends = [(link.begin, link.end) for link in found.chain]
    assert ends[0][0] == 0
    assert ends[-1][1] == 8
    assert all(one[1] == other[0] for one, other in itertools.pairwise(ends))


def test_what_waited_for_people_and_what_stood_still_is_told_apart() -> None:
    asked = Asked(path="0.0", at=T0 + 1, id="i", name="ask", callers=())
    found = timing(
        asked,
        RunPaused(path="0", at=T0 + 1, ids=("i",), point="p"),
        RunResumed(path="0", at=T0 + 61),
        Answered(path="0.0", at=T0 + 61, id="i"),
        RunHalted(path="0", at=T0 + 62, reason="stopped"),
        RunResumed(path="0", at=T0 + 72),
        call("0.1", 72, 73),
        end=73,
    )
    assert (found.paused, found.stood, found.worked) == (60, 10, 3)
    assert sum(link.end - link.begin for link in found.chain) == 3


def test_a_result_from_elsewhere_took_no_time() -> None:
    found = timing(
        call("0.0", 0, 0, name="load", cached=True),
        call("0.1", -50, -40, name="load", copied=True),
        call("0.2", 0, 2, name="load", reused=True),
        call("0.3", 0, 1, name="load"),
        end=2,
    )
    (row,) = found.tasks
    assert (row.calls, row.taken, row.seconds, row.median) == (4, 3, 1, 1)
    assert found.busy == 1


def test_by_task() -> None:
    failed = CallFailed(path="0.101", at=T0 + 1, name="fetch", started=T0, survived=True)
    slow = call("0.102", 0, 9, name="slow", attempt=3)
    found = timing(*(call(f"0.{n}", 0, (n + 1) / 100, name="fetch") for n in range(100)), failed, slow, end=9)
    fetch, slow_one = found.tasks
    assert (slow_one.name, slow_one.retried, slow_one.in_chain) == ("slow", 1, 9.0)
    assert (fetch.calls, fetch.failed) == (101, 1)
    assert fetch.median == pytest.approx(0.51)
    assert fetch.p95 == pytest.approx(0.96)


def test_a_run_without_calls_is_its_body() -> None:
    found = timing(end=2)
    assert (chain(found), found.parallel, found.tasks) == ([("0", 0, 2)], 0.0, [])
    assert timing_of(run_of([])).bound == ("", 0.0)
