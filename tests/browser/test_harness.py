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


def test_run_all_runs_every_cell_in_order(lab: Lab) -> None:
    lab.open_cells("x = 1", "x += 1\nprint('two', x)", "x + 40")
    lab.run_all()
    assert [lab.cell_text(index) for index in range(3)] == ["", "two 2", "42"]
    assert lab.problems == []


def test_a_click_and_a_typed_name_reach_the_kernel(lab: Lab) -> None:
    lab.open_cells(COUNTER)
    lab.run_all()
    lab.expect_text(0, "clicked 0")
    lab.fill("who are you", "Ada")
    lab.click("Click me")
    lab.expect_text(0, "clicked 1 by Ada")
    lab.fill("Name", "Eve", cell=0)
    lab.click("Click me", cell=0)
    lab.expect_text(0, "clicked 2 by Eve")
    assert lab.problems == []


def test_a_restarted_kernel_has_forgotten(lab: Lab) -> None:
    lab.open_cells("x = 1", "print('x' in dir())")
    lab.run_all()
    before = lab.kernel_pid()
    lab.restart_kernel()
    lab.run_cell(1)
    assert (lab.cell_text(1), lab.kernel_pid() == before) == ("False", False)


def test_a_killed_kernel_comes_back(lab: Lab) -> None:
    lab.open_cells("import time; time.sleep(60)", "print('alive')")
    before = lab.kernel_pid()
    lab.run_cell(0, wait=False)
    lab.wait_busy()
    lab.kill_kernel()
    lab.run_cell(1)
    assert (lab.cell_text(1), lab.kernel_pid() == before) == ("alive", False)


def test_interrupt_stops_a_sleeping_cell(lab: Lab) -> None:
    lab.open_cells("import time\nprint('begun')\ntime.sleep(60)")
    lab.run_cell(0, wait=False)
    lab.expect_text(0, "begun")
    with pytest.raises(PlaywrightTimeoutError):
        lab.wait_idle(0.3)
    lab.interrupt()
    lab.wait_idle(5)
    assert "KeyboardInterrupt" in lab.cell_text(0)


def test_an_edited_cell_is_saved_with_its_output(lab: Lab) -> None:
    lab.open_cells("print('old')")
    lab.set_source(0, "print('new')")
    lab.run_all()
    lab.save()
    assert "print('new')" in str(lab.saved())
    assert "new\\n" in str(lab.saved())


def test_a_reloaded_page_meets_the_same_kernel(lab: Lab) -> None:
    lab.open_cells("x = 7", "print(x)")
    lab.run_cell(0)
    before = lab.kernel_pid()
    lab.save()
    lab.reload()
    lab.run_cell(1)
    assert (lab.cell_text(1), lab.kernel_pid()) == ("7", before)


def test_problems_and_pictures_are_kept(lab: Lab) -> None:
    lab.open_cells("1")
    lab.page.evaluate("() => { console.error('planted'); setTimeout(() => { throw new Error('thrown'); }); }")
    lab.page.evaluate("() => fetch('http://127.0.0.1:9/').catch(() => 0)")
    lab.wait_until(lambda: {text.partition(":")[0] for text in lab.problems} == {"console", "page", "request"})
    assert lab.draw("harness").stat().st_size > 1000
