"""The source: batches, never more often than it says, and none after the end."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable

import pytest

from nbflow import InMemorySaver, Run, Workflow, entrypoint, interrupt, task
from nbflow.views.calls import CallRow, calls_of
from nbflow.views.progress import Progress
from nbflow_widgets import ticker
from nbflow_widgets.run_feed import RunFeed

CONFIG = {"configurable": {"thread_id": "t"}}
Batch = tuple[list[CallRow], Progress]


def asking() -> Workflow:
    @task
    def double(x: int) -> int:
        return 2 * x

    @entrypoint(checkpointer=InMemorySaver())
    def flow(n: int) -> object:
        found = [double(i).result() for i in range(n)]
        return interrupt("go on?") and found

    return flow


def until(holds: Callable[[], bool], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it never held"
        time.sleep(0.01)


def tickers() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "nbflow-ticker"]


@pytest.fixture(autouse=True)
def _alone() -> None:
    """Have the ticker to itself: what other tests have shown may be looked at for some seconds more."""
    for source in tuple(ticker.ticker._sources):
        ticker.ticker.remove(source)
    until(lambda: not tickers())


def mirror(batches: list[Batch]) -> dict[str, CallRow]:
    rows: dict[str, CallRow] = {}
    for changed, _ in batches:
        for row in changed:
            rows.pop(row.path, None)
            if row.state != "discarded":
                rows[row.path] = row
    return rows


def test_a_subscriber_gets_what_there_is_then_what_changes() -> None:
    run = asking().start(3, CONFIG)
    run.result()
    feed = RunFeed(run)
    batches: list[Batch] = []
    feed.subscribe(lambda rows, progress: batches.append((rows, progress)))
    assert len(batches) == 1
    feed.attach(run.resume("yes"))
    until(lambda: batches[-1][1].state == "done")
    assert mirror(batches) == feed.view.calls.rows
    assert batches[-1][1].counts == {"replayed": 3}


def test_a_thousand_calls_are_one_batch_per_tick_and_the_ticker_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    ticks, called, go = threading.Semaphore(0), threading.Event(), threading.Event()
    real = ticker.goes_on

    def on_tick(feed: ticker.Source) -> bool:
        assert ticks.acquire(timeout=60)
        return real(feed)

    @task
    def quick(x: int) -> int:
        return x

    @entrypoint()
    def flow(n: int) -> int:
        first = [quick(i) for i in range(n)]
        called.set()
        assert go.wait(60)
        return sum(one.result() for one in first)

    monkeypatch.setattr(ticker, "goes_on", on_tick)

    run = flow.start(1000)
    feed = RunFeed(run)
    batches: list[Batch] = []
    feed.subscribe(lambda rows, progress: batches.append((rows, progress)))
    assert called.wait(60)
    ticks.release()
    until(lambda: not ticks._value)
    go.set()
    run.result()
    ticks.release()
    until(lambda: not tickers())
    assert 1 < len(batches) <= 3
    assert batches[-1][1].counts == {"done": 1000}
    assert len({row.path for rows, _ in batches for row in rows}) == 1001


def test_runs_share_one_ticker() -> None:
    gate = threading.Event()

    @entrypoint()
    def flow(n: int) -> bool:
        return gate.wait(60)

    runs = [flow.start(n) for n in range(3)]
    feeds = [RunFeed(run) for run in runs]
    assert len(tickers()) == 1
    gate.set()
    for run in runs:
        run.result()
    until(lambda: not tickers())
    assert [feed.view.progress.state for feed in feeds] == ["done"] * 3


def test_records_alone_make_a_source() -> None:
    run = asking().start(2, CONFIG)
    run.result()
    feed = RunFeed(list(run.log))
    batches: list[Batch] = []
    feed.subscribe(lambda rows, progress: batches.append((rows, progress)))
    assert batches[0][1].state == "asking"
    assert feed.done()
    assert [fact.label for fact in feed.details("0.1")] == ["arguments", "result"]


def test_a_call_that_works_tells_what_it_has_said_so_far() -> None:
    said, go_on = threading.Event(), threading.Event()

    @task
    def work() -> None:
        sys.stdout.write("begins\n")
        said.set()
        go_on.wait(60)
        sys.stdout.write("ends\n")

    @entrypoint(checkpointer=InMemorySaver())
    def flow(_: int) -> None:
        work().result()

    run = flow.start(1, CONFIG)
    feed = RunFeed(run)
    assert said.wait(60)
    assert feed.details("0.0")[-1].text == "begins\n"
    go_on.set()
    run.result()
    assert feed.details("0.0")[-1].text == "begins\nends\n"


def test_a_subscriber_that_fails_stops_alone(capsys: pytest.CaptureFixture[str]) -> None:
    run = asking().start(1, CONFIG)
    run.result()
    feed = RunFeed(run)
    heard: list[str] = []

    def broken(rows: list[CallRow], progress: Progress) -> None:
        if heard:
            raise ValueError("broken view")

    feed.subscribe(broken)
    feed.subscribe(lambda rows, progress: heard.append(progress.state))
    feed.attach(run.resume(answer="yes"))
    until(lambda: heard[-1] == "done")
    assert capsys.readouterr().err.count("ValueError: broken view") == 1


def test_what_a_view_no_longer_wants_is_not_sent() -> None:
    run: Run = asking().start(1, CONFIG)
    run.result()
    feed = RunFeed(run)
    heard: list[str] = []
    stop = feed.subscribe(lambda rows, progress: heard.append(progress.state))
    stop()
    stop()
    feed.attach(run.resume(answer="yes"))
    until(feed.done)
    feed.flush()
    feed.close()
    assert heard == ["asking"]
    assert [row.state for row in calls_of(feed.records)] == ["done", "replayed"]
