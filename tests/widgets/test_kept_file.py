"""What was typed survives the kernel; a file that is broken, shared or not there does no harm."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from nbflow_widgets.kept_file import LONG, MANY, KeptFile


def drafts_in(path: Path) -> KeptFile:
    return KeptFile(lambda: path)


def test_a_draft_is_there_for_the_next_kernel_until_it_is_sent(tmp_path: Path) -> None:
    path = tmp_path / "drafts.json"
    first = drafts_in(path)
    first["a"], first["b"] = {"answer": "half"}, {"answer": [1, None]}
    first.flush()
    assert path.stat().st_mode & 0o777 == 0o600
    second = drafts_in(path)
    assert dict(second) == {"a": {"answer": "half"}, "b": {"answer": [1, None]}}
    del second["a"]
    second.flush()
    assert dict(drafts_in(path)) == {"b": {"answer": [1, None]}}


def test_two_kernels_keep_each_others_drafts(tmp_path: Path) -> None:
    one, two = drafts_in(tmp_path / "drafts.json"), drafts_in(tmp_path / "drafts.json")
    assert (len(one), len(two)) == (0, 0)
    one["a"] = "mine"
    two["b"] = "yours"
    one.flush()
    two.flush()
    assert dict(drafts_in(tmp_path / "drafts.json")) == {"a": "mine", "b": "yours"}


@pytest.mark.parametrize("content", ["", "nope", "[1]", "\ud800".encode("utf-8", "surrogatepass"), "[" * 100_000])
def test_a_broken_file_is_no_draft_and_is_written_anew(tmp_path: Path, content: str | bytes) -> None:
    path = tmp_path / "drafts.json"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    found = drafts_in(path)
    assert dict(found) == {}
    found["a"] = 1
    found.flush()
    assert json.loads(path.read_text()) == {"a": 1}


def test_what_can_not_be_kept_in_the_file_is_kept_in_the_kernel(tmp_path: Path) -> None:
    nowhere = drafts_in(tmp_path / "no folder" / "drafts.json")
    nowhere["a"] = 1
    nowhere.flush()
    assert dict(nowhere) == {"a": 1}
    assert not (tmp_path / "no folder").exists()
    odd = drafts_in(tmp_path / "drafts.json")
    odd["object"], odd["long"], odd["fine"] = object(), "x" * LONG, 1
    odd.flush()
    assert set(odd) == {"object", "long", "fine"}
    assert dict(drafts_in(tmp_path / "drafts.json")) == {"fine": 1}


def test_the_oldest_of_too_many_go(tmp_path: Path) -> None:
    many = drafts_in(tmp_path / "drafts.json")
    for number in range(MANY + 5):
        many[str(number)] = number
    many.flush()
    kept = drafts_in(tmp_path / "drafts.json")
    assert (len(kept), "4" in kept, str(MANY + 4) in kept) == (MANY, False, True)


def test_what_another_kernel_has_written_is_taken_in(tmp_path: Path) -> None:
    one, two = drafts_in(tmp_path / "drafts.json"), drafts_in(tmp_path / "drafts.json")
    assert [len(one), one.refresh()] == [0, False]
    two["b"] = "yours"
    two.flush()
    one["a"] = "mine"
    assert [one.refresh(), one.refresh()] == [True, False]
    assert dict(one) == {"b": "yours", "a": "mine"}
    del two["b"]
    two.flush()
    assert one.refresh()
    assert dict(one) == {"a": "mine"}
