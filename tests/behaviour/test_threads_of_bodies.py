"""A sync body that waits for a thread of its own, which has asked a question and is over: the run pauses."""

from __future__ import annotations

import queue
import sys
import threading
import time
from contextvars import copy_context
from types import FrameType
from typing import Any

import pytest

from nbflow import Command, InMemorySaver, entrypoint, interrupt, task
from nbflow.drivers import standing_threads
from nbflow.errors import GraphInterrupt, StandstillWarning

pytestmark = pytest.mark.runs_once("a body that waits for ever does not leave, and the next incarnation waits for that")
HERE: Any = {"configurable": {"thread_id": "t"}}


@task
def asks(what: str) -> Any:
    return interrupt(what)


@task
def doubled(n: int) -> int:
    return 2 * n


def waiting_for(ways: Any, kind: Any = queue.Queue, **options: Any) -> Any:
    """Return a workflow whose body waits in a queue for threads of its own, one for each way to ask."""

    @entrypoint(checkpointer=InMemorySaver())
    def body(_: int) -> Any:
        found: Any = kind()
        before = doubled(1).result()

        def work(way: Any) -> None:
            try:
                found.put(way(f"{way.__name__}?"))
            except GraphInterrupt:
                return  # and nobody tells the body

        for way in ways:
            threading.Thread(target=copy_context().run, args=(work, way), daemon=True).start()
        answers = sorted(found.get(**options) for _ in ways)
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


@pytest.mark.parametrize("options", [{}, {"block": True}, {"timeout": 60}], ids=repr)
def test_a_simple_queue_is_waited_in_like_any_other(options: Any) -> None:
    body = waiting_for([by_a_task], queue.SimpleQueue, **options)
    (question,) = body.start(1, HERE).result(timeout=30)["__interrupt__"]
    assert question.value == "by_a_task?"
    assert body.start(Command(resume="yes"), HERE).result(timeout=30) == [2, ["yes"], 4]


class Holder:
    def __init__(self) -> None:
        self.inner: queue.SimpleQueue[Any] = queue.SimpleQueue()


def frame_of(thread: threading.Thread) -> FrameType:
    return sys._current_frames()[thread.ident or 0]


SIMPLE: queue.SimpleQueue[Any] = queue.SimpleQueue()


def of_an_object(holder: Holder) -> Any:
    return holder.inner.get()


def with_arguments(holder: Holder, block: bool = True) -> Any:
    queue_here, seconds = holder.inner, 60
    return queue_here.get(block, seconds)


def by_keyword(holder: Holder) -> Any:
    one = holder.inner
    return one.get(timeout=60)


def of_a_closure(holder: Holder) -> Any:
    one = holder.inner

    def inner() -> Any:
        return one.get()

    return inner()


def of_the_module(_: Holder) -> Any:
    return SIMPLE.get()


@pytest.mark.parametrize("wait", [of_an_object, with_arguments, by_keyword, of_a_closure, of_the_module])
def test_that_a_thread_waits_in_a_simple_queue_is_told_by_where_it_stands(wait: Any) -> None:
    holder, begun = Holder(), threading.Event()

    def work() -> None:
        begun.set()
        wait(holder)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    assert begun.wait(30)
    try:
        while not isinstance(standing_threads._whose_get(frame := frame_of(thread)), queue.SimpleQueue):
            assert thread.is_alive()
        assert standing_threads._waits(frame)
    finally:
        for one in (holder.inner, SIMPLE):
            one.put(None)
        thread.join(30)
        while not SIMPLE.empty():
            SIMPLE.get()


def test_what_computes_or_waits_for_something_else_in_c_does_not_count_as_waiting() -> None:
    let_go, begun = threading.Lock(), threading.Event()
    let_go.acquire()
    holder = {"get": 1}

    def work() -> None:
        begun.set()
        assert holder.get("get")
        time.sleep(0.2)
        let_go.acquire()

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    assert begun.wait(30)
    for _ in range(1000):
        frame = frame_of(thread)
        assert frame.f_code is not work.__code__ or not standing_threads._waits(frame)
    let_go.release()
    thread.join(30)
