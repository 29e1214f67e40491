"""Cells as people use them: a run, a question, a click, a stop, a restart, a mistake."""

from __future__ import annotations

from importlib.metadata import version

import pytest
from playwright.sync_api import expect

from tests.browser.lab import DRAWS, Lab

LIVE_CLICKS = pytest.mark.skipif(
    int(version("ipykernel").partition(".")[0]) < 7, reason="before ipykernel 7, clicks wait for the cell's end"
)
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


@pytest.fixture
def folder(request: pytest.FixtureRequest) -> str:
    """Return the path of a notebook in a folder of its own, where no thread is left of another test."""
    return f"{request.node.name}/notebook.ipynb"


def problems(lab: Lab) -> list[str]:
    """Return what went wrong in the page."""
    return [text for text in lab.problems if any(word in text for word in ("idget", "nbflow", "odel", "anywidget"))]


def test_a_run_asks_in_its_cell_and_goes_on_there(lab: Lab, folder: str) -> None:
    lab.open_cells(LOAD, TASK, FLOW, "print('free:', 1 + 1)", "print(essay)", path=folder)
    lab.run_cell(0)
    lab.run_cell(1)
    lab.run_cell(2, wait=False)
    lab.wait_busy()
    lab.wait(0.5)
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
    lab.wait_until(lambda: "yes, quite" in str(lab.saved()))
    assert problems(lab) == []


def test_a_question_survives_the_kernel(lab: Lab, folder: str) -> None:
    lab.open_cells(LOAD, TASK, FLOW, path=folder)
    lab.run_all()
    lab.expect_text(2, "Good enough?")
    lab.restart_kernel()
    lab.run_all()
    lab.expect_text(0, "1 run waits for you.")
    lab.expect_text(2, "Good enough?")
    assert "writing" not in lab.cell_text(2)
    lab.screenshot("cells-restarted")
    lab.fill("Your answer", "still good", cell=2)
    lab.click("Submit", cell=2)
    lab.expect_text(2, "'review': 'still good'")
    assert problems(lab) == []


SLOW = """\
%%entrypoint --thread demo --input 1
def flow(n):
    one = quick(n).result()
    return slow(one).result()"""
TASKS = """\
import os, time
from nbflow import task
ran = []
@task
def quick(n):
    ran.append(n)
    return n + 1
@task
def slow(n):
    open("begun", "w").close()
    while not os.path.exists("go"):
        time.sleep(0.05)
    return n * 10"""


@pytest.mark.parametrize("button", ["kernel", pytest.param("timeline", marks=LIVE_CLICKS)])
def test_a_stop_ends_the_cell_and_the_run_goes_on_later(lab: Lab, folder: str, button: str) -> None:
    lab.open_cells(LOAD, TASKS, SLOW, "open('go', 'w').close(); print(ran)", "print('not reached')", path=folder)
    lab.run_cell(0)
    lab.run_cell(1)
    lab.run_cell(2, wait=False)
    lab.wait_until((lab.server.root / folder).with_name("begun").exists)
    if button == "kernel":
        lab.interrupt()
    else:
        lab.click("Stop", cell=2)
    lab.wait_idle()  # although the task goes on
    lab.expect_text(2, "Stopped")
    lab.screenshot("cells-stopped")
    lab.run_cell(3)
    lab.run_cell(2)
    lab.expect_text(2, "20")
    lab.run_cell(3)
    lab.expect_text(3, "[1]")
    lab.screenshot("cells-continued")
    assert problems(lab) == []


def test_a_mistake_shows_the_lines_of_the_cell(lab: Lab, folder: str) -> None:
    broken = "%%entrypoint flow --thread t\nimport math\n\nx = 0\nmath.log(x)"
    lab.open_cells(LOAD, broken, "print('x is', x)", path=folder)
    lab.run_all()
    lab.expect_text(1, "----> 5 math.log(x)")
    lab.expect_text(1, "run the cell again to go on")
    assert "nbflow_widgets" not in lab.cell_text(1)
    assert "x is" not in lab.cell_text(2)
    lab.screenshot("cells-failed")
    lab.set_source(1, broken.replace("x = 0", "x = 1"))
    lab.run_all()
    lab.expect_text(2, "x is 1")


