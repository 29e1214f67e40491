"""Channels of a graph's state: to come."""

from __future__ import annotations

from nbflow.graph.missing import missing_from

__all__: list[str] = []
__getattr__ = missing_from(__name__)
