"""What every store promises."""

from __future__ import annotations

import asyncio
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from nbflow import entrypoint, get_store, task
from nbflow.errors import InvalidOptionError
from nbflow.store.base import (
    BaseStore,
    GetOp,
    InvalidNamespaceError,
    Item,
    ListNamespacesOp,
    MatchCondition,
    Op,
    PutOp,
    SearchItem,
    SearchOp,
)
from tests.contract.conftest import Hands


def test_an_item_is_kept_until_it_is_deleted(store: BaseStore) -> None:
    store.put(("users", "ada"), "likes", {"food": "pizza"})
    item = store.get(("users", "ada"), "likes")
    assert item is not None
    assert (item.namespace, item.key, item.value) == (("users", "ada"), "likes", {"food": "pizza"})
    assert item.dict()["created_at"] == item.created_at.isoformat()
    store.delete(("users", "ada"), "likes")
    assert store.get(("users", "ada"), "likes") is None
    assert store.list_namespaces() == []


def test_reading_what_is_not_there_makes_nothing(store: BaseStore) -> None:
    assert store.get(("nobody",), "x") is None
    store.delete(("nobody",), "x")
    assert store.list_namespaces() == []


def test_an_update_keeps_the_time_of_creation(store: BaseStore) -> None:
    store.put(("a",), 1, {"n": 1})
    first = store.get(("a",), "1")
    store.put(("a",), 1, {"n": 2})
    second = store.get(("a",), 1)
    assert first is not None
    assert second is not None
    assert second.created_at == first.created_at
    assert second.updated_at >= first.updated_at
    assert second.value == {"n": 2}


def test_values_are_copies(store: BaseStore) -> None:
    value: dict[str, Any] = {"list": [1]}
    store.put(("a",), "k", value)
    value["list"].append(2)
    found = store.get(("a",), "k")
    assert found is not None
    found.value["list"].append(3)
    again = store.get(("a",), "k")
    assert again is not None
    assert again.value == {"list": [1]}


@pytest.mark.parametrize(
    ("wanted", "keys"),
    [
        (None, ["0", "1", "2"]),
        ({"n": 1}, ["1"]),
        ({"n": {"$gte": 1}}, ["1", "2"]),
        ({"n": {"$gt": 0, "$lt": 2}}, ["1"]),
        ({"n": {"$ne": 1}}, ["0", "2"]),
        ({"tags": {"odd": True}}, ["1"]),
        ({"missing": None}, ["0", "1", "2"]),
        ({"missing": {"$gt": 1}}, []),
    ],
)
def test_search_filters(store: BaseStore, wanted: Any, keys: list[str]) -> None:
    for n in range(3):
        store.put(("numbers", "all"), n, {"n": n, "tags": {"odd": n % 2 == 1, "n": n}})
    store.put(("others",), 9, {"n": 1})
    assert [item.key for item in store.search(("numbers",), filter=wanted)] == keys


def test_search_pages(store: BaseStore) -> None:
    for n in range(5):
        store.put(("a",), n, {})
    assert [item.key for item in store.search((), limit=2, offset=1)] == ["1", "2"]


def test_namespaces_are_listed_and_matched(store: BaseStore) -> None:
    for namespace in [("a", "b", "c"), ("a", "x", "c"), ("d",)]:
        store.put(namespace, "k", {})
    assert store.list_namespaces() == [("a", "b", "c"), ("a", "x", "c"), ("d",)]
    assert store.list_namespaces(prefix=("a", "*"), suffix=["c"]) == [("a", "b", "c"), ("a", "x", "c")]
    assert store.list_namespaces(max_depth=1) == [("a",), ("d",)]
    assert store.list_namespaces(limit=1, offset=1) == [("a", "x", "c")]


@pytest.mark.parametrize("namespace", ["users", ("a", ""), ("a.b",), ("a", 1), ["a"]])
def test_a_bad_namespace_is_refused(store: BaseStore, namespace: Any) -> None:
    with pytest.raises(InvalidNamespaceError, match=r"tuple|texts"):
        store.put(namespace, "k", {})


def test_bad_values_and_operators_are_refused(store: BaseStore) -> None:
    with pytest.raises(InvalidNamespaceError):
        store.put((), "k", {})
    with pytest.raises(InvalidOptionError, match="dict with text keys"):
        store.put(("a",), "k", ["no dict"])  # type: ignore[arg-type]  # the mistake that is tested


def test_a_batch_reads_before_it_writes(store: BaseStore) -> None:
    store.put(("a",), "k", {"n": 1})
    read, _, _ = store.batch([GetOp(("a",), "k"), PutOp(("a",), "k", {"n": 2}), PutOp(("a",), "k", {"n": 3})])
    assert read.value == {"n": 1}
    assert store.batch([GetOp(("a",), "k")])[0].value == {"n": 3}


