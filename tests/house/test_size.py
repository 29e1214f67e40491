"""Sizes: what grows past these limits is two things and wants two names."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tests.house.sources import Kind, blocks, shown, source_files

FILE_LINES = 450
FUNCTION_LINES = 45
CLASS_LINES = 250
FACE_LINES = 120

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
MUTED = re.compile(r"#\s*(?:noqa|type:\s*ignore)(?P<rule>:\s*[A-Z]+\d+|\[[\w,-]+\])?(?P<reason>.*)")


def too_long_files(paths: list[Path], limit: int) -> list[str]:
    sizes = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in paths}
    return [f"{shown(path)}: {size} lines" for path, size in sizes.items() if size > limit]


def too_long_blocks(paths: list[Path], kind: Kind, limit: int) -> list[str]:
    found = [block for path in paths for block in blocks(path, kind)]
    return [f"{block.where}: {block.lines} lines" for block in found if block.lines > limit]


def muted(text: str) -> list[re.Match[str]]:
    return [match for line in text.splitlines() if (match := MUTED.search(line))]


def test_no_file_is_longer_than_its_limit() -> None:
    assert too_long_files(source_files(".py", ".js", ".css"), FILE_LINES) == []


def test_no_face_is_longer_than_its_limit() -> None:
    assert too_long_files([path for path in source_files(".py") if path.name == "__init__.py"], FACE_LINES) == []


def test_no_function_is_longer_than_its_limit() -> None:
    assert too_long_blocks(source_files(".py"), FUNCTIONS, FUNCTION_LINES) == []


def test_no_class_is_longer_than_its_limit() -> None:
    assert too_long_blocks(source_files(".py"), ast.ClassDef, CLASS_LINES) == []


def test_every_muted_rule_is_named_and_has_its_reason_on_the_line() -> None:
    lines = [(shown(path), match) for path in source_files(".py") for match in muted(path.read_text(encoding="utf-8"))]
    assert [f"{path}: {m[0]}" for path, m in lines if not m["rule"] or not re.search(r"[a-z]{2}", m["reason"])] == []


@pytest.fixture
def planted(tmp_path: Path) -> Path:
    """Write a file with one function of 5 lines, 2 of them docstring, in a class of 6."""
    path = tmp_path / "planted.py"
    path.write_text(
        'class Big:\n    def long(self):\n        """Say.\n        More."""\n        a = 1\n        return a\n'
    )
    return path


def test_docstrings_do_not_count(planted: Path) -> None:
    assert too_long_blocks([planted], FUNCTIONS, 3) == []
    assert too_long_blocks([planted], FUNCTIONS, 2) == [f"{planted}:2 long: 3 lines"]


def test_long_files_and_classes_are_found(planted: Path) -> None:
    assert too_long_files([planted], 5) == [f"{planted}: 6 lines"]
    assert too_long_blocks([planted], ast.ClassDef, 5) == [f"{planted}:1 Big: 6 lines"]


@pytest.mark.parametrize(
    ("line", "rule", "reason"),
    [
        ("x  # " + "noqa", None, ""),
        ("x  # " + "noqa: BLE001", ": BLE001", ""),
        ("x  # " + "type: ignore[misc]  # untyped base", "[misc]", "  # untyped base"),
    ],
)
def test_muted_lines_are_read(line: str, rule: str | None, reason: str) -> None:
    (match,) = muted(line)
    assert (match["rule"], match["reason"]) == (rule, reason)
