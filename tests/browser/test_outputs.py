"""What a cell shows after saving, reloading, shutting down, killing and reopening, in any order: never nothing, no lie.

One notebook holds a run in each stage: at its form, in the background, in a busy cell, finished, and in the inbox.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import nbconvert
import nbformat
from playwright.sync_api import Browser, Locator, Page, expect

from nbflow import entrypoint, task
from nbflow.core.record import CallReturned, RunReturned, RunStarted
from nbflow_widgets.card import STATIC
from nbflow_widgets.run_feed import RunFeed
from nbflow_widgets.timeline import Timeline
from tests.browser.lab import DRAWS, SHOTS, Lab, notebook

TASKS = """\
%load_ext nbflow
import os, time
from nbflow import interrupt, task

@task
def quick(n):
    if n == 3:
        raise ValueError("<img src=x onerror=alert(1)>")
    return n

@task
def held(name):
    while not os.path.exists(name):
        time.sleep(0.05)
    return name"""
FORM = """\
%%entrypoint --thread form{0} --input 1 --out got
def form(n):
    return [quick(n).result(), interrupt("How many?", response_schema=int)]"""
BACK = """\
%%entrypoint --thread back{0} --input 1 --background
def back(n):
    return held(f"go{0}").result(), quick(n).result()"""
DONE = """\
%%entrypoint --thread done --input 5 --out ended
def done(n):
    time.sleep(0.4)
    return [quick(i).exception() is None for i in range(n)]"""
FORE = """\
%%entrypoint --thread fore --input 1
def fore(n):
    return quick(n).result(), held("go").result()"""
FORM_CELL, BACK_CELL, DONE_CELL, FORE_CELL, INBOX_CELL = range(1, 6)
BROKEN = ("model not found", "Error displaying", "Loading widget", "nbflow-twin", "VBox(", "<img")
BROKEN_ICONS = "found => found.some(el => getComputedStyle(el, '::before').display !== 'none')"
SAID = "What stands here is the last that it told."


def sees(lab: Lab, cell: int, *wanted: str, unlike: tuple[str, ...] = ()) -> None:
    """Wait until a cell shows these texts; it must show nothing broken."""
    for text in wanted:
        lab.expect_text(cell, text)
    shown = lab.cell_output(cell).inner_text()
    assert [text for text in (*BROKEN, *unlike) if text in shown] == []
    assert not lab.cell_output(cell).locator(".jupyter-widgets-disconnected:visible").evaluate_all(BROKEN_ICONS)


def canvas(lab: Lab, cell: int) -> Locator:
    return lab.cell_output(cell).locator(".nbf-canvas:visible")


def twin(lab: Lab, cell: int) -> str:
    """Return the text of a cell's twin in the file; it is the only one."""
    outputs = lab.saved()["cells"][cell]["outputs"]  # type: ignore[index]  # a notebook's
    htmls = ["".join(output.get("data", {}).get("text/html", "")) for output in outputs]
    (index,) = [number for number, html in enumerate(htmls) if "nbflow-twin" in html]
    return "".join(outputs[index]["data"]["text/plain"])


def answer(lab: Lab, cell: int, number: int) -> None:
    lab.fill("a whole number", str(number), cell=cell)
    lab.click("Submit", cell=cell)


def release(lab: Lab, name: str) -> None:
    (lab.server.root / lab._path).with_name(name).touch()


def all_survive_a_reload(lab: Lab) -> None:
    """Save and reload at the form, during a run and after one: each goes on, live, and the file is right."""
    lab.save()
    for cell, word in ((FORM_CELL, "asking"), (BACK_CELL, "running"), (DONE_CELL, "done")):
        assert f": {word}, " in twin(lab, cell).splitlines()[0]
    lab.reload()
    sees(lab, FORM_CELL, "asks a question", "How many?")
    sees(lab, BACK_CELL, "1 running", "Stop")
    sees(lab, DONE_CELL, "4 of 5 done · 1 failed", "Fit")


