"""A mismatch names what the log holds, also where it holds a call without arguments."""

from __future__ import annotations

from typing import Any

import pytest

from nbflow import Command, InMemorySaver, entrypoint, interrupt, task
from nbflow.errors import ReplayMismatchError


@pytest.mark.parametrize(("before", "now"), [((), (1,)), ((1,), ())])
def test_a_call_without_arguments_is_named_so(before: tuple[Any, ...], now: tuple[Any, ...]) -> None:
    given = [before]

    @task
    def sub(*args: int) -> int:
        return len(args)

    @entrypoint(checkpointer=InMemorySaver())
    def body(_: int) -> Any:
        return [sub(*given[0]).result(), interrupt("?")]

    here: Any = {"configurable": {"thread_id": "t"}}
    body.invoke(1, here)
    given[0] = now
    texts = {(): "without arguments", (1,): "with the arguments 1"}
    with pytest.raises(ReplayMismatchError) as told:
        body.invoke(Command(resume=1), here)
    assert f"'sub' {texts[before]}" in str(told.value)
    assert texts[now] in str(told.value)
