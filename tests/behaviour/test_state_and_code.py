"""What a run changes is its state, in whatever way it does so; what a person edits is another code."""

from __future__ import annotations

import linecache
import sys
import types
import warnings
from itertools import count
from typing import Any

import pytest

from nbflow import Command, InMemorySaver
from nbflow.errors import ReplayMismatchError
from nbflow.fingerprint import content
from tests.behaviour.test_changed_code import CONFIG

FLOW = """
from nbflow import task, entrypoint, interrupt
{setup}
@task
def work(x):
    {run}
    return x
@entrypoint(checkpointer=saver)
def flow(x):
    return [work(x).result(), interrupt("?")]
"""
ONE = """
class O:
    one = None
    def __new__(cls):
        if cls.one is None:
            cls.one = super().__new__(cls)
        return cls.one
"""
CHANGED = {
    "an argument of a helper": ("LOG = []\ndef note(log, x): log.append(x)", "note(LOG, x)"),
    "an item on the way": ("ROWS = [{'a': 1}]", "for row in ROWS: row['n'] = 2"),
    "what a call returns": ("S = {'n': 0}\ndef state(): return S", "state()['n'] += 1"),
    "an argument of a partial": (
        "import functools\nS = []\ndef h(s, x): s.append(x)\ng = functools.partial(h, S)",
        "g(x)",
    ),
    "a heap": ("import heapq\nQ = []", "heapq.heappush(Q, x)"),
    "a default": ("import collections\ndef h(x, seen=collections.deque()): seen.append(x)", "h(x)"),
    "a dict that reading fills": ("import collections\nD = collections.defaultdict(list)", "D[x]"),
    "an array": ("import numpy as np\nA = np.zeros(3)", "np.add(A, 1, out=A)"),
    "a table's columns": ("import pandas as pd\nD = pd.DataFrame({'a': [1]})", "D.columns = ['z']"),
    "a table's cell": ("import pandas as pd\nD = pd.DataFrame({'a': [1]})", "D.loc[0, 'a'] = 5"),
    "a dataclass": ("import dataclasses\n@dataclasses.dataclass\nclass S:\n    n: int = 0\ns = S()", "s.n += 1"),
    "a model": ("import pydantic\nclass S(pydantic.BaseModel):\n    n: int = 0\ns = S()", "s.n += 1"),
    "a class that counts": ("class O:\n    made = 0\n    def __init__(self): O.made += 1", "O()"),
    "a class that lists": ("class O:\n    all = []\n    def __init__(self): O.all.append(1)", "O()"),
    "a single object": (
        ONE,
        "O()",
    ),
    "an object's dict": (
        "class C:\n    def __init__(self): vars(self)['n'] = 0\n    def __call__(self): vars(self)['n'] += 1\nc = C()",
        "c()",
    ),
    "a frozen object": (
        "class C:\n    n = 0\n    def __call__(self): object.__setattr__(self, 'm', 1)\nc = C()\nc.m = 0",
        "c()",
    ),
    "a model that counts": (
        "from langchain_core.language_models import FakeListChatModel as Model\nmodel = Model(responses=['a', 'b'])",
        "model.invoke('a')",
    ),
}
_numbers = count()


def cell(text: str, space: dict[str, Any]) -> None:
    file = f"<state {next(_numbers)}>"
    linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        exec(compile(text, file, "exec"), space)


@pytest.fixture
def space(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    module = types.ModuleType("__main__")
    monkeypatch.setitem(sys.modules, "__main__", module)
    vars(module)["saver"] = InMemorySaver()
    return vars(module)


@pytest.mark.filterwarnings("ignore::nbflow.errors.UnreadCodeWarning")
@pytest.mark.parametrize("again", [False, True], ids=["", "cell run again"])
@pytest.mark.parametrize("changed", CHANGED)
def test_what_a_run_changes_in_place_is_its_state(space: dict[str, Any], changed: str, again: bool) -> None:
    setup, run = CHANGED[changed]
    head, tasks = FLOW.format(setup=setup, run=run).split("@task", 1)
    cell(head, space)
    cell(f"@task{tasks}", space)
    space["flow"].invoke(1, CONFIG)
    if again:
        cell(f"@task{tasks}", space)
    assert space["flow"].invoke(Command(resume="yes"), CONFIG) == [1, "yes"]


@pytest.mark.parametrize("edit", ["S['k'] = 2", "S.update(k=2)", "o.k = 2", "L.append(2)"])
def test_what_is_edited_in_place_is_another_code(space: dict[str, Any], edit: str) -> None:
    setup = "S, L = {'k': 1, 'runs': []}, []\nclass O: pass\no = O()\no.k = 1\ndef note(log, x): log.append(x)"
    cell(FLOW.format(setup=setup, run="note(S['runs'], (S['k'], o.k, tuple(L)))"), space)
    space["flow"].invoke(1, CONFIG)
    cell(edit, space)
    with pytest.raises(ReplayMismatchError, match="with other code"):
        space["flow"].invoke(Command(resume="yes"), CONFIG)


@pytest.mark.runs_once("a run that is dropped meets the edit before it pauses")
def test_what_another_cell_edits_while_a_run_is_at_work_is_another_code(space: dict[str, Any]) -> None:
    space["In"] = ["", "the cell of the run"]
    cell(FLOW.format(setup="S = {'k': 1}", run="S['k']; In.append('S[\"k\"] = 2'); edit()"), space)
    space["edit"] = lambda: space["S"].update(k=2)
    space["flow"].invoke(1, CONFIG)
    assert content.cells_run() == 3
    with pytest.raises(ReplayMismatchError, match="with other code"):
        space["flow"].invoke(Command(resume="yes"), CONFIG)


@pytest.mark.runs_once("what a run has changed is forgotten before it goes on")
def test_no_more_objects_are_known_than_are_of_use(space: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(content, "_MANY", 3)
    setup = "several = [{} for _ in range(5)]\ndef note(log, x): log.append(x)\na, b, c, d, e = [], [], [], [], []"
    cell(FLOW.format(setup=setup, run="note(a, x); note(b, x); note(c, x); note(d, x); note(e, x)"), space)
    space["flow"].invoke(1, CONFIG)
    assert len(content._changed) == 3
