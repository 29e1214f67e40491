"""What a call prints and draws, in its row: a line, a figure, a table; and nothing that runs."""

from __future__ import annotations

from playwright.sync_api import Locator, expect

from tests.browser.lab import Lab
from tests.browser.test_timeline import AXIS, ROW

SETUP = """
%load_ext nbflow
import time
from nbflow import task
from IPython.display import HTML, SVG, display

BAD = "<script>document.title = 'ran'</script><img src=http://localhost/x onerror='document.title = 1'><b>bold</b>"

@task
def loads(n):
    print("\\x1b[32mloaded\\x1b[0m", n, "rows")
    time.sleep(0.05)
    return n

@task
def draws(n):
    import matplotlib.pyplot as plt
    print("draws", n)
    plt.figure(figsize=(4, 2))
    plt.plot([k * k for k in range(n)])
    plt.show()
    return n

@task
def tables(n):
    display(HTML("<table><tr><th>name</th><th>size</th></tr><tr><td>a</td><td>1</td></tr></table>"))
    display(HTML(BAD), SVG("<svg xmlns='http://www.w3.org/2000/svg' width='60' height='20'><rect width='60' "
                           "height='20' fill='teal'/><script>document.title = 'ran'</script></svg>"))
    return n
"""
FLOW = """\
%%entrypoint --thread {} --input 20 --output {}
def flow(n):
    print("the body begins")
    time.sleep(0.3)
    return [loads(n).result(), draws(n).result(), tables(n).result()]
"""


def panel(lab: Lab) -> Locator:
    return lab.page.locator(".nbf-details:visible")


def click_row(lab: Lab, number: int) -> None:
    """Click a row of the first run; a run's canvas is there twice, live and in its hidden twin."""
    canvas = lab.cell_output(1).locator(".nbf-canvas:visible").first
    canvas.click(position={"x": 60, "y": AXIS + number * ROW + ROW // 2})


def test_a_print_a_figure_and_displays_are_in_the_row_of_their_call(lab: Lab) -> None:
    lab.open_cells(SETUP, FLOW.format("one", "row"), FLOW.format("two", "both"))
    lab.run_cell(0)
    lab.run_cell(1)
    assert "loaded" not in lab.cell_text(1)
    assert lab.cell_output(1).locator(".jp-RenderedImage").count() == 0
    click_row(lab, 0)
    expect(panel(lab).locator("pre", has_text="loaded 20 rows").first).to_have_text("loaded 20 rows\n")
    click_row(lab, 1)
    expect(panel(lab)).to_contain_text("draws 20")
    figure = panel(lab).locator("img.nbf-figure")
    expect(figure).to_be_visible()
    lab.wait_until(lambda: bool(figure.evaluate("el => el.complete && el.naturalWidth > 100")))
    figure.scroll_into_view_if_needed()
    lab.screenshot("output_figure")
    assert lab.problems == []
    displays_run_nothing_and_load_nothing(lab)
    lab.run_cell(2)
    text = lab.cell_text(2)
    assert text.index("the body begins") < text.index("loaded 20 rows") < text.index("draws 20")


def displays_run_nothing_and_load_nothing(lab: Lab) -> None:
    title = lab.page.title()
    click_row(lab, 2)
    frames = panel(lab).locator("iframe")
    expect(frames).to_have_count(2)
    expect(frames.nth(0).content_frame.locator("td").first).to_have_text("a")
    expect(frames.nth(1).content_frame.locator("b")).to_have_text("bold")
    expect(panel(lab).locator("img.nbf-figure")).to_have_count(1)
    lab.set_theme("Dark")
    click_row(lab, 2)
    click_row(lab, 2)
    expect(frames.nth(0).content_frame.locator("td").first).to_be_visible()
    panel(lab).locator("img.nbf-figure").scroll_into_view_if_needed()
    lab.screenshot("output_tables_dark")
    assert lab.page.title() == title
    assert not [problem for problem in lab.problems if problem.startswith(("page", "request: http://localhost/x: net"))]
