"""The name under which LangGraph's users know what ``@entrypoint`` makes, for annotations."""

from __future__ import annotations

from nbflow.workflow import Workflow

__all__ = ["Pregel"]
Pregel = Workflow
