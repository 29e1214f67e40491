"""What a result rests on beside code and arguments: the files that were read. What counts as one, and what does not."""

from __future__ import annotations

import csv
import gzip
import importlib
import json
import os
import re
import shutil
import subprocess
import sys
import threading
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nbflow import Command, InMemoryCache, InMemorySaver, export_run, import_run, interrupt, read_run
from nbflow.core.record import CallReturned, RunReturned, of_kind
from nbflow.errors import InvalidOptionError
from nbflow.fingerprint import files as files_of
from nbflow.graph import END, START, StateGraph
from nbflow.types import CachePolicy, RetryPolicy
from nbflow.views.code import code_of
from nbflow.views.diff import diff_of
from nbflow.views.repeatable import not_repeatable
from tests.behaviour.flavours import Flavour

CONFIG: Any = {"configurable": {"thread_id": "t"}}
RAN: list[str] = []  # a global that changes is state: it does not count for the digest of what names it


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in a folder of its own, inside a project, with a file to read."""
    RAN.clear()
    here = tmp_path / "project" / "notebooks"
    here.mkdir(parents=True)
    (tmp_path / "project" / "pyproject.toml").touch()
    monkeypatch.chdir(here)
    Path("a.txt").write_text("one")


def opened(name: Any, mode: str = "r") -> Any:
    with open(name, mode) as file:  # noqa: PTH123  # one of the ways
        return file.read()


def as_csv(name: Any) -> list[str]:
    with Path(name).open() as file:
        return next(csv.reader(file))


def added_to(name: str) -> None:
    with Path(name).open("a") as file:
        file.write("x")


def looked_into(path: Path) -> str:
    path.parent.mkdir(exist_ok=True)
    path.touch()
    return path.read_text()


def for_a_moment(path: Path) -> str:
    path.write_text("x")
    text = path.read_text()
    path.unlink()
    return text


def with_pandas(name: Any) -> Any:
    import pandas as pd

    return pd.read_csv(name).columns[0]


def with_numpy(name: Any) -> Any:
    import numpy as np

    return np.fromfile(name, dtype="u1").tobytes().decode()


def by_descriptor(name: Any) -> str:
    with os.fdopen(os.open(name, os.O_RDONLY)) as file:
        return file.read()


def in_a_thread(name: Any) -> str:
    """Read in a thread that is given the context, as ``asyncio.to_thread`` gives it."""
    import contextvars

    found: list[str] = []
    thread = threading.Thread(
        target=contextvars.copy_context().run, args=(lambda: found.append(Path(name).read_text()),)
    )
    thread.start()
    thread.join()
    return found[0]


def by_other_means(name: Any) -> str:
    """Read without a word to Python, as libraries of C++ and Rust do; here in another process."""
    return subprocess.run(["cat", str(name)], capture_output=True, text=True, check=True).stdout


def and_back(name: Any) -> str:
    """Read a file and write it again, as it was."""
    with Path(name).open("r+") as file:
        text = file.read()
        file.seek(0)
        file.write(text)
    return text


READS: dict[str, Callable[[Any], Any]] = {
    "open": opened,
    "Path.read_text": lambda name: Path(name).read_text(),
    "open of bytes": lambda name: opened(os.fsencode(name), "rb"),
    "csv": as_csv,
    "pandas": with_pandas,
    "numpy": with_numpy,
    "os.open": by_descriptor,
    "a thread": in_a_thread,
    "absolute": lambda name: Path(name).absolute().read_text(),
    "a copy": lambda name: Path(shutil.copy(name, "copy.txt")).read_text(),
    "read and written": and_back,
}


def reading(flow: Flavour, read: Callable[[Any], Any], argument: Any, **options: Any) -> Any:
    """Return a workflow with a task that reads a file, whose results are cached where ``cached`` says so."""
    cached, of_body = options.pop("cached", False), options.pop("of_body", {})

    @flow.task(cache_policy=CachePolicy() if cached else None, **options)
    def load(name: Any) -> Any:
        RAN.append("load")
        return read(name)

    @flow.entrypoint(cache=InMemoryCache() if cached else None, **of_body)
    def body(_: int) -> Any:
        return (yield load(argument))

    return body


def runs_again(flow: Flavour, body: Any, change: Callable[[], object], *, cached: bool) -> bool:
    """Whether a second run runs what the first one has run, after a change."""
    flow.invoke(body, 1)
    before = len(RAN)
    assert before, "the first run runs"
    change()
    flow.invoke(body, 1, thread="other" if cached else "t", **({} if cached else {"reuse": True}))
    return len(RAN) > before


@pytest.mark.parametrize("cached", [False, True], ids=["reuse", "cache"])
@pytest.mark.parametrize("how", READS)
def test_a_result_rests_on_a_file_that_was_read(flow: Flavour, how: str, cached: bool) -> None:
    body = reading(flow, READS[how], "a.txt", cached=cached)
    assert not runs_again(flow, body, lambda: None, cached=cached)
    assert runs_again(flow, body, lambda: Path("a.txt").write_text("two"), cached=cached)


ARGUMENTS: dict[str, Callable[[], Any]] = {
    "a path": lambda: Path("a.txt"),
    "a text": lambda: "a.txt",
    "absolute": lambda: str(Path("a.txt").absolute()),
    "elsewhere": lambda: elsewhere("a.txt"),
    "in a list": lambda: ["b", "a.txt"],
    "in a dict": lambda: {"source": Path("a.txt")},
    "in a tuple": lambda: (1, "a.txt"),
}


def elsewhere(name: str) -> Path:
    """Return the name of a file outside of the project, whose content is what stands in one here."""
    there = Path.cwd().parent.parent / "elsewhere"
    there.mkdir(exist_ok=True)
    path = there / name
    if not path.exists():
        path.symlink_to(Path(name).absolute())
    return path


@pytest.mark.parametrize("argument", ARGUMENTS)
def test_a_file_that_an_argument_names_counts_however_it_is_read(flow: Flavour, argument: str) -> None:
    given = ARGUMENTS[argument]()
    body = reading(flow, lambda _: by_other_means("a.txt"), given)
    assert not runs_again(flow, body, lambda: None, cached=False)
    assert runs_again(flow, body, lambda: Path("a.txt").write_text("two"), cached=False)


def names(_: Any) -> list[str]:
    return sorted(path.name for path in Path("data").glob("*.txt"))


def test_the_names_in_a_folder_count_where_they_are_listed(flow: Flavour) -> None:
    Path("data").mkdir()
    for listed in (names, lambda _: os.listdir("data"), lambda _: [*os.walk("data")]):  # noqa: PTH208  # other ways
        body = reading(flow, listed, 1)
        fresh = Path("data") / f"{len(RAN)}.txt"
        assert not runs_again(flow, body, (Path("data") / ".hidden").touch, cached=False)
        assert runs_again(flow, body, fresh.touch, cached=False)
        assert runs_again(flow, body, fresh.unlink, cached=False)


def test_a_file_counts_that_was_not_there(flow: Flavour) -> None:
    def settings(_: Any) -> str:
        try:
            return Path("settings.json").read_text()
        except FileNotFoundError:
            return "none"

    body = reading(flow, settings, 1)
    assert not runs_again(flow, body, lambda: None, cached=False)
    assert runs_again(flow, body, lambda: Path("settings.json").write_text("{}"), cached=False)
    assert runs_again(flow, body, Path("settings.json").unlink, cached=False)


IRRELEVANT: dict[str, tuple[Callable[[Any], Any], Callable[[], object]]] = {
    "it was touched": (READS["open"], lambda: os.utime("a.txt", (1, 1))),
    "it was written anew": (READS["open"], lambda: Path("a.txt").write_text("one")),
    "another file": (READS["open"], lambda: Path("b.txt").write_text("two")),
    "it is only written": (lambda _: Path("out.txt").write_text("x"), lambda: Path("out.txt").write_text("y")),
    "a log is added to": (lambda _: added_to("log.txt"), lambda: added_to("log.txt")),
    "a file for a moment": (lambda _: for_a_moment(Path("tmp.txt")), lambda: None),
    "outside of the project": (
        lambda _: looked_into(Path("../../other/out.txt")),
        lambda: Path("../../other/out.txt").write_text("x"),
    ),
    "in a hidden folder": (lambda _: looked_into(Path(".cache") / "x"), lambda: Path(".cache/x").write_text("y")),
    "a module is imported": (
        lambda _: importlib.import_module("module_of_mine").VALUE,
        lambda: None,
    ),
}


@pytest.mark.parametrize("what", IRRELEVANT)
def test_what_does_not_count(flow: Flavour, what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("module_of_mine.py").write_text("VALUE = 1")
    monkeypatch.syspath_prepend(str(Path.cwd()))
    read, change = IRRELEVANT[what]
    body = reading(flow, read, "a.txt" if read is READS["open"] else 1)
    try:
        assert not runs_again(flow, body, change, cached=False)
    finally:
        sys.modules.pop("module_of_mine", None)


def test_a_text_that_names_no_file_is_none(flow: Flavour) -> None:
    texts = ["hello. there", "no/such/file", "x" * 5000 + ".csv", "two\nlines.", "a.txt/", ".", "\0."]
    body = reading(flow, lambda _: 1, texts)
    flow.invoke(body, 1)
    assert flow_files(body) == {}


def flow_files(body: Any) -> dict[str, list[str]]:
    """Return by task the files that its last call read."""
    log = body.last_run(CONFIG).log
    return {one.name: [file.path for file in one.files] for one in of_kind(log, CallReturned) if one.files}


@pytest.mark.parametrize("off", ["task", "entrypoint"])
def test_one_option_turns_it_off(flow: Flavour, off: str) -> None:
    body = reading(flow, READS["open"], "a.txt", files=off != "task", of_body={"files": off != "entrypoint"})
    assert not runs_again(flow, body, lambda: Path("a.txt").write_text("two"), cached=False)
    assert flow_files(body) == {}


def test_turned_off_what_was_recorded_before_does_not_count_either(flow: Flavour) -> None:
    flow.invoke(reading(flow, READS["open"], "a.txt"), 1)
    Path("a.txt").write_text("two")
    flow.invoke(reading(flow, READS["open"], "a.txt", of_body={"files": False}), 1, reuse=True)
    assert RAN == ["load"]


@pytest.mark.parametrize("option", ["yes", 1, None])
def test_the_option_is_true_or_false(flow: Flavour, option: Any) -> None:
    with pytest.raises(InvalidOptionError, match=r"files.*True or False"):
        flow.task(files=option)(lambda: 1)
    with pytest.raises(InvalidOptionError, match=r"files.*True or False"):
        flow.entrypoint(files=option)(lambda _: 1)


def test_a_result_rests_on_what_calls_inside_it_have_read(flow: Flavour) -> None:
    """Whether they ran, were replayed after a pause, or were taken over themselves."""

    @flow.task
    def load(name: str) -> str:
        RAN.append("load")
        return Path(name).read_text()

    @flow.task
    def outer(_: int) -> Any:
        RAN.append("outer")
        return (yield load("a.txt"))

    @flow.entrypoint
    def inner(_: int) -> Any:
        RAN.append("inner")
        text = yield load("a.txt")
        return [text, (yield outer(2))]

    @flow.entrypoint
    def body(_: int) -> Any:
        return [(yield outer(1)), (yield flow.nested(inner, 1))]

    flow.invoke(body, 1)
    assert flow_files(body) == {"load": ["a.txt"], "outer": ["a.txt"], "inner": ["a.txt"]}
    RAN.clear()
    flow.invoke(body, 1, reuse=True)
    assert RAN == []
    assert flow_files(body) == {"outer": ["a.txt"], "inner": ["a.txt"]}
    Path("a.txt").write_text("two")
    flow.invoke(body, 1, reuse=True)
    assert {*RAN} == {"inner", "load", "outer"}
    assert RAN.count("load") == 3


def test_a_nested_result_rests_on_files_read_before_a_pause(flow: Flavour) -> None:
    @flow.task
    def load(name: str) -> str:
        return Path(name).read_text()

    @flow.entrypoint
    def inner(_: int) -> Any:
        text = yield load("a.txt")
        return [text, interrupt("ok?")]

    @flow.entrypoint
    def body(_: int) -> Any:
        return (yield flow.nested(inner, 1))

    flow.invoke(body, 1)
    flow.invoke(body, Command(resume="yes"))
    assert flow_files(body) == {"load": ["a.txt"], "inner": ["a.txt"]}


def test_nodes_of_graphs_read_files_too(flow: Flavour) -> None:
    def load(state: dict[str, Any]) -> dict[str, Any]:
        RAN.append("load")
        return {"text": Path("a.txt").read_text()}

    builder = StateGraph(dict)
    builder.add_node("load", flow.node(load), cache_policy=CachePolicy())
    builder.add_edge(START, "load")
    builder.add_edge("load", END)
    graph = flow.compile(builder, cache=InMemoryCache())
    assert not runs_again(flow, graph_of(graph), lambda: None, cached=True)
    assert runs_again(flow, graph_of(graph), lambda: Path("a.txt").write_text("two"), cached=True)


def graph_of(graph: Any) -> Any:
    """Return a graph as something that is invoked with a number."""

    class Wrapped:
        def invoke(self, _: int, config: Any, **options: Any) -> Any:
            return graph.invoke({"text": ""}, config, **options)

        async def ainvoke(self, _: int, config: Any, **options: Any) -> Any:
            return await graph.ainvoke({"text": ""}, config, **options)

    return Wrapped()


def test_each_attempt_counts(flow: Flavour) -> None:
    def flaky(_: Any) -> str:
        RAN.append("try")
        if len(RAN) == 2:
            Path("a.txt").read_text()
            raise ConnectionError
        return "fine"

    body = reading(flow, flaky, 1, retry_policy=RetryPolicy(initial_interval=0, jitter=False))
    flow.invoke(body, 1)
    assert flow_files(body) == {"load": ["a.txt"]}


def test_somebody_else_changes_a_file_while_a_call_works(flow: Flavour) -> None:
    """The result is of a content that is not there any more: it is never taken over."""

    def slow(name: Any) -> str:
        text = Path(name).read_text()
        by_other = [sys.executable, "-c", "open('a.txt', 'w').write('other')"]
        subprocess.run(by_other, check=True)
        return text

    body = reading(flow, slow, "a.txt")
    assert runs_again(flow, body, lambda: None, cached=False)


def test_a_cache_holds_the_result_of_the_file_as_it_was_last(flow: Flavour) -> None:
    body = reading(flow, READS["open"], "a.txt", cached=True)
    assert flow.invoke(body, 1, thread="1") == "one"
    Path("a.txt").write_text("two")
    assert flow.invoke(body, 1, thread="2") == "two"
    assert flow.invoke(body, 1, thread="3") == "two"
    assert RAN == ["load", "load"]


def test_large_files_count_by_size_and_time(flow: Flavour, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files_of, "LARGE", 2)
    body = reading(flow, READS["open"], "a.txt")
    assert not runs_again(flow, body, lambda: None, cached=False)
    assert runs_again(flow, body, lambda: os.utime("a.txt", (1, 1)), cached=False)


def test_many_files_are_read_aside(flow: Flavour, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files_of, "QUICK", 2)
    body = reading(flow, READS["open"], "a.txt")
    assert not runs_again(flow, body, lambda: None, cached=False)
    assert runs_again(flow, body, lambda: Path("a.txt").write_text("six"), cached=False)


def test_a_project_may_move(flow: Flavour, monkeypatch: pytest.MonkeyPatch) -> None:
    (Path("..") / "data").mkdir()
    (Path("..") / "data" / "b.txt").write_text("two")
    body = reading(flow, lambda name: [Path(name).read_text(), Path("../data/b.txt").read_text()], "a.txt")
    flow.invoke(body, 1)
    assert flow_files(body) == {"load": ["../data/b.txt", "a.txt"]}
    project = Path.cwd().parent
    shutil.copytree(project, project.parent / "moved")
    monkeypatch.chdir(project.parent / "moved" / "notebooks")
    flow.invoke(body, 1, reuse=True)
    assert RAN == ["load"]
    Path("../data/b.txt").write_text("three")
    flow.invoke(body, 1, reuse=True)
    assert RAN == ["load", "load"]


def test_the_plan_names_the_file(flow: Flavour) -> None:
    Path("gone.txt").write_text("x")
    body = reading(flow, lambda some: [Path(one).read_text() for one in some], ["a.txt", "gone.txt"])
    flow.invoke(body, 1)
    assert [call.action for call in body.plan(1, CONFIG, reuse=True).calls] == ["reused"]
    Path("a.txt").write_text("two")
    assert [call.reason for call in body.plan(1, CONFIG, reuse=True).runs] == ["its file a.txt has changed"]
    Path("a.txt").write_text("one")
    Path("gone.txt").unlink()
    assert [call.reason for call in body.plan(1, CONFIG, reuse=True).runs] == ["its file gone.txt is gone"]
    assert RAN == ["load"]


def test_what_a_run_has_done_stands_and_the_plan_says_so(flow: Flavour) -> None:
    @flow.task
    def load(name: str) -> str:
        RAN.append("load")
        return Path(name).read_text()

    @flow.entrypoint
    def body(_: int) -> Any:
        text = yield load("a.txt")
        return [text, interrupt("ok?")]

    flow.invoke(body, 1)
    Path("a.txt").write_text("two")
    [call] = body.plan(Command(resume="yes"), CONFIG).calls
    assert (call.action, call.reason) == ("replayed", "its file a.txt has changed; what this run has done stands")
    assert flow.invoke(body, Command(resume="yes")) == ["one", "yes"]
    assert RAN == ["load"]


def test_a_run_tells_which_of_its_files_have_changed_since(flow: Flavour) -> None:
    @flow.task
    def load(name: str) -> str:
        return Path(name).read_text()

    @flow.entrypoint
    def body(name: str) -> Any:
        text = Path("body.txt").read_text()
        Path("own.txt").write_text("x")
        Path("own.txt").read_text()
        return [text, (yield load("a.txt"))]

    Path("body.txt").write_text("x")
    Path("input.csv").write_text("x")
    flow.invoke(body, "input.csv")
    run = body.last_run(CONFIG)
    assert run.changed_files == ()
    [returned] = of_kind(run.log, RunReturned)
    assert [file.path for file in returned.files] == ["body.txt", "input.csv", "own.txt"]
    for name in ("body.txt", "input.csv", "a.txt"):
        Path(name).write_text("two")
        os.utime(name, (2e9, 2e9))  # later than any run
    assert run.changed_files == ("a.txt", "body.txt", "input.csv")


def test_a_run_in_a_file_keeps_them_and_masks_their_names(flow: Flavour, tmp_path: Path) -> None:
    Path("ada-secret.txt").write_text("x")
    body = reading(flow, READS["open"], "ada-secret.txt")
    flow.invoke(body, 1)
    other = InMemorySaver()
    import_run(other, export_run(flow.saver, "t", tmp_path / "run.nbf", redact=re.compile("ada")))
    [call] = [one for one in read_run(other, "t") if isinstance(one, CallReturned)]
    assert [file.path for file in call.files] == ["***-secret.txt"]


def test_keys_of_a_dict_name_no_files(flow: Flavour) -> None:
    body = reading(flow, json.dumps, {"a.txt": 1})
    flow.invoke(body, 1)
    assert flow_files(body) == {}


def test_gzip_and_zip(flow: Flavour) -> None:
    with gzip.open("a.gz", "wt") as file:
        file.write("one")
    with zipfile.ZipFile("a.zip", "w") as archive:
        archive.writestr("x", "one")

    def read(_: Any) -> list[Any]:
        with zipfile.ZipFile("a.zip") as archive, gzip.open("a.gz", "rt") as file:
            return [file.read(), archive.read("x")]

    body = reading(flow, read, 1)
    flow.invoke(body, 1)
    assert flow_files(body) == {"load": ["a.gz", "a.zip"]}


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return an installed package, of version 1.0."""
    folder = tmp_path / "site-packages"
    (folder / "weights_of_all").mkdir(parents=True)
    (folder / "weights_of_all" / "__init__.py").write_text("__version__ = '1.0'\ndef heavy(n): return n * 2\n")
    monkeypatch.syspath_prepend(str(folder))
    yield importlib.import_module("weights_of_all")
    del sys.modules["weights_of_all"]


