"""The inbox in a real page: listed by notebook, folded, answered together, archived, discarded, and alive."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.lab import Lab

LOAD = "%load_ext nbflow"
TASKS = """from nbflow import interrupt, task

@task
def count(n: int) -> int:
    return n

@task
def ask(what: str) -> str:
    return interrupt(what)
"""
PENGUINS = """%%entrypoint --thread penguins --input 1 --out islands
def penguins(_: int) -> list:
    [count(n).result() for n in range(4)]
    return [one.result() for one in [ask("Which island?"), ask("Which year?"), ask("Who counts?")]]
"""
FISH = """%%entrypoint --thread fish --input 1 --out lake
def fish(_: int) -> str:
    return ask("Which lake?").result()
"""
PRINT = "print('islands:', islands)"


@pytest.fixture
def folder(tmp_path: Path) -> str:
    return tmp_path.name


def test_one_notebook_asks_and_another_one_lists_answers_archives_and_discards(
    lab: Lab, other: Lab, folder: str
) -> None:
    lab.open_cells(LOAD, TASKS, PENGUINS, FISH, PRINT, path=f"{folder}/penguins.ipynb")
    for index in range(3):
        lab.run_cell(index)
    forms = lab.cell_output(2).locator(".nbflow-form")
    expect(forms).to_have_count(3)
    expect(forms.first.get_by_label("Your answer")).to_be_focused()  # a cell that is chosen before loses the choice
    lab.run_cell(3)
    expect(lab.cell_output(3).locator(".nbflow-form")).to_have_count(1)
    expect(lab.cell_output(2)).to_contain_text("3 questions wait; in any order, or together.")
    lab.screenshots("inbox-asks")

    other.open_cells(LOAD, "%nbflow inbox", path=f"{folder}/office.ipynb")
    other.run_cell(0)
    other.expect_text(0, "2 runs wait for you: 2 in penguins.ipynb.")
    expect(other.cell_output(0).locator(".nbflow-form")).to_have_count(0)
    other.run_cell(1)
    box = other.cell_output(1)
    entry = box.locator(".nbflow-entry").filter(has_text="thread penguins")
    expect(entry).to_contain_text("penguins.ipynb, cell [3]")
    expect(box.locator(".nbflow-form")).to_have_count(4)
    other.screenshots("inbox-list")

    fish = box.locator(".nbflow-entry").filter(has_text="thread fish")
    fish.get_by_role("button", name="Archive").click()
    other.expect_text(1, "1 run waits for you: 1 in penguins.ipynb. 1 archived.")
    expect(fish).to_have_count(0)

    for label, answer in (("Which island?", "Biscoe"), ("Who counts?", "Ada")):
        form = entry.locator(".nbflow-form").filter(has_text=label)
        form.get_by_label("Your answer").fill(answer)
    entry.get_by_role("button", name="Submit all").click()
    expect(entry.locator(".nbflow-form").filter(has_text="Which year?")).to_contain_text("Not sent")
    other.screenshots("inbox-submitted")
    expect(lab.cell_output(2)).to_contain_text("Biscoe")
    form = entry.locator(".nbflow-form").filter(has_text="Which year?")
    form.get_by_label("Your answer").fill("2007")
    form.get_by_role("button", name="Submit", exact=True).click()
    lab.expect_text(2, "Answer, by")
    other.expect_text(1, "Recorded: the run goes on where its workflow is defined")
    lab.expect_text(2, "['Biscoe', '2007', 'Ada']")
    lab.run_cell(4)
    lab.expect_text(4, "islands: ['Biscoe', '2007', 'Ada']")

    other.set_source(1, "%nbflow inbox --archived")
    other.run_cell(1)
    fish = other.cell_output(1).locator(".nbflow-entry").filter(has_text="thread fish")
    fish.get_by_role("button", name="Discard …").click()
    expect(fish).to_contain_text("for good? What is lost: its input.")
    other.screenshots("inbox-discard")
    fish.get_by_role("button", name="Delete for good").click()
    other.expect_text(1, "was discarded")
    lab.expect_text(3, "The thread was discarded.")
    assert not lab.problems
    assert not other.problems


def test_an_open_inbox_shows_what_comes_and_defines_its_workflow_by_the_code_that_was_kept(
    lab: Lab, other: Lab, folder: str
) -> None:
    other.open_cells(LOAD, "%nbflow inbox", "fish.name", path=f"{folder}/office.ipynb")
    other.run_cell(0)
    other.run_cell(1)
    other.expect_text(1, "Nothing waits for you.")
    lab.open_cells(LOAD, TASKS, FISH, path=f"{folder}/penguins.ipynb")
    for index in range(3):
        lab.run_cell(index)
    other.expect_text(1, "1 run waits for you: 1 in penguins.ipynb.")
    lab.shut_down_kernel()
    entry = other.cell_output(1).locator(".nbflow-entry")
    expect(entry).to_contain_text("is not defined in this kernel")
    entry.get_by_text("What its cell needs").click()
    expect(entry).to_contain_text("return interrupt(what)")
    expect(entry).not_to_contain_text("def count")
    other.screenshots("inbox-code", 1)
    entry.get_by_role("button", name="Run that cell's code").click()
    expect(entry).to_contain_text("Defined here by its kept code")
    form = entry.locator(".nbflow-form")
    form.get_by_label("Your answer").fill("Como")
    form.get_by_role("button", name="Submit").click()
    other.expect_text(1, "fish is done")
    expect(entry).to_contain_text("Result")
    other.screenshot("inbox-code-done")
    other.run_cell(2)
    other.expect_text(2, "'fish'")
    assert not other.problems
