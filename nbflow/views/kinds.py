"""The kinds of records that those who show runs tell apart."""

from __future__ import annotations

from nbflow.core.record import Answered, Discarded, Record, Reopened

__all__ = ["Answered", "Discarded", "Record", "Reopened"]
