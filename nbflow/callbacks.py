"""Callbacks of LangChain's that are told of pauses; it needs langchain-core (``pip install nbflow[langchain]``)."""

from __future__ import annotations

from nbflow.langchain.lifecycle import (
    GraphCallbackHandler,
    GraphInterruptEvent,
    GraphLifecycleEvent,
    GraphLifecycleStatus,
    GraphResumeEvent,
)

__all__ = [
    "GraphCallbackHandler",
    "GraphInterruptEvent",
    "GraphLifecycleEvent",
    "GraphLifecycleStatus",
    "GraphResumeEvent",
]
