"""A workflow: what ``@entrypoint`` makes of a function; run it, read and change its threads, describe it."""

from __future__ import annotations

from nbflow.workflow.workflow import Workflow

__all__ = ["Workflow"]