def test_a_batch_that_has_a_mistake_in_it_does_nothing(store: BaseStore) -> None:
    for bad in (PutOp(("a",), "k", {"x": object()}, index=["x"]), PutOp((), "k", {}), SearchOp((), limit=-1), "put"):
        with pytest.raises(InvalidOptionError):
            store.batch([PutOp(("a",), "k", {"n": 1}), bad])  # type: ignore[list-item]  # one is no operation
    assert store.list_namespaces() == []


def test_each_operation_of_a_batch_has_its_result(store: BaseStore) -> None:
    store.put(("a", "b"), "k", {"n": 1})
    ops: list[Op] = [
        GetOp(("a", "b"), "k"),
        PutOp(("c",), "k", {}),
        SearchOp(("a",)),
        ListNamespacesOp((MatchCondition("suffix", ("b",)),)),
        GetOp(("c",), "k"),
    ]
    item, put, found, names, unmade = store.batch(ops)
    assert isinstance(item, Item)
    assert [type(one) for one in found] == [SearchItem]
    assert (put, names, unmade) == (None, [("a", "b")], None)
    assert store.batch([]) == []


def test_the_awaited_forms(store: BaseStore) -> None:
    async def use() -> Any:
        await store.aput(("a",), "k", {"n": 1})
        found = await store.asearch(("a",), limit=1)
        item = await store.aget(("a",), "k")
        names = await store.alist_namespaces(max_depth=1)
        await store.adelete(("a",), "k")
        return [found[0].value, item and item.value, names, (await store.abatch([GetOp(("a",), "k")]))[0]]

    assert asyncio.run(use()) == [{"n": 1}, {"n": 1}, [("a",)], None]


def test_a_run_reaches_its_store(store: BaseStore) -> None:
    @task
    def remember(n: int) -> None:
        found = get_store()
        assert found is store
        store.put(("seen",), n, {"n": n})

    @entrypoint(store=store)
    def body(n: int, *, store: BaseStore) -> int:
        remember(n).result()
        return len(store.search(("seen",)))

    assert [body.invoke(n) for n in (1, 2)] == [1, 2]


@pytest.mark.parametrize(
    ("wanted", "keys"),
    [
        ({"n": {"$eq": 1}}, ["1"]),
        ({"n": {"$lte": 1}}, ["0", "1"]),
        ({"tags": {"$eq": {"odd": True, "n": 1}}}, ["1"]),
        ({"tags": {"$eq": {"odd": True}}}, []),
        ({"tags": {"n": {"$lt": 1}}}, ["0"]),
        ({"tags": {"odd": True}, "n": {"$gte": 1}}, ["1"]),
        ({"list": [0, {"deep": 2}]}, ["2"]),
        ({"list": [0]}, []),
        ({"list": [{"$lt": 1}, {"deep": {"$gt": 0}}]}, ["1", "2"]),
        ({"missing": {"$ne": 3}}, ["0", "1", "2"]),
        ({"missing": {"deep": None}}, []),
        ({"when": {"$gt": datetime(2024, 1, 1, tzinfo=UTC)}}, ["1", "2"]),
        ({"name": {"$gte": "b"}}, ["1", "2"]),
    ],
)
def test_filters_reach_into_dicts_lists_and_types(store: BaseStore, wanted: Any, keys: list[str]) -> None:
    for n in range(3):
        tags, items = {"odd": n % 2 == 1, "n": n}, (0, {"deep": n, "more": 1})
        when = datetime(2024, 1, 1 + n, tzinfo=UTC)
        store.put(("a",), n, {"n": n, "tags": tags, "list": items, "when": when, "name": "abc"[n]})
    assert [item.key for item in store.search(("a",), filter=wanted)] == keys


@pytest.mark.parametrize(
    ("wanted", "told"),
    [
        ({"n": {"$near": 1}}, r"'\$near'.*operators are \$eq"),
        ({"n": {"$gt": 1, "less": 2}}, "'less'"),
        ({"n": [{"deep": {"$in": [1]}}]}, r"'\$in'"),
        ({"$gt": 1}, "by key"),
        ({1: 1}, "text keys"),
        ("n > 1", "text keys"),
    ],
)
def test_a_filter_that_can_not_be_one_is_told_before_anything_is_searched(
    store: BaseStore, wanted: Any, told: str
) -> None:
    with pytest.raises(InvalidOptionError, match=told):
        store.search(("nobody",), filter=wanted)


def test_comparing_what_has_no_order_is_told_with_the_place(store: BaseStore) -> None:
    store.put(("a",), "k", {"author": {"age": "old"}})
    with pytest.raises(InvalidOptionError, match=r"'author\.age': \{'\$gt': 3\}.* has a str there"):
        store.search(("a",), filter={"author": {"age": {"$gt": 3}}})


@pytest.mark.parametrize("options", [{"limit": -1}, {"offset": -1}, {"limit": True}, {"limit": 1.5}, {"query": 3}])
def test_pages_and_queries_that_can_not_be_are_refused(store: BaseStore, options: dict[str, Any]) -> None:
    with pytest.raises(InvalidOptionError, match=next(iter(options))):
        store.search((), **options)