def weighing(flow: Flavour, weights_of_all: Any, *, cached: bool = False) -> Any:
    """Return a workflow whose task uses a package."""

    @flow.task(cache_policy=CachePolicy() if cached else None)
    def weigh(n: int) -> Any:
        RAN.append("weigh")
        return weights_of_all.heavy(n)

    @flow.entrypoint(cache=CACHE if cached else None)
    def body(n: int) -> Any:
        return (yield weigh(n))

    return body


CACHE = InMemoryCache()


@pytest.mark.parametrize("cached", [False, True], ids=["reuse", "cache"])
def test_results_of_other_versions_are_taken_over_and_told(flow: Flavour, package: Any, cached: bool) -> None:
    CACHE.clear()
    options: Any = {} if cached else {"reuse": True}
    flow.invoke(weighing(flow, package, cached=cached), 1)
    flow.invoke(weighing(flow, package, cached=cached), 1, **options)
    package.__version__ = "2.0"
    new = weighing(flow, package, cached=cached)
    assert [call.reason for call in new.plan(1, CONFIG, **options).calls] == ["made with weights_of_all 1.0, now 2.0"]
    for _ in range(2):  # what was taken over once is of the version that made it still
        flow.invoke(new, 1, **options)
        [call] = [one for one in new.last_run(CONFIG).log if isinstance(one, CallReturned)]
        assert call.made_with == {"weights_of_all": "1.0"}
    assert RAN == ["weigh"]


