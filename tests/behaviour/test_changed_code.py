"""Code that changed between two runs, however far from the task: results of the old code are told, never served."""

from __future__ import annotations

import functools
import importlib
import linecache
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
import numpy as np
import pandas as pd
import pytest

from nbflow import Command, InMemoryCache, interrupt, task
from nbflow.errors import ReplayMismatchError, UnreadCodeWarning
from nbflow.fingerprint import content, digest_of, editions
from nbflow.types import CachePolicy
from tests.behaviour.flavours import Flavour

CONFIG: Any = {"configurable": {"thread_id": "t"}}
RAN: list[int] = []
_cells = 0

# What a task names, as it was and as it is after an edit that changes nothing else.
EDITS = {
    "helper": ("def helper(x):\n    return x + 1\n", "return x + 1", "return x + 2", "helper(x)"),
    "helper of a helper": (
        "def inner(x):\n    return x * 10\ndef helper(x):\n    return inner(x)\n", "x * 10", "x * 20", "helper(x)",
    ),
    "constant": ("SCALE = 3\n", "SCALE = 3", "SCALE = 4", "x * SCALE"),
    "list": ("WORDS = ['a', 'b']\n", "'b'", "'c'", "WORDS[x]"),
    "dict": ("OPTIONS = {'a': {'b': 1}}\n", "1}", "2}", "x + OPTIONS['a']['b']"),
    "class": (
        "class Adder:\n    def add(self, x):\n        return x + 1\n", "return x + 1", "return x + 2", "Adder().add(x)",
    ),
    "base class": (
        "class Base:\n    def add(self, x):\n        return x + 1\nclass Adder(Base):\n    pass\n",
        "return x + 1", "return x + 2", "Adder().add(x)",
    ),
    "class attribute": ("class Adder:\n    STEP = 1\n", "STEP = 1", "STEP = 2", "x + Adder.STEP"),
    "property": (
        "class One:\n    @property\n    def n(self):\n        return 1\n", "return 1", "return 2", "x + One().n",
    ),
    "enum": (
        "import enum\nclass Step(enum.Enum):\n    ONE = 1\n", "ONE = 1", "ONE = 2", "x + Step.ONE.value",
    ),
    "dataclass instance": (
        "from dataclasses import dataclass\n@dataclass\nclass Config:\n    step: int\nCONFIG = Config(1)\n",
        "Config(1)", "Config(2)", "x + CONFIG.step",
    ),
    "object of one's own": (
        "class Config:\n    def __init__(self, n):\n        self.step = n\nCONFIG = Config(1)\n",
        "Config(1)", "Config(2)", "x + CONFIG.step",
    ),
    "callable object": (
        "class Adder:\n    def __call__(self, x):\n        return x + 1\nadd = Adder()\n",
        "return x + 1", "return x + 2", "add(x)",
    ),
    "functions in a dict": (
        "def one(x):\n    return x + 1\nTOOLS = {'one': one}\n", "return x + 1", "return x + 2", "TOOLS['one'](x)",
    ),
    "partial": (
        "import functools\ndef add(x, y):\n    return x + y\nplus = functools.partial(add, 1)\n",
        "partial(add, 1)", "partial(add, 2)", "plus(x)",
    ),
    "default": (
        "N = 1\ndef helper(x, n=N):\n    return x + n\n", "N = 1", "N = 2", "helper(x)",
    ),
    "cached helper": (
        "import functools\n@functools.lru_cache\ndef helper(x):\n    return x + 1\n",
        "return x + 1", "return x + 2", "helper(x)",
    ),
    "decorator": (
        "def twice(fn):\n    return lambda x: fn(x) * 2\n@twice\ndef helper(x):\n    return x\n",
        "fn(x) * 2", "fn(x) * 3", "helper(x)",
    ),
    "lambda": ("helper = lambda x: x + 1\n", "x + 1", "x + 2", "helper(x)"),
    "nested task": (
        "from nbflow import task\n@task\ndef inner(x):\n    return x + 1\n",
        "return x + 1", "return x + 2", "inner(x).result()",
    ),
}  # fmt: skip
CALLS = pytest.mark.runs_once("the task that notes each time that it runs calls another one")
EACH = [pytest.param(edit, marks=CALLS if edit == "nested task" else ()) for edit in EDITS]


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    RAN.clear()
    yield
    RAN.clear()


