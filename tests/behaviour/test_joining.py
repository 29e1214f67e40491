"""A second start of a running thread may join it: one run, whoever works on it."""

from __future__ import annotations

import asyncio
import importlib
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from nbflow import Command, InMemorySaver, entrypoint, interrupt, list_runs
from nbflow.checkpoint.base import RunKey
from nbflow.errors import InvalidOptionError, RunCancelledError, ThreadBusyError
from nbflow.graph import END, START, StateGraph
from nbflow.runs import joining
from tests.behaviour.flavours import Flavour

CONFIG: Any = {"configurable": {"thread_id": "t"}}


class Gate:
    """A workflow that stands until it is let through, and what it did."""

    def __init__(self, flow: Flavour, *, asks: bool = False, fails: bool = False) -> None:
        self.entered, self.open = threading.Event(), threading.Event()
        self.ran: list[Any] = []

        @flow.task
        def before(n: int) -> int:
            self.ran.append(n)
            return n + 1

        @flow.task
        def wait(n: int) -> int:
            self.entered.set()
            assert self.open.wait(60)
            if fails:
                raise ValueError(f"no {n}")
            return 10 * n

        @flow.entrypoint
        def body(n: int) -> Any:
            found = yield wait((yield before(n)))
            return [found, interrupt("sure?")] if asks else found

        self.body: Any = body

    def start(self, value: Any = 1, **options: Any) -> Any:
        run = self.body.start(value, CONFIG, **options)
        assert self.entered.wait(60)
        return run


def joined(gate: Gate, value: Any = 1, **options: Any) -> Any:
    return gate.body.start(value, CONFIG, on_busy="join", **options)


@pytest.mark.parametrize("value", [1, None])
def test_a_second_start_joins_the_run(flow: Flavour, value: Any) -> None:
    gate = Gate(flow)
    first = gate.start()
    second = joined(gate, value)
    assert (second.run_id, second.status, second.is_joined, first.is_joined) == (first.run_id, "running", True, False)
    assert not second.done()
    with pytest.raises(TimeoutError):
        second.result(timeout=0.01)
    gate.open.set()
    assert (first.result(), second.result()) == (20, 20)
    assert second.status == "done"
    assert [row.name for row in second.calls] == [row.name for row in first.calls]
    assert gate.ran == [1]
    assert list_runs(flow.saver, "t") == [first.run_id]


def test_an_invoke_joins_as_well(flow: Flavour) -> None:
    gate = Gate(flow)
    first = gate.start()
    threading.Timer(0.1, gate.open.set).start()
    assert flow.invoke(gate.body, 1, on_busy="join") == 20
    assert first.result() == 20


def test_a_stream_that_joins_gives_what_is_recorded(flow: Flavour) -> None:
    gate = Gate(flow)
    gate.start()
    threading.Timer(0.1, gate.open.set).start()
    chunks = flow.stream(gate.body, 1, on_busy="join", stream_mode=["updates", "values"])
    assert ("updates", {"before": 2}) in chunks
    assert chunks[-1] == ("values", 20)


def test_many_join_one_run(flow: Flavour) -> None:
    gate = Gate(flow)
    gate.start()
    others = [joined(gate) for _ in range(5)]
    gate.open.set()
    assert [one.result() for one in others] == [20] * 5
    assert gate.ran == [1]


def test_both_may_be_given_the_option_and_a_free_thread_is_run_as_ever(flow: Flavour) -> None:
    gate = Gate(flow)
    gate.open.set()
    assert flow.invoke(gate.body, 1, on_busy="join") == 20
    assert flow.invoke(gate.body, 1, on_busy="join") == 20
    assert len(list_runs(flow.saver, "t")) == 2


def test_a_question_is_asked_of_both_and_answered_once(flow: Flavour) -> None:
    gate = Gate(flow, asks=True)
    first = gate.start()
    second = joined(gate)
    gate.open.set()
    assert second.result() == first.result()
    assert [one.value for one in second.interrupts] == ["sure?"]
    assert second.resume("yes").result() == [20, "yes"]
    assert gate.ran == [1]


def test_a_failure_is_told_to_both(flow: Flavour) -> None:
    gate = Gate(flow, fails=True)
    first = gate.start()
    second = joined(gate)
    gate.open.set()
    for run in (first, second):
        with pytest.raises(ValueError, match="no 2"):
            run.result()
    assert second.status == "failed"


def test_a_stop_is_told_to_both(flow: Flavour) -> None:
    gate = Gate(flow)
    first = gate.start()
    second = joined(gate)
    first.cancel()
    with pytest.raises(RunCancelledError):
        second.result()
    assert second.status == "stopped"
    gate.open.set()


