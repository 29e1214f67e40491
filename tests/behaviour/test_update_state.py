"""Changing a thread from outside: checkpoints that no body wrote."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from nbflow import Command, entrypoint, interrupt
from nbflow.errors import (
    InvalidOptionError,
    InvalidUpdateError,
    MissingThreadIdError,
    NoCheckpointerError,
    NothingToResumeError,
    ThreadBusyError,
    UnknownCheckpointError,
    UnserializableError,
)
from nbflow.types import StateUpdate
from tests.behaviour.flavours import Flavour

HERE = {"configurable": {"thread_id": "t"}}


def counter(flow: Flavour) -> Any:
    @flow.entrypoint
    def body(n: int, previous: Any) -> Any:
        return [previous, n]

    return body


def asker(flow: Flavour) -> Any:
    @flow.task
    def step(n: int) -> int:
        return n

    @flow.entrypoint
    def body(n: int) -> Any:
        made = yield step(n)
        return [made, interrupt("?")]

    return body


def sources(workflow: Any) -> list[Any]:
    return [(state.metadata["source"], state.metadata["step"]) for state in workflow.get_state_history(HERE)]


def test_an_update_is_the_result_of_the_body(flow: Flavour) -> None:
    body = counter(flow)
    flow.invoke(body, 1)
    first = body.get_state(HERE)
    config = body.update_state(HERE, "by hand")
    state = body.get_state(HERE)
    assert state.config == config
    assert (state.values, state.next, state.parent_config) == ("by hand", (), first.config)
    assert sources(body) == [("update", 1), ("loop", 0), ("input", -1)]
    assert flow.invoke(body, None) == "by hand"
    assert flow.invoke(body, 2) == ["by hand", 2]
    assert body.update_state(HERE, "again", as_node="body") == body.get_state(HERE).config
    assert body.get_state(first.config) == first


def test_an_update_of_an_empty_thread(flow: Flavour) -> None:
    body = counter(flow)
    body.update_state(HERE, "seed")
    assert sources(body) == [("update", 0)]
    assert body.get_state(HERE).parent_config is None
    assert flow.invoke(body, 1) == ["seed", 1]


def test_final_gives_one_value_to_the_caller_and_another_to_the_next_run(flow: Flavour) -> None:
    body = counter(flow)
    body.update_state(HERE, entrypoint.final(value="shown", save="kept"))
    assert body.get_state(HERE).values == "shown"
    assert flow.invoke(body, None) == "shown"
    assert flow.invoke(body, 1) == ["kept", 1]


def test_an_update_completes_a_run_that_asks(flow: Flavour) -> None:
    body = asker(flow)
    flow.invoke(body, 1)
    asked = body.get_state(HERE)
    body.update_state(HERE, "done by hand")
    state = body.get_state(HERE)
    assert (state.values, state.next, state.interrupts) == ("done by hand", (), ())
    with pytest.raises(NothingToResumeError):
        flow.invoke(body, Command(resume=1))
    assert flow.invoke(body, Command(resume=1), config=asked.config) == [1, 1]


def test_input_is_stored_and_run_by_none(flow: Flavour) -> None:
    body = counter(flow)
    flow.invoke(body, 1)
    body.update_state(HERE, 2, as_node="__input__")
    state = body.get_state(HERE)
    assert (state.next, state.values, state.metadata["source"]) == (("body",), [None, 1], "input")
    assert flow.invoke(body, None) == [[None, 1], 2]
    assert sources(body) == [("loop", 2), ("input", 1), ("loop", 0), ("input", -1)]
    body.update_state({"thread_id": "new"}, 3, "__input__")
    assert flow.invoke(body, None, "new") == [None, 3]


def test_end_gives_up_what_was_unfinished(flow: Flavour) -> None:
    body = asker(flow)
    flow.invoke(body, 1)
    flow.invoke(body, Command(resume="a"))
    flow.invoke(body, 2)
    body.update_state(HERE, None, as_node="__end__")
    state = body.get_state(HERE)
    assert (state.values, state.next, state.interrupts) == ([1, "a"], (), ())
    assert flow.invoke(body, None) == [1, "a"]


def test_end_keeps_what_the_last_run_saved(flow: Flavour) -> None:
    body = counter(flow)
    body.update_state(HERE, entrypoint.final(value="shown", save="kept"))
    body.update_state(HERE, 7, as_node="__input__")
    body.update_state(HERE, None, as_node="__end__")
    assert flow.invoke(body, 1) == ["kept", 1]


def test_copy_makes_a_sibling(flow: Flavour) -> None:
    body = counter(flow)
    flow.invoke(body, 1)
    first = body.get_state(HERE)
    body.update_state(HERE, None, as_node="__copy__")
    copy = body.get_state(HERE)
    assert (copy.values, copy.parent_config, copy.metadata["source"]) == (first.values, first.parent_config, "fork")
    assert flow.invoke(body, 2) == [[None, 1], 2]


def test_the_copy_of_a_run_that_asks_can_be_answered(flow: Flavour) -> None:
    body = asker(flow)
    flow.invoke(body, 1)
    asked = body.get_state(HERE)
    body.update_state(HERE, None, as_node="__copy__")
    copy = body.get_state(HERE)
    assert (copy.next, copy.interrupts) == (asked.next, asked.interrupts)
    assert copy.config != asked.config
    assert body.get_state(copy.parent_config).parent_config is None
    assert flow.invoke(body, Command(resume={asked.interrupts[0].id: "a"})) == [1, "a"]
    _, pause_of_copy, input_of_copy, *others = body.get_state_history(HERE)
    assert [one.config for one in others] == [asked.config, asked.parent_config]
    for copied in (pause_of_copy, input_of_copy):
        body.update_state(copied.config, None, as_node="__copy__")
        assert flow.invoke(body, None)["__interrupt__"] == list(asked.interrupts)


def test_an_update_of_an_older_checkpoint_begins_there(flow: Flavour) -> None:
    body = counter(flow)
    flow.invoke(body, 1)
    first = body.get_state(HERE)
    flow.invoke(body, 2)
    body.update_state(first.config, 5, as_node="__input__")
    assert flow.invoke(body, None) == [[None, 1], 5]
    body.update_state(first.config, None, as_node="__end__")
    state = body.get_state(HERE)
    assert (state.values, state.parent_config) == ([None, 1], first.config)


def test_several_updates_make_a_checkpoint_each(flow: Flavour) -> None:
    body = counter(flow)
    steps = [[StateUpdate("one")], [StateUpdate(None, "__copy__")], [StateUpdate(3, "__input__")]]
    config = body.bulk_update_state(HERE, [*steps, [StateUpdate(None, "__copy__")]])
    assert config == body.get_state(HERE).config
    assert sources(body) == [("fork", 3), ("input", 2), ("fork", 1), ("update", 0)]
    assert flow.invoke(body, None) == ["one", 3]


@pytest.mark.parametrize(
    ("steps", "error", "told"),
    [
        ([], InvalidOptionError, "none empty"),
        ([[]], InvalidOptionError, "none empty"),
        ([[StateUpdate(1)], []], InvalidOptionError, "none empty"),
        ([[("body", 1)]], InvalidOptionError, "StateUpdate"),
        ([[StateUpdate(1), StateUpdate(2)]], InvalidUpdateError, "one update"),
        ([[StateUpdate(1)], [StateUpdate(1, "nobody")]], InvalidUpdateError, "'nobody' does not exist"),
        ([[StateUpdate(1)], [StateUpdate(1, "__end__")]], InvalidUpdateError, "takes None"),
        ([[StateUpdate(None, "__copy__")]], InvalidUpdateError, "no checkpoint"),
        ([[StateUpdate(1)], [StateUpdate(1, None, "other")]], InvalidUpdateError, "task_id='other'"),
        ([[StateUpdate(1)], [StateUpdate(iter([1]))]], UnserializableError, "iterator"),
    ],
)
def test_of_updates_with_a_mistake_nothing_is_written(flow: Flavour, steps: Any, error: Any, told: str) -> None:
    body = counter(flow)
    with pytest.raises(error, match=told):
        body.bulk_update_state(HERE, steps)
    assert sources(body) == []


def test_an_update_names_the_unit_of_work_that_it_stands_for(flow: Flavour) -> None:
    body = asker(flow)
    flow.invoke(body, 1)
    body.update_state(HERE, "done", task_id=body.get_state(HERE).tasks[0].id)
    assert body.get_state(HERE).values == "done"


def test_an_update_needs_a_thread_that_nobody_works_on(flow: Flavour) -> None:
    body = counter(flow)
    flow.saver.lease("t", "somebody")
    with pytest.raises(ThreadBusyError, match="somebody"):
        body.update_state(HERE, 1)
    flow.saver.release("t", "somebody")
    with pytest.raises(MissingThreadIdError):
        body.update_state({}, 1)
    with pytest.raises(UnknownCheckpointError):
        body.update_state({"configurable": {"thread_id": "t", "checkpoint_id": "bogus"}}, 1)
    flow.invoke(body, 1)

    @flow.entrypoint(checkpointer=None)
    def bare(n: int) -> int:
        return n

    with pytest.raises(NoCheckpointerError):
        bare.update_state(HERE, 1)


def test_the_awaited_forms(flow: Flavour) -> None:
    body = counter(flow)

    async def use() -> Any:
        await body.aupdate_state(HERE, 1)
        config = await body.abulk_update_state(HERE, [[StateUpdate(2, as_node="__input__")]])
        return config == (await body.aget_state(HERE, subgraphs=True)).config

    assert asyncio.run(use())
    assert flow.invoke(body, None) == [1, 2]