def all_end_after_it(lab: Lab) -> None:
    """Let what was reloaded end: with its result, and so it stands in the file."""
    release(lab, "go")
    answer(lab, FORM_CELL, 7)
    sees(lab, FORM_CELL, "Answer", "Result", "7", unlike=("How many?\nSubmit",))
    sees(lab, BACK_CELL, "2 of 2 done", "Result")
    lab.save()
    assert twin(lab, FORM_CELL).splitlines()[0].startswith("form: done")
    assert twin(lab, FORM_CELL).endswith("answer: 7")
    assert twin(lab, BACK_CELL).splitlines()[0].startswith("back: done")
    assert not lab.page.evaluate("() => lab.panel().context.model.dirty"), "what is saved is what stands there"


def all_are_told_of_a_kill(lab: Lab) -> None:
    """Kill the kernel at a form and during a run: it is said at once, and nothing pretends to live."""
    lab.kill_kernel()
    for cell, question in ((FORM_CELL, "waits for an answer"), (BACK_CELL, "was running at")):
        sees(lab, cell, "The kernel died at", SAID, question, "Run the cell again", unlike=("Submit", "Stop"))
    sees(lab, DONE_CELL, "4 of 5 done · 1 failed", "Fit", unlike=(SAID,))


def all_stand_without_a_kernel(lab: Lab) -> None:
    """Reopen the notebook with another kernel: the twins stand, with a script where nothing moves any more."""
    lab.save()
    lab.reopen()
    sees(lab, FORM_CELL, "How many?", "waits for an answer", "As of", "asking. Run the cell again to answer")
    sees(lab, BACK_CELL, "was running at", "Run the cell again to see how it stands")
    sees(lab, DONE_CELL, "4 of 5 done · 1 failed", "Fit")
    canvas(lab, DONE_CELL).click(position={"x": 60, "y": 22 + 3 * 22 + 11})
    sees_markup = lab.cell_output(DONE_CELL).locator(".nbf-details")
    expect(sees_markup).to_contain_text("ValueError: <img src=x onerror=alert(1)>")
    assert sees_markup.locator("img").count() == 0


def test_outputs_survive_in_every_order(lab: Lab) -> None:
    cells = (TASKS, FORM.format(""), BACK.format(""), DONE, FORE, "%nbflow inbox")
    lab.open_cells(*cells, path="orders/notebook.ipynb")
    for cell in (0, FORM_CELL, BACK_CELL, DONE_CELL):
        lab.run_cell(cell)
    lab.run_cell(FORE_CELL, wait=False)
    sees(lab, FORE_CELL, "1 running")
    all_survive_a_reload(lab)
    sees(lab, FORE_CELL, "1 running", "Stop")
    lab.screenshots("outputs-reloaded", BACK_CELL)
    all_end_after_it(lab)
    sees(lab, FORE_CELL, "2 of 2 done", "Result")
    lab.reload()
    for cell in (FORM_CELL, BACK_CELL, DONE_CELL, FORE_CELL):
        sees(lab, cell, "done", "Fit")

    lab.set_source(FORM_CELL, FORM.format("2"))
    lab.set_source(BACK_CELL, BACK.format("2"))
    lab.run_cell(FORM_CELL)
    lab.run_cell(BACK_CELL)
    sees(lab, FORM_CELL, "Submit")
    sees(lab, BACK_CELL, "1 running")
    edges = [lab.cell_output(FORM_CELL).locator(f"{kind}:visible").first for kind in (".nbf-timeline", ".nbflow-form")]
    boxes = [edge.bounding_box() for edge in edges]
    all_are_told_of_a_kill(lab)
    boxes.append(lab.cell_output(FORM_CELL).locator(".nbf-timeline:visible").first.bounding_box())
    assert len({box and round(box["x"] + box["width"]) for box in boxes}) == 1, "nothing jumps"
    lab.screenshots("outputs-killed", BACK_CELL)
    all_stand_without_a_kernel(lab)
    lab.screenshots("outputs-reopened", DONE_CELL)

    for cell in (0, FORM_CELL, BACK_CELL):
        lab.run_cell(cell)
    sees(lab, BACK_CELL, "1 running")
    lab.run_cell(INBOX_CELL)
    sees(lab, INBOX_CELL, "1 run waits for you.", "How many?", "Submit")
    sees(lab, FORM_CELL, "The run goes on in cell [", "went on in cell [", unlike=("Submit",))
    lab.shut_down_kernel()
    sees(lab, INBOX_CELL, "The kernel was shut down at", "How many?", unlike=("Submit",))
    sees(lab, BACK_CELL, "The kernel was shut down at", SAID)
    lab.screenshots("outputs-shut-down", INBOX_CELL)


