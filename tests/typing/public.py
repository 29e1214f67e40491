"""What type checkers make of the public names; checked by mypy and by pyright, never run."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any, assert_type

from nbflow import Command, InMemorySaver, Interrupt, Run, Runtime, Workflow, entrypoint, interrupt, task
from nbflow.types import (
    CachePolicy,
    GraphOutput,
    Reject,
    RetryPolicy,
    RunControl,
    RunnableConfig,
    StateSnapshot,
    StreamPart,
    TaskFuture,
    TimeoutPolicy,
)


@task
def plain(n: int, *, name: str = "x") -> str:
    return f"{n} {name}"


@task
async def later(n: int) -> float:
    return float(n)


@task
def parts(n: int) -> Iterator[bytes]:
    yield bytes(n)


@task
async def later_parts(n: int) -> AsyncIterator[complex]:
    yield complex(n)


@task(
    name="other",
    retry_policy=RetryPolicy(max_attempts=2),
    cache_policy=CachePolicy(ttl=1),
    timeout=TimeoutPolicy(idle_timeout=3),
    max_concurrency=2,
    rate_limit="1/s",
    version="2",
)
def with_options(n: int) -> list[int]:
    return [n]


@task(timeout=3)
async def later_with_options(n: int) -> dict[str, int]:
    return {"n": n}


called = task(len, name="size")


class Bot:
    @task
    def say(self, word: str) -> str:
        return word


assert_type(plain(1), TaskFuture[str])
assert_type(plain(1, name="y").result(), str)
assert_type(later(2), TaskFuture[float])
assert_type(later(2).result(), float)
assert_type(parts(1).result(), list[bytes])
assert_type(later_parts(1).result(), list[complex])
assert_type(with_options(1).result(), list[int])
assert_type(later_with_options(1).result(), dict[str, int])
assert_type(plain(1).exception(), BaseException | None)
assert_type(called("abc").result(), int)

plain("1")  # type: ignore[arg-type]  # an int is wanted
plain(1, nome="y")  # type: ignore[call-arg]  # no such parameter
task(plain, tries=3)  # type: ignore[call-overload]  # no such option


async def awaits() -> None:
    assert_type(await plain(1), str)
    assert_type(await later(1), float)


@entrypoint(checkpointer=InMemorySaver())
def body(topic: str, *, runtime: Runtime[int], previous: int | None = None) -> entrypoint.final[str, int]:
    assert_type(runtime.context, int)
    answer = interrupt({"question": topic}, response_schema=bool, timeout=3, default=False)
    assert_type(answer, Any)
    return entrypoint.final(value=topic, save=(previous or 0) + 1)


@entrypoint()
async def later_body(numbers: list[int]) -> dict[str, int]:
    return {"sum": sum(numbers)}


@entrypoint()
async def later_final(_: None) -> entrypoint.final[bytes, None]:
    return entrypoint.final(value=b"", save=None)


@entrypoint()
def body_of_parts(n: int) -> Iterator[str]:
    yield str(n)


@entrypoint()
def body_of_anything(given: Any) -> Any:
    return given


@task
def anything(given: Any) -> Any:
    return given


def takes_any(workflow: Workflow, run: Run) -> object:
    """Without parameters: of anything."""
    assert_type(workflow, Workflow[Any, Any])
    assert_type(workflow.invoke(1), Any)
    return run.result()


HERE: RunnableConfig = {"configurable": {"thread_id": "a"}}
assert_type(body, Workflow[str, str])
assert_type(later_body, Workflow[list[int], dict[str, int]])
assert_type(later_final, Workflow[None, bytes])
assert_type(body_of_parts, Workflow[int, list[str]])
assert_type(body_of_anything, Workflow[Any, Any])
assert_type(anything(1).result(), Any)
assert_type(body.invoke("cats", HERE, context=1), str)
assert_type(body.invoke(Command(resume=True), HERE), str)
assert_type(body.invoke(None, HERE), str)
assert_type(body.invoke("cats", version="v2"), GraphOutput)
assert_type(body.invoke("cats", stream_mode=["updates"]), Any)
assert_type(body.batch(["cats"]), list[str])
assert_type(body.batch(["cats"], return_exceptions=True), list[str | Exception])
assert_type(body.start("cats", HERE), Run[str])
assert_type(body.start("cats").result(), str)
assert_type(body.start("cats").resume(1).result(timeout=3), str)
assert_type(body.fork(HERE), Run[str])
assert_type(body.last_run(HERE), Run[str] | None)
assert_type(body.with_config(HERE).invoke("cats"), str)
assert_type(body.with_checkpointer(None), Workflow[str, str])
assert_type(Bot().say("hi"), TaskFuture[str])
takes_any(body, later_body.start([1]))
body.invoke(1)  # type: ignore[call-overload]  # its input is text
body.batch([1])  # type: ignore[list-item]  # likewise
body.start(1)  # type: ignore[arg-type]  # likewise
Bot().say(1)  # type: ignore[arg-type]  # a word is wanted


async def awaits_bodies() -> None:
    assert_type(await later_body.ainvoke([1]), dict[str, int])
    assert_type(await later_body.start([1]), dict[str, int])
    assert_type(await later_body.abatch([[1]]), list[dict[str, int]])


assert_type(body.get_state({"configurable": {"thread_id": "a"}}), StateSnapshot)
body.invoke("cats", durability="exit", control=RunControl(), version="v2")
body.invoke("cats", durability="soon")  # type: ignore[call-overload]  # no such durability
body.invoke("cats", zzz=1)  # type: ignore[call-overload]  # no such option
Command(resume=Reject("no"))
output = GraphOutput(1)
assert_type(output.interrupts, tuple[Interrupt, ...])


def read(part: StreamPart) -> object:
    if part["type"] == "values":
        return part["interrupts"]
    if part["type"] == "debug":
        return part["data"]["timestamp"]
    return part["ns"]
