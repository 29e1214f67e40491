"""Failures: retried, survived, run again on resume, never lost."""

from __future__ import annotations

import threading
from typing import Any

import pytest

import nbflow
from nbflow import Command, RetryPolicy, interrupt
from nbflow.errors import (
    EmptyInputError,
    InvalidOptionError,
    LostFailureWarning,
    ReplayMismatchError,
    UnserializableError,
)
from tests.behaviour.flavours import Flavour

AT_ONCE = RetryPolicy(initial_interval=0, retry_on=ValueError)


def test_none_goes_on_after_a_failure_and_finished_calls_do_not_run_again(flow: Flavour) -> None:
    ran = []
    broken = True

    @flow.task
    def slow() -> str:
        ran.append("slow")
        return "slow result"

    @flow.task
    def info() -> str:
        ran.append("info")
        if broken:
            raise ValueError("not yet")
        return "info"

    @flow.entrypoint
    def body(_: int) -> Any:
        first = yield slow()
        return [first, (yield info())]

    with pytest.raises(ValueError, match="not yet") as raised:
        flow.invoke(body, 0)
    assert "task 'info', call 0.1, attempt 1 of 1" in raised.value.__notes__
    state = body.get_state({"thread_id": "t"})
    assert state.next == ("body",)
    assert "not yet" in str(state.tasks[0].error)
    broken = False
    assert flow.invoke(body, None) == ["slow result", "info"]
    assert ran == ["slow", "info", "info"]
    assert flow.invoke(body, None) == ["slow result", "info"], "nothing left to do gives the result again"
    assert len(ran) == 3


def test_a_new_input_abandons_the_failed_run(flow: Flavour) -> None:
    ran = []

    @flow.task
    def step(n: int) -> int:
        ran.append(n)
        return n

    @flow.entrypoint
    def body(n: int) -> Any:
        value = yield step(n)
        if n == 1:
            raise RuntimeError("boom")
        return value

    with pytest.raises(RuntimeError, match="boom"):
        flow.invoke(body, 1)
    assert flow.invoke(body, 2) == 2
    assert ran == [1, 2]


@pytest.mark.parametrize(("failures", "expected"), [(0, "ok"), (2, "ok"), (3, None)])
def test_retries_until_the_policy_gives_up(flow: Flavour, failures: int, expected: str | None) -> None:
    attempts = []

    @flow.task(retry_policy=AT_ONCE)
    def flaky() -> str:
        attempts.append(1)
        if len(attempts) <= failures:
            raise ValueError(len(attempts))
        return "ok"

    @flow.entrypoint
    def body(_: int) -> Any:
        return (yield flaky())

    if expected is None:
        with pytest.raises(ValueError, match="3"):
            flow.invoke(body, 0)
        assert len(attempts) == 3
        return
    assert flow.invoke(body, 0) == expected
    call = next(call for call in body.last_run({"thread_id": "t"}).calls if call.name == "flaky")
    assert call.attempt == failures + 1


def test_a_retried_caller_replays_what_its_calls_returned(flow: Flavour) -> None:
    ran = []
    draws = iter(range(10))

    @flow.task
    def draw() -> int:
        ran.append("draw")
        return next(draws)

    @flow.task(retry_policy=AT_ONCE)
    def outer() -> Any:
        value = yield draw()
        ran.append("outer")
        if ran.count("outer") == 1:
            raise ValueError("first attempt")
        return value

    @flow.entrypoint
    def body(_: int) -> Any:
        value = yield outer()
        return [value, interrupt(value)]

    assert flow.invoke(body, 0)["__interrupt__"][0].value == 0
    assert flow.invoke(body, Command(resume="yes")) == [0, "yes"]
    assert ran == ["draw", "outer", "outer"]


def test_a_failure_that_was_survived_is_an_outcome_and_is_replayed(flow: Flavour) -> None:
    ran = []

    @flow.task
    def flaky() -> str:
        ran.append("flaky")
        if ran.count("flaky") == 1:
            raise KeyError("lost", 7)
        return "late success"

    @flow.task
    def cleanup() -> str:
        ran.append("cleanup")
        return "cleaned"

    @flow.entrypoint
    def body(_: int) -> Any:
        try:
            result = yield flaky()
        except KeyError as error:
            result = [*error.args, (yield cleanup())]
        return [result, interrupt("?")]

    flow.invoke(body, 0)
    assert flow.invoke(body, Command(resume="on")) == [["lost", 7, "cleaned"], "on"]
    assert ran == ["flaky", "cleanup"]


def test_an_unserialisable_result_fails_its_call_and_says_where(flow: Flavour) -> None:
    @flow.task
    def load() -> Any:
        return {"rows": [1, {"client": object()}]}

    @flow.entrypoint
    def body(_: int) -> Any:
        return (yield load())

    with pytest.raises(UnserializableError) as raised:
        flow.invoke(body, 0)
    assert raised.value.path == '["rows"][1]["client"]'
    assert any("'load'" in note for note in raised.value.__notes__)
    assert body.get_state({"thread_id": "t"}).next == ("body",)