def test_to_cancel_is_to_wait_no_longer(flow: Flavour) -> None:
    gate = Gate(flow)
    first = gate.start()
    second = joined(gate)
    ended: list[str] = []
    second.on_done(lambda: ended.append("over"))
    assert second.cancel()
    assert not second.cancel()
    with pytest.raises(RunCancelledError):
        second.result()
    assert ended == ["over"]
    gate.open.set()
    assert first.result() == 20


def test_a_wait_on_a_loop_joins_and_leaves() -> None:
    gate = Gate(Flavour("async", InMemorySaver()))
    first = gate.start()

    async def main() -> Any:
        waiting = asyncio.ensure_future(gate.body.ainvoke(1, CONFIG, on_busy="join"))
        leaving = asyncio.ensure_future(gate.body.ainvoke(1, CONFIG, on_busy="join"))
        await asyncio.sleep(0.05)
        leaving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await leaving
        gate.open.set()
        return await waiting

    assert asyncio.run(main()) == 20
    assert first.result() == 20


def test_listeners_hear_each_record_once(flow: Flavour) -> None:
    gate = Gate(flow)
    first = gate.start()
    second = joined(gate)
    heard: list[str] = []
    second.listen(lambda record: heard.append(type(record).__name__))
    gate.open.set()
    second.result()
    stored = [row.kind for row in flow.saver.rows(RunKey("t", first.run_id))]
    assert heard == stored


class Other:
    """Stands for a worker in another process."""

    def __init__(self, flow: Flavour, rows: list[Any], run_id: str) -> None:
        self.saver, self.rows, self.run = flow.saver, rows, RunKey("t", run_id)
        self.saver.lease("t", "the other one")

    def store(self, count: int) -> None:
        have = len(self.saver.rows(self.run))
        self.saver.append(self.run, self.rows[have:count], "the other one")

    def go(self) -> None:
        self.saver.release("t", "the other one")


def finished(flow: Flavour, value: Any = 1) -> tuple[Gate, Other]:
    """Return a workflow, and a worker that has its run's records to store."""
    gate = Gate(flow)
    gate.open.set()
    other = InMemorySaver()
    gate.body.with_checkpointer(other).invoke(value, CONFIG)
    (run_id,) = list_runs(other, "t")
    rows = other.rows(RunKey("t", run_id))
    gate.ran.clear()
    return gate, Other(flow, rows, run_id)


@pytest.mark.runs_once("what goes on with the other's run is dropped, and its handle with it")
def test_one_whose_worker_is_gone_is_gone_on_with(flow: Flavour) -> None:
    gate, other = finished(flow)
    other.store(len(other.rows) - 2)
    second = joined(gate)
    heard: list[str] = []
    second.listen(lambda record: heard.append(type(record).__name__))
    other.go()
    assert second.result() == 20
    assert gate.ran == []
    assert (second.run_id, second.status) == (other.run.run_id, "done")
    assert (heard.count("RunStarted"), heard.count("RunResumed")) == (1, 1)


def test_one_that_is_not_stored_yet_is_waited_for(flow: Flavour) -> None:
    gate, other = finished(flow)
    second = joined(gate)
    assert (second.run_id, second.status) == ("", "running")
    other.store(len(other.rows))
    other.go()
    assert second.result() == 20
    assert second.run_id == other.run.run_id
    assert gate.ran == []


def test_one_that_never_began_is_begun(flow: Flavour) -> None:
    gate, other = finished(flow)
    second = joined(gate)
    other.go()
    assert second.result() == 20
    assert gate.ran == [1]


def test_one_that_turns_out_to_be_another_is_told(flow: Flavour) -> None:
    gate, other = finished(flow, 2)
    second = joined(gate)
    other.store(3)
    with pytest.raises(ThreadBusyError, match="It was not joined: the run there has another input"):
        second.result()
    other.go()
    assert gate.ran == []


def test_another_run_is_told_at_once(flow: Flavour) -> None:
    gate = Gate(flow)
    first = gate.start()
    renamed = entrypoint(checkpointer=flow.saver, name="other")(gate.body.__wrapped__)

    @entrypoint(checkpointer=flow.saver, name="body")
    def edited(n: int) -> int:
        return n

    cases: list[tuple[Any, Any, dict[str, Any], str]] = [
        (gate.body, 2, {}, "another input"),
        (gate.body, Command(resume=1), {}, "an answer"),
        (gate.body, 1, {"context": {"user": "ada"}}, "another context"),
        (renamed, 1, {}, "one of 'body'"),
        (edited, 1, {}, "other code"),
        (edited, None, {}, "other code"),
    ]
    for body, value, options, reason in cases:
        with pytest.raises(ThreadBusyError, match=reason):
            body.start(value, CONFIG, on_busy="join", **options)
    point = {"configurable": {"thread_id": "t", "checkpoint_id": first.run_id}}
    with pytest.raises(ThreadBusyError, match="checkpoint_id"):
        gate.body.start(1, point, on_busy="join")
    with pytest.raises(ThreadBusyError, match="a fork"):
        gate.body.fork(CONFIG, at="0.0", on_busy="join")
    gate.open.set()
    assert first.result() == 20
    assert len(list_runs(flow.saver, "t")) == 1


