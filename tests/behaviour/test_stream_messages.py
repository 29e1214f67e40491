"""The ``messages`` mode: tokens as they come, whole messages once, and where they come from."""

from __future__ import annotations

import subprocess
import sys
import threading
from typing import Any

import pytest
from langchain_core.callbacks import BaseCallbackHandler, CallbackManager
from langchain_core.language_models import FakeListChatModel, GenericFakeChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage

from nbflow import Command, RunnableConfig, emit_token, entrypoint, interrupt
from nbflow.errors import CalledOutsideRunError
from tests.behaviour.flavours import Flavour, _Later


def talker(text: str = "hello big world") -> GenericFakeChatModel:
    return GenericFakeChatModel(messages=iter([AIMessage(text)]))


class Whole(GenericFakeChatModel):
    """A model that cannot stream."""

    disable_streaming: bool = True


def said(flow: Flavour, model: Any, *args: Any) -> Any:
    """Return what a body yields to have a model speak."""
    if flow.name == "async":
        return model.ainvoke("hi", *args)
    return _Later(lambda: model.invoke("hi", *args))


def texts(chunks: list[Any]) -> list[Any]:
    return [getattr(message, "content", message) for message, _ in chunks]


def test_tokens_of_our_own_come_with_where_they_were_written(flow: Flavour) -> None:
    @flow.task
    def speak(n: int) -> int:
        emit_token("from the task", model="tiny", langgraph_node="not this")
        return n

    @flow.entrypoint(checkpointer=None)
    def child(n: int) -> Any:
        return (yield speak(n))

    @flow.entrypoint
    def body(n: int) -> Any:
        emit_token("from the body", who="eve")
        return (yield flow.nested(child, n))

    config = {"configurable": {"thread_id": "t"}, "metadata": {"who": "ada"}}
    [only] = flow.stream(body, 1, stream_mode="messages", config={**config, "configurable": {"thread_id": "s"}})
    assert only[0] == "from the body", "of nested runs nothing is shown unless they are asked for"
    (_, first), (_, second) = flow.stream(body, 1, stream_mode="messages", config=config, subgraphs=True)
    assert first == (
        "from the body",
        {
            "who": "eve",
            "thread_id": "t",
            "langgraph_step": 0,
            "langgraph_node": "body",
            "langgraph_triggers": ("__start__",),
            "langgraph_path": ("0",),
            "langgraph_checkpoint_ns": "0",
            "checkpoint_ns": "0",
        },
    )
    token, metadata = second
    assert (token, metadata["model"], metadata["who"]) == ("from the task", "tiny", "ada")
    assert (metadata["langgraph_node"], metadata["langgraph_checkpoint_ns"]) == ("speak", "0.0.0")
    deep = flow.stream(body, 1, "u", stream_mode=["messages"], subgraphs=True)
    assert [ns for ns, _, _ in deep] == [(), ("body:0",)]


def test_a_token_outside_of_a_run_is_a_mistake() -> None:
    with pytest.raises(CalledOutsideRunError, match="emit_token"):
        emit_token("lost")


def test_a_model_streams_without_being_handed_the_config(flow: Flavour) -> None:
    @flow.task
    def ask() -> Any:
        return (yield said(flow, talker()))

    @flow.entrypoint
    def body(_: int) -> Any:
        answer = yield ask()
        return answer.content

    chunks = flow.stream(body, 0, stream_mode=["messages", "updates"])
    tokens = [payload for mode, payload in chunks if mode == "messages"]
    assert [mode for mode, _ in chunks] == ["messages"] * 5 + ["updates"] * 2
    assert texts(tokens) == ["hello", " ", "big", " ", "world"]
    assert all(isinstance(token, AIMessageChunk) for token, _ in tokens)
    assert {token.id for token, _ in tokens} == {chunks[5][1]["ask"].id}
    assert {metadata["langgraph_node"] for _, metadata in tokens} == {"ask"}
    assert tokens[0][1]["ls_model_type"] == "chat"


def test_a_model_that_is_handed_the_config_streams_once(flow: Flavour) -> None:
    @flow.task
    def ask(config: RunnableConfig) -> Any:
        return (yield said(flow, talker("a b"), config))

    @flow.entrypoint
    def body(_: int) -> Any:
        yield ask()

    assert texts(flow.stream(body, 0, stream_mode="messages")) == ["a", " ", "b"]


