"""A body that reads the stream of a nested run reads the same again when the run goes on, whatever came between."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import takewhile
from pathlib import Path
from typing import Any, TypedDict

import pytest

from nbflow import InMemorySaver, RetryPolicy, SqliteSaver, emit_token, interrupt, task
from nbflow.checkpoint.base import BaseCheckpointSaver, RunKey
from nbflow.checkpoint.rows import from_row
from nbflow.core.record import Marked, Told
from nbflow.errors import UnkeptStreamWarning
from nbflow.graph import END, START, StateGraph
from nbflow.types import Command, StreamWriter
from tests.amounts import often
from tests.behaviour.flavours import Flavour

MODES = ("values", "updates", "custom", "messages", "tasks", "checkpoints", "debug")
FAST = RetryPolicy(initial_interval=0.001, jitter=False)
YES = Command(resume="yes")


def plain(chunks: Any) -> Any:
    """Return chunks without the times in them, and errors by what they say."""
    if isinstance(chunks, dict):
        return {key: plain(value) for key, value in chunks.items() if key not in {"timestamp", "created_at"}}
    if isinstance(chunks, (list, tuple)):
        return [plain(one) for one in chunks]
    return repr(chunks) if isinstance(chunks, BaseException) else chunks


class Reader:
    """A parent that reads the stream of a child, which nests a grandchild; and how often each task ran."""

    def __init__(self, flow: Flavour, *, asks_inside: bool = False, count: int | None = None, **options: Any) -> None:
        self.ran: Counter[int] = Counter()
        self.flow = flow

        @flow.task
        def step(n: int, writer: StreamWriter) -> Any:
            self.ran[n] += 1
            writer(f"at {n}")
            emit_token(f"token {n}")
            writer({"done": n})
            return n + 1

        @flow.entrypoint(checkpointer=None)
        def grandchild(n: int, writer: StreamWriter) -> Any:
            writer("below")
            return (yield step(n))

        @flow.entrypoint(checkpointer=None)
        def child(n: int, writer: StreamWriter) -> Any:
            writer("begins")
            n = yield step(n)
            n = yield flow.nested(grandchild, n)
            writer("goes on")
            if asks_inside:
                interrupt("inside?")
            n = yield step(n)
            try:
                yield fails(n)
            except ValueError:
                writer("survived")
            return (yield flow.nested(grandchild, n))

        @flow.task
        def fails(n: int) -> Any:
            raise ValueError(n)

        @flow.entrypoint
        def parent(n: int) -> Any:
            first = yield flow.streamed(child, n, count=count, **options)
            answer = interrupt(repr(plain(first)))
            second = yield flow.streamed(child, n + 100, count=count, **options)
            return [first, answer, second]

        self.parent = parent

    def to_the_end(self) -> Any:
        """Run, or go on, and answer every question."""
        last = self.parent.last_run({"configurable": {"thread_id": "t"}})
        value: Any = 1 if last is None else YES if last.status == "asking" else None
        while True:
            result = self.flow.invoke(self.parent, value)
            if not isinstance(result, dict):
                return plain(result)
            value = YES


@pytest.mark.parametrize("subgraphs", [False, True])
@pytest.mark.parametrize("mode", [*MODES, list(MODES)], ids=[*MODES, "all"])
def test_a_pause_changes_nothing_that_a_body_reads(flow: Flavour, mode: Any, subgraphs: bool) -> None:
    options: Any = {"stream_mode": mode, "subgraphs": subgraphs}
    straight = Reader(Flavour(flow.name, InMemorySaver()), **options).to_the_end()
    reader = Reader(flow, asks_inside=True, **options)
    assert reader.to_the_end() == straight
    assert set(reader.ran.values()) == {1}
    assert straight[0] or mode == "checkpoints", "there was something to read"


@pytest.mark.parametrize(("version", "subgraphs"), [("v1", False), ("v2", True)])
def test_a_crash_at_any_place_changes_nothing_that_a_body_reads(
    flow: Flavour, tmp_path: Path, version: str, subgraphs: bool
) -> None:
    options: Any = {"stream_mode": list(MODES), "subgraphs": subgraphs, "version": version, "asks_inside": True}
    whole = Reader(flow, **options)
    expected = whole.to_the_end()
    run = RunKey("t", flow.saver.runs("t")[0])
    rows = flow.saver.rows(run)
    for length in range(1, len(rows), often(3, 1)):
        with like(flow.saver, tmp_path / f"{length}.db") as saver:
            saver.append(run, rows[:length], "the one who died")
            again = Reader(Flavour(flow.name, saver), **options)
            assert again.to_the_end() == expected, f"cut at {rows[length].kind} {rows[length].path}"
            assert saver.rows(run)[:length] == rows[:length]


@contextmanager
def like(saver: BaseCheckpointSaver, path: Path) -> Iterator[BaseCheckpointSaver]:
    """Yield an empty saver of the same class."""
    if isinstance(saver, SqliteSaver):
        with SqliteSaver.from_conn_string(path) as made:
            yield made
    else:
        yield InMemorySaver()


@pytest.mark.parametrize("count", [1, 4, 7])
def test_a_body_that_leaves_early_leaves_at_the_same_chunk(flow: Flavour, count: int) -> None:
    reader = Reader(flow, count=count, stream_mode=["updates", "custom", "tasks"])
    first, _, second = reader.to_the_end()
    assert (len(first), len(second)) == (count, count)
    assert set(reader.ran.values()) == {1}


def test_results_of_parallel_calls_come_again_in_the_same_order(flow: Flavour) -> None:
    turns = [threading.Event() for _ in range(4)]
    turns[-1].set()

    @task  # in threads, since each waits for the one after it
    def step(n: int) -> int:
        assert turns[n].wait(30), "the one after it lets it go"
        turns[n - 1].set()
        return n

    @flow.entrypoint(checkpointer=None)
    def child(n: int) -> Any:
        return (yield [step(one) for one in range(n)])

    @flow.entrypoint
    def parent(n: int) -> Any:
        seen = yield flow.streamed(child, n)
        interrupt(repr(seen))
        return seen

    (question,) = flow.invoke(parent, 4)["__interrupt__"]
    seen = flow.invoke(parent, YES)
    assert isinstance(seen, list), "it was asked once"
    assert repr(seen) == question.value
    assert sorted(one["step"] for one in seen[:-1]) == [0, 1, 2, 3]


def test_a_retried_reader_reads_the_same(flow: Flavour) -> None:
    ran: Counter[int] = Counter()
    seen: list[Any] = []

    @flow.task
    def step(n: int, writer: StreamWriter) -> Any:
        ran[n] += 1
        writer(f"at {n}")
        return n + 1

    @flow.entrypoint(checkpointer=None)
    def child(n: int) -> Any:
        n = yield step(n)
        return (yield step(n))

    @flow.entrypoint(retry_policy=FAST)
    def parent(n: int) -> Any:
        chunks = yield flow.streamed(child, n, stream_mode=["updates", "custom", "tasks", "values"])
        if chunks not in seen:
            seen.append(chunks)
            raise ConnectionError("not yet")
        return chunks

    assert [flow.invoke(parent, 1)] == seen
    assert ran == {1: 1, 2: 1}


def test_a_fork_reads_what_it_takes_over(flow: Flavour) -> None:
    ran: Counter[int] = Counter()

    @flow.task
    def step(n: int, writer: StreamWriter) -> Any:
        ran[n] += 1
        writer(f"at {n}")
        return n + 1

    @flow.entrypoint(checkpointer=None)
    def child(n: int) -> Any:
        n = yield step(n)
        return (yield step(n))

    @flow.entrypoint
    def parent(n: int) -> Any:
        chunks = yield flow.streamed(child, n, stream_mode=["updates", "custom"])
        return [chunks, (yield step(n + 10))]

    chunks, _ = flow.invoke(parent, 1)
    here: Any = {"configurable": {"thread_id": "t"}}
    assert parent.fork(here, at="0.1").result() == [chunks, 12]
    assert ran == {1: 1, 2: 1, 11: 2}
    assert parent.fork(here, at="0.0.1").result()[0] == chunks
    assert ran == {1: 1, 2: 2, 11: 3}


def test_what_can_not_be_kept_is_said_when_it_is_read(flow: Flavour) -> None:
    @flow.entrypoint(checkpointer=None)
    def child(n: int, writer: StreamWriter) -> Any:
        writer(threading.Lock())
        writer("kept")
        return n

    @flow.entrypoint
    def parent(n: int) -> Any:
        chunks = yield flow.streamed(child, n, stream_mode="custom")
        interrupt("more?")
        return chunks

    with pytest.warns(UnkeptStreamWarning, match=r"'custom' chunk of the stream of 'child', from call 0\.0, .*lock"):
        flow.invoke(parent, 1)
    assert flow.invoke(parent, YES) == ["kept"]


class State(TypedDict):
    """Of the graph below."""

    n: int


def graph_reader(flow: Flavour, ran: Counter[str]) -> Any:
    def add(state: State, writer: StreamWriter) -> Any:
        ran["add"] += 1
        writer("adds")
        return {"n": state["n"] + 1}

    def ask(state: State) -> Any:
        return {"n": state["n"] + len(interrupt("how much?"))}

    def double(state: State) -> Any:
        ran["double"] += 1
        return {"n": state["n"] * 2}

    builder = StateGraph(State)
    for node in (add, ask, double):
        builder.add_node(node.__name__, flow.node(node))
    for one, other in ((START, "add"), ("add", "ask"), ("ask", "double"), ("double", END)):
        builder.add_edge(one, other)
    graph = builder.compile()

    @flow.entrypoint
    def parent(n: int) -> Any:
        seen = yield flow.streamed(graph, {"n": n}, stream_mode=["updates", "values", "custom", "tasks", "debug"])
        return [seen, interrupt(repr(plain(seen)))]

    return parent


def test_the_stream_of_a_nested_graph_is_read_again(flow: Flavour, tmp_path: Path) -> None:
    ran: Counter[str] = Counter()
    parent = graph_reader(flow, ran)
    flow.invoke(parent, 1)
    flow.invoke(parent, YES)
    seen, _ = plain(flow.invoke(parent, YES))
    assert ran == {"add": 1, "double": 1}
    assert [chunk for mode, chunk in seen if mode == "values"] == [{"n": 1}, {"n": 2}, {"n": 5}, {"n": 10}]
    assert [mode for mode, _ in seen].count("updates") == 3
    run = RunKey("t", flow.saver.runs("t")[0])
    rows = flow.saver.rows(run)
    for end, row in enumerate(rows):
        if row.kind == "CallReturned" and row.path in {"0.0.1", "0.0.3", "0.0.5"}:
            rest = [record for record in map(from_row, rows[end:]) if isinstance(record, (Told, Marked))]
            told = [one.source for one in takewhile(lambda one: isinstance(one, Told), rest) if isinstance(one, Told)]
            assert row.path in told, "what the body was given of a step is durable no later than the step's mark"
    for length in range(1, len(rows), often(3, 1)):
        with like(flow.saver, tmp_path / f"{length}.db") as saver:
            saver.append(run, rows[:length], "the one who died")
            other = Flavour(flow.name, saver)
            again = graph_reader(other, ran)
            result: Any = {}
            while isinstance(result, dict):
                last = again.last_run({"configurable": {"thread_id": "t"}})
                result = other.invoke(again, YES if last.status == "asking" else None)
            assert plain(result[0]) == seen, f"cut at {rows[length].kind} {rows[length].path}"
