"""``%nbflow report``: one page that needs nothing, written whole, and over nothing of somebody else's."""

from __future__ import annotations

import base64
import gzip
import json
import os
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from IPython.core.error import UsageError

import nbflow_widgets
from nbflow import Command, InMemorySaver, entrypoint, interrupt, record_answer, task
from tests.widgets.conftest import Shell

CONFIG: Any = {"configurable": {"thread_id": "t"}}


def kept(*, size: int = 10, name: str = "flow") -> InMemorySaver:
    """Return a saver with a run of everything that a report tells of."""
    saver = InMemorySaver()

    @task
    def double(n: int) -> int:
        # why it doubles
        return 2 * n

    @task
    def broken(text: str) -> None:
        raise ValueError(f"<b>bold</b> {text}")

    @entrypoint(checkpointer=saver, name=name)
    def flow(text: str) -> Any:
        found = [double(k).result() for k in range(3)]
        try:
            broken(text).result()
        except ValueError:
            found.append(-1)
        return [text * size, found, interrupt(f"<i>good?</i> {text}")]

    flow.invoke("hello", CONFIG)
    flow.invoke(Command(resume="<u>yes</u>"), CONFIG)
    return saver


class Page(HTMLParser):
    """What a page is made of.

    Attributes:
        tags: how often each tag opens.
        addresses: all values of attributes that name something elsewhere.
        text: what can be read.
    """

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: dict[str, int] = {}
        self.addresses: list[str] = []
        self.text = ""
        self._hidden = False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] = self.tags.get(tag, 0) + 1
        self.addresses += [value or "" for name, value in attrs if name in {"src", "href", "srcset", "action"}]
        assert not [name for name, _ in attrs if name.startswith("on")]
        self._hidden = tag in {"script", "style"}

    def handle_endtag(self, tag: str) -> None:
        self._hidden = False

    def handle_data(self, data: str) -> None:
        self.text += "" if self._hidden else data


def page(path: Path) -> Page:
    return Page(path.read_text(encoding="utf-8"))


def test_it_tells_all_and_asks_for_nothing(tmp_path: Path) -> None:
    path = tmp_path / "run.html"
    written = nbflow_widgets.report("t", str(path), saver=kept())
    assert os.fspath(written) == str(path)
    assert repr(written).startswith(f"Wrote the report of 't' to {path} (")
    found = page(path)
    for told in (
        "flow done", "thread", "at work", "Input and result", "hello", "Questions", "<i>good?</i> hello", "<u>yes</u>",
        "Errors", "ValueError: <b>bold</b> hello", "Traceback", "Tasks", "Call graph", "Code", "# why it doubles",
    ):  # fmt: skip
        assert told in found.text, told
    assert found.addresses
    assert all(address.startswith("data:image/svg+xml;base64,") for address in found.addresses)
    assert "default-src 'none'" in path.read_text(encoding="utf-8")
    assert not found.tags.keys() & {"b", "i", "u"} - {"b"}
    assert list(tmp_path.iterdir()) == [path], "nothing is left beside it"


def test_its_timeline_holds_the_code_of_each_call_once(tmp_path: Path) -> None:
    path = tmp_path / "run.html"
    nbflow_widgets.report("t", str(path), saver=kept())
    (packed,) = re.findall(r"await Promise\.all\((\[.*?\])\.map", path.read_text(encoding="utf-8"))
    run = json.loads(gzip.decompress(base64.b64decode(json.loads(packed)[2])))
    labels = [[label for label, _ in run["details"][path]] for path in ("0.0", "0.1")]
    assert [one[-1].partition(":")[0] for one in labels] == ["code, tests.widgets.test_report"] * 2
    assert len({run["details"][path][-1][1] for path in ("0.0", "0.1", "0.2")}) == 1