@pytest.mark.parametrize("wrap", [lambda own: [own], lambda own: CallbackManager([own])])
def test_callbacks_of_the_users_own_are_kept(flow: Flavour, wrap: Any) -> None:
    class Count(BaseCallbackHandler):
        tokens = 0

        def on_llm_new_token(self, token: Any, **_: Any) -> None:
            self.tokens += 1

    @flow.entrypoint
    def body(_: int, *, config: RunnableConfig) -> Any:
        yield said(flow, talker("a b"), config)

    own = Count()
    config = {"configurable": {"thread_id": "t"}, "callbacks": wrap(own)}
    assert texts(flow.stream(body, 0, stream_mode="messages", config=config)) == ["a", " ", "b"]
    assert own.tokens == 3
    assert flow.stream(body, 0, "u", stream_mode="updates") == [{"body": None}]


def test_a_message_that_came_whole_is_shown_once(flow: Flavour) -> None:
    @flow.task
    def ask() -> Any:
        return (yield said(flow, Whole(messages=iter([AIMessage("all at once")]))))

    @flow.entrypoint
    def body(_: int) -> Any:
        return [(yield ask())]

    ((message, metadata),) = flow.stream(body, 0, stream_mode="messages")
    assert (type(message), message.content, metadata["langgraph_node"]) == (AIMessage, "all at once", "ask")


@pytest.mark.runs_once("a body streams a message, or part of it, each time that it runs")
def test_a_returned_message_is_shown_unless_it_was(flow: Flavour) -> None:
    @flow.task
    def make(text: str) -> Any:
        return AIMessage(text, id=text)

    @flow.task
    def pack(given: Any) -> Any:
        return {"messages": [given, AIMessage("new")]}

    @flow.entrypoint
    def body(question: Any) -> Any:
        made = yield make("made")
        packed = yield pack(made)
        return [question, made, *packed["messages"], AIMessage("last")]

    chunks = flow.stream(body, HumanMessage("question"), stream_mode="messages")
    assert texts(chunks) == ["made", "new", "last"]
    assert [metadata["langgraph_node"] for _, metadata in chunks] == ["make", "pack", "body"]
    assert chunks[-1][1]["thread_id"] == "t"


def test_a_model_run_tagged_nostream_is_left_out_but_its_returned_message_is_not(flow: Flavour) -> None:
    @flow.task
    def ask() -> Any:
        quiet = yield said(flow, talker("quiet words").with_config(tags=["nostream"]))
        return quiet.content

    @flow.task
    def give() -> Any:
        return (yield said(flow, talker("kept words").with_config(tags=["nostream"])))

    @flow.entrypoint
    def body(_: int) -> Any:
        yield ask()
        yield give()

    assert texts(flow.stream(body, 0, stream_mode="messages")) == ["kept words"]


def test_tags_of_a_model_run_are_told(flow: Flavour) -> None:
    @flow.entrypoint
    def body(_: int) -> Any:
        yield said(flow, FakeListChatModel(responses=["x"]).with_config(tags=["joke"], metadata={"mood": "good"}))

    ((_, metadata),) = flow.stream(body, 0, stream_mode="messages")
    assert (metadata["tags"], metadata["mood"]) == (["joke"], "good")


@pytest.mark.runs_once("a task that a replay runs again speaks again")
def test_parallel_tasks_speak_under_their_own_names(flow: Flavour) -> None:
    @flow.task(name="left")
    def left() -> Any:
        return (yield said(flow, talker("l1 l2")))

    @flow.task(name="right")
    def right() -> Any:
        return (yield said(flow, talker("r1 r2")))

    @flow.entrypoint
    def body(_: int) -> Any:
        yield [left(), right()]

    chunks = flow.stream(body, 0, stream_mode="messages")
    for name, initial in (("left", "l"), ("right", "r")):
        spoken = [token.content for token, metadata in chunks if metadata["langgraph_node"] == name]
        assert spoken == [f"{initial}1", " ", f"{initial}2"]


