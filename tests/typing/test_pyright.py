"""The public types as pyright sees them; mypy checks the same file with the rest of the tree."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent


def check(path: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "basedpyright", "--level", "error", str(path)]
    return subprocess.run(command, cwd=HERE.parents[1], capture_output=True, text=True, check=False, timeout=100)


def test_pyright_agrees_with_the_public_types() -> None:
    run = check(HERE / "public.py")
    assert run.returncode == 0, run.stdout


def test_pyright_finds_what_is_wrong(tmp_path: Path) -> None:
    planted = tmp_path / "planted.py"
    source = (HERE / "public.py").read_text(encoding="utf-8")
    planted.write_text(source.replace("assert_type(plain(1), TaskFuture[str])", "assert_type(plain(1), str)"))
    assert "reportAssertTypeFailure" in check(planted).stdout