def cell(space: dict[str, Any], source: str) -> None:
    """Run source as a notebook runs a cell."""
    global _cells  # noqa: PLW0603  # each cell has a file name of its own
    _cells += 1
    name = f"<cell {_cells} of {__name__}>"
    linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
    exec(compile(source, name, "exec"), space)


class Notebook:
    """A task in cells, and what it names in another."""

    def __init__(self, flow: Flavour, edit: str, **options: Any) -> None:
        self.flow = flow
        self.space: dict[str, Any] = {"__name__": "__main__", "RAN": RAN}
        self.names, self.old, self.new, use = EDITS[edit]
        assert self.names.count(self.old) == 1
        cell(self.space, self.names)
        cell(self.space, f"def work(x):\n    RAN.append(x)\n    return {use}\n")
        self.work = task(self.space["work"], name="work", **options)

    def edit(self) -> None:
        """Edit the cell with the names, and run it."""
        cell(self.space, self.names.replace(self.old, self.new))

    def run_names_again(self) -> None:
        """Run the cell with the names as it is: equal things with other identities."""
        cell(self.space, self.names)


@pytest.mark.parametrize("edit", EACH)
def test_a_new_run_takes_over_only_what_old_code_would_give_again(flow: Flavour, edit: str) -> None:
    notebook = Notebook(flow, edit)

    @flow.entrypoint
    def body(x: int) -> Any:
        return (yield notebook.work(x))

    before = flow.invoke(body, 1)
    assert flow.invoke(body, 1, reuse=True) == before
    notebook.run_names_again()
    assert flow.invoke(body, 1, reuse=True) == before
    assert RAN == [1]
    notebook.edit()
    assert flow.invoke(body, 1, reuse=True) != before
    assert RAN == [1, 1]


@pytest.mark.parametrize("edit", EACH)
def test_a_paused_run_tells(flow: Flavour, edit: str) -> None:
    notebook = Notebook(flow, edit)

    @flow.entrypoint
    def body(x: int) -> Any:
        return [(yield notebook.work(x)), interrupt("go on?")]

    flow.invoke(body, 1)
    notebook.run_names_again()
    flow.invoke(body, None)
    notebook.edit()
    with pytest.raises(ReplayMismatchError, match="'work' with other code"):
        flow.invoke(body, Command(resume="yes"))
    assert RAN == [1]
    flow.invoke(body, None, on_divergence="rerun")
    assert RAN == [1, 1]