def test_outputs_survive_in_notebook_too(alone: Lab) -> None:
    lab = alone
    cells = (TASKS, FORM.format(""), BACK.format(""), DONE)
    lab.open_cells(*cells, path="orders7/notebook.ipynb", app="notebook")
    lab.run_all()
    all_survive_a_reload(lab)
    all_end_after_it(lab)
    lab.set_source(FORM_CELL, FORM.format("2"))
    lab.set_source(BACK_CELL, BACK.format("2"))
    lab.run_cell(FORM_CELL)
    lab.run_cell(BACK_CELL)
    sees(lab, BACK_CELL, "1 running")
    all_are_told_of_a_kill(lab)
    lab.screenshot("outputs-killed-notebook")
    all_stand_without_a_kernel(lab)
    lab.screenshot("outputs-reopened-notebook")


BAD = "</script><img src=x onerror='window.broken = 1'><script>window.broken = 1</script>\x1b[31m\x00\u202e</pre>`"


class Bad:
    def __repr__(self) -> str:
        raise ValueError(BAD)


def hostile() -> Timeline:
    """Return a run whose every text wants to get out of its place."""

    @task(name=BAD)
    def bad(text: str) -> str:
        if text == BAD:
            raise ValueError(text)
        return BAD

    @task
    def mute() -> Bad:
        return Bad()

    @entrypoint(name=BAD)
    def flow(text: str) -> str:
        return f"{bad(text).exception()}, {bad('').result()}, {mute().exception()}"

    run = flow.start(BAD)
    run.result()
    return Timeline(RunFeed(run))


def even() -> Timeline:
    """Return a run of three calls of a second each, one after the other."""
    calls = [CallReturned(path=f"0.{i}", name="work", shown=f"{i}", started=1.0 + i, at=2.0 + i) for i in range(3)]
    begun = RunStarted(run_id="r", thread_id="t", workflow="flow", at=1.0)
    return Timeline(RunFeed([begun, *calls, RunReturned(point="p", at=4.0)]))


def notebook_with(*htmls: str) -> dict[str, object]:
    content: dict[str, Any] = notebook(["x"] * len(htmls))
    for cell, html in zip(content["cells"], htmls, strict=True):
        bundle = {"text/html": html, "text/plain": "flow"}
        cell["outputs"] = [{"output_type": "display_data", "metadata": {}, "data": bundle}]
    return content


def is_unharmed(page: Page) -> bool:
    return bool(page.evaluate("() => window.broken === undefined && !document.querySelector('img[src=x]')"))


