"""Nothing is written twice for two flavours: what differs by ``await`` alone belongs in a program."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.house.sources import source_files
from tests.house.twins import twins

TWIN_LINES = 40


def test_the_package_has_few_twin_lines() -> None:
    found = twins(source_files(".py"))
    assert sum(twin.lines for twin in found) <= TWIN_LINES, "\n".join(map(str, found))


def planted(folder: Path, *functions: str) -> Path:
    path = folder / "planted.py"
    path.write_text("\n".join(functions))
    return path


SYNC = """
def {name}(self, key):
    '''Get it.'''
    with self.lock:
        for row in self.rows(key):
            self.seen.add(row)
    return self.fetch(key)
"""
ASYNC = """
async def {name}(self, key):
    '''Get it, and say much more
    about it.'''
    async with self.lock:
        async for row in self.arows(key):
            self.seen.add(row)
    return await self.afetch(key)
"""


@pytest.mark.parametrize(
    ("sync", "other"),
    [("get", "aget"), ("_get", "_aget"), ("get", "get_async"), ("add", "aadd"), ("run_sync", "run_async"), ("x", "x")],
)
def test_a_namesake_that_repeats_is_a_twin(tmp_path: Path, sync: str, other: str) -> None:
    (twin,) = twins([planted(tmp_path, SYNC.format(name=sync), ASYNC.format(name=other))])
    assert (twin.lines, twin.alike) == (5, 1.0)


def test_another_name_or_another_body_is_no_twin(tmp_path: Path) -> None:
    other_body = "async def aget(self, key):\n    return await Program(key).drive()\n"
    assert twins([planted(tmp_path, SYNC.format(name="get"), ASYNC.format(name="aput"))]) == []
    assert twins([planted(tmp_path, SYNC.format(name="get"), other_body)]) == []