def test_pages_of_a_filtered_search_lose_and_repeat_nothing(store: BaseStore) -> None:
    for n in range(12):
        store.put(("a", "xy"[n % 2]), n, {"third": n % 3 == 0})
    pages = [store.search(("a",), filter={"third": True}, limit=3, offset=at) for at in (0, 3, 6)]
    assert [[item.key for item in page] for page in pages] == [["0", "3", "6"], ["9"], []]


def test_a_prefix_matches_whole_parts(store: BaseStore) -> None:
    names: list[tuple[str, ...]] = [("user",), ("user", "a"), ("users",), ("user-1",), ("user/", "a")]
    for name in names:
        store.put(name, "k", {})
    assert [item.namespace for item in store.search(("user",))] == [("user",), ("user", "a")]
    assert [item.namespace for item in store.search(("user", "a"))] == [("user", "a")]
    assert len(store.search(())) == 5


@pytest.mark.parametrize("part", ["langgraph", "*", "ünï", "a b", "%", "_", "'", "\x1f", "\U0010ffff", "/", "-"])
def test_any_text_without_dots_is_a_part_and_any_text_a_key(store: BaseStore, part: str) -> None:
    store.put((part, part), f"{part}.", {"n": 1})
    assert [item.namespace for item in store.search((part,))] == [(part, part)]
    assert store.list_namespaces() == [(part, part)]
    item = store.get((part, part), f"{part}.")
    assert item is not None
    assert item.key == f"{part}."


@pytest.mark.parametrize("options", [{"prefix": "users"}, {"suffix": "a"}, {"prefix": ("a.b",)}, {"suffix": [1]}])
def test_a_bad_condition_on_namespaces_is_refused(store: BaseStore, options: dict[str, Any]) -> None:
    with pytest.raises(InvalidNamespaceError, match=next(iter(options))):
        store.list_namespaces(**options)
    with pytest.raises(InvalidOptionError, match="max_depth"):
        store.list_namespaces(max_depth=0)


def test_namespaces_of_any_depth_are_matched_at_both_ends(store: BaseStore) -> None:
    for namespace in [("a",), ("a", "b"), ("a", "b", "a")]:
        store.put(namespace, "k", {})
    assert store.list_namespaces(prefix=("a", "*", "a")) == [("a", "b", "a")]
    assert store.list_namespaces(suffix=("*", "a")) == [("a", "b", "a")]
    assert store.list_namespaces(prefix=("a",), suffix=("a",)) == [("a",), ("a", "b", "a")]
    assert store.list_namespaces(max_depth=2) == [("a",), ("a", "b")]


def test_an_item_that_is_put_again_keeps_its_place_until_it_is_deleted(store: BaseStore, hands: Hands) -> None:
    for key in "ab":
        store.put(("n",), key, {})
    hands.turn(seconds=1)
    store.put(("n",), "a", {"again": True})
    first, _ = store.search(("n",))
    assert (first.key, (first.updated_at - first.created_at).total_seconds()) == ("a", 1)
    store.delete(("n",), "a")
    store.put(("n",), "a", {})
    assert [item.key for item in store.search(("n",))] == ["b", "a"]


@dataclass
class Bird:
    name: str
    grams: Decimal


def test_values_keep_their_types(store: BaseStore) -> None:
    value = {"bird": Bird("owl", Decimal("1.50")), "pair": (1, {2, 3}), "when": datetime(2024, 1, 1, tzinfo=UTC)}
    store.put(("a",), "k", value)
    item = store.get(("a",), "k")
    assert item is not None
    assert item.value == value
    assert isinstance(item.value["pair"], tuple)
    assert [found.key for found in store.search((), filter={"bird": Bird("owl", Decimal("1.5"))})] == ["k"]


def test_eight_threads_write_at_once(store: BaseStore) -> None:
    def work(thread: int) -> None:
        for n in range(20):
            store.put(("own", str(thread)), n, {"n": n})
            store.put(("shared",), n, {"by": thread})
            assert store.get(("own", str(thread)), n) is not None

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    assert len(store.search(("own",), limit=sys.maxsize)) == 160
    assert len(store.search(("shared",), limit=sys.maxsize)) == 20


def test_the_awaited_forms_take_the_same_options(store: BaseStore) -> None:
    async def use() -> Any:
        await store.aput(("a",), "k", {"n": 1}, False, ttl=5)
        return [
            await store.asearch(("a",), query=None, filter={"n": 1}, limit=1, offset=0, refresh_ttl=False),
            await store.aget(("a",), "k", refresh_ttl=True),
            await store.alist_namespaces(prefix=["a"], suffix=None, max_depth=1, limit=1, offset=0),
        ]

    [found], item, names = asyncio.run(use())
    assert found.dict() == {**item.dict(), "score": None}
    assert names == [("a",)]
