"""The name under which LangGraph's users know what ``@entrypoint`` makes, for annotations."""

from __future__ import annotations

from nbflow.graph.missing import missing_from
from nbflow.workflow import Workflow

__all__ = ["Pregel"]
Pregel = Workflow
__getattr__ = missing_from(__name__)
