"""The table of traps is whole, and every test that it names exists."""

from __future__ import annotations

import ast
import functools
import re
from pathlib import Path

import pytest

from tests.house.sources import ROOT

TESTS = ROOT / "tests"
TABLE = TESTS / "behaviour" / "README.md"
NUMBERS = range(1, 76)


def rows(text: str) -> dict[int, list[str]]:
    """Return the lines of the table: by number, the tests."""
    found = re.findall(r"^\| (\d+) \| .+? \| .+? \| (.*?) ?\|$", text, re.MULTILINE)
    return {int(number): re.findall(r"`([^`]+)`", tests) for number, tests in found}


def complaints(text: str, tests: Path) -> list[str]:
    """Return what is wrong with a table."""
    table = rows(text)
    wrong = [f"{number} is missing" for number in NUMBERS if number not in table]
    for number, named in sorted(table.items()):
        if not named:
            wrong.append(f"{number} names no test")
        wrong += [f"{number} names {name}, which does not exist" for name in named if not _exists(name, tests)]
    return wrong


def _exists(name: str, tests: Path) -> bool:
    file, _, test = name.partition("::")
    path = tests / file if "/" in file else tests / "behaviour" / file
    if not test or not path.is_file():
        return False
    return test in _functions_of(path.read_text(encoding="utf-8"))


@functools.cache
def _functions_of(text: str) -> set[str]:
    return {node.name for node in ast.parse(text).body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


def test_the_table_is_whole_and_its_tests_exist() -> None:
    assert complaints(TABLE.read_text(encoding="utf-8"), TESTS) == []


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("| 7 | A trap. | An answer. | `test_a.py::test_one` |", None),
        ("| 7 | A trap. | An answer. | `unit/test_b.py::test_two` |", None),
        ("| 7 | A trap. | An answer. | `test_a.py::test_two` |", "7 names test_a.py::test_two, which does not exist"),
        ("| 7 | A trap. | An answer. | `test_a.py` |", "7 names test_a.py, which does not exist"),
        ("| 7 | A trap. | An answer. | |", "7 names no test"),
        ("| 7b | A trap. | An answer. | `test_a.py::test_one` |", "7 is missing"),
    ],
)
def test_holes_in_the_table_are_found(tmp_path: Path, line: str, complaint: str | None) -> None:
    for folder, test in [("behaviour/test_a.py", "test_one"), ("unit/test_b.py", "test_two")]:
        (tmp_path / folder).parent.mkdir()
        (tmp_path / folder).write_text(f"def {test}() -> None: ...\n", encoding="utf-8")
    others = [f"| {n} | A trap. | An answer. | `test_a.py::test_one` |" for n in NUMBERS if n != 7]
    found = complaints("\n".join([*others, line]), tmp_path)
    assert found == ([complaint] if complaint else [])
