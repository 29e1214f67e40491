"""The quickstart as a newcomer does it: run all, kill the kernel at work and at the question, answer, restart."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path

from tests.browser.lab import Lab

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
NAME = "01_quickstart.ipynb"
FLOW, CALLS, GRAPH, WORK = 5, 7, 8, 11


def test_the_quickstart(lab: Lab) -> None:
    folder = lab.server.root / "quickstart"
    shutil.copytree(NOTEBOOKS, folder)
    lab.open(f"quickstart/{NAME}")
    lab.run_all(wait=False)
    lab.wait_until(lambda: sum(line.startswith("summarise") for line in work(folder)) == 3, 60)
    show(lab, "quickstart-1-bars-move")
    lab.kill_kernel()
    begun = work(folder)
    assert begun["load"] == 1
    lab.run_all(60)
    lab.expect_text(FLOW, "What shall we do with them?", 60)
    show(lab, "quickstart-2-asks")
    lab.page.set_viewport_size({"width": 1320, "height": 1400})
    lab.wait(0.5)
    lab.screenshot("quickstart-readme", FLOW)
    before = work(folder)
    assert before["load"] == 1, "what had finished is not run again"
    assert all(before[line] - times <= 1 for line, times in begun.items()), "what was under way runs once more"
    assert not any(line.startswith("fit") for line in before)

    lab.kill_kernel()
    lab.run_all(60)
    lab.expect_text(FLOW, "What shall we do with them?", 60)
    assert work(folder) == before, "after a kill the same form is back and nothing ran again"

    lab.click("leave them out", cell=FLOW)
    lab.click("Submit", cell=FLOW)
    lab.expect_text(FLOW, "grams per mm of flipper", 60)
    lab.wait(0.5)
    show(lab, "quickstart-3-answered")
    after = work(folder)
    assert all(times == 1 for line, times in after.items() if line not in before)
    assert all(after[line] == times for line, times in before.items())
    assert sum(line.startswith("fit") for line in after) == 3

    lab.restart_kernel()
    lab.run_all(60)
    lab.expect_text(FLOW, "grams per mm of flipper", 60)
    assert work(folder) == after, "a finished study is shown again, not run again"
    lab.expect_text(CALLS, "station_notes", 30)
    show(lab, "quickstart-4-again")
    assert [text for text in lab.problems if "widget" in text.lower() or "nbflow" in text] == []


def show(lab: Lab, name: str) -> None:
    """Take a picture of the workflow's cell."""
    lab.cell(FLOW).evaluate("cell => cell.scrollIntoView()")
    lab.screenshot(name)


def work(folder: Path) -> Counter[str]:
    """Return how often each piece of work was really done."""
    log = folder / "work.log"
    return Counter(log.read_text(encoding="utf-8").splitlines()) if log.exists() else Counter()