def test_the_versions_that_code_uses_are_kept_with_it(flow: Flavour, package: Any) -> None:
    body = weighing(flow, package)
    flow.invoke(body, 1)
    code = code_of(body.last_run(CONFIG).log)
    assert {one.name: dict(one.packages) for one in code.kept.values()}["weigh"] == {"weights_of_all": "1.0"}


def test_a_file_makes_a_task_no_less_repeatable(flow: Flavour) -> None:
    body = reading(flow, READS["open"], "a.txt")
    runs = []
    for text in ("one", "two"):
        Path("a.txt").write_text(text)
        flow.invoke(body, 1)
        runs.append(body.last_run(CONFIG).log)
    assert not_repeatable(runs) == []
    assert [call.differs for call in diff_of(*runs).calls[1:]] == [("files", "result")]


def replaced(name: str, text: str) -> None:
    """Put another file in the place of one, of the same size and the same time of change, as ``cp -p`` may."""
    before = os.stat(name)  # noqa: PTH116  # as of the rest here
    Path("new.txt").write_text(text)
    os.utime("new.txt", ns=(before.st_atime_ns, before.st_mtime_ns))
    Path("new.txt").replace(name)


def test_a_file_is_told_from_one_of_the_same_size_and_time(flow: Flavour) -> None:
    os.utime("a.txt", (1e9, 1e9))
    body = reading(flow, READS["open"], "a.txt")
    assert runs_again(flow, body, lambda: replaced("a.txt", "two"), cached=False)


