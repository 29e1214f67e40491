"""Results taken from a cache: the right ones, computed once, and never a person's answer."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import nbflow
from nbflow import Command, InMemoryCache, InMemorySaver, SqliteCache, entrypoint, interrupt, task
from nbflow.cache.base import BaseCache
from nbflow.errors import InvalidOptionError, NotCachedWarning
from nbflow.runs import result_cache
from nbflow.types import CachePolicy
from tests.behaviour.flavours import Flavour


@pytest.fixture(params=["memory", "sqlite"])
def cache(request: pytest.FixtureRequest, tmp_path: Path) -> BaseCache:
    return InMemoryCache() if request.param == "memory" else SqliteCache(tmp_path / "cache.db")


RAN: list[Any] = []  # a global that changes is state; what a function closes over would count for the key
EVENTS: dict[str, threading.Event] = {}


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    RAN.clear()
    EVENTS.update(began=threading.Event(), go=threading.Event())
    yield
    assert result_cache._computing == {}


def test_a_result_is_taken_from_an_earlier_run(flow: Flavour, cache: BaseCache) -> None:
    @flow.task(cache_policy=CachePolicy(), version="1")
    def slow(n: int) -> Any:
        RAN.append(n)
        return (n, None)

    @flow.entrypoint(cache=cache)
    def body(n: int) -> Any:
        return [(yield slow(n)), (yield slow(n)), (yield slow(n + 1))]

    assert flow.invoke(body, 1, thread="a") == [(1, None), (1, None), (2, None)]
    assert flow.invoke(body, 1, thread="b") == [(1, None), (1, None), (2, None)]
    assert RAN == [1, 2]
    calls = body.last_run({"configurable": {"thread_id": "b"}}).calls
    assert [row.state for row in calls] == ["done", "cached", "cached", "cached"]
    assert [row.result for row in calls[1:]] == [(1, None), (1, None), (2, None)]


def test_a_hit_is_shown_as_one(flow: Flavour, cache: BaseCache) -> None:
    @flow.task(cache_policy=CachePolicy(), version="1")
    def slow(n: int) -> int:
        return n

    @flow.entrypoint(cache=cache)
    def body(n: int) -> Any:
        return (yield slow(n))

    assert flow.stream(body, 5)[0] == {"slow": 5}
    assert flow.stream(body, 5)[0] == {"slow": 5, "__metadata__": {"cached": True}}


def test_a_hit_is_durable_like_any_result(flow: Flavour, cache: BaseCache) -> None:
    @flow.task(cache_policy=CachePolicy(), version="1")
    def slow(n: int) -> int:
        return n

    @flow.entrypoint(cache=cache)
    def body(n: int) -> Any:
        return (yield slow(n)), interrupt("?")

    flow.invoke(body, 1, thread="a")
    flow.invoke(body, 1, thread="b")
    cache.clear()
    assert flow.invoke(body, Command(resume="x"), thread="b") == (1, "x")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (((1, 2), {}), ((1,), {"b": 2})),
        (((1,), {"b": 2}), ((), {"b": 2, "a": 1})),
        ((({"x": 1, "y": 2}, 0), {}), (({"y": 2, "x": 1}, 0), {})),
        (((1,), {}), ((1, 9), {})),
    ],
)
def test_arguments_count_by_meaning(one: Any, other: Any) -> None:
    @task(cache_policy=CachePolicy())
    def add(a: Any, b: Any = 9) -> int:
        RAN.append(a)
        return len(RAN)

    @entrypoint(cache=InMemoryCache())
    def body(_: int) -> Any:
        return [add(*args, **kwargs).result() for args, kwargs in (one, other)]

    assert body.invoke(0) == [1, 1]


def made_by(factory_value: Any) -> Callable[[int], Any]:
    def inner(n: int) -> Any:
        return factory_value, n

    return inner


class Bound:
    def __init__(self, name: Any) -> None:
        self.name = name

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Bound) and self.name == other.name

    __hash__ = None  # type: ignore[assignment]  # equality is all that the comparison needs

    def ask(self, n: int) -> Any:
        return self.name, n


def test_functions_that_differ_only_in_what_they_close_over_share_nothing(cache: BaseCache) -> None:
    functions: list[Any] = [
        made_by("a"),
        made_by("b"),
        made_by([1]),
        made_by([2]),
        functools.partial(lambda name, n: (name, n), "p"),
        functools.partial(lambda name, n: (name, n), "q"),
        lambda n: ("lambda 1", n),
        lambda n: ("lambda 2", n),
    ]
    tasks = [task(fn, cache_policy=CachePolicy()) for fn in functions]

    @entrypoint(cache=cache)
    def body(n: int) -> Any:
        return [one(n).result() for one in tasks]

    first = body.invoke(1)
    assert [name for name, _ in first] == ["a", "b", [1], [2], "p", "q", "lambda 1", "lambda 2"]
    assert body.invoke(1) == first


def test_what_cannot_be_told_apart_is_not_cached_and_says_so(cache: BaseCache) -> None:
    @task(cache_policy=CachePolicy())
    def use(lock: Any) -> int:
        RAN.append(lock)
        return len(RAN)

    @entrypoint(cache=cache)
    def body(_: int) -> Any:
        lock = threading.Lock()
        return [use(lock).result(), use(lock).result()]

    with pytest.warns(NotCachedWarning, match="'use' was not cached"):
        assert body.invoke(1) == [1, 2]


def test_a_bound_object_that_cannot_be_told_from_others_is_not_cached(cache: BaseCache) -> None:
    one, other = (task(Bound(name).ask, cache_policy=CachePolicy()) for name in ("one", "other"))

    @entrypoint(cache=cache)
    def body(n: int) -> Any:
        return [one(n).result(), other(n).result()]

    with pytest.warns(NotCachedWarning):
        assert body.invoke(1) == [("one", 1), ("other", 1)]


def test_changed_code_runs_again(cache: BaseCache) -> None:
    def version(text: str) -> Any:
        space: dict[str, Any] = {}
        exec(f"def slow(n): return {text}, n", space)
        slow = task(space["slow"], cache_policy=CachePolicy())

        @entrypoint(cache=cache)
        def body(n: int) -> Any:
            return slow(n).result()

        return body.invoke(1)

    assert version("'old'") == ("old", 1)
    assert version("'new'") == ("new", 1)
    assert version("'old'") == ("old", 1)


def test_a_key_function_decides_what_counts(cache: BaseCache) -> None:
    @task(cache_policy=CachePolicy(key_func=lambda record, **_: str(record["id"])))
    def load(record: dict[str, Any]) -> int:
        RAN.append(record)
        return len(RAN)

    @entrypoint(cache=cache)
    def body(_: int) -> Any:
        return [load({"id": 1, "at": at}).result() for at in (1, 2)] + [load({"id": 2}).result()]

    assert body.invoke(0) == [1, 1, 2]


def test_a_key_that_is_no_text_is_refused(cache: BaseCache) -> None:
    wrong: Any = lambda n: n  # noqa: E731  # as people write key functions

    @task(cache_policy=CachePolicy(key_func=wrong))
    def load(n: int) -> int:
        return n

    @entrypoint(cache=cache)
    def body(n: int) -> Any:
        return load(n).result()

    with pytest.raises(InvalidOptionError, match="text or bytes"):
        body.invoke(1)


def test_failures_are_not_cached(flow: Flavour, cache: BaseCache) -> None:
    @flow.task(cache_policy=CachePolicy(), version="1")
    def flaky(n: int) -> int:
        RAN.append(n)
        if len(RAN) == 1:
            raise ValueError("once")
        return n

    @flow.entrypoint(cache=cache)
    def body(n: int) -> Any:
        try:
            yield flaky(n)
        except ValueError:
            return (yield flaky(n)), (yield flaky(n))

    assert flow.invoke(body, 1) == (1, 1)
    assert RAN == [1, 1]


def test_a_person_s_answer_is_asked_of_everyone(flow: Flavour, cache: BaseCache) -> None:
    @flow.task(cache_policy=CachePolicy(), version="1")
    def approve(what: str) -> Any:
        return interrupt(what)

    @flow.entrypoint(cache=cache)
    def body(what: str) -> Any:
        return (yield approve(what))

    for thread, answer in (("a", "yes"), ("b", "no")):
        assert "__interrupt__" in flow.invoke(body, "pay?", thread=thread)
        assert flow.invoke(body, Command(resume=answer), thread=thread) == answer


def test_an_answer_below_a_cached_task_counts_too(flow: Flavour, cache: BaseCache) -> None:
    @flow.task
    def ask() -> Any:
        return interrupt("?")

    @flow.task(cache_policy=CachePolicy(), version="1")
    def outer(n: int) -> Any:
        answer = yield ask()
        return n, answer

    @flow.entrypoint(cache=cache)
    def body(n: int) -> Any:
        result = yield outer(n)
        return result, interrupt("again?")

    for thread in ("a", "b"):
        flow.invoke(body, 1, thread=thread)
        flow.invoke(body, Command(resume=thread), thread=thread)
        assert flow.invoke(body, Command(resume=0), thread=thread) == ((1, thread), 0)


@pytest.mark.parametrize("runs", [1, 3])
def test_equal_calls_at_the_same_time_compute_once(runs: int, cache: BaseCache) -> None:

    @task(cache_policy=CachePolicy())
    def slow(n: int) -> int:
        RAN.append(n)
        EVENTS["began"].set()
        assert EVENTS["go"].wait(30)
        return n

    @entrypoint(cache=cache)
    def body(n: int) -> list[int]:
        return [future.result() for future in [slow(n) for _ in range(4)]]

    started = [body.start(7) for _ in range(runs)]
    assert EVENTS["began"].wait(30)
    EVENTS["go"].set()
    assert [run.result() for run in started] == [[7, 7, 7, 7]] * runs
    assert RAN == [7]


def test_equal_async_calls_compute_once(flow: Flavour) -> None:
    @flow.task
    def leaf(n: int) -> int:
        RAN.append(n)
        return n

    @flow.task(cache_policy=CachePolicy(), version="1")
    def slow(n: int) -> Any:
        return (yield leaf(n))

    @flow.entrypoint(cache=InMemoryCache())
    def body(n: int) -> Any:
        return (yield [slow(n) for _ in range(5)])

    for limit in (None, 1, 2):
        config = {"configurable": {"thread_id": "t"}, "max_concurrency": limit}
        assert flow.invoke(body, limit or 0, config=config) == [limit or 0] * 5
    assert RAN == [0, 1, 2]


def test_one_who_fails_lets_the_next_compute(cache: BaseCache) -> None:

    @task(cache_policy=CachePolicy())
    def slow(n: int) -> int:
        RAN.append(n)
        assert EVENTS["go"].wait(30)
        if len(RAN) == 1:
            raise ValueError("first")
        return n

    @entrypoint(cache=cache)
    def body(n: int) -> list[Any]:
        futures = [slow(n) for _ in range(3)]
        EVENTS["go"].set()
        return [future.exception() or future.result() for future in futures]

    results = body.invoke(5)
    assert sorted(map(str, results)) == ["5", "5", "first"] or [type(one) for one in results].count(ValueError) == 1
    assert RAN == [5, 5]


def test_a_cached_function_may_call_itself(cache: BaseCache) -> None:
    @task(cache_policy=CachePolicy())
    def fib(n: int) -> int:
        RAN.append(n)
        return n if n < 2 else fib(n - 1).result() + fib(n - 2).result()

    @entrypoint(cache=cache)
    def body(n: int) -> int:
        return fib(n).result()

    assert body.invoke(20) == 6765
    assert sorted(RAN) == list(range(21))


def test_a_result_is_kept_for_its_time(cache: BaseCache, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]
    monkeypatch.setattr("nbflow._support.clock.wall", lambda: now[0])

    @task(cache_policy=CachePolicy(ttl=60))
    def slow(n: int) -> int:
        RAN.append(n)
        return n

    @entrypoint(cache=cache)
    def body(n: int) -> int:
        return slow(n).result()

    for at in (1000.0, 1059.0, 1061.0):
        now[0] = at
        assert body.invoke(1) == 1
    assert RAN == [1, 1]


def test_a_body_is_cached_with_its_previous_value_and_context(flow: Flavour, cache: BaseCache) -> None:
    @flow.entrypoint(cache=cache, cache_policy=CachePolicy())
    def body(n: int, previous: int | None, runtime: nbflow.Runtime[Any]) -> Any:
        RAN.append(n)
        return (previous or 0) + n + (runtime.context or 0)

    assert [flow.invoke(body, 1, thread="a") for _ in range(3)] == [1, 2, 3]
    assert [flow.invoke(body, 1, thread="b") for _ in range(3)] == [1, 2, 3]
    assert len(RAN) == 3
    assert flow.invoke(body, 1, thread="c", context=10) == 11


def test_tasks_are_not_cached_because_their_body_is(cache: BaseCache) -> None:
    @task
    def step() -> int:
        RAN.append(1)
        return len(RAN)

    @entrypoint(cache=cache, cache_policy=CachePolicy())
    def body(n: int) -> int:
        return step().result()

    assert [body.invoke(1), body.invoke(1), body.invoke(2)] == [1, 1, 2]


def test_a_policy_without_a_cache_is_told(flow: Flavour) -> None:
    @flow.task(cache_policy=CachePolicy())
    def slow(n: int) -> int:
        return n

    @flow.entrypoint
    def body(n: int) -> Any:
        return (yield slow(n))

    with pytest.warns(NotCachedWarning, match=r"@entrypoint\(cache=InMemoryCache\(\)\)"):
        assert flow.invoke(body, 1) == 1


def test_a_value_that_cannot_be_stored_is_returned_and_told() -> None:
    lock = threading.Lock()

    @task(cache_policy=CachePolicy())
    def make() -> Any:
        return lock

    @entrypoint(cache=InMemoryCache())
    def body(_: int) -> Any:
        return make().result() is lock

    with pytest.warns(NotCachedWarning, match="lock"):
        assert body.invoke(1)


def test_the_results_of_a_task_can_be_forgotten(cache: BaseCache) -> None:
    def counted(name: str) -> Any:
        def slow() -> int:
            RAN.append(name)
            return len(RAN)

        slow.__qualname__ = name
        return task(slow, cache_policy=CachePolicy(), version="1")

    one, other = counted("one"), counted("other")

    @entrypoint(cache=cache)
    def body(_: int) -> Any:
        return one().result(), other().result()

    assert body.invoke(0) == body.invoke(0) == (1, 2)
    one.clear_cache(cache)
    assert body.invoke(0) == (3, 2)


def test_an_exit_between_threads_forgets_who_computes(cache: BaseCache) -> None:
    """A run that is cancelled while it computes a result keeps nobody else waiting for it."""

    @task(cache_policy=CachePolicy())
    def slow(n: int) -> int:
        EVENTS["began"].set()
        assert EVENTS["go"].wait(30)
        return n

    @entrypoint(cache=cache, checkpointer=InMemorySaver())
    def body(n: int) -> int:
        return slow(n).result()

    first = body.start(1, {"configurable": {"thread_id": "a"}})
    assert EVENTS["began"].wait(30)
    second = body.start(1, {"configurable": {"thread_id": "b"}})
    first.cancel()
    EVENTS["go"].set()
    assert second.result() == 1


def test_a_cache_that_fails_does_not_fail_the_run() -> None:
    class Broken(InMemoryCache):
        def get(self, keys: Any) -> Any:
            raise OSError("get failed")

        def set(self, pairs: Any) -> None:
            raise OSError("set failed")

    @task(cache_policy=CachePolicy())
    def slow(n: int) -> int:
        return n

    @entrypoint(cache=Broken())
    def body(n: int) -> int:
        return slow(n).result()

    with pytest.warns(NotCachedWarning) as told:
        assert body.invoke(3) == 3
    told_of = [str(one.message) for one in told if one.category is NotCachedWarning]  # garbage of others may warn too
    assert ["get failed" in one for one in told_of] == [True, False]


def test_the_state_of_a_nested_run_that_was_cached_is_that_of_a_finished_one(flow: Flavour, cache: BaseCache) -> None:
    @flow.entrypoint(cache_policy=CachePolicy(), cache=cache)
    def inner(n: int) -> int:
        return n + 1

    @flow.entrypoint(cache=cache)
    def outer(n: int) -> Any:
        return (yield flow.nested(inner, n))

    for thread in ("a", "b"):
        flow.invoke(outer, 1, thread=thread)
        state = outer.get_state({"configurable": {"thread_id": thread, "checkpoint_ns": "0.0"}})
        assert (state.values, state.next) == (2, ())
