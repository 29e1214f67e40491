"""Traps of durable workflows that no other file has a place for; README.md lists them all."""

from __future__ import annotations

import contextvars
import functools
import subprocess
import sys
import threading
from collections import OrderedDict, defaultdict
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from nbflow import Command, InMemorySaver, RetryPolicy, SqliteSaver, entrypoint, interrupt, task
from nbflow.core.effects import Sleep
from nbflow.drivers.threads import jittered
from nbflow.errors import CalledOutsideRunError, NothingToResumeError, ThreadBusyError, UnserializableError
from nbflow.types import StreamWriter
from tests.behaviour.flavours import Flavour
from tests.house.sources import ROOT, environment

THREAD = {"thread_id": "t"}
AT_ONCE = RetryPolicy(initial_interval=0, retry_on=ValueError)


def test_an_answer_stays_with_its_run_when_that_fails(flow: Flavour) -> None:
    broken = True

    @flow.entrypoint
    def body(n: int) -> Any:
        answer = interrupt(f"question {n}")
        if broken:
            raise ValueError(answer)
        return [n, answer]

    flow.invoke(body, 1)
    with pytest.raises(ValueError, match="yes"):
        flow.invoke(body, Command(resume="yes"))
    with pytest.raises(NothingToResumeError):
        flow.invoke(body, Command(resume="another"))
    broken = False
    assert flow.invoke(body, None) == [1, "yes"]
    assert "__interrupt__" in flow.invoke(body, 1), "the same question of another run is asked again"


def test_a_retried_body_asks_about_what_it_then_returns(flow: Flavour) -> None:
    draws, ran = iter(range(10)), []

    @flow.task
    def draw() -> int:
        ran.append("draw")
        return next(draws)

    @flow.entrypoint(retry_policy=AT_ONCE)
    def body(_: int) -> Any:
        drawn = yield draw()
        ran.append("body")
        if ran.count("body") == 1:
            raise ValueError(drawn)
        return [drawn, interrupt(f"take {drawn}?")]

    question = flow.invoke(body, 0)["__interrupt__"][0]
    drawn, answer = flow.invoke(body, Command(resume="yes"))
    assert (question.value, answer) == (f"take {drawn}?", "yes")
    assert ran.count("draw") == 1


def test_one_of_two_answers_at_the_same_time_is_refused(flow: Flavour) -> None:
    charged, inside, go = [], threading.Event(), threading.Event()

    @task
    def charge() -> None:
        charged.append(1)
        inside.set()
        assert go.wait(30)

    @entrypoint(checkpointer=flow.saver)
    def body(_: int) -> Any:
        answer = interrupt("charge?")
        charge().result()
        return answer

    flow.invoke(body, 0)
    first = body.last_run(THREAD)
    assert first is not None
    going = first.resume("yes")
    assert inside.wait(30)
    with pytest.raises(ThreadBusyError):
        flow.invoke(body, Command(resume="yes, too"))
    go.set()
    assert going.result() == "yes"
    assert charged == [1]


@pytest.mark.parametrize("how", ["except", "exception()", "next call"])
def test_a_stop_that_is_caught_is_no_result(flow: Flavour, how: str) -> None:
    begun, go, left = threading.Event(), threading.Event(), threading.Event()
    stops = [True]

    @task
    def inner() -> str:
        begun.set()
        assert go.wait(30)
        return "inner"

    @task
    def outer() -> str:
        try:
            if how == "next call":
                begun.set()
                assert go.wait(30)
            call: Any = inner()
            if how == "exception()":
                return repr(call.exception() or call.result())
            return str(call.result())
        except BaseException:
            return "hidden"
        finally:
            left.set()

    @entrypoint(checkpointer=flow.saver)
    def body(_: int) -> str:
        result = outer().result()
        assert not stops
        return result

    run = body.start(0, {"configurable": THREAD})
    assert begun.wait(30)
    run.cancel()
    go.set()
    assert left.wait(30)
    stops.clear()
    assert flow.invoke(body, None).strip("'") == "inner"