def test_a_file_that_may_not_be_read_is_what_it_was(flow: Flavour, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: Any) -> bytes:
        raise PermissionError

    monkeypatch.setattr(files_of, "_digest_of_file", refused)
    body = reading(flow, READS["open"], "a.txt")
    assert not runs_again(flow, body, lambda: None, cached=False)
    assert runs_again(flow, body, lambda: Path("a.txt").write_text("2"), cached=False)


def test_odd_names_do_no_harm(flow: Flavour) -> None:
    name = os.fsdecode(b"not \xff utf.txt")
    Path(name).write_text("one")
    Path("Grüße ☃.txt").write_text("one")
    body = reading(flow, lambda _: [Path(name).read_text(), Path("Grüße ☃.txt").read_text()], 1)
    assert flow.invoke(body, 1) == ["one", "one"]
    assert flow_files(body) == {"load": ["Grüße ☃.txt", "not \\xff utf.txt"]}


class Stubborn:
    """A path that will not tell its name."""

    def __fspath__(self) -> str:
        msg = "never"
        raise RuntimeError(msg)


def test_a_path_may_raise(flow: Flavour) -> None:
    body = reading(flow, lambda _: 1, Stubborn())
    assert flow.invoke(body, 1) == 1


def test_the_working_folder_may_be_gone(flow: Flavour, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    body = reading(flow, lambda _: 1, "a.txt")
    assert flow.invoke(body, 1) == 1
    assert flow.invoke(body, 1, reuse=True) == 1
    assert body.last_run(CONFIG).changed_files == ()


def test_a_result_rests_on_the_files_of_cached_results_inside_it(flow: Flavour) -> None:
    """Also of a call whose arguments name no file, and that has opened none itself."""

    @flow.task(cache_policy=CachePolicy())
    def load(_: int) -> str:
        RAN.append("load")
        return Path("a.txt").read_text()

    @flow.task
    def outer(n: int) -> Any:
        return (yield load(n))

    @flow.entrypoint(cache=InMemoryCache())
    def body(_: int) -> Any:
        return (yield outer(1))

    flow.invoke(body, 1)
    flow.invoke(body, 1)
    assert RAN == ["load"]
    assert flow_files(body) == {"load": ["a.txt"], "outer": ["a.txt"]}
    Path("a.txt").write_text("two")
    assert flow.invoke(body, 1, reuse=True) == "two"
