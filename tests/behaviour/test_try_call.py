"""One recorded call tried alone: the code of now on its recorded arguments, beside its recorded result."""

from __future__ import annotations

from typing import Any

import pytest

import nbflow
from nbflow import InMemorySaver, interrupt
from nbflow.errors import InvalidOptionError, NoCheckpointerError
from tests.behaviour.flavours import Flavour

CONFIG: Any = {"configurable": {"thread_id": "t"}}


def pipeline(flow: Flavour, factor: int = 10) -> tuple[Any, Any, list[str]]:
    """Return a workflow of three tasks, its second task, and what ran."""
    ran: list[str] = []

    @flow.task
    def load(n: int) -> list[int]:
        ran.append("load")
        return [n, n + 1]

    @flow.task
    def scale(numbers: list[int], by: int = 1) -> list[int]:
        ran.append("scale")
        return [n * by * factor for n in numbers]

    @flow.task
    def total(numbers: list[int]) -> int:
        ran.append("total")
        return sum(numbers)

    @flow.entrypoint(name="body")
    def body(n: int) -> Any:
        return (yield total((yield scale(load(n), by=2))))

    return body, scale, ran


def test_the_same_code_gives_the_same_result(flow: Flavour) -> None:
    body, _, ran = pipeline(flow)
    flow.invoke(body, 1)
    ran.clear()
    tried = body.try_call(CONFIG, "0.1")
    assert (tried.name, tried.before, tried.after, tried.is_changed) == ("scale", [20, 40], [20, 40], False)
    assert (tried.difference(), tried.error, ran) == ([], None, ["scale"])
    assert str(tried).startswith("scale (0.1) with [1, 2], by=2: the same result")


def test_edited_code_is_run_on_the_recorded_arguments(flow: Flavour) -> None:
    body, _, _ = pipeline(flow)
    flow.invoke(body, 1)
    edited, _, ran = pipeline(flow, factor=100)
    before = len(nbflow.read_run(flow.saver, "t"))
    tried = edited.try_call(CONFIG, "0.1")
    assert (tried.before, tried.after, tried.is_changed, ran) == ([20, 40], [200, 400], True, ["scale"])
    assert "-[20, 40]" in tried.difference()
    assert "+[200, 400]" in tried.difference()
    assert tried.seconds >= 0
    assert tried.seconds_before >= 0
    assert (len(nbflow.read_run(flow.saver, "t")), len(flow.saver.runs("t"))) == (before, 1)


def test_a_task_of_its_own_may_stand_for_it(flow: Flavour) -> None:
    body, _, _ = pipeline(flow)
    flow.invoke(body, 1)
    _, other, _ = pipeline(flow, factor=3)
    run = body.last_run(CONFIG)
    assert other.try_call(run, "0.1").after == [6, 12]
    assert body.try_call(CONFIG, "0.1", other).after == [6, 12]


def test_the_run_goes_on_from_the_new_result(flow: Flavour) -> None:
    body, _, _ = pipeline(flow)
    assert flow.invoke(body, 1) == 60
    edited, _, ran = pipeline(flow, factor=100)
    tried = edited.try_call(CONFIG, "0.1")
    ran.clear()
    assert tried.fork().result() == 600
    assert ran == ["total"]
    assert len(flow.saver.runs("t")) == 2


def test_a_failure_is_shown_beside_what_it_was(flow: Flavour) -> None:
    fails = [ValueError("once")]

    @flow.task
    def work(n: int) -> int:
        if fails:
            raise fails.pop()
        return n

    @flow.entrypoint
    def body(n: int) -> Any:
        return (yield work(n))

    with pytest.raises(ValueError, match="once"):
        flow.invoke(body, 1)
    tried = body.try_call(CONFIG, "0.0")
    assert (repr(tried.error_before), tried.after, tried.is_changed) == ("ValueError('once')", 1, True)
    fails.append(KeyError("again"))  # type: ignore[arg-type]  # any error
    tried = body.try_call(CONFIG, "0.0")
    assert isinstance(tried.error, KeyError)
    assert "fails: KeyError('again')" in str(tried)
    with pytest.raises(InvalidOptionError, match="has no result"):
        tried.fork()


def test_an_item_of_a_map_is_tried_alone(flow: Flavour) -> None:
    ran: list[int] = []

    @flow.task
    def work(n: int) -> int:
        ran.append(n)
        return n * n

    @flow.entrypoint
    def body(n: int) -> Any:
        return (yield work.map(range(n)))

    flow.invoke(body, 5)
    ran.clear()
    assert body.try_call(CONFIG, "0.0.b3.0").after == 9
    assert ran == [3]


def test_a_task_that_calls_others_runs_whole(flow: Flavour) -> None:
    ran: list[str] = []

    @flow.task
    def inner(n: int) -> int:
        ran.append("inner")
        return n

    @flow.task
    def outer(n: int) -> Any:
        ran.append("outer")
        return (yield inner(n))

    @flow.entrypoint
    def body(n: int) -> Any:
        return (yield outer(n))

    flow.invoke(body, 5)
    ran.clear()
    assert body.try_call(CONFIG, "0.0").after == 5
    assert ran == ["outer", "inner"]
    with pytest.raises(InvalidOptionError, match=r"made by the task at 0\.0"):
        body.try_call(CONFIG, "0.0.0")


def test_one_that_asks_is_not_tried(flow: Flavour) -> None:
    answers = ["no"]

    @flow.task
    def work(n: int) -> Any:
        return interrupt("sure?") if not answers else n

    @flow.entrypoint
    def body(n: int) -> Any:
        return (yield work(n))

    flow.invoke(body, 1)
    answers.clear()
    tried = body.try_call(CONFIG, "0.0")
    assert "it asks a person: ['sure?']" in str(tried.error)


def test_it_has_store_and_context(flow: Flavour) -> None:
    store = nbflow.InMemoryStore()
    store.put(("a",), "k", {"n": 5})

    @flow.task
    def work(n: int) -> Any:
        return nbflow.get_runtime().context, nbflow.get_store().get(("a",), "k").value["n"]  # type: ignore[union-attr]

    @flow.entrypoint(store=store)
    def body(n: int) -> Any:
        return (yield work(n))

    flow.invoke(body, 1, context={"who": "ada"})
    assert list(body.try_call(CONFIG, "0.0").before) == list(body.try_call(CONFIG, "0.0").after)


@pytest.mark.parametrize(
    ("path", "text"),
    [("0.9", "calls of tasks that have ended are at 0.0, 0.1, 0.2"), ("0", "calls of tasks"), ("x", "calls")],
)
def test_a_path_that_is_no_call_is_told(flow: Flavour, path: str, text: str) -> None:
    body, _, _ = pipeline(flow)
    flow.invoke(body, 1)
    with pytest.raises(InvalidOptionError, match=text):
        body.try_call(CONFIG, path)


def test_what_is_no_task_is_told(flow: Flavour) -> None:
    body, _, _ = pipeline(flow)
    flow.invoke(body, 1)
    with pytest.raises(InvalidOptionError, match="it is a task"):
        body.try_call(CONFIG, "0.1", lambda numbers: numbers)


def test_without_a_checkpointer_there_is_nothing_to_try() -> None:
    @nbflow.entrypoint()
    def body(_: Any) -> None: ...

    with pytest.raises(NoCheckpointerError):
        body.try_call(CONFIG, "0.0")


def test_an_empty_thread_is_told() -> None:
    @nbflow.entrypoint(checkpointer=InMemorySaver())
    def body(_: Any) -> None: ...

    with pytest.raises(InvalidOptionError, match="no position"):
        body.try_call(CONFIG, "0.0")
