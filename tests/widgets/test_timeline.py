"""The timeline's messages, its static version and its text; the page is looked at in the browser tier."""

from __future__ import annotations

import base64
import gzip
import json
import re
import time
from html.parser import HTMLParser
from typing import Any

import pytest

from nbflow import InMemorySaver, entrypoint, task
from nbflow.core.record import CallReturned, Record, RunHalted, RunStarted
from nbflow_widgets.markup import duration
from nbflow_widgets.run_feed import RunFeed
from nbflow_widgets.timeline import Timeline
from tests.unit.stories import story

ALLOWED = {"div", "span", "b", "details", "summary", "pre"}


class Tags(HTMLParser):
    """Collects tags and attributes, and checks that every tag is closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.open: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, "tags are nested"


class Wire:
    """Stands for the comm: keeps what the widget would send."""

    def __init__(self, timeline: Timeline) -> None:
        self.sent: list[dict[str, Any]] = []
        self.widget = timeline.widget
        self.widget.send = self.sent.append
        self.states: list[dict[str, Any]] = []
        self.widget.send_state = lambda key: self.states.append(json.loads(json.dumps(self.widget.get_state(key))))

    def receive(self, **content: object) -> None:
        self.widget._handle_custom_msg(content, [])


def record(path: str, name: str, at: float = 1.0) -> Record:
    return CallReturned(path=path, name=name, shown="'<i>'", started=1.0, at=at)


def hostile() -> list[Record]:
    bad = "<script>alert(1)</script>\x1b[31m\x00\u202e"
    return [RunStarted(run_id="r", thread_id=bad, workflow=bad, at=1.0), record("0.0", f'"{bad}')]


def test_the_text_is_the_same_for_runs_that_did_the_same() -> None:
    assert Timeline(RunFeed(story().kept)).text().splitlines() == [
        "essay: done, 9 calls (8 done, 1 failed)",
        "  fetch(0): done",
        "  fetch(1): done",
        "  fetch(2): done",
        "  measure('<page 0>'): done",
        "  measure('<page 1>'): done",
        "  measure('<page 2>'): done",
        "  check('<page 0>'): failed",
        "  summarise(['<page 0>', '<page 1>', '<page 2>']): done",
        "    call('summary'): done, attempt 3",
    ]


def test_an_open_question_is_told() -> None:
    feed = RunFeed(story().heard[0])
    assert Timeline(feed).text().splitlines()[0] == "essay: asking, 9 calls (8 done, 1 failed), 1 open question"


@pytest.mark.parametrize("times", [True, False])
def test_the_twin_is_plain_and_escaped(times: bool) -> None:
    for records in (story().kept, story().heard[0], story(fails=True).kept, hostile(), []):
        found = Tags(Timeline(RunFeed(records)).html(times=times))
        assert found.open == []
        assert found.tags <= ALLOWED
        assert found.attributes <= {"style", "title"}


def test_what_terminals_and_pages_would_obey_is_shown() -> None:
    timeline = Timeline(RunFeed(hostile()))
    wire = Wire(timeline)
    wire.receive(kind="again")
    for text in (timeline.html(), timeline.html(times=False), timeline.text(), str(wire.states)):
        assert not any(bad in text for bad in ("\x1b", "\x00", "\u202e"))
        assert "\u241b[31m\u2400" in text


def test_the_twin_without_times_has_none() -> None:
    html = [Timeline(RunFeed(told)).html(times=False) for told in (story().kept, _later(story().kept))]
    assert html[0] == html[1]
    assert not re.search(r"\d (ms|s)\b", html[0])


def _later(records: list[Record]) -> list[Record]:
    """Return the same run a day later and slower."""
    for told in records:
        told.at += 86400.0
        if isinstance(told, CallReturned):
            told.at += 3.0
    return records


def large(count: int) -> Timeline:
    calls = [record(f"0.{i}", f"work{i % 3}", 1.5 + i / count) for i in range(count)]
    begun = RunStarted(run_id="r", thread_id="t", workflow="flow", at=1.0)
    return Timeline(RunFeed([begun, *calls, RunHalted(at=2.0)]))


@pytest.mark.parametrize("count", [60, 300, 10_000])
def test_a_twin_stays_small_and_its_script_too(count: int) -> None:
    html = large(count).html()
    assert len(html) < 110_000
    assert Tags(html).open == []
    assert len(large(count).html(script=True)) - len(html) < 90_000
    assert len(large(count).text().splitlines()) < 310


def test_of_many_calls_functions_are_shown_with_those_that_matter() -> None:
    html = large(10_000).html()
    assert html.count("\u00d73,334") + html.count("\u00d73,333") == 3
    assert "3,334 done; 3,324 calls not shown" in html
    assert html.count("<details>") == 3 * (1 + 10), "functions open with a click, and the slowest calls in them"


def test_every_call_of_a_small_run_opens_with_a_click() -> None:
    html = Timeline(RunFeed(story().kept)).html()
    for fact in ("attempt 3", "&lt;page 1&gt;", ">error<"):
        assert fact in html
    assert html.count("list-style:none") == 9
    assert "linear-gradient" in html, "marks of an axis"


FETCH = ("code, tests.unit.stories:37", '@task\ndef fetch(number: int) -> str:\n    return f"<page {number}>"')


def unpacked(html: str) -> tuple[str, dict[str, Any]]:
    (packed,) = re.findall(r"await Promise\.all\((\[.*?\])\.map", html)
    code, _css, run = (gzip.decompress(base64.b64decode(part)).decode() for part in json.loads(packed))
    return code, json.loads(run)


def test_the_script_of_a_twin_holds_the_module_and_the_run_and_no_markup() -> None:
    html = Timeline(RunFeed(story().kept)).html(script=True)
    code, run = unpacked(html)
    assert "export default" in code
    assert run["details"]["0.1"] == [["arguments", "1"], ["result", "<page 1>"], [FETCH[0], 2]]
    assert run["codes"][2] == FETCH[1]
    assert len(run["codes"]) == len(set(run["codes"])), "code stands there once, however many calls it has"
    assert {row[0] for row in run["snapshot"]["rows"]} >= {"0", "0.1"}
    assert (html.count("<script>"), html.count("</script>")) == (1, 1)
    hidden = Timeline(RunFeed(hostile())).html(script=True)
    assert "alert(1)</" not in hidden
    assert unpacked(hidden)[1]["snapshot"]["head"]["name"].startswith("<script>alert(1)</script>")


def test_a_twin_has_no_script_where_that_is_not_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NBFLOW_TWIN", "plain")
    assert "<script" not in Timeline(RunFeed(story().kept)).html(script=True)
    assert "<script" not in Timeline(RunFeed(story().kept)).html()


def test_batches_are_numbered_and_the_snapshot_is_the_whole() -> None:
    timeline = Timeline(RunFeed(story().heard[0]))
    wire = Wire(timeline)
    timeline.feed.attach(story().heard[1])
    wire.receive(kind="again")
    delta, snapshot = wire.sent[-1], wire.states[-1]["snapshot"]
    assert (delta["kind"], delta["seq"]) == ("delta", 2)
    assert snapshot["seq"] == 2
    assert {row[0]: row[4] for row in snapshot["rows"]}["0"] == "done"
    assert snapshot["head"]["counts"] == delta["head"]["counts"]
    json.dumps(wire.sent)
    timeline.close()


def test_a_click_asks_for_one_call() -> None:
    wire = Wire(Timeline(RunFeed(story().kept)))
    wire.receive(kind="details", path="0.1")
    assert wire.sent == [
        {"kind": "details", "path": "0.1", "items": [("arguments", "1"), ("result", "<page 1>"), FETCH]}
    ]


def test_stop_cancels_the_run_or_does_what_it_was_told() -> None:
    @task
    def nap() -> None:
        time.sleep(0.3)

    @entrypoint(checkpointer=InMemorySaver())
    def flow(n: int) -> None:
        for _ in range(n):
            nap().result()

    run = flow.start(100, {"configurable": {"thread_id": "t"}})
    while not run.calls:
        time.sleep(0.01)
    timeline = Timeline(RunFeed(run))
    wire = Wire(timeline)
    told: list[str] = []
    timeline.on_stop = lambda: told.append("stop")
    wire.receive(kind="stop")
    assert (told, run.status) == (["stop"], "running")
    timeline.on_stop = None
    wire.receive(kind="stop")
    assert run.status == "stopped"
    assert timeline.text().startswith("flow: stopped")


def test_a_closed_timeline_sends_nothing() -> None:
    timeline = Timeline(RunFeed(story().heard[0]))
    wire = Wire(timeline)
    timeline.close()
    timeline.feed.attach(story().heard[1])
    assert wire.sent == []
    assert repr(wire.widget) == "Timeline"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0004, "0.4 ms"), (0.25, "250 ms"), (0.9996, "1.0 s"), (12.34, "12.3 s"), (59.97, "1m 00s"),
        (65, "1m 05s"), (7800, "2h 10m"), (266400, "3d 02h"),
    ],
)  # fmt: skip
def test_durations_are_read_at_a_glance(seconds: float, text: str) -> None:
    assert duration(seconds) == text
