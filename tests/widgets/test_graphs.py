"""Compiled graphs as pictures: declared alone, and with a run laid over."""

from __future__ import annotations

import operator
from typing import Annotated, Any, TypedDict

import pytest

from nbflow import InMemorySaver, entrypoint, task
from nbflow.graph import END, START, StateGraph
from nbflow_widgets.graphs import GraphPicture, graph, show_graphs


class Notes(TypedDict):
    notes: Annotated[list[str], operator.add]


def search(**options: Any) -> Any:
    """Return a graph that goes round twice, with a node that never runs."""
    builder: StateGraph[Any] = StateGraph(Notes)
    builder.add_node("look", lambda _: {"notes": ["look"]})
    builder.add_node("judge", lambda _: {"notes": ["judge"]}, metadata={"who": "<b>"})
    builder.add_node("never", lambda _: {})
    builder.add_edge(START, "look")
    builder.add_edge("look", "judge")
    builder.add_conditional_edges(
        "judge", lambda state: "again" if len(state["notes"]) < 4 else "done", {"again": "look", "done": END}
    )
    return builder.compile(name="search", **options)


def test_a_graph_shows_where_its_nodes_lead() -> None:
    picture = graph(search())
    assert repr(picture).splitlines() == [
        "graph search",
        "  __start__ -> look",
        "  look -> judge",
        "  judge -> __end__, look",
        "  never -> __end__",
        "  __end__",
    ]
    assert "style=dashed" in picture.dot


def test_a_run_is_laid_over_the_graph() -> None:
    app = search(checkpointer=InMemorySaver())
    config: Any = {"configurable": {"thread_id": "t"}}
    app.invoke({"notes": []}, config)
    picture = graph(app, app.last_run(config))
    lines = repr(picture).splitlines()
    assert lines[2].startswith("  look (2 calls, ")
    assert lines[4] == "  never (never ran) -> __end__"
    assert picture.routes == {
        (START, "look"): 1,
        ("look", "judge"): 2,
        ("judge", "look"): 1,
        ("judge", END): 1,
    }
    assert "never ran" in picture.dot


def test_a_graph_inside_an_entrypoint_is_found_by_its_position() -> None:
    app = search()

    @entrypoint(checkpointer=InMemorySaver())
    def body(notes: list[str]) -> Any:
        return app.invoke({"notes": notes})

    config: Any = {"configurable": {"thread_id": "t"}}
    body.invoke([], config)
    picture = graph(app, body.last_run(config), at="0.0")
    assert picture.routes["judge", END] == 1
    assert len((picture.rows or {})["look"]) == 2


@pytest.mark.parametrize("renderer", ["dot", "none"])
def test_it_is_drawn_with_and_without_graphviz(monkeypatch: pytest.MonkeyPatch, renderer: str) -> None:
    if renderer == "none":
        monkeypatch.setattr("nbflow_widgets.graphs.render", lambda *_: "")
    bundle = graph(search())._repr_mimebundle_()
    assert bundle["text/html"].startswith("<img")
    assert "<b>" not in bundle["text/html"]
    assert "<summary>input</summary>" in bundle["text/html"]


def test_a_shell_shows_compiled_graphs_as_pictures() -> None:
    from IPython.core.formatters import DisplayFormatter

    class Shell:
        display_formatter = DisplayFormatter()

    show_graphs(Shell)
    data, _ = Shell.display_formatter.format(search())
    assert data["text/plain"].startswith("graph search")
    assert "text/html" in data
    assert isinstance(graph(search()), GraphPicture)


def test_a_run_of_an_entrypoint_is_drawn_as_it_went() -> None:
    @task
    def twice(number: int) -> int:
        return 2 * number

    @task
    def shown(number: int) -> str:
        return str(number)

    @entrypoint(checkpointer=InMemorySaver())
    def study(number: int) -> Any:
        one: Any = twice(number)
        return shown(one).result()

    assert "  study -> __end__, shown, twice" in repr(graph(study)).splitlines()
    config: Any = {"configurable": {"thread_id": "t"}}
    study.invoke(1, config)
    lines = repr(graph(study, study.last_run(config))).splitlines()
    assert [line.partition("(")[0].strip() for line in lines] == [
        "graph study", "__start__ -> twice", "twice", "shown", "__end__",
    ]  # fmt: skip
    assert lines[2].endswith("-> shown")


def test_a_click_on_a_node_shows_its_calls_in_a_timeline_of_the_run() -> None:
    app = search(checkpointer=InMemorySaver())
    config: Any = {"configurable": {"thread_id": "t"}}
    app.invoke({"notes": []}, config)
    run = app.last_run(config)
    assert "<script>" not in graph(app, run)._repr_mimebundle_()["text/html"]
    html = graph(app, run, script=True)._repr_mimebundle_()["text/html"]
    assert html.count("<script>") == 1
    assert f'"run": "{run.run_id}"' in html
    assert '"n1": {"path": "0.' in html
    assert '"name": "look", "size": 2' in html
    assert '"never"' not in html
    assert '"nodes": {}' in graph(app, script=True)._repr_mimebundle_()["text/html"]