def test_an_unserialisable_return_value_does_not_look_finished(flow: Flavour) -> None:
    @flow.entrypoint
    def body(good: bool) -> Any:
        return "fine" if good else object()

    with pytest.raises(UnserializableError):
        flow.invoke(body, False)
    state = body.get_state({"thread_id": "t"})
    assert state.next == ("body",)
    assert state.values is None
    assert flow.invoke(body, True) == "fine"


def test_an_unserialisable_input_leaves_the_thread_as_it_was(flow: Flavour) -> None:
    ran = []

    @flow.entrypoint
    def body(value: Any) -> Any:
        ran.append(value)

    with pytest.raises(UnserializableError):
        flow.invoke(body, object())
    assert ran == []
    assert body.last_run({"thread_id": "t"}) is None
    flow.invoke(body, 1)
    assert ran == [1]


def test_a_failed_task_that_nobody_awaited_is_told(flow: Flavour) -> None:
    @flow.task
    def bad() -> None:
        raise ValueError("unheard")

    @flow.entrypoint
    def body(_: int) -> str:
        bad()
        return "fine"

    with pytest.warns(LostFailureWarning, match=r"'bad', call 0\.0.*unheard"):
        assert flow.invoke(body, 0) == "fine"


def test_none_on_an_unknown_thread_is_told(flow: Flavour) -> None:
    @flow.entrypoint
    def body(_: int) -> None: ...

    with pytest.raises(EmptyInputError, match="thread 'typo'"):
        flow.invoke(body, None, thread="typo")


def test_another_call_at_a_recorded_position_is_an_error(flow: Flavour) -> None:
    asks = "a"

    @flow.task
    def a(n: int) -> str:
        return f"a{n}"

    @flow.task
    def b(n: int) -> str:
        return f"b{n}"

    argument = 1

    @flow.entrypoint
    def body(_: int) -> Any:
        value = yield (a(argument) if asks == "a" else b(argument))
        return [value, interrupt("?")]

    flow.invoke(body, 0)
    asks = "b"
    with pytest.raises(ReplayMismatchError, match=r"0\.0.*task 'a'.*task 'b'"):
        flow.invoke(body, Command(resume=1))
    asks, argument = "a", 2
    with pytest.raises(ReplayMismatchError, match=r"arguments 1.*arguments 2"):
        flow.invoke(body, None)
    assert flow.invoke(body, None, on_divergence="rerun") == ["a2", 1]


def test_rerun_discards_what_came_after(flow: Flavour) -> None:
    ran = []
    factor = 1

    @flow.task
    def scale(n: int) -> int:
        ran.append(n)
        return n

    @flow.entrypoint
    def body(_: int) -> Any:
        one = yield scale(1)
        two = yield scale(2 * factor)
        three = yield scale(3)
        return [one, two, three, interrupt("?")]

    flow.invoke(body, 0)
    factor = 10
    flow.invoke(body, None, on_divergence="rerun")
    assert ran == [1, 2, 3, 20, 3]
    assert flow.invoke(body, Command(resume="on")) == [1, 20, 3, "on"]
    assert ran == [1, 2, 3, 20, 3]


def test_edited_code_of_a_finished_task_is_noticed(flow: Flavour) -> None:
    @flow.task(name="price", version="1")
    def old() -> int:
        return 1

    @flow.task(name="price", version="2")
    def new() -> int:
        return 2

    current = old

    @flow.entrypoint
    def body(_: int) -> Any:
        value = yield current()
        return [value, interrupt("?")]

    flow.invoke(body, 0)
    current = new
    with pytest.raises(ReplayMismatchError, match="other code"):
        flow.invoke(body, Command(resume=1))
    assert flow.invoke(body, None, on_divergence="rerun") == [2, 1]


def test_reuse_runs_only_what_changed(flow: Flavour) -> None:
    ran: list[str] = []

    def make(version: str) -> Any:
        @flow.task(version="1")
        def load(n: int) -> list[int]:
            ran.append(f"load {n}")
            return [n]

        @flow.task(version=version)
        def clean(rows: list[int]) -> list[int]:
            ran.append(f"clean {version}")
            return [*rows, int(version)]

        @flow.task(version="1")
        def fit(rows: list[int]) -> int:
            ran.append(f"fit {rows}")
            return sum(rows)

        @flow.entrypoint(name="study")
        def study(n: int) -> Any:
            loaded = yield [load(n), load(n), load(n + 1)]
            rows = yield clean(loaded[0])
            return [loaded, (yield fit(rows)), (yield fit(loaded[2]))]

        return study

    first = flow.invoke(make("1"), 1)
    assert sorted(ran[:3]) == ["load 1", "load 1", "load 2"], "side by side"
    assert ran[3:] == ["clean 1", "fit [1, 1]", "fit [2]"]
    ran.clear()
    assert flow.invoke(make("1"), 1, reuse=True) == first
    assert ran == []
    assert flow.invoke(make("2"), 1, reuse=True) == [[[1], [1], [2]], 3, 2]
    assert ran == ["clean 2", "fit [1, 2]"]
    last = make("2").last_run({"thread_id": "t"})
    states = {call.path: call.state for call in last.calls}
    assert states == {
        "0": "done", "0.0": "reused", "0.1": "reused", "0.2": "reused", "0.3": "done", "0.4": "done", "0.5": "reused",
    }  # fmt: skip
    ran.clear()
    flow.invoke(make("2"), 1)
    assert len(ran) == 6, "without reuse everything runs"


