"""The kinds of records that those who show runs tell apart."""

from __future__ import annotations

from nbflow.core.record import Answered, Asked, Discarded, Record, Reopened

__all__ = ["Answered", "Asked", "Discarded", "Record", "Reopened"]
