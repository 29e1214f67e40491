"""Files that earlier versions wrote: every later one reads them, and goes on with their runs."""

from __future__ import annotations

import shutil
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from nbflow import Command, InMemoryCache, SqliteSaver
from nbflow.testing import replay
from tests.golden import flows
from tests.golden.make import KINDS, config, write

FILES = sorted(Path(__file__).parent.glob("*.db"))


class Golden:
    """A copy of a golden file, and its workflows."""

    def __init__(self, path: Path) -> None:
        self.saver = SqliteSaver(path)
        self.flows = flows.flows_in(self.saver, cache=InMemoryCache())


@pytest.fixture(params=[*FILES, None], ids=lambda path: path.stem if path else "written now")
def golden(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Golden]:
    path = tmp_path / "golden.db"
    if request.param is None:
        write(path)
    else:
        shutil.copy(request.param, path)
    flows.RAN.clear()
    golden = Golden(path)
    yield golden
    golden.saver.close()


def test_there_is_a_file_of_every_format() -> None:
    assert [path.stem for path in FILES] == ["1"]


def test_values_come_back_as_they_were(golden: Golden) -> None:
    newest, _, first, _ = golden.flows["all_values"].get_state_history(config("values"))
    flows.RAN.clear()
    expected = [flows.values.func(kind) for kind in KINDS]
    assert same(first[0], expected)
    assert same(newest[0], [*expected[:2], "in its place", *expected[3:]])


def same(one: Any, other: Any) -> bool:
    if isinstance(one, np.ndarray):
        return bool(one.dtype == other.dtype and np.array_equal(one, other))
    if isinstance(one, pd.DataFrame):
        return bool(one.equals(other))
    if isinstance(one, list):
        return len(one) == len(other) and all(map(same, one, other))
    return type(one) is type(other) and bool(one == other)


def test_finished_runs_are_replayed_without_running_a_task(golden: Golden) -> None:
    for name, thread in (("all_values", "values"), ("shapes", "shapes")):
        flow = golden.flows[name]
        run = flow.last_run(config(thread))
        assert run is not None
        if name == "all_values":
            replay(run, flow)
        assert flow.invoke(None, config(thread)) is not None
    assert flows.RAN == []


def test_a_finished_thread_goes_on_with_what_it_saved(golden: Golden) -> None:
    shapes = golden.flows["shapes"]
    states = [state[0] for state in shapes.get_state_history(config("shapes"))]
    assert states[0] == ([2, ("always", 7), 5, 12, 14, 8], 3, None)
    assert states[2] == ([6, ("always", 7), 5, 12, 14, 8], None, {"some": "context"})
    assert shapes.invoke(1, config("shapes"))[1] == 2


def test_open_questions_are_still_open(golden: Golden) -> None:
    questions = golden.flows["questions"]
    state = questions.get_state(config("one answered"))
    assert [one.value for one in state.interrupts] == ["first"]
    assert questions.invoke(Command(resume="A"), config("one answered"))["__interrupt__"][0].value == "third"
    result = questions.invoke(Command(resume=True), config("one answered"))
    assert result == (8, ("first", "A"), ("second", "B"), True)
    assert flows.RAN.count("double") == 0
    both = questions.get_state(config("none answered")).interrupts
    assert [one.value for one in both] == ["first", "second"]


def test_a_failed_run_is_tried_again_where_it_failed(golden: Golden) -> None:
    with warnings.catch_warnings(), pytest.raises(LookupError, match="always"):
        golden.flows["failing"].invoke(None, config("failed"))
    assert flows.RAN == ["broken"]


def test_what_was_updated_by_hand_stays(golden: Golden) -> None:
    state = golden.flows["failing"].get_state(config("updated"))
    assert state[0] == "by hand"
    assert state.metadata is not None
    assert state.metadata["who"] == "ada"
