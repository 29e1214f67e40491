"""Forms in a real page: each kind of field by keyboard and by mouse, complaints beside fields, keys, pages, kernels."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.lab import Lab

EVERY_KIND = """
import datetime as dt, decimal
from dataclasses import dataclass, field
from typing import Annotated, Literal
import msgspec
from nbflow import interrupt

Level = Annotated[int, msgspec.Meta(ge=1, le=5, description="1 is low, 5 is high")]


@dataclass
class Address:
    street: str
    city: str = "Rome"


@dataclass
class Trip:
    name: str
    nights: Level
    price: decimal.Decimal
    day: dt.date
    at: dt.time
    start: dt.datetime
    wait: dt.timedelta
    room: Literal["single", "double"]
    meal: Literal[tuple("abcdefgh")]
    town: Literal[tuple(f"town {n}" for n in range(20))]
    likes: list[Literal["sea", "hills", "food"]]
    guests: list[str]
    home: Address
    paid: bool
    extras: dict[str, int]
    photo: bytes
    note: int | str
    work: Address | None = None
    film: bytes = field(default=b"", repr=False)


@dataclass
class Two:
    many: Level
    few: Level
    name: str = ""
"""
WHAT_IT_MAKES = """name='Holiday'
nights=3
Decimal('99.90')
date(2026, 3, 1)
time(9, 30)
datetime(2026, 3, 1, 10, 0, tzinfo=
timedelta(seconds=5400)
room='double'
meal='c'
town='town 7'
likes=['sea', 'food']
guests=['Bob', 'Ann']
home=Address(street='Main 1', city='Rome')
paid=True
extras={'towels': 2}
photo=b'\\x00\\xffpicture'
note='late'
work=Address(street='Work 2', city='Rome')
film: 12000000""".splitlines()
FLOW = """%%entrypoint --thread {thread} --input 1 --out answer
def ask_{thread}(_: int) -> object:
    return interrupt({question}, response_schema={schema})
"""
PRINT = "print('answer is', answer)\nprint('film:', len(getattr(answer, 'film', '')))"


def open_form(lab: Lab, folder: str, schema: str, question: str = '"Fill in"', **options: str) -> Locator:
    """Open a notebook with a question and return its form."""
    flow = FLOW.format(thread="t", question=question, schema=schema)
    lab.open_cells("%load_ext nbflow", EVERY_KIND, flow, PRINT, path=f"{folder}/notebook.ipynb", **options)
    for index in range(3):
        lab.run_cell(index)
    form = lab.cell_output(2).locator(".nbflow-form")
    expect(form).to_be_visible()
    return form


def answer_of(lab: Lab) -> str:
    """Return what the last cell prints of the answer, once there is one."""
    lab.expect_text(2, "Answer")
    lab.wait_idle()
    lab.run_cell(3)
    return lab.cell_text(3)


@pytest.fixture
def folder(request: pytest.FixtureRequest) -> str:
    return "forms-" + re.sub(r"\W", "-", request.node.name)


def labelled(form: Locator, label: str) -> Locator:
    """Return the first input with a label, whether required or not."""
    return form.get_by_label(re.compile(f"^{re.escape(label)}( \\*)?$")).first


def nothing_is_cut_off_in_a_narrow_page(lab: Lab, form: Locator) -> None:
    lab.page.set_viewport_size({"width": 640, "height": 1900})
    inside = form.bounding_box()
    assert inside is not None
    for input_ in form.locator("input:visible, select:visible, button:visible").all():
        box = input_.bounding_box()
        assert box is not None
        assert box["x"] + box["width"] <= inside["x"] + inside["width"] + 1, input_.get_attribute("aria-label")
    lab.screenshots("form")


def test_each_kind_of_field_is_filled_by_mouse_and_keyboard(lab: Lab, folder: str, tmp_path: Path) -> None:
    form = open_form(lab, folder, "Trip")
    expect(labelled(form, "name")).to_be_focused()
    add_guest, add_extra = form.get_by_role("button", name="+ Add").all()
    add_guest.click()
    add_extra.click()
    expect(labelled(form, "Value")).to_be_visible()
    nothing_is_cut_off_in_a_narrow_page(lab, form)
    lab.page.set_viewport_size({"width": 1300, "height": 1900})
    for label, text in {
        "name": "Holiday",
        "nights": "3",
        "price": "99.90",
        "day": "2026-03-01",
        "at": "09:30:00",
        "start": "2026-03-01T10:00:00",
        "wait": "1h 30m",
        "town": "town 7",
        "street": "Main 1",
    }.items():
        labelled(form, label).fill(text)
    form.get_by_label("double").check()
    labelled(form, "meal").select_option("c")
    form.get_by_label("sea").check()
    form.get_by_label("food").check()
    labelled(form, "guests 1").fill("Ann")
    add_guest.click()
    labelled(form, "guests 2").fill("Bob")
    form.get_by_role("button", name="↓").first.click()
    labelled(form, "Name").fill("towels")
    labelled(form, "Value").fill("2")
    form.get_by_text("Yes", exact=True).click()
    (tmp_path / "photo.bin").write_bytes(b"\x00\xffpicture")
    (tmp_path / "film.bin").write_bytes(b"film" * 3_000_000)  # longer than a message to a server may be
    for input_, name in zip(form.locator("input[type=file]").all(), ("photo", "film"), strict=True):
        input_.set_input_files(tmp_path / f"{name}.bin")
    expect(form).to_contain_text("film.bin, 12,000,000 bytes")
    form.get_by_label("text", exact=True).check()
    labelled(form, "note text").fill("late")
    form.get_by_label("fill in").check()
    form.get_by_label(re.compile("^street")).nth(1).fill("Work 2")
    lab.screenshot("form-filled-1300")
    form.get_by_role("button", name="Submit").click()
    lab.expect_text(2, "Trip(name='Holiday'")  # what it has come to, which so long an answer takes a while for
    said = answer_of(lab)
    for part in WHAT_IT_MAKES:
        assert part in said
    assert lab.problems == []


def test_two_bad_fields_are_flagged_together_and_enter_sends(lab: Lab, folder: str) -> None:
    form = open_form(lab, folder, "Two")
    many, few = labelled(form, "many"), labelled(form, "few")
    expect(many).to_be_focused()
    lab.page.keyboard.type("9")
    lab.page.keyboard.press("Enter")
    for field, why in ((many, "must be at most 5"), (few, "type a whole number, 1 to 5")):
        expect(field).to_have_attribute("aria-invalid", "true")
        expect(form).to_contain_text(why)
    lab.page.keyboard.press("Tab")
    lab.page.keyboard.type("0")
    lab.page.keyboard.press("Enter")
    for field, why in ((many, "must be at most 5"), (few, "must be at least 1")):
        expect(field).to_have_attribute("aria-invalid", "true")
        expect(form).to_contain_text(why)
    lab.screenshot("form-two-bad")
    lab.page.keyboard.press("Escape")
    expect(few).not_to_be_focused()
    many.fill("2")
    expect(many).to_have_attribute("aria-invalid", "false")
    few.fill("3")
    few.press("Enter")
    assert "Two(many=2, few=3, name='')" in answer_of(lab)
    assert "asks a question" not in lab.cell_text(2), "the head of a timeline without calls tells how the run stands"
    edit_a_table(lab)
    assert lab.problems == []


TABLE = """%%entrypoint --thread table --input 1 --out answer
def fix(_: int) -> object:
    return interrupt({"question": "Right?", "edit": pandas.DataFrame({"bird": ["Ada", "Bob"], "grams": [3700, 4100]})})
"""


def edit_a_table(lab: Lab) -> None:
    """Type into the grid of a question in the last cell: what does not fit first, then what does."""
    lab.set_source(3, "import pandas")
    lab.run_cell(3)
    lab.set_source(3, TABLE)
    lab.run_cell(3)
    form = lab.cell_output(3).locator(".nbflow-form")
    for text, told in (("heavy", "row 0, grams: 'heavy' is not a whole number"), ("3800", "Answer")):
        expect(form.locator(".lm-DataGrid canvas").first).to_be_visible()
        form.get_by_role("button", name="Submit").scroll_into_view_if_needed()
        grid = form.locator(".lm-DataGrid").bounding_box()
        assert grid is not None
        lab.page.mouse.dblclick(grid["x"] + 160, grid["y"] + 30)  # a canvas: the second column of the first row
        cell = form.locator(".lm-DataGrid-cellEditorInput")
        expect(cell).to_be_focused()
        cell.fill(text)
        cell.press("Enter")
        lab.screenshot("form-table")
        form.get_by_role("button", name="Submit").click()
        lab.expect_text(3, told)
    lab.wait_idle()
    lab.set_source(3, PRINT)
    lab.run_cell(3)
    lab.expect_text(3, "0  Ada   3800")


def test_a_rejection_asks_for_a_reason_first(alone: Lab, folder: str) -> None:
    lab = alone
    form = open_form(lab, folder, "str", app="notebook")
    form.get_by_role("button", name="Reject …").click()
    form.get_by_label("Why?").fill("too dear")
    lab.screenshot("form-reject")
    form.get_by_label("Why?").press("Enter")
    lab.expect_text(2, "Rejected: too dear")
    lab.expect_text(2, "InterruptRejectedError")
    lab.click("Take back", cell=2)
    form.get_by_label("Your answer").fill("after all")
    form.get_by_label("Your answer").press("Control+Enter")
    assert "answer is after all" in answer_of(lab)


def test_what_is_typed_survives_a_reload_and_shows_in_a_second_page(lab: Lab, other: Lab, folder: str) -> None:
    form = open_form(lab, folder, "Two")
    labelled(form, "name").fill("half done")
    labelled(form, "many").fill("4")
    lab.save()
    lab.reload()
    form = lab.cell_output(2).locator(".nbflow-form")
    expect(labelled(form, "name")).to_have_value("half done")
    other.open(f"{folder}/notebook.ipynb")
    there = other.cell_output(2).locator(".nbflow-form")
    expect(labelled(there, "many")).to_have_value("4")
    labelled(there, "few").fill("5")
    expect(labelled(form, "few")).to_have_value("5")
    there.get_by_role("button", name="Submit").click()
    lab.expect_text(2, "Answer")
    other.expect_text(2, "Answer")
    assert "Two(many=4, few=5, name='half done')" in answer_of(lab)


def test_a_click_that_comes_late_sends_what_was_typed_last(lab: Lab, folder: str) -> None:
    """Where the kernel is busy and has no second ear, states are held back, but no key is."""
    form = open_form(lab, folder, "str")
    lab.page.evaluate("() => { window.lab.kernel().commsOverSubshells = 'disabled'; }")
    lab.set_source(3, "import time\nfor _ in range(30):\n    time.sleep(0.1)")
    lab.run_cell(3, wait=False)
    lab.wait_busy()
    box = form.get_by_label("Your answer")
    box.fill("")
    box.press_sequentially("approve, but later", delay=5)
    form.get_by_role("button", name="Submit").click()
    assert "Answer" not in lab.cell_text(2), "the kernel listens only once the cell has ended"
    lab.expect_text(2, "Answer")
    lab.wait_idle()
    lab.set_source(3, PRINT)
    assert "answer is approve, but later" in answer_of(lab)


@pytest.mark.parametrize("end", [Lab.kill_kernel, Lab.restart_kernel])
def test_what_is_typed_survives_the_end_of_a_kernel(lab: Lab, folder: str, end: Callable[[Lab], None]) -> None:
    form = open_form(lab, folder, "Two")
    labelled(form, "name").fill("half done")
    lab.wait_until((lab.server.root / folder / ".nbflow" / "drafts.json").exists)
    end(lab)
    for index in range(3):
        lab.run_cell(index)
    expect(labelled(form, "name")).to_have_value("half done")
    labelled(form, "many").fill("1")
    labelled(form, "few").fill("2")
    labelled(form, "few").press("Enter")
    assert "Two(many=1, few=2, name='half done')" in answer_of(lab)


ASK_THREE = """from nbflow import task

@task
def ask(what: str) -> str:
    return interrupt(what)
"""
THREE = """%%entrypoint --thread three --input 1 --out answer
def three(_: int) -> list:
    return [one.result() for one in [ask("first?"), ask("second?"), ask("third?")]]
"""


def test_three_questions_at_once_are_answered_out_of_order(lab: Lab, folder: str) -> None:
    cells = ("%load_ext nbflow", EVERY_KIND + ASK_THREE, THREE, PRINT)
    lab.open_cells(*cells, path=f"{folder}/notebook.ipynb")
    for index in range(3):
        lab.run_cell(index)
    for number, word in ((2, "third"), (0, "first"), (1, "second")):
        form = lab.cell_output(2).locator(".nbflow-form").filter(has_text=f"{word}?")
        form.get_by_label("Your answer").fill(f"{word} {number}")
        form.get_by_role("button", name="Submit").click()
        expect(form.get_by_role("button", name="Submit")).to_have_count(0)
    assert "answer is ['first 0', 'second 1', 'third 2']" in answer_of(lab)


def test_an_answer_recorded_in_one_notebook_moves_the_run_in_another(lab: Lab, other: Lab, folder: str) -> None:
    form = open_form(lab, folder, "Two")
    expect(form).to_be_visible()
    other.open_cells("%load_ext nbflow", path=f"{folder}/other.ipynb")
    other.run_cell(0)
    other.click("Show", cell=0)
    there = other.cell_output(0).locator(".nbflow-form")
    expect(other.cell_output(0)).to_contain_text("An answer is recorded")
    labelled(there, "many").fill("9")
    labelled(there, "few").fill("2")
    there.get_by_role("button", name="Submit").click()
    expect(there).to_contain_text("must be at most 5")
    labelled(there, "many").fill("3")
    other.cell_output(0).get_by_label("Note").fill("by phone")
    other.screenshot("inbox-elsewhere")
    there.get_by_role("button", name="Submit").click()
    other.expect_text(0, "Recorded: the run goes on where its workflow is defined")
    lab.expect_text(2, "Answer, by")
    assert "Two(many=3, few=2, name='')" in answer_of(lab)


def test_a_misfit_is_told_while_one_types(lab: Lab) -> None:
    form = open_form(lab, "at_rest", "Two")
    many, few = form.get_by_label("many"), form.get_by_label("few")
    many.press_sequentially("9")
    expect(form.get_by_text("must be at most 5")).to_be_visible()  # after a pause
    expect(many).to_be_focused()
    lab.screenshot("misfit-at-rest", 2)
    many.fill("3")
    expect(form.get_by_text("must be at most 5")).to_be_hidden()
    few.press_sequentially("0")
    few.press("Tab")
    expect(form.get_by_text("must be at least 1")).to_be_visible()
    expect(few).to_have_attribute("aria-invalid", "true")
    expect(form.get_by_role("alert").filter(visible=True)).to_have_count(1)
    assert lab.problems == []


def test_chords_in_a_field_reach_the_notebook_and_plain_keys_do_not(lab: Lab) -> None:
    form = open_form(lab, "chords", "str")
    field = form.get_by_role("textbox").first
    cells = lab.page.locator(".jp-Notebook:visible .jp-Cell")
    count = cells.count()
    lab.page.evaluate("""() => {
      lab.did = [];
      window.jupyterapp.commands.commandExecuted.connect((_, { id }) => { lab.did?.push(id); });
    }""")
    typed = "aabbddzz00 yes"  # to the notebook: cells above and below, delete, undo, restart
    field.press_sequentially(typed)
    expect(field).to_have_value(typed)
    for chord, left in [("a", typed), ("x", ""), ("z", typed), ("y", ""), ("v", typed), ("Shift+z", typed)]:
        field.press(f"Control+{chord}")
        expect(field).to_have_value(left)
    field.press("Shift+Enter")
    field.press("Enter")
    expect(field).to_have_value(f"{typed}\n\n")
    assert cells.count() == count
    assert lab.page.evaluate("() => lab.did") == []
    field.press("Control+s")
    lab.page.wait_for_function("() => lab.did.includes('docmanager:save')")
    field.press("Control+b")
    lab.page.wait_for_function("() => lab.did.includes('application:toggle-left-area')")
    expect(field).to_have_value(f"{typed}\n\n")
    field.press("Control+Enter")
    lab.expect_text(2, "Answer")
    assert lab.problems == []


def test_a_question_out_of_sight_is_told_at_the_bottom(lab: Lab) -> None:
    flow = FLOW.format(thread="t", question='"Fill in"', schema="str")
    rest = [f"print('x\\n' * 40, {n})" for n in range(4)]
    lab.open_cells(
        "%load_ext nbflow",
        EVERY_KIND,
        flow,
        *rest,
        flow.replace("--thread t", "--thread u"),
        path="hint/notebook.ipynb",
    )
    lab.run_all()
    form, hint = lab.cell_output(2).locator(".nbflow-form"), lab.page.locator(".nbf-hint")
    lab.cell(5).evaluate("cell => cell.scrollIntoView({ block: 'center' })")
    expect(hint.get_by_role("button", name="↑ 2 questions wait")).to_be_visible()
    lab.screenshot("hint")
    hint.get_by_role("button").click()
    expect(form.get_by_role("textbox").first).to_be_focused()
    expect(hint.get_by_role("button", name="↓ 1 question waits")).to_be_visible()
    lab.click("Submit", 2)
    lab.expect_text(2, "Answer")
    hint.get_by_role("button").click()
    expect(hint).to_have_count(0)
    lab.page.keyboard.type("well")
    lab.page.keyboard.press("Control+Enter")
    lab.expect_text(7, "well")
    lab.cell(0).evaluate("cell => cell.scrollIntoView()")
    lab.wait(0.3)
    expect(hint).to_have_count(0)
    assert lab.problems == []


def test_an_answer_of_before_is_confirmed_with_one_click(lab: Lab) -> None:
    open_form(lab, "before", "Two").get_by_label("many").fill("3")
    form = lab.cell_output(2).locator(".nbflow-form")
    form.get_by_label("few").fill("2")
    lab.click("Submit", 2)
    lab.expect_text(2, "Answer")
    lab.wait_idle()
    flow = FLOW.format(thread="t", question='"Fill in"', schema="Two").replace("--input 1", "--input 1 --reuse")
    lab.set_source(2, flow)
    lab.run_cell(2)
    expect(form.get_by_text("Answered before: {'few': 2, 'many': 3")).to_be_visible()
    expect(form.get_by_label("many")).to_have_value("3")
    lab.screenshots("answered-before", 2)
    lab.click("Submit", 2)
    assert "Two(many=3, few=2" in answer_of(lab)
    assert lab.problems == []
