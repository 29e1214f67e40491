"""Waiting on a worker thread, from code on an event loop."""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


async def offload(work: Callable[P, T], *args: P.args, **options: P.kwargs) -> T:
    """Call a function that may wait for a disk or a network, while the loop goes on."""
    import asyncio  # noqa: PLC0415  # only who awaits this pays for it

    return await asyncio.to_thread(work, *args, **options)
