"""The code of a run where it is shown: once for each function, bounded, and never as markup."""

from __future__ import annotations

from typing import Any

from nbflow.core.record import CallReturned, CodeKept, RunReturned, RunStarted, Value
from nbflow.views.code import NOT_KEPT
from nbflow_widgets.run_feed import RunFeed
from nbflow_widgets.static_rows import CODES
from nbflow_widgets.timeline import Timeline

EVIL = "</script><img src=x onerror=alert(1)>\x1b[31m\0\u202e"


def run(texts: dict[str, Any], *, calls: int = 3) -> list[Any]:
    """Return the records of a run that calls each function so many times."""
    records: list[Any] = [RunStarted(run_id="r", thread_id="t", workflow="flow", at=1.0, code=b"flow")]
    records += [
        CodeKept(name=name, code=name.encode(), place="flows:1", value=Value(text))
        for name, text in texts.items()
        if text is not None
    ]
    for number, name in enumerate(name for name in texts for _ in range(calls)):
        path = f"0.{number}"
        records.append(CallReturned(path=path, name=name, code=name.encode(), started=1.0, at=2.0, value=Value(1)))
    return [*records, RunReturned(point="p", at=3.0, value=Value(None))]


def test_it_stands_once_in_the_static_version() -> None:
    html = Timeline(RunFeed(run({"one": "def one(): ...", "two": "def two(): ..."}, calls=20))).html()
    assert html.count("def one(): ...") == html.count("def two(): ...") == 1
    assert "flows:1" in html


def test_there_is_room_for_so_much_and_the_rest_is_counted() -> None:
    before = len(Timeline(RunFeed(run({f"f{n}": None for n in range(30)}, calls=1))).html())
    html = Timeline(RunFeed(run({f"f{n}": "x = 1\n" * 1000 for n in range(30)}, calls=1))).html()
    assert len(html) - before < CODES + 4_000
    assert "functions more, in the thread" in html


def test_without_times_two_runs_of_the_same_give_the_same() -> None:
    assert "def one" not in Timeline(RunFeed(run({"one": "def one(): ..."}))).html(times=False)


def test_nothing_in_it_becomes_markup() -> None:
    feed = RunFeed(run({EVIL: EVIL}))
    html = Timeline(feed).html(script=True)
    assert "<img" not in html
    assert html.count("</script>") == 1
    assert not set(html) & {"\x1b", "\0", "\u202e"}
    assert feed.facts("0.0")[-1].text == EVIL, "as it is, for whoever shows it as text"


def test_what_was_not_kept_is_told_for_calls_that_have_code() -> None:
    feed = RunFeed(run({"one": None, "two": b"no text"}))
    assert feed.facts("0.0")[-1][:2] == ("code", NOT_KEPT)
    assert feed.facts("0.3")[-1].text == NOT_KEPT
    assert feed.facts("0")[-1][:2] == ("code", NOT_KEPT)
    records = run({"one": None})
    records[1].code = b""
    assert RunFeed(records).facts("0.0")[-1].label == "result", "of a function without code nothing is said"
