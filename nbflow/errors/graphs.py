"""Errors of the Graph API, which is not here yet: names for ``except`` clauses, raised by nothing."""

from __future__ import annotations

from enum import Enum

from nbflow.errors.signals import GraphBubbleUp
from nbflow.errors.usage import NbflowError


class GraphRecursionError(NbflowError, RecursionError):
    """A graph took more steps than its limit; an entrypoint takes one, so nothing raises this yet."""


class EmptyChannelError(NbflowError):
    """A graph's channel holds nothing; an entrypoint has no channels, so nothing raises this yet."""


class TaskNotFound(NbflowError):  # noqa: N818  # LangGraph's name
    """A graph has no such task; nothing raises this yet."""


class NodeError(NbflowError):
    """What an error handler of a graph's node receives; nothing makes one yet."""


class ParentCommand(GraphBubbleUp):
    """A command for the graph around this one; nothing raises this yet."""


class ErrorCode(Enum):
    """Words by which LangGraph's pages explain errors; errors here explain themselves."""

    GRAPH_RECURSION_LIMIT = "GRAPH_RECURSION_LIMIT"
    INVALID_CONCURRENT_GRAPH_UPDATE = "INVALID_CONCURRENT_GRAPH_UPDATE"
    INVALID_GRAPH_NODE_RETURN_VALUE = "INVALID_GRAPH_NODE_RETURN_VALUE"
    MULTIPLE_SUBGRAPHS = "MULTIPLE_SUBGRAPHS"
    INVALID_CHAT_HISTORY = "INVALID_CHAT_HISTORY"
