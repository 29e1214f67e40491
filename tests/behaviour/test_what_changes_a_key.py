"""What changes the key of a result, and what does not: one table of edits, each tried on a stored run."""

from __future__ import annotations

import itertools
import linecache
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

from nbflow import InMemorySaver
from tests.behaviour.flavours import Flavour

CONFIG: Any = {"configurable": {"thread_id": "t"}}
SOURCE = '''
from dataclasses import dataclass

RATE = 3
TABLE = {"a": 1, "b": [1, 2]}

@dataclass
class Point:
    x: int = 1

    def moved(self):
        return Point(self.x + 1)

def helper(n):
    """Help."""
    return n + 1

def unused(n):
    return n

@flow.task
def inner(n):
    return n * 2

def made(factor):
    @flow.task(name="scaled")
    def scaled(n):
        ran.append("scaled")
        return n * factor
    return scaled

scaled = made(2)

@flow.task
def step(n, extra=5):
    # a remark
    ran.append("step")
    point = Point().moved()
    return helper(n) * RATE + TABLE["a"] + point.x + extra

@flow.task
def outer(n):
    ran.append("outer")
    return (yield inner(n))

@flow.task(version="1")
def versioned(n):
    ran.append("versioned")
    return n

@flow.entrypoint(name="body")
def body(n):
    found = [(yield step(n)), (yield outer(n)), (yield scaled(n)), (yield versioned(n))]
    return found
'''
SAME = {
    "a comment": ("# a remark", "# another remark"),
    "a docstring": ('"""Help."""', '"""Help others."""'),
    "layout": ("return helper(n) * RATE +", "return (helper(n)\n            * RATE) +"),
    "quotes": ('TABLE["a"] + point', "TABLE['a'] + point"),
    "blank lines": ("RATE = 3\n", "RATE = 3\n\n\n\n"),
    "the order of definitions": ("def unused(n):\n    return n\n\n@flow.task\ndef inner(n):\n    return n * 2\n",
                                 "@flow.task\ndef inner(n):\n    return n * 2\n\ndef unused(n):\n    return n\n"),
    "a function that nobody uses": ("def unused(n):\n    return n", "def unused(n):\n    return n + 1"),
    "code under a version": ('ran.append("versioned")\n    return n', 'ran.append("versioned")\n    return n + 0'),
    "a log line of the body": ("    found = [", "    words = 'begun'\n    found = ["),
}  # fmt: skip
OTHER = {
    "its own code": ("+ extra", "+ extra + 0", "step"),
    "a helper": ("return n + 1\n\ndef unused", "return n + 2\n\ndef unused", "step"),
    "a global value": ("RATE = 3", "RATE = 4", "step"),
    "an item of a global container": ('{"a": 1,', '{"a": 2,', "step"),
    "a nested item of a global container": ("[1, 2]", "[1, 3]", "step"),
    "a method of a class": ("Point(self.x + 1)", "Point(self.x + 2)", "step"),
    "a field's default": ("x: int = 1", "x: int = 2", "step"),
    "a default of a parameter": ("extra=5", "extra=6", "step"),
    "a nested task": ("return n * 2\n\ndef made", "return n * 3\n\ndef made", "outer"),
    "a closure's value": ("made(2)", "made(3)", "scaled"),
    "a version": ('version="1"', 'version="2"', "versioned"),
}
numbers = itertools.count()


def run(flow: Flavour, source: str) -> set[str]:
    """Run a workflow that is written, with what is unchanged taken over; return what ran."""
    name = f"<key {next(numbers)}>"
    linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
    ran: list[str] = []
    space: dict[str, Any] = {"__name__": "__main__", "flow": flow, "ran": ran}
    exec(compile(source, name, "exec"), space)
    flow.invoke(space["body"], 1, reuse=True)
    return {*ran}


def edited(old: str, new: str) -> str:
    assert SOURCE.count(old) == 1, old
    return SOURCE.replace(old, new)


@pytest.mark.parametrize("edit", SAME)
@pytest.mark.parametrize("flavour", ["sync", "async"])
def test_it_is_the_same_key(flavour: str, edit: str) -> None:
    flow = Flavour(flavour, InMemorySaver())
    assert run(flow, SOURCE) == {"outer", "scaled", "step", "versioned"}
    assert run(flow, edited(*SAME[edit])) == set()


@pytest.mark.parametrize("edit", OTHER)
@pytest.mark.parametrize("flavour", ["sync", "async"])
def test_it_is_another_key(flavour: str, edit: str) -> None:
    flow = Flavour(flavour, InMemorySaver())
    run(flow, SOURCE)
    old, new, name = OTHER[edit]
    assert run(flow, edited(old, new)) == {name}


MODULE = """
import sys
from nbflow import SqliteSaver, entrypoint, task
from {package}.parts import helper

@task
def step(n):
    print("ran")
    return helper(n)

@entrypoint(checkpointer=SqliteSaver({file!r}))
def body(n):
    return step(n).result()

body.invoke(1, {{"configurable": {{"thread_id": "t"}}}}, reuse=True)
"""


def in_folder(folder: Path, file: Path, seed: str) -> str:
    """Run a script in a folder of its own, in a process with a hash seed; return what it prints."""
    package = folder / "own"
    package.mkdir(parents=True, exist_ok=True)
    (package / "__init__.py").write_text("")
    (package / "parts.py").write_text("def helper(n):\n    return {n, 'a', 'b'} and n + 1\n")
    script = folder / "script.py"
    script.write_text(textwrap.dedent(MODULE.format(package="own", file=str(file))))
    done = subprocess.run(
        [sys.executable, str(script)],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env={"PYTHONHASHSEED": seed},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_another_folder_and_another_hash_seed_are_the_same_key(tmp_path: Path) -> None:
    file = tmp_path / "runs.db"
    assert in_folder(tmp_path / "one", file, "1") == "ran\n"
    assert in_folder(tmp_path / "two", file, "2") == ""


SETS = """
import attrs, pydantic, sys
from typing import Annotated
from nbflow import entrypoint, task, SqliteSaver
@attrs.frozen
class Frozen:
    a: int = 1
    b: str = attrs.field(default="b", validator=attrs.validators.in_({{"b", "c", "d"}}))
class Model(pydantic.BaseModel):
    x: set[str] = {{"a", "b", "c", "d"}}
    y: Annotated[int, frozenset({{"a", "b", "c"}})] = 1
    _z: set[str] = pydantic.PrivateAttr(default={{"a", "b", "c"}})
space = {{}}
exec("def made(x):\\n    return x in {{'a', 'b', 'c'}}", space)
first, second = (lambda x: x in {{"a", "b", "c"}}), (lambda x: x in {{"a", "b", "d"}})
mixed = {{frozenset({{"a", "b", len}}), ("c", frozenset({{"d", "e"}})), made}} if (made := space["made"]) else None
@task
def work(n):
    print("ran")
    return [Frozen().a, Model().y, made(n), first(n), second(n), len(mixed)]
@entrypoint(checkpointer=SqliteSaver({file!r}))
def flow(n):
    return work(n).result()
flow.invoke(1, {{"configurable": {{"thread_id": "t"}}}}, reuse=len(sys.argv) > 1)
"""


def test_whatever_holds_a_set_is_the_same_key_in_every_process(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(SETS.format(file=str(tmp_path / "runs.db")))
    for seed in range(4):
        done = subprocess.run(
            [sys.executable, str(script), *(["reuse"] if seed else [])],
            capture_output=True,
            text=True,
            check=True,
            env={"PYTHONHASHSEED": str(seed)},
        )
        assert done.stdout == ("" if seed else "ran\n"), seed
