"""What every cache promises."""

from __future__ import annotations

import asyncio
import sqlite3
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from nbflow.cache.base import BaseCache
from nbflow.cache.memory import InMemoryCache
from nbflow.cache.sqlite import SqliteCache
from nbflow.errors import InvalidOptionError, UnserializableError
from tests.contract.conftest import Hands

A, B, C = ((("eu", "x.y"), "a"), (("eu", "x.y"), "b"), (("eu",), "a"))


def test_values_are_kept_under_namespace_and_key(cache: BaseCache) -> None:
    cache.set({A: (1, None), C: (None, None)})
    assert cache.get([A, B, C]) == {A: 1, C: None}
    cache.set({A: (2, None)})
    assert cache.get([A]) == {A: 2}
    assert cache.get([]) == {}
    cache.set({})


def test_values_are_copies_of_the_same_types(cache: BaseCache) -> None:
    value: Any = {"pair": (1, [2]), "set": {3}}
    cache.set({A: (value, None)})
    value["pair"][1].append(4)
    first, second = cache.get([A])[A], cache.get([A])[A]
    assert first == second == {"pair": (1, [2]), "set": {3}}
    assert first is not second


def test_a_value_is_there_for_its_seconds(cache: BaseCache, hands: Hands) -> None:
    cache.set({A: (1, 10), B: (2, None), C: (3, 0)})
    hands.turn(seconds=9.5)
    assert cache.get([A, B, C]) == {A: 1, B: 2}
    hands.turn(seconds=0.5)
    assert cache.get([A, B, C]) == {B: 2}
    cache.set({A: (4, 1.5)})
    assert cache.get([A]) == {A: 4}


def test_exactly_the_named_namespaces_are_cleared(cache: BaseCache) -> None:
    cache.set({A: (1, None), B: (2, None), C: (3, None)})
    cache.clear([])
    cache.clear([("eu", "x"), ("eu", "x.y", "a"), ()])
    assert len(cache.get([A, B, C])) == 3
    cache.clear([("eu", "x.y")])
    assert cache.get([A, B, C]) == {C: 3}
    cache.clear()
    assert cache.get([A, B, C]) == {}


def test_namespaces_that_look_alike_are_not_the_same(cache: BaseCache) -> None:
    keys = [(parts, "k") for parts in [("a", "b"), ("a.b",), ('a", "b',), ("a,b",), (), ("",)]]
    cache.set({key: (n, None) for n, key in enumerate(keys)})
    assert list(cache.get(keys).values()) == list(range(len(keys)))


def test_a_value_that_can_not_be_stored_is_told_and_nothing_is_kept(cache: BaseCache) -> None:
    with pytest.raises(UnserializableError, match="iterator"):
        cache.set({A: (1, None), B: (iter([1]), None)})
    assert cache.get([A, B]) == {}


@pytest.mark.parametrize("ttl", [-1, True, "1", float("nan"), float("inf")])
def test_what_is_no_time_is_refused(cache: BaseCache, ttl: Any) -> None:
    with pytest.raises(InvalidOptionError, match="seconds"):
        cache.set({A: (1, ttl)})


@pytest.mark.parametrize("key", ["a", ("a", "b"), (("a",), 1), (("a",),), (("a", 1), "b"), (("a",), "\ud800")])
def test_what_is_no_key_is_refused(cache: BaseCache, key: Any) -> None:
    for use in (lambda: cache.get([key]), lambda: cache.set({key: (1, None)})):
        with pytest.raises(InvalidOptionError, match=r"pair|tuple"):
            use()
    with pytest.raises(InvalidOptionError, match="tuple"):
        cache.clear("eu")  # type: ignore[arg-type]  # the mistake that is tested


def test_a_value_without_a_time_is_refused(cache: BaseCache) -> None:
    for pair in (1, (1,), "ab"):
        with pytest.raises(InvalidOptionError, match="pair of a value and its seconds"):
            cache.set({A: pair})  # type: ignore[dict-item]  # the mistake that is tested


