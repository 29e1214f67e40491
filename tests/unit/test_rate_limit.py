"""How many begin in a time, on a clock that the test moves."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from nbflow.drivers.limits.rate import RateLimit


class Time:
    """A clock that a test moves, and what is to happen later on it."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.due: list[tuple[float, Callable[[], None]]] = []

    def later(self, seconds: float, fn: Callable[[], None]) -> None:
        self.due.append((self.now + seconds, fn))

    def pass_by(self) -> None:
        """Go to the next thing that is to happen."""
        self.due.sort(key=lambda one: one[0])
        self.now, fn = self.due.pop(0)
        fn()


class Caller:
    """Stands for a call that wants to begin."""

    def __init__(self) -> None:
        self.call = self
        self.outcome: object = None


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Time:
    time = Time()
    monkeypatch.setattr("nbflow._support.clock.now", lambda: time.now)
    monkeypatch.setattr("nbflow._support.clock.later", time.later)
    return time


def test_no_window_holds_more_starts_than_the_rate(time: Time) -> None:
    pace, starts = RateLimit(3, 10.0), []

    def begin(_: Any) -> None:
        assert pace.may_begin()
        starts.append(time.now)

    for _ in range(10):
        pace.enter(Caller(), begin)  # type: ignore[arg-type]  # all it needs of a future is whether it has ended
        time.now += 1
    while time.due:
        time.pass_by()
    assert starts == [1000, 1001, 1002, 1010, 1011, 1012, 1020, 1021, 1022, 1030]


def test_calls_that_a_gate_held_back_do_not_begin_all_at_once(time: Time) -> None:
    pace, held, starts = RateLimit(2, 10.0), [], []
    gate_is_open = False

    def begin(caller: Any) -> None:
        if not gate_is_open:
            held.append(caller)
        elif pace.may_begin():
            starts.append(time.now)
        else:
            pace.enter(caller, begin, first=True)

    for _ in range(6):
        pace.enter(Caller(), begin)  # type: ignore[arg-type]  # all it needs of a future is whether it has ended
    while time.due:
        time.pass_by()
    assert len(held) == 6
    gate_is_open = True
    time.now = 2000.0
    for caller in held:
        begin(caller)
    while time.due:
        time.pass_by()
    assert starts == [2000, 2000, 2010, 2010, 2020, 2020]


def test_who_has_given_up_takes_no_turn(time: Time) -> None:
    pace, starts = RateLimit(1, 10.0), []

    def begin(caller: Any) -> None:
        assert pace.may_begin()
        starts.append(caller)

    callers = [Caller() for _ in range(3)]
    for caller in callers:
        pace.enter(caller, begin)  # type: ignore[arg-type]  # all it needs of a future is whether it has ended
    callers[1].outcome = True
    while time.due:
        time.pass_by()
    assert starts == [callers[0], callers[2]]
    assert time.now == 1010.0
