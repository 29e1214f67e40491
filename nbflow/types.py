"""The public types, under the names that LangGraph gives them."""

from __future__ import annotations

from nbflow.cache.base import BaseCache
from nbflow.checkpoint.base import BaseCheckpointSaver, CheckpointTuple
from nbflow.checkpoint.upkeep import Pruned
from nbflow.parts import (
    CheckpointPayload,
    CheckpointsStreamPart,
    CustomStreamPart,
    DebugPayload,
    DebugStreamPart,
    MessagesStreamPart,
    StreamPart,
    TaskPayload,
    TaskResultPayload,
    TasksStreamPart,
    UpdatesStreamPart,
    ValuesStreamPart,
)
from nbflow.policies import CachePolicy, RetryPolicy, TimeoutPolicy, default_retry_on
from nbflow.runtime import interrupt
from nbflow.values import (
    All,
    Command,
    Durability,
    GraphOutput,
    Interrupt,
    OnDivergence,
    PregelTask,
    Reject,
    RunControl,
    RunnableConfig,
    RunOptions,
    Send,
    StateSnapshot,
    StateUpdate,
    StreamMode,
    StreamVersion,
    StreamWriter,
    TaskFuture,
)

Checkpointer = BaseCheckpointSaver | bool | None

__all__ = [
    "All",
    "BaseCache",
    "BaseCheckpointSaver",
    "CachePolicy",
    "CheckpointPayload",
    "CheckpointTuple",
    "Checkpointer",
    "CheckpointsStreamPart",
    "Command",
    "CustomStreamPart",
    "DebugPayload",
    "DebugStreamPart",
    "Durability",
    "GraphOutput",
    "Interrupt",
    "MessagesStreamPart",
    "OnDivergence",
    "PregelTask",
    "Pruned",
    "Reject",
    "RetryPolicy",
    "RunControl",
    "RunOptions",
    "RunnableConfig",
    "Send",
    "StateSnapshot",
    "StateUpdate",
    "StreamMode",
    "StreamPart",
    "StreamVersion",
    "StreamWriter",
    "TaskFuture",
    "TaskPayload",
    "TaskResultPayload",
    "TasksStreamPart",
    "TimeoutPolicy",
    "UpdatesStreamPart",
    "ValuesStreamPart",
    "default_retry_on",
    "interrupt",
]
