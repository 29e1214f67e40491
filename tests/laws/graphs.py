"""Random graphs as data, and their interpreter in both flavours.

A plan is a list of layers, each a list of nodes that run side by side after the layer before; the last layer may lead
back to the first a few times. A node is ``("note", n)``, ``("ask", n)``, ``("flaky", n)``, ``("send", n)`` which sends
n times to a node of its own, ``("goto", n)`` which leads on by a Command, or ``("sub", plan)``, a graph inside.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Annotated, Any, TypedDict

from hypothesis import strategies as st

from nbflow import Command, InMemorySaver, interrupt
from nbflow.checkpoint.base import Row, RunKey
from nbflow.graph import END, START, StateGraph
from nbflow.types import Send
from tests.behaviour.flavours import Flavour
from tests.laws.corpus import AT_ONCE, THREAD, answers

Plan = tuple[str, Any]
simple = st.tuples(st.sampled_from(["note", "note", "ask", "flaky", "send", "goto"]), st.integers(1, 3))
layers = st.lists(st.lists(simple, min_size=1, max_size=3), min_size=1, max_size=3)
nodes = st.one_of(simple, simple, st.tuples(st.just("sub"), st.tuples(layers, st.just(0))))
graphs = st.tuples(st.lists(st.lists(nodes, min_size=1, max_size=3), min_size=1, max_size=3), st.integers(0, 2))


class Notes(TypedDict):
    a: Annotated[list[str], operator.add]
    rounds: Annotated[int, operator.add]


class GraphWorld:
    """Runs a graph of a plan in one flavour, and notes which nodes ran.

    Attributes:
        ran: names of the nodes whose code came to its end, in order.
        saver: where the runs are.
        workflow: the compiled graph.
    """

    def __init__(self, flavour: str, plan: Any, saver: InMemorySaver | None = None) -> None:
        self.saver = saver or InMemorySaver()
        self.flow = Flavour(flavour, self.saver)
        self.plan = plan
        self.ran: list[str] = []
        self.tried: set[str] = set()
        self.workflow = self._graph(plan, "g").compile(checkpointer=self.saver)

    def _graph(self, plan: Any, name: str) -> StateGraph[Any]:
        graph: StateGraph[Any] = StateGraph(Notes)
        before: list[str] = [START]
        for depth, layer in enumerate(plan[0]):
            here = [f"{name}_{depth}_{number}" for number in range(len(layer))]
            for one, (kind, content) in zip(here, layer, strict=True):
                self._add(graph, one, kind, content)
            for one in here:
                graph.add_edge(before if len(before) > 1 else before[0], one)
            before = here
        last = f"{name}_last"
        graph.add_node(last, self._note(last, lambda _: {"a": [last], "rounds": 1}))
        graph.add_edge(before if len(before) > 1 else before[0], last)
        first = f"{name}_first"
        graph.add_node(first, self._note(first, lambda _: {"a": [first]}))
        graph.add_conditional_edges(last, lambda state: first if state["rounds"] <= plan[1] else END, [first, END])
        for number in range(len(plan[0][0])):
            graph.add_edge(first, f"{name}_0_{number}")
        return graph

    def _note(self, name: str, fn: Callable[[Any], Any]) -> Any:
        def node(state: Any) -> Any:
            found = fn(state)
            self.ran.append(name)
            return found

        return self.flow.node(node)

    def _add(self, graph: StateGraph[Any], name: str, kind: str, content: Any) -> None:
        if kind == "sub":
            graph.add_node(name, self._graph(content, name).compile())
            return
        made: dict[str, Callable[[Any], Any]] = {
            "note": lambda _: {"a": [f"{name}:{content}"]},
            "ask": lambda state: {"a": [f"{name}:{interrupt(self._question(name, state))}"]},
            "flaky": lambda state: self._fail_once(name, state["rounds"]),
            "send": lambda _: Command(update={"a": [name]}, goto=[Send(f"{name}_s", n) for n in range(content)]),
            "goto": lambda _: Command(update={"a": [name]}, goto=f"{name}_s"),
        }
        graph.add_node(name, self._note(name, made[kind]), retry_policy=AT_ONCE)
        if kind in {"send", "goto"}:
            graph.add_node(
                f"{name}_s",
                self._note(f"{name}_s", lambda n: {"a": [f"{name}_s:{n}" if kind == "send" else f"{name}_s"]}),
            )

    @staticmethod
    def _question(name: str, state: Any) -> str:
        return f"{name} in round {state['rounds']}"

    def _fail_once(self, name: str, rounds: int) -> Any:
        if (key := f"{name}{rounds}") not in self.tried:
            self.tried.add(key)
            raise ValueError(key)
        return {"a": [name]}

    def to_the_end(self) -> Any:
        """Run, or go on, and answer every question with its own text."""
        last = self.workflow.last_run(THREAD)
        first: Any = {"a": ["in"], "rounds": 0}
        if last is not None:
            first = answers(last.interrupts) if last.status == "asking" else None
        result = self.flow.invoke(self.workflow, first)
        while "__interrupt__" in result:
            result = self.flow.invoke(self.workflow, answers(result["__interrupt__"]))
        return result

    def rows(self) -> list[Row]:
        """Return what is stored of the run."""
        return self.saver.rows(RunKey("t", self.saver.runs("t")[0]))

    def died_after(self, length: int) -> GraphWorld:
        """Return the same world as if its process had died after so many records."""
        saver = InMemorySaver()
        saver.append(RunKey("t", self.saver.runs("t")[0]), self.rows()[:length], "the one who died")
        return GraphWorld(self.flow.name, self.plan, saver)


def _told(name: str, kind: str, given: Any) -> str:
    return f"{name}_s:{given}" if kind == "send" else f"{name}_s"
