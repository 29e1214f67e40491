"""Bringing a run to a halt between two calls."""

from __future__ import annotations

from typing import Any

import pytest

import nbflow
from nbflow.errors import GraphDrained, InvalidOptionError
from nbflow.types import RunControl
from tests.behaviour.flavours import Flavour


def test_no_further_call_begins_and_the_thread_goes_on_later(flow: Flavour) -> None:
    ran: list[int] = []
    control = RunControl()

    @flow.task
    def step(n: int) -> int:
        ran.append(n)
        if n == 1:
            control.request_drain("the machine goes down")
        return n

    @flow.entrypoint
    def body(_: int) -> Any:
        done = []
        for n in range(4):
            done += [(yield step(n))]
        return done

    with pytest.raises(GraphDrained, match="the machine goes down") as caught:
        flow.invoke(body, 1, control=control)
    assert caught.value.reason == "the machine goes down"
    assert ran == [0, 1]
    run = body.last_run({"configurable": {"thread_id": "t"}})
    assert run.status == "stopped"
    assert flow.invoke(body, None) == [0, 1, 2, 3]
    assert ran == [0, 1, 2, 3]


def test_a_run_that_is_asked_before_it_begins_keeps_its_input(flow: Flavour) -> None:
    control = RunControl()
    control.request_drain()

    @flow.entrypoint
    def body(n: int) -> int:
        return n

    with pytest.raises(GraphDrained, match="shutdown"):
        flow.invoke(body, 5, control=control)
    assert flow.invoke(body, None) == 5


def test_calls_at_work_end_and_are_kept(flow: Flavour) -> None:
    ran = []
    control = RunControl()

    @flow.task
    def first() -> str:
        control.request_drain()
        return "first"

    @flow.task
    def second(value: str) -> str:
        ran.append(value)
        return "second"

    @flow.entrypoint
    def body(_: int, runtime: nbflow.Runtime[None]) -> Any:
        one = yield first()
        assert runtime.drain_requested == (runtime.control is not None)
        return (yield second(one))

    with pytest.raises(GraphDrained):
        flow.invoke(body, 1, control=control)
    assert [row.state for row in body.last_run({"configurable": {"thread_id": "t"}}).calls] == ["stopped", "done"]
    assert flow.invoke(body, None) == "second"
    assert ran == ["first"]


def test_a_body_may_end_although_it_was_asked_to_halt(flow: Flavour) -> None:
    control = RunControl()

    @flow.entrypoint
    def body(n: int) -> int:
        control.request_drain()
        return n

    assert flow.invoke(body, 1, control=control) == 1


def test_a_control_of_another_kind_is_refused(flow: Flavour) -> None:
    @flow.entrypoint
    def body(n: int) -> int:
        return n

    with pytest.raises(InvalidOptionError, match=r"RunControl\(\)"):
        flow.invoke(body, 1, control=True)


@pytest.mark.parametrize("where", ["the body", "a task"])
def test_a_halt_that_is_caught_is_no_result(flow: Flavour, where: str) -> None:
    control = RunControl()
    ran: list[int] = []

    @flow.task
    def step(n: int) -> int:
        ran.append(n)
        if n == 1:
            control.request_drain()
        return n

    @flow.task
    def hides() -> Any:
        yield step(1)
        try:
            return (yield step(2))
        except BaseException:
            return "hidden"

    @flow.entrypoint
    def body(_: int) -> Any:
        if where == "the body":
            yield step(1)
        try:
            return (yield hides() if where == "a task" else step(2))
        except BaseException:
            return "hidden"

    with pytest.raises(GraphDrained):
        flow.invoke(body, 0, control=control)
    assert flow.invoke(body, None) == 2
    assert ran == [1, 2]
