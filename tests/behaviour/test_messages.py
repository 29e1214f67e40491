"""``add_messages``: lists of messages in a body, LangChain's or ours, with ids that stay the same over a replay."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from nbflow import Command, interrupt
from nbflow.errors import ReplayMismatchError
from nbflow.graph import MessagesState, add_messages
from nbflow.graph.message import REMOVE_ALL_MESSAGES, Message, push_message
from tests.behaviour.flavours import Flavour


@pytest.fixture(params=["langchain", "ours"])
def kind(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "ours":
        monkeypatch.setitem(sys.modules, "langchain_core.messages", None)
    return str(request.param)


def remove(id: str) -> dict[str, str]:
    return {"role": "remove", "content": "", "id": id}


def said(messages: list[Any]) -> list[tuple[str, str]]:
    return [(message.id, message.content) for message in messages]


def msg(id: str, text: str = "") -> dict[str, str]:
    return {"role": "ai", "content": text or id, "id": id}


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        ([msg("1")], [msg("2")], ["1", "2"]),
        ([msg("1"), msg("2")], [msg("1", "new")], ["new", "2"]),
        ([], [msg("1", "a"), msg("1", "b")], ["b"]),
        ([msg("1"), msg("2")], [remove("1")], ["2"]),
        ([msg("1"), msg("2")], [remove("1"), msg("1", "back")], ["back", "2"]),
        ([msg("1")], [msg("2"), remove("2")], ["1"]),
        ([msg("1")], [msg("2"), remove(REMOVE_ALL_MESSAGES), msg("3")], ["3"]),
        (msg("1"), msg("2"), ["1", "2"]),
    ],
)
@pytest.mark.usefixtures("kind")
def test_lists_are_put_together_by_id(left: Any, right: Any, expected: list[str]) -> None:
    assert [message.content for message in add_messages(left, right)] == expected


def test_what_may_be_written_for_a_message(kind: str) -> None:
    given = [
        "a",
        ("human", "b"),
        ("assistant", "c"),
        {"role": "system", "content": "d"},
        {"type": "ai", "content": "e"},
    ]
    messages = add_messages([], [*given, {"role": "tool", "content": "f", "tool_call_id": "7"}])
    assert [(message.type, message.content) for message in messages] == [
        *(("human", "a"), ("human", "b"), ("ai", "c"), ("system", "d"), ("ai", "e"), ("tool", "f"))
    ]
    assert messages[-1].tool_call_id == "7"
    assert all(message.id for message in messages)
    assert all(isinstance(message, Message) for message in messages) is (kind == "ours")


@pytest.mark.usefixtures("kind")
def test_what_is_no_message_is_refused() -> None:
    with pytest.raises(ValueError, match="captain"):
        add_messages([], [("captain", "x")])
    with pytest.raises(ValueError, match=r"role|content"):
        add_messages([], [{"text": "x"}])
    with pytest.raises(NotImplementedError):
        add_messages([], [7])
    with pytest.raises(ValueError, match="'9'"):
        add_messages([], [remove("9")])
    with pytest.raises(ValueError, match="only 'left'"):
        add_messages([], None)
    with pytest.raises(ValueError, match="'x'"):
        add_messages([], [], format="x")
    assert said(add_messages(format=None)([], [msg("1")])) == [("1", "1")]
    assert MessagesState.__annotations__.keys() == {"messages"}


def test_a_format_of_openai() -> None:
    block = {"type": "image", "source_type": "url", "url": "https://x.test/a.png"}
    [message] = add_messages([], [{"role": "user", "content": [block], "id": "1"}], format="langchain-openai")
    assert message.content == [{"type": "image_url", "image_url": {"url": "https://x.test/a.png"}}]


@pytest.mark.usefixtures("kind")
@pytest.mark.runs_once("its body notes each time that it runs")
def test_ids_are_the_same_when_a_body_is_replayed(flow: Flavour) -> None:
    seen: list[list[str]] = []
    ran: list[int] = []

    @flow.task
    def answer(messages: list[Any]) -> Any:
        ran.append(len(messages))
        return add_messages([], ("ai", "fine"))[0]

    @flow.entrypoint
    def body(text: str) -> Any:
        messages = add_messages([], [("human", text), ("human", "and?")])
        messages = add_messages(messages, [(yield answer(messages))])
        seen.append([message.id for message in messages])
        interrupt("go on?")
        messages = add_messages(messages, ("human", "thanks"))
        messages = add_messages(messages, [(yield answer(messages))])
        return [message.id for message in messages]

    flow.invoke(body, "hello")
    ids = flow.invoke(body, Command(resume=True))
    assert seen[0] == seen[1] == ids[:3]
    assert len(set(ids)) == 5
    assert ran == [2, 4]
    flow.invoke(body, "hello")
    assert set(seen[2]) & set(ids) == set(), "another run draws others"


def test_a_message_is_pushed_to_the_stream(flow: Flavour) -> None:
    @flow.entrypoint
    def body(_: int) -> int:
        push_message(("ai", "no id")) if _ else push_message(msg("1"))
        return 1

    [(message, metadata)] = flow.stream(body, 0, stream_mode="messages")
    assert (message.id, metadata["langgraph_node"]) == ("1", "body")
    with pytest.raises(ValueError, match="has none"):
        flow.invoke(body, 1)


@pytest.mark.runs_once("its body differs each time that it runs")
def test_a_mismatch_names_the_argument_that_differs_though_it_looks_the_same(flow: Flavour) -> None:
    times = iter(range(10))

    @flow.task
    def send(to: str, letter: list[object], retries: int) -> str:
        return to

    @flow.entrypoint
    def body(_: int) -> Any:
        yield send("ada", [1, 2, 3, 4, next(times)], retries=3)
        return interrupt("go on?")

    flow.invoke(body, 0)
    with pytest.raises(ReplayMismatchError, match=r"short text is the same, .* in 'letter'"):
        flow.invoke(body, Command(resume=True))
