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
STATE = "app.get_state({'configurable': {'thread_id': 'g'}}).values"


def test_a_graph_is_drawn_watched_answered_and_laid_over_its_drawing(lab: Lab) -> None:
    lab.open_cells(LOAD, BUILD, WATCHED, INBOX, OVER_IT, STATE, path="graphs/notebook.ipynb")
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
    assert problems(lab) == []
