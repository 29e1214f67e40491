"""How long a run may still take, by the last one: what is said, and where nothing is."""

from __future__ import annotations

from typing import Any

import pytest

from nbflow.core.record import CallBegan, CallStarted, RunHalted, RunReturned, RunStarted
from nbflow.views.estimate import Estimate
from nbflow.views.progress import RunView, run_of
from tests.unit.test_timing import T0, call

BEGUN = RunStarted(path="0", at=T0, run_id="r", thread_id="t", workflow="flow")
LOADED = [call("0.0", 0, 4, name="load"), call("0.1", 4, 10, name="fit"), call("0.2", 10, 16, name="fit")]


def last(*records: Any, end: float = 16) -> RunView:
    return run_of([BEGUN, *records, RunReturned(path="0", at=T0 + end, point="p")])


def now(*records: Any) -> RunView:
    return run_of([BEGUN, *records], live=True)


def works(path: str, begin: float, name: str) -> tuple[CallStarted, CallBegan]:
    return CallStarted(path=path, name=name, at=T0 + begin), CallBegan(path=path, name=name, at=T0 + begin)


@pytest.mark.parametrize(
    ("records", "at", "left"),
    [
        ([], 0, 16.0),
        ([call("0.0", 0, 8, name="load")], 8, 12.0),
        ([call("0.0", 0, 4, name="load"), *works("0.1", 4, "fit")], 7, 9.0),
        ([call("0.0", 0, 4, name="load"), *works("0.1", 4, "fit")], 99, 6.0),
        (LOADED, 16, 0.0),
    ],
)
def test_the_share_of_the_work_that_is_done_says_what_is_left(records: list[Any], at: float, left: float) -> None:
    assert Estimate(last(*LOADED)).left(now(*records), T0 + at) == pytest.approx(left)


@pytest.mark.parametrize(
    "records",
    [
        [call("0.0", 0, 1, name="another")],
        [call("0.0", 0, 1, name="load"), call("0.1", 1, 2, name="load")],
    ],
)
def test_nothing_is_said_of_calls_that_the_last_run_did_not_have(records: list[Any]) -> None:
    assert Estimate(last(*LOADED)).left(now(*records), T0 + 2) is None


def test_calls_inside_others_are_the_work_and_those_around_them_are_not() -> None:
    outer = call("0.0", 0, 10, name="outer", kind="entrypoint")
    inner = [call("0.0.0", 0, 5, name="inner"), call("0.0.1", 5, 10, name="inner")]
    estimate = Estimate(last(*inner, outer, end=10))
    assert estimate.left(now(*works("0.0", 0, "outer"), inner[0]), T0 + 5) == pytest.approx(5)


@pytest.mark.parametrize(
    "view",
    [
        last(end=20),
        run_of([BEGUN, *LOADED, RunHalted(at=T0 + 20)]),
        last(call("0.0", -8, -4, name="load", copied=True), *LOADED[1:]),
    ],
    ids=["no call", "stopped", "taken over"],
)
def test_a_run_that_says_nothing_is_not_used(view: RunView) -> None:
    assert not Estimate(view).is_usable
