"""The workflows whose runs are kept in the golden files; never change one, add another.

Tasks have a version, so that their code counts as unchanged for ever.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import Enum
from pathlib import PurePosixPath
from typing import Any
from uuid import UUID

import numpy as np
import pandas as pd

from nbflow import entrypoint, interrupt, task
from nbflow.checkpoint.base import BaseCheckpointSaver
from nbflow.types import CachePolicy, RetryPolicy
from nbflow.workflow import Workflow


class Colour(Enum):
    RED = "red"


@dataclass
class Bird:
    name: str
    mass: float
    tags: tuple[str, ...] = ()


RAN: list[str] = []


def note(name: str) -> None:
    """Note that a task runs: replaying a golden file must not get here."""
    RAN.append(name)


@task(version="1")
def values(kind: str) -> Any:
    note("values")
    return {
        "plain": [None, True, 3, 2**70, 1.5, 2 + 3j, "text \ud800", b"bytes", (1, 2), {1, 2}, frozenset({3})],
        "times": [datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=UTC), timedelta(hours=1), Decimal("1.10")],
        "names": [UUID(int=5), PurePosixPath("a/b"), Colour.RED, OrderedDict(a=1)],
        "bird": Bird("tit", 0.011, ("blue",)),
        "array": np.arange(6, dtype="int16").reshape(2, 3),
        "frame": pd.DataFrame({"a": [1, 2], "b": ["x", None]}),
    }[kind]


@task(version="1")
def double(n: int) -> int:
    note("double")
    return 2 * n


@task(version="1", retry_policy=RetryPolicy(initial_interval=0, retry_on=ValueError))
def flaky(n: int) -> int:
    note("flaky")
    if RAN.count("flaky") == 1:
        raise ValueError("once")
    return n


@task(version="1")
def broken() -> None:
    note("broken")
    raise LookupError("always", 7)


@task(version="1", cache_policy=CachePolicy())
def cached(n: int) -> int:
    note("cached")
    return n


@task(version="1")
async def later(n: int) -> int:
    note("later")
    return await double(n)


@task(version="1")
def ask(what: str) -> Any:
    note("ask")
    return what, interrupt(what)


def flows_in(saver: BaseCheckpointSaver, **options: Any) -> dict[str, Workflow]:
    """Return the workflows by name, with their runs in ``saver``."""

    @entrypoint(checkpointer=saver)
    def all_values(kinds: list[str]) -> list[Any]:
        return [values(kind).result() for kind in kinds]

    @entrypoint(checkpointer=saver)
    def child(n: int) -> Any:
        return entrypoint.final(value=double(n).result(), save="child saved")

    @entrypoint(checkpointer=saver, **options)
    def shapes(n: int, *, previous: Any = None, runtime: Any = None) -> Any:
        side_by_side = [double(k) for k in range(n)]
        first: Any = side_by_side[0]  # a future as an argument is an edge of the call graph
        total = double(first).result() + sum(one.result() for one in side_by_side)
        survived: Any = None
        try:
            broken().result()
        except LookupError as error:
            survived = error.args
        parts = [total, survived, flaky(5).result(), later(6).result(), child.invoke(7), cached(8).result()]
        return entrypoint.final(value=(parts, previous, runtime.context), save=n)

    @entrypoint(checkpointer=saver)
    def questions(n: int) -> Any:
        one, other = ask("first"), ask("second")
        return double(n).result(), one.result(), other.result(), interrupt("third", response_schema=bool)

    @entrypoint(checkpointer=saver)
    def failing(n: int) -> Any:
        return double(n).result(), broken().result()

    return {flow.name: flow for flow in (all_values, child, shapes, questions, failing)}
