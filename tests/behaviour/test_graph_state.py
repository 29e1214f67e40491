"""The state of a graph: schemas of every kind, rules of keys, what is checked where, what is stored."""

from __future__ import annotations

import operator
import threading
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, NotRequired, Optional, TypedDict

import pytest
from pydantic import BaseModel, ValidationError, field_validator

from nbflow.channels import AnyValue, EphemeralValue, Topic, UntrackedValue
from nbflow.errors import GraphUpdateError, InvalidGraphError, UnserializableError
from nbflow.graph import END, START, StateGraph
from nbflow.managed import IsLastStep, RemainingSteps
from nbflow.types import Command, Overwrite, Send
from tests.behaviour.flavours import Flavour
from tests.behaviour.graphs import Notes, built
from tests.behaviour.test_graph_pauses import CONFIG


def chained(flow: Flavour, schema: Any, *nodes: Any, **options: Any) -> Any:
    """Return a compiled graph of nodes one after the other."""
    graph: StateGraph[Any] = StateGraph(schema, **options)
    before = START
    for number, node in enumerate(nodes):
        graph.add_node(f"n{number}", flow.node(node))
        graph.add_edge(before, f"n{number}")
        before = f"n{number}"
    return flow.compile(graph)


@dataclass
class Box:
    x: int
    y: str = "default"
    items: Annotated[list[int], operator.add] = field(default_factory=list)


class Model(BaseModel):
    x: int
    y: str = "default"
    items: Annotated[list[int], operator.add] = []

    @field_validator("x")
    @classmethod
    def _positive(cls, value: int) -> int:
        if value < 0:
            raise ValueError("x is not negative")
        return value


@pytest.mark.parametrize("kind", [Box, Model])
def test_nodes_see_instances_and_return_updates(flow: Flavour, kind: Any) -> None:
    seen: list[Any] = []

    def first(state: Any) -> Any:
        seen.append((type(state), state.x, state.y))
        return {"x": state.x + 1, "items": [1]}

    app = chained(flow, kind, first, lambda state: {"y": f"{state.x}{state.items}"})
    assert flow.invoke(app, {"x": 1}) == {"x": 2, "y": "2[1]", "items": [1]}
    assert seen == [(kind, 1, "default")]


@pytest.mark.parametrize("kind", [Box, Model])
def test_an_instance_is_an_update_of_the_fields_that_were_set(flow: Flavour, kind: Any) -> None:
    app = chained(flow, kind, lambda _: kind(x=5))
    assert flow.invoke(app, {"x": 1, "y": "kept", "items": [1]}) == {"x": 5, "y": "kept", "items": [1]}


def test_a_changed_copy_is_an_update_of_what_changed(flow: Flavour) -> None:
    app = chained(flow, Box, lambda state: replace(state, y="default"))
    assert flow.invoke(app, {"x": 1, "y": "other", "items": [1]}) == {"x": 1, "y": "default", "items": [1]}


def test_an_instance_may_be_the_input(flow: Flavour) -> None:
    app = chained(flow, Box, lambda state: {"x": state.x + 1})
    assert flow.invoke(app, Box(1, items=[7])) == {"x": 2, "items": [7]}


def test_a_bad_input_is_refused_before_anything_is_written(flow: Flavour) -> None:
    app = chained(flow, Model, lambda _: {})
    for bad in ({"x": -1}, {"x": "text"}, {"y": "x is missing"}):
        with pytest.raises(ValidationError):
            flow.invoke(app, bad)
    assert list(app.get_state_history(CONFIG)) == []
    assert flow.invoke(app, {"x": "3"}) == {"x": 3, "items": []}
    with pytest.raises(ValidationError):
        flow.invoke(app, {"x": -2})
    assert flow.invoke(app, {"y": "new"}) == {"x": 3, "y": "new", "items": []}


def test_a_bad_write_fails_the_node_that_made_it_and_the_validated_value_is_kept(flow: Flavour) -> None:
    app = chained(flow, Model, lambda _: {"x": "7"}, lambda state: {"y": type(state.x).__name__}, lambda _: {"x": -1})
    with pytest.raises(ValidationError, match="not negative") as error:
        flow.invoke(app, {"x": 1})
    assert any("'n2'" in one for one in error.value.__notes__)
    assert app.get_state(CONFIG).values == {"x": 7, "y": "int", "items": []}
    assert app.get_state(CONFIG).next == ("n2",)


def test_a_send_is_built_as_its_node_declares_it(flow: Flavour) -> None:
    class Job(BaseModel):
        size: int

    seen: list[Any] = []

    def work(job: Job) -> Any:
        seen.append(job)
        return {}

    graph = built(flow, "start>x", x=flow.node(lambda _: Command(goto=Send("work", {"size": "3"}))))
    graph.add_node("work", flow.node(work), input_schema=Job)
    flow.invoke(flow.compile(graph), {"a": []})
    assert seen == [Job(size=3)]


