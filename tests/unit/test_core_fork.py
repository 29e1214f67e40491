"""What a fork takes over, call by call and branch by branch."""

from __future__ import annotations

import pytest

from nbflow.core.fork import before, begun_again, handed_in, places
from nbflow.core.record import (
    Answered,
    Asked,
    Caller,
    CallFailed,
    CallReturned,
    Discarded,
    Record,
    RunPaused,
    RunResumed,
    RunStarted,
)


def log(*events: str) -> list[Record]:
    """Return a log: ``"0.1"`` ended, ``"!0.1"`` failed for good, ``"?0.1"`` asked, ``"=0.1"`` was answered."""
    records: list[Record] = [RunStarted(run_id="r", thread_id="t", workflow="flow")]
    for event in events:
        path = event.lstrip("!?=-")
        if event[0] == "?":
            records.append(Asked(path=path, id=path, name="ask", callers=(Caller(path, "ask"),)))
            records.append(RunPaused(ids=(path,)))
        elif event[0] == "=":
            records += [RunResumed(), Answered(path=path, id=path)]
        elif event[0] == "!":
            records.append(CallFailed(path=path, name="fail"))
        elif event[0] == "-":
            records.append(Discarded(path=path))
        else:
            records.append(CallReturned(path=path, name="step"))
    return records


def short(records: list[Record]) -> list[str]:
    marks = {Asked: "?", Answered: "="}
    assert all(record.copied for record in records)
    return [f"{marks.get(type(record), '')}{record.path}" for record in records]


@pytest.mark.parametrize(
    ("events", "taken"),
    [
        (["0.0", "0.1"], ["0.0", "0.1"]),
        (["0.0", "!0.1"], ["0.0"]),
        (["0.0", "?0", "=0", "0.1"], ["0.0"]),
        (["0.0", "?0.1", "=0.1", "0.1", "0.2"], ["0.0"]),
        (["0.1.0", "?0.1", "=0.1", "0.1.1", "0.1"], ["0.1.0"]),
        (["?0.1", "=0.1", "0.0", "0.1"], ["0.0"]),
        (["0.b1.0", "?0.b0.0", "=0.b0.0", "0.b1.1", "0.b0.0", "0.b0.1", "0.0"], ["0.b1.0", "0.b1.1"]),
        (["?0.0.b0.1", "=0.0.b0.1", "0.0.b0.1", "0.0.b1.0", "0.0.0", "0.0", "0.1"], ["0.0.b1.0"]),
        (["0.0", "0.1", "-0.1", "0.1"], ["0.0", "0.1"]),
        (["0.10", "?0.2", "=0.2", "0.9"], ["0.10"]),
    ],
)
def test_what_no_answer_led_to_is_taken_over(events: list[str], taken: list[str]) -> None:
    assert short(begun_again(log(*events))) == taken


@pytest.mark.parametrize(
    ("events", "at", "taken"),
    [
        (["0.0", "0.1", "0.2"], "0", []),
        (["0.0", "0.1", "0.2"], "0.1", ["0.0"]),
        (["0.1", "0.0", "0.2"], "0.1", ["0.0"]),
        (["0.2", "0.0", "0.10"], "0.10", ["0.2", "0.0"]),
        (["0.0.0", "0.0.1", "0.0", "0.1.0", "0.1.1", "0.1", "0.2"], "0.1.1", ["0.0.0", "0.0.1", "0.0", "0.1.0"]),
        (["0.b0.0", "0.b1.0", "0.b0.1", "0.b1.1", "0.0"], "0.b0.1", ["0.b0.0", "0.b1.0"]),
        (["0.0", "0.b0.0", "0.1"], "0.b0.0", ["0.0"]),
        (["0.b0.0", "0.0", "0.1"], "0.0", ["0.b0.0"]),
        (["?0", "=0", "0.0", "?0", "=0", "0.1"], "0.0", ["?0", "=0"]),
        (["0.0", "?0.1", "=0.1", "0.1"], "0.1", ["0.0", "?0.1", "=0.1"]),
        (["0.0", "!0.1"], "0.1", ["0.0"]),
        (["0.0.0", "0.1"], "0.0", []),
    ],
)
def test_what_came_before_a_call_is_taken_over(events: list[str], at: str, taken: list[str]) -> None:
    assert short(before(log(*events), at)) == taken


def test_the_places_of_a_log_are_its_calls_and_those_around_them_in_order() -> None:
    records = log("0.10", "0.2.b0.1.0", "!0.3", "?0.4", "?0", "0.5", "-0.5")
    assert list(places(records)) == ["0.2", "0.2.b0.1", "0.2.b0.1.0", "0.3", "0.4"]


def test_a_result_that_is_handed_in_has_the_name_of_the_call_and_no_digests() -> None:
    records = log("0.0", "?0.1", "0.2.0")
    first, asked = handed_in(records, "0.0", 5, 1.0), handed_in(records, "0.1", 6, 1.0)
    assert first is not None
    assert asked is not None
    assert (first.name, first.inputs, first.code, first.value and first.value.get()) == ("step", b"", b"", 5)
    assert (asked.name, asked.copied) == ("ask", True)
    assert handed_in(records, "0.2", 7, 1.0) is None
