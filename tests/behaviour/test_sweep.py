"""A sweep: one call replaced by several values, forks side by side."""

from __future__ import annotations

from typing import Any

import pytest

import nbflow
from nbflow.errors import InvalidOptionError, NoCheckpointerError
from tests.behaviour.flavours import Flavour

CONFIG: Any = {"configurable": {"thread_id": "t"}}


def pipeline(flow: Flavour) -> tuple[Any, list[str]]:
    ran: list[str] = []

    @flow.task
    def load(n: int) -> int:
        ran.append("load")
        return n

    @flow.task
    def rate(n: int) -> float:
        ran.append("rate")
        return n / 10

    @flow.task
    def price(n: int, at: float) -> float:
        ran.append("price")
        return n * at if at < 1 else 1 / (at - at)

    @flow.entrypoint
    def body(n: int) -> Any:
        found = yield load(n)
        return (yield price(found, (yield rate(found))))

    return body, ran


def test_each_value_has_a_run_and_the_prefix_is_paid_once(flow: Flavour) -> None:
    body, ran = pipeline(flow)
    assert flow.invoke(body, 5) == 2.5
    ran.clear()
    found = body.sweep(CONFIG, "0.1", [0.1, 0.5, 0.9])
    rows = found.rows()
    assert [(row.value, row.status, row.result, row.is_same) for row in rows] == [
        (0.1, "done", 0.5, False),
        (0.5, "done", 2.5, True),
        (0.9, "done", 4.5, False),
    ]
    assert ran == ["price"] * 3
    assert [row.thread_id for row in rows] == ["t/0.1=0.1", "t/0.1=0.5", "t/0.1=0.9"]
    assert len(flow.saver.runs("t")) == 1
    assert repr(found) == "<sweep at 0.1 over 3 values: 3 have ended>"


def test_one_that_fails_stands_in_its_row(flow: Flavour) -> None:
    body, _ = pipeline(flow)
    flow.invoke(body, 5)
    good, bad = body.sweep(CONFIG, "0.1", [0.2, 1.5])
    assert (good.status, good.result) == ("done", 1.0)
    assert (bad.status, bad.result, type(bad.error), bad.is_same) == ("failed", None, ZeroDivisionError, None)


def test_a_second_sweep_has_threads_of_its_own(flow: Flavour) -> None:
    body, _ = pipeline(flow)
    flow.invoke(body, 5)
    first = [row.thread_id for row in body.sweep(CONFIG, "0.1", [0.2])]
    second = [row.thread_id for row in body.sweep(CONFIG, "0.1", [0.2, 0.2])]
    assert len({*first, *second}) == 3
    assert second == ["t/0.1=0.2 (2)", "t/0.1=0.2 (3)"]


def test_a_fork_of_a_sweep_can_be_forked_itself(flow: Flavour) -> None:
    body, _ = pipeline(flow)
    flow.invoke(body, 5)
    (row,) = body.sweep(CONFIG, "0.1", [0.2])
    config: Any = {"configurable": {"thread_id": row.thread_id}}
    assert body.fork(config, at="0.2", replace=7.0).result() == 7.0


@pytest.mark.parametrize(
    ("at", "values", "text"),
    [
        ("0.9", [1], r"calls at 0\.0 \(load\)"),
        ("0.1", [], "one value at least"),
        ("x", [1], "has calls at"),
    ],
)
def test_what_can_not_be_is_told_and_leaves_nothing(flow: Flavour, at: str, values: list[int], text: str) -> None:
    body, _ = pipeline(flow)
    flow.invoke(body, 5)
    with pytest.raises(InvalidOptionError, match=text):
        body.sweep(CONFIG, at, values)
    assert flow.saver.thread_ids() == ["t"]


def test_a_value_that_can_not_be_stored_is_told(flow: Flavour) -> None:
    body, _ = pipeline(flow)
    flow.invoke(body, 5)
    with pytest.raises(nbflow.errors.UnserializableError):
        body.sweep(CONFIG, "0.1", [(n for n in range(3))])
    assert flow.saver.thread_ids() == ["t"]


def test_an_empty_thread_is_told(flow: Flavour) -> None:
    body, _ = pipeline(flow)
    with pytest.raises(InvalidOptionError, match="the thread has no run"):
        body.sweep(CONFIG, "0.1", [1])


def test_without_a_checkpointer_there_is_none() -> None:
    @nbflow.entrypoint()
    def body(_: Any) -> None: ...

    with pytest.raises(NoCheckpointerError):
        body.sweep(CONFIG, "0.1", [1])
