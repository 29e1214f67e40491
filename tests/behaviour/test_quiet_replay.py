"""A resumed body does not say again what it said before the pause; from its first new step on it is heard."""

from __future__ import annotations

import asyncio
import logging
import subprocess
import sys
from typing import Any, TextIO

import pytest

from nbflow import Command, entrypoint, interrupt, is_replaying, task
from nbflow.checkpoint.base import BaseCheckpointSaver
from tests.behaviour.flavours import Flavour

HERE = {"configurable": {"thread_id": "t"}}
LOGGER = logging.getLogger("quiet")


def say(text: str, stream: TextIO | None = None) -> None:
    print(text, file=stream)  # what is tested


def said(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return capsys.readouterr().out.split()


def test_prints_come_once(flow: Flavour, capsys: pytest.CaptureFixture[str]) -> None:
    @flow.task
    def step(n: int) -> int:
        say(f"step{n}")
        return n

    @flow.entrypoint
    def body(_: int) -> Any:
        say("begin")
        first = yield step(1)
        say("between")
        answer = interrupt("?")
        say("answered")
        second = yield step(2)
        say("end")
        return [first, answer, second]

    flow.invoke(body, 1)
    assert said(capsys) == ["begin", "step1", "between"]
    stdout = sys.stdout
    assert flow.invoke(body, Command(resume="yes")) == [1, "yes", 2]
    assert said(capsys) == ["answered", "step2", "end"]
    assert sys.stdout is stdout, "the streams are as they were"


def test_logs_and_warnings_come_once(
    flow: Flavour, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    @flow.entrypoint
    def body(_: int) -> Any:
        LOGGER.warning("begin")
        say("begin", sys.stderr)
        yield step(1)
        interrupt("?")
        LOGGER.warning("end")
        say("end", sys.stderr)

    @flow.task
    def step(n: int) -> int:
        return n

    flow.invoke(body, 1)
    flow.invoke(body, Command(resume="yes"))
    assert caplog.messages == ["begin", "end"]
    assert capsys.readouterr().err.split() == ["begin", "end"]


@pytest.mark.runs_once("how far a body had come when it died is not known, so it repeats itself")
def test_each_branch_is_heard_by_itself(saver: BaseCheckpointSaver, capsys: pytest.CaptureFixture[str]) -> None:
    @task
    async def step(name: str) -> str:
        return name

    async def asks(name: str) -> Any:
        say(f"{name}1")
        await step(name)
        say(f"{name}2")
        answer = interrupt(name)
        say(f"{name}3")
        return answer

    @entrypoint(checkpointer=saver)
    async def body(_: int) -> Any:
        return await asyncio.gather(asks("a"), asks("b"))

    result = body.invoke(1, HERE)
    first = said(capsys)
    while isinstance(result, dict):
        result = body.invoke(Command(resume={q.id: q.value for q in result["__interrupt__"]}), HERE)
    assert sorted(first + said(capsys)) == ["a1", "a2", "a3", "b1", "b2", "b3"]


@pytest.mark.runs_once("how far a body had come when it died is not known, so it repeats itself")
def test_a_task_that_runs_again_is_heard(flow: Flavour, capsys: pytest.CaptureFixture[str]) -> None:
    """It was not heard out before: it asked, and now runs from its first line."""

    @flow.task
    def asks() -> Any:
        say("asks")
        answer = interrupt("?")
        say("answered")
        return answer

    @flow.entrypoint
    def body(_: int) -> Any:
        say("begin")
        return (yield asks())

    flow.invoke(body, 1)
    assert said(capsys) == ["begin", "asks"]
    assert flow.invoke(body, Command(resume="yes")) == "yes"
    assert said(capsys)[-1] == "answered"


@pytest.mark.runs_once("its body notes each time that it runs")
def test_code_can_ask_whether_it_replays(flow: Flavour) -> None:
    seen = []

    @flow.task
    def step() -> bool:
        return is_replaying()

    @flow.entrypoint
    def body(_: int) -> Any:
        seen.append(is_replaying())
        inside = yield step()
        interrupt("?")
        seen.append(is_replaying())
        return inside

    flow.invoke(body, 1)
    assert flow.invoke(body, Command(resume="yes")) is False
    assert seen == [False, True, False]
    assert not is_replaying()


PRINTING = """
from nbflow import Command, InMemorySaver, entrypoint, interrupt, task

@task
def step(n):
    return n

@entrypoint(checkpointer=InMemorySaver())
def flow(n):
    for i in range(5):
        step(i).result()
    return interrupt("?")

for i in range(150):
    config = {"configurable": {"thread_id": str(i)}}
    flow.invoke(1, config)
    run = flow.start(Command(resume=5), config)
    while not run.done():
        print("waiting", i, "for", "it")
"""


def test_a_print_in_another_thread_while_a_run_replays_does_not_end_the_process() -> None:
    done = subprocess.run([sys.executable, "-c", PRINTING], capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stderr) == (0, "")
