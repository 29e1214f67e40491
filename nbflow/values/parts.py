"""The types of what streams give: the payloads of each mode, and the parts of ``version="v2"``."""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypedDict

from nbflow.values.questions import Interrupt
from nbflow.values.running import RunnableConfig

Namespace = tuple[str, ...]


class TaskPayload(TypedDict):
    """A call or body begins (mode ``tasks``).

    Attributes:
        id: its position, such as ``"0.2"``.
        name: of the task or body.
        input: ``(args, kwargs)`` of a call, the input of a body.
        triggers: what set it in motion.
        metadata: the user's metadata and tags, if there are any.
    """

    id: str
    name: str
    input: Any
    triggers: tuple[str, ...]
    metadata: NotRequired[dict[str, Any]]


class TaskResultPayload(TypedDict):
    """A call or body has ended (mode ``tasks``).

    Attributes:
        id: its position, such as ``"0.2"``.
        name: of the task or body.
        error: the exception, or None.
        interrupts: the questions it waits with, as dicts.
        result: ``{"__return__": value}`` of a call, ``{"__end__": value}`` of a body; ``{}`` without a result.
    """

    id: str
    name: str
    error: BaseException | None
    interrupts: list[dict[str, Any]]
    result: dict[str, Any]


class CheckpointPayload(TypedDict):
    """A checkpoint (mode ``checkpoints``), in the fields of a ``StateSnapshot``."""

    config: RunnableConfig
    parent_config: RunnableConfig | None
    values: Any
    metadata: dict[str, Any] | None
    next: list[str]
    tasks: list[dict[str, Any]]


class DebugPayload(TypedDict):
    """What ``tasks`` and ``checkpoints`` give, with when and where (mode ``debug``).

    Attributes:
        step: of the checkpoint that it belongs to.
        timestamp: ISO time in UTC.
        type: which of the two, and of ``tasks`` which end.
        payload: as that mode gives it.
    """

    step: int
    timestamp: str
    type: Literal["checkpoint", "task", "task_result"]
    payload: CheckpointPayload | TaskPayload | TaskResultPayload


class ValuesStreamPart(TypedDict):
    """The result of a run, or the questions it waits with."""

    type: Literal["values"]
    ns: Namespace
    data: Any
    interrupts: tuple[Interrupt, ...]


class UpdatesStreamPart(TypedDict):
    """What a call returned, by its task's name."""

    type: Literal["updates"]
    ns: Namespace
    data: dict[str, Any]


class CustomStreamPart(TypedDict):
    """What a stream writer wrote."""

    type: Literal["custom"]
    ns: Namespace
    data: Any


class MessagesStreamPart(TypedDict):
    """A token or a message, and where it comes from."""

    type: Literal["messages"]
    ns: Namespace
    data: tuple[Any, dict[str, Any]]


class TasksStreamPart(TypedDict):
    """A call or body begins or has ended."""

    type: Literal["tasks"]
    ns: Namespace
    data: TaskPayload | TaskResultPayload


class CheckpointsStreamPart(TypedDict):
    """A checkpoint."""

    type: Literal["checkpoints"]
    ns: Namespace
    data: CheckpointPayload


class DebugStreamPart(TypedDict):
    """A checkpoint, or a call or body that begins or has ended."""

    type: Literal["debug"]
    ns: Namespace
    data: DebugPayload


StreamPart = (
    ValuesStreamPart
    | UpdatesStreamPart
    | CustomStreamPart
    | MessagesStreamPart
    | TasksStreamPart
    | CheckpointsStreamPart
    | DebugStreamPart
)
