"""The tree says nothing about the machine that it was written on.

No absolute path of a checkout, an environment or a home, and no host that packages came from. The
words are taken from this machine, so the test names none of them itself.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.house.sources import ROOT

STANDARD_FOLDERS = {
    "",
    "/",
    "bin",
    "builds",
    "etc",
    "home",
    "mnt",
    "opt",
    "private",
    "root",
    "srv",
    "tmp",
    "usr",
    "var",
}
HOMES = r"(?:home|Users)/[\w.-]+/|root/"


def tracked(root: Path) -> list[Path]:
    """Return the files that git knows, or would add."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True).stdout
    return [path for name in listed.split("\0") if name and (path := root / name).is_file()]


def machine_paths(folders: Iterable[Path]) -> set[str]:
    """Return what the given folders betray: themselves, and their first part where it is an unusual one."""
    paths = {folder for folder in folders if len(folder.parts) > 1}
    tops = {path.parts[1] for path in paths} - STANDARD_FOLDERS
    deep = {str(path) for path in paths if path.parts[1] in STANDARD_FOLDERS and len(path.parts) > 2}
    return deep | {f"/{top}/" for top in tops}


def registry_hosts(settings: str) -> set[str]:
    """Return the hosts in pip's settings."""
    hosts = {urlsplit(url).hostname for url in re.findall(r"\w+://[^\s'\",]+", settings)}
    return {host for host in hosts if host}


def pip_settings() -> str:
    """Return pip's index settings, its environment variables included."""
    run = subprocess.run([sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=False)
    return "\n".join(line for line in run.stdout.splitlines() if "index" in line or "links" in line)


def pattern(paths: Iterable[str], hosts: Iterable[str]) -> re.Pattern[str]:
    """Return a pattern that matches these paths at their start only, these hosts, and any home."""
    starts = "|".join((*map(re.escape, sorted(paths)), f"/(?:{HOMES})"))
    names = "".join(rf"|\b{re.escape(host)}\b" for host in sorted(hosts))
    return re.compile(rf"(?<![\w.:/-])(?:{starts}){names}")


def findings(root: Path, words: re.Pattern[str]) -> list[str]:
    """Return ``path:line: word`` for each match in the text files of a tree."""
    found = []
    for path in tracked(root):
        text = path.read_bytes().decode("utf-8", errors="replace")
        for number, line in enumerate(text.splitlines(), start=1):
            found += [f"{path.relative_to(root)}:{number}: {match[0]}" for match in words.finditer(line)]
    return found


def test_the_tree_names_no_machine() -> None:
    folders = machine_paths([ROOT, Path(sys.prefix), Path.home()])
    assert findings(ROOT, pattern(folders, registry_hosts(pip_settings()))) == []


def test_paths_of_the_machine_are_those_that_are_unusual() -> None:
    folders = [Path("/builds/x/nbflow"), Path("/desk/nbflow"), Path("/usr"), Path("/"), Path("/tmp/env")]
    assert machine_paths(folders) == {"/builds/x/nbflow", "/desk/", "/tmp/env"}


def test_hosts_are_read_from_settings() -> None:
    settings = "index-url='https://me:secret@pip.example:8080/simple'\nextra='https://other.example/simple file:///x'"
    assert registry_hosts(settings) == {"pip.example", "other.example"}


@pytest.mark.parametrize(
    ("line", "bad"),
    [
        ("see " + "/desk/shared/notes", True),
        ("`" + "/desk/x`", True),
        ("from pip" + ".example import x", True),
        ("cd /" + "home/ada/nbflow", True),
        ("https://example.org/desk/x", False),
        ("the front/desk/x folder, /desks/", False),
        ("/usr/bin/env", False),
    ],
)
def test_words_are_found_where_they_are_meant(tmp_path: Path, line: str, bad: bool) -> None:
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    (tmp_path / "notes.md").write_text(f"\n{line}\n")
    found = findings(tmp_path, pattern(["/desk/"], ["pip.example"]))
    assert [text.partition(": ")[0] for text in found] == (["notes.md:2"] if bad else [])
