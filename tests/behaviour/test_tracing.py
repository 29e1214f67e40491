"""LangChain's callbacks, tags and metadata reach models that are called without a config, and hear of tasks."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import uuid
from typing import Any, TypedDict

import pytest
from langchain_core._api.beta_decorator import LangChainBetaWarning
from langchain_core.callbacks import AsyncCallbackHandler, BaseCallbackHandler
from langchain_core.language_models import GenericFakeChatModel
from langchain_core.messages import AIMessage
from langchain_core.output_parsers import StrOutputParser
from langchain_core.runnables import RunnableLambda

import nbflow
from nbflow import Command, InMemoryCache, RunnableConfig, interrupt
from nbflow.callbacks import GraphCallbackHandler, GraphInterruptEvent, GraphResumeEvent
from nbflow.graph import START, StateGraph
from nbflow.types import CachePolicy
from tests.behaviour.flavours import Flavour
from tests.behaviour.test_stream_messages import said


def model() -> Any:
    return GenericFakeChatModel(messages=iter([AIMessage("one two")] * 9))


class Heard(BaseCallbackHandler):
    """Writes down what it is told, with the name of what that is a part of."""

    run_inline = True

    def __init__(self) -> None:
        self.events: list[tuple[Any, ...]] = []
        self.names: dict[Any, str] = {}
        self.said: dict[str, Any] = {}

    def on_chain_start(self, _: Any, inputs: Any, *, run_id: Any, parent_run_id: Any = None, **more: Any) -> None:  # type: ignore[override]  # all that is told
        self.names[run_id] = more["name"]
        self.said[more["name"]] = {"tags": more["tags"], "metadata": more["metadata"], "inputs": inputs}
        self.events.append(("start", more["name"], self.names.get(parent_run_id)))

    def on_chain_end(self, outputs: Any, *, run_id: Any, **_: Any) -> None:
        self.events.append(("end", self.names[run_id], outputs))

    def on_chain_error(self, error: BaseException, *, run_id: Any, **_: Any) -> None:
        self.events.append(("error", self.names[run_id], str(error)))

    def on_chat_model_start(self, *_: Any, run_id: Any, parent_run_id: Any = None, **more: Any) -> None:
        self.said["model"] = {"tags": more["tags"], "metadata": more["metadata"]}
        self.events.append(("model", self.names.get(parent_run_id)))


class AsyncHeard(AsyncCallbackHandler):
    def __init__(self, told: Heard) -> None:
        self.told = told

    async def on_chain_start(self, *args: Any, **more: Any) -> None:
        await asyncio.sleep(0)
        self.told.on_chain_start(*args, **more)

    async def on_chain_end(self, *args: Any, **more: Any) -> None:
        await asyncio.sleep(0)
        self.told.on_chain_end(*args, **more)


def config(heard: Any, thread: str = "t") -> dict[str, Any]:
    return {
        "configurable": {"thread_id": thread},
        "callbacks": [heard],
        "tags": ["mine"],
        "metadata": {"who": "ada"},
    }


@pytest.mark.runs_once("LangChain hears each time that a body runs")
def test_a_model_that_is_called_without_a_config_is_heard(flow: Flavour) -> None:
    heard = Heard()

    @flow.task
    def ask(_: int) -> Any:
        return (yield said(flow, model()))

    @flow.entrypoint
    def body(n: int) -> Any:
        yield said(flow, model())
        return (yield ask(n)).content

    assert flow.invoke(body, 1, config=config(heard)) == "one two"
    assert heard.events == [
        ("start", "body", None),
        ("model", "body"),
        ("start", "ask", "body"),
        ("model", "ask"),
        ("end", "ask", heard.events[4][2]),
        ("end", "body", "one two"),
    ]
    assert heard.said["body"]["inputs"] == 1
    assert "mine" in heard.said["model"]["tags"]
    assert heard.said["model"]["metadata"]["who"] == "ada"
    assert heard.said["model"]["metadata"]["langgraph_node"] == "ask"


def test_a_model_that_is_handed_the_config_is_a_part_of_the_task(flow: Flavour) -> None:
    heard = Heard()

    @flow.task
    def ask(config: RunnableConfig) -> Any:
        yield said(flow, model(), config)
        yield said(flow, model(), nbflow.get_config())

    @flow.entrypoint
    def body(_: int) -> Any:
        yield ask()

    flow.invoke(body, 1, config=config(heard))
    assert [event for event in heard.events if event[0] == "model"] == [("model", "ask")] * 2


@pytest.mark.runs_once("LangChain hears each time that a body runs")
def test_failures_and_pauses_are_told_and_what_is_replayed_is_not(flow: Flavour) -> None:
    heard = Heard()

    @flow.task
    def step(n: int) -> int:
        if n == 2:
            raise ValueError("no two")
        return n

    @flow.entrypoint
    def body(_: int) -> Any:
        yield step(1)
        try:
            yield step(2)
        except ValueError:
            pass
        return interrupt("go on?")

    flow.invoke(body, 0, config=config(heard))
    paused = heard.events.pop()
    assert (paused[:2], paused[2]["__interrupt__"][0].value) == (("end", "body"), "go on?")
    assert heard.events == [
        ("start", "body", None),
        ("start", "step", "body"),
        ("end", "step", 1),
        ("start", "step", "body"),
        ("error", "step", "no two"),
    ]
    heard.events.clear()
    assert flow.invoke(body, Command(resume="yes"), config=config(heard)) == "yes"
    assert heard.events == [("start", "body", None), ("end", "body", "yes")]


def test_a_nested_run_is_a_part_of_the_run_around_it(flow: Flavour) -> None:
    heard = Heard()

    @flow.entrypoint(checkpointer=None)
    def child(n: int) -> int:
        return n + 1

    @flow.entrypoint
    def body(n: int) -> Any:
        return (yield flow.nested(child, n))

    assert flow.invoke(body, 1, config=config(heard)) == 2
    assert heard.events[1] == ("start", "child", "body")


def test_parts_of_a_generator_are_its_output(flow: Flavour) -> None:
    heard = Heard()

    if flow.name == "async":

        async def parts(n: int) -> Any:
            for part in range(n):
                yield part

    else:

        def parts(n: int) -> Any:
            yield from range(n)

    task = nbflow.task(parts)

    @flow.entrypoint
    def body(n: int) -> Any:
        return (yield task(n))

    assert flow.invoke(body, 2, config=config(heard)) == [0, 1]
    assert ("end", "parts", [0, 1]) in heard.events


@pytest.mark.runs_once("LangChain hears each time that a body runs")
def test_async_callbacks_leave_the_branches_of_a_body_alone(flow: Flavour) -> None:
    """They run in tasks of the loop's, which are no branches: the run goes on without any callback."""
    ran: list[int] = []

    @flow.task
    def step(n: int) -> int:
        ran.append(n)
        return n

    @flow.entrypoint
    def body(_: int) -> Any:
        found = yield [step(1), step(2)]
        return [found, interrupt("go on?")]

    heard = Heard()
    both = {**config(AsyncHeard(heard)), "callbacks": [AsyncHeard(heard), AsyncHeard(heard)]}
    flow.invoke(body, 0, config=both)
    assert len(heard.events) == 12
    assert flow.invoke(body, Command(resume="yes")) == [[1, 2], "yes"]
    assert sorted(ran) == [1, 2]


