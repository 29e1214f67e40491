"""The tutorial about questions, answered by hand: the same file that nbval runs with scripted answers."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from playwright.sync_api import Locator, expect

from tests.browser.lab import Lab

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
ESSAY, SURVEY, LOOK, ROTA, SCALES, TABLE = 4, 7, 10, 13, 15, 16

# What is far from the view is not in the page else, and cells are counted there.
ALL_CELLS = """() => {
  const notebook = window.lab.panel().content;
  notebook.notebookConfig = { ...notebook.notebookConfig, windowingMode: "none" };
}"""


def forms_of(lab: Lab, cell: int) -> Locator:
    return lab.cell_output(cell).locator(".nbflow-form")


def test_the_tutorial_about_questions_is_answered_by_hand(lab: Lab) -> None:
    shutil.copytree(NOTEBOOKS, lab.server.root / "asking")
    lab.open("asking/03_ask_a_person.ipynb")
    lab.page.evaluate(ALL_CELLS)
    lab.run_all(120)
    lab.page.set_viewport_size({"width": 1300, "height": 1500})
    lab.expect_text(ESSAY, "Is version 1 good enough?")
    expect(forms_of(lab, ESSAY).locator("h3")).to_have_text("On cat")
    lab.screenshot("asking-1-essay", ESSAY)
    lab.click("not yet", cell=ESSAY)
    lab.click("Submit", cell=ESSAY)
    lab.expect_text(ESSAY, "What is missing in version 1?")
    lab.fill("Your answer", "say what it eats", cell=ESSAY)
    lab.click("Submit", cell=ESSAY)
    lab.expect_text(ESSAY, "Is version 2 good enough?")
    lab.click("yes", cell=ESSAY)
    lab.click("Submit", cell=ESSAY)
    lab.expect_text(ESSAY, "and this time: say what it eats")

    survey = forms_of(lab, SURVEY)
    survey.get_by_label("Dream").check()
    lab.fill("birds", "40", cell=SURVEY)
    lab.fill("begins", "2026-11-15", cell=SURVEY)
    survey.get_by_role("button", name="+ Add").click()
    survey.get_by_label("helpers 1").fill("Ann")
    survey.get_by_label("fill in").check()
    lab.fill("name", "Ann", cell=SURVEY)
    lab.fill("mail", "nowhere", cell=SURVEY)
    lab.click("Submit", cell=SURVEY)
    lab.expect_text(SURVEY, "must be text that matches the pattern")
    lab.screenshot("asking-2-survey", SURVEY)
    lab.fill("mail", "ann@example.org", cell=SURVEY)
    lab.click("Submit", cell=SURVEY)
    lab.expect_text(SURVEY, "Survey(island='Dream', birds=40, begins=datetime.date(2026, 11, 15), helpers=['Ann']")

    expect(forms_of(lab, LOOK).locator("img").first).to_be_visible()
    lab.screenshot("asking-3-look", LOOK)
    lab.click("Yes", cell=LOOK)
    lab.expect_text(LOOK, "['Adelie', 'Gentoo']")

    for species, who in (("Gentoo", "Bob"), ("Adelie", "Ann"), ("Chinstrap", "nobody")):
        form = forms_of(lab, ROTA).filter(has_text=re.compile(rf"counts the {species}\?"))
        form.get_by_label(who, exact=True).check()
        form.get_by_role("button", name="Submit").click()
        expect(form.get_by_role("button", name="Submit")).to_have_count(0)
    lab.expect_text(ROTA, "{'Adelie': 'Ann', 'Chinstrap': 'nobody', 'Gentoo': 'Bob'}")
    lab.screenshot("asking-4-rota", ROTA)
    lab.expect_text(SCALES, "3 scales are on their way")
    lab.run_cell(TABLE)
    lab.expect_text(TABLE, "the treasurer")
    assert [text for text in lab.problems if "widget" in text.lower() or "nbflow" in text] == []