def test_hostile_values_stay_text(tmp_path: Path) -> None:
    evil = "</script><script>alert(1)</script>\x1b[31m\0\u202e]]><!--"
    saver = InMemorySaver()

    @task(name=evil)
    def loud(text: str) -> str:
        raise ValueError(text)

    @entrypoint(checkpointer=saver, name=evil)
    def flow(text: str) -> Any:
        return loud(text).result()

    with pytest.raises(ValueError, match="alert"):
        flow.invoke(evil, CONFIG)
    path = tmp_path / "run.html"
    nbflow_widgets.report("t", str(path), saver=saver)
    html = path.read_text(encoding="utf-8")
    assert page(path).tags["script"] == 2
    assert "alert(1)</script>" not in html
    assert not set(html) & {"\x1b", "\0", "\u202e"}


def test_a_large_run_makes_a_page_that_can_be_opened(tmp_path: Path) -> None:
    path = tmp_path / "run.html"
    nbflow_widgets.report("t", str(path), saver=kept(size=4_000_000))
    assert path.stat().st_size < 200_000


def test_a_run_without_an_end_or_a_call_has_a_report(tmp_path: Path) -> None:
    saver = InMemorySaver()

    @entrypoint(checkpointer=saver)
    def flow(_: int) -> Any:
        return interrupt("now?")

    flow.invoke(1, CONFIG)
    nbflow_widgets.report("t", str(tmp_path / "run.html"), saver=saver)
    assert "asked at" in page(tmp_path / "run.html").text
    assert ", open" in page(tmp_path / "run.html").text
    record_answer(saver, "t", "yes", by="ada <b>", comment="after <i>lunch</i>")
    nbflow_widgets.report("t", str(tmp_path / "run.html"), saver=saver)
    assert "answered by ada <b> at" in page(tmp_path / "run.html").text
    assert "after <i>lunch</i>" in page(tmp_path / "run.html").text


def test_a_run_at_hand_needs_no_checkpointer(tmp_path: Path) -> None:
    @entrypoint()
    def flow(n: int) -> int:
        return n

    run = flow.start(1)
    run.result()
    nbflow_widgets.report(run, str(tmp_path / "run.html"))
    assert len(nbflow_widgets.diff(run, run).calls) == 1
    assert "flow done" in page(tmp_path / "run.html").text


def test_only_a_report_is_replaced_unless_told(tmp_path: Path) -> None:
    saver, path = kept(), tmp_path / "run.html"
    path.write_text("<!doctype html><p>mine")
    with pytest.raises(FileExistsError, match="nbflow did not write it"):
        nbflow_widgets.report("t", str(path), saver=saver)
    assert path.read_text() == "<!doctype html><p>mine"
    nbflow_widgets.report("t", str(path), saver=saver, overwrite=True)
    first = path.read_text()
    nbflow_widgets.report("t", str(path), saver=saver)
    assert path.read_text()[:100] == first[:100]


def test_a_write_that_fails_leaves_the_old_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    saver, path = kept(), tmp_path / "run.html"
    nbflow_widgets.report("t", str(path), saver=saver)
    first = path.read_bytes()

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        nbflow_widgets.report("t", str(path), saver=saver)
    assert path.read_bytes() == first
    assert list(tmp_path.iterdir()) == [path]


def test_a_link_stays_one(tmp_path: Path) -> None:
    real, link = tmp_path / "real.html", tmp_path / "link.html"
    link.symlink_to(real)
    nbflow_widgets.report("t", str(link), saver=kept())
    assert link.is_symlink()
    assert "flow done" in page(real).text


def test_the_magic_writes_it_and_says_so(shell: Shell, tmp_path: Path) -> None:
    shell.run("%%entrypoint --thread demo --input 1\ndef flow(n):\n    return n")
    said = shell.run("%nbflow report demo run.html")
    assert "Wrote the report of 'demo' to run.html" in repr(said)
    assert Path("run.html").exists()
    Path("mine.html").write_text("mine")
    error = shell.fail("%nbflow report demo mine.html")
    assert isinstance(error, UsageError)
    assert "name another file" in str(error)
