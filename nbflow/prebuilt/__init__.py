"""Ready-made graphs for models that call tools: needs the extra ``langchain``."""

from __future__ import annotations

from nbflow.prebuilt.agent import AgentState, create_react_agent
from nbflow.prebuilt.tools import InjectedState, InjectedStore, ToolNode, tools_condition

__all__ = ["AgentState", "InjectedState", "InjectedStore", "ToolNode", "create_react_agent", "tools_condition"]