def test_a_notebook_that_nobody_trusts_shows_bars_and_details_and_no_harm(lab: Lab) -> None:
    htmls = [f'<div class="nbflow-twin">{run.html(script=True)}</div>' for run in (hostile(), even())]
    (lab.server.root / "other.ipynb").write_text(json.dumps(notebook_with(*htmls)))
    lab.open("other.ipynb")
    bad, good = lab.cell_output(0), lab.cell_output(1)
    expect(bad.locator("summary")).to_have_count(4)
    bad.locator("summary").first.click()
    lab.expect_text(0, "ValueError: </script><img src=x")
    lab.expect_text(0, "· failed")
    lab.expect_text(0, "\u241b[31m\u2400\\u202e</pre>")
    assert lab.page.locator(".nbf-canvas").count() == 0
    assert is_unharmed(lab.page)
    bars = good.locator("div[title]").locator("xpath=./div[2]/div[3]")
    expect(bars).to_have_count(3)
    boxes = [bars.nth(number).bounding_box() for number in range(3)]
    lefts = [box["x"] for box in boxes if box is not None]
    assert lefts == sorted(lefts), "each begins where the one before ends"
    assert lefts[2] - lefts[0] > 100
    assert bars.first.evaluate("el => getComputedStyle(el).backgroundColor") == "rgb(63, 163, 124)"
    assert "linear-gradient" in bars.first.evaluate("el => getComputedStyle(el.parentElement).backgroundImage")
    for text in ("done · 3 calls · 3.0 s", "1 s", "2 s", "1.0 s"):
        lab.expect_text(1, text)
    lab.screenshot("outputs-untrusted")


def test_an_exported_page_draws_the_run_and_asks_nobody_for_anything(browser: Browser, tmp_path: Path) -> None:
    page = browser.new_page(viewport={"width": 1300, "height": 700})
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    exporter = nbconvert.HTMLExporter(require_js_url="", mathjax_url="")
    body, _ = exporter.from_notebook_node(nbformat.from_dict(notebook_with(hostile().html(script=True))))
    target = tmp_path / "page.html"
    target.write_text(body, encoding="utf-8")
    page.goto(target.as_uri())
    drawn = page.locator(".nbf-canvas")
    drawn.click(position={"x": 60, "y": 22 + 11})
    expect(page.locator(".nbf-details")).to_contain_text("ValueError: </script><img src=x")
    expect(page.locator(".nbf-details")).to_contain_text("\u241b[31m\u2400\\u202e</pre>")
    assert is_unharmed(page)
    assert [url for url in asked if url.startswith("http")] == []
    if DRAWS:
        page.screenshot(path=SHOTS / "outputs-exported.png")
    page.close()


KEEPER = """async (code) => {
  const made = await import(URL.createObjectURL(new Blob([code], { type: "text/javascript" })));
  const heard = {}, state = { card: "c", settled: false };
  window.sent = [];
  window.model = {
    get: (name) => state[name],
    on: (event, fn) => { heard[event] = fn; },
    send: (message) => window.sent.push(message),
    set: (name, value) => { state[name] = value; heard[`change:${name}`](); },
    hear: (message) => heard["msg:custom"](message),
  };
  const widget = made.default(), el = document.body.appendChild(document.createElement("div"));
  widget.initialize({ model: window.model });
  widget.render({ model: window.model, el });
}"""


def test_a_page_without_signals_misses_the_beats(browser: Browser) -> None:
    page = browser.new_page()
    page.clock.install()
    page.goto("about:blank")
    page.evaluate(KEEPER, (STATIC / "keeper.js").read_text())
    (hello,) = page.evaluate("() => window.sent")
    assert (hello["kind"], hello["signals"], hello["area"]) == ("hello", False, False)
    line = page.locator(".nbflow-line")
    page.clock.run_for(60_000)
    expect(line).to_be_hidden()
    for _ in range(3):
        page.evaluate("() => window.model.hear({ kind: 'beat' })")
        page.clock.run_for(4_000)
        expect(line).to_be_hidden()
    page.clock.run_for(3_000)
    expect(line).to_have_text("No news from the kernel for 7 s: it is busy in one long call, or gone.")
    page.evaluate("() => window.model.hear({ kind: 'twin', turn: 1, html: '', text: '' })")
    expect(line).to_be_hidden()
    page.clock.run_for(9_000)
    expect(line).to_be_visible()
    page.evaluate("() => window.model.set('settled', true)")
    expect(line).to_be_hidden()
    page.close()
