"""Nested event loops, for cells that call ``asyncio.run`` themselves; nbflow never needs them.

Only two combinations were measured to work: nest_asyncio2 on ipykernel 7 and later, nest_asyncio
1.6.0 before. nest_asyncio on ipykernel 7 silently loses queued cells, so it is refused.
"""

from __future__ import annotations

import asyncio
import importlib
from importlib.metadata import PackageNotFoundError, version

_SEVEN = 7
_OLD, _NEW = "nest_asyncio", "nest_asyncio2"
_MEASURED = "1.6.0"


class NestError(RuntimeError):
    """Nesting was refused; the text says why and what to do."""


def nest() -> str:
    """Allow ``asyncio.run`` and ``run_until_complete`` in cells; return the package that did it.

    Raises:
        NestError: where it is known, or not known not, to break the kernel.
    """
    kernel = _version("ipykernel")
    modern = _major(kernel) >= _SEVEN
    name = _NEW if modern else _OLD
    patched_by = patch_owner()
    if modern and patched_by == _OLD:
        msg = (
            f"nest_asyncio has been applied to this kernel already, and with ipykernel {kernel} it loses queued "
            "cells. Restart the kernel and do not call nest_asyncio.apply()."
        )
        raise NestError(msg)
    found = _version(name.replace("_", "-"))
    if not found:
        msg = f"ipykernel {kernel or 'is missing here, which'} wants {name}, which is not installed: pip install {name}"
        raise NestError(msg)
    if not modern and found != _MEASURED:
        msg = (
            f"nest_asyncio {found} was not tried with ipykernel {kernel}, but {_MEASURED} was: "
            f"pip install nest_asyncio=={_MEASURED}"
        )
        raise NestError(msg)
    importlib.import_module(name).apply()
    return name


def patch_owner() -> str | None:
    """Return which package has patched asyncio; None if none has."""
    if not hasattr(asyncio, "_nest_patched"):
        return None
    return asyncio.run.__module__


def _version(distribution: str) -> str:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return ""


def _major(text: str) -> int:
    head = text.partition(".")[0]
    return int(head) if head.isdigit() else 0
