"""``workflow.start()`` in a body: a call of the run around it, begun once and replayed."""

from __future__ import annotations

import threading
from collections import Counter
from typing import Any

import pytest

from nbflow import entrypoint, interrupt
from nbflow.checkpoint.base import RunKey
from nbflow.errors import InvalidOptionError, RunCancelledError
from nbflow.types import Command
from tests.behaviour.flavours import Flavour

YES = Command(resume="yes")
HERE: Any = {"configurable": {"thread_id": "t"}}


def test_it_runs_once_and_its_result_is_replayed(flow: Flavour) -> None:
    ran: Counter[int] = Counter()

    @flow.task
    def step(n: int) -> Any:
        ran[n] += 1
        return n + 1

    @flow.entrypoint(checkpointer=None)
    def child(n: int) -> Any:
        return (yield step(n))

    @flow.entrypoint
    def parent(n: int) -> Any:
        started = [child.start(one) for one in range(n)]
        found = []
        for run in started:
            found.append((yield run))  # noqa: PERF401  # a generator waits at each
        interrupt("more?")
        again = yield child.start(10)
        return [*found, again, [run.status for run in started], [run.input for run in started]]

    flow.invoke(parent, 3)
    assert flow.invoke(parent, YES) == [1, 2, 3, 11, ["done"] * 3, [0, 1, 2]]
    assert set(ran.values()) == {1}
    assert len(flow.saver.runs("t")) == 1, "they are a part of the run around them"
    rows = flow.saver.rows(RunKey("t", flow.saver.runs("t")[0]))
    assert {row.path for row in rows if row.kind == "CallReturned"} >= {"0.0", "0.0.0", "0.1", "0.2", "0.3", "0.3.0"}


def test_its_question_is_asked_by_the_run_around_it(flow: Flavour) -> None:
    @flow.entrypoint(checkpointer=None)
    def child(n: int) -> Any:
        return [n, interrupt("inside?")]

    @flow.entrypoint
    def parent(n: int) -> Any:
        return (yield child.start(n))

    (question,) = flow.invoke(parent, 1)["__interrupt__"]
    assert question.value == "inside?"
    assert flow.invoke(parent, YES) == [1, "yes"]


def test_its_failure_is_caught_and_replayed(flow: Flavour) -> None:
    @flow.entrypoint(checkpointer=None)
    def child(n: int) -> Any:
        raise ValueError(n)

    @flow.entrypoint
    def parent(n: int) -> Any:
        run = child.start(n)
        try:
            yield run
        except ValueError as error:
            return [error.args, interrupt("more?"), run.status]

    flow.invoke(parent, 1)
    assert flow.invoke(parent, YES) == [(1,), "yes", "failed"]


def test_it_can_be_cancelled_and_that_comes_again(flow: Flavour) -> None:
    let_go = threading.Event()

    @entrypoint()  # in a thread, so that the body can go on
    def child(n: int) -> int:
        let_go.wait(30)
        return n

    @flow.entrypoint
    def parent(n: int) -> Any:
        run = child.start(n)
        cancelled = run.cancel()
        let_go.set()
        try:
            yield run
        except RunCancelledError:
            return [cancelled, run.status, interrupt("more?")]

    flow.invoke(parent, 1)
    assert flow.invoke(parent, YES) == [True, "stopped", "yes"]


def test_it_is_answered_through_the_run_around_it(flow: Flavour) -> None:
    @flow.entrypoint(checkpointer=None)
    def child(n: int) -> Any:
        return n

    @flow.entrypoint
    def parent(n: int) -> Any:
        run = child.start(n)
        yield run
        run.resume("no")

    with pytest.raises(InvalidOptionError, match="through the run around it"):
        flow.invoke(parent, 1)


def test_with_a_thread_of_its_own_it_is_a_run_of_its_own(flow: Flavour) -> None:
    @flow.entrypoint
    def child(n: int) -> Any:
        return n + 1

    @entrypoint(checkpointer=flow.saver)
    def parent(n: int) -> Any:
        return child.start(n, {"configurable": {"thread_id": "other"}}).result()

    assert parent.invoke(1, HERE) == 2
    assert len(flow.saver.runs("other")) == 1
