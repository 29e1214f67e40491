"""How long a run would have taken: recorded calls on paper, against runs whose times are plain to see."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from typing import Any

import pytest

from nbflow.core.record import Answered, Asked, CallReturned, RunPaused, RunResumed, RunReturned, RunStarted
from nbflow.errors import InvalidOptionError
from nbflow.views.progress import RunView, run_of
from nbflow.views.what_if import Recorded, what_if

T0 = 1_000.0


def call(path: str, begin: float, end: float, name: str = "", asked: float | None = None, **more: Any) -> CallReturned:
    requested = T0 + asked if asked is not None else 0.0
    return CallReturned(
        path=path, at=T0 + end, name=name or f"t{path[-1]}", started=T0 + begin, requested=requested, **more
    )


def view_of(*records: Any, end: float) -> RunView:
    started = RunStarted(path="0", at=T0, run_id="r", thread_id="t", workflow="flow")
    return run_of([started, *records, RunReturned(path="0", at=T0 + end, point="p")])


def fan_out(count: int, places: int, seconds: float = 2.0, name: str = "embed") -> list[CallReturned]:
    """Return calls that were all asked for at second 1 and of which so many worked at a time."""
    waves = [index // places for index in range(count)]
    return [
        call(f"0.{index + 1}", 1 + wave * seconds, 1 + (wave + 1) * seconds, name, asked=1)
        for index, wave in enumerate(waves)
    ]


def told(found: list[Any]) -> dict[str, Any]:
    return {one.what: pytest.approx(one.seconds) for one in found}


def test_one_after_the_other() -> None:
    view = view_of(call("0.0", 1, 3, "load"), call("0.1", 3, 7, "fit"), end=8)
    assert told(what_if(view)) == {"as it was": 8, "fit twice as fast": 6, "load twice as fast": 7}
    assert told(what_if(view, faster={"fit": 4})) == {"as it was": 8, "fit 4 times as fast": 5}
    assert told(what_if(view, faster={"fit": 0.5})) == {"as it was": 8, "fit 0.5 times as fast": 12}


def test_side_by_side_the_other_one_comes_to_count() -> None:
    view = view_of(call("0.0", 0, 4, "slow"), call("0.1", 0, 3, "quick"), call("0.2", 4, 5, "last"), end=5)
    assert told(what_if(view, faster={"slow": 4})) == {"as it was": 5, "slow 4 times as fast": 4}
    assert told(what_if(view, faster={"quick": 3})) == {"as it was": 5, "quick 3 times as fast": 5}


def test_more_workers_help_where_calls_had_to_wait() -> None:
    view = view_of(call("0.0", 0, 1, "load"), *fan_out(16, 2), end=17)
    recorded = Recorded(view)
    assert (recorded.limited, recorded.places, recorded.as_it_was()) == ({"embed"}, 2, 17)
    assert told(what_if(view))["with 4 workers"] == 9
    assert told(what_if(view))["with any number of workers"] == 3
    assert told(what_if(view, workers=16))["with 16 workers"] == 3
    assert told(what_if(view, workers=1))["with 1 worker"] == 33
    assert told(what_if(view, workers=16, faster={"embed": 2}))["with 16 workers, embed 2 times as fast"] == 2


def test_fewer_workers_can_be_asked_for_where_none_waited() -> None:
    calls = [call(f"0.{n}", 0, 2, "leaf") for n in range(4)]
    view = view_of(*calls, end=2)
    assert told(what_if(view, workers=2))["with 2 workers"] == 4
    assert "with any number of workers" not in told(what_if(view))


def test_a_call_waits_for_what_it_was_given() -> None:
    view = view_of(
        call("0.0", 0, 4, "load"), call("0.1", 4, 6, "use", edges=("0.0",)), call("0.2", 0, 5, "other"), end=6
    )  # fmt: skip
    assert told(what_if(view, faster={"load": 2}))["load 2 times as fast"] == 5, "then the other one bounds it"


def test_nested_bodies_and_branches_go_their_own_way() -> None:
    nested = call("0.0", 0, 6, "child", kind="entrypoint")
    view = view_of(
        call("0.0.b0.0", 1, 3, "left"), call("0.0.b0.1", 3, 4, "left"), call("0.0.b1.0", 1, 5, "right"), nested, end=7
    )  # fmt: skip
    assert told(what_if(view, faster={"right": 4})) == {"as it was": 7, "right 4 times as fast": 6}
    assert told(what_if(view, faster={"left": 9}))["left 9 times as fast"] == 7
    assert told(what_if(view, faster={"child": 2}))["child 2 times as fast"] == 6, "its own code, of 2 seconds"


def test_taken_results_take_no_time() -> None:
    view = view_of(call("0.0", 0, 5, "load", reused=True), call("0.1", 0, 3, "fit"), end=4)
    assert told(what_if(view))["as it was"] == 4
    assert "load twice as fast" not in told(what_if(view))


def test_without_people() -> None:
    records = [
        call("0.0", 0, 2, "load"),
        Asked(path="0", at=T0 + 2, id="q", name="flow", ordinal=0),
        RunPaused(path="0", at=T0 + 2, ids=("q",), point="p1"),
        RunResumed(at=T0 + 100),
        Answered(path="0", at=T0 + 100, id="q"),
        call("0.1", 100, 104, "fit"),
    ]
    found = told(what_if(view_of(*records, end=104)))
    assert found["as it was"] == 104
    assert found["without waiting for people"] == 6
    assert found["fit twice as fast"] == 102


def test_a_run_of_nothing() -> None:
    assert told(what_if(view_of(end=0))) == {"as it was": 0}
    assert told(what_if(view_of(end=3))) == {"as it was": 3}


def ways(chance: random.Random, prefix: str = "0", at: float = 0.0, depth: int = 0) -> Iterator[tuple[Any, float]]:
    """Yield the calls of a random body, and when it came to an end: chains, fan-outs that it waits for, nested ones."""
    number = itertools.count()
    for _ in range(chance.randint(1, 4)):
        at += chance.random()
        kind = chance.choice(["chain", "out", "nest"] if depth < 2 else ["chain", "out"])
        if kind == "nest":
            path, begin = f"{prefix}.{next(number)}", at
            inside = [*ways(chance, path, at, depth + 1)]
            yield from inside
            at = max(end for _, end in inside)
            yield call(path, begin, at, "child", kind="entrypoint"), at
            continue
        ends = [at + chance.random() for _ in range(1 if kind == "chain" else chance.randint(2, 4))]
        for end in ends:
            yield call(f"{prefix}.{next(number)}", at, end, chance.choice("abc")), max(ends)
        at = max(ends)


@pytest.mark.parametrize("seed", range(60))
def test_with_nothing_changed_it_takes_as_long_as_it_did(seed: int) -> None:
    records = [*ways(random.Random(seed))]
    end = max(at for _, at in records) + 0.5
    view = view_of(*(record for record, _ in sorted(records, key=lambda one: one[0].at)), end=end)
    recorded = Recorded(view)
    assert recorded.as_it_was() == pytest.approx(end)
    assert recorded.takes(faster={"a": 1.0}) == pytest.approx(end)
    twice = recorded.takes(faster=dict.fromkeys([*"abc", "child", "flow"], 2.0))
    assert twice == pytest.approx(end / 2), "all of it twice as fast is half as long"
    for name in "abc":
        assert end / 2 <= recorded.takes(faster={name: 2.0}) + 1e-9 <= end + 1e-6
    assert recorded.takes(places=1, names=recorded.names) >= end - 1e-6


@pytest.mark.parametrize("workers", [0, -1, 1.5, True, "4"])
def test_workers_are_a_whole_number(workers: Any) -> None:
    with pytest.raises(InvalidOptionError, match="whole number from 1"):
        what_if(view_of(call("0.0", 0, 1), end=1), workers=workers)


@pytest.mark.parametrize("faster", [{"nobody": 2}, {"t0": 0}, {"t0": -1}, {"t0": "2"}, {"t0": float("nan")}, ["t0"], 2])
def test_faster_is_a_dict_of_tasks(faster: Any) -> None:
    with pytest.raises(InvalidOptionError, match="t0"):
        what_if(view_of(call("0.0", 0, 1), end=1), faster=faster)
