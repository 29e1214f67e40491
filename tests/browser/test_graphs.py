"""Graphs as people use them: the drawing, a run that is watched, a click at a question, the run over the drawing."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.browser.lab import Lab
from tests.browser.test_cells import LOAD, problems

BUILD = """\
import operator
from typing import Annotated, TypedDict
from nbflow import SqliteSaver, interrupt
from nbflow.graph import END, START, StateGraph
class Notes(TypedDict):
    text: Annotated[list[str], operator.add]
def draft(state):
    return {"text": [f"draft {len(state['text'])}"]}
def review(state):
    return {"text": [interrupt("Good enough?")]}
def content(state):
    return END if state["text"][-1] == "yes" else "draft"
builder = StateGraph(Notes)
builder.add_node(draft)
builder.add_node(review)
builder.add_edge(START, "draft")
builder.add_edge("draft", "review")
builder.add_conditional_edges("review", content, [END, "draft"])
app = builder.compile(checkpointer=SqliteSaver("graphs.sqlite"), name="writing")
app"""
WATCHED = """\
%%watch
asked = app.invoke({"text": []}, {"configurable": {"thread_id": "g"}})"""
INBOX = "%nbflow inbox --saver app.checkpointer"
OVER_IT = "%nbflow graph app g"
TIMELINE, CALLS = "%nbflow timeline g --saver app.checkpointer", "%nbflow callgraph g --saver app.checkpointer"
EXPLORE = "%nbflow explore --saver app.checkpointer"
STATE = "app.get_state({'configurable': {'thread_id': 'g'}}).values"


def test_a_graph_is_drawn_watched_answered_and_laid_over_its_drawing(lab: Lab) -> None:
    cells = (LOAD, BUILD, WATCHED, INBOX, OVER_IT, STATE, TIMELINE, CALLS, EXPLORE)
    lab.open_cells(*cells, path="graphs/notebook.ipynb")
    lab.run_cell(0)
    lab.run_cell(1)
    expect(lab.cell_output(1).locator("svg, img").first).to_be_visible()
    lab.screenshot("graphs-declared")
    lab.run_cell(2)
    lab.expect_text(2, "1 of 2 done · asks a question")
    lab.expect_text(2, "Good enough?")
    lab.expect_text(2, INBOX)
    lab.run_cell(3)
    lab.expect_text(2, "The run goes on in cell [4].")
    lab.fill("Your answer", "no", cell=3)
    lab.click("Submit", cell=3)
    lab.wait_until(lambda: lab.cell_text(3).count("Good enough?") == 2)
    lab.screenshot("graphs-second-round")
    lab.kill_kernel()
    for cell in (0, 1, 4):
        lab.run_cell(cell)
    expect(lab.cell_output(4).locator("svg, img").first).to_be_visible()
    lab.cell_output(4).scroll_into_view_if_needed()
    lab.screenshot("graphs-over-it")
    lab.run_cell(5)
    lab.expect_text(5, "['draft 0', 'no', 'draft 2']")
    lab.run_cell(6)
    lab.run_cell(7)
    lab.cell_output(7).get_by_role("button", name="review, 2 calls").press("Enter")
    lab.expect_text(7, "The timeline shows 2 calls of review.")
    expect(lab.cell_output(6).get_by_placeholder("Find")).to_have_value("review(")
    lab.cell_output(4).get_by_role("button", name="draft, 2 calls").press("Enter")
    expect(lab.cell_output(6).get_by_placeholder("Find")).to_have_value("draft(")
    explored(lab, 8)
    assert problems(lab) == []


def explored(lab: Lab, cell: int) -> None:
    """Walk through the explorer by its keys, look at a checkpoint, and delete a thread at the second click alone."""
    lab.run_cell(cell)
    output = lab.cell_output(cell)
    tree, keys = output.get_by_role("tree"), lab.page.keyboard
    line = tree.get_by_role("treeitem", selected=True)
    tree.focus()
    for key, level, text, opened in (
        ("ArrowDown", "1", "g", "false"),
        ("ArrowRight", "1", "g", "true"),
        ("ArrowRight", "2", "writing", "false"),
        ("ArrowRight", "2", "writing", "true"),
        ("ArrowRight", "3", "question", "false"),
        ("ArrowRight", "3", "question", "true"),
    ):
        keys.press(key)
        expect(line).to_have_attribute("aria-level", level)
        expect(line).to_contain_text(text)
        expect(line).to_have_attribute("aria-expanded", opened)
    expect(tree.get_by_role("treeitem", level=4).filter(has_text="text")).not_to_have_count(0)
    expect(output).to_contain_text("since the one before")
    lab.screenshot("graphs-explored")
    for _ in range(2):
        keys.press("ArrowLeft")
    keys.press("Home")
    output.get_by_role("button", name="Delete …").click()
    expect(output.get_by_role("alertdialog")).to_contain_text("What is lost: ")
    output.get_by_role("button", name="Keep").click()
    expect(output.get_by_role("alertdialog")).to_be_hidden()
    output.get_by_role("button", name="Delete …").click()
    output.get_by_role("button", name="Delete for good").click()
    lab.expect_text(cell, "Thread 'g' was deleted.")
    lab.expect_text(cell, "0 threads")
