"""The timeline as a person meets it: live in a busy cell, clicked, reloaded, stopped, and after its end."""

from __future__ import annotations

import re
from typing import cast

from playwright.sync_api import Locator, expect

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
BIG = """
@entrypoint()
def big(n):
    return sum(c.exception() is None for k in range(n) for c in [work(i, 0.05) for i in range(250)])
"""
SHOW = "timeline = Timeline(RunFeed(run)); display(timeline.widget)\n"
FRAMES = """() => {
  window.drawn = []; let strokes = 0;
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


def facts(lab: Lab) -> Locator:
    return lab.page.locator(".nbf-facts")


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


def test_a_click_shows_a_call_as_text_only(lab: Lab) -> None:
    lab.open_cells(SETUP, f"run = flow.start(2, config('a'))\n{SHOW}_ = run.result()")
    lab.run_all()
    expect(facts(lab)).to_have_text("2 of 3 done · 1 failed")
    click_row(lab, 1)
    panel = lab.page.locator(".nbf-details")
    expect(panel).to_contain_text("ValueError: <img src=x onerror=alert(1)>")
    assert panel.locator("img").count() == 0
    click_row(lab, 0)
    expect(panel).to_contain_text("<b>0</b>")
    lab.page.locator(".nbf-canvas").press("Escape")
    expect(panel).to_be_hidden()
    for key in ("ArrowDown", "ArrowDown", "Enter"):
        lab.page.locator(".nbf-canvas").press(key)
    expect(panel).to_contain_text("call 0.1")
    assert lab.problems == []


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


def test_an_answered_run_goes_on_in_the_same_place(lab: Lab) -> None:
    an_hour_later = "from nbflow._support import clock\nreal = clock.now\nclock.now = lambda: real() + 3600\n"
    lab.open_cells(
        SETUP,
        f"run = flow.start(3, config('a'))\n{SHOW}_ = run.result()",
        f"{an_hour_later}timeline.feed.attach(run.resume('yes'))",
    )
    lab.run_cell(0)
    lab.run_cell(1)
    expect(facts(lab)).to_have_text("2 of 3 done · 1 failed · asks a question")
    lab.run_cell(2)
    expect(facts(lab)).to_have_text("3 of 4 done · 2 replayed · 1 failed")
    expect(lab.page.locator(".nbf-clock")).to_have_text(re.compile(r"^([\d.]+ m?s|\dm .*)$"))  # without the pause
    assert lab.problems == []


def test_a_replaced_view_leaves_nothing_behind(lab: Lab) -> None:
    shown = SHOW.replace("timeline.widget)", "timeline.widget, display_id='one')")
    ended = "display(HTML(timeline.html()), display_id='one', update=True); timeline.close()"
    lab.open_cells(SETUP, f"run = flow.start(2, config('a'))\n{shown}_ = run.result()\n{ended}")
    lab.run_all()
    expect(lab.page.locator(".nbf-timeline")).to_have_count(0)
    lab.expect_text(1, "· failed")
    assert lab.problems == []


def test_both_themes_have_their_colours(lab: Lab) -> None:
    lab.open_cells(SETUP, f"run = flow.start(2, config('a'))\n{SHOW}_ = run.result()")
    lab.run_all()
    light = pixels(lab)
    lab.page.evaluate("() => window.jupyterapp.commands.execute('apputils:change-theme', {theme: 'JupyterLab Dark'})")
    lab.wait_until(lambda: pixels(lab).get("77,186,144", 0) > 500)
    assert light.get("77,186,144", 0) < 50


def test_a_frame_of_ten_thousand_calls_draws_what_is_seen_alone(lab: Lab) -> None:
    lab.open_cells(SETUP + BIG, f"run = big.start(40)\n{SHOW}_ = run.result()")
    lab.run_cell(0)
    lab.page.evaluate(FRAMES)
    lab.run_cell(1, timeout=300)
    expect(facts(lab)).to_have_text("9,960 of 10,000 done · 40 failed")
    lab.page.locator(".nbf-canvas").hover()
    for step in range(30):
        lab.page.mouse.wheel(0, 5000 - 300 * step)
        lab.wait(0.02)
    drawn = cast("list[int]", lab.page.evaluate("() => window.drawn"))
    assert sum(strokes > 0 for strokes in drawn) > 10, "it was drawn as the run went on and the wheel turned"
    assert max(drawn) < 2000, "no frame draws all of the 10,000 calls"
