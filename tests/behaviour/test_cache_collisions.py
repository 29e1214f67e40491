"""Results in a cache are never those of something else: other code, other surroundings, another person's answer."""

from __future__ import annotations

import functools
import threading
from typing import Any

import pytest

from nbflow import Command, entrypoint, interrupt, task
from nbflow.cache.memory import InMemoryCache
from nbflow.errors import NotCachedWarning
from nbflow.types import CachePolicy
from tests.behaviour.flavours import Flavour


class Scale:
    """Something with a method and state."""

    def __init__(self, by: int) -> None:
        self.by = by

    def times(self, n: int) -> int:
        return self.by * n

    def __reduce__(self) -> Any:
        return Scale, (self.by,)


def test_functions_that_look_alike_share_nothing() -> None:
    def closing_over(by: int) -> Any:
        def times(n: int) -> int:
            return by * n

        return times

    def power(exponent: int, n: int) -> int:
        return int(n**exponent)

    alike: list[Any] = [closing_over(2), closing_over(3), lambda n: 4 * n, lambda n: 5 * n]
    alike += [functools.partial(power, 1), functools.partial(power, 3)]
    tasks = [task(cache_policy=CachePolicy())(one) for one in alike]

    @entrypoint(cache=InMemoryCache())
    def body(n: int) -> list[int]:
        return [one(n).result() for one in tasks]

    assert body.invoke(2) == body.invoke(2) == [4, 6, 8, 10, 2, 8]


@pytest.mark.filterwarnings("ignore::nbflow.errors.NotCachedWarning")
def test_methods_of_two_objects_share_nothing() -> None:
    tasks = [task(cache_policy=CachePolicy())(Scale(by).times) for by in (2, 3)]

    @entrypoint(cache=InMemoryCache())
    def body(n: int) -> list[int]:
        return [one(n).result() for one in tasks]

    assert body.invoke(2) == body.invoke(2) == [4, 6]


def test_an_answer_is_not_given_to_somebody_else(flow: Flavour) -> None:
    @flow.task(cache_policy=CachePolicy())
    def ask(question: str) -> Any:
        return interrupt(question)

    @flow.entrypoint(cache=InMemoryCache())
    def body(_: int) -> Any:
        return (yield ask("may I?"))

    for person in ("ada", "bob"):
        assert "__interrupt__" in flow.invoke(body, 0, person)
        assert flow.invoke(body, Command(resume=f"{person} agrees"), person) == f"{person} agrees"


def test_a_cached_body_is_asked_again_when_its_previous_or_its_context_is_another(flow: Flavour) -> None:
    ran: list[Any] = []
    note = ran.append  # the list itself would be a part of the key

    @flow.entrypoint(cache=InMemoryCache(), cache_policy=CachePolicy())
    def body(_: int, previous: int | None, runtime: Any) -> Any:
        note(previous)
        return (previous or 0) + 1

    assert [flow.invoke(body, 0) for _ in range(3)] == [1, 2, 3]
    assert flow.invoke(body, 0, "another thread") == 1
    assert ran == [None, 1, 2], "the other thread began as the first one had"
    assert flow.invoke(body, 0, "third thread", context={"user": "ada"}) == 1
    assert ran == [None, 1, 2, None]


def test_the_same_arguments_are_the_same_however_they_are_written(flow: Flavour) -> None:
    ran: list[Any] = []
    note = ran.append  # the list itself would be a part of the key

    @flow.task(cache_policy=CachePolicy())
    def work(options: dict[str, int], more: int = 0) -> int:
        note(options)
        return more

    @flow.entrypoint(cache=InMemoryCache())
    def body(_: int) -> Any:
        yield work({"a": 1, "b": 2}, 3)
        yield work({"b": 2, "a": 1}, more=3)
        yield work(more=3, options={"a": 1, "b": 2})
        return len(ran)

    assert flow.invoke(body, 0) == 1


def test_what_cannot_be_told_apart_is_not_cached_and_says_so(flow: Flavour) -> None:
    @flow.task(cache_policy=CachePolicy())
    def work(lock: Any) -> int:
        assert lock is not None
        return 1

    @flow.entrypoint(cache=InMemoryCache())
    def body(_: int) -> Any:
        return (yield work(threading.Lock()))

    with pytest.warns(NotCachedWarning, match="lock"):
        assert flow.invoke(body, 0) == 1


def test_equal_calls_at_the_same_time_compute_once(flow: Flavour) -> None:
    ran: list[Any] = []
    note = ran.append  # the list itself would be a part of the key

    @flow.task(cache_policy=CachePolicy())
    def work(n: int) -> int:
        note(n)
        return n

    @flow.entrypoint(cache=InMemoryCache())
    def body(_: int) -> Any:
        return (yield [work(1) for _ in range(20)])

    assert flow.invoke(body, 0) == [1] * 20
    assert ran == [1]
