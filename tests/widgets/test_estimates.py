"""What a timeline tells of the time that is left, and of the critical path."""

from __future__ import annotations

import threading
from typing import Any

import pytest

import nbflow
from nbflow import InMemorySaver, entrypoint, task
from nbflow_widgets import estimates
from nbflow_widgets.estimates import Remaining, look_for
from nbflow_widgets.run_feed import RunFeed
from nbflow_widgets.timeline import Timeline
from tests.unit.stories import story

GO = threading.Event()


@task
def step(n: int) -> int:
    return n


@task
def held(n: int) -> int:
    assert GO.wait(60), "the test lets it go"
    return n


def flow_of(saver: InMemorySaver, name: str = "flow") -> nbflow.Workflow:
    @entrypoint(checkpointer=saver, name=name)
    def flow(n: int) -> int:
        return held(step(n).result()).result()

    return flow


def found(monkeypatch: pytest.MonkeyPatch, run: nbflow.Run) -> list[Remaining]:
    """Return what is found of earlier runs, looked for at once."""
    taken: list[Remaining] = []
    monkeypatch.setattr(estimates, "SECONDS", 0.0)
    thread = threading.Thread(target=estimates._look, args=(run.workflow.checkpointer, run, taken.append))
    thread.start()
    thread.join(60)
    return taken


def begun(flow: nbflow.Workflow, thread: str) -> nbflow.Run:
    return flow.start(1, {"configurable": {"thread_id": thread}})


@pytest.fixture(autouse=True)
def gate() -> Any:
    GO.set()
    yield
    GO.set()


@pytest.mark.parametrize("thread", ["t", "another"])
def test_an_earlier_run_of_the_workflow_is_found_in_any_thread(monkeypatch: pytest.MonkeyPatch, thread: str) -> None:
    flow = flow_of(InMemorySaver())
    begun(flow, "t").result()
    GO.clear()
    run = begun(flow, thread)
    (remaining,) = found(monkeypatch, run)
    view = RunFeed(run).view
    assert remaining._estimate.left(view, 0.0) == pytest.approx(remaining._estimate.worked)
    GO.set()
    run.result()


def test_nothing_is_found_of_other_workflows_stopped_runs_and_short_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    saver = InMemorySaver()
    begun(flow_of(saver, "other"), "o").result()
    flow = flow_of(saver)
    GO.clear()
    stopped = begun(flow, "s")
    stopped.cancel()
    run = begun(flow, "t")
    assert found(monkeypatch, run) == []
    GO.set()
    run.result()
    again = begun(flow, "t")
    assert len(found(monkeypatch, again)) == 1
    monkeypatch.setattr(estimates, "SECONDS", 1e9)
    taken: list[Remaining] = []
    estimates._look(saver, again, taken.append)
    assert taken == []
    again.result()


def test_a_workflow_that_keeps_nothing_is_not_looked_for() -> None:
    @entrypoint()
    def flow(n: int) -> int:
        return step(n).result()

    run = flow.start(1)
    look_for(run, lambda _remaining: pytest.fail("nothing is kept"))
    run.result()


class Told:
    def __init__(self, *left: float | None) -> None:
        self.given = list(left)
        self.worked = 60.0

    def left(self, _view: object, _now: float) -> float | None:
        return self.given.pop(0)


def test_what_is_left_is_counted_down_between_two_reckonings() -> None:
    view: Any = RunFeed(story().kept).view
    remaining = Remaining(Told(30.0, 20.0, None))  # type: ignore[arg-type]  # it says what the test wants
    assert [remaining.left(view, now) for now in (100.0, 100.4, 200.0, 300.0)] == [
        30.0,
        pytest.approx(29.6),
        20.0,
        None,
    ]


def test_next_to_nothing_left_is_not_told() -> None:
    remaining = Remaining(Told(1.2))  # type: ignore[arg-type]  # it says what the test wants
    view: Any = RunFeed(story().kept).view
    assert [remaining.left(view, now) for now in (100.0, 100.5)] == [1.2, None]


def test_the_page_is_told_what_bounded_the_run_and_of_an_ended_one_no_time_left() -> None:
    timeline = Timeline(RunFeed(story().kept))
    timeline.estimate = Remaining(Told(50.0))  # type: ignore[arg-type]  # it says what the test wants
    timeline.feed.flush()
    snapshot: Any = timeline._snapshot()
    rows = {row[0] for row in snapshot["rows"]}
    assert snapshot["chain"]
    assert set(snapshot["chain"]) <= rows - {"0"}
    assert all(ms >= 0 for ms in snapshot["chain"].values())
    assert (snapshot["head"]["left"], snapshot["head"]["forks"]) == (None, None)
    works = Timeline(RunFeed(story().kept[:3]))
    works.estimate = timeline.estimate
    works.feed._take_in()  # as of a run that goes on
    head: Any = works._snapshot()["head"]
    assert (head["left"], "chain" in works._snapshot()) == (50.0, False)


def test_a_saved_page_offers_no_run_again() -> None:
    timeline = Timeline(
        RunFeed(story().kept),
        on_fork=lambda _wish: pytest.fail("unasked"),
        can_bind=lambda: {"out": "x", "awaited": False},
    )
    live, kept = timeline._snapshot(), timeline._snapshot(live=False)
    assert live["head"]["forks"] == {"out": "x", "awaited": False}  # type: ignore[index]  # JSON
    assert "forks" not in kept["head"]  # type: ignore[operator]  # JSON
