"""Cells as people use them: a run, a question, a click, a stop, a restart."""

from __future__ import annotations

import re

import pytest

from tests.browser.lab import Lab

LOAD = "%load_ext nbflow"
TASK = """\
%%task
def write_essay(topic):
    import time
    print("writing")
    time.sleep(1)
    return f"All about {topic}." """
FLOW = """\
%%entrypoint --thread demo --input "'cats'" --out essay
from nbflow import interrupt
def essay_flow(topic: str) -> dict:
    essay = write_essay(topic).result()
    review = interrupt({"question": "Good enough?", "essay": essay})
    return {"essay": essay, "review": review}"""


@pytest.fixture(autouse=True)
def clean(lab: Lab) -> None:
    """Let no thread of an earlier test be continued."""
    lab.write("start.ipynb", [])


def test_a_run_asks_in_its_cell_and_goes_on_there(lab: Lab) -> None:
    lab.open_cells(LOAD, TASK, FLOW, "print('free:', 1 + 1)", "print(essay)")
    lab.run_cell(0)
    lab.run_cell(1)
    lab.run_cell(2, wait=False)
    lab.wait_busy()
    lab.expect_text(2, "write_essay")
    lab.screenshot("cells-busy")
    lab.wait_idle()
    lab.expect_text(2, "Good enough?")
    lab.screenshot("cells-asks")
    lab.run_cell(3)
    lab.expect_text(3, "free: 2")
    lab.fill("Your answer", "yes, quite", cell=2)
    lab.click("Submit", cell=2)
    lab.expect_text(2, "'review': 'yes, quite'")
    lab.screenshot("cells-answered")
    assert lab.cell_text(2).count("writing") == 1
    lab.run_cell(4)
    lab.expect_text(4, "'review': 'yes, quite'")
    lab.save()
    assert "widget-view" not in str(lab.saved())
    assert not [text for text in lab.problems if re.search(r"widget|nbflow|model", text)]
