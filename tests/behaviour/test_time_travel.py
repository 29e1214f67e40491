"""Older checkpoints: going on from them leaves them as they are."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from nbflow import Command, interrupt
from nbflow.errors import (
    EmptyInputError,
    InvalidOptionError,
    MissingContextError,
    NoCheckpointerError,
    NothingToResumeError,
    UnknownCheckpointError,
    UnknownInterruptError,
)
from tests.behaviour.flavours import Flavour

HERE = {"configurable": {"thread_id": "t"}}


def at(state: Any) -> dict[str, Any]:
    return {"config": state.config}


def ids(workflow: Any) -> list[str]:
    return [state.config["configurable"]["checkpoint_id"] for state in workflow.get_state_history(HERE)]


class Order:
    """A workflow that works, asks, and works with the answer; counts what ran."""

    def __init__(self, flow: Flavour) -> None:
        self.ran: Counter[str] = Counter()
        ran = self.ran

        @flow.task
        def quote(n: int) -> int:
            ran["quote"] += 1
            return n * 10

        @flow.task
        def pay(amount: int, answer: Any) -> Any:
            ran["pay"] += 1
            return [amount, answer]

        @flow.entrypoint
        def order(n: int, previous: Any) -> Any:
            amount = yield quote(n)
            answer = interrupt(f"pay {amount}?")
            paid = yield pay(amount, answer)
            return [previous, paid]

        self.workflow = order


@pytest.fixture
def order(flow: Flavour) -> Order:
    return Order(flow)


def test_the_config_of_the_newest_state_goes_on(flow: Flavour, order: Order) -> None:
    flow.invoke(order.workflow, 1)
    state = order.workflow.get_state(HERE)
    assert "__interrupt__" in flow.invoke(order.workflow, None, **at(state))
    assert flow.invoke(order.workflow, Command(resume="yes"), **at(state)) == [None, [10, "yes"]]
    done = order.workflow.get_state(HERE)
    assert flow.invoke(order.workflow, None, **at(done)) == [None, [10, "yes"]]
    assert order.ran == {"quote": 1, "pay": 1}
    assert len(ids(order.workflow)) == 3


@pytest.mark.parametrize("place", ["pause", "input"])
def test_none_at_an_older_checkpoint_asks_again_and_replays_what_no_answer_led_to(
    flow: Flavour, order: Order, place: str
) -> None:
    flow.invoke(order.workflow, 1)
    paused, entry = order.workflow.get_state_history(HERE)
    first = paused if place == "pause" else entry
    flow.invoke(order.workflow, Command(resume="yes"))
    before = list(order.workflow.get_state_history(HERE))
    asked = flow.invoke(order.workflow, None, **at(first))
    assert asked["__interrupt__"] == list(paused.interrupts)
    assert order.ran == {"quote": 1, "pay": 1}
    head = order.workflow.get_state(HERE)
    began = order.workflow.get_state(head.parent_config)
    assert [(one.metadata["source"], one.metadata["step"]) for one in (began, head)] == [("fork", 0), ("loop", 0)]
    assert began.parent_config == first.config
    assert flow.invoke(order.workflow, Command(resume="no")) == [None, [10, "no"]]
    assert order.ran["pay"] == 2
    assert list(order.workflow.get_state_history(HERE))[3:] == before


@pytest.mark.parametrize("place", [0, 1])
def test_an_answer_at_an_older_checkpoint_is_the_one_that_counts(flow: Flavour, order: Order, place: int) -> None:
    flow.invoke(order.workflow, 1)
    first = list(order.workflow.get_state_history(HERE))[place]
    flow.invoke(order.workflow, Command(resume="yes"))
    assert flow.invoke(order.workflow, Command(resume="no"), **at(first)) == [None, [10, "no"]]
    assert order.ran == {"quote": 1, "pay": 2}
    by_id = {first.interrupts[0].id: "maybe"}
    assert flow.invoke(order.workflow, Command(resume=by_id), **at(first)) == [None, [10, "maybe"]]
    with pytest.raises(UnknownInterruptError):
        flow.invoke(order.workflow, Command(resume={"0" * 32: 1}), **at(first))
    assert [state.values for state in order.workflow.get_state_history(HERE) if not state.next] == [
        [None, [10, "maybe"]],
        [None, [10, "no"]],
        [None, [10, "yes"]],
    ]


@pytest.mark.parametrize("place", [0, 1])
def test_an_answer_at_the_input_goes_to_the_first_pause_and_later_ones_are_dropped(flow: Flavour, place: int) -> None:
    @flow.entrypoint
    def body(n: int) -> Any:
        return [interrupt("one"), interrupt("two")]

    flow.invoke(body, 1)
    first = list(body.get_state_history(HERE))[place]
    flow.invoke(body, Command(resume="a"))
    flow.invoke(body, Command(resume="b"))
    asked = flow.invoke(body, Command(resume="c"), **at(first))
    assert [question.value for question in asked["__interrupt__"]] == ["two"]
    assert flow.invoke(body, Command(resume="d")) == ["c", "d"]


def test_answers_in_other_branches_do_not_undo_what_was_done(flow: Flavour) -> None:
    ran: Counter[str] = Counter()

    @flow.task
    def ask(name: str) -> Any:
        ran[f"ask {name}"] += 1
        return interrupt(name)

    @flow.task
    def work(name: str) -> str:
        ran[name] += 1
        return name

    @flow.task
    def first() -> Any:
        made = yield work("inner")
        answer = yield ask("inner?")
        return [made, answer]

    @flow.entrypoint
    def body(n: int) -> Any:
        answers = yield [first(), work("beside")]
        last = yield work("last")
        return [*answers, last]

    flow.invoke(body, 1)
    start = body.get_state(HERE)
    assert flow.invoke(body, Command(resume=1)) == [["inner", 1], "beside", "last"]
    assert flow.invoke(body, Command(resume=2), **at(start)) == [["inner", 2], "beside", "last"]
    assert {name: count for name, count in ran.items() if count == 1} == {"inner": 1, "beside": 1}
    assert ran["last"] == 2


def test_none_at_an_older_result_brings_it_back_and_runs_nothing(flow: Flavour) -> None:
    @flow.entrypoint
    def body(n: int, previous: Any) -> Any:
        return [previous, n]

    flow.invoke(body, 1)
    first = body.get_state(HERE)
    flow.invoke(body, 2)
    assert flow.invoke(body, None, **at(first)) == [None, 1]
    head = body.get_state(HERE)
    assert (head.values, head.next, head.metadata["source"], head.metadata["step"]) == ([None, 1], (), "fork", 1)
    assert head.parent_config == first.config
    assert len(ids(body)) == 5
    assert body.get_state(head.config) == head
    assert flow.invoke(body, 3) == [[None, 1], 3]
    with pytest.raises(NothingToResumeError):
        flow.invoke(body, Command(resume=1), **at(first))


def test_a_new_input_at_an_older_checkpoint_begins_there(flow: Flavour) -> None:
    @flow.entrypoint
    def body(n: int, previous: Any) -> Any:
        return [previous, n]

    for n in (1, 2):
        flow.invoke(body, n)
    _, second_input, first, first_input = body.get_state_history(HERE)
    assert flow.invoke(body, 3, **at(first)) == [[None, 1], 3]
    state = body.get_state(HERE)
    assert state.metadata["step"] == 2
    assert body.get_state(state.parent_config).parent_config == first.config
    assert flow.invoke(body, 4, **at(second_input)) == [[None, 1], 4]
    assert flow.invoke(body, 5, **at(first_input)) == [None, 5]
    assert flow.invoke(body, 6, **at(body.get_state(HERE))) == [[None, 5], 6]


def test_what_final_saved_comes_back_with_an_older_result(flow: Flavour) -> None:
    from nbflow import entrypoint

    @flow.entrypoint
    def body(n: int, previous: Any) -> Any:
        return entrypoint.final(value=previous, save=n)

    flow.invoke(body, 1)
    first = body.get_state(HERE)
    flow.invoke(body, 2)
    assert flow.invoke(body, None, **at(first)) is None
    assert flow.invoke(body, 3) == 1


def test_an_unknown_checkpoint_is_an_error_and_nothing_is_written(flow: Flavour, order: Order) -> None:
    bogus = {"configurable": {"thread_id": "t", "checkpoint_id": "bogus"}}
    for given in (1, None, Command(resume=1)):
        with pytest.raises(UnknownCheckpointError, match="bogus"):
            flow.invoke(order.workflow, given, config=bogus)
    assert ids(order.workflow) == []
    flow.invoke(order.workflow, 1)
    for given in (1, None, Command(resume=1)):
        with pytest.raises(UnknownCheckpointError, match="bogus"):
            flow.invoke(order.workflow, given, config=bogus)
    assert len(ids(order.workflow)) == 2
    with pytest.raises(EmptyInputError):
        flow.invoke(order.workflow, None, thread="other")


def test_a_checkpoint_needs_a_checkpointer(flow: Flavour) -> None:
    @flow.entrypoint(checkpointer=None)
    def body(n: int) -> int:
        return n

    with pytest.raises(NoCheckpointerError, match="checkpoint_id"):
        flow.invoke(body, 1, config={"configurable": {"checkpoint_id": "x"}})


def test_a_stream_of_a_fork_shows_its_checkpoint_and_no_update_of_what_was_taken_over(
    flow: Flavour, order: Order
) -> None:
    flow.invoke(order.workflow, 1)
    first = order.workflow.get_state(HERE)
    flow.invoke(order.workflow, Command(resume="yes"))
    chunks = flow.stream(order.workflow, None, stream_mode=["updates", "checkpoints"], **at(first))
    assert [chunk["metadata"]["source"] for mode, chunk in chunks if mode == "checkpoints"] == ["fork", "loop"]
    assert [list(chunk) for mode, chunk in chunks if mode == "updates"] == [["__interrupt__"]]
    done = list(order.workflow.get_state_history(HERE))[2]
    assert done.next == ()
    chunks = flow.stream(order.workflow, None, stream_mode=["values", "checkpoints"], **at(done))
    assert [chunk for mode, chunk in chunks if mode == "values"] == [[None, [10, "yes"]]]
    assert [chunk["metadata"]["source"] for mode, chunk in chunks if mode == "checkpoints"] == ["fork"]


def test_the_handle_of_a_fork_goes_on_with_the_fork(flow: Flavour, order: Order) -> None:
    flow.invoke(order.workflow, 1)
    first = order.workflow.get_state(HERE)
    flow.invoke(order.workflow, Command(resume="yes"))
    run = order.workflow.start(None, first.config)
    assert run.result()["__interrupt__"] == list(first.interrupts)
    assert run.resume("no").result() == [None, [10, "no"]]
    assert len(ids(order.workflow)) == 6


def test_the_context_travels_along(flow: Flavour) -> None:
    @flow.entrypoint
    def body(n: int, runtime: Any) -> Any:
        return [runtime.context, interrupt("?")]

    flow.invoke(body, 1, context={"user": "ada"})
    first = body.get_state(HERE)
    flow.invoke(body, Command(resume=1))
    assert flow.invoke(body, Command(resume=2), **at(first)) == [{"user": "ada"}, 2]
    assert flow.invoke(body, Command(resume=2), **at(first), context={"user": "bob"}) == [{"user": "bob"}, 2]
    flow.invoke(body, 1, "lock", context={"it": iter([1])})
    state = body.get_state({"thread_id": "lock"})
    flow.invoke(body, 2, "lock")
    with pytest.raises(MissingContextError):
        flow.invoke(body, None, **at(state))


def test_a_failed_run_that_was_left_behind_is_taken_up_again(flow: Flavour) -> None:
    ran: Counter[str] = Counter()
    broken = [True]

    @flow.task
    def work(n: int) -> int:
        ran["work"] += 1
        return n

    @flow.task
    def fail(n: int) -> int:
        if broken[0]:
            raise ValueError("boom")
        return n

    @flow.entrypoint
    def body(n: int) -> Any:
        one = yield work(n)
        two = yield fail(n)
        return [one, two]

    with pytest.raises(ValueError, match="boom"):
        flow.invoke(body, 1)
    left = body.get_state(HERE)
    broken[0] = False
    flow.invoke(body, 2)
    assert flow.invoke(body, None, **at(left)) == [1, 1]
    assert ran["work"] == 2
    again = body.get_state(left.config)
    assert (again.next, again.tasks[0].error) == (("body",), left.tasks[0].error)


def test_only_one_checkpoint_is_shown_by_its_id(flow: Flavour, order: Order) -> None:
    flow.invoke(order.workflow, 1)
    flow.invoke(order.workflow, Command(resume=1))
    states = list(order.workflow.get_state_history(HERE))
    for state in states:
        assert list(order.workflow.get_state_history(state.config)) == [state]
    with pytest.raises(InvalidOptionError, match="limit"):
        order.workflow.get_state_history(HERE, limit=-1)
    with pytest.raises(InvalidOptionError, match="before"):
        order.workflow.get_state_history(HERE, before=HERE)
