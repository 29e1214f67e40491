"""What is nested too deeply is refused in work that grows with its depth, whatever it is nested in."""

from __future__ import annotations

import collections
import dataclasses
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any, NamedTuple

import msgspec
import pytest

from nbflow import InMemorySaver, codec, entrypoint, task
from nbflow.core.summary import summary
from nbflow.errors import CorruptValueError, UnserializableError


@dataclasses.dataclass
class Box:
    inner: Any


class Pair(NamedTuple):
    inner: Any


class Struct(msgspec.Struct):
    inner: Any


class Listed(list[Any]):
    pass


WRAPS: dict[str, Callable[[Any], Any]] = {
    "list": lambda inner: [inner],
    "tuple": lambda inner: (inner,),
    "dict": lambda inner: {"a": inner},
    "dict of numbers": lambda inner: {1: inner},
    "deque": lambda inner: collections.deque([inner]),
    "ordered": lambda inner: collections.OrderedDict(a=inner),
    "dataclass": Box,
    "named tuple": Pair,
    "struct": Struct,
    "subclass": lambda inner: Listed([inner]),
    "exception": ValueError,
    "frozenset": lambda inner: frozenset([inner]),
}


def nested(wrap: str, depth: int) -> Any:
    value: Any = ()
    for _ in range(depth):
        value = WRAPS[wrap](value)
    return value


def calls_of(work: Callable[[], object]) -> int:
    """Return how many functions of Python were called."""
    count = 0

    def note(_frame: FrameType, event: str, _arg: object) -> None:
        nonlocal count
        count += event == "call"

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        work()
    except (UnserializableError, CorruptValueError, RecursionError):
        pass
    finally:
        sys.setprofile(before)
    return count


WORK: dict[str, Callable[[Any], object]] = {
    "dumps": codec.dumps,
    "digest": codec.digest,
    "loads": lambda value: codec.loads(codec.dumps(value)),
    "summary": summary,
}


@pytest.mark.parametrize("wrap", WRAPS)
@pytest.mark.parametrize("work", WORK)
def test_the_work_grows_with_the_depth(wrap: str, work: str) -> None:
    for depth in (100, 300, 330, 400, 700, 2000):
        if wrap == "frozenset" and depth > 400:  # Python's own hash of it is recursive
            continue
        value = nested(wrap, depth)
        calls = calls_of(lambda value=value: WORK[work](value))  # type: ignore[misc]  # bound now
        assert calls < 60 * depth + 20_000, depth


@pytest.mark.parametrize("wrap", ["list", "dict", "tuple", "dataclass", "struct", "deque"])
def test_what_is_too_deep_is_told(wrap: str) -> None:
    with pytest.raises(UnserializableError, match="nested too deeply"):
        codec.dumps(nested(wrap, 5000))


@pytest.mark.parametrize("wrap", ["list", "dict", "dataclass", "deque"])
def test_what_contains_itself_is_told_with_its_place(wrap: str) -> None:
    inner: list[Any] = []
    value = {"x": [1, WRAPS[wrap](inner)]}
    inner.append(value)
    with pytest.raises(UnserializableError, match="it contains itself") as told:
        codec.dumps(value)
    assert told.value.path.startswith('["x"][1]')


def test_a_task_that_names_a_deep_list_is_looked_at_in_work_that_grows_with_its_depth() -> None:
    counts = []
    for depth in (400, 1600):
        deep = nested("list", depth)

        @task
        def step(deep: Any = deep) -> int:
            return len(deep)

        @task
        def named() -> int:
            return len(deep)  # noqa: B023  # called in this round

        @entrypoint(checkpointer=InMemorySaver())
        def body(_: int) -> int:
            return named().result()  # called in this round

        counts.append(calls_of(lambda body=body: body.invoke(1, {"configurable": {"thread_id": "t"}})))  # type: ignore[misc]
    assert counts[1] < 8 * counts[0]
