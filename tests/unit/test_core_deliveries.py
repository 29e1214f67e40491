"""When a body is given results, effect by effect: no thread, no loop, no clock."""

from __future__ import annotations

from typing import Any

from nbflow.core.branches import Branches, name_of, recorded_branches
from nbflow.core.call import Call, Spec
from nbflow.core.deliveries import Deliveries, Recorded
from nbflow.core.outcome import Outcome
from nbflow.core.record import CallFailed, CallReturned, Observed, Record

SPEC = Spec("step", lambda: None)


def ended(path: str, row: int, body: Deliveries, value: object = None) -> Call:
    """Have a call end whose result is stored in a row."""
    call = Call(path, SPEC, (), {}, outcome=Outcome(value), row=row)
    body.pending += 1
    body.count += 1
    body.arrived.append((row, body.count, call))
    body.arrived.sort(key=lambda one: one[:2])
    return call


def body_of(*records: Record, in_flight: dict[Any, int] | None = None) -> Deliveries:
    settled: Any = {record.path: record for record in records if isinstance(record, (CallReturned, CallFailed))}
    return Deliveries("0", in_flight if in_flight is not None else {}, Recorded(records, settled))


def test_results_come_one_at_a_time_in_the_order_of_their_rows() -> None:
    body = body_of()
    late, early = ended("0.0", 7, body), ended("0.1", 5, body)
    assert body.take() is early
    assert body.take() is late
    assert body.take() is None
    assert (body.given, body.pending) == (2, 0)


def test_a_body_that_waits_for_one_is_given_those_before_it() -> None:
    body = body_of()
    calls = [ended(f"0.{n}", n + 1, body) for n in range(4)]
    assert body.take_until(calls[2]) == calls[:3]
    assert body.take_until(calls[3]) == calls[3:]


def test_a_result_waits_for_lower_rows_that_are_being_made_durable() -> None:
    in_flight = {"another": 3}
    body = body_of(in_flight=in_flight)
    call = ended("0.0", 4, body)
    assert body.take() is None
    del in_flight["another"]
    assert body.take() is call


def test_recorded_misses_come_again_before_the_result() -> None:
    body = body_of(Observed(misses=((0, 2),)))
    call = ended("0.0", 1, body)
    for _ in range(2):
        assert body.expects_miss
        assert body.take() is None
        body.miss()
    assert body.take() is call
    assert body.observed(1.0) == (), "what was recorded is not recorded again"


def test_a_body_that_waits_without_a_limit_is_given_the_result_all_the_same() -> None:
    body = body_of(Observed(misses=((0, 2),)))
    call = ended("0.0", 1, body)
    assert body.take(overrule=True) is call


def test_new_misses_are_counted_while_a_result_is_to_come() -> None:
    body = body_of()
    body.miss()
    assert not body.is_unsaved, "nothing was to come yet"
    body.pending = 2
    body.miss()
    body.miss()
    ended("0.0", 1, body)
    body.take()
    body.miss()
    (record,) = body.observed(2.5)
    assert record == Observed(path="0", at=2.5, misses=((0, 2), (1, 1)))
    assert body.observed(3.0) == ()
    body.see_again((record,))
    assert body.observed(3.0) == (record,), "what could not be stored goes with the next commit"


def test_a_failure_keeps_its_place_though_it_became_durable_later() -> None:
    records = [
        CallReturned(path="0.1", name="step"),
        CallReturned(path="0.2", name="step"),
        CallFailed(path="0.0", name="step", survived=True, place=1),
        CallReturned(path="0.b0.0", name="step"),
        CallReturned(path="0.2.0", name="step"),
    ]
    order = Recorded(records, {record.path: record for record in records})
    assert sorted(("0.0", "0.1", "0.2", "0.b0.0"), key=order.places.__getitem__) == ["0.1", "0.0", "0.2", "0.b0.0"]
    assert len(order.of("0")) == 4
    assert order.of("0.7") == []


def test_branches_are_found_again_by_their_batch_and_key() -> None:
    first = Branches({})
    numbers = [first.number(key) for key in ("a", "b", "c")]
    assert numbers == [(0, 0), (1, 0), (2, 0)]
    first.end_batch()
    assert first.number("a") == (3, 3)
    names = [name_of(number, batch, key) for (number, batch), key in zip(numbers, "abc", strict=True)]
    records = [CallReturned(path=f"0.b{n}.0", name="step", branch=name) for n, name in enumerate(names) if n != 1]
    recorded = recorded_branches({record.path: record for record in records}, {})
    again = Branches(dict(recorded["0"]))
    assert [again.number(key)[0] for key in ("c", "b", "a")] == [2, 1, 0], "whatever order the set has now"
    again.end_batch()
    assert again.number("c") == (3, 3), "a later batch is another one"
