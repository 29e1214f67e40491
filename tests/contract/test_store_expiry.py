"""What every store promises of items that expire."""

from __future__ import annotations

import gc
import threading
import weakref
from typing import Any

import pytest

from nbflow.errors import InvalidOptionError
from nbflow.store.backend import Backend
from nbflow.store.base import NOT_PROVIDED, BaseStore, GetOp, PutOp, SearchOp
from nbflow.store.memory import InMemoryStore
from tests.contract.conftest import Hands, MakeStore


def keys(store: BaseStore, **options: Any) -> list[str]:
    return [item.key for item in store.search((), **options)]


def test_an_item_expires_after_its_minutes(store: BaseStore, hands: Hands) -> None:
    store.put(("a",), "short", {}, ttl=1)
    store.put(("a",), "long", {}, ttl=1.5)
    store.put(("a",), "ever", {}, ttl=None)
    hands.turn(seconds=59.5)
    assert keys(store, refresh_ttl=False) == ["short", "long", "ever"]
    hands.turn(seconds=0.5)
    assert store.get(("a",), "short") is None
    assert keys(store, refresh_ttl=False) == ["long", "ever"]


def test_what_has_expired_is_nowhere_to_be_found_before_it_is_swept(make_store: MakeStore, hands: Hands) -> None:
    store = make_store(index={"dims": 1, "embed": lambda texts: [[1.0] for _ in texts]})
    store.put(("a",), "k", {"n": 1}, ttl=1)
    hands.turn(minutes=1)
    assert store.get(("a",), "k") is None
    assert keys(store) == keys(store, filter={"n": 1}) == keys(store, query="it") == []
    assert store.list_namespaces() == []


def test_expired_items_take_no_room_on_a_page(store: BaseStore, hands: Hands) -> None:
    for n in range(6):
        store.put(("a",), n, {}, ttl=1 if n % 2 else None)
    hands.turn(minutes=2)
    assert keys(store, limit=2, offset=1) == ["2", "4"]


def test_reading_lets_an_item_live_as_long_again(store: BaseStore, hands: Hands) -> None:
    store.put(("a",), "k", {}, ttl=10)
    for _ in range(3):
        hands.turn(minutes=9)
        assert store.get(("a",), "k") is not None
        hands.turn(minutes=9)
        assert keys(store) == ["k"]


def test_reading_does_not_revive_what_has_expired(store: BaseStore, hands: Hands) -> None:
    store.put(("a",), "k", {}, ttl=10)
    hands.turn(minutes=10)
    assert store.get(("a",), "k", refresh_ttl=True) is None
    assert keys(store, refresh_ttl=True) == []
    hands.turn(minutes=-1)
    assert store.get(("a",), "k", refresh_ttl=False) is not None, "it was not refreshed either"


@pytest.mark.parametrize(("ttl", "refresh"), [({"refresh_on_read": False}, None), (None, False)])
def test_reading_refreshes_nothing_where_it_is_told_not_to(
    make_store: MakeStore, hands: Hands, ttl: Any, refresh: bool | None
) -> None:
    store = make_store(ttl=ttl)
    store.put(("a",), "k", {}, ttl=10)
    hands.turn(minutes=9)
    assert store.get(("a",), "k", refresh_ttl=refresh) is not None
    assert keys(store, refresh_ttl=refresh) == ["k"]
    hands.turn(minutes=1)
    assert store.get(("a",), "k") is None


def test_only_the_items_that_a_search_returns_are_refreshed(store: BaseStore, hands: Hands) -> None:
    for key in "ab":
        store.put(("n",), key, {}, ttl=10)
    hands.turn(minutes=9)
    assert keys(store, limit=1) == ["a"]
    hands.turn(minutes=9)
    assert keys(store) == ["a"]


