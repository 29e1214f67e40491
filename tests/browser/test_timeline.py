"""The timeline as a person meets it: live in a busy cell, clicked, reloaded, stopped, and after its end."""

from __future__ import annotations

import re
from typing import cast

from playwright.sync_api import Locator, expect

from tests.amounts import often
from tests.browser.lab import Lab

SETUP = """
import os, time
from IPython.display import display, HTML
from nbflow import InMemorySaver, entrypoint, interrupt, task
from nbflow_widgets.run_feed import RunFeed
from nbflow_widgets.timeline import Timeline

gate, gated = "", 0  # a file, and the first call that waits for it

def held(path):
    while path and not os.path.exists(path):
        time.sleep(0.02)

@task
def work(i, seconds=0.2):
    if i >= gated:
        held(gate)
    time.sleep(seconds)
    if i == 1:
        raise ValueError("<img src=x onerror=alert(1)>")
    return f"<b>{i}</b>"

@entrypoint(checkpointer=InMemorySaver())
def flow(n):
    calls = [work(i) for i in range(n)]
    failed = [call.exception() is not None for call in calls]
    answer = interrupt("go on?") if n == 3 else None
    return [work(9).result(), answer, failed]

@entrypoint(checkpointer=InMemorySaver())
def slow(n):
    return [work(i + 2, 0.1).result() for i in range(n)]

def config(name): return {"configurable": {"thread_id": name}}
"""
MANY = """
@task
def leaf(i):
    if i == 7:
        raise ValueError("no")
    return i

@task
def branch(name):
    return sum(leaf(i).exception() is None for i in range(3))

@entrypoint(checkpointer=InMemorySaver())
def many(n):
    branch("left").result(); branch("right").result()
    return sum(c.exception() is None for c in [leaf(i) for i in range(n)])
"""
BIG = """
@entrypoint()
def big(n):
    return sum(c.exception() is None for k in range(n) for c in [work(i, 0.05) for i in range(250)])
"""
SHOW = "timeline = Timeline(RunFeed(run)); display(timeline.widget)\n"
FRAMES = """() => {
  window.drawn = []; window.took = []; let strokes = 0;
  const frame = window.requestAnimationFrame.bind(window);
  window.requestAnimationFrame = (fn) => frame((time) => {
    const begun = performance.now(), before = strokes; fn(time);
    if (strokes > before) window.took.push(performance.now() - begun);
  });
  const pen = CanvasRenderingContext2D.prototype;
  for (const name of ["fillRect", "strokeRect", "fillText", "fill", "stroke"]) {
    const real = pen[name];
    pen[name] = function (...given) { strokes += 1; return real.apply(this, given); };
  }
  const next = () => { window.drawn.push(strokes); strokes = 0; requestAnimationFrame(next); };
  requestAnimationFrame(next);
}"""
PIXELS = """canvas => {
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height), seen = {};
  for (let i = 0; i < data.length; i += 4) if (data[i + 3] > 250) {
    const colour = `${data[i]},${data[i + 1]},${data[i + 2]}`; seen[colour] = (seen[colour] || 0) + 1;
  }
  return seen;
}"""
ROW, AXIS = 22, 22


def facts(lab: Lab, cell: int = 1) -> Locator:
    return lab.cell_output(cell).locator(".nbf-facts")