def test_reuse_takes_over_from_a_failed_run_but_no_answers(flow: Flavour) -> None:
    ran: list[str] = []
    broken = True

    @flow.task
    def slow() -> str:
        ran.append("slow")
        return "slow"

    @flow.task
    def review(text: str) -> Any:
        return [text, interrupt("Good?")]

    @flow.task(version="1")
    def last() -> str:
        if broken:
            raise ValueError("not yet")
        return "last"

    @flow.entrypoint
    def body(_: int) -> Any:
        text = yield slow()
        verdict = yield review(text)
        return [verdict, (yield slow()), (yield last())]

    flow.invoke(body, 0)
    with pytest.raises(ValueError, match="not yet"):
        flow.invoke(body, Command(resume="old answer"))
    broken = False
    asked = flow.invoke(body, 0, reuse=True)
    assert asked["__interrupt__"][0].value == "Good?", "an answer belongs to its run"
    assert flow.invoke(body, Command(resume="new answer")) == [["slow", "new answer"], "slow", "last"]
    assert ran == ["slow", "slow"], "also after the pause, nothing that was done is done again"


def test_a_reused_result_belongs_to_the_new_run(flow: Flavour) -> None:
    ran: list[str] = []

    @flow.task
    def step() -> str:
        ran.append("step")
        return "step"

    @flow.entrypoint
    def body(_: int) -> Any:
        value = yield step()
        return [value, interrupt("?")]

    flow.invoke(body, 0)
    flow.invoke(body, 0, reuse=True)
    assert flow.invoke(body, Command(resume="yes")) == ["step", "yes"]
    assert ran == ["step"]
    assert flow.invoke(body, 0, reuse=True)["__interrupt__"]
    assert ran == ["step"], "what was reused can be reused again"


def test_reuse_wants_an_input(flow: Flavour) -> None:
    @flow.entrypoint
    def body(_: int) -> Any:
        return interrupt("?")

    flow.invoke(body, 0)
    for given in (None, Command(resume=1)):
        with pytest.raises(InvalidOptionError, match="new run"):
            flow.invoke(body, given, reuse=True)


def test_failures_that_nobody_asked_for_stand_beside_the_one_that_ended_the_run() -> None:
    ended = threading.Event()

    @nbflow.task
    def bad(what: str) -> None:
        raise ValueError(what)

    @nbflow.entrypoint()
    def body(_: int) -> None:
        bad("two").add_done_callback(lambda _: ended.set())
        assert ended.wait(30)
        bad("one").result()

    with pytest.raises(ValueError, match="one") as caught:
        body.invoke(1)
    assert any("nobody asked for its result: ValueError('two')" in note for note in caught.value.__notes__)


def test_a_lost_failure_points_at_who_ran_the_workflow() -> None:
    @nbflow.task
    def bad() -> None:
        raise ValueError("unheard")

    @nbflow.entrypoint()
    def body(n: int) -> int:
        bad()
        return n

    with pytest.warns(LostFailureWarning) as told:
        assert body.invoke(1) == 1
    assert told[0].filename == __file__


def test_decoration_calls_no_predicate(flow: Flavour) -> None:
    asked: list[BaseException] = []

    def retry_on(error: BaseException) -> bool:
        asked.append(error)
        return False

    @flow.task(retry_policy=RetryPolicy(retry_on=retry_on))
    def work() -> None:
        raise ValueError("boom")

    @flow.entrypoint
    def body(_: int) -> Any:
        return (yield work())

    assert asked == []
    with pytest.raises(ValueError, match="boom"):
        flow.invoke(body, 0)
    assert [str(error) for error in asked] == ["boom"]


def test_an_error_that_no_policy_takes_says_so(flow: Flavour) -> None:
    def noted(policy: RetryPolicy) -> list[str]:
        @flow.task(retry_policy=policy)
        def work() -> None:
            raise KeyError("boom")

        @flow.entrypoint
        def body(_: int) -> Any:
            return (yield work())

        with pytest.raises(KeyError) as failed:
            flow.invoke(body, 0)
        return [note for note in failed.value.__notes__ if "not tried again" in note]

    assert noted(RetryPolicy()) == [
        "not tried again, although there is a retry policy: retry_on does not take KeyError, see RetryPolicy"
    ]
    assert noted(RetryPolicy(initial_interval=0, retry_on=KeyError)) == []
