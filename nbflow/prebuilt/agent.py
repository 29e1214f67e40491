"""An agent as a graph: a model that asks for tools, and the tools, until the model has what it wants."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING, Annotated, Any, NotRequired, TypedDict

from nbflow.constants import END, START
from nbflow.graph.annotations import RemainingSteps
from nbflow.graph.builder import StateGraph
from nbflow.graph.message import add_messages
from nbflow.prebuilt.tools import ToolNode, tools_condition

if TYPE_CHECKING:
    from langchain_core.tools import BaseTool

    from nbflow.checkpoint.base import BaseCheckpointSaver
    from nbflow.graph.compiled import CompiledStateGraph
    from nbflow.store.base import BaseStore

ENOUGH = "Sorry, need more steps to process this request."


class AgentState(TypedDict):
    """The state of an agent."""

    messages: Annotated[list[Any], add_messages]
    remaining_steps: NotRequired[RemainingSteps]
    structured_response: NotRequired[Any]


def create_react_agent(  # noqa: PLR0913  # LangGraph's signature
    model: Any,  # noqa: ANN401  # a chat model, or its name
    tools: Sequence[BaseTool | Callable[..., Any]] | ToolNode,
    *,
    prompt: Any = None,  # noqa: ANN401  # text, a message, a function or a Runnable
    response_format: Any = None,  # noqa: ANN401  # any schema
    state_schema: Any = None,  # noqa: ANN401  # any schema
    context_schema: type | None = None,
    checkpointer: BaseCheckpointSaver | bool | None = None,
    store: BaseStore | None = None,
    interrupt_before: Sequence[str] | None = None,
    interrupt_after: Sequence[str] | None = None,
    ask_before: Collection[str] = (),
    name: str | None = None,
) -> CompiledStateGraph:
    """Return an agent: a graph of two nodes, ``agent`` which asks the model, and ``tools`` which runs what that wants.

    Args:
        model: a chat model of LangChain's, or a name such as ``"openai:gpt-4o"`` for its ``init_chat_model``.
        tools: tools of LangChain's, functions with a docstring, or a ``ToolNode``.
        prompt: what stands before the messages: text, a system message, or a function of the state that returns all
            that the model is given.
        response_format: a schema; at the end the model is asked for an answer of it, kept as ``structured_response``.
        state_schema: a state with ``messages``; ``AgentState`` by default.
        context_schema: type of what callers pass as ``context``.
        checkpointer: keeps runs, so that they can pause and go on.
        store: long-term memory, for tools.
        interrupt_before: nodes that runs stop before.
        interrupt_after: nodes that runs stop after.
        ask_before: names of the tools before which a person is asked.
        name: of the graph.

    Raises:
        ImportError: without langchain-core.
    """
    runner = tools if isinstance(tools, ToolNode) else ToolNode(tools, ask_before=ask_before)
    asker = _Asker(_chat_model(model), list(runner.tools_by_name.values()), prompt, response_format)
    last = "answer" if response_format is not None else END
    graph: StateGraph[Any] = StateGraph(state_schema or AgentState, context_schema=context_schema)
    graph.add_node("agent", asker.ask)
    graph.add_edge(START, "agent")
    if runner.tools_by_name:
        graph.add_node("tools", runner)
        graph.add_edge("tools", "agent")
        graph.add_conditional_edges("agent", _wants_tools, {"tools": "tools", END: last})
    else:
        graph.add_edge("agent", last)
    if response_format is not None:
        graph.add_node("answer", asker.answer)
    return graph.compile(
        checkpointer,
        store=store,
        interrupt_before=interrupt_before,
        interrupt_after=interrupt_after,
        name=name or "agent",
    )


class _Asker:
    """Asks the model of an agent.

    Args:
        chat: the model.
        tools: that it may ask for.
        prompt: as of the agent.
        response_format: as of the agent.
    """

    def __init__(self, chat: Any, tools: list[BaseTool], prompt: Any, response_format: Any) -> None:  # noqa: ANN401  # as there
        self._chat = chat
        self._bound = chat.bind_tools(tools) if tools else chat
        self._prompt = prompt
        self._format = response_format

    def ask(self, state: Any, config: Any) -> dict[str, Any]:  # noqa: ANN401  # any state
        """Return what the model says next; that more steps are needed, if it wants tools and there are none left."""
        answer = self._bound.invoke(_prompted(self._prompt, state), config)
        if getattr(answer, "tool_calls", None) and (_get(state, "remaining_steps") or 2) < 2:  # noqa: PLR2004  # a round
            from langchain_core.messages import AIMessage  # noqa: PLC0415  # there is a model, so it is there

            answer = AIMessage(id=answer.id, content=ENOUGH)
        return {"messages": [answer]}

    def answer(self, state: Any, config: Any) -> dict[str, Any]:  # noqa: ANN401  # any state
        """Return the answer in the form that is wanted."""
        structured = self._chat.with_structured_output(self._format)
        return {"structured_response": structured.invoke(_get(state, "messages"), config)}


def _wants_tools(state: Any) -> str:  # noqa: ANN401  # any state
    return tools_condition(state)


def _chat_model(model: Any) -> Any:  # noqa: ANN401  # a chat model, or its name
    if not isinstance(model, str):
        return model
    try:
        from langchain.chat_models import init_chat_model  # noqa: PLC0415  # only for names
    except ImportError:
        raise ImportError(
            f"create_react_agent({model!r}) finds a model by name with langchain: pip install langchain, or pass one"
        ) from None
    return init_chat_model(model)


def _prompted(prompt: Any, state: Any) -> Any:  # noqa: ANN401  # any prompt and state
    """Return what the model is given."""
    messages = list(_get(state, "messages") or [])
    if prompt is None:
        return messages
    if isinstance(prompt, str):
        from langchain_core.messages import SystemMessage  # noqa: PLC0415  # there is a model, so it is there

        return [SystemMessage(content=prompt), *messages]
    if hasattr(prompt, "invoke"):
        return prompt.invoke(state)
    return prompt(state) if callable(prompt) else [prompt, *messages]


def _get(state: Any, key: str) -> Any:  # noqa: ANN401  # any state
    return state.get(key) if isinstance(state, dict) else getattr(state, key, None)
