"""Packages that nbflow knows how to store data of, but does not need."""

from __future__ import annotations

from importlib import import_module
from typing import Any, Literal


def optional(name: Literal["numpy", "numpy.lib.format", "pandas", "pyarrow", "pydantic_core", "PIL.Image"]) -> Any:
    """Import a package to rebuild its data. The names are these; stored bytes have no say in it.

    Raises:
        ImportError: if it is not installed; the value becomes an ``Unloadable`` that says so.
    """
    return import_module(name)