def test_the_store_knows_how_long_items_live_that_do_not_say(make_store: MakeStore, hands: Hands) -> None:
    store = make_store(ttl={"default_ttl": 5, "refresh_on_read": False})
    store.put(("a",), "default", {})
    store.put(("a",), "given", {}, ttl=NOT_PROVIDED)
    store.put(("a",), "own", {}, ttl=6)
    store.put(("a",), "ever", {}, ttl=None)
    store.batch([PutOp(("a",), "raw", {})])
    hands.turn(minutes=5)
    assert keys(store) == ["own", "ever", "raw"]


def test_a_put_decides_anew_how_long_an_item_lives(store: BaseStore, hands: Hands) -> None:
    store.put(("a",), "k", {}, ttl=1)
    store.put(("a",), "k", {}, ttl=3)
    hands.turn(minutes=2)
    store.batch([GetOp(("a",), "k"), SearchOp(()), PutOp(("a",), "k", {"n": 1})])
    hands.turn(minutes=99)
    assert keys(store) == ["k"]


def test_putting_what_has_expired_makes_a_new_item(store: BaseStore, hands: Hands) -> None:
    store.put(("a",), "old", {}, ttl=1)
    store.put(("a",), "other", {})
    hands.turn(minutes=1)
    store.put(("a",), "old", {})
    assert keys(store) == ["other", "old"]
    item = store.get(("a",), "old")
    assert item is not None
    assert item.created_at.timestamp() == hands.at


def test_a_sweep_removes_what_has_expired_and_counts_it(store: Backend, hands: Hands) -> None:
    for n in range(4):
        store.put(("a", str(n)), n, {}, ttl=n or None)
    hands.turn(minutes=2)
    assert [store.sweep_ttl(), store.sweep_ttl()] == [2, 0]
    hands.turn(minutes=-2)
    assert keys(store) == ["0", "3"], "the others are gone for good"


@pytest.mark.parametrize("ttl", [0, -1, True, "1", float("nan"), float("inf")])
def test_what_is_no_length_of_time_is_refused(make_store: MakeStore, ttl: Any) -> None:
    store = make_store()
    with pytest.raises(InvalidOptionError, match="minutes"):
        store.put(("a",), "k", {}, ttl=ttl)
    with pytest.raises(InvalidOptionError, match=r"ttl\['default_ttl'\]"):
        make_store(ttl={"default_ttl": ttl})
    with pytest.raises(InvalidOptionError, match="sweep_interval_minutes"):
        store.start_ttl_sweeper(ttl)


@pytest.mark.parametrize("ttl", [{"minutes": 3}, 3, ["default_ttl"]])
def test_unknown_ways_to_expire_are_refused(make_store: MakeStore, ttl: Any) -> None:
    with pytest.raises(InvalidOptionError, match="default_ttl, refresh_on_read, sweep_interval_minutes"):
        make_store(ttl=ttl)


def test_a_store_whose_items_do_not_expire_says_so() -> None:
    with pytest.raises(InvalidOptionError, match="do not expire"):
        BaseStore().put(("a",), "k", {}, ttl=3)


def test_the_sweeper_works_until_it_is_stopped(store: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    swept = threading.Semaphore(0)
    monkeypatch.setattr(store, "sweep_ttl", swept.release)
    store.start_ttl_sweeper(1e-5)
    store.start_ttl_sweeper(1e-5)  # one is enough
    assert [thread.name for thread in threading.enumerate()].count("nbflow-sweeper") == 1
    assert all(swept.acquire(timeout=30) for _ in range(3))
    assert store.stop_ttl_sweeper() is True
    assert store.stop_ttl_sweeper() is True
    store.start_ttl_sweeper()
    assert store.stop_ttl_sweeper(timeout=30) is True


def test_the_sweeper_goes_with_its_store() -> None:
    store = InMemoryStore(ttl={"sweep_interval_minutes": 1e-5})
    store.start_ttl_sweeper()
    assert store._sweeper is not None
    thread, forgotten = store._sweeper[0], weakref.ref(store)
    del store
    thread.join(30)
    gc.collect()
    assert not thread.is_alive()
    assert forgotten() is None
