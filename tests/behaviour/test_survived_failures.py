"""A failure that a body survived is caught by the same clauses when it is replayed, here and in a fresh process."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import threading
import urllib.error
from collections.abc import Callable
from http.client import HTTPMessage
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pydantic
import pytest
import requests

from nbflow import Command, InMemorySaver, RetryPolicy, SqliteSaver, interrupt
from nbflow.checkpoint.base import RunKey
from nbflow.errors import UnkeptFailureWarning
from tests.behaviour.flavours import Flavour


class Order(pydantic.BaseModel):
    amount: int
    lines: list[int] = []

    @pydantic.field_validator("amount")
    @classmethod
    def positive(cls, amount: int) -> int:
        if amount < 0:
            raise ValueError("amount {must} be positive")
        return amount


class Locked(RuntimeError):
    def __init__(self, lock: object) -> None:
        self.lock = lock

    def __str__(self) -> str:
        return f"locked: {self.lock.locked()}"  # type: ignore[attr-defined]  # what a lost part does not have


def fails_pydantic() -> None:
    Order(amount="x", lines=[1, "y"])  # type: ignore[arg-type, list-item]  # on purpose


def fails_validator() -> None:
    Order(amount=-1)


def fails_httpx() -> None:
    request = httpx.Request("POST", "https://shop.test/pay", json={"a": 1})
    response = httpx.Response(503, json={"why": "down"}, headers={"x-id": "7"}, request=request)
    response.raise_for_status()


def fails_to_connect() -> None:
    raise httpx.ConnectError("refused", request=httpx.Request("GET", "https://shop.test/"))


def fails_requests() -> None:
    response = requests.Response()
    response.status_code, response.url, response.reason = 404, "https://shop.test/x", "Not Found"
    response._content, response.encoding = b'{"why": "gone"}', "utf-8"
    response.request = requests.Request("GET", "https://shop.test/x", headers={"a": "b"}).prepare()
    response.raise_for_status()


def fails_urllib() -> None:
    headers = HTTPMessage()
    headers["x-id"] = "7"
    raise urllib.error.HTTPError("https://shop.test/x", 500, "broken", headers, io.BytesIO(b"body"))


def fails_numpy() -> None:
    np.add("a", 1)


def fails_process() -> None:
    raise subprocess.CalledProcessError(3, ["make"], b"out", b"err")


def fails_json() -> None:
    json.loads('{"a": }')


def fails_of_itself() -> None:
    error = KeyError("k")
    raise error from error


def fails_in_a_group() -> None:
    raise ExceptionGroup("two", [ValueError(1), subprocess.TimeoutExpired(["x"], 2)])


CASES: dict[str, tuple[Callable[[], None], type[BaseException], Callable[[Any], object]]] = {
    "pydantic": (fails_pydantic, pydantic.ValidationError, lambda e: (e.errors(), e.title, e.error_count())),
    "validator": (fails_validator, pydantic.ValidationError, lambda e: e.errors()[0]["msg"]),
    "httpx": (
        fails_httpx,
        httpx.HTTPStatusError,
        lambda e: (
            e.response.status_code,
            e.response.json(),
            e.response.headers["x-id"],
            e.request.content,
            e.request.method,
            str(e.response.url),
            e.response.is_server_error,
        ),
    ),
    "connect": (fails_to_connect, httpx.NetworkError, lambda e: str(e.request.url)),
    "requests": (
        fails_requests,
        requests.HTTPError,
        lambda e: (e.response.status_code, e.response.json(), e.response.ok, e.request.url, e.request.headers["A"]),
    ),
    "urllib": (fails_urllib, urllib.error.HTTPError, lambda e: (e.code, e.reason, e.url, e.headers["x-id"], e.read())),
    "numpy": (fails_numpy, TypeError, lambda e: e.ufunc.__name__),
    "process": (fails_process, subprocess.CalledProcessError, lambda e: (e.returncode, e.cmd, e.stdout, e.stderr)),
    "json": (fails_json, json.JSONDecodeError, lambda e: (e.pos, e.doc, e.lineno)),
    "itself": (fails_of_itself, KeyError, lambda e: e.args),
    "group": (fails_in_a_group, ExceptionGroup, lambda e: [type(one).__name__ for one in e.exceptions]),
}


def survivor(flow: Flavour, case: str) -> tuple[Any, list[object]]:
    """Return a workflow that catches a failure and then asks, and what it saw each time."""
    fails, caught, facts = CASES[case]
    seen: list[object] = []

    @flow.task
    def fail() -> None:
        fails()

    @flow.entrypoint
    def body(_: int) -> Any:
        try:
            yield fail()
        except caught as error:
            seen.append((type(error).__name__, str(error), facts(error)))
        else:
            seen.append("nothing was raised")
        return interrupt("go on?")

    return body, seen


@pytest.mark.parametrize("case", CASES)
def test_what_is_replayed_is_caught_by_the_same_clause(flow: Flavour, case: str) -> None:
    body, seen = survivor(flow, case)
    flow.invoke(body, 0)
    assert flow.invoke(body, Command(resume="yes")) == "yes"
    assert seen[0] == seen[1]


FRESH = """
import sys
from nbflow import Command, SqliteSaver
from tests.behaviour.flavours import Flavour
from tests.behaviour.test_survived_failures import survivor
with SqliteSaver.from_conn_string(sys.argv[1]) as saver:
    flow = Flavour(sys.argv[2], saver)
    for case in sys.argv[3:]:
        body, seen = survivor(flow, case)
        print(flow.invoke(body, Command(resume="yes"), thread=case), repr(seen))
