"""When what happened is on the disk: at once, soon, or at the end."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

import pytest

import nbflow
from nbflow import Command, InMemorySaver, interrupt
from nbflow.checkpoint.base import Row, RunKey
from nbflow.errors import InvalidOptionError, NoCheckpointerError
from tests.behaviour.flavours import Flavour


class Watched(InMemorySaver):
    """A saver that tells what it has, and fails or waits when told to."""

    def __init__(self) -> None:
        super().__init__()
        self.kinds: list[str] = []
        self.may_write = threading.Event()
        self.may_write.set()
        self.fails = False

    def append(self, run: RunKey, rows: Sequence[Row], owner: str) -> None:
        assert self.may_write.wait(30)
        if self.fails:
            raise OSError("disk full")
        super().append(run, rows, owner)
        self.kinds += [row.kind for row in rows if row.kind != "CodeKept"]


def counting(flow: Flavour, saver: Watched, seen: list[list[str]]) -> Any:
    @flow.task
    def step(n: int) -> int:
        return n

    @flow.entrypoint(checkpointer=saver)
    def body(_: int) -> Any:
        one = yield step(1)
        seen.append(list(saver.kinds))
        return one, (yield step(2))

    return body


@pytest.mark.parametrize("durability", [None, "sync"])
@pytest.mark.runs_once("its body notes each time that it runs")
def test_sync_saves_each_result_before_its_future_resolves(flow: Flavour, durability: Any) -> None:
    saver = Watched()
    seen: list[list[str]] = []
    assert flow.invoke(counting(flow, saver, seen), 1, durability=durability) == (1, 2)
    assert seen == [["RunStarted", "CallReturned"]]


def test_exit_saves_all_at_the_end(flow: Flavour) -> None:
    saver = Watched()
    seen: list[list[str]] = []
    body = counting(flow, saver, seen)
    assert flow.invoke(body, 1, durability="exit") == (1, 2)
    assert seen == [[]]
    assert saver.kinds == ["RunStarted", "CallReturned", "CallReturned", "RunReturned"]
    assert body.get_state({"configurable": {"thread_id": "t"}}).values == (1, 2)


def test_async_goes_on_while_it_saves(flow: Flavour) -> None:
    saver = Watched()
    seen: list[list[str]] = []
    saver.may_write.clear()
    body = counting(flow, saver, seen)

    @flow.task
    def last() -> str:
        saver.may_write.set()
        return "last"

    @flow.entrypoint(checkpointer=saver)
    def outer(n: int) -> Any:
        inner = yield flow.nested(body, n)
        return inner, (yield last())

    assert flow.invoke(outer, 1, durability="async") == ((1, 2), "last")
    assert seen == [[]]
    assert saver.kinds[0] == "RunStarted"
    assert saver.kinds[-1] == "RunReturned"
    assert len(saver.kinds) == 6


def test_async_fails_the_run_once_a_save_has_failed(flow: Flavour) -> None:
    saver, ran = Watched(), []

    @flow.task
    def step(n: int) -> int:
        ran.append(n)
        saver.fails = True
        return n

    @flow.entrypoint(checkpointer=saver)
    def body(_: int) -> Any:
        for n in range(10_000):
            yield step(n)

    with pytest.raises(OSError, match="disk full"):
        flow.invoke(body, 1, durability="async")
    assert len(ran) < 10_000


@pytest.mark.parametrize("durability", ["async", "exit"])
def test_a_pause_is_saved_in_every_mode(flow: Flavour, durability: Any) -> None:
    ran = []

    @flow.task
    def step() -> str:
        ran.append(1)
        return "done"

    @flow.entrypoint
    def body(_: int) -> Any:
        return (yield step()), interrupt("?")

    flow.invoke(body, 1, durability=durability)
    assert flow.invoke(body, Command(resume=7), durability=durability) == ("done", 7)
    assert ran == [1]
    assert flow.invoke(body, None) == ("done", 7)


def test_an_unknown_durability_is_refused(flow: Flavour) -> None:
    @flow.entrypoint
    def body(n: int) -> int:
        return n

    with pytest.raises(InvalidOptionError, match="'sync' or 'async' or 'exit'"):
        flow.invoke(body, 1, durability="soon")


def test_durability_needs_a_checkpointer() -> None:
    @nbflow.entrypoint()
    def body(n: int) -> int:
        return n

    with pytest.raises(NoCheckpointerError, match="durability='exit'"):
        body.invoke(1, durability="exit")


@pytest.mark.parametrize("during", [True, False])
def test_the_older_spelling_is_translated(during: bool) -> None:
    saver = Watched()

    @nbflow.entrypoint(checkpointer=saver)
    def body(n: int) -> int:
        return n

    options: Any = {"checkpoint_during": during}
    with pytest.warns(DeprecationWarning, match="durability="):
        assert body.invoke(1, {"configurable": {"thread_id": "t"}}, **options) == 1
    assert len(saver.kinds) == 2
    with pytest.raises(InvalidOptionError, match="durability is given too"):
        body.invoke(1, {"configurable": {"thread_id": "t"}}, durability="sync", **options)
