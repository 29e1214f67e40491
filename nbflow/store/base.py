"""The port of a store."""

from __future__ import annotations


class BaseStore:
    """Keeps items under namespaces."""