def test_a_cache_hits_as_before(flow: Flavour) -> None:
    ran: list[int] = []

    @flow.task(cache_policy=CachePolicy())
    def step(n: int) -> int:
        ran.append(n)
        return n

    @flow.entrypoint(cache=InMemoryCache())
    def body(n: int) -> Any:
        return (yield step(n))

    heard = Heard()
    assert [flow.invoke(body, 3, config=config(heard, thread)) for thread in "abc"] == [3, 3, 3]
    assert ran == [3]


@nbflow.task
async def shout(text: str) -> str:
    answer = await model().ainvoke(text)
    return str(answer.content).upper()


@nbflow.entrypoint()
async def shouter(text: str) -> str:
    """Shout an answer."""
    return await shout(text)


async def events_of(runnable: Any) -> list[tuple[str, str]]:
    return [(event["event"], event["name"]) async for event in runnable.astream_events("hi", version="v2")]


@pytest.mark.parametrize("runnable", [shouter, shouter.as_runnable() | StrOutputParser()])
def test_events_of_a_run(runnable: Any) -> None:
    events = asyncio.run(events_of(runnable))
    ours = [event for event in events if event[1] in {"shouter", "shout", "GenericFakeChatModel"}]
    assert ours[0] == ("on_chain_start", "shouter")
    assert ours[1] == ("on_chain_start", "shout")
    assert ("on_chat_model_stream", "GenericFakeChatModel") in ours
    assert (("on_chain_stream", "shouter") in ours) is (runnable is shouter)
    assert ("on_chain_end", "shouter") in ours


def test_a_workflow_as_a_runnable() -> None:
    runnable: Any = shouter.as_runnable()
    chain: Any = RunnableLambda(lambda text: f"{text}!") | runnable
    assert chain.invoke("hi") == "ONE TWO"
    assert asyncio.run((runnable | str.lower).ainvoke("hi")) == "one two"
    assert list(runnable.stream("hi")) == [{"shout": "ONE TWO"}, {"shouter": "ONE TWO"}]
    assert runnable.bind(stream_mode="values").with_retry().invoke("hi") == "ONE TWO"
    assert runnable.get_input_schema().model_json_schema()["type"] == "string"
    with pytest.warns(LangChainBetaWarning):
        tool = runnable.as_tool(description="Shout an answer.")
    assert (tool.name, tool.description, tool.invoke("hi")) == ("shouter", "Shout an answer.", "ONE TWO")
    assert runnable.batch(["a", "b"]) == ["ONE TWO"] * 2


