"""What ``make docs`` makes of the code is complete, and it finds what would be wrong with its pages."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from docs.pages import commands, reference
from docs.pages.offline import problems
from nbflow_widgets.options import PARSER
from nbflow_widgets.subcommands import SUBCOMMANDS
from tests.house.public_names import public_names

ALSO_KNOWN_AS = {"nbflow.MemorySaver", "nbflow.types.PregelExecutableTask"}  # other names of classes beside them


def test_every_public_name_is_in_the_reference_once() -> None:
    text = "\n".join(map(reference.text_of, reference.PAGES))
    entries = Counter(re.findall(r"^\.\. auto\w+:: ([\w.]+)", text, flags=re.MULTILINE))
    assert [name for name, count in entries.items() if count > 1] == []
    assert set(public_names()) - set(entries) == set(), "name it on a page of docs/pages/reference.py"
    assert set(reference.documented()) <= set(entries)


def test_what_a_name_stands_for_is_in_the_reference_once() -> None:
    names = [name for name in reference.documented() if name not in ALSO_KNOWN_AS]
    values = {name: reference.value_of(*name.rsplit(".", 1)) for name in names}
    classes = Counter(value for value in values.values() if isinstance(value, type))
    assert [name for name, value in values.items() if isinstance(value, type) and classes[value] > 1] == []


def test_something_is_said_of_every_name() -> None:
    silent = [name for name in reference.documented() if not reference.said_of(*name.rsplit(".", 1))]
    assert silent == [], "write a docstring; what can have none is described in ALIASES of docs/pages/reference.py"


def test_descriptions_stand_for_names_that_are_there() -> None:
    known = {name.rpartition(".")[2] for name in reference.documented()}
    assert set(reference.ALIASES) - known == set()


def test_the_page_of_commands_has_each_of_them_with_its_options() -> None:
    page = commands.page()
    assert [name for name in SUBCOMMANDS if f"### `%nbflow {name}`\n" not in page] == []
    assert [option for action in PARSER._actions for option in action.option_strings if option not in page] == []
    assert "### `nbflow resume`" in page


@pytest.fixture
def pages(tmp_path: Path) -> Path:
    (tmp_path / "a.html").write_text('<h1 id="top">A</h1><a href="b.html#there">b</a><img src="data:x">')
    (tmp_path / "b.html").write_text('<p id="there"></p><a href="#there"></a><a href="https://example.org/">far</a>')
    return tmp_path


def test_pages_that_need_only_each_other_are_right(pages: Path) -> None:
    assert problems(pages) == []


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('<script src="https://example.org/a.js"></script>', "loads https://example.org/a.js from the network"),
        ('<link rel="stylesheet" href="//example.org/a.css">', "loads //example.org/a.css from the network"),
        ('<img src="gone.png">', "leads to gone.png, which is not there"),
        ('<a href="gone.html"></a>', "leads to gone.html, which is not there"),
        ('<a href="a.html#gone"></a>', "leads to a.html#gone, which is not there"),
        ('<a href="#gone"></a>', "leads to #gone, which is not there"),
    ],
)
def test_what_is_elsewhere_or_nowhere_is_told(pages: Path, text: str, told: str) -> None:
    (pages / "c.html").write_text(text)
    assert problems(pages) == [f"c.html {told}"]


def test_styles_that_load_from_the_network_are_told(pages: Path) -> None:
    (pages / "a.css").write_text('p { background: url("https://example.org/a.png"); }')
    assert problems(pages) == ["a.css loads from the network"]
