"""The ready-made agent: tools as calls of their own, questions before dangerous ones, errors for the model to see."""

from __future__ import annotations

from typing import Annotated, Any

import pytest
from langchain_core.language_models.fake_chat_models import FakeMessagesListChatModel
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage

from nbflow import entrypoint, task
from nbflow.checkpoint.memory import InMemorySaver
from nbflow.errors import InvalidOptionError
from nbflow.graph.message import add_messages
from nbflow.prebuilt import InjectedState, ToolNode, create_react_agent, tools_condition
from nbflow.types import Command
from tests.behaviour.flavours import Flavour


class Model(FakeMessagesListChatModel):
    """Says what it was told to say, and takes tools."""

    def bind_tools(self, tools: Any, **_: Any) -> Model:
        return self


def asks(*calls: tuple[str, dict[str, Any]]) -> AIMessage:
    made = [{"name": name, "args": args, "id": f"call{number}"} for number, (name, args) in enumerate(calls)]
    return AIMessage(content="", tool_calls=made)


def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


def fail(why: str) -> str:
    """Fail."""
    raise ValueError(why)


def count(state: Annotated[dict[str, Any], InjectedState]) -> int:
    """Count the messages."""
    return len(state["messages"])


def says(*messages: AIMessage) -> Model:
    return Model(responses=list(messages))


def texts(result: dict[str, Any]) -> list[Any]:
    return [message.content for message in result["messages"]]


def test_an_agent_calls_tools_until_it_is_done(flow: Flavour) -> None:
    model = says(asks(("add", {"a": 1, "b": 2}), ("add", {"a": 3, "b": 4})), AIMessage("3 and 7"))
    agent = create_react_agent(model, [add], prompt="You add.", checkpointer=flow.saver)
    result = flow.invoke(agent, {"messages": [("user", "add them")]})
    assert texts(result) == ["add them", "", "3", "7", "3 and 7"]
    run: Any = agent.last_run({"configurable": {"thread_id": "t"}})
    assert [(row.name, row.kind) for row in run.calls[1:]] == [
        ("agent", "node"),
        ("tools", "node"),
        ("add", "task"),
        ("add", "task"),
        ("agent", "node"),
    ]


def test_errors_of_tools_reach_the_model_unless_they_shall_not(flow: Flavour) -> None:
    model = says(asks(("fail", {"why": "broken"}), ("nope", {})), AIMessage("sorry"))
    result = flow.invoke(create_react_agent(model, [fail], checkpointer=flow.saver), {"messages": []})
    assert "broken" in texts(result)[1]
    assert "nope is no tool" in texts(result)[2]
    assert [message.status for message in result["messages"][1:3]] == ["error", "error"]
    strict = ToolNode([fail], handle_tool_errors=False)
    model = says(asks(("fail", {"why": "broken"})))
    with pytest.raises(ValueError, match="broken"):
        flow.invoke(create_react_agent(model, strict, checkpointer=flow.saver), {"messages": []}, thread="2")


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ({"type": "accept"}, "3"),
        ([{"type": "edit", "args": {"action": "add", "args": {"a": 5, "b": 5}}}], "10"),
        ({"type": "response", "args": "do not add"}, "do not add"),
        ({"type": "ignore"}, "A person has decided that add is not called."),
    ],
)
def test_a_person_is_asked_before_a_dangerous_tool(flow: Flavour, answer: Any, expected: str) -> None:
    model = says(asks(("add", {"a": 1, "b": 2})), AIMessage("done"))
    agent = create_react_agent(model, [add], ask_before=["add"], checkpointer=flow.saver)
    (question,) = flow.invoke(agent, {"messages": [("user", "go")]})["__interrupt__"]
    assert question.value["action_request"] == {"action": "add", "args": {"a": 1, "b": 2}}
    assert texts(flow.invoke(agent, Command(resume=answer))) == ["go", "", expected, "done"]


def test_unknown_tools_to_ask_before_are_told() -> None:
    with pytest.raises(InvalidOptionError, match="'ad', but the tools are 'add'"):
        ToolNode([add], ask_before=["ad"])


def test_tools_may_see_the_state(flow: Flavour) -> None:
    model = says(asks(("count", {})), AIMessage("2"))
    result = flow.invoke(create_react_agent(model, [count], checkpointer=flow.saver), {"messages": [("user", "?")]})
    assert texts(result)[2] == "2"


def test_the_condition_leads_to_tools_or_to_the_end() -> None:
    assert tools_condition({"messages": [asks(("add", {}))]}) == "tools"
    assert tools_condition({"messages": [AIMessage("done")]}) == "__end__"


@pytest.mark.runs_once("the task names a scripted model, whose place in its script is a part of the task's code")
def test_a_graph_and_an_entrypoint_give_the_same_answer() -> None:
    script = [asks(("add", {"a": 1, "b": 2})), AIMessage("3")]
    graph = create_react_agent(says(*script), [add], checkpointer=InMemorySaver())

    @task
    def call_model(model: str, messages: list[Any]) -> Any:
        return models[model].invoke(messages)

    @task(name="add")
    def call_tool(call: dict[str, Any]) -> ToolMessage:
        return ToolMessage(content=str(add(**call["args"])), tool_call_id=call["id"])

    models = {"m": says(*script)}

    @entrypoint(checkpointer=InMemorySaver())
    def agent(messages: list[Any]) -> Any:
        answer = call_model("m", messages).result()
        while answer.tool_calls:
            futures = [call_tool(call) for call in answer.tool_calls]
            messages = add_messages(messages, [answer, *[future.result() for future in futures]])
            answer = call_model("m", messages).result()
        return add_messages(messages, [answer])

    config: Any = {"configurable": {"thread_id": "t"}}
    one = graph.invoke({"messages": [HumanMessage("go")]}, config)["messages"]
    other = agent.invoke([HumanMessage("go")], config)
    assert [message.content for message in one] == [message.content for message in other]
    runs: list[Any] = [one.last_run(config) for one in (graph, agent)]
    rows = [[row.name for row in run.calls if row.kind == "task"] for run in runs]
    assert rows == [["add"], ["call_model", "add", "call_model"]]
