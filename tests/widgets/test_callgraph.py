"""The call graph's picture, whoever draws it, and its text."""

from __future__ import annotations

import base64
import re
import shutil
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from nbflow.core.record import CallReturned, Record, RunStarted
from nbflow_widgets.callgraph import callgraph
from nbflow_widgets.layered import Arrow, Box, draw
from nbflow_widgets.pictures import TEXT
from tests.unit.stories import story

module = sys.modules["nbflow_widgets.pictures"]
SVG = "{http://www.w3.org/2000/svg}"
RENDERERS = ["dot", "graphviz-pure", "built-in"]


def texts(svg: str) -> str:
    return " ".join(text for text in ET.fromstring(svg).itertext() if text.strip())


@pytest.mark.parametrize("renderer", RENDERERS)
@pytest.mark.parametrize("by", ["task", "level", "call"])
def test_each_renderer_draws_the_same_facts(renderer: str, by: str) -> None:
    graph = callgraph(story().kept, by, renderer=renderer)
    if renderer != "built-in" and module.find(renderer) is None:
        pytest.skip(f"{renderer} is not installed")
    assert graph.drawn_by == renderer
    shown = texts(graph.svg())
    assert all(name in shown for name in ("essay", "fetch", "measure", "check", "failed", "summarise", "call"))


def test_the_picture_is_an_image_with_a_text_beside_it() -> None:
    bundle = callgraph(story().kept)._repr_mimebundle_()
    found = re.fullmatch(
        r'<img src="data:image/svg\+xml;base64,([^"]+)" alt="([^"]+)" style="([^"]+)">', bundle["text/html"]
    )
    assert found is not None
    assert base64.b64decode(found[1]).startswith(b"<svg")
    assert (found[2], found[3].endswith("max-width:100%")) == ("call graph of essay", True)
    assert bundle["text/plain"].splitlines() == [
        "call graph by task: 6 nodes",
        "  essay",
        "    calls fetch ×3",  # noqa: RUF001  # the sign for "times"
        "    calls measure ×3",  # noqa: RUF001  # as above
        "    calls check",
        "    calls summarise",
        "  fetch · 3 calls",
        "    result to measure ×3",  # noqa: RUF001  # as above
        "    result to check",
        "  measure · 3 calls",
        "  check · '<page 0>' · failed",
        "  summarise",
        "    calls call",
        "  call · 'summary'",
    ]


@pytest.mark.parametrize("renderer", RENDERERS)
def test_a_picture_reads_on_light_and_on_dark_pages_and_names_its_nodes(renderer: str) -> None:
    graph = callgraph(story().kept, renderer=renderer)
    if renderer != "built-in" and module.find(renderer) is None:
        pytest.skip(f"{renderer} is not installed")
    svg = graph.svg()
    assert TEXT in svg
    assert "#ffffff" not in svg
    nodes = [group for group in ET.fromstring(svg).iter(f"{SVG}g") if group.get("class") == "node"]
    titles = [group.find(f"{SVG}title") for group in nodes]
    assert {title.text for title in titles if title is not None} == {f"n{number}" for number in range(6)}
    fills = {part.get("fill") or "" for group in nodes for part in group if part.tag != f"{SVG}text"}
    assert all("fill-opacity" in svg or len(fill) == len("#rrggbbaa") for fill in fills if fill not in {"", TEXT})


def test_a_script_leads_to_the_timeline_and_holds_no_markup(monkeypatch: pytest.MonkeyPatch) -> None:
    records: list[Record] = [
        RunStarted(run_id="r", thread_id="t", workflow="</script><b>"),
        CallReturned(path="0.0", name="</script>\u202e", started=0.0),
    ]
    assert "<script>" not in callgraph(records)._repr_mimebundle_()["text/html"]
    html = callgraph(records, script=True)._repr_mimebundle_()["text/html"]
    assert html.count("</script>") == 1
    assert '"run": "r"' in html
    assert '"path": "0.0"' in html
    assert "\u202e" not in html
    monkeypatch.setenv("NBFLOW_TWIN", "plain")
    assert "<script>" not in callgraph(records, script=True)._repr_mimebundle_()["text/html"]


def test_without_times_the_picture_is_the_same_every_time() -> None:
    one, two = (callgraph(story().heard[number], times=False) for number in (0, 0))
    assert one.svg() == two.svg()
    assert " ms" not in one.dot


@pytest.mark.parametrize("renderer", RENDERERS)
def test_labels_are_only_text(renderer: str) -> None:
    bad = '<b>"x"\\n</b>\\N & {|}'
    records: list[Record] = [
        RunStarted(run_id="r", thread_id="t", workflow=bad),
        CallReturned(path="0.0", name=bad, shown=bad, started=0.0),
    ]
    graph = callgraph(records, renderer=renderer)
    assert bad in texts(graph.svg())


def test_a_renderer_that_fails_or_hangs_leaves_the_built_in_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name, script in (("fails", "exit 3"), ("hangs", "exec sleep 60"), ("talks", "echo nonsense")):
        program = tmp_path / name
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
        monkeypatch.setattr(module, "SECONDS", 0.3)
        monkeypatch.setattr(module, "find", lambda _name, program=program: str(program))
        assert callgraph(story().kept).drawn_by == "built-in"


def test_a_missing_program_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda *_args, **_kw: None)
    assert callgraph(story().kept).drawn_by == "built-in"


def test_an_empty_run_is_a_text() -> None:
    assert callgraph([])._repr_mimebundle_() == {"text/plain": "call graph by task: 0 nodes"}


def test_other_words_are_refused() -> None:
    with pytest.raises(ValueError, match="'task', 'level' or 'call', not 'tsk' \\(did you mean 'task'\\?\\)"):
        callgraph([], "tsk")
    with pytest.raises(ValueError, match="'built-in', not 'neato'"):
        callgraph([], renderer="neato")


def box(name: str) -> Box:
    return Box(id=name, title=name)


def arrow(pair: str) -> Arrow:
    return Arrow(source=pair[0], target=pair[1])


def test_layers_follow_the_longest_path_and_boxes_do_not_touch() -> None:
    boxes = [box(name) for name in "abcde"]
    pairs = ["ab", "bc", "ac", "ad", "ce", "de"]
    draw(boxes, [arrow(pair) for pair in pairs])
    assert [item.layer for item in boxes] == [0, 1, 2, 1, 3]
    for one in boxes:
        for two in boxes:
            if one is not two and one.layer == two.layer:
                assert abs(one.y - two.y) >= (one.height + two.height) / 2


def test_circles_and_loops_are_drawn() -> None:
    boxes = [box(name) for name in "abc"]
    svg = draw(boxes, [arrow(pair) for pair in ("ab", "bc", "ca", "bb", "zz")], "a <circle>")
    assert "a <circle>" in texts(svg)
    assert svg.count('<path d="M') == 4 + 1  # four arrows and one arrow head
    assert draw([], []).startswith("<svg")
