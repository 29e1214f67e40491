"""Workflows inside workflows: whatever the nesting, nothing finished runs twice and each question comes once."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from nbflow import Command, InMemorySaver, interrupt
from nbflow.core.record import CallReturned
from tests.behaviour.flavours import Flavour

THREAD = {"thread_id": "t"}
SHAPES = [
    "direct",
    "through a task",
    "two levels",
    "twice",
    "side by side",
    "side by side, through tasks",
    "with a checkpointer of its own",
    "with checkpointer=False",
    "with checkpointer=True",
    "of the other flavour",
    "of the other flavour, through a task",
]
SEVERAL = {"twice", "side by side", "side by side, through tasks"}


class Nest:
    """A workflow around another, nested in one of the shapes.

    Attributes:
        parent: the outer workflow; its input is a number.
        trouble: ``"child asks"``, ``"child fails"`` or ``"parent asks"``.
        ran: the tasks that ran, in order.
        other_saver: the checkpointer that the nested one was declared with, in that shape.
    """

    def __init__(self, flow: Flavour, shape: str, trouble: str) -> None:
        self.flow = flow
        self.shape = shape
        self.trouble = trouble
        self.ran: list[str] = []
        self.other_saver = InMemorySaver()
        self.children = [1, 2] if shape in SEVERAL else [1]
        self.parent = self._parent(self._child())

    def _child(self) -> Any:
        inner = self.flow
        if self.shape.startswith("of the other flavour"):
            inner = Flavour("sync" if self.flow.name == "async" else "async", self.flow.saver)
        declared: Any = {
            "with a checkpointer of its own": self.other_saver,
            "with checkpointer=False": False,
            "with checkpointer=True": True,
        }.get(self.shape)

        @inner.task
        def step(what: str) -> str:
            self.ran.append(what)
            return what

        @inner.entrypoint(checkpointer=declared)
        def child(n: int) -> Any:
            before = yield step(f"{n} before")
            answer = interrupt(f"child {n}?") if self.trouble == "child asks" else "-"
            if self.trouble == "child fails":
                raise ValueError(n)
            after = yield step(f"{n} after")
            return [before, answer, after]

        @inner.entrypoint(checkpointer=None)
        def between(n: int) -> Any:
            first = yield step(f"{n} between")
            return [first, (yield inner.nested(child, n))]

        return between if self.shape == "two levels" else child

    def _parent(self, child: Any) -> Any:
        flow = self.flow

        @flow.task
        def through(n: int) -> Any:
            return (yield flow.nested(child, n))

        @flow.task
        def own(n: int) -> int:
            self.ran.append(f"parent {n}")
            return n

        @flow.entrypoint
        def parent(n: int) -> Any:
            yield own(n)
            if self.shape == "twice":
                results = [(yield flow.nested(child, 1))]
                results += [(yield flow.nested(child, 2))]
            elif self.shape.endswith("through tasks"):
                results = yield [through(number) for number in self.children]
            elif self.shape.endswith("through a task"):
                results = [(yield through(1))]
            else:
                results = yield [flow.nested(child, number) for number in self.children]
            if self.trouble == "parent asks":
                results.append(interrupt("parent?"))
            return results

        return parent

    def expected(self) -> list[Any]:
        """Return what the parent returns when every question was answered with ``"yes: <question>"``."""
        results: list[Any] = []
        for n in self.children:
            answer = f"yes: child {n}?" if self.trouble == "child asks" else "-"
            inner = [f"{n} before", answer, f"{n} after"]
            results.append([f"{n} between", inner] if self.shape == "two levels" else inner)
        return results + (["yes: parent?"] if self.trouble == "parent asks" else [])

    def steps_kept(self) -> set[str]:
        """Return the steps whose results are in the thread's log."""
        run = self.parent.last_run(THREAD)
        settled = [record for record in run.log if isinstance(record, CallReturned) and record.name == "step"]
        return {str(record.value.get()) for record in settled if record.value is not None}

    def answer_all(self, paused: Any) -> tuple[Any, list[Any]]:
        """Answer until the parent returns; return what it returns, and all the questions there were."""
        questions: list[Any] = []
        while isinstance(paused, dict):
            pending = paused["__interrupt__"]
            assert self.parent.get_state(THREAD).interrupts == tuple(pending)
            questions += pending
            answers = {question.id: f"yes: {question.value}" for question in pending}
            resume = answers if len(pending) > 1 else f"yes: {pending[0].value}"
            paused = self.flow.invoke(self.parent, Command(resume=resume))
        return paused, questions


