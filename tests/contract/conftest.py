"""What every backend is held to: a fixture for each port, and a clock that tests turn."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from nbflow._support import clock
from nbflow.cache.base import BaseCache
from nbflow.cache.memory import InMemoryCache
from nbflow.cache.sqlite import SqliteCache
from nbflow.checkpoint.encrypted import AesCipher, EncryptedSaver
from nbflow.checkpoint.memory import InMemorySaver
from nbflow.checkpoint.sqlite import SqliteSaver
from nbflow.store.backend import Backend
from nbflow.store.memory import InMemoryStore
from nbflow.store.sqlite import SqliteStore

MakeStore = Callable[..., Backend]


@pytest.fixture(params=["memory", "sqlite"])
def make_store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[MakeStore]:
    """Return what makes a store with the options that a test needs."""
    made: list[Backend] = []

    def make(**options: Any) -> Backend:
        in_memory = request.param == "memory"
        made.append(InMemoryStore(**options) if in_memory else SqliteStore(tmp_path / "store.db", **options))
        return made[-1]

    yield make
    for store in made:
        store.stop_ttl_sweeper()
        if isinstance(store, SqliteStore):
            store.close()


@pytest.fixture
def store(make_store: MakeStore) -> Backend:
    return make_store()


@pytest.fixture(params=["memory", "sqlite"])
def cache(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[BaseCache]:
    if request.param == "memory":
        yield InMemoryCache()
        return
    cache = SqliteCache(path=tmp_path / "cache.db")
    yield cache
    cache.close()


class Hands:
    """The hands of the system's clock, in seconds since 1970."""

    def __init__(self) -> None:
        self.at = 1_700_000_000.0

    def turn(self, *, minutes: float = 0, seconds: float = 0) -> None:
        self.at += minutes * 60 + seconds


@pytest.fixture
def hands(monkeypatch: pytest.MonkeyPatch) -> Hands:
    hands = Hands()
    monkeypatch.setattr(clock, "wall", lambda: hands.at)
    return hands


@pytest.fixture(params=["memory", "sqlite", "encrypted memory", "encrypted sqlite"])
def saver(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[InMemorySaver | SqliteSaver | EncryptedSaver]:
    encrypted, _, backend = request.param.rpartition(" ")
    inner = InMemorySaver() if backend == "memory" else SqliteSaver(tmp_path / "runs.db")
    yield EncryptedSaver(inner, AesCipher(b"0123456789abcdef")) if encrypted else inner
    if isinstance(inner, SqliteSaver):
        inner.close()
