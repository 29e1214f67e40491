"""The messages that results hold, less those that were shown already.

Recognised by their class, without importing LangChain.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_HOME = "langchain_core.messages"
_OURS = "nbflow.graph.plain"
_DEPTH = 3  # a message, in a list, in a dict


class ShownMessages:
    """Which messages a stream has shown or been given; by id, or those without one by identity."""

    def __init__(self) -> None:
        self._ids: set[object] = set()
        self._kept: dict[int, object] = {}

    def note(self, value: object) -> None:
        """Count the messages in a value as shown."""
        for message in messages_in(value):
            self._add(message)

    def unseen(self, value: object) -> list[object]:
        """Return the messages in a value that are new; from now on they count as shown."""
        return [message for message in messages_in(value) if self._add(message)]

    def _add(self, message: object) -> bool:
        key = getattr(message, "id", None)
        if key is None:
            is_new = id(message) not in self._kept
            self._kept[id(message)] = message
            return is_new
        is_new = key not in self._ids
        self._ids.add(key)
        return is_new


def messages_in(value: object, depth: int = _DEPTH) -> Iterator[object]:
    """Yield the messages in a value, or in the lists, tuples and dicts that it is made of."""
    if is_message(type(value)):
        yield value
    elif depth and isinstance(value, (list, tuple, dict)):
        for part in value.values() if isinstance(value, dict) else value:
            yield from messages_in(part, depth - 1)


def is_message(kind: type) -> bool:
    """Whether a class is one of LangChain's messages, or ours."""
    if kind.__name__ == "Message" and kind.__module__ == _OURS:
        return True
    return any(base.__name__ == "BaseMessage" and base.__module__.startswith(_HOME) for base in kind.__mro__)
