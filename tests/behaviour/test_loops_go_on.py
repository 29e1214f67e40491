"""An event loop goes on while a run waits for the storage, and no code of the user's runs under a run's lock."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from pathlib import Path
from typing import Any

import pytest

from nbflow import RetryPolicy, Run, SqliteSaver, entrypoint, task
from nbflow.checkpoint.base import BaseCheckpointSaver
from nbflow.core.record import CallReturned, Record
from tests.behaviour.flavours import Flavour

HERE = {"configurable": {"thread_id": "t"}}
LONG = 30.0


class Holder:
    """Another process, as far as SQLite can tell, that holds a file until it is told to let go."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)

    def hold(self) -> None:
        self._connection.execute("BEGIN IMMEDIATE")

    def let_go(self) -> None:
        self._connection.execute("COMMIT")

    def close(self) -> None:
        self._connection.close()


@pytest.mark.parametrize("held_from", ["the start", "a task"])
@pytest.mark.parametrize("durability", ["sync", "async", "exit"])
def test_a_loop_goes_on_while_another_process_holds_the_file(tmp_path: Path, held_from: str, durability: Any) -> None:
    with SqliteSaver.from_conn_string(tmp_path / "runs.db") as saver:
        holder = Holder(tmp_path / "runs.db")

        @task
        async def hold() -> str:
            if held_from == "a task":
                holder.hold()
            return "held"

        @entrypoint(checkpointer=saver)
        async def body(_: int) -> Any:
            return [await hold(), "end"]

        async def turns() -> None:
            """Let go of the file once the loop has turned often: if it stood still, nobody ever would."""
            for _ in range(50):
                await asyncio.sleep(0.001)
            holder.let_go()

        async def both() -> Any:
            if held_from == "the start":
                holder.hold()
            running = asyncio.ensure_future(body.ainvoke(1, HERE, durability=durability))
            await turns()
            return await running

        assert asyncio.run(asyncio.wait_for(both(), LONG)) == ["held", "end"]
        assert body.get_state(HERE).values == ["held", "end"]
        holder.close()


def test_a_predicate_may_wait_for_another_call(flow: Flavour) -> None:
    """``retry_on`` runs without the lock: what it waits for can go on."""
    may_fail, failed = threading.Event(), threading.Event()

    def is_worth_it(error: BaseException) -> bool:
        failed.set()
        return isinstance(error, ValueError) and may_fail.wait(LONG)

    @flow.task(retry_policy=RetryPolicy(initial_interval=0, jitter=False, retry_on=is_worth_it))
    def flaky() -> str:
        if not may_fail.is_set():
            raise ValueError("once")
        return "fine"

    @task
    def other() -> str:
        assert failed.wait(LONG)
        may_fail.set()
        return "went on"

    @entrypoint(checkpointer=flow.saver)
    def body(_: int) -> Any:
        return [future.result(timeout=LONG) for future in [flaky(), other()]]

    assert body.invoke(1, HERE) == ["fine", "went on"]


class Slow:
    """Takes its time to be digested and shown: until another call has ended."""

    def __init__(self, until: threading.Event) -> None:
        self.until = until

    def __reduce__(self) -> Any:
        raise TypeError

    @property
    def shape(self) -> Any:
        assert self.until.wait(LONG)
        raise AttributeError


def test_arguments_that_take_long_to_read_hold_nobody_up(saver: BaseCheckpointSaver) -> None:
    ended = threading.Event()

    @task
    def quick() -> str:
        ended.set()
        return "quick"

    @task
    def look(_: object) -> str:
        return "looked"

    @entrypoint()
    def body(_: int) -> Any:
        first = quick()
        return [look(Slow(ended)).result(timeout=LONG), first.result(timeout=LONG)]

    chunks = list(body.stream(1, stream_mode="tasks"))
    assert chunks[-1]["result"] == {"__end__": ["looked", "quick"]}


@pytest.mark.runs_once("its listener holds up whoever would replay the run")
def test_a_listener_that_waits_holds_up_the_news_alone(saver: BaseCheckpointSaver) -> None:
    is_told, may_go_on = threading.Event(), threading.Event()

    @task
    def first() -> str:
        return "first"

    @task
    def second() -> str:
        assert is_told.wait(LONG)
        return "second"

    @task
    def third() -> str:
        may_go_on.set()
        return "third"

    @entrypoint(checkpointer=saver)
    def body(_: int) -> Any:
        by_a_worker, here = first(), second()
        return [here.result(), third().result(), by_a_worker.result()]

    def listen(record: Record) -> None:
        if isinstance(record, CallReturned) and record.name == "first":
            is_told.set()
            assert may_go_on.wait(LONG)

    def watch(run: Run) -> None:
        run.listen(listen)

    Run.watchers.append(watch)
    try:
        assert body.invoke(1, HERE) == ["second", "third", "first"]
    finally:
        Run.watchers.remove(watch)


def test_an_error_between_two_steps_fails_the_call_and_not_the_run(
    flow: Flavour, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What our own code raises, such as a RecursionError, is the end of one call: the run does not spin for ever."""

    @flow.task
    def step(n: int) -> int:
        return n

    @flow.entrypoint
    def body(_: int) -> Any:
        try:
            yield step(13)
        except RecursionError:
            return (yield step(1))

    from nbflow.core import call_program

    settle = call_program._settle

    def broken(run: Any, call: Any, outcome: Any) -> Any:
        if call.args == (13,):
            raise RecursionError("too deep")
        return settle(run, call, outcome)

    monkeypatch.setattr(call_program, "_settle", broken)
    assert flow.invoke(body, 1) == 1
