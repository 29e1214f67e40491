"""Runs the tools that a model asks for: each as a call of its own, side by side, a person asked before some of them."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args, get_origin

from nbflow.constants import END
from nbflow.errors import GraphUpdateError, InvalidOptionError
from nbflow.errors.usage import nearest
from nbflow.func import task
from nbflow.graph.schemas import called, hints_of
from nbflow.runtime import interrupt
from nbflow.values import Command

if TYPE_CHECKING:
    from langchain_core.messages import AIMessage, ToolMessage
    from langchain_core.tools import BaseTool

    from nbflow.store.base import BaseStore

Handles = bool | str | Callable[[Exception], str] | tuple[type[Exception], ...]


class InjectedState:
    """Marks a parameter of a tool that gets the graph's state: ``Annotated[dict, InjectedState]``.

    Args:
        field: one key of the state whose value it gets; None for all of it.
    """

    def __init__(self, field: str | None = None) -> None:
        self.field = field


class InjectedStore:
    """Marks a parameter of a tool that gets the store: ``Annotated[BaseStore, InjectedStore]``."""


def tools_condition(state: Any, messages_key: str = "messages") -> Literal["tools", "__end__"]:  # noqa: ANN401  # any state
    """Return ``"tools"`` if the last message asks for tools, else END; for ``add_conditional_edges``.

    Raises:
        GraphUpdateError: if the state has no messages.
    """
    return "tools" if getattr(_last_message(state, messages_key), "tool_calls", None) else END


class ToolNode:
    """A node that runs the tools which the last message asks for, and writes their answers to the messages.

    Each is a task of its own, named as the tool, and all run side by side. A tool may return a Command.

    Args:
        tools: tools of LangChain's, or functions with a docstring.
        name: of the node.
        handle_tool_errors: what becomes of a tool's exception: True: its text is the answer, for the model to see;
            False: it fails the node; a text, or a function of the exception: that is the answer; classes: those are.
        messages_key: key of the state that has the messages.
        ask_before: names of the tools before which a person is asked, who accepts, edits, responds or ignores.
        tags: not used; as in LangGraph.
    """

    def __init__(
        self,
        tools: Sequence[BaseTool | Callable[..., Any]],
        *,
        name: str = "tools",
        handle_tool_errors: Handles = True,
        messages_key: str = "messages",
        ask_before: Collection[str] = (),
        tags: Sequence[str] | None = None,  # noqa: ARG002  # LangGraph's signature
    ) -> None:
        self.name = self.__name__ = name
        self.tools_by_name = {one.name: one for one in map(_tool, tools)}
        self._handles = handle_tool_errors
        self._key = messages_key
        self._ask_before = frozenset(ask_before)
        for one in self._ask_before:
            if one not in self.tools_by_name:
                known = ", ".join(map(repr, self.tools_by_name))
                raise InvalidOptionError("ToolNode()", "ask_before", repr(one), f"the tools are {known}")
        self._tasks = {
            name: task(_runs(tool), name=name, version=_version(tool)) for name, tool in self.tools_by_name.items()
        }

    def __call__(self, state: Any, store: BaseStore | None = None) -> Any:  # noqa: ANN401  # any state
        """Run the tools."""
        message = _last_message(state, self._key)
        calls = [self._asked(call) for call in message.tool_calls]
        futures = [self._begun(call, state, store) if isinstance(call, dict) else call for call in calls]
        answers = [self._answer(call, future) for call, future in zip(message.tool_calls, futures, strict=True)]
        if any(isinstance(one, Command) for one in answers):
            return [one if isinstance(one, Command) else {self._key: [one]} for one in answers]
        return {self._key: answers}

    def _asked(self, call: Mapping[str, Any]) -> Any:  # noqa: ANN401  # a call, or a message in its place
        """Return a call as a person wants it, or what they say in the place of its answer."""
        if call["name"] not in self._ask_before:
            return dict(call)
        allowed = ("accept", "edit", "respond", "ignore")
        answer = interrupt(
            {
                "action_request": {"action": call["name"], "args": call["args"]},
                "config": {f"allow_{one}": True for one in allowed},
                "description": f"The model wants to call {call['name']}. Shall it?",
            }
        )
        given = answer[0] if isinstance(answer, list) and answer else answer
        kind, args = (given.get("type"), given.get("args")) if isinstance(given, dict) else (given, None)
        if kind in {"accept", True}:
            return dict(call)
        if kind == "edit":
            edited = args.get("args", args) if isinstance(args, dict) else call["args"]
            return {**call, "args": edited}
        if kind in {"response", "respond"}:
            return _message(call, str(args))
        if kind in {"ignore", False}:
            return _message(call, f"A person has decided that {call['name']} is not called.")
        raise InvalidOptionError(
            f"the question before tool {call['name']!r}",
            "answer",
            repr(answer),
            f"its type is one of {', '.join(allowed)}",
        )

    def _begun(self, call: Mapping[str, Any], state: Any, store: BaseStore | None) -> Any:  # noqa: ANN401  # a future
        """Start a tool; a name that is no tool's is answered at once, for the model to see."""
        name = call["name"]
        if name not in self._tasks:
            known = ", ".join(self.tools_by_name)
            return _message(
                call, f"Error: {name} is no tool{nearest(name, self.tools_by_name)}. The tools are {known}.", "error"
            )
        return self._tasks[name](dict(call), _injected(self.tools_by_name[name], state, store))

    def _answer(self, call: Mapping[str, Any], future: Any) -> Any:  # noqa: ANN401  # a message or a Command
        if not hasattr(future, "result"):
            return future
        try:
            found = future.result()
        except Exception as error:
            text = self._text_of(error)
            if text is None:
                raise
            return _message(call, text, "error")
        return found if isinstance(found, Command) or hasattr(found, "tool_call_id") else _message(call, found)

    def _text_of(self, error: Exception) -> str | None:
        """Return what the model is told of an error; None if the node fails by it."""
        handles = self._handles
        if isinstance(handles, tuple):
            handles = isinstance(error, handles)
        if handles is False:
            return None
        if isinstance(handles, str):
            return handles
        return f"Error: {error!r}\n Please fix your mistakes." if handles is True else handles(error)


