"""The Graph API: nodes over one state, compiled to a workflow; and lists of messages, for entrypoints too."""

from __future__ import annotations

from nbflow.constants import END, START
from nbflow.graph.builder import StateGraph
from nbflow.graph.compiled import CompiledStateGraph
from nbflow.graph.message import MessageGraph, MessagesState, add_messages

__all__ = ["END", "START", "CompiledStateGraph", "MessageGraph", "MessagesState", "StateGraph", "add_messages"]