def test_private_keys_and_narrow_schemas(flow: Flavour) -> None:
    class Wide(TypedDict):
        question: str
        answer: str

    class Question(TypedDict):
        question: str

    class Answer(TypedDict):
        answer: str

    class Private(TypedDict):
        notes: str

    seen: list[Any] = []

    def think(state: Question) -> Any:
        seen.append(dict(state))
        return {"notes": state["question"].upper()}

    def speak(state: Private) -> Any:
        seen.append(dict(state))
        return {"answer": state["notes"] + "!"}

    graph: StateGraph[Any] = StateGraph(Wide, input_schema=Question, output_schema=Answer)
    graph.add_node("think", think)
    graph.add_node("speak", speak)
    graph.add_edge(START, "think")
    graph.add_edge("think", "speak")
    app = flow.compile(graph)
    assert flow.invoke(app, {"question": "why"}) == {"answer": "WHY!"}
    assert seen == [{"question": "why"}, {"notes": "WHY"}]
    assert app.get_state(CONFIG).values == {"question": "why", "notes": "WHY", "answer": "WHY!"}


@pytest.mark.parametrize(
    ("hint", "expected"),
    [
        (Annotated[list[int], operator.add, "a doc"], [1, 2]),
        (NotRequired[Annotated[list[int], operator.add]], [1, 2]),
        (Annotated[NotRequired[list[int]], operator.add], [1, 2]),
        (Optional[Annotated[list[int], operator.add]], [1, 2]),  # noqa: UP045  # what is tested
        (Annotated[list[int], operator.add] | None, [1, 2]),
        (Annotated[int, max], 2),
    ],
)
def test_a_reducer_is_found_anywhere_in_an_annotation(flow: Flavour, hint: Any, expected: Any) -> None:
    state = TypedDict("state", {"n": hint})  # noqa: UP013  # made here
    one: Any = 1 if expected == 2 else [1]
    two: Any = 2 if expected == 2 else [2]
    app = chained(flow, state, lambda _: {"n": one}, lambda _: {"n": two})
    assert flow.invoke(app, {}) in ({"n": expected}, {"n": expected})


def test_bad_reducers_and_schemas_are_told() -> None:
    with pytest.raises(InvalidGraphError, match="reducer '<lambda>' of the key '__root__' takes a"):
        StateGraph(Annotated[int, lambda a: a])  # type: ignore[arg-type]  # what is tested
    with pytest.raises(InvalidGraphError, match="a schema is a type"):
        StateGraph("State")  # type: ignore[arg-type]  # what is tested
    one = TypedDict("one", {"n": Annotated[int, lambda a, b: a + b]})  # noqa: UP013  # made here
    other = TypedDict("other", {"n": Annotated[int, lambda a, b: a * b]})  # noqa: UP013  # made here
    with pytest.raises(InvalidGraphError, match="'n' has different reducers"):
        StateGraph(one, input_schema=other)


def test_a_whole_state_may_be_any_type(flow: Flavour) -> None:
    assert flow.invoke(chained(flow, Annotated[list, operator.add], lambda _: [1], lambda s: [len(s)]), [0]) == [
        0,
        1,
        2,
    ]
    app = chained(flow, int, lambda s: s + 1, lambda s: s * 2)
    assert flow.invoke(app, 0, thread="int") == 2
    assert app.get_state({"configurable": {"thread_id": "int"}}).values == 2
    assert flow.stream(app, 0, thread="int") == [{"n0": 1}, {"n1": 2}]


def test_a_reducer_that_would_have_to_be_awaited_is_told(flow: Flavour) -> None:
    async def late(old: list[int], new: list[int]) -> list[int]:
        return [*old, *new]

    with pytest.raises(InvalidGraphError, match=r"reducer 'late' of the key '__root__' is async, .*await in"):
        chained(flow, Annotated[list[int], late])
    app = chained(flow, Annotated[list[int], lambda old, new: late(new, old)], lambda _: [2])
    with pytest.raises(GraphUpdateError, match="returned a coroutine") as raised:
        flow.invoke(app, [1])
    assert "of the key '__root__'" in raised.value.__notes__[0]


def test_an_overwrite_stands_above_the_reducer_and_is_unwrapped(flow: Flavour) -> None:
    graph = built(
        flow,
        "start>x start>y",
        x=flow.node(lambda _: {"a": Overwrite(["over"]), "b": Overwrite("plain")}),
    )
    assert flow.invoke(flow.compile(graph), {"a": ["i"]}) == {"a": ["over"], "b": "plain"}
    nodes: dict[str, Any] = {name: flow.node(lambda _: {"a": Overwrite([1])}) for name in "xy"}
    twice = built(flow, "start>x start>y", **nodes)
    with pytest.raises(GraphUpdateError, match="'a' was overwritten by node 'x' and node 'y'"):
        flow.invoke(flow.compile(twice), {"a": []}, thread="2")


