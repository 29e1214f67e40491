"""What a store in a file promises beyond the port."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from nbflow import SqliteCache, SqliteSaver, SqliteStore, entrypoint, task
from nbflow.errors import UnserializableError
from nbflow.store.base import BaseStore, PutOp
from tests.contract.conftest import Hands
from tests.house.sources import ROOT, environment


def test_a_saver_a_store_and_a_cache_share_a_file(tmp_path: Path) -> None:
    path, key = tmp_path / "all.db", (("n",), "k")

    @task
    def double(n: int) -> int:
        return 2 * n

    for n in range(2):
        saver, store, cache = SqliteSaver(path), SqliteStore(path), SqliteCache(path)

        @entrypoint(checkpointer=saver, store=store)
        def body(given: int, *, previous: int | None = None, store: BaseStore) -> int:
            store.put(("seen",), given, {"n": given})
            return double(given).result() + (previous or 0)

        assert body.invoke(n + 1, {"configurable": {"thread_id": "t"}}) == [2, 6][n]
        assert [item.key for item in store.search(())] == ["1", "2"][: n + 1]
        assert cache.get([key]) == ({key: n - 1} if n else {})
        cache.set({key: (n, None)})
        for part in (saver, store, cache):
            part.close()


def test_a_saver_a_store_and_a_cache_share_a_connection(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "all.db", check_same_thread=False)
    saver, store, cache = SqliteSaver(connection), SqliteStore(connection), SqliteCache(connection)
    key = (("n",), "k")

    def work(n: int) -> None:
        saver.lease(str(n), "me")
        store.put(("n",), n, {})
        cache.set({key: (n, None)})
        assert store.get(("n",), n) is not None
        saver.release(str(n), "me")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(24)))
    assert len(store.search((), limit=99)) == 24
    connection.close()


def test_a_store_is_still_there_after_it_was_closed(tmp_path: Path) -> None:
    with SqliteStore.from_conn_string(str(tmp_path / "deep" / "s.db"), ttl={"default_ttl": 5}) as store:
        store.setup()
        store.put(("a",), "k", {"pair": (1, 2)})
        assert repr(store) == f"SqliteStore({str(tmp_path / 'deep' / 's.db')!r})"
    with pytest.raises(sqlite3.ProgrammingError):
        store.get(("a",), "k")
    with SqliteStore.from_conn_string(tmp_path / "deep" / "s.db") as store:
        item = store.get(("a",), "k")
        assert item is not None
        assert item.value == {"pair": (1, 2)}


def test_two_stores_on_one_file_see_each_others_items(tmp_path: Path, hands: Hands) -> None:
    one, two = SqliteStore(tmp_path / "s.db"), SqliteStore(tmp_path / "s.db")
    one.put(("a",), "k", {"by": 1}, ttl=10)
    two.put(("a",), "k", {"by": 2}, ttl=10)
    hands.turn(minutes=6)
    found = one.get(("a",), "k")
    assert found is not None
    assert found.value == {"by": 2}
    hands.turn(minutes=6)
    assert two.get(("a",), "k") is not None, "the other one has refreshed it"

    def work(n: int) -> None:
        (one, two)[n % 2].put(("many",), n, {"n": n})

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(40)))
    assert [len(store.search(("many",), limit=99)) for store in (one, two)] == [40, 40]
    for store in (one, two):
        store.close()


def test_another_process_finds_what_was_put(tmp_path: Path) -> None:
    code = "import sys, nbflow; nbflow.SqliteStore(sys.argv[1]).put(('a',), 'k', {'by': 'it'}, ttl=5)"
    command = [sys.executable, "-c", code, str(tmp_path / "s.db")]
    subprocess.run(command, check=True, env=environment(ROOT))
    with SqliteStore.from_conn_string(tmp_path / "s.db") as store:
        assert [item.value for item in store.search(())] == [{"by": "it"}]


def test_a_value_that_can_not_be_stored_is_told_and_nothing_is_kept(tmp_path: Path) -> None:
    with SqliteStore.from_conn_string(tmp_path / "s.db") as store:
        with pytest.raises(UnserializableError, match=r'\["lock"\]'):
            store.batch([PutOp(("a",), "good", {}), PutOp(("a",), "bad", {"lock": iter([1])})])
        assert store.list_namespaces() == []


def test_a_store_in_no_file_is_there_until_it_is_closed() -> None:
    with SqliteStore.from_conn_string(":memory:") as store:
        store.put(("a",), "k", {})
        assert len(store.search(())) == 1


def test_a_closed_store_sweeps_no_more(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "s.db", ttl={"sweep_interval_minutes": 60})
    store.start_ttl_sweeper()
    assert store._sweeper is not None
    store.close()
    assert not store._sweeper[0].is_alive()


def test_importing_nbflow_loads_no_backend() -> None:
    unwanted = {"sqlite3", "asyncio", "numpy", "nbflow.store.memory", "nbflow.cache.memory"}
    code = f"import sys, nbflow; print({unwanted} & set(sys.modules) or '{{}}')"
    command = [sys.executable, "-c", code]
    run = subprocess.run(command, env=environment(ROOT), capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "{}"
