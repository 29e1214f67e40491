"""Where LangGraph's users import the graph classes from."""

from __future__ import annotations

from nbflow.graph.builder import StateGraph
from nbflow.graph.compiled import CompiledStateGraph

__all__ = ["CompiledStateGraph", "StateGraph"]
