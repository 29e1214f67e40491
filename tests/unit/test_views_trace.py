"""A run as trace events: what the format demands of each, and that what stands on one row lies within one another."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from nbflow import Command, InMemorySaver, RetryPolicy, entrypoint, interrupt, read_run, task
from nbflow.core.record import CallReturned, RunReturned, RunStarted, Value
from nbflow.views.trace import LARGE, TEXT, trace_of

CONFIG: Any = {"configurable": {"thread_id": "t"}}
NEEDED: dict[str, dict[str, type | tuple[type, ...]]] = {  # by phase: fields and their types
    "M": {"name": str, "pid": int, "tid": int, "args": dict},
    "X": {"name": str, "cat": str, "pid": int, "tid": int, "ts": (int, float), "dur": (int, float), "args": dict},
    "b": {"name": str, "cat": str, "pid": int, "tid": int, "ts": (int, float), "id": str},
    "e": {"name": str, "cat": str, "pid": int, "tid": int, "ts": (int, float), "id": str},
    "s": {"name": str, "cat": str, "pid": int, "tid": int, "ts": (int, float), "id": int},
    "f": {"name": str, "cat": str, "pid": int, "tid": int, "ts": (int, float), "id": int, "bp": str},
}


def check(found: dict[str, Any]) -> list[dict[str, Any]]:
    """Hold a trace to what the format demands; return its events."""
    events: list[dict[str, Any]] = json.loads(json.dumps(found))["traceEvents"]
    for event in events:
        for name, kind in NEEDED[event["ph"]].items():
            assert isinstance(event[name], kind), (name, event)
            assert not isinstance(event[name], bool), (name, event)
        assert event.get("ts", 0) >= 0
        assert event.get("dur", 1) > 0
    lanes: dict[int, list[dict[str, Any]]] = {}
    for event in (one for one in events if one["ph"] == "X"):
        lanes.setdefault(event["tid"], []).append(event)
    for lane in lanes.values():
        open_until: list[float] = []
        for event in sorted(lane, key=lambda one: (one["ts"], -one["dur"])):
            while open_until and open_until[-1] <= event["ts"] + 1e-6:
                open_until.pop()
            end = event["ts"] + event["dur"]
            assert not open_until or end <= open_until[-1] + 1e-6, event
            open_until.append(end)
    for phase in ("X", "s", "f", "b", "e"):
        assert {one["tid"] for one in events if one["ph"] == phase} <= {
            one["tid"] for one in events if one["ph"] == "M"
        }
    for event in events:
        if event["ph"] in "sf":  # an arrow binds to what stands at that time on its row
            at = [one for one in lanes[event["tid"]] if one["ts"] <= event["ts"] <= one["ts"] + one["dur"]]
            assert at, event
    return events


def of(events: list[dict[str, Any]], phase: str, name: str = "") -> list[dict[str, Any]]:
    return [one for one in events if one["ph"] == phase and (not name or one["name"] == name)]


def story(saver: InMemorySaver) -> Any:
    left = [1]

    @task
    def load(n: int) -> int:
        time.sleep(0.002)
        return n

    @task(retry_policy=RetryPolicy(initial_interval=0.002, jitter=False, retry_on=OSError))
    def flaky(n: int) -> int:
        left[0] -= 1
        if left[0] == 0:
            raise OSError("busy")
        return load(n).result()

    @task
    def broken() -> None:
        raise ValueError("no good")

    @entrypoint(checkpointer=saver)
    def flow(n: int) -> Any:
        loaded: list[Any] = [load(k) for k in range(n)]
        found = [flaky(one).result() for one in loaded]
        try:
            broken().result()
        except ValueError:
            pass
        return [found, interrupt("?")]

    return flow


def test_a_stored_run_is_a_trace() -> None:
    saver = InMemorySaver()
    flow = story(saver)
    flow.invoke(4, CONFIG)
    flow.invoke(Command(resume="yes"), CONFIG)
    found: Any = trace_of(read_run(saver, "t"))
    events = check(found)
    assert found["otherData"]["format"] == "nbflow trace"
    assert of(events, "M", "process_name")[0]["args"]["name"] == "flow, thread t"
    assert len(of(events, "X", "load")) == 8
    assert len(of(events, "X", "flow")) == 1
    assert len({one["tid"] for one in of(events, "X", "load")}) > 1, "what ran side by side has rows of its own"
    [failed] = of(events, "X", "broken")
    assert failed["args"]["state"] == "failed"
    assert "ValueError: no good" in failed["args"]["error"]
    assert of(events, "X", "load")[0]["args"]["result"] in {"0", "1", "2", "3"}
    assert len(of(events, "s")) == len(of(events, "f")) == 4, "each flaky call was given what a load returned"
    assert len(of(events, "X", "waits for people")) == 1


def test_a_live_run_tells_of_its_attempts() -> None:
    flow = story(InMemorySaver())
    heard: list[Any] = []
    run = flow.start(2, CONFIG)
    run.listen(heard.append)
    run.result()
    events = check(trace_of(heard))
    [attempt] = of(events, "X", "attempt 1")
    assert attempt["args"]["error"] == "OSError: busy"
    [waited] = of(events, "X", "waits to try again")
    assert waited["args"]["seconds"] == pytest.approx(0.002)
    assert len(of(events, "b")) == len(of(events, "e"))


@pytest.mark.parametrize("until", [None, 1_900_000_000.0])
def test_a_run_that_was_cut_off_anywhere_is_a_trace(until: float | None) -> None:
    saver = InMemorySaver()
    story(saver).invoke(3, CONFIG)
    records = read_run(saver, "t")
    for end in range(len(records) + 1):
        check(trace_of(records[:end], until))


def test_clocks_that_go_back_give_no_negative_times() -> None:
    records = [
        RunStarted(run_id="r", thread_id="", workflow="w", at=100.0),
        CallReturned(path="0.0", name="f", started=99.0, at=98.0, edges=("0.1", "0.9"), value=Value(1)),
        CallReturned(path="0.1", name="f", started=101.0, at=100.5, edges=("0.1",), value=Value(1)),
        RunReturned(point="p", at=90.0, value=Value(None)),
    ]
    check(trace_of(records))


def test_large_and_odd_values_are_short_texts() -> None:
    class Odd:
        def __repr__(self) -> str:
            raise RuntimeError("no repr")

    records = [
        RunStarted(run_id="r", thread_id="t", workflow="w", at=1.0),
        CallReturned(path="0.0", name="f", shown="x" * 10**6, started=1.0, at=2.0, value=Value("y" * 10**6)),
        CallReturned(path="0.1", name="f", started=1.0, at=2.0, value=Value(Odd())),
        CallReturned(path="0.2", name="f", started=1.0, at=2.0, value=Value(None, bytes(LARGE + 1))),
        RunReturned(point="p", at=3.0, value=Value(None)),
    ]
    one, odd, large = of(check(trace_of(records)), "X", "f")
    assert len(one["args"]["arguments"]) == len(one["args"]["result"]) == TEXT
    assert odd["args"]["result"] == "<cannot be shown: RuntimeError>"
    assert large["args"]["result"] == "<10,000,001 bytes>"
