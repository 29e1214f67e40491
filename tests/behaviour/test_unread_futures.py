"""A future that is used as if it were the result: told, with the task, the call and what to write instead."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from nbflow.errors import UnreadFutureError, UnreadFutureWarning
from tests.behaviour.flavours import Flavour

Use = Callable[[Any], object]
RAISES: dict[str, Use] = {
    "`+`": lambda future: future + 1,
    "`-`": lambda future: 10 - future,
    "`@`": lambda future: future @ future,
    "`<`": lambda future: future < 3,
    "`>=`": lambda future: sorted([future, future], key=lambda one: one >= 1),
    "`[...]`": lambda future: future["key"],
    "`a loop`": lambda future: [*future],
    "`in`": lambda future: 3 in future,
    "`len()`": len,
    "`int()`": int,
    "`an index`": lambda future: [1, 2][future],
    ".upper": lambda future: future.upper(),
    ".shape": lambda future: future.shape,
    "the format '.2f'": lambda future: f"{future:.2f}",
}
WARNS: dict[str, Use] = {
    "is true whatever the result is": lambda future: not future,
    "stands in a text in the place of the result": lambda future: f"summarise {future}",
    "is never equal to 'yes'": lambda future: future == "yes",
    "is never equal to 3": lambda future: future in [3, future],
}


def body_with(flow: Flavour, use: Use) -> Any:
    @flow.task
    def step(value: int) -> int:
        return value

    @flow.entrypoint
    def body(value: int) -> Any:
        future = step(value)
        try:
            return use(future) is None
        finally:
            yield future

    return body


@pytest.mark.parametrize("used", RAISES)
def test_what_can_not_work_is_told(flow: Flavour, used: str) -> None:
    with pytest.raises(UnreadFutureError) as caught:
        flow.invoke(body_with(flow, RAISES[used]), 1)
    remedy = "await step(...)" if flow.name == "async" else "step(...).result()"
    assert str(caught.value) == (
        f"{used} was used on the future of task 'step', call 0.0, not on its result: write {remedy} [NBF-165]"
    )
    assert isinstance(caught.value, TypeError)


@pytest.mark.parametrize("what", WARNS)
def test_what_would_quietly_work_is_warned_of(flow: Flavour, what: str) -> None:
    with pytest.warns(UnreadFutureWarning) as told:
        flow.invoke(body_with(flow, WARNS[what]), 1)
    assert f"the future of task 'step', call 0.0 {what}" in str(told[0].message)
    assert told[0].filename == __file__


def test_what_says_nothing_of_the_result_is_quiet(flow: Flavour) -> None:
    def use(future: Any) -> object:
        assert future == future  # noqa: PLR0124  # it is what is tested
        assert future is not None
        assert future != object()
        assert {future: 1}[future] == 1
        assert "step" in repr(future)
        assert str(future) == repr(future)
        assert not hasattr(future, "shape")
        assert not hasattr(future, "__array__")
        return None

    assert flow.invoke(body_with(flow, use), 1) is True
