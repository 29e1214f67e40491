"""Code of the user's that belongs to no body can't call tasks or ask; it is told so, and nothing is stuck."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import pydantic
import pytest

import nbflow
from nbflow import Command, InMemoryCache, InMemorySaver, interrupt
from nbflow.errors import CalledOutsideBodyError, CalledOutsideRunError
from nbflow.types import CachePolicy, RetryPolicy
from tests.behaviour.flavours import Flavour

HERE: Any = {"configurable": {"thread_id": "t"}}


@pytest.fixture(params=["calls a task", "asks", "runs a workflow"])
def uses(request: pytest.FixtureRequest, flow: Flavour) -> Callable[[], Any]:
    """Return what code that belongs to no body tries to do."""

    @flow.task
    def other(n: int) -> int:
        return n

    @nbflow.entrypoint()
    def nested(n: int) -> int:
        return n

    uses = {
        "calls a task": lambda: other(1),
        "asks": lambda: interrupt("what?"),
        "runs a workflow": lambda: nested.invoke(1),
    }
    return uses[request.param]


@pytest.mark.parametrize("goes_on", [False, True])
def test_a_retry_predicate(flow: Flavour, uses: Callable[[], Any], goes_on: bool) -> None:
    @flow.task(retry_policy=RetryPolicy(retry_on=lambda _: bool(uses()), initial_interval=0))
    def fails() -> None:
        raise KeyError("the task's own")

    @flow.entrypoint
    def body(_: int) -> Any:
        return (yield fails())

    for value in (1, None) if goes_on else (1,):
        with pytest.raises(CalledOutsideBodyError, match="by retry_on of task 'fails'") as told:
            flow.invoke(body, value)
        assert isinstance(told.value.__cause__, KeyError)


def test_a_cache_key(flow: Flavour, uses: Callable[[], Any]) -> None:
    @flow.task(cache_policy=CachePolicy(key_func=lambda _: str(uses())))
    def cached(n: int) -> int:
        return n

    @flow.entrypoint(cache=InMemoryCache())
    def body(_: int) -> Any:
        return (yield cached(1))

    with pytest.raises(CalledOutsideBodyError, match="by key_func of task 'cached'"):
        flow.invoke(body, 1)


def test_a_validator_of_an_answer(flow: Flavour, uses: Callable[[], Any]) -> None:
    class Form(pydantic.BaseModel):
        n: int

        @pydantic.field_validator("n")
        @classmethod
        def looks(cls, n: int) -> int:
            try:
                uses()
            except CalledOutsideBodyError as error:
                raise ValueError(str(error)) from None
            except RuntimeError as error:  # where the answer is given there is no run at all
                assert "outside of a run" in str(error)  # which is as it should be
            return n

    @flow.entrypoint
    def body(_: int) -> Any:
        return interrupt("n?", response_schema=Form).n

    flow.invoke(body, 1)
    paused = flow.invoke(body, Command(resume={"n": 1}))
    assert "a validator of an answer, which belongs to no body" in paused["__interrupt__"][0].problem


@pytest.mark.runs_once("who listens from outside may meet a dropped run")
def test_the_class_of_an_argument_and_a_listener(flow: Flavour, uses: Callable[[], Any]) -> None:
    told: list[str] = []

    def used(_: object = None) -> int:
        try:
            uses()
        except CalledOutsideBodyError as error:
            told.append(error.where)
        except CalledOutsideRunError:  # a thread that works on no body may tell listeners
            told.append("outside")
        else:
            told.append("a run of its own")
        return 1

    class Odd:
        def __len__(self) -> int:
            return used()

    @flow.task
    def takes(_: object) -> int:
        return 1

    @flow.entrypoint
    def body(_: int) -> Any:
        return (yield takes(Odd()))

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert flow.invoke(body, 1) == 1
        assert told == ["the class of an argument"]
        told.clear()
        run = body.start(2, HERE)
        run.listen(used)
        assert run.result() == 1
    assert set(told) - {"the class of an argument"} <= {"a listener of the run", "outside", "a run of its own"}
    assert set(told) != {"the class of an argument"}, "the listener was told"


def test_a_run_of_its_own_may_be_begun_there() -> None:
    flow = Flavour("sync", InMemorySaver())

    @flow.task
    def step(n: int) -> int:
        return n + 1

    @flow.entrypoint(checkpointer=InMemorySaver())
    def independent(n: int) -> Any:
        return (yield step(n))

    def again(_: BaseException) -> bool:
        return bool(independent.invoke(1, {"configurable": {"thread_id": "other"}}) == 5)

    @flow.task(retry_policy=RetryPolicy(retry_on=again))
    def fails() -> None:
        raise KeyError("the task's own")

    @flow.entrypoint
    def body(_: int) -> Any:
        return (yield fails())

    with pytest.raises(KeyError):
        flow.invoke(body, 1)
