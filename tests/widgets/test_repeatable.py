"""Tasks that are not repeatable, found in stored runs."""

from __future__ import annotations

import itertools
from typing import Any

import nbflow
from nbflow_widgets import tables
from tests.widgets.conftest import Shell

numbers = itertools.count()


def workflow(saver: Any) -> Any:
    @nbflow.task
    def steady(n: int) -> int:
        return n + 1

    @nbflow.task
    def shaky(n: int) -> int:
        return next(numbers)

    @nbflow.entrypoint(checkpointer=saver)
    def body(n: int) -> int:
        return steady(n).result() + shaky(n).result() + shaky(n + 1).result()

    return body


def test_a_task_that_varies_is_named_with_both_results() -> None:
    saver = nbflow.InMemorySaver()
    body = workflow(saver)
    assert len(tables.repeatable(saver)) == 0
    for thread in ("a", "b", "c"):
        body.invoke(1, {"configurable": {"thread_id": thread}})
    found = tables.repeatable(saver)
    assert list(found["name"]) == ["shaky", "shaky"]
    assert list(found["arguments"]) == ["1", "2"]
    assert list(found["calls"]) == [3, 3]
    assert list(found["results"]) == [3, 3]
    assert all(found["result"] != found["other"])
    assert set(found["path"]) == {"0.1", "0.2"}
    assert len(tables.repeatable(body, "a")) == 0


def test_results_that_were_taken_over_do_not_count() -> None:
    saver = nbflow.InMemorySaver()
    body = workflow(saver)
    config: Any = {"configurable": {"thread_id": "t"}}
    body.invoke(1, config)
    body.invoke(1, config, reuse=True)
    body.fork(config, at="0.2", replace=5).result()
    assert len(tables.repeatable(saver)) == 0


def test_other_code_and_arrays_are_told_apart() -> None:
    import numpy as np

    saver = nbflow.InMemorySaver()
    drawn = iter([np.ones(3), np.ones(3), np.zeros(3)])

    @nbflow.task
    def draw() -> Any:
        return next(drawn)

    @nbflow.entrypoint(checkpointer=saver)
    def body(_: int) -> int:
        return int(draw().result().sum())

    for thread in ("a", "b"):
        body.invoke(1, {"configurable": {"thread_id": thread}})
    assert len(tables.repeatable(saver)) == 0
    body.invoke(1, {"configurable": {"thread_id": "c"}})
    assert list(tables.repeatable(saver)["results"]) == [2]


def test_it_is_a_subcommand(shell: Shell) -> None:
    shell.run("%%task\ndef shaky(n):\n    import random\n    return random.random()")
    for thread in ("a", "b"):
        shell.run(f"%%entrypoint --thread {thread} --input 1\ndef flow(n):\n    return shaky(n).result()")
    found = shell.run("%nbflow repeatable")
    assert list(found["name"]) == ["shaky"]
    assert len(shell.run("%nbflow repeatable a")) == 0