@pytest.mark.runs_once("its body notes each time that it runs")
def test_a_replayed_value_is_of_the_type_that_was_returned(flow: Flavour) -> None:
    counts: defaultdict[str, int] = defaultdict(int, a=1)
    values: list[Any] = [
        (1, [2]), counts, OrderedDict(b=1), {1, 2}, 2**80, 1j, Decimal("1.10"), b"raw", "\udcff", {1: "one"}, Path("p"),
    ]  # fmt: skip
    seen = []

    @flow.task
    def make(n: int) -> Any:
        return values[n]

    @flow.entrypoint
    def body(given: Any) -> Any:
        made = yield [make(n) for n in range(len(values))]
        seen.append([*made, given])
        return interrupt("?")

    flow.invoke(body, (1, {2}))
    flow.invoke(body, Command(resume=1))
    first, second = seen
    assert first == second
    assert [type(value) for value in first] == [type(value) for value in second]


def test_a_class_that_could_not_be_found_again_is_refused_at_its_call(flow: Flavour) -> None:
    class Local:
        pass

    @flow.task
    def make() -> Any:
        return {"made": [Local()]}

    @flow.entrypoint
    def body(_: int) -> Any:
        return (yield make())

    with pytest.raises(UnserializableError, match=r'\["made"\]\[0\]') as refused:
        flow.invoke(body, 0)
    assert any("task 'make'" in note for note in refused.value.__notes__)


def test_a_failure_is_stored_with_its_type_its_cause_and_where_it_happened(flow: Flavour) -> None:
    broken = True

    @flow.task
    def fails() -> str:
        if broken:
            raise ValueError("outer") from KeyError("inner")
        return "repaired"

    @flow.entrypoint
    def body(_: int) -> Any:
        return (yield fails())

    with pytest.raises(ValueError, match="outer"):
        flow.invoke(body, 0)
    stored = body.last_run(THREAD)
    with pytest.raises(ValueError, match="outer") as raised:
        stored.result()
    assert isinstance(raised.value.__cause__, KeyError)
    assert "fails" in raised.value.__notes__[0]
    assert "outer" in str(body.get_state(THREAD).tasks[0].error)
    broken = False
    assert flow.invoke(body, None) == "repaired"
    assert [unit.error for state in body.get_state_history(THREAD) for unit in state.tasks] == [None]


def test_a_pause_shows_nothing_of_an_earlier_result(flow: Flavour) -> None:
    @flow.entrypoint
    def body(n: int) -> Any:
        return {"n": n} if n == 1 else interrupt("?")

    assert flow.invoke(body, 1) == {"n": 1}
    assert list(flow.invoke(body, 2)) == ["__interrupt__"]


def test_a_new_input_is_a_new_run_whatever_the_metadata_say(flow: Flavour) -> None:
    config = {"configurable": {"thread_id": "t"}, "metadata": {"run_id": "again"}}

    @flow.entrypoint
    def body(n: int) -> Any:
        return [n, interrupt("?")]

    flow.invoke(body, 1, config=config)
    flow.invoke(body, 2, config=config)
    assert flow.invoke(body, Command(resume="yes"), config=config) == [2, "yes"]


@pytest.mark.runs_once("its body notes each time that it runs")
def test_the_policies_of_a_workflow_hold_for_its_body_alone(flow: Flavour) -> None:
    ran = []

    @flow.task
    def fails() -> None:
        ran.append("task")
        raise ValueError("no")

    @flow.entrypoint(retry_policy=RetryPolicy(max_attempts=3, initial_interval=0, retry_on=ValueError))
    def body(_: int) -> Any:
        ran.append("body")
        return (yield fails())

    with pytest.raises(ValueError, match="no"):
        flow.invoke(body, 0)
    assert ran == ["body", "task"] * 3


@pytest.mark.parametrize("seconds", [0.0, 0.001, 10.0])
def test_chance_lengthens_a_wait_by_a_share_of_it(seconds: float) -> None:
    share = RetryPolicy().jitter
    waits = [jittered(Sleep(seconds, jitter=float(share))) for _ in range(50)]
    assert all(seconds <= wait <= 2 * seconds for wait in waits)


