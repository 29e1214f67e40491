"""The laws of replay, over random workflows and every place to cut their logs."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nbflow import Run
from nbflow.checkpoint.rows import encode_value, from_row, to_row
from nbflow.core.record import Asked, CallReturned, CodeKept, Record
from nbflow.views.stream import MODES, StreamView
from tests.amounts import often
from tests.laws.corpus import Plan, World, cut, plans

# How many random workflows each law is held against; 1200 make 10,000 in all.
EXAMPLES = often(24, 60)
flavours = pytest.mark.parametrize("flavour", ["sync", "async"])


@flavours
@settings(max_examples=EXAMPLES, deadline=None)
@given(plan=plans)
def test_finished_is_silent(flavour: str, plan: Plan) -> None:
    world = World(flavour, plan)
    result = world.to_the_end()
    again = cut(world, len(world.rows()) - 1)
    assert again.to_the_end() == result
    assert again.ran == []


@flavours
@settings(max_examples=EXAMPLES, deadline=None)
@given(plan=plans, data=st.data())
def test_cut_anywhere(flavour: str, plan: Plan, data: st.DataObject) -> None:
    world = World(flavour, plan)
    result = world.to_the_end()
    rows = world.rows()
    length = data.draw(st.integers(1, len(rows)))
    again = cut(world, length)
    kept = {row.path for row in rows[:length] if row.kind == "CallReturned"}
    assert again.to_the_end() == result
    done_before = {where(record) for record in map(from_row, rows[:length]) if is_leaf(record)}
    assert not done_before & set(again.ran)
    begun_before = {row.path for row in rows[:length] if row.kind == "CallEntered"}
    assert not {where(from_row(row)) for row in rows if row.path in begun_before and is_leaf(from_row(row))} & set(
        again.ran
    ), "what must not happen twice has begun once"
    assert max(Counter(again.ran).values(), default=1) == 1, "nothing runs twice without another crash"
    paths = [row.path for row in again.rows() if row.kind == "CallReturned"]
    assert len(paths) == len(set(paths)), "a durable result is never repeated"
    assert kept <= set(paths)
    assert again.rows()[:length] == rows[:length], "what is settled is frozen"


@settings(max_examples=EXAMPLES, deadline=None)
@given(plan=plans)
def test_two_flavours_write_one_log(plan: Plan) -> None:
    worlds = [World(flavour, plan) for flavour in ("sync", "async")]
    results = [world.to_the_end() for world in worlds]
    assert results[0] == results[1]
    first, second = ([told(from_row(row)) for row in world.rows()] for world in worlds)
    assert Counter(map(repr, first)) == Counter(map(repr, second))


@flavours
@settings(max_examples=EXAMPLES // 2, deadline=None)
@given(plan=plans)
def test_records_survive_the_way_to_the_disk(flavour: str, plan: Plan) -> None:
    world = World(flavour, plan)
    world.to_the_end()
    for row in world.rows():
        record = from_row(row)
        fresh = from_row(row)
        if fresh.value is not None:
            fresh.value = type(fresh.value)(fresh.value.get())
            encode_value(fresh)
        assert to_row(fresh, row.seq)[:4] == row[:4]
        if not isinstance(record.value and record.value.get(), BaseException):
            assert record == fresh


@flavours
@settings(max_examples=EXAMPLES // 2, deadline=None)
@given(plan=plans)
def test_a_streamed_run_is_the_fold_of_its_records(flavour: str, plan: Plan) -> None:
    world = World(flavour, plan)
    runs: list[Run] = []
    Run.watchers.append(runs.append)
    try:
        streamed = world.flow.stream(world.workflow, plan, stream_mode=MODES, subgraphs=True)
    finally:
        Run.watchers.remove(runs.append)
    view = StreamView(MODES, name=world.workflow.name, subgraphs=True)
    folded = [chunk for record in runs[0].log for chunk in view.fold(record)]
    assert streamed == folded
    tasks = [(chunk.ns, *ended(chunk.payload)) for chunk in folded if chunk.mode == "tasks"]
    starts = [(ns, key) for ns, key, end in tasks if not end]
    ends = [(ns, key) for ns, key, end in tasks if end]
    assert len(set(starts)) == len(starts), "every call starts once"
    assert len(set(ends)) == len(ends), "and ends once at most"
    assert set(ends) <= set(starts)


def ended(payload: Any) -> tuple[str, bool]:
    return payload["id"], "result" in payload


def is_leaf(record: Record) -> bool:
    return isinstance(record, CallReturned) and record.name in {"leaf", "flaky", "charge"}


def where(record: Record) -> Any:
    """Return the text that a leaf notes when it runs: its last argument."""
    assert isinstance(record, CallReturned)
    return record.shown.rpartition("'")[0].rpartition("'")[2]


def told(record: Record) -> tuple[Any, ...]:
    """Return what a record says, without times and ids."""
    facts = {name: getattr(record, name) for name in record.__struct_fields__}
    if "code" in facts:
        facts["code"] = b""  # sync and async bodies are not the same text
    if isinstance(record, Asked):
        facts["callers"] = [(one.path, one.name, one.kind, one.shown) for one in record.callers]
    for name in ("at", "started", "run_id", "id", "ids", "point", "value"):
        facts.pop(name, None)
    value = record.value.get() if record.value is not None else None
    if isinstance(record, CodeKept) and isinstance(value, dict):
        value = value["text"]  # what it names is of its flavour
    return type(record).__name__, facts, repr(value) if not isinstance(value, BaseException) else type(value)
