"""The laws of forks, over random workflows and every call they may be forked at."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nbflow.checkpoint.base import RunKey
from nbflow.checkpoint.rows import from_row
from nbflow.core.checkpoints import checkpoints
from nbflow.core.fork import before, begun_again, places
from nbflow.core.record import CallReturned, Record, RunPaused
from nbflow.values import config_at
from tests.amounts import often
from tests.laws.corpus import THREAD, Plan, World, answers, plans

flavours = pytest.mark.parametrize("flavour", ["sync", "async"])
EXAMPLES = often(20, 60)


def leaves(records: Iterable[Record]) -> set[str]:
    """Return the texts that the leaves among these results note when they run: their last arguments."""
    return {
        record.shown.rpartition("'")[0].rpartition("'")[2]
        for record in records
        if isinstance(record, CallReturned) and record.name in {"leaf", "flaky", "charge"}
    }


def finished(flavour: str, plan: Plan) -> tuple[World, Any, list[Any], list[Record]]:
    """Return a world whose run has ended, its result, its rows and its records."""
    world = World(flavour, plan)
    result = world.to_the_end()
    rows = world.rows()
    world.ran.clear()
    return world, result, rows, [from_row(row) for row in rows]


@flavours
@settings(max_examples=EXAMPLES, deadline=None)
@given(plan=plans, data=st.data())
def test_a_fork_anywhere_ends_the_same_and_repeats_nothing_from_before(
    flavour: str, plan: Plan, data: st.DataObject
) -> None:
    world, result, rows, records = finished(flavour, plan)
    source = RunKey("t", world.saver.runs("t")[0])
    at = data.draw(st.sampled_from(["0", *places(records)]))
    taken = leaves(before(records, at))
    world.workflow.fork(THREAD, at).result()
    assert world.to_the_end() == result
    assert not taken & set(world.ran)
    assert taken | set(world.ran) == leaves(records) | {ran for ran in world.ran if ran.endswith(".bad")}
    assert world.saver.rows(source) == rows, "the run that it came from stays as it was"
    world.saver.delete_for_runs([source.run_id])
    assert world.workflow.get_state(THREAD).values == result, "and is not needed"


@flavours
@settings(max_examples=EXAMPLES, deadline=None)
@given(plan=plans)
def test_travel_to_the_input_ends_the_same_and_repeats_what_answers_led_to_alone(flavour: str, plan: Plan) -> None:
    world, result, rows, records = finished(flavour, plan)
    source = RunKey("t", world.saver.runs("t")[0])
    taken = leaves(begun_again(records))
    given_input = list(world.workflow.get_state_history(THREAD))[-1]
    world.flow.invoke(world.workflow, None, config=given_input.config)
    assert world.to_the_end() == result
    assert not taken & set(world.ran)
    assert world.saver.rows(source) == rows


@flavours
@settings(max_examples=EXAMPLES, deadline=None)
@given(plan=plans.filter(lambda plan: "ask" in repr(plan)), data=st.data())
def test_going_on_at_any_pause_ends_the_same_and_repeats_nothing_from_before(
    flavour: str, plan: Plan, data: st.DataObject
) -> None:
    world, result, rows, records = finished(flavour, plan)
    source = RunKey("t", world.saver.runs("t")[0])
    pauses = [one for one in checkpoints(records) if isinstance(one.end, RunPaused)]
    pause = data.draw(st.sampled_from(pauses))
    taken = leaves(records[: pause.length])
    config: Any = config_at("t", pause.id)
    shown = world.workflow.get_state(config)
    open_ = shown.interrupts  # none where all answers were recorded
    answer = answers(open_) if open_ and data.draw(st.booleans()) else None
    asked = world.flow.invoke(world.workflow, answer, config=config)
    assert answer or not open_ or asked["__interrupt__"] == list(open_)
    assert world.to_the_end() == result
    assert not taken & set(world.ran)
    assert taken | set(world.ran) == leaves(records) | {ran for ran in world.ran if ran.endswith(".bad")}
    assert world.saver.rows(source) == rows, "the run that it came from stays as it was"
    assert world.workflow.get_state(config) == shown
    world.saver.delete_for_runs([source.run_id])
    assert world.workflow.get_state(THREAD).values == result, "and is not needed"
