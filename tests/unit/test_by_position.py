"""What is given by position, and is meant to be given by name or in another place, is told how it is meant."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable
from typing import Any

import pytest

import nbflow
from nbflow import Command, InMemorySaver, interrupt
from nbflow.errors import InvalidOptionError
from nbflow.types import CachePolicy, TimeoutPolicy

SAVER = InMemorySaver()
CONFIG: Any = {"configurable": {"thread_id": "t"}}


@nbflow.entrypoint(checkpointer=SAVER)
def flow(n: int) -> int:
    return n


anything: Any = flow  # type checkers say so too
reads: Any = nbflow
classes: Any = {"Command": Command, "CachePolicy": CachePolicy, "TimeoutPolicy": TimeoutPolicy}


@pytest.mark.parametrize(
    ("second", "meant"),
    [
        (["a", "b"], "interrupt({'question': 'Which?', 'options': ['a', 'b']})"),
        (bool, "response_schema=<class 'bool'>"),
        (list[int], "response_schema=list[int]"),
        ({"type": "string"}, "response_schema={'type': 'string'}"),
        ({"draft": 1}, "interrupt({'question': 'Which?', 'draft': 1})"),
        (30, "timeout=30"),
        ("some text", "interrupt({'question': 'Which?', 'details': 'some text'})"),
    ],
)
def test_a_second_value_of_a_question(second: Any, meant: str) -> None:
    ask: Any = interrupt

    @nbflow.entrypoint(checkpointer=SAVER)
    def asks(_: int) -> Any:
        return ask("Which?", second)

    with pytest.raises(InvalidOptionError) as caught:
        asks.invoke(1, {"configurable": {"thread_id": f"asks {meant}"}})
    assert meant in str(caught.value)


def test_ways_to_run() -> None:
    async def arun() -> Any:
        return await anything.ainvoke(1, CONFIG, "context")

    calls: dict[str, Callable[[], Any]] = {
        "invoke": lambda: anything.invoke(1, CONFIG, "context"),
        "ainvoke": lambda: asyncio.run(arun()),
        "stream": lambda: list(anything.stream(1, CONFIG, "updates")),
        "astream": lambda: anything.astream(1, CONFIG, "updates"),
        "start": lambda: anything.start(1, CONFIG, "context"),
        "plan": lambda: anything.plan(1, CONFIG, True),
        "fork": lambda: anything.fork(CONFIG, "0", 1, 2),
        "sweep": lambda: anything.sweep(CONFIG, "0.0", [1], 2),
        "get_state": lambda: anything.get_state(CONFIG, True),
        "get_state_history": lambda: anything.get_state_history(CONFIG, 3),
    }
    for name, call in calls.items():
        with pytest.raises(InvalidOptionError, match=rf"{name}\(\): argument \d is .* give the rest by name"):
            call()
    assert SAVER.runs("t") == []


@pytest.mark.parametrize("name", ["invoke", "ainvoke", "stream", "astream", "start", "plan", "get_state"])
def test_signatures_show_no_more_than_what_is_meant(name: str) -> None:
    kinds = {one.kind for one in inspect.signature(getattr(flow, name)).parameters.values()}
    assert inspect.Parameter.VAR_POSITIONAL not in kinds


@pytest.mark.parametrize(
    ("name", "meant"), [("Command", "resume="), ("CachePolicy", "ttl="), ("TimeoutPolicy", "run_timeout=")]
)
def test_classes_of_fields(name: str, meant: str) -> None:
    with pytest.raises(InvalidOptionError, match=rf"{name}\(\): argument 1 is 60, but nothing .* {meant}"):
        classes[name](60)
    assert meant.removesuffix("=") in inspect.signature(classes[name]).parameters


def test_functions_of_files() -> None:
    swapped = r"saver is 't', .* the thread comes after it"
    calls: list[tuple[Callable[[], Any], str]] = [
        (lambda: reads.read_run("t", SAVER), swapped),
        (lambda: reads.list_runs("t", SAVER), swapped),
        (lambda: reads.record_answer("t", SAVER, 1), swapped),
        (lambda: reads.export_run("t", SAVER, "x.nbf"), swapped),
        (lambda: reads.read_run(SAVER, CONFIG), "thread_id is .* it is the name of a thread.*: 't'"),
        (lambda: reads.export_run(SAVER, CONFIG, "x.nbf"), "it is the name of a thread.*: 't'"),
        (lambda: reads.record_answer(SAVER, CONFIG, 1), "it is the name of a thread.*: 't'"),
        (lambda: reads.read_run(flow, "t"), r"the one of this workflow is its \.checkpointer"),
        (lambda: reads.threads("runs.db"), r"SqliteSaver\('runs.db'\)"),
        (lambda: reads.list_threads(3), "saver is 3"),
        (lambda: reads.import_run("run.nbf", SAVER), "saver is 'run.nbf'"),
        (lambda: reads.import_run(SAVER, "run.nbf", "t"), "argument 3 is 't'"),
        (lambda: reads.record_answer(SAVER, "t", 1, "bob"), "by="),
        (lambda: reads.SqliteSaver(SAVER), "it is the path of a file"),
        (lambda: reads.SqliteStore(3), "it is the path of a file"),
    ]
    for call, meant in calls:
        with pytest.raises(InvalidOptionError, match=meant):
            call()
