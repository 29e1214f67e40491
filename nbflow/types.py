"""The public types, under the names that LangGraph gives them."""

from __future__ import annotations

from nbflow.checkpoint.base import BaseCheckpointSaver
from nbflow.runtime import interrupt
from nbflow.values import (
    All,
    Command,
    Durability,
    GraphOutput,
    Interrupt,
    OnDivergence,
    PregelTask,
    RetryPolicy,
    RunnableConfig,
    RunOptions,
    Send,
    StateSnapshot,
    StreamMode,
    StreamVersion,
    StreamWriter,
    default_retry_on,
)

Checkpointer = BaseCheckpointSaver | bool | None

__all__ = [
    "All",
    "BaseCheckpointSaver",
    "Checkpointer",
    "Command",
    "Durability",
    "GraphOutput",
    "Interrupt",
    "OnDivergence",
    "PregelTask",
    "RetryPolicy",
    "RunOptions",
    "RunnableConfig",
    "Send",
    "StateSnapshot",
    "StreamMode",
    "StreamVersion",
    "StreamWriter",
    "default_retry_on",
    "interrupt",
]
