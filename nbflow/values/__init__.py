"""The values that users pass in and get back; ``nbflow.types`` shows them to the public.

Names, fields and defaults are those of LangGraph's ``types`` module where the meaning is the same.
Nothing here runs anything; only ``errors`` is imported.
"""

from __future__ import annotations

from nbflow.values.graphs import ROOT_KEY, NodeUpdate, Overwrite, PartlyStored, Unstored
from nbflow.values.questions import NO_ANSWER, Command, Interrupt, Markdown, Reject
from nbflow.values.results import (
    Final,
    GraphOutput,
    Input_contra,
    Kept,
    Output_co,
    PregelTask,
    Returned,
    Send,
    ShownCall,
    StateSnapshot,
    StateUpdate,
    TaskFuture,
)
from nbflow.values.running import (
    All,
    Config,
    Durability,
    OnBusy,
    OnDivergence,
    RunControl,
    RunnableConfig,
    RunOptions,
    StreamMode,
    StreamVersion,
    StreamWriter,
    as_text,
    config_at,
    is_text,
    iso,
    triggers_of,
    whereabouts,
)

__all__ = [
    "NO_ANSWER",
    "ROOT_KEY",
    "All",
    "Command",
    "Config",
    "Durability",
    "Final",
    "GraphOutput",
    "Input_contra",
    "Interrupt",
    "Kept",
    "Markdown",
    "NodeUpdate",
    "OnBusy",
    "OnDivergence",
    "Output_co",
    "Overwrite",
    "PartlyStored",
    "PregelTask",
    "Reject",
    "Returned",
    "RunControl",
    "RunOptions",
    "RunnableConfig",
    "Send",
    "ShownCall",
    "StateSnapshot",
    "StateUpdate",
    "StreamMode",
    "StreamVersion",
    "StreamWriter",
    "TaskFuture",
    "Unstored",
    "as_text",
    "config_at",
    "is_text",
    "iso",
    "triggers_of",
    "whereabouts",
]