def test_a_value_whose_class_is_gone_is_not_there(cache: BaseCache, monkeypatch: pytest.MonkeyPatch) -> None:
    @dataclass
    class Bird:
        name: str

    module = ModuleType("aviary")
    Bird.__module__, Bird.__qualname__ = "aviary", "Bird"
    module.Bird = Bird  # type: ignore[attr-defined]  # a module made for this test
    monkeypatch.setitem(sys.modules, "aviary", module)
    cache.set({A: ([{"bird": Bird("owl")}], None), B: (2, None)})
    assert cache.get([A, B]) == {A: [{"bird": Bird("owl")}], B: 2}
    monkeypatch.delattr(module, "Bird")
    assert cache.get([A, B]) == {B: 2}


def test_the_awaited_forms(cache: BaseCache) -> None:
    async def use() -> list[dict[Any, object]]:
        await cache.aset({A: (1, None), C: (2, None)})
        before = await cache.aget([A, C])
        await cache.aclear([("eu",)])
        between = await cache.aget([A, C])
        await cache.aclear()
        return [before, between, await cache.aget([A, C])]

    assert asyncio.run(use()) == [{A: 1, C: 2}, {A: 1}, {}]


def test_eight_threads_use_it_at_once(cache: BaseCache) -> None:
    def work(thread: int) -> None:
        for n in range(20):
            key = ((str(thread),), str(n))
            cache.set({key: (n, None), A: (thread, None)})
            assert cache.get([key]) == {key: n}

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    assert cache.get([A])[A] in range(8)


def key(name: str) -> Any:
    return (("n",), name)


def test_what_was_used_least_recently_makes_room() -> None:
    cache = InMemoryCache(max_items=2)
    cache.set({key("a"): (1, None), key("b"): (2, None)})
    cache.get([key("a")])
    cache.set({key("c"): (3, None)})
    assert cache.get([key("a"), key("b"), key("c")]) == {key("a"): 1, key("c"): 3}
    cache.set({key(name): (0, None) for name in "vwxyz"})
    assert list(cache.get([key(name) for name in "acvwxyz"])) == [key("y"), key("z")]
    assert repr(cache) == "InMemoryCache(2 items)"


def test_what_has_expired_makes_room_first(hands: Hands) -> None:
    cache = InMemoryCache(max_items=2)
    cache.set({key("a"): (1, None), key("b"): (2, 5)})
    hands.turn(seconds=5)
    cache.set({key("c"): (3, None)})
    assert cache.get([key("a"), key("c")]) == {key("a"): 1, key("c"): 3}


@pytest.mark.parametrize("size", [0, -1, True, 1.5, "3"])
def test_a_size_that_can_not_be_is_refused(size: Any) -> None:
    with pytest.raises(InvalidOptionError, match="max_items"):
        InMemoryCache(max_items=size)


def test_a_file_keeps_values_for_the_next_process(tmp_path: Path) -> None:
    first = SqliteCache(tmp_path / "c.db")
    first.set({A: (1, None)})
    first.close()
    second = SqliteCache(tmp_path / "c.db")
    assert second.get([A]) == {A: 1}
    assert repr(second) == f"SqliteCache({str(tmp_path / 'c.db')!r})"
    second.close()


def test_a_damaged_value_is_not_there(tmp_path: Path) -> None:
    cache = SqliteCache(tmp_path / "c.db")
    cache.set({A: ("owl", None), B: (2, None)})
    with sqlite3.connect(tmp_path / "c.db") as connection:
        connection.execute("UPDATE cache_entries SET value = x'a5' WHERE key = 'a'")
    connection.close()
    assert cache.get([A, B]) == {B: 2}
    cache.close()


def test_expired_rows_are_removed_now_and_then(tmp_path: Path, hands: Hands) -> None:
    cache = SqliteCache(tmp_path / "c.db")
    cache.set({key(str(n)): (n, 1) for n in range(5)})
    hands.turn(seconds=1)
    for _ in range(100):
        cache.set({A: (1, None)})
    assert cache._file.read("SELECT key FROM cache_entries") == [("a",)]
    cache.close()
