"""What every store promises."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from nbflow import entrypoint, get_store, task
from nbflow.errors import InvalidOptionError
from nbflow.store.base import BaseStore, GetOp, InvalidNamespaceError, PutOp
from nbflow.store.memory import InMemoryStore


@pytest.fixture(params=[InMemoryStore])
def store(request: pytest.FixtureRequest) -> BaseStore:
    make: Callable[[], BaseStore] = request.param
    return make()


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
    store.put(("a",), "k", {"n": 1})
    with pytest.raises(InvalidOptionError, match=r"'\$near'"):
        store.search(("a",), filter={"n": {"$near": 1}})


def test_a_batch_reads_before_it_writes(store: BaseStore) -> None:
    store.put(("a",), "k", {"n": 1})
    read, _, _ = store.batch([GetOp(("a",), "k"), PutOp(("a",), "k", {"n": 2}), PutOp(("a",), "k", {"n": 3})])
    assert read.value == {"n": 1}
    assert store.batch([GetOp(("a",), "k")])[0].value == {"n": 3}


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
