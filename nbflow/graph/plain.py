"""Messages where langchain-core is not installed: a small type of ours, and what may be written in its place."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

ROLES: Final = {
    "user": "human",
    "human": "human",
    "assistant": "ai",
    "ai": "ai",
    "system": "system",
    "developer": "system",
    "tool": "tool",
    "function": "function",
    "remove": "remove",
}
FIELDS: Final = ("id", "name", "tool_call_id", "tool_calls", "additional_kwargs", "response_metadata")


@dataclass
class Message:
    """One message of a conversation, with the attributes that LangChain's have.

    Attributes:
        type: ``"human"``, ``"ai"``, ``"system"``, ``"tool"``, ``"function"``, or ``"remove"`` for one that takes
            another out of a list.
        content: text, or a list of blocks.
        id: names it; None until it is in a list.
        name: of who speaks.
        tool_call_id: of a tool's answer, the call that it answers.
        tool_calls: what a model wants to be called.
        additional_kwargs: whatever else belongs to it.
        response_metadata: what the model's provider said of it.
    """

    type: str
    content: Any
    id: str | None = None
    name: str | None = None
    tool_call_id: str | None = None
    tool_calls: list[Any] = field(default_factory=list)
    additional_kwargs: dict[str, Any] = field(default_factory=dict)
    response_metadata: dict[str, Any] = field(default_factory=dict)


def as_message(given: object) -> Message:
    """Return what was written as a message.

    Args:
        given: a ``Message``, text, ``(role, content)``, or a dict of ``role`` or ``type`` and ``content``.

    Raises:
        ValueError: for a role that there is not, or a dict without one.
        NotImplementedError: for any other type.
    """
    if isinstance(given, Message):
        return given
    if isinstance(given, str):
        return Message("human", given)
    if isinstance(given, (tuple, list)) and len(given) == 2:  # noqa: PLR2004  # a pair
        return _of_role(given[0], given[1], {})
    if isinstance(given, dict):
        rest = dict(given)
        role = rest.pop("role", None) or rest.pop("type", None)
        if role is None or "content" not in rest:
            raise ValueError(f"a message as a dict has the keys 'role' and 'content', but this one is {given!r}")
        return _of_role(role, rest.pop("content"), rest)
    raise NotImplementedError(
        f"a message is text, a (role, content) pair, a dict or a Message, not a {type(given).__name__}: {given!r}"
    )


def _of_role(role: object, content: object, rest: dict[str, Any]) -> Message:
    kind = ROLES.get(role) if isinstance(role, str) else None
    if kind is None:
        raise ValueError(f"there is no role {role!r}; a message has one of {', '.join(ROLES)}")
    if kind == "tool" and "tool_call_id" not in rest:
        raise ValueError(f"a message of a tool has a 'tool_call_id'; write it as a dict: {content!r}")
    known = {name: rest.pop(name) for name in FIELDS if name in rest}
    known["additional_kwargs"] = {**known.get("additional_kwargs", {}), **rest}
    return Message(kind, content, **known)