def _tool(given: Any) -> BaseTool:  # noqa: ANN401  # a tool or a function
    try:
        from langchain_core.tools import BaseTool, tool  # noqa: PLC0415  # only who has tools loads it
    except ImportError:
        raise ImportError("nbflow.prebuilt needs langchain-core: pip install nbflow[langchain]") from None
    made: BaseTool = given if isinstance(given, BaseTool) else tool(given)
    return made


def _runs(tool: BaseTool) -> Callable[..., Any]:
    """Return what runs a tool, as the function of a task; a tool that is only async gives a coroutine."""
    is_async = getattr(tool, "func", tool) is None

    def run(call: dict[str, Any], more: dict[str, Any]) -> Any:  # noqa: ANN401  # whatever the tool returns
        asked = {**call, "type": "tool_call", "args": {**call["args"], **more}}
        return tool.ainvoke(asked) if is_async else tool.invoke(asked)

    fn = _function_of(tool)
    if fn is not None:
        run.__signature__ = inspect.signature(run)  # type: ignore[attr-defined]  # inspect's hook
        run.__wrapped__ = fn  # type: ignore[attr-defined]  # whose code it is, for digests
    return run


def _function_of(tool: BaseTool) -> Callable[..., Any] | None:
    """Return the function that a tool was made of; None for one that is a class of its own."""
    return getattr(tool, "func", None) or getattr(tool, "coroutine", None)


def _version(tool: BaseTool) -> str | None:
    """Return what stands for the code of a tool that was made of no function."""
    return None if _function_of(tool) is not None else f"{type(tool).__module__}.{type(tool).__qualname__}"


def _injected(tool: BaseTool, state: Any, store: BaseStore | None) -> dict[str, Any]:  # noqa: ANN401  # any state
    """Return the parameters of a tool that the graph fills."""
    fn = _function_of(tool)
    found: dict[str, Any] = {}
    for name, hint in (hints_of(called(fn)) if fn is not None else {}).items():
        for mark in get_args(hint)[1:] if get_origin(hint) is Annotated else ():
            if isinstance(mark, InjectedState) or mark is InjectedState:
                field = mark.field if isinstance(mark, InjectedState) else None
                found[name] = state if field is None else _get(state, field)
            elif isinstance(mark, InjectedStore) or mark is InjectedStore:
                found[name] = store
    return found


def _message(call: Mapping[str, Any], content: object, status: Literal["success", "error"] = "success") -> ToolMessage:
    from langchain_core.messages import ToolMessage  # noqa: PLC0415  # as above

    text = content if isinstance(content, (str, list)) else str(content)
    return ToolMessage(content=text, name=call["name"], tool_call_id=call["id"], status=status)


def _get(state: Any, key: str) -> Any:  # noqa: ANN401  # any state
    return state.get(key) if isinstance(state, dict) else getattr(state, key, None)


def _last_message(state: Any, key: str) -> AIMessage:  # noqa: ANN401  # any state
    messages = state if isinstance(state, list) else _get(state, key)
    if not messages:
        raise GraphUpdateError(f"the state has no messages under {key!r}, so it is not known which tools are asked for")
    last: AIMessage = messages[-1]
    return last
