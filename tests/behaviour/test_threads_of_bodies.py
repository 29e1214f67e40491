"""A sync body that waits for a thread of its own, which has asked a question and is over: the run pauses."""

from __future__ import annotations

import queue
import threading
from contextvars import copy_context
from typing import Any

import pytest

from nbflow import Command, InMemorySaver, entrypoint, interrupt, task
from nbflow.errors import GraphInterrupt, StandstillWarning

pytestmark = pytest.mark.runs_once("a body that waits for ever does not leave, and the next incarnation waits for that")
HERE: Any = {"configurable": {"thread_id": "t"}}


@task
def asks(what: str) -> Any:
    return interrupt(what)


@task
def doubled(n: int) -> int:
    return 2 * n


def waiting_for(ways: Any) -> Any:
    """Return a workflow whose body waits in a queue for threads of its own, one for each way to ask."""

    @entrypoint(checkpointer=InMemorySaver())
    def body(_: int) -> Any:
        found: queue.Queue[Any] = queue.Queue()
        before = doubled(1).result()

        def work(way: Any) -> None:
            try:
                found.put(way(f"{way.__name__}?"))
            except GraphInterrupt:
                return  # and nobody tells the body

        for way in ways:
            threading.Thread(target=copy_context().run, args=(work, way), daemon=True).start()
        answers = sorted(found.get() for _ in ways)
        return [before, answers, doubled(2).result()]

    return body


def by_itself(what: str) -> Any:
    return interrupt(what)


def by_a_task(what: str) -> Any:
    return asks(what).result()


@pytest.mark.parametrize("ways", [[by_itself], [by_a_task], [by_a_task, by_itself]], ids=repr)
def test_a_question_of_a_thread_is_seen_though_its_body_waits_for_that_thread(ways: Any) -> None:
    body = waiting_for(ways)
    run = body.start(1, HERE)
    result = run.result(timeout=30)
    assert {one.value for one in result["__interrupt__"]} <= {"by_itself?", "by_a_task?"}
    while isinstance(result, dict):
        answers = {one.id: "yes" for one in result["__interrupt__"]}
        result = body.start(Command(resume=answers), HERE).result(timeout=30)
    assert result == [2, ["yes" for _ in ways], 4]


def test_a_question_in_a_nested_body_that_waits_for_its_thread_is_seen() -> None:
    child = waiting_for([by_itself])

    @entrypoint(checkpointer=InMemorySaver())
    def parent(n: int) -> Any:
        return child.invoke(n)

    (question,) = parent.start(1, HERE).result(timeout=30)["__interrupt__"]
    assert question.value == "by_itself?"
    assert parent.start(Command(resume="yes"), HERE).result(timeout=30) == [2, ["yes"], 4]


def test_a_run_is_not_paused_while_a_call_of_it_is_at_work() -> None:
    let_go, ran = threading.Event(), []

    @task
    def slow() -> str:
        assert let_go.wait(30), "the test lets it go"
        ran.append(1)
        return "slow"

    @entrypoint(checkpointer=InMemorySaver())
    def body(_: int) -> Any:
        found: queue.Queue[Any] = queue.Queue()
        future = slow()
        threading.Thread(target=copy_context().run, args=(lambda: by_itself("q?"),), daemon=True).start()
        return [future.result(), found.get()]

    threading.excepthook, before = lambda _: None, threading.excepthook
    try:
        run = body.start(1, HERE)
        with pytest.raises(TimeoutError):
            run.result(timeout=2.0)
        let_go.set()
        assert "__interrupt__" in run.result(timeout=30)
    finally:
        threading.excepthook = before
    assert ran == [1]


def test_who_calls_invoke_is_told_that_it_waits_in_vain() -> None:
    went_on = threading.Event()

    @entrypoint(checkpointer=InMemorySaver())
    def body(_: int) -> Any:
        def work() -> None:
            try:
                interrupt("q?")
            except GraphInterrupt:
                return

        thread = threading.Thread(target=copy_context().run, args=(work,), daemon=True)
        thread.start()
        assert went_on.wait(30), "the question is seen meanwhile"
        return "later"

    told: list[Any] = []

    def look() -> None:
        while not (run := body.last_run(HERE)) or run.status != "asking":
            went_on.wait(0.01)
        told.append(run.interrupts[0].value)
        went_on.set()

    looker = threading.Thread(target=look, daemon=True)
    looker.start()
    with pytest.warns(StandstillWarning, match="goes on waiting"):
        result = body.invoke(1, HERE)
    looker.join(30)
    assert told == ["q?"]
    assert [one.value for one in result["__interrupt__"]] == ["q?"]
