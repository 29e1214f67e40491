"""Nodes whose results are taken from a cache: functions, graphs, and what branches after them see."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, TypedDict

import pytest

from nbflow import InMemoryCache, SqliteCache, entrypoint, interrupt, task
from nbflow.cache.base import BaseCache
from nbflow.errors import InvalidOptionError, NoCacheError
from nbflow.graph import END, START, StateGraph
from nbflow.types import CachePolicy, Command
from tests.behaviour.flavours import Flavour
from tests.behaviour.graphs import Notes, built


@pytest.fixture(params=["memory", "sqlite"])
def cache(request: pytest.FixtureRequest, tmp_path: Path) -> BaseCache:
    return InMemoryCache() if request.param == "memory" else SqliteCache(tmp_path / "cache.db")


def one_node(name: str, action: Any, **options: Any) -> StateGraph[Any]:
    graph: StateGraph[Any] = StateGraph(Notes)
    graph.add_node(name, action, **{"cache_policy": CachePolicy(), **options})
    graph.add_edge(START, name)
    return graph


def invoked(flow: Flavour, app: Any, given: Any) -> Any:
    """Run on a thread of its own."""
    thread = next(str(one) for one in range(1000) if not flow.saver.runs(str(one)))
    return flow.invoke(app, given, thread=thread)


def test_a_graph_as_a_node_is_cached(flow: Flavour, cache: BaseCache) -> None:
    ran: list[str] = []
    child = built(flow, "start>c1 c1>c2", ran).compile()
    app = flow.compile(one_node("sub", child), cache=cache)
    expected = {"a": ["i", "c1", "c2"]}
    assert invoked(flow, app, {"a": ["i"]}) == expected
    assert invoked(flow, app, {"a": ["i"]}) == expected
    assert ran == ["c1", "c2"]
    again = flow.stream(app, {"a": ["i"]}, thread="streamed")
    assert again == [{"sub": [{"a": ["c1"]}, {"a": ["c2"]}], "__metadata__": {"cached": True}}]
    assert invoked(flow, app, {"a": ["j"]}) == {"a": ["j", "c1", "c2"]}
    assert ran == ["c1", "c2"] * 2


@pytest.mark.parametrize("change", ["node", "branch", "edges", "closure", "grandchild"])
def test_a_graph_of_other_code_is_another_one(flow: Flavour, cache: BaseCache, change: str) -> None:
    def child(number: int) -> Any:
        text = f"closed over {number}" if change == "closure" else "the same"
        deep = one_node("deep", first if number or change != "grandchild" else second).compile()
        graph: StateGraph[Any] = StateGraph(Notes)
        graph.add_node("x", flow.node(lambda _: {"a": [text]}))
        graph.add_node("y", first if number or change != "node" else second)
        graph.add_node("z", deep)
        graph.add_edge(START, "x")
        graph.add_conditional_edges("x", to_y if number or change != "branch" else to_z)
        graph.add_edge("y", "z" if number or change != "edges" else END)
        return graph.compile()

    def first(_: Any) -> Any:
        return {"a": ["first"]}

    def second(_: Any) -> Any:
        return {"a": ["second"]}

    def to_y(_: Any) -> str:
        return "y"

    def to_z(_: Any) -> str:
        return "z"

    results = []
    for number in (0, 1):
        fresh = invoked(flow, flow.compile(one_node("sub", child(number)), cache=InMemoryCache()), {"a": []})
        app = flow.compile(one_node("sub", child(number)), cache=cache)
        assert invoked(flow, app, {"a": []}) == fresh
        results.append(fresh)
    assert results[0] != results[1]


def test_a_task_that_calls_a_graph_depends_on_its_code(flow: Flavour, cache: BaseCache) -> None:
    def body_of(word: str) -> Any:
        space: dict[str, Any] = {}
        exec(f"def node(state):\n    return {{'a': ['{word}']}}", space)
        app = one_node("node", space["node"], cache_policy=None).compile()

        @task(cache_policy=CachePolicy())
        def search() -> Any:
            return app.invoke({"a": []})["a"]

        @entrypoint(cache=cache)
        def body(_: int) -> Any:
            return search().result()

        return body

    assert [body_of(word).invoke(1) for word in ("one", "two", "one")] == [["one"], ["two"], ["one"]]


def test_a_person_s_answer_in_a_child_is_not_kept(flow: Flavour, cache: BaseCache) -> None:
    def ask(_: Any) -> Any:
        return {"a": [interrupt("?")]}

    app = flow.compile(one_node("sub", built(flow, "start>ask", ask=flow.node(ask)).compile()), cache=cache)
    for thread, answer in (("one", "A"), ("two", "B")):
        assert "__interrupt__" in flow.invoke(app, {"a": []}, thread=thread)
        assert flow.invoke(app, Command(resume=answer), thread=thread) == {"a": [answer]}


def test_a_child_that_keeps_its_state_is_another_one_with_another_state(flow: Flavour, cache: BaseCache) -> None:
    ran: list[str] = []
    child = built(flow, "start>c1", ran).compile(checkpointer=True)
    app = flow.compile(one_node("sub", child), cache=cache)
    assert flow.invoke(app, {"a": []}) == {"a": ["c1"]}
    assert flow.invoke(app, {"a": []}) == {"a": ["c1", "c1"]}
    assert flow.invoke(app, {"a": []}, thread="other") == {"a": ["c1"]}
    assert len(ran) == 2


class Routed(TypedDict, total=False):
    text: str
    where: str
    ran: Annotated[list[str], lambda old, new: [*old, *new]]


class Text(TypedDict):
    text: str


def routed(flow: Flavour, route: Any, cache: BaseCache) -> Any:
    """Return a graph with a cached node that sees ``text`` alone, and a branch after it."""

    def work(state: Text) -> Any:
        return {"ran": [state["text"]]}

    graph: StateGraph[Any] = StateGraph(Routed)
    graph.add_node("work", flow.node(work), cache_policy=CachePolicy(), input_schema=Text)
    for name in ("left", "right"):
        graph.add_node(name, flow.node(lambda _, name=name: {"ran": [name]}))
    graph.add_edge(START, "work")
    graph.add_conditional_edges("work", flow.node(route), ["left", "right"])
    return flow.compile(graph, cache=cache)


def test_a_branch_after_a_cached_node_answers_for_the_state_as_it_is(flow: Flavour, cache: BaseCache) -> None:
    app = routed(flow, lambda state: state["where"], cache)
    for where in ("left", "right", "left"):
        assert invoked(flow, app, {"text": "t", "where": where})["ran"] == ["t", where]


def test_the_same_function_with_another_branch_is_another_one(flow: Flavour, cache: BaseCache) -> None:
    for route, where in ((lambda _: "left", "left"), (lambda _: "right", "right")):
        app = routed(flow, route, cache)
        assert invoked(flow, app, {"text": "t", "where": ""})["ran"] == ["t", where]


def test_results_of_nodes_are_forgotten_by_name(flow: Flavour, cache: BaseCache) -> None:
    ran: list[str] = []

    def work(name: str) -> Any:
        def node(_: Any) -> Any:
            ran.append(name)
            return {"a": [name]}

        return flow.node(node)

    inner: StateGraph[Any] = StateGraph(Notes)
    inner.add_node("deep", work("deep"), cache_policy=CachePolicy(key_func=lambda _: "deep"))
    inner.add_edge(START, "deep")
    graph: StateGraph[Any] = StateGraph(Notes)
    for name, action in (("x", work("x")), ("y", work("y")), ("sub", inner.compile())):
        policy = CachePolicy(key_func=lambda _: "all") if name != "sub" else None
        graph.add_node(name, action, cache_policy=policy)
        graph.add_edge(START, name)
    app = flow.compile(graph, cache=cache)

    def runs() -> set[str]:
        ran.clear()
        invoked(flow, app, {"a": []})
        return set(ran)

    assert runs() == {"x", "y", "deep"}
    assert runs() == set()
    app.clear_cache(["x"])
    assert runs() == {"x"}
    app.clear_cache(["sub", "y"])
    assert runs() == {"y", "deep"}
    app.clear_cache()
    assert runs() == {"x", "y", "deep"}


def test_clearing_what_is_not_there_is_told(flow: Flavour, cache: BaseCache) -> None:
    app = flow.compile(built(flow, "start>look"), cache=cache)
    with pytest.raises(InvalidOptionError, match="did you mean 'look'"):
        app.clear_cache(["lok"])
    with pytest.raises(InvalidOptionError, match="list of names"):
        app.clear_cache("look")
    with pytest.raises(NoCacheError):
        flow.compile(built(flow, "start>look")).clear_cache()
