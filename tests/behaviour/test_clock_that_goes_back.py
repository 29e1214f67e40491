"""A thread's order is its own: runs follow each other as they were begun, whatever the clocks say."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from nbflow import Command, InMemorySaver, SqliteSaver, entrypoint, interrupt, list_runs, read_run, task, threads
from nbflow._support import clock
from nbflow.core.record import RunStarted
from nbflow.testing import FakeClock

CONFIG: Any = {"configurable": {"thread_id": "t"}}
DAY = 86_400.0


@pytest.fixture(params=["memory", "sqlite"])
def saver(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Any]:
    if request.param == "memory":
        yield InMemorySaver()
        return
    with SqliteSaver.from_conn_string(tmp_path / "runs.db") as saver:
        yield saver


@pytest.fixture
def hands(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeClock]:
    """Turn a clock that ids are drawn from as well, as another process would after the clock was set."""
    with FakeClock() as hands:
        real = clock.new_id

        def new_id() -> str:
            monkeypatch.setattr(clock, "_latest", 0)
            return real()

        monkeypatch.setattr("time.time_ns", lambda: round(hands.now * 1e9))
        monkeypatch.setattr(clock, "new_id", new_id)
        yield hands


def counting(saver: Any) -> Any:
    @task
    def same(n: int) -> int:
        return n

    @entrypoint(checkpointer=saver)
    def count(n: int, previous: Any) -> Any:
        answer = interrupt("?") if n < 0 else None
        return [*(previous or []), same(n).result() if answer is None else answer]

    return count


def points(states: list[Any]) -> list[str]:
    return [state.config["configurable"]["checkpoint_id"] for state in states]


def test_a_clock_that_goes_back_hides_no_run(saver: Any, hands: FakeClock) -> None:
    flow = counting(saver)
    for n in range(6):
        assert flow.invoke(n, CONFIG) == list(range(n + 1))
        hands.advance(-DAY if n % 2 else DAY / 3)
    runs = list_runs(saver, "t")
    assert runs != sorted(runs, reverse=True), "the ids are not in order"
    assert [read_run(saver, "t", run)[0].value.get() for run in runs] == [5, 4, 3, 2, 1, 0]  # type: ignore[union-attr]  # an input
    assert flow.last_run(CONFIG).run_id == runs[0]
    assert threads(saver)[0].runs == 6
    assert flow.get_state(CONFIG).values == list(range(6))


def test_a_history_goes_back_run_by_run(saver: Any, hands: FakeClock) -> None:
    flow = counting(saver)
    for n in range(4):
        flow.invoke(n, CONFIG)
        hands.advance(-DAY)
    states = list(flow.get_state_history(CONFIG))
    assert [state.values for state in states[::2]] == [list(range(n)) for n in (4, 3, 2, 1)]
    assert [state.metadata["step"] for state in states] == [6, 5, 4, 3, 2, 1, 0, -1]
    assert [flow.get_state(state.config) for state in states] == states
    for at in range(len(states)):
        assert list(flow.get_state_history(CONFIG, before=states[at].config)) == states[at + 1 :]
        assert list(flow.get_state_history(states[at].config)) == [states[at]]
    listed = list(saver.list(CONFIG))
    assert [one.checkpoint["id"] for one in listed] == points(states)
    for at in range(len(listed)):
        assert list(saver.list(CONFIG, before=listed[at].config)) == listed[at + 1 :]
        assert saver.get_tuple(listed[at].config) == listed[at]


def test_a_question_is_answered_where_the_thread_is(saver: Any, hands: FakeClock) -> None:
    flow = counting(saver)
    flow.invoke(0, CONFIG)
    hands.advance(-DAY)
    flow.invoke(-1, CONFIG)
    hands.advance(-DAY)
    assert flow.get_state(CONFIG).interrupts[0].value == "?"
    assert flow.invoke(Command(resume="a"), CONFIG) == [0, "a"]
    hands.advance(-DAY)
    flow.update_state(CONFIG, ["updated"])
    assert flow.invoke(5, CONFIG) == ["updated", 5]
    first = list(flow.get_state_history(CONFIG))[-2]
    hands.advance(-DAY)
    assert flow.invoke(9, first.config) == [0, 9]
    assert flow.invoke(10, CONFIG) == [0, 9, 10]


def test_the_newest_runs_are_kept(saver: Any, hands: FakeClock) -> None:
    flow = counting(saver)
    for n in range(4):
        flow.invoke(n, CONFIG)
        hands.advance(-DAY)
    runs = list_runs(saver, "t")
    saver.copy_thread("t", "copy")
    assert list_runs(saver, "copy") == runs
    assert saver.prune(["t"]).runs == 3
    assert list_runs(saver, "t") == runs[:1]
    assert flow.invoke(4, CONFIG) == list(range(5))
    assert isinstance(read_run(saver, "t")[0], RunStarted)
    assert saver.prune(["copy"], max_bytes=sum(list(saver.sizes("copy").values())[:1])).runs >= 2
    assert list_runs(saver, "copy")[0] == runs[0]


def test_a_pause_is_found_whatever_the_clock_said(saver: Any, hands: FakeClock) -> None:
    count = counting(saver)
    for _ in range(2):
        hands.advance(-DAY)
        count.invoke(-1, CONFIG)
        count.invoke(Command(resume=1), CONFIG)
    history = list(count.get_state_history(CONFIG))
    assert [bool(state.interrupts) for state in history] == [False, True, True] * 2
    for number, state in enumerate(history):
        assert count.get_state(state.config) == state
        assert list(count.get_state_history(CONFIG, before=state.config)) == history[number + 1 :]
    assert count.invoke(Command(resume=2), history[4].config) == [2]
    assert count.invoke(Command(resume=3), history[1].config) == [1, 3]