"""


@pytest.mark.parametrize("flavour", ["sync", "async"])
@pytest.mark.runs_once("its body notes each time that it runs")
def test_a_fresh_process_catches_the_same(flavour: str, tmp_path: Path) -> None:
    expected = []
    with SqliteSaver.from_conn_string(tmp_path / "runs.db") as saver:
        flow = Flavour(flavour, saver)
        for case in CASES:
            body, seen = survivor(flow, case)
            flow.invoke(body, 0, thread=case)
            expected.append(f"yes {seen!r}")
    root = Path(__file__).parent.parent.parent
    command = [sys.executable, "-c", FRESH, str(tmp_path / "runs.db"), flavour, *CASES]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    assert done.stdout.splitlines() == expected


@pytest.mark.runs_once("its body notes each time that it runs")
def test_a_class_that_the_body_makes_anew_catches_its_failure(flow: Flavour) -> None:
    seen: list[object] = []

    @flow.task
    def fail(kind: str) -> None:
        raise made[kind]("no", 7)

    made: dict[str, type[Exception]] = {}

    @flow.entrypoint
    def body(_: int) -> Any:
        class Refused(LookupError):
            pass

        class Worse(Refused):
            pass

        made.update(refused=Refused, worse=Worse)
        for kind in made:
            try:
                yield fail(kind)
            except Refused as error:
                seen.append((kind, isinstance(error, Worse), error.args))
        return interrupt("go on?")

    flow.invoke(body, 0)
    assert flow.invoke(body, Command(resume="yes")) == "yes"
    assert seen == [("refused", False, ("no", 7)), ("worse", True, ("no", 7))] * 2


@pytest.mark.runs_once("its body notes each time that it runs")
def test_what_a_failure_will_lack_is_said_when_it_is_survived(flow: Flavour) -> None:
    seen: list[str] = []

    @flow.task
    def fail() -> None:
        raise Locked(threading.Lock())

    @flow.entrypoint
    def body(_: int) -> Any:
        try:
            yield fail()
        except Locked as error:
            seen.append(str(error))
        return interrupt("go on?")

    with pytest.warns(UnkeptFailureWarning, match=r"task 'fail', call 0\.0: .*\.Locked, .* lock can't be stored"):
        flow.invoke(body, 0)
    assert flow.invoke(body, Command(resume="yes")) == "yes"
    assert seen == ["locked: False"] * 2


class Wire(io.RawIOBase):
    """A connection: what was read is gone."""

    def __init__(self) -> None:
        self.left = b"body"

    def readable(self) -> bool:
        return True

    def readinto(self, into: Any) -> int:
        data, self.left = self.left, b""
        into[: len(data)] = data
        return len(data)


def test_the_body_of_a_response_that_is_not_kept_is_missed_aloud(flow: Flavour) -> None:
    seen: list[object] = []

    @flow.task
    def fail() -> None:
        raise urllib.error.HTTPError("https://shop.test/x", 500, "broken", HTTPMessage(), io.BufferedReader(Wire()))

    @flow.entrypoint
    def body(_: int) -> Any:
        try:
            yield fail()
        except urllib.error.HTTPError as error:
            try:
                seen.append((error.code, error.read()))
            except io.UnsupportedOperation as gone:
                seen.append((error.code, str(gone)))
        return interrupt("go on?")

    with pytest.warns(UnkeptFailureWarning, match="the body of its response can't be read again"):
        flow.invoke(body, 0)
    assert flow.invoke(body, Command(resume="yes")) == "yes"
    assert seen[0] == (500, b"body")
    assert "read it in the task" in str(seen[1])


def test_a_failure_that_ended_an_attempt_of_its_caller_is_no_outcome(flow: Flavour) -> None:
    """The next attempt runs the call again, and so does one after a crash, wherever that was."""
    failures = [ValueError("once")]

    @flow.task
    def flaky(n: int) -> int:
        if failures:
            raise failures.pop()
        return n

    @flow.entrypoint(retry_policy=RetryPolicy(initial_interval=0, retry_on=ValueError, max_attempts=2))
    def body(n: int) -> Any:
        return [(yield flaky(n)), (yield flaky(n + 1))]

    assert flow.invoke(body, 1) == [1, 2]
    run = RunKey("t", flow.saver.runs("t")[0])
    rows = flow.saver.rows(run)
    for length in range(1, len(rows)):
        saver = InMemorySaver()
        saver.append(run, rows[:length], "the one who died")
        assert flow.invoke(body.with_checkpointer(saver), None) == [1, 2]