def test_a_run_does_not_wait_for_itself(flow: Flavour) -> None:
    @entrypoint(checkpointer=flow.saver)
    def body(n: int) -> Any:
        return body.invoke(n, CONFIG, on_busy="join")

    with pytest.raises(ThreadBusyError, match="a part of"):
        body.invoke(1, CONFIG)


@pytest.mark.parametrize("given", ["wait", None, True])
def test_bad_options_are_told(flow: Flavour, given: Any) -> None:
    gate = Gate(flow)
    with pytest.raises(InvalidOptionError, match=r"on_busy is .* it is 'error' or 'join'"):
        gate.body.start(1, CONFIG, on_busy=given)


def test_without_the_option_it_is_an_error(flow: Flavour) -> None:
    gate = Gate(flow)
    gate.start()
    with pytest.raises(ThreadBusyError):
        gate.body.start(1, CONFIG)
    gate.open.set()


def test_a_graph_is_joined(flow: Flavour) -> None:
    entered, opened = threading.Event(), threading.Event()
    ran: list[int] = []

    def node(state: dict[str, int]) -> dict[str, int]:
        ran.append(1)
        entered.set()
        opened.wait(60)
        return {"n": state["n"] + 1}

    builder = StateGraph(dict)
    builder.add_node("node", node)
    builder.add_edge(START, "node")
    builder.add_edge("node", END)
    graph = builder.compile(checkpointer=flow.saver)
    first = graph.start({"n": 1}, CONFIG)
    assert entered.wait(60)
    second = graph.start({"n": 1}, CONFIG, on_busy="join")
    opened.set()
    assert first.result() == second.result() == {"n": 2}
    assert ran == [1]


FLOWS = """
import os, time
from nbflow import SqliteSaver, entrypoint, task
@task
def before(n):
    os.environ["RAN"] = os.environ.get("RAN", "") + "before "
    return n + 1
@task
def wait(n):
    os.environ["RAN"] = os.environ.get("RAN", "") + "wait "
    open("entered", "w").close()
    time.sleep(float(os.environ["SECONDS"]))
    return 10 * n
@entrypoint(checkpointer=SqliteSaver("runs.db"))
def body(n):
    return wait(before(n).result()).result()
CONFIG = {"configurable": {"thread_id": "t"}}
"""


@pytest.mark.parametrize("dies", [False, True])
@pytest.mark.parametrize("value", [1, None])
def test_a_run_of_another_process_is_joined(tmp_path: Path, monkeypatch: Any, value: Any, dies: bool) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "joined_flows", raising=False)
    monkeypatch.setenv("RAN", "")
    Path("joined_flows.py").write_text(FLOWS, encoding="utf-8")
    command = [sys.executable, "-c", "from joined_flows import *; body.invoke(1, CONFIG)"]
    path = os.pathsep.join([str(tmp_path), *sys.path])
    environment = {**os.environ, "SECONDS": "60" if dies else "1", "PYTHONPATH": path}
    with subprocess.Popen(command, env=environment) as other:
        while not Path("entered").exists():
            assert other.poll() is None
            time.sleep(0.01)
        body = importlib.import_module("joined_flows").body
        second = body.start(value, CONFIG, on_busy="join")
        assert (second.is_joined, second.status) == (True, "running")
        monkeypatch.setenv("SECONDS", "0")
        if dies:
            other.kill()
            other.wait()
        assert second.result(timeout=60) == 20
    assert os.environ["RAN"] == ("wait " if dies else "")
    assert len(list_runs(body.checkpointer, "t")) == 1
    body.checkpointer.close()


@pytest.mark.runs_once("a run that is dropped is read whole to go on")
def test_its_code_asks_for_no_more_than_it_has_to(flow: Flavour, monkeypatch: Any) -> None:
    monkeypatch.setattr(joining, "_FIRST", 0.001)
    gate = Gate(flow)
    gate.start()
    second = joined(gate)
    asked: list[Any] = []
    rows = flow.saver.rows

    def counted(run: RunKey, **options: Any) -> Any:
        asked.append(options)
        return rows(run, **options)

    monkeypatch.setattr(flow.saver, "rows", counted)
    while not asked:
        time.sleep(0.001)
    gate.open.set()
    assert second.result() == 20
    assert asked
    assert all(options.get("last") for options in asked)