FORMS = """\
%%entrypoint trip --thread t --display live
from dataclasses import dataclass
from typing import Literal
from nbflow import interrupt, task

@dataclass
class Trip:
    city: str
    nights: int
    hotel: Literal["none", "simple", "grand"]
    breakfast: bool
    wishes: list[str]

@task
def ask(question, **options):
    return interrupt(question, response_schema=Trip)

@task
def mail(text):
    return interrupt([{
        "action_request": {"action": "send_mail", "args": {"to": "ann@example.org", "text": text}},
        "config": {"allow_accept": True, "allow_edit": True, "allow_respond": True, "allow_ignore": True},
        "description": "Send this mail?",
    }])

trip, sent = ask({"question": "Where to?", "budget": {"euros": 900, "fixed": False}}), mail("See you soon")
trip.result(), sent.result(), interrupt("Pay now?", response_schema=bool)"""


@pytest.mark.parametrize("theme", ["light", "dark"] if DRAWS else ["light"])  # a theme changes the picture alone
def test_several_questions_stand_in_one_place(lab: Lab, folder: str, theme: str) -> None:
    lab.open_cells(LOAD, FORMS, path=folder)
    if theme == "dark":
        lab.set_theme("Dark")
    lab.run_all()
    lab.expect_text(1, "Send this mail?")
    lab.page.set_viewport_size({"width": 1280, "height": 1900})
    lab.wait(0.5)
    lab.screenshot(f"cells-forms-{theme}")
    lab.fill("city", "Rome", cell=1)
    lab.fill("nights", "2.5", cell=1)
    lab.cell_output(1).get_by_role("button", name="Submit").click()
    lab.expect_text(1, "'2.5' is not a whole number")
    lab.screenshot(f"cells-refused-{theme}")
    lab.fill("nights", "3", cell=1)
    lab.cell_output(1).get_by_text("grand").click()
    lab.cell_output(1).get_by_text("Yes", exact=True).first.click()
    lab.click("Submit", cell=1)
    expect(lab.cell_output(1).get_by_label("nights")).to_have_count(0)
    lab.click("Accept", cell=1)
    lab.expect_text(1, "accept")
    lab.click("Yes", cell=1)
    lab.expect_text(1, "nights=3")
    lab.screenshot(f"cells-all-answered-{theme}")
    assert problems(lab) == []


REJECTED = """\
%%entrypoint pay --thread rejected --display live
from nbflow import interrupt, task

@task
def ask(what):
    return interrupt(what, response_schema=int)

first = ask("How much?").result()
f"paid {first}, " + interrupt("Any note?", response_schema=str)"""


def test_a_rejection_is_taken_back_in_its_form(lab: Lab, folder: str) -> None:
    lab.open_cells(LOAD, REJECTED, path=folder)
    lab.run_all()
    lab.expect_text(1, "How much?")
    lab.click("Reject …", cell=1)
    lab.click("Reject", cell=1)
    lab.expect_text(1, "Rejected")
    lab.expect_text(1, "Take back")
    lab.expect_text(1, "was rejected")
    lab.screenshot("cells-rejected")
    lab.click("Take back", cell=1)
    lab.expect_text(1, "The rejection is taken back as soon as another answer is sent")
    lab.screenshot("cells-taken-back")
    lab.fill("a whole number", "30", cell=1)
    lab.click("Submit", cell=1)
    lab.expect_text(1, "Any note?")
    lab.fill("Your answer", "thanks", cell=1)
    lab.click("Submit", cell=1)
    lab.expect_text(1, "paid 30, thanks")
    assert problems(lab) == []


