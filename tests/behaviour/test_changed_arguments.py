"""A call works on its arguments as they were when it was made; a change in place is told, marked and never cached."""

from __future__ import annotations

import threading
import warnings
from typing import Any

import pytest

from nbflow import entrypoint, task
from nbflow.cache.memory import InMemoryCache
from nbflow.checkpoint.base import BaseCheckpointSaver
from nbflow.core import changed_arguments
from nbflow.core.record import CallReturned
from nbflow.errors import ChangedArgumentWarning
from nbflow.types import CachePolicy
from nbflow.views.details import Detail, details_of
from tests.behaviour.flavours import Flavour

hold = threading.Event()
HERE = {"configurable": {"thread_id": "t"}}


def changes(run: Any) -> list[tuple[str, ...]]:
    return [record.changed for record in run.log if isinstance(record, CallReturned)]


@pytest.mark.parametrize(
    ("make", "change"),
    [
        (lambda: [3, 1, 2], lambda rows: rows.sort()),
        (lambda: {"a": 1}, lambda rows: rows.update(b=2)),
        (lambda: ([1],), lambda rows: rows[0].append(2)),
        (lambda: {1, 2}, lambda rows: rows.discard(1)),
        (lambda: bytearray(b"ab"), lambda rows: rows.append(1)),
    ],
)
def test_a_task_that_changes_its_argument_is_told(flow: Flavour, make: Any, change: Any) -> None:
    @flow.task
    def spoil(n: int, rows: Any) -> int:
        change(rows)
        return n

    @flow.entrypoint
    def body(_: int) -> Any:
        first = yield spoil(1, make())
        return [first, (yield spoil(2, rows=make()))]

    with pytest.warns(ChangedArgumentWarning, match="'spoil', call 0.0: its argument 'rows' was changed") as told:
        assert flow.invoke(body, 1) == [1, 2]
    assert len(told) == 1, "once per task"
    run = body.last_run(HERE)
    assert changes(run) == [("rows",), ("rows",)]
    assert [row.changed for row in run.calls if row.name == "spoil"] == [("rows",), ("rows",)], "the bar is marked"
    assert Detail("changed", "the argument 'rows', in place, while it worked") in details_of(run.log, "0.0")


def test_a_list_that_changes_before_the_call_starts_is_told_and_not_cached(saver: BaseCheckpointSaver) -> None:
    hold.clear()

    @task(cache_policy=CachePolicy())
    def total(rows: list[int]) -> int:
        assert hold.wait(30)
        return sum(rows)

    @entrypoint(checkpointer=saver, cache=InMemoryCache())
    def body(late: list[int]) -> int:
        rows = [1, 2]
        future = total(rows)
        rows += late
        hold.set()
        return future.result()

    with pytest.warns(ChangedArgumentWarning):
        assert body.invoke([3], HERE) == 6
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert body.invoke([], HERE) == 3, "and not the 6 of a list that was changed"
        assert body.invoke([], HERE) == 3


def test_what_can_t_change_is_not_looked_at_again(flow: Flavour, monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[Any] = []

    def look(call: Any, _: object) -> tuple[str, ...]:
        looked.append(call.args)
        return ()

    monkeypatch.setattr("nbflow.session.session.changed", look)

    @flow.task
    def step(*given: Any) -> int:
        return len(given)

    @flow.entrypoint
    def body(_: int) -> Any:
        yield step(1, "a", None, b"c", 2.5, (1, ("x",)), frozenset({1}))
        return (yield step([1]))

    assert flow.invoke(body, 1) == 1
    assert looked == [([1],)]


def test_large_arguments_are_not_compared(flow: Flavour, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changed_arguments, "MANY", 10)

    @flow.task
    def spoil(rows: list[int]) -> int:
        rows.append(1)
        return len(rows)

    @flow.entrypoint
    def body(_: int) -> Any:
        return (yield spoil(list(range(20))))

    assert flow.invoke(body, 1) == 21
    assert changes(body.last_run(HERE)) == [()]
