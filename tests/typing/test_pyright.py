"""The public types as pyright sees them; mypy checks the same file with the rest of the tree."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
Told = dict[str, list[str]]


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Told:
    """Return the rules that pyright finds broken in the public types, and in a copy with one mistake, by file."""
    planted = tmp_path_factory.mktemp("planted") / "planted.py"
    source = (HERE / "public.py").read_text(encoding="utf-8")
    planted.write_text(source.replace("assert_type(plain(1), TaskFuture[str])", "assert_type(plain(1), str)"))
    command = [
        sys.executable,
        "-m",
        "basedpyright",
        "--level",
        "error",
        "--outputjson",
        *map(str, (HERE / "public.py", planted)),
    ]
    run = subprocess.run(command, cwd=HERE.parents[1], capture_output=True, text=True, check=False, timeout=100)
    report = json.loads(run.stdout)
    assert report["summary"]["filesAnalyzed"] == 2, run.stdout
    found: Told = {"public.py": [], "planted.py": []}
    for one in report["generalDiagnostics"]:
        found[Path(one["file"]).name].append(f"{one.get('rule')}: {one['message']}")
    return found


def test_pyright_agrees_with_the_public_types(told: Told) -> None:
    assert told["public.py"] == []


def test_pyright_finds_what_is_wrong(told: Told) -> None:
    (mistake,) = told["planted.py"]
    assert mistake.startswith("reportAssertTypeFailure")
