"""The public types, under the names that LangGraph gives them."""

from __future__ import annotations

from nbflow.checkpoint.base import BaseCheckpointSaver
from nbflow.runtime import interrupt
from nbflow.values import (
    All,
    CachePolicy,
    Command,
    Durability,
    Interrupt,
    OnDivergence,
    PregelTask,
    Reject,
    RetryPolicy,
    RunControl,
    RunnableConfig,
    RunOptions,
    Send,
    StateSnapshot,
    StreamMode,
    StreamWriter,
    TimeoutPolicy,
    default_retry_on,
)

Checkpointer = BaseCheckpointSaver | bool | None

__all__ = [
    "All",
    "BaseCheckpointSaver",
    "CachePolicy",
    "Checkpointer",
    "Command",
    "Durability",
    "Interrupt",
    "OnDivergence",
    "PregelTask",
    "Reject",
    "RetryPolicy",
    "RunControl",
    "RunOptions",
    "RunnableConfig",
    "Send",
    "StateSnapshot",
    "StreamMode",
    "StreamWriter",
    "TimeoutPolicy",
    "default_retry_on",
    "interrupt",
]
