"""Random workflows as data, and their interpreter in both flavours.

A plan is a tree: ``("leaf", n)`` is a task that returns n; ``("seq", plans)``, ``("par", plans)``
and ``("map", plans)`` are tasks that call others one after the other, side by side or as items of a
map; ``("nest", plan)`` is a nested workflow; ``("ask", n)`` asks a person; ``("flaky", n)`` fails
once and is retried; ``("once", n)`` calls something that must not happen twice, and knows what it
gave if it was cut off; ``("survive", plan)`` calls something that always fails, goes on, and then
carries the plan out.
"""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from nbflow import Command, InMemorySaver, RetryPolicy, interrupt, record_answer
from nbflow.checkpoint.base import Row, RunKey
from nbflow.errors import CallInterruptedError
from tests.behaviour.flavours import Flavour

Plan = tuple[str, Any]
AT_ONCE = RetryPolicy(initial_interval=0, jitter=False, retry_on=ValueError)
THREAD = {"configurable": {"thread_id": "t"}}

leaves = st.tuples(st.sampled_from(["leaf", "ask", "flaky", "once"]), st.integers(0, 9))
plans = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.tuples(st.sampled_from(["seq", "par", "map"]), st.lists(inner, min_size=1, max_size=3)),
        st.tuples(st.sampled_from(["nest", "survive"]), inner),
    ),
    max_leaves=7,
)


class World:
    """Runs a plan in one flavour, and notes which leaves ran.

    Attributes:
        ran: what ran, in order.
        saver: where the runs are.
        workflow: of the plan.
    """

    def __init__(self, flavour: str, plan: Plan, saver: InMemorySaver | None = None) -> None:
        self.saver = saver or InMemorySaver()
        self.flow = Flavour(flavour, self.saver)
        self.ran: list[str] = []
        self.tried: set[str] = set()
        self.plan = plan
        self.workflow = self._workflow()

    def _workflow(self) -> Any:
        flow, world = self.flow, self

        @flow.task
        def leaf(n: int, at: str) -> int:
            world.ran.append(at)
            return n

        @flow.task(retry_policy=AT_ONCE)
        def flaky(n: int, at: str) -> int:
            if at not in world.tried:
                world.tried.add(at)
                raise ValueError(at)
            world.ran.append(at)
            return n

        @flow.task
        def bad(at: str) -> None:
            world.ran.append(at)
            raise KeyError(at)

        @flow.task(at_most_once=True)
        def charge(n: int, at: str) -> int:
            world.ran.append(at)
            return n

        @flow.task
        def once(n: int, at: str) -> Any:
            try:
                return (yield charge(n, f"{at}.charge"))
            except CallInterruptedError:
                return n

        @flow.task
        def ask(n: int, at: str) -> Any:
            return [n, interrupt(at)]

        @flow.task
        def several(plan: Plan, at: str) -> Any:
            kind, parts = plan
            if kind == "map":
                return (
                    yield item.map([(part, f"{at}.{number}") for number, part in enumerate(parts)], max_concurrency=2)
                )
            if kind == "par":
                return (yield [start(part, f"{at}.{number}") for number, part in enumerate(parts)])
            results = []
            for number, part in enumerate(parts):
                results.append((yield start(part, f"{at}.{number}")))
            return results

        @flow.task
        def item(given: tuple[Plan, str]) -> Any:
            return (yield start(*given))

        @flow.task
        def survive(plan: Plan, at: str) -> Any:
            try:
                yield bad(f"{at}.bad")
            except KeyError as error:
                return [error.args[0], (yield start(plan, f"{at}.then"))]

        @flow.entrypoint(checkpointer=None)
        def child(given: tuple[Plan, str]) -> Any:
            plan, at = given
            return (yield start(plan, at))

        @flow.task
        def nest(plan: Plan, at: str) -> Any:
            return (yield flow.nested(child, (plan, at)))

        makers = {"leaf": leaf, "flaky": flaky, "ask": ask, "once": once, "survive": survive, "nest": nest}

        def start(plan: Plan, at: str) -> Any:
            kind, content = plan
            return several(plan, at) if kind in {"seq", "par", "map"} else makers[kind](content, at)

        @flow.entrypoint
        def body(plan: Plan) -> Any:
            return (yield start(plan, "0"))

        return body

    def to_the_end(self) -> Any:
        """Run, or go on, and answer every question with its own text."""
        last = self.workflow.last_run(THREAD)
        result = self.flow.invoke(self.workflow, self.plan if last is None else self._next(last))
        while isinstance(result, dict):
            result = self.flow.invoke(self.workflow, self._answered(result["__interrupt__"]))
        return result

    def _next(self, last: Any) -> Any:
        return self._answered(last.interrupts) if last.status == "asking" else None

    def _answered(self, questions: Any) -> Command | None:
        """Answer some questions by a record, those of odd positions; return how to go on."""
        recorded = [one for one in questions if len(str(one.value)) % 2]
        for one in recorded:
            record_answer(self.saver, "t", {one.id: answer_to(one)})
        rest = [one for one in questions if one not in recorded]
        return Command(resume={one.id: answer_to(one) for one in rest}) if rest else None

    def rows(self) -> list[Row]:
        """Return what is stored of the run."""
        return self.saver.rows(RunKey("t", self.saver.runs("t")[0]))


def answers(questions: Any) -> Command:
    """Return answers to all questions at once."""
    return Command(resume={question.id: answer_to(question) for question in questions})


def answer_to(question: Any) -> str:
    """Return an answer that anybody could foresee."""
    return f"answer to {question.value}"


def cut(world: World, length: int) -> World:
    """Return the same world as if its process had died after ``length`` records."""
    saver = InMemorySaver()
    run = RunKey("t", world.saver.runs("t")[0])
    saver.append(run, world.rows()[:length], "the one who died")
    return World(world.flow.name, world.plan, saver)
