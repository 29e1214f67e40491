"""Where a run was begun: kept with the run, and seen by nothing that the run does or shows."""

from __future__ import annotations

import pytest

import nbflow
from nbflow import get_config
from nbflow.core.record import RunStarted
from nbflow.views.begun import BEGUN, Begun, begun_of

HERE = Begun("penguins.ipynb", "abc", "4")


def run(saver: nbflow.InMemorySaver, begun: Begun, answer: object = None) -> tuple[object, list[set[str]]]:
    ran: list[set[str]] = []

    @nbflow.task
    def look(metadata: dict[str, object]) -> int:
        ran.append({*metadata})
        return len(metadata)

    @nbflow.entrypoint(checkpointer=saver, name="flow")
    def flow(_: object) -> object:
        seen = look(dict(get_config()["metadata"])).result()
        nbflow.interrupt("Go on?")
        return seen

    config: nbflow.RunnableConfig = {
        "configurable": {"thread_id": "t"},
        "metadata": {"mine": 1, **begun.as_metadata()},
    }
    result = flow.invoke(1 if answer is None else nbflow.Command(resume=answer), config)
    assert (flow.get_state(config).metadata or {}).get("mine") == 1
    assert BEGUN not in (flow.get_state(config).metadata or {})
    return result, ran


def test_a_run_remembers_its_cell_and_shows_it_to_no_body_and_in_no_state() -> None:
    saver = nbflow.InMemorySaver()
    _, ran = run(saver, HERE)
    assert [("mine" in one, BEGUN in one) for one in ran] == [(True, False)]
    assert begun_of(nbflow.read_run(saver, "t")) == HERE
    _, again = run(saver, HERE._replace(number="9"), "yes")
    assert again == [], "another cell goes on with the same calls"
    assert begun_of(nbflow.read_run(saver, "t")) == HERE


@pytest.mark.parametrize("kept", [1, "nope", "[1]", "[" * 100_000, '{"notebook": null}'])
def test_what_else_stands_under_the_name_is_no_cell(kept: object) -> None:
    started = RunStarted(at=0.0, run_id="r", thread_id="t", workflow="flow", metadata={BEGUN: kept})
    assert begun_of([started]) == Begun()


@pytest.mark.parametrize(
    ("begun", "text"),
    [(HERE, "penguins.ipynb, cell [4]"), (Begun(number="4"), "cell [4]"), (Begun("a.ipynb"), "a.ipynb"), (Begun(), "")],
)
def test_a_cell_is_named_by_what_is_known(begun: Begun, text: str) -> None:
    assert str(begun) == text
