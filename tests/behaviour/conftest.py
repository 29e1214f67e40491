"""Every behaviour is shown in both flavours and in both embedded checkpointers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from nbflow import InMemorySaver, SqliteSaver
from nbflow.checkpoint.base import BaseCheckpointSaver
from tests.behaviour.flavours import Flavour


@pytest.fixture(params=["memory", "sqlite"])
def saver(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[BaseCheckpointSaver]:
    if request.param == "memory":
        yield InMemorySaver()
        return
    with SqliteSaver.from_conn_string(tmp_path / "runs.db") as saver:
        yield saver


@pytest.fixture(params=["sync", "async"])
def flow(request: pytest.FixtureRequest, saver: BaseCheckpointSaver) -> Flavour:
    return Flavour(request.param, saver)
