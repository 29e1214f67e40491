"""Rules for keys of a graph's state, for ``Annotated[T, rule]``, under LangGraph's names."""

from __future__ import annotations

from nbflow.graph.annotations import (
    AnyValue,
    BinaryOperatorAggregate,
    EphemeralValue,
    LastValue,
    LastValueAfterFinish,
    Topic,
    UntrackedValue,
)
from nbflow.graph.annotations import Rule as BaseChannel

__all__ = [
    "AnyValue",
    "BaseChannel",
    "BinaryOperatorAggregate",
    "EphemeralValue",
    "LastValue",
    "LastValueAfterFinish",
    "Topic",
    "UntrackedValue",
]