def click_row(lab: Lab, number: int) -> None:
    lab.page.locator(".nbf-canvas").click(position={"x": 60, "y": AXIS + number * ROW + ROW // 2})


def pixels(lab: Lab) -> dict[str, int]:
    return cast("dict[str, int]", lab.page.locator(".nbf-canvas").evaluate(PIXELS))


def test_a_busy_cell_shows_its_run_as_it_goes(lab: Lab) -> None:
    go, end = lab.server.root / "busy go", lab.server.root / "busy end"
    lab.open_cells(SETUP, f"gate = {str(go)!r}\nrun = flow.start(2, config('a'))\n{SHOW}held({str(end)!r})")
    lab.run_cell(0)
    lab.run_cell(1, wait=False)
    expect(facts(lab)).to_have_text("0 of 2 done · 2 running")
    go.touch()
    expect(facts(lab)).to_have_text("2 of 3 done · 1 failed")
    end.touch()
    lab.wait_idle()
    found = pixels(lab)
    assert found["63,163,124"] > 500, "the bars of what is done"
    assert found["217,72,63"] > 500, "the bar of what failed"
    assert lab.problems == []


def test_a_run_is_clicked_on_drawn_in_both_themes_answered_and_replaced(lab: Lab) -> None:
    an_hour_later = "from nbflow._support import clock\nreal = clock.now\nclock.now = lambda: real() + 3600\n"
    shown = SHOW.replace("timeline.widget)", "timeline.widget, display_id='one')")
    ended = "display(HTML(timeline.html()), display_id='one', update=True); timeline.close()"
    lab.open_cells(
        SETUP,
        f"run = flow.start(2, config('a'))\n{SHOW}_ = run.result()",
        f"run = flow.start(2, config('b'))\n{shown}_ = run.result()\n{ended}",
        f"run = flow.start(3, config('c'))\n{SHOW}_ = run.result()",
        f"{an_hour_later}timeline.feed.attach(run.resume('yes'))",
    )
    lab.run_cell(0)
    lab.run_cell(1)
    expect(facts(lab)).to_have_text("2 of 3 done · 1 failed")
    a_call_is_shown_as_text_only(lab)
    both_themes_have_their_colours(lab)
    lab.run_cell(2)
    expect(lab.cell_output(2).locator(".nbf-timeline")).to_have_count(0)  # a view that is replaced leaves nothing
    lab.expect_text(2, "· failed")
    lab.run_cell(3)
    expect(facts(lab, 3)).to_have_text("2 of 3 done · 1 failed · asks a question")
    lab.run_cell(4)
    expect(facts(lab, 3)).to_have_text("3 of 4 done · 2 replayed · 1 failed")
    told = lab.cell_output(3).locator(".nbf-clock")
    expect(told).to_have_text(re.compile(r"^([\d.]+ m?s|\dm .*)$"))  # without the pause
    assert lab.problems == []


def a_call_is_shown_as_text_only(lab: Lab) -> None:
    click_row(lab, 1)
    panel = lab.page.locator(".nbf-details")
    expect(panel).to_contain_text("ValueError: <img src=x onerror=alert(1)>")
    assert panel.locator("img").count() == 0
    click_row(lab, 0)
    expect(panel).to_contain_text("<b>0</b>")
    lab.page.locator(".nbf-canvas").press("Escape")
    expect(panel).to_be_hidden()
    for key in ("ArrowDown", "Enter"):
        lab.page.locator(".nbf-canvas").press(key)
    expect(panel).to_contain_text("call 0.1")


def both_themes_have_their_colours(lab: Lab) -> None:
    light = pixels(lab)
    lab.set_theme("Dark")
    lab.wait_until(lambda: pixels(lab).get("77,186,144", 0) > 500)
    assert light.get("77,186,144", 0) < 50


def test_stop_is_heard_in_a_busy_cell(lab: Lab) -> None:
    end = lab.server.root / "stop end"
    lab.open_cells(SETUP, f"run = slow.start(2000, config('a'))\n{SHOW}held({str(end)!r})\nprint(run.status)")
    lab.run_cell(0)
    lab.run_cell(1, wait=False)
    lab.click("Stop", 1)
    expect(lab.page.locator(".nbf-timeline")).to_have_attribute("data-state", "stopped")
    end.touch()
    expect(lab.page.get_by_role("button", name="Stop the run")).to_be_hidden()
    lab.expect_text(1, "stopped")
    assert lab.problems == []


def lines(lab: Lab) -> int:
    """Return how many lines the canvas has room for."""
    return (round(lab.page.locator(".nbf-canvas").bounding_box()["height"]) - AXIS) // ROW  # type: ignore[index]


def press(lab: Lab, *keys: str) -> None:
    for key in keys:
        lab.page.locator(".nbf-canvas").press(key)


def said(lab: Lab) -> Locator:
    return lab.page.locator(".nbf-said")


def calls_are_found_by_text_and_state_with_their_callers(lab: Lab) -> None:
    told = lab.page.locator(".nbf-filter")
    expect(told).to_be_hidden()
    lab.page.get_by_role("button", name="1 failed").click()
    expect(told).to_contain_text("1 of 68 calls, failed")
    assert lines(lab) == 1
    lab.page.locator(".nbf-canvas").press("Escape")
    expect(told).to_be_hidden()
    press(lab, "/")
    lab.page.keyboard.type("leaf(2)")
    expect(told).to_contain_text("3 of 68 calls, with “leaf(2)”")
    assert lines(lab) == 2 + 2 + 1, "two stand below their branches"
    lab.page.keyboard.press("Escape")
    expect(told).to_be_hidden()
    press(lab, "/")
    lab.page.keyboard.type("<img src=x>")
    expect(told).to_contain_text("0 of 68 calls")
    assert told.locator("img").count() == 0
    told.get_by_role("button").click()
    expect(told).to_be_hidden()


def test_many_calls_of_a_name_are_one_line_with_failures_beside_it(lab: Lab) -> None:
    lab.open_cells(SETUP + MANY, f"run = many.start(60, config('a'))\n{SHOW}_ = run.result()")
    lab.run_all()
    expect(facts(lab)).to_have_text("67 of 68 done · 1 failed")
    calls_are_found_by_text_and_state_with_their_callers(lab)
    assert lines(lab) == 2 + 2 * 3 + 2, "two branches with three leaves each, what failed, all others as one"
    click_row(lab, 8)
    lab.wait_until(lambda: lines(lab) == 14)
    press(lab, "End")
    expect(said(lab)).to_have_text("leaf, failed")
    press(lab, "ArrowUp", "ArrowLeft")
    expect(said(lab)).to_have_text("leaf, done, 59 calls, unfolded")
    press(lab, "ArrowLeft")
    lab.wait_until(lambda: lines(lab) == 10)
    press(lab, "Home", "ArrowLeft")
    expect(said(lab)).to_have_text("branch, folded")
    lab.wait_until(lambda: lines(lab) == 7)
    press(lab, "ArrowRight", "ArrowRight")
    expect(said(lab)).to_have_text("leaf, done")
    lab.page.locator(".nbf-canvas").click(position={"x": 10, "y": AXIS + ROW // 2})
    lab.wait_until(lambda: lines(lab) == 7)
    expect(lab.page.locator(".nbf-details")).to_be_hidden()
    assert lab.problems == []


def test_the_newest_call_is_followed_until_a_person_scrolls(lab: Lab) -> None:
    end = lab.server.root / "follow end"
    named = """
@entrypoint(checkpointer=InMemorySaver())
def steps(n):
    for i in range(n):
        task(lambda: time.sleep(0.15), name=f"step {i}")().result()
"""
    lab.open_cells(SETUP + named, f"run = steps.start(2000, config('a'))\n{SHOW}held({str(end)!r})\nrun.cancel()")
    lab.run_cell(0)
    lab.run_cell(1, wait=False)
    follow = lab.page.get_by_role("button", name="Follow the newest call (f)")
    expect(facts(lab)).to_contain_text(re.compile(r"^[2-9]\d of"))
    expect(follow).to_be_hidden()
    lab.page.locator(".nbf-canvas").hover()
    lab.page.mouse.wheel(0, -200)
    expect(follow).to_be_visible()
    press(lab, "f")
    expect(follow).to_be_hidden()
    end.touch()
    lab.wait_idle()
    assert lab.problems == []


def test_a_run_is_run_again_from_a_call_in_its_card(lab: Lab) -> None:
    cell = """%%entrypoint --input 3 --out got --thread again
from nbflow import task
import time
@task
def first(n):
    time.sleep(0.3); return n + 1
@task
def second(n):
    return n * 10
def flow(n):
    return second(first(n).result()).result()
"""
    lab.open_cells("%load_ext nbflow", cell, "print('got is', got)")
    lab.run_all()
    lab.expect_text(2, "got is 40")
    card = lab.page.locator(".nbflow-card")
    card.locator(".nbf-canvas").click(position={"x": 60, "y": AXIS + ROW // 2})
    expect(card.get_by_role("button", name="Run again from here")).to_be_enabled()
    card.get_by_text("with another result").click()
    typed = card.get_by_label("What the call is to have returned").first
    typed.fill("1 +")
    typed.press("Enter")
    expect(card.get_by_role("alert")).to_contain_text("Nothing was run: SyntaxError")
    expect(card.locator(".nbf-timeline")).to_have_count(1)
    card.get_by_label("bind the result to got").check()
    typed.fill("6 + 1")
    typed.press("Enter")
    expect(card.locator(".nbf-timeline")).to_have_count(2)
    expect(card.locator(".nbf-facts").nth(1)).to_have_text("2 of 2 done · 1 replayed")
    lab.expect_text(1, "Run again from call 0.0 with another result, 6 + 1")
    lab.run_cell(2)
    lab.expect_text(2, "got is 70")
    assert lab.problems == []


def test_a_second_run_tells_its_time_left_and_its_calls_are_found_without_a_kernel(lab: Lab) -> None:
    cell = """%%entrypoint --input 3 --thread NAME
from nbflow import task
import time
@task
def fetch(n):
    time.sleep(0.5); return n + 1
def study(n):
    return sum(fetch(i).result() for i in range(14))
"""
    lab.open_cells("%load_ext nbflow", cell.replace("NAME", "one"), cell.replace("NAME", "two"))
    lab.run_cell(0)
    lab.run_cell(1, wait=False)
    left = lab.page.locator(".nbflow-card .nbf-left")
    expect(lab.page.locator(".nbflow-card .nbf-facts")).to_contain_text(re.compile(r"^[3-9] of"))
    expect(left).to_be_empty()
    lab.wait_idle()
    lab.run_cell(2, wait=False)
    expect(left.last).to_have_text(re.compile(r"^about 5 s left, by the last run$"))
    lab.wait_idle()
    expect(left.last).to_be_empty()
    lab.save()
    lab.shut_down_kernel()
    twin = lab.page.locator(".nbflow-twin .nbf-timeline").last
    expect(twin).to_be_visible()
    twin.locator(".nbf-find").fill("(3)")
    expect(twin.locator(".nbf-filter")).to_contain_text("1 of 14 calls, with “(3)”")
    twin.locator(".nbf-canvas").click(position={"x": 60, "y": AXIS + ROW // 2})
    expect(twin.locator(".nbf-details")).to_contain_text("call 0.3")
    expect(twin.get_by_role("button", name="Run again from here")).to_have_count(0)


STORED = """
from nbflow.core.record import CallReturned, RunReturned, RunStarted
def stored(count):
    yield RunStarted(run_id="r", thread_id="t", workflow="flow", at=1.0)
    for i in range(count):
        path = f"0.{i}" if i % 3 or not i % 300 else f"0.{i - i % 300}.{i}"
        name = f"step {i % 2}" if i % 9 else f"part {i}"
        yield CallReturned(path=path, name=name, started=1 + i / 100, at=1.05 + i / 100)
    yield RunReturned(at=2 + count / 100, point="p")
"""


def scrolled(lab: Lab, title: str) -> list[int]:
    """Unfold many calls, scroll, search; print how long frames took, and return how many strokes they had."""
    lab.page.evaluate("() => { window.drawn.length = window.took.length = 0; }")
    press(lab, "Home", "End", "ArrowUp", "Enter")
    lab.page.locator(".nbf-canvas").hover()
    for step in range(30):
        lab.page.mouse.wheel(0, 5000 - 300 * step)
        lab.wait(0.02)
    press(lab, "/")
    lab.page.keyboard.type("7")
    expect(lab.page.locator(".nbf-filter")).to_contain_text("with “7”")
    lab.page.keyboard.press("Escape")
    expect(lab.page.locator(".nbf-filter")).to_be_hidden()
    took = sorted(cast("list[float]", lab.page.evaluate("() => window.took")))
    at = {share: took[min(len(took) - 1, len(took) * share // 100)] for share in (50, 95, 100)}
    told = ", ".join(f"{share} %: {ms:.1f}" for share, ms in at.items())
    print(f"{title}: {len(took)} frames, ms of {told}")  # noqa: T201  # for who measures
    return cast("list[int]", lab.page.evaluate("() => window.drawn"))


MOST = often(30_000, 100_000)


def test_a_frame_of_very_many_calls_draws_what_is_seen_alone(lab: Lab) -> None:
    lab.open_cells(SETUP + STORED, f"timeline = Timeline(RunFeed(list(stored({MOST})))); display(timeline.widget)")
    lab.run_cell(0)
    lab.page.evaluate(FRAMES)
    lab.run_cell(1, timeout=300)
    expect(facts(lab)).to_have_text(f"{MOST:,} of {MOST:,} done", timeout=60_000)
    drawn = scrolled(lab, f"{MOST:,} stored calls")
    assert max(drawn) < 2000, "no frame draws all of the calls"
    assert lab.page.locator(".nbf-timeline").bounding_box()["height"] <= 600  # type: ignore[index]


def test_a_frame_of_ten_thousand_calls_draws_what_is_seen_alone(lab: Lab) -> None:
    lab.open_cells(SETUP + BIG, f"run = big.start(40)\n{SHOW}_ = run.result()")
    lab.run_cell(0)
    lab.page.evaluate(FRAMES)
    lab.run_cell(1, timeout=300)
    expect(facts(lab)).to_have_text("9,960 of 10,000 done · 40 failed")
    drawn = cast("list[int]", lab.page.evaluate("() => window.drawn"))
    assert sum(strokes > 0 for strokes in drawn) > 10, "it was drawn as the run went on"
    assert max([*drawn, *scrolled(lab, "10,000 calls")]) < 2000, "no frame draws all of the 10,000 calls"
