"""The public types, under the names that LangGraph gives them."""

from __future__ import annotations

from nbflow.cache.base import BaseCache
from nbflow.checkpoint.base import BaseCheckpointSaver, CheckpointTuple
from nbflow.checkpoint.upkeep import Pruned
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
    "CheckpointTuple",
    "Checkpointer",
    "Command",
    "Durability",
    "GraphOutput",
    "Interrupt",
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
    "StreamVersion",
    "StreamWriter",
    "TaskFuture",
    "TimeoutPolicy",
    "default_retry_on",
    "interrupt",
]
