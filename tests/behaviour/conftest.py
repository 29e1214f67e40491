"""Every behaviour is shown in both flavours and in both embedded checkpointers.

Of the four pairs, ``make test`` tries two for each test, one half of the tests the one two and the other half the
others, so that each test meets both flavours and both checkpointers. What is tried with four values or more meets the
four pairs in turn, each value one of them. ``make thorough`` tries all four with all values.
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
PAIRS = [("sync", "sqlite"), ("async", "memory"), ("sync", "memory"), ("async", "sqlite")]
"""The first two go together, and the others."""
Values = tuple[tuple[str, int], ...]
"""What a test is tried with beside its pair: the names of its parameters, each with its value's id."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if THOROUGH or ALWAYS or any("[" in one for one in config.args):  # who names one by its values wants that one
        return
    tests: dict[str, dict[Values, list[tuple[int, pytest.Item]]]] = {}
    for item in items:
        pair = _pair_of(item)
        if pair is not None:
            values = tests.setdefault(item.nodeid.partition("[")[0], {})
            values.setdefault(_values_of(item), []).append((pair, item))
    left_out = {item for name, values in tests.items() for item in _left_out(name, values)}
    if left_out:
        config.hook.pytest_deselected(items=[*left_out])
        items[:] = [item for item in items if item not in left_out]


def _pair_of(item: pytest.Item) -> int | None:
    """Return which of the pairs a test is tried with; None if it meets no flavours or checkpointers."""
    chosen = item.callspec.params if isinstance(item, pytest.Function) and hasattr(item, "callspec") else {}
    pair = chosen.get("flow"), chosen.get("saver")
    return None if None in pair or not item.path.is_relative_to(HERE) else PAIRS.index(pair)  # type: ignore[arg-type]


def _values_of(item: pytest.Item) -> Values:
    assert isinstance(item, pytest.Function), "it has a pair"
    return tuple((name, id(value)) for name, value in item.callspec.params.items() if name not in {"flow", "saver"})


def _left_out(name: str, values: dict[Values, list[tuple[int, pytest.Item]]]) -> Iterator[pytest.Item]:
    """Yield what is not tried of a test, which is given by its values, each with its pairs."""
    count = len(PAIRS)
    for number, items in enumerate(values.values()):
        half = (zlib.crc32(name.encode()) + number) % 2
        one = (number + number // count) % count  # of values that are crossed, none always meets the same pair
        kept = {one} if len(values) >= count else {2 * half, 2 * half + 1}
        yield from (item for pair, item in items if pair not in kept)


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
