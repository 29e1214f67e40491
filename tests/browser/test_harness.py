"""The harness itself, on plain ipywidgets: what a test of ours relies on."""

from __future__ import annotations

import pytest
from playwright.sync_api import TimeoutError as PlaywrightTimeoutError

from tests.browser.lab import Lab

COUNTER = """
import ipywidgets as widgets
label, button = widgets.Label("clicked 0"), widgets.Button(description="Click me")
name = widgets.Text(description="Name", placeholder="who are you")
def count(_):
    label.value = f"clicked {int(label.value.split()[1]) + 1} by {name.value}"
button.on_click(count)
widgets.VBox([label, button, name])
"""


def test_cells_are_run_edited_clicked_and_saved(lab: Lab) -> None:
    lab.open_cells("x = 1", "x += 1\nprint('two', x)", "x + 40", COUNTER)
    lab.run_all()
    assert [lab.cell_text(index) for index in range(3)] == ["", "two 2", "42"]
    lab.set_source(1, "print('new', x)")
    lab.run_cell(1)
    lab.save()
    assert "print('new', x)" in str(lab.saved())
    assert "new 2\\n" in str(lab.saved())
    lab.expect_text(3, "clicked 0")
    lab.fill("who are you", "Ada")
    lab.click("Click me")
    lab.expect_text(3, "clicked 1 by Ada")
    lab.fill("Name", "Eve", cell=3)
    lab.click("Click me", cell=3)
    lab.expect_text(3, "clicked 2 by Eve")
    assert lab.problems == []


def test_a_kernel_is_met_again_interrupted_restarted_and_killed(lab: Lab) -> None:
    lab.open_cells("x = 7", "print('x' in dir())", "import time\nprint('begun')\ntime.sleep(60)")
    lab.run_cell(0)
    first = lab.kernel_pid()
    lab.save()
    lab.reload()
    lab.run_cell(1)
    assert (lab.cell_text(1), lab.kernel_pid()) == ("True", first)

    lab.run_cell(2, wait=False)
    lab.expect_text(2, "begun")
    with pytest.raises(PlaywrightTimeoutError):
        lab.wait_idle(0.3)
    lab.interrupt()
    lab.wait_idle(5)
    assert "KeyboardInterrupt" in lab.cell_text(2)

    lab.restart_kernel()
    lab.run_cell(1)
    second = lab.kernel_pid()
    assert (lab.cell_text(1), second == first) == ("False", False)

    lab.run_cell(0)
    lab.run_cell(2, wait=False)
    lab.wait_busy()
    lab.kill_kernel()
    lab.run_cell(1)
    assert (lab.cell_text(1), lab.kernel_pid() == second) == ("False", False)


def test_problems_and_pictures_are_kept(lab: Lab) -> None:
    lab.open_cells("1")
    lab.page.evaluate("() => { console.error('planted'); setTimeout(() => { throw new Error('thrown'); }); }")
    lab.page.evaluate("() => fetch('http://127.0.0.1:9/').catch(() => 0)")
    lab.wait_until(lambda: {text.partition(":")[0] for text in lab.problems} == {"console", "page", "request"})
    assert lab.draw("harness").stat().st_size > 1000
