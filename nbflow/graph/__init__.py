"""What is here of the Graph API: lists of messages, which the Functional API uses too."""

from __future__ import annotations

from nbflow.constants import END, START
from nbflow.graph.message import MessagesState, add_messages
from nbflow.graph.missing import missing_from

__all__ = ["END", "START", "MessagesState", "add_messages"]
__getattr__ = missing_from(__name__)