@pytest.mark.parametrize("trouble", ["child asks", "parent asks"])
@pytest.mark.parametrize("shape", SHAPES)
def test_a_pause_runs_no_finished_task_again_and_each_question_comes_once(
    flow: Flavour, shape: str, trouble: str
) -> None:
    nest = Nest(flow, shape, trouble)
    result, questions = nest.answer_all(flow.invoke(nest.parent, 7))
    assert result == nest.expected()
    assert set(Counter(nest.ran).values()) == {1}
    asked = [f"child {n}?" for n in nest.children] if trouble == "child asks" else ["parent?"]
    assert sorted(question.value for question in questions) == asked
    assert len({question.id for question in questions}) == len(asked)
    assert nest.other_saver.runs("t") == []


@pytest.mark.parametrize("shape", SHAPES)
def test_a_question_is_told_once_however_often_it_is_asked(flow: Flavour, shape: str) -> None:
    nest = Nest(flow, shape, "child asks")
    told = [[chunk["__interrupt__"] for chunk in flow.stream(nest.parent, value) if "__interrupt__" in chunk]
            for value in (7, None, None)]  # fmt: skip
    assert [len(chunks) for chunks in told] == [1, 1, 1]
    assert told[0] == told[1] == told[2], "the same questions under the same ids"
    result, _ = nest.answer_all({"__interrupt__": list(told[0][0])})
    assert result == nest.expected()
    assert set(Counter(nest.ran).values()) == {1}


@pytest.mark.filterwarnings("ignore::nbflow.errors.LostFailureWarning")  # of the second of two that fail at once
@pytest.mark.parametrize("shape", SHAPES)
def test_going_on_after_a_failure_runs_no_finished_task_again(flow: Flavour, shape: str) -> None:
    nest = Nest(flow, shape, "child fails")
    with pytest.raises(ValueError, match=r"1|2"):
        flow.invoke(nest.parent, 7)
    kept = nest.steps_kept()
    assert kept & {"1 before", "2 before"}
    nest.trouble = "none"
    assert flow.invoke(nest.parent, None) == nest.expected()
    ran = Counter(nest.ran)
    assert {step: ran[step] for step in kept} == dict.fromkeys(kept, 1)
    assert ran["parent 7"] == 1
    assert flow.invoke(nest.parent, None) == nest.expected()
    assert Counter(nest.ran) == ran, "a finished run is silent"


def test_a_workflow_on_a_thread_of_its_own_does_not_pause_the_one_around_it(flow: Flavour) -> None:
    config: Any = {"configurable": {"thread_id": "its own"}}

    @flow.entrypoint
    def child(n: int) -> Any:
        return [n, interrupt("child?")]

    @flow.task
    def run_child(n: int) -> Any:
        return (yield flow.nested(child, n, config))

    @flow.entrypoint
    def parent(n: int) -> Any:
        paused = yield run_child(n)
        return [paused, interrupt("parent?")]

    first = flow.invoke(parent, 1)["__interrupt__"]
    assert [question.value for question in first] == ["parent?"]
    paused, answer = flow.invoke(parent, Command(resume="yes"))
    assert paused == {"__interrupt__": list(child.get_state(config).interrupts)}
    assert answer == "yes"
    assert flow.invoke(child, Command(resume="later"), config=config) == [1, "later"]
