"""The public types, under the names that LangGraph gives them."""

from __future__ import annotations

from nbflow.cache.base import BaseCache, FullKey
from nbflow.checkpoint.base import BaseCheckpointSaver, CheckpointTuple
from nbflow.checkpoint.upkeep import Pruned
from nbflow.runs.sweeping import Sweep, Swept
from nbflow.runs.trying import Tried
from nbflow.runtime import interrupt
from nbflow.schemas.json_schema import misfits
from nbflow.schemas.written import how_to_write, read_answer
from nbflow.values import (
    NO_ANSWER,
    All,
    Command,
    Durability,
    GraphOutput,
    Interrupt,
    Markdown,
    OnBusy,
    OnDivergence,
    Overwrite,
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
from nbflow.values.parts import (
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
from nbflow.values.policies import CachePolicy, RetryPolicy, TimeoutPolicy, default_retry_on
from nbflow.views.plan import Plan, PlannedCall
from nbflow.workflow.checkpointer import check_checkpointer

Checkpointer = BaseCheckpointSaver | bool | None
PregelExecutableTask = PregelTask
CacheKey = FullKey


class TracePolicy:
    """A name for annotations; what is traced is decided by ``config["callbacks"]``."""


def ensure_valid_checkpointer(checkpointer: Checkpointer) -> Checkpointer:
    """Return a checkpointer that a workflow may be given.

    Raises:
        InvalidOptionError: if it is none.
    """
    check_checkpointer(checkpointer)
    return checkpointer


__all__ = [
    "NO_ANSWER",
    "All",
    "BaseCache",
    "BaseCheckpointSaver",
    "CacheKey",
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
    "Markdown",
    "MessagesStreamPart",
    "OnBusy",
    "OnDivergence",
    "Overwrite",
    "Plan",
    "PlannedCall",
    "PregelExecutableTask",
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
    "Sweep",
    "Swept",
    "TaskFuture",
    "TaskPayload",
    "TaskResultPayload",
    "TasksStreamPart",
    "TimeoutPolicy",
    "TracePolicy",
    "Tried",
    "UpdatesStreamPart",
    "ValuesStreamPart",
    "default_retry_on",
    "ensure_valid_checkpointer",
    "how_to_write",
    "interrupt",
    "misfits",
    "read_answer",
]