def test_a_model_that_fails_leaves_nothing_behind(flow: Flavour) -> None:
    class Broken(GenericFakeChatModel):
        def _stream(self, *_: Any, **__: Any) -> Any:
            raise ValueError("no answer")

    @flow.entrypoint
    def body(_: int) -> Any:
        try:
            yield said(flow, Broken(messages=iter([])))
        except ValueError:
            return AIMessage("sorry")

    assert texts(flow.stream(body, 0, stream_mode="messages")) == ["sorry"]


def test_a_thread_of_the_users_own_is_heard_through_the_config(flow: Flavour) -> None:
    @entrypoint(checkpointer=flow.saver)
    def body(_: int, *, config: RunnableConfig) -> None:
        worker = threading.Thread(target=lambda: talker("a b").invoke("hi", config))  # type: ignore[arg-type]  # a dict alike
        worker.start()
        worker.join()

    assert texts(flow.stream(body, 0, stream_mode="messages")) == ["a", " ", "b"]


@pytest.mark.runs_once("a nested stream shows nothing of what is replayed")
def test_a_nested_stream_hears_its_own_run(flow: Flavour) -> None:
    @flow.entrypoint(checkpointer=None)
    def child(_: int) -> Any:
        yield said(flow, talker("in side"))

    @entrypoint(checkpointer=flow.saver)
    def sync_parent(n: int) -> Any:
        talker("out side").invoke("hi")
        return texts(list(child.stream(n, stream_mode="messages")))

    @entrypoint(checkpointer=flow.saver)
    async def async_parent(n: int) -> Any:
        await talker("out side").ainvoke("hi")
        return texts([chunk async for chunk in child.astream(n, stream_mode="messages")])

    parent = sync_parent if flow.name == "sync" else async_parent
    assert flow.invoke(parent, 1) == ["in", " ", "side"]
    heard = flow.stream(parent, 1, "u", stream_mode="messages", subgraphs=True)
    assert texts([chunk for _, chunk in heard]) == ["out", " ", "side", "in", " ", "side"]


def test_a_message_of_a_nested_run_is_shown_whole_where_it_is_returned(flow: Flavour) -> None:
    @flow.entrypoint(checkpointer=None)
    def child(_: int) -> Any:
        return (yield said(flow, talker("in side")))

    @flow.entrypoint
    def body(n: int) -> Any:
        return (yield flow.nested(child, n))

    [(message, metadata)] = flow.stream(body, 1, stream_mode="messages")
    assert (message.content, metadata["langgraph_node"]) == ("in side", "body")


def test_a_replayed_message_is_not_shown_again_and_survives_the_pause(flow: Flavour) -> None:
    @flow.task
    def ask() -> Any:
        return (yield said(flow, talker("kept words")))

    @flow.entrypoint
    def body(_: int) -> Any:
        message = yield ask()
        return [message, interrupt("good?")]

    flow.invoke(body, 0)
    assert flow.stream(body, Command(resume="yes"), stream_mode="messages") == []
    message, answer = body.get_state({"thread_id": "t"}).values
    assert (type(message), message.content, answer) == (AIMessage, "kept words", "yes")
    assert message.id.startswith("lc_run--")


def test_models_are_not_made_to_stream_when_nobody_listens(flow: Flavour) -> None:
    streamed = []

    class Watched(GenericFakeChatModel):
        def _stream(self, *args: Any, **options: Any) -> Any:
            streamed.append(True)
            return super()._stream(*args, **options)

    @flow.entrypoint
    def body(_: int, *, config: RunnableConfig) -> Any:
        yield said(flow, Watched(messages=iter([AIMessage("a b")])), config)
        return config.get("callbacks")

    assert flow.invoke(body, 0) is None
    assert streamed == []


def test_langchain_is_loaded_for_messages_alone() -> None:
    program = """
import sys, nbflow
@nbflow.entrypoint()
def body(n):
    nbflow.emit_token("t")
    return n
assert list(body.stream(1, stream_mode=["updates", "tasks", "custom"]))
assert "langchain_core" not in sys.modules
assert [token for token, _ in body.stream(1, stream_mode="messages")] == ["t"]
assert "langchain_core" in sys.modules
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=50)


def test_tokens_need_no_langchain() -> None:
    program = """
import sys
sys.modules["langchain_core"] = None  # as if it were not installed
import nbflow
@nbflow.entrypoint()
def body(n):
    nbflow.emit_token("t")
    return n
assert [token for token, _ in body.stream(1, stream_mode="messages")] == ["t"]
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=50)