@LIVE_CLICKS
def test_a_click_is_handled_while_another_cell_blocks_the_kernel(lab: Lab, folder: str) -> None:
    hold = "while not os.path.exists('answered'): time.sleep(0.05)"
    busy = f"import time, os\nprint('begun', flush=True)\n{hold}\nprint('let go')"
    flow = "%%entrypoint flow\nfrom nbflow import interrupt\nopen(interrupt('File?'), 'w').close()\n'made'"
    lab.open_cells(LOAD, flow, busy, path=folder)
    lab.run_cell(0)
    lab.run_cell(1)
    lab.run_cell(2, wait=False)
    lab.expect_text(2, "begun")  # its status is idle in between, when a message comes to another shell of the kernel
    lab.fill("Your answer", "answered", cell=1)
    lab.click("Submit", cell=1)
    lab.expect_text(2, "let go")
    lab.expect_text(1, "'made'")


def test_the_inbox_answers_and_watch_shows_plain_invokes(lab: Lab, folder: str) -> None:
    watch = "%%watch\nessay_flow.invoke('dogs', {'configurable': {'thread_id': 'dogs'}})"
    defined = FLOW.replace(" --thread demo --input \"'cats'\" --out essay", "")
    lab.open_cells(LOAD, TASK, defined, watch, "%nbflow inbox", path=folder)
    lab.run_all()
    lab.expect_text(3, "Good enough?")
    lab.expect_text(4, "1 run waits for you.")
    lab.screenshot("cells-inbox")
    lab.fill("Your answer", "from the inbox", cell=4)
    lab.click("Submit", cell=4)
    lab.expect_text(4, "Nothing waits for you.")
    lab.expect_text(4, "Result")
    lab.expect_text(4, "from the inbox")
    lab.screenshot("cells-inbox-answered")
    assert problems(lab) == []


def test_a_background_run_shows_itself_and_binds_its_result(lab: Lab, folder: str) -> None:
    flow = "%%entrypoint --input 4 --out found --background\ndef flow(n):\n    return slow(n).result()"
    lab.open_cells(LOAD, TASKS, flow, "print('free')", "open('go', 'w').close()", "print(found)", path=folder)
    lab.run_cell(0)
    lab.run_cell(1)
    lab.run_cell(2)
    lab.run_cell(3)
    lab.expect_text(3, "free")
    lab.run_cell(4)
    lab.expect_text(2, "40")
    lab.run_cell(5)
    lab.expect_text(5, "40")


def test_an_error_is_folded_once_its_run_has_gone_on(lab: Lab) -> None:
    body = """%%entrypoint --thread t --input 1 --out answer
def shaky(_: int) -> object:
    import time
    time.sleep({seconds})
    if broken:
        raise ValueError("not yet")
    return "fine"
"""
    go_on = 'broken = False\nshaky.invoke(None, {"configurable": {"thread_id": "t"}})'
    lab.open_cells("%load_ext nbflow\nbroken = True", body.format(seconds=0), go_on, "print(answer)")
    lab.run_cell(0)
    lab.run_cell(1)
    lab.expect_text(1, "ValueError: not yet")
    lab.run_cell(2)
    folded = lab.cell_output(1).get_by_text("The run goes on in cell [3]. This error stood here.")
    expect(folded).to_be_visible()
    expect(lab.cell_output(1).get_by_text("ValueError: not yet").filter(visible=True)).to_have_count(0)
    lab.screenshot("error-overtaken", 1)
    lab.save()
    lab.wait_until(lambda: "This error stood here" in str(lab.saved()))
    kinds = [output["output_type"] for output in lab.saved()["cells"][1]["outputs"]]  # type: ignore[index]
    assert "error" not in kinds
    lab.run_cell(3)
    lab.expect_text(3, "fine")
    lab.run_cell(1)
    expect(folded).to_have_count(0)