def test_a_run_inside_of_a_chain_is_a_part_of_it() -> None:
    heard = Heard()
    chain = RunnableLambda(shouter.invoke, name="outer")
    assert chain.invoke("hi", {"callbacks": [heard]}) == "ONE TWO"
    assert ("start", "shouter", "outer") in heard.events


def test_langchain_is_not_loaded_for_a_run_without_it() -> None:
    code = (
        "import sys, nbflow\n"
        "@nbflow.task\ndef step(n): return n + 1\n"
        "@nbflow.entrypoint()\ndef body(n): return step(n).result()\n"
        "assert body.invoke(1) == 2\n"
        "print([name for name in sys.modules if name.startswith('langchain')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


class Lifecycle(GraphCallbackHandler):
    """Writes down when runs pause and go on, and which chains begin and end."""

    def __init__(self) -> None:
        self.events: list[Any] = []

    def on_interrupt(self, event: GraphInterruptEvent) -> None:
        self.events.append(event)

    def on_resume(self, event: GraphResumeEvent) -> None:
        self.events.append(event)


class AsyncLifecycle(AsyncCallbackHandler, GraphCallbackHandler):
    def __init__(self, told: Lifecycle) -> None:
        self.told = told

    async def on_interrupt(self, event: GraphInterruptEvent) -> None:
        await asyncio.sleep(0)
        self.told.on_interrupt(event)

    async def on_resume(self, event: GraphResumeEvent) -> None:
        await asyncio.sleep(0)
        self.told.on_resume(event)


@pytest.mark.runs_once("LangChain hears each time that a run goes on")
@pytest.mark.parametrize("is_async", [False, True])
def test_a_handler_hears_of_pauses_with_all_that_is_asked_and_of_going_on(flow: Flavour, is_async: bool) -> None:
    told, run_id = Lifecycle(), uuid.uuid4()

    @flow.task
    def ask(n: int) -> Any:
        return interrupt(f"{n}?")

    @flow.entrypoint
    def body(_: int) -> Any:
        return (yield [ask(1), ask(2)])

    given = {**config(AsyncLifecycle(told) if is_async else told), "run_id": run_id}
    paused = flow.invoke(body, 0, config=given)
    (event,) = told.events
    assert (event.run_id, event.status, event.checkpoint_ns) == (run_id, "pending", ())
    assert [one.value for one in event.interrupts] == ["1?", "2?"]
    assert list(event.interrupts) == paused["__interrupt__"]
    assert event.checkpoint_id == body.get_state(given).config["configurable"]["checkpoint_id"]

    told.events.clear()
    answers = {one.id: "yes" for one in event.interrupts}
    assert flow.invoke(body, Command(resume=answers), config=given) == ["yes", "yes"]
    assert told.events == [GraphResumeEvent(run_id, "pending", event.checkpoint_id, ())]


@pytest.mark.runs_once("LangChain hears each time that a run goes on")
@pytest.mark.parametrize("kind", ["before", "after"])
def test_a_handler_hears_of_breakpoints(flow: Flavour, kind: str) -> None:
    class State(TypedDict):
        n: int

    @flow.node
    def step(state: State) -> Any:
        return {"n": state["n"] + 1}

    builder = StateGraph(State).add_node("one", step).add_node("two", step)
    builder.add_edge(START, "one").add_edge("one", "two")
    graph = flow.compile(builder, **{f"interrupt_{kind}": ["one"]})
    told = Lifecycle()
    flow.invoke(graph, {"n": 1}, config=config(told))
    (event,) = told.events
    assert (event.status, event.interrupts, event.run_id) == (f"interrupt_{kind}", (), None)
    assert event.checkpoint_id == graph.get_state(config(told)).config["configurable"]["checkpoint_id"]
    assert flow.invoke(graph, None, config=config(told)) == {"n": 3}
    assert told.events[1:] == [GraphResumeEvent(None, event.status, event.checkpoint_id, ())]


@pytest.mark.runs_once("LangChain hears each time that a run goes on")
def test_a_run_that_ends_tells_nothing_and_a_handler_that_fails_breaks_no_run(
    flow: Flavour, caplog: pytest.LogCaptureFixture
) -> None:
    class Fails(GraphCallbackHandler):
        def on_interrupt(self, event: GraphInterruptEvent) -> None:
            raise ValueError(f"of no use: {event.status}")

    told = Lifecycle()

    @flow.entrypoint
    def body(n: int) -> Any:
        return interrupt("?") if n else n

    given = {**config(told), "callbacks": [Fails(), told, Heard()]}
    assert flow.invoke(body, 0, config=given) == 0
    assert told.events == []
    flow.invoke(body, 1, config=given)
    assert len(told.events) == 1
    assert "of no use" in caplog.text
