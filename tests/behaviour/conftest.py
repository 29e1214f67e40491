"""Every behaviour is shown in both flavours and in both embedded checkpointers.

Of the four pairs, ``make test`` tries two for each test, one half of the tests the one two and the other half the
others, so that each test meets both flavours and both checkpointers; ``make thorough`` tries all four.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from nbflow import InMemorySaver, SqliteSaver
from nbflow.checkpoint.base import BaseCheckpointSaver
from tests.amounts import THOROUGH
from tests.behaviour.flavours import Flavour
from tests.behaviour.replaying import ALWAYS, always_replayed

HERE = Path(__file__).parent
PAIRS = {("sync", "sqlite"), ("async", "memory")}


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    left_out = [] if THOROUGH or ALWAYS else [item for item in items if _is_left_out(item)]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in set(left_out)]


def _is_left_out(item: pytest.Item) -> bool:
    """Tell whether a test that meets flavours and checkpointers is tried with two other pairs of them."""
    if not item.path.is_relative_to(HERE) or not isinstance(item, pytest.Function):
        return False
    chosen = item.callspec.params if hasattr(item, "callspec") else {}
    pair = chosen.get("flow"), chosen.get("saver")
    if None in pair:
        return False
    rest = [part for part in item.name.split("-") if part.strip("[]") not in pair]
    is_other_half = zlib.crc32("-".join(rest).encode()) % 2 == 1
    return (pair in PAIRS) == is_other_half


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