@pytest.mark.parametrize("edit", EACH)
def test_a_cache_misses(flow: Flavour, edit: str) -> None:
    notebook = Notebook(flow, edit, cache_policy=CachePolicy())

    @flow.entrypoint(cache=InMemoryCache())
    def body(x: int) -> Any:
        return (yield notebook.work(x))

    before = [flow.invoke(body, 1, thread=str(n)) for n in range(3)]
    notebook.run_names_again()
    assert [*before, flow.invoke(body, 1, thread="3")] == before[:1] * 4
    assert RAN == [1]
    notebook.edit()
    assert flow.invoke(body, 1, thread="4") != before[0]
    assert RAN == [1, 1]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], ModuleType]]:
    """Write and load a module of the user's project."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)

    def load(text: str) -> ModuleType:
        (tmp_path / "helpers_of_a_test.py").write_text(text)
        importlib.invalidate_caches()
        linecache.checkcache()
        module = sys.modules.get("helpers_of_a_test")
        return importlib.reload(module) if module else importlib.import_module("helpers_of_a_test")

    yield load
    sys.modules.pop("helpers_of_a_test", None)


USES = {
    "an attribute of the module": "import helpers_of_a_test as helpers\ndef work(x):\n    return helpers.clean(x)\n",
    "an import of its own": "def work(x):\n    import helpers_of_a_test\n    return helpers_of_a_test.clean(x)\n",
}


@pytest.mark.parametrize("use", USES)
@pytest.mark.parametrize("way", ["edit", "edit a helper of it", "reload in place"])
def test_modules_of_the_project_are_followed(
    flow: Flavour, project: Callable[[str], ModuleType], use: str, way: str
) -> None:
    text = "STEP = 1\ndef inner(x):\n    return x + STEP\n\n\ndef clean(x):\n    return inner(x) * 10\n"
    module = project(text)
    space: dict[str, Any] = {"__name__": "__main__"}
    cell(space, USES[use])
    work = task(space["work"], name="work")

    @flow.entrypoint
    def body(x: int) -> Any:
        return (yield work(x))

    assert [flow.invoke(body, 1), flow.invoke(body, 1, reuse=True)] == [20, 20]
    assert reused(body) == [True]
    if way == "reload in place":  # as autoreload does: the function stays, its code is another
        clean = module.clean
        module = project(text.replace("* 10", "* 100"))
        clean.__code__, module.clean = module.clean.__code__, clean  # type: ignore[attr-defined]
    else:
        project(text.replace(*(("* 10", "* 100") if way == "edit" else ("STEP = 1", "STEP = 2"))))
    assert flow.invoke(body, 1, reuse=True) == (30 if "helper" in way else 200)
    assert reused(body) == [False]


def reused(body: Any) -> list[bool]:
    return [call.state == "reused" for call in body.last_run(CONFIG).calls if call.path != "0"]


def test_an_installed_package_s_tasks_follow_its_own_code(flow: Flavour, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nbflow.fingerprint.project.is_own_path", lambda path: "of_a_test" not in path)
    modules = {name: ModuleType(name) for name in ("package_of_a_test", "package_of_a_test.inner", "other_of_a_test")}
    for name, module in modules.items():
        module.__file__ = f"/usr/lib/{name}.py"
        monkeypatch.setitem(sys.modules, name, module)
    package, inner, other = modules.values()
    helper = "def helper(x):\n    return x + 1\n"
    cell(inner.__dict__, helper)
    cell(other.__dict__, helper)
    package.__dict__.update(inner=inner, other=other)
    cell(package.__dict__, "def work(x):\n    return inner.helper(x) + other.helper(x)\n")
    spec = task(package.__dict__["work"]).spec
    before = digest_of(spec)
    cell(other.__dict__, helper.replace("1", "2"))
    assert digest_of(spec) == before, "another package is no part of it"
    cell(inner.__dict__, helper.replace("1", "2"))
    assert digest_of(spec) != before


def test_a_file_that_changed_after_it_was_loaded_counts_as_it_was_loaded(
    flow: Flavour, project: Callable[[str], ModuleType], tmp_path: Path
) -> None:
    text = "def clean(x):\n    return x * 10\n"
    project(text)
    space: dict[str, Any] = {"__name__": "__main__"}
    cell(space, USES["an attribute of the module"])
    work = task(space["work"], name="work")

    @flow.entrypoint
    def body(x: int) -> Any:
        return (yield work(x))

    (tmp_path / "helpers_of_a_test.py").write_text(text.replace("10", "99"))
    assert flow.invoke(body, 1) == 10
    project(text.replace("10", "99"))
    assert flow.invoke(body, 1, reuse=True) == 99


def test_what_it_changes_while_it_runs_does_not_count(flow: Flavour) -> None:
    counter, seen, totals = {"n": 0}, [], {"of": [0]}
    cache = InMemoryCache()
    number = 0

    @flow.task(cache_policy=CachePolicy())
    def work(x: int) -> int:
        nonlocal number
        number += 1
        counter["n"] += 1
        seen.append(x)
        totals["of"].append(x)
        return x

    @flow.task
    def other(_: int) -> int:
        return len(seen) + number

    @flow.entrypoint(cache=cache)
    def body(x: int) -> Any:
        both = yield [work(x), other(x)]
        return [both[0], interrupt("?")]

    flow.invoke(body, 1, thread="a")
    flow.invoke(body, 1, thread="b")
    assert (counter, number, seen) == ({"n": 1}, 1, [1]), "the second one hits"
    assert flow.invoke(body, Command(resume=1), thread="a") == [1, 1], "nor does it count for others of the workflow"


def test_two_runs_at_the_same_time_keep_their_own(flow: Flavour) -> None:
    notebook = Notebook(flow, "helper")

    @flow.entrypoint
    def body(ask: bool) -> Any:
        first = yield notebook.work(1)
        if ask:
            first += interrupt("?")
        return [first, (yield notebook.work(2))]

    flow.invoke(body, True, thread="a")
    assert flow.invoke(body, False, thread="b") == [2, 3]
    notebook.edit()
    with pytest.raises(ReplayMismatchError):
        flow.invoke(body, Command(resume=0), thread="a")
    assert flow.invoke(body, False, thread="b", reuse=True) == [3, 4]


def test_names_are_found_while_others_are_defined(flow: Flavour, monkeypatch: pytest.MonkeyPatch) -> None:
    notebook = Notebook(flow, "helper of a helper")
    stop = threading.Event()

    def define() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            notebook.space[f"name{number % 1000}"] = number
            notebook.space.pop(f"name{(number + 500) % 1000}", None)

    @flow.entrypoint
    def body(x: int) -> Any:
        return (yield notebook.work(x))

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)  # seconds: the two take turns all the time
    thread = threading.Thread(target=define)
    thread.start()
    try:
        for n in range(30):
            notebook.run_names_again()
            assert flow.invoke(body, n) == n * 10
    finally:
        stop.set()
        thread.join()
        sys.setswitchinterval(interval)


@pytest.mark.parametrize("terms", [900, 2000])
def test_a_function_with_a_very_long_expression_can_be_decorated(flow: Flavour, terms: int) -> None:
    space: dict[str, Any] = {}
    lines = " +\n        ".join(["x"] * terms)
    cell(space, f"def work(x):\n    return (\n        {lines}\n    )\n")
    work = task(space["work"])

    @flow.entrypoint
    def body(x: int) -> Any:
        return (yield work(x))

    assert [flow.invoke(body, 1), flow.invoke(body, 1, reuse=True)] == [terms, terms]
    assert reused(body) == [True]


def test_what_cannot_be_told_is_said_once(flow: Flavour, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(editions, "_told", set())
    client = httpx.Client()

    @flow.task
    def work(x: int) -> int:
        return x + len(client.cookies)

    @flow.entrypoint
    def body(x: int) -> Any:
        return (yield work(x))

    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        for n in range(3):
            flow.invoke(body, n)
    told_of = [one for one in told if one.category is UnreadCodeWarning and "'client'" in str(one.message)]
    assert len(told_of) == 1
    assert "task 'work' names 'client', a httpx.Client whose content can't be told" in str(told_of[0].message)
    client.close()


class Proxy:
    """As some web frameworks have it: outside of a request it raises whatever it is asked."""

    def __getattribute__(self, name: str) -> Any:
        raise RuntimeError("working outside of request context")


Proxy.__module__ = "a_package"


def test_what_will_not_be_looked_at_fails_no_run(flow: Flavour, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nbflow.fingerprint.project._file_of", lambda _: "/usr/lib/site-packages/a_package.py")
    monkeypatch.setattr(editions, "_told", set())
    space: dict[str, Any] = {"__name__": "__main__", "request": Proxy(), "several": [Proxy()]}
    cell(space, "def work(x):\n    return x if x else request.args + several[0].form + [request]\n")
    work = task(space["work"])

    @flow.entrypoint
    def body(x: int) -> Any:
        return (yield work(x))

    with (
        pytest.warns(UnreadCodeWarning, match=r"'several\[0\]', a a_package.Proxy"),
        pytest.warns(UnreadCodeWarning, match="'request', a a_package.Proxy"),
    ):
        assert flow.invoke(body, 1) == 1


def test_large_data_counts_by_its_type_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(editions, "_told", set())
    monkeypatch.setattr(content, "LARGE", 1000)
    for data in (np.zeros(500), pd.DataFrame({"a": np.zeros(500)}), pd.Series(np.zeros(500))):
        space: dict[str, Any] = {"__name__": "__main__", "data": data, "few": data[:5]}
        cell(space, "def work(x):\n    return data[x] + few[x]\n")
        with pytest.warns(UnreadCodeWarning, match="names 'data'") as told:
            digest_of(task(space["work"]).spec)
        assert len(told) == 1


def test_digests_are_found_in_few_steps_while_nothing_changes() -> None:
    space: dict[str, Any] = {"__name__": "__main__"}
    helpers = "".join(f"def helper{n}(x):\n    return helper{n + 1}(x)\n" for n in range(50))
    cell(space, helpers + "def helper50(x):\n    return x\ndef work(x):\n    return helper0(x)\n")
    spec = task(space["work"]).spec
    before = digest_of(spec)
    entered: list[str] = []

    def note(frame: Any, event: str, _arg: object) -> None:
        if event == "call":
            entered.append(frame.f_code.co_name)

    sys.setprofile(note)
    again = digest_of(spec)
    sys.setprofile(None)
    assert again == before
    assert len(entered) < 6, "none for each function or name"
    cell(space, "def helper50(x):\n    return -x\n")
    assert digest_of(spec) != before


def test_partials_and_bound_methods_count() -> None:
    class Scaler:
        def __init__(self, n: int) -> None:
            self.n = n

        def scale(self, x: int) -> int:
            return x * self.n

    def add(x: int, y: int) -> int:
        return x + y

    digests = {digest_of(task(functools.partial(add, y=n)).spec) for n in (1, 2)}
    assert len(digests) == 2
    assert digest_of(task(Scaler(1).scale).spec)
