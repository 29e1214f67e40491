"""Forks: a run again, from one of its calls."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import pytest

from nbflow import Command, entrypoint, interrupt, task
from nbflow.errors import (
    InvalidOptionError,
    NoCheckpointerError,
    ReplayMismatchError,
    ThreadBusyError,
    UnserializableError,
)
from tests.behaviour.flavours import Flavour

HERE = {"configurable": {"thread_id": "t"}}


class Chain:
    """Three steps, each fed by the one before; counts what ran."""

    def __init__(self, flow: Flavour) -> None:
        self.ran: Counter[str] = Counter()
        ran = self.ran

        @flow.task
        def step(name: str, n: Any) -> Any:
            ran[name] += 1
            return [name, n]

        @flow.entrypoint
        def chain(n: int, previous: Any) -> Any:
            one = yield step("a", n)
            two = yield step("b", one)
            three = yield step("c", two)
            return [previous, three]

        self.workflow = chain


@pytest.fixture
def chain(flow: Flavour) -> Chain:
    return Chain(flow)


def test_a_fork_runs_from_the_call_on_and_replays_what_was_before(flow: Flavour, chain: Chain) -> None:
    first = flow.invoke(chain.workflow, 1)
    before = list(chain.workflow.get_state_history(HERE))
    assert chain.workflow.fork(HERE, "0.1").result() == first
    assert chain.ran == {"a": 1, "b": 2, "c": 2}
    states = list(chain.workflow.get_state_history(HERE))
    assert states[2:] == before
    assert (states[1].metadata["source"], states[1].metadata["step"]) == ("fork", 0)
    assert states[1].parent_config == before[1].config
    assert [(row.path, row.state) for row in states[0].calls] == [("0.0", "replayed"), ("0.1", "done"), ("0.2", "done")]


def test_a_replaced_result_stands_for_the_call(flow: Flavour, chain: Chain) -> None:
    flow.invoke(chain.workflow, 1)
    assert chain.workflow.fork(HERE, "0.1", "other").result() == [None, ["c", "other"]]
    assert chain.ran == {"a": 1, "b": 1, "c": 2}
    assert chain.workflow.fork(HERE, at="0.0", replace=None).result() == [None, ["c", ["b", None]]]
    assert chain.ran == {"a": 1, "b": 2, "c": 3}


def test_at_0_all_runs_again(flow: Flavour, chain: Chain) -> None:
    flow.invoke(chain.workflow, 1)
    assert chain.workflow.fork(HERE, "0").result() == [None, ["c", ["b", ["a", 1]]]]
    assert chain.workflow.fork(HERE, input=2).result() == [None, ["c", ["b", ["a", 2]]]]
    assert chain.ran == {"a": 3, "b": 3, "c": 3}
    with pytest.raises(InvalidOptionError, match="input="):
        chain.workflow.fork(HERE, "0", "value")


def test_a_result_that_cannot_be_stored_is_told_at_once_and_nothing_runs(flow: Flavour, chain: Chain) -> None:
    flow.invoke(chain.workflow, 1)
    states = list(chain.workflow.get_state_history(HERE))
    with pytest.raises(UnserializableError, match="object can't be stored"):
        chain.workflow.fork(HERE, "0.1", object())
    assert list(chain.workflow.get_state_history(HERE)) == states
    assert chain.workflow.fork(HERE, "0.1", 5).result() == [None, ["c", 5]], "the thread was given back"
    assert chain.ran == {"a": 1, "b": 1, "c": 2}


def test_a_fork_of_an_older_run_has_its_previous(flow: Flavour, chain: Chain) -> None:
    flow.invoke(chain.workflow, 1)
    first = chain.workflow.get_state(HERE)
    flow.invoke(chain.workflow, 2)
    assert chain.workflow.fork(first.config, "0.2", "x").result() == [None, "x"]
    assert flow.invoke(chain.workflow, 3)[0] == [None, "x"]


def test_a_call_that_is_not_there_is_told_with_those_that_are(flow: Flavour, chain: Chain) -> None:
    flow.invoke(chain.workflow, 1)
    for wrong in ("0.7", "bogus", "", 2):
        with pytest.raises(InvalidOptionError, match="position|" + r"0\.0 \(step\), 0\.1 \(step\), 0\.2 \(step\)"):
            chain.workflow.fork(HERE, wrong)
    with pytest.raises(InvalidOptionError, match="no run"):
        chain.workflow.fork({"thread_id": "nobody"}, "0.1")
    with pytest.raises(InvalidOptionError, match="reuse"):
        chain.workflow.fork(HERE, "0.1", reuse=True)
    with pytest.raises(InvalidOptionError, match="input"):
        chain.workflow.fork(HERE, "0.1", input=Command(resume=1))
    assert len(list(chain.workflow.get_state_history(HERE))) == 2


def test_a_fork_needs_a_checkpointer(flow: Flavour) -> None:
    @flow.entrypoint(checkpointer=None)
    def body(n: int) -> int:
        return n

    with pytest.raises(NoCheckpointerError, match=r"fork\(\)"):
        body.fork(HERE, "0.1")


def test_a_failed_call_is_replaced(flow: Flavour) -> None:
    @flow.task
    def fail(n: int) -> int:
        raise ValueError("boom")

    @flow.entrypoint
    def body(n: int) -> Any:
        return [(yield fail(n))]

    with pytest.raises(ValueError, match="boom"):
        flow.invoke(body, 1)
    assert body.fork(HERE, "0.0", "mended").result() == ["mended"]


def test_answers_given_before_are_kept_and_later_ones_are_not(flow: Flavour) -> None:
    ran: Counter[str] = Counter()

    @flow.task
    def step(name: str) -> str:
        ran[name] += 1
        return name

    @flow.entrypoint
    def body(n: int) -> Any:
        one = interrupt("one")
        made = yield step("made")
        two = interrupt("two")
        return [one, made, two]

    flow.invoke(body, 1)
    flow.invoke(body, Command(resume="a"))
    asked = body.get_state(HERE).interrupts
    flow.invoke(body, Command(resume="b"))
    run = body.fork(HERE, "0.0")
    assert run.result()["__interrupt__"] == list(asked)
    assert ran["made"] == 2
    assert flow.invoke(body, Command(resume={asked[0].id: "c"})) == ["a", "made", "c"]
    assert body.fork(HERE, "0").result()["__interrupt__"][0].value == "one"


def test_a_call_that_asks_can_be_replaced(flow: Flavour) -> None:
    @flow.task
    def ask() -> Any:
        return interrupt("?")

    @flow.task
    def around() -> Any:
        return [(yield ask())]

    @flow.entrypoint
    def body(n: int) -> Any:
        return [(yield around())]

    flow.invoke(body, 1)
    assert body.fork(HERE, "0.0.0", "no need").result() == [["no need"]]
    flow.invoke(body, 1)
    with pytest.raises(InvalidOptionError, match="no trace"):
        body.fork(HERE, "0.0", "x")


def test_a_fork_inside_a_call_keeps_what_was_called_before_it(flow: Flavour) -> None:
    ran: Counter[str] = Counter()

    @flow.task
    def leaf(name: str) -> str:
        ran[name] += 1
        return name

    @flow.task
    def pair(one: str, two: str) -> Any:
        first = yield leaf(one)
        second = yield leaf(two)
        return [first, second]

    @flow.entrypoint
    def body(n: int) -> Any:
        both = yield [pair("a", "b"), pair("c", "d")]
        last = yield leaf("e")
        return [*both, last]

    flow.invoke(body, 1)
    assert body.fork(HERE, "0.1.1", "x").result() == [["a", "b"], ["c", "x"], "e"]
    assert ran == {"a": 1, "b": 1, "c": 1, "d": 1, "e": 2}
    assert body.fork(HERE, "0.0").result() == [["a", "b"], ["c", "d"], "e"]
    assert ran == {"a": 2, "b": 2, "c": 2, "d": 2, "e": 3}


def test_another_input_must_lead_to_the_same_calls_before(flow: Flavour, chain: Chain) -> None:
    flow.invoke(chain.workflow, 1)
    with pytest.raises(ReplayMismatchError):
        chain.workflow.fork(HERE, "0.1", input=2).result()
    assert chain.workflow.fork(HERE, "0.0", input=2).result() == [None, ["c", ["b", ["a", 2]]]]


def test_a_fork_of_a_fork_and_of_a_result_brought_back(flow: Flavour, chain: Chain) -> None:
    flow.invoke(chain.workflow, 1)
    first = chain.workflow.get_state(HERE)
    chain.workflow.fork(HERE, "0.1", "x").result()
    assert chain.workflow.fork(HERE, "0.2").result() == [None, ["c", "x"]]
    assert flow.invoke(chain.workflow, None, config=first.config) == [None, ["c", ["b", ["a", 1]]]]
    head = chain.workflow.get_state(HERE)
    with pytest.raises(InvalidOptionError, match="nothing ran there"):
        chain.workflow.fork(head.config, "0.2")
    assert chain.workflow.fork(HERE, "0.2", "last").result() == [None, "last"]


def test_a_result_is_found_by_reuse_behind_an_older_one_brought_back(flow: Flavour, chain: Chain) -> None:
    flow.invoke(chain.workflow, 1)
    first = chain.workflow.get_state(HERE)
    flow.invoke(chain.workflow, 2)
    flow.invoke(chain.workflow, None, config=first.config)
    flow.invoke(chain.workflow, 2, reuse=True)
    assert chain.ran == {"a": 2, "b": 2, "c": 2}


def test_a_thread_that_somebody_works_on_is_not_forked(flow: Flavour, chain: Chain) -> None:
    flow.invoke(chain.workflow, 1)
    flow.saver.lease("t", "somebody")
    with pytest.raises(ThreadBusyError, match="somebody"):
        chain.workflow.fork(HERE, "0.1")
    flow.saver.release("t", "somebody")


def test_other_branches_keep_what_had_ended(flow: Flavour) -> None:
    ran: Counter[str] = Counter()

    @task
    async def step(name: str) -> str:
        ran[name] += 1
        return name

    async def pipeline(name: str, *, asks: bool) -> list[Any]:
        first = await step(f"{name}1")
        answer = interrupt("?") if asks else None
        return [first, answer, await step(f"{name}2")]

    @entrypoint(checkpointer=flow.saver)
    async def body(n: int) -> Any:
        both = await asyncio.gather(pipeline("b", asks=False), pipeline("a", asks=True))
        return [*both, await step("last")]

    body.invoke(1, HERE)
    result = body.invoke(Command(resume="x"), HERE)
    assert result == [["b1", None, "b2"], ["a1", "x", "a2"], "last"]
    once = {"a1": 1, "b1": 1, "b2": 1, "a2": 1, "last": 1}
    assert ran == once
    assert body.fork(HERE, "0.b1.1").result() == result
    assert ran == {**once, "a2": 2, "last": 2}
    assert body.fork(HERE, "0.b0.0").result()["__interrupt__"][0].value == "?"
    assert body.invoke(Command(resume="x"), HERE) == result