def test_a_replayed_call_writes_nothing(flow: Flavour) -> None:
    @flow.task
    def tells(writer: StreamWriter) -> None:
        writer("task")

    @flow.entrypoint
    def body(_: int, writer: StreamWriter) -> Any:
        writer("body")
        yield tells()
        return interrupt("?")

    assert flow.stream(body, 0, stream_mode="custom") == ["body", "task"]
    assert flow.stream(body, Command(resume=1), stream_mode="custom") == ["body"]


def test_naming_a_task_leaves_its_function_as_it_is() -> None:
    def work() -> str:
        return "done"

    named = task(name="step")(work)

    @entrypoint(checkpointer=InMemorySaver())
    def body(_: int) -> str:
        return named().result()

    assert body.invoke(0, THREAD) == "done"
    run = body.last_run(THREAD)
    assert run is not None
    assert [call.name for call in run.calls] == ["body", "step"]
    assert work.__name__ == "work"


def test_anything_that_can_be_called_can_be_a_task_or_a_body() -> None:
    class Adder:
        def __init__(self, more: int) -> None:
            self.more = more

        def __call__(self, n: int) -> int:
            return n + self.more

        def add(self, n: int) -> int:
            return n + self.more

    adder = Adder(2)
    tasks = [task(adder), task(adder.add), task(functools.partial(pow, 2)), task(lambda n: -n), task(abs)]

    @entrypoint(checkpointer=InMemorySaver())
    def body(n: int) -> list[Any]:
        return [one(n).result() for one in tasks]

    assert body.invoke(3, THREAD) == [5, 5, 8, -3, 3]
    bodies: list[Any] = [adder, adder.add, functools.partial(pow, 2), lambda n: -n]
    assert [entrypoint()(one).invoke(3) for one in bodies] == [5, 5, 8, -3]


@pytest.mark.runs_once("its thread goes on beside the next run of the body")
def test_a_thread_of_ones_own_needs_the_context_and_is_told_so(flow: Flavour) -> None:
    @task
    def square(n: int) -> int:
        return n * n

    def in_a_thread(fn: Any) -> Any:
        results: list[Any] = []

        def work() -> None:
            try:
                results.append(fn())
            except Exception as error:
                results.append(error)

        thread = threading.Thread(target=work)
        thread.start()
        thread.join(30)
        return results[0]

    @flow.entrypoint
    def body(n: int) -> Any:
        inside = contextvars.copy_context()
        without, with_it = in_a_thread(lambda: square(n)), in_a_thread(lambda: inside.run(lambda: square(n).result()))
        assert isinstance(without, CalledOutsideRunError)
        return [str(without), with_it]

    said, squared = flow.invoke(body, 3)
    assert "copy_context" in said
    assert squared == 9


STUCK = """
import threading
from nbflow import entrypoint, task

@task
def never():
    threading.Event().wait()

@task
def nested(n):
    return nested(n - 1).result() if n else never().result()

@entrypoint()
def body(_):
    return nested(20).result()

body.start(0)
print("the end")
"""


def test_a_process_ends_although_a_task_never_does() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", STUCK], env=environment(ROOT), capture_output=True, text=True, timeout=30, check=True
    )
    assert ended.stdout == "the end\n"


def test_one_saver_serves_sync_and_async_code(tmp_path: Path) -> None:
    with SqliteSaver.from_conn_string(tmp_path / "runs.db") as saver:
        for name, other in [("sync", "async"), ("async", "sync")]:

            def body(n: int) -> Any:
                return [n, interrupt("?")]

            asked = Flavour(name, saver).entrypoint(body)
            Flavour(name, saver).invoke(asked, 1, name)
            answered = Flavour(other, saver).entrypoint(body)
            assert Flavour(other, saver).invoke(answered, Command(resume="yes"), name) == [1, "yes"]
