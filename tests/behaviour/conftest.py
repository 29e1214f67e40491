"""Every behaviour is shown in both flavours and in both embedded checkpointers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from nbflow import InMemorySaver, SqliteSaver
from nbflow.checkpoint.base import BaseCheckpointSaver
from tests.behaviour.flavours import Flavour
from tests.behaviour.replaying import ALWAYS, always_replayed


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


@pytest.fixture(autouse=True)
def _replayed(request: pytest.FixtureRequest) -> Iterator[None]:
    """With NBFLOW_ALWAYS_REPLAY=1, replay each run from its log at every durable point; see ``replaying``."""
    if not ALWAYS or request.node.get_closest_marker("runs_once"):
        yield
        return
    with always_replayed():
        yield