@pytest.mark.runs_once("what is untracked is gone with its process")
def test_what_is_untracked_is_there_during_the_run_and_never_stored(flow: Flavour) -> None:
    class State(TypedDict):
        lock: Annotated[Any, UntrackedValue]
        n: int

    made = threading.Lock()
    app = chained(flow, State, lambda _: {"lock": made, "n": 1}, lambda state: {"n": 2 if state["lock"] is made else 3})
    assert flow.invoke(app, {})["n"] == 2
    assert app.get_state(CONFIG).values == {"n": 2}
    assert flow.invoke(app, {"n": 0})["n"] == 2


def test_ephemeral_any_and_topic_keys(flow: Flavour) -> None:
    class State(TypedDict):
        once: Annotated[str, EphemeralValue]
        last: Annotated[str, AnyValue]
        topic: Annotated[list[str], Topic(str)]
        all: Annotated[list[str], Topic(str, accumulate=True)]

    seen: list[Any] = []

    def look(state: Any) -> Any:
        seen.append({name: state.get(name) for name in ("once", "topic", "all")})
        return {}

    first = {"once": "o", "topic": "t", "all": ["1", "2"]}
    app = chained(flow, State, lambda _: first, look, look)
    flow.invoke(app, {})
    assert seen == [
        {"once": "o", "topic": ["t"], "all": ["1", "2"]},
        {"once": None, "topic": [], "all": ["1", "2"]},
    ]


@pytest.mark.runs_once("a run that goes on has all its steps to go again")
def test_managed_values_count_down_to_the_last_step(flow: Flavour) -> None:
    class State(TypedDict):
        n: Annotated[list[Any], operator.add]
        last: IsLastStep
        left: RemainingSteps

    def step(state: Any) -> Any:
        return {"n": [(state["left"], state["last"])]}

    graph: StateGraph[Any] = StateGraph(State)
    graph.add_node("step", flow.node(step))
    graph.add_edge(START, "step")
    graph.add_conditional_edges("step", lambda state: END if state["last"] else "step")
    app = flow.compile(graph)
    config = {"configurable": {"thread_id": "t"}, "recursion_limit": 3}
    assert flow.invoke(app, {}, config=config) == {"n": [(3, False), (2, False), (1, True)]}


def test_parallel_children_that_pass_a_plain_key_through_do_not_conflict(flow: Flavour) -> None:
    graph: StateGraph[Any] = StateGraph(Notes)
    for name in "pq":
        graph.add_node(name, built(flow, f"start>{name}1").compile())
        graph.add_edge(START, name)
    assert flow.invoke(flow.compile(graph), {"a": ["i"], "b": "through"}) == {"a": ["i", "p1", "q1"], "b": "through"}


def test_a_child_with_other_keys_shares_those_that_both_have(flow: Flavour) -> None:
    class Inner(TypedDict):
        b: str
        own: str

    child: StateGraph[Any] = StateGraph(Inner)
    child.add_node("inside", flow.node(lambda state: {"own": "secret", "b": state["b"] + "!"}))
    child.add_edge(START, "inside")
    graph = built(flow, "start>sub", sub=child.compile())
    assert flow.invoke(flow.compile(graph), {"a": ["i"], "b": "b"}) == {"a": ["i"], "b": "b!"}


def test_several_commands_for_the_parent_all_arrive_in_order(flow: Flavour) -> None:
    def up(name: str, to: str) -> Any:
        return flow.node(lambda _: Command(graph=Command.PARENT, update={"a": [name]}, goto=to))

    child = built(flow, "start>s1 s1>q s1>p", p=up("p", "y"), q=up("q", "z"))
    graph = built(flow, "start>sub y>end z>end", sub=child.compile())
    assert flow.invoke(flow.compile(graph), {"a": ["i"]})["a"] == ["i", "s1", "p", "q", "y", "z"]


def test_a_command_for_a_parent_that_is_not_there_is_told(flow: Flavour) -> None:
    graph = built(flow, "start>x", x=flow.node(lambda _: Command(graph=Command.PARENT, update={"a": [1]})))
    with pytest.raises(GraphUpdateError, match="no graph around"):
        flow.invoke(flow.compile(graph), {"a": []})


def test_updates_are_stored_not_copies_of_the_state(flow: Flavour) -> None:
    text = "x" * 1000
    graph = built(flow, "start>loop", loop=flow.node(lambda state: {"a": [f"{len(state['a'])}{text}"]}))
    graph.add_conditional_edges("loop", lambda state: END if len(state["a"]) >= 40 else "loop")
    app = flow.compile(graph)
    final = flow.invoke(app, {"a": []})["a"]
    assert sum(flow.saver.sizes("t").values()) < 4 * sum(map(len, final))


def test_what_can_not_be_stored_fails_the_node_that_wrote_it(flow: Flavour) -> None:
    app = flow.compile(built(flow, "start>x", x=flow.node(lambda _: {"b": threading.Lock()})))
    with pytest.raises(UnserializableError, match="key 'b'") as error:
        flow.invoke(app, {"a": []})
    assert any("'x'" in one for one in error.value.__notes__)
    assert app.get_state(CONFIG).next == ("x",)
