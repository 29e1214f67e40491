"""Values that a graph computes for each step, for fields of a state schema."""

from __future__ import annotations

from nbflow.graph.annotations import IsLastStep, RemainingSteps

__all__ = ["IsLastStep", "RemainingSteps"]
