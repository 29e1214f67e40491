"""Nbflow's codec under the name that LangGraph's users import it by."""

from __future__ import annotations

from nbflow.checkpoint.serde.base import JsonPlusSerializer

__all__ = ["JsonPlusSerializer"]
