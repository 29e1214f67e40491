"""Lists of messages: ``add_messages`` puts two of them together by the ids of the messages.

Messages are LangChain's where langchain-core is installed, else the small type of ``plain.py``. A message
without an id is given one that is the same when a body is replayed.
"""

from __future__ import annotations

import warnings
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, Final, TypedDict

from nbflow.config import here
from nbflow.graph.builder import StateGraph
from nbflow.graph.nodes import pushed_here
from nbflow.graph.plain import Message, as_message
from nbflow.session.ids import drawn_id

if TYPE_CHECKING:
    from collections.abc import Callable

REMOVE_ALL_MESSAGES: Final = "__remove_all__"
OPENAI: Final = "langchain-openai"
__all__ = ["REMOVE_ALL_MESSAGES", "Message", "MessageGraph", "MessagesState", "add_messages", "push_message"]


def add_messages(left: Any = None, right: Any = None, *, format: str | None = None) -> Any:  # noqa: ANN401  # LangGraph's signature
    """Return two lists of messages as one: those of the right replace those of the left with the same id.

    Args:
        left: messages, or one; each a message, text, ``(role, content)`` or a dict of ``role`` and ``content``.
        right: as ``left``. A message of LangChain's class ``RemoveMessage`` takes out the one with its id, or with
            ``REMOVE_ALL_MESSAGES`` all that stand before it.
        format: ``"langchain-openai"`` turns contents into OpenAI's blocks; None leaves them.

    Returns:
        A new list; without any messages given, a function that waits for them.

    Raises:
        ValueError: for something that is no message, an id that is not there to be removed, or one side alone.
    """
    if format not in (None, OPENAI):
        raise ValueError(f"add_messages() knows the format {OPENAI!r}, not {format!r}")
    if left is None and right is None:
        return partial(add_messages, format=format)
    if left is None or right is None:
        given = "right" if left is None else "left"
        raise ValueError(f"add_messages() puts together two lists of messages, but only {given!r} was given")
    merged = _merged(_messages(left), _messages(right))
    return _formatted(merged) if format == OPENAI else merged


def _merged(left: list[Any], right: list[Any]) -> list[Any]:
    for at in range(len(right) - 1, -1, -1):
        if right[at].type == "remove" and right[at].id == REMOVE_ALL_MESSAGES:
            left, right = [], right[at + 1 :]
            break
    merged = list(left)
    places = {message.id: at for at, message in enumerate(merged)}
    removed: set[str] = set()
    for message in right:
        place = places.get(message.id)
        if message.type == "remove":
            if place is None:
                raise ValueError(f"there is no message with the id {message.id!r} to remove")
            removed.add(message.id)
        elif place is None:
            places[message.id] = len(merged)
            merged.append(message)
        else:
            removed.discard(message.id)
            merged[place] = message
    return [message for message in merged if message.id not in removed]


def _messages(given: object) -> list[Any]:
    """Return messages as a list of objects, each with an id."""
    convert = _converter()
    messages = [convert(one) for one in (given if isinstance(given, list) else [given])]
    for message in messages:
        if message.id is None:
            message.id = drawn_id()
    return messages


def _converter() -> Callable[[object], Any]:
    """Return what makes a message of one thing: LangChain's if that is installed."""
    try:
        from langchain_core.messages import (  # noqa: PLC0415  # only who has messages loads it
            BaseMessageChunk,
            convert_to_messages,
            message_chunk_to_message,
        )
    except ImportError:
        return as_message

    def convert(given: Any) -> Any:  # noqa: ANN401  # any spelling of a message
        if isinstance(given, Message):  # from a process without LangChain
            given = {**vars(given)["additional_kwargs"], **{key: item for key, item in vars(given).items() if item}}
        [message] = convert_to_messages([given])
        return message_chunk_to_message(message) if isinstance(message, BaseMessageChunk) else message

    return convert


def _formatted(messages: list[Any]) -> list[Any]:
    try:
        from langchain_core.messages import (  # noqa: PLC0415  # as above
            convert_to_messages,
            convert_to_openai_messages,
        )
    except ImportError:
        raise ImportError(
            f"add_messages(format={OPENAI!r}) needs langchain-core: pip install nbflow[langchain]"
        ) from None
    found: list[Any] = convert_to_messages(convert_to_openai_messages(messages))
    for message, before in zip(found, messages, strict=False):
        message.id = message.id or before.id
    return found


class MessagesState(TypedDict):
    """A state that is a list of messages."""

    messages: Annotated[list[Any], add_messages]


class MessageGraph(StateGraph[list[Any]]):
    """A graph whose whole state is a list of messages; an older spelling of ``StateGraph(MessagesState)``."""

    def __init__(self) -> None:
        warnings.warn("MessageGraph() is StateGraph(MessagesState) now", DeprecationWarning, stacklevel=2)
        super().__init__(Annotated[list[Any], add_messages])  # type: ignore[arg-type]  # the whole state


def push_message(message: Any, *, state_key: str | None = "messages") -> Any:  # noqa: ANN401  # LangGraph's signature
    """Write a message to the ``messages`` stream, in a node of a graph to the state too, and return it.

    Args:
        message: as for ``add_messages``, with an id.
        state_key: the key of a graph's state that it is written to; None for none.

    Raises:
        CalledOutsideRunError: outside of a run.
        ValueError: if it has no id.
    """
    session, frame = here("push_message()")
    found = _converter()(message)
    if found.id is None:
        raise ValueError(f"push_message() shows a message under its id, but this one has none: {message!r}")
    session.emit_message(frame, found, {})
    pushed = pushed_here.get()
    if pushed is not None and state_key is not None:
        pushed.append((state_key, found))
    return found
