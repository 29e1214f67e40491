"""The laws hold for graphs: random shapes, sends, failures, questions, loops and graphs inside, cut anywhere."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nbflow.checkpoint.base import RunKey
from nbflow.checkpoint.rows import load
from nbflow.types import StateSnapshot
from tests.amounts import often
from tests.laws.corpus import THREAD, answers
from tests.laws.graphs import GraphWorld, graphs

EXAMPLES = often(12, 40)
flavours = pytest.mark.parametrize("flavour", ["sync", "async"])


@flavours
@settings(max_examples=EXAMPLES, deadline=None)
@given(plan=graphs, share=st.floats(0, 1))
def test_cut_anywhere_a_graph_ends_the_same_and_repeats_nothing(flavour: str, plan: Any, share: float) -> None:
    world = GraphWorld(flavour, plan)
    result = world.to_the_end()
    rows = world.rows()
    length = 1 + int(share * (len(rows) - 1))
    done = sum(row.kind == "CallReturned" for row in rows[:length])
    again = world.died_after(length)
    assert again.to_the_end() == result
    assert again.rows()[:length] == rows[:length], "what is settled is frozen"
    paths = [row.path for row in again.rows() if row.kind == "CallReturned"]
    assert len(paths) == len(set(paths)), "a durable result is never repeated"
    assert len(paths) == sum(row.kind == "CallReturned" for row in rows)
    assert done <= len(paths)


@settings(max_examples=EXAMPLES, deadline=None)
@given(plan=graphs)
def test_a_finished_graph_is_silent_and_both_flavours_end_the_same(plan: Any) -> None:
    worlds = [GraphWorld(flavour, plan) for flavour in ("sync", "async")]
    results = [world.to_the_end() for world in worlds]
    assert results[0] == results[1]
    kept = [
        sorted((row.kind, row.path) for row in world.rows() if row.kind in {"CallReturned", "Marked"})
        for world in worlds
    ]
    assert kept[0] == kept[1]
    again = worlds[0].died_after(len(worlds[0].rows()) - 1)
    assert again.to_the_end() == results[0]
    assert again.ran == []


@flavours
@settings(max_examples=EXAMPLES, deadline=None)
@given(plan=graphs, share=st.floats(0, 1))
def test_travel_to_any_step_ends_the_same(flavour: str, plan: Any, share: float) -> None:
    world = GraphWorld(flavour, plan)
    result = world.to_the_end()
    states: list[StateSnapshot] = list(world.workflow.get_state_history(THREAD))
    chosen = states[int(share * (len(states) - 1))]
    before = load(world.saver, RunKey("t", world.saver.runs("t")[-1]))
    found = world.flow.invoke(world.workflow, None, config=chosen.config)
    while "__interrupt__" in found:
        found = world.flow.invoke(world.workflow, answers(found["__interrupt__"]))
    assert found == result
    assert load(world.saver, RunKey("t", world.saver.runs("t")[-1])) == before, "the run that it came from is as it was"


@flavours
@settings(max_examples=EXAMPLES, deadline=None)
@given(plan=graphs)
def test_a_stream_ends_with_the_state_and_shows_each_update_once(flavour: str, plan: Any) -> None:
    world = GraphWorld(flavour, plan)
    chunks = world.flow.stream(world.workflow, {"a": ["in"], "rounds": 0}, stream_mode=["values", "updates"])
    shown = [payload for mode, payload in chunks if mode == "values" and "__interrupt__" not in payload]
    assert shown[-1] == world.workflow.get_state(THREAD).values
