"""A run packed into its twin: the timeline's own module and the run's data, in a script that needs no kernel."""

from __future__ import annotations

import gzip
import json
import os
from base64 import b64encode
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from nbflow_widgets.markup import visible
from nbflow_widgets.run_feed import code_fact

if TYPE_CHECKING:
    from nbflow.views.code import Code
    from nbflow.views.details import Detail

Item = tuple[str, str] | tuple[str, str, Mapping[str, str]]
STATIC = Path(__file__).with_name("static")
MODULE = (  # one module in eight parts
    "keys.js",
    "timeline_run.js", "timeline_rows.js", "timeline_paint.js", "timeline_head.js", "timeline_details.js",
    "timeline_output.js", "timeline.js",
)  # fmt: skip
VARIABLE = "NBFLOW_TWIN"


class Room(NamedTuple):
    """How much of a run is packed.

    Attributes:
        data: characters of a packed run; larger ones leave out details, and the largest are not packed.
        calls: of so many the details are packed at most.
        facts: characters of details that are packed at most, before they are compressed.
        fact: characters of one detail that are packed.
        figures: characters of figures and tables that are packed at most; of more there is the text alone.
    """

    data: int = 60_000
    calls: int = 400
    facts: int = 200_000
    fact: int = 10_000
    figures: int = 30_000


NOTEBOOK = Room()


def is_wanted() -> bool:
    """Whether twins are to have a script: unless the environment variable ``NBFLOW_TWIN`` is ``plain``."""
    return os.environ.get(VARIABLE) != "plain"


def module() -> str:
    """Return the timeline's JavaScript."""
    return joined(*MODULE)


def joined(*names: str) -> str:
    """Return files of ``static`` as one module."""
    return "\n".join((STATIC / name).read_text(encoding="utf-8") for name in names)


def script_of(
    snapshot: Mapping[str, object],
    paths: Iterable[str],
    details: Callable[[str], Sequence[Detail]],
    code: Callable[[str], Code | None],
    room: Room = NOTEBOOK,
) -> str:
    """Return the script that draws a run in the place of the element before it; empty if the run is too large.

    Args:
        snapshot: the run, as the page wants it.
        paths: its calls, those first that a reader asks for first.
        details: gives what is known of a call.
        code: gives the code of a call.
        room: how much there is room for.
    """
    nothing: dict[str, object] = {"details": {}, "codes": []}
    for known in (_details(paths, details, code, room), nothing):
        data = _packed(json.dumps({"snapshot": snapshot, **known}, separators=(",", ":")))
        if len(data) <= room.data:
            module, css = _page()
            text = (STATIC / "twin.js").read_text(encoding="utf-8")
            return f"<script>{text.replace('PACKED', json.dumps([module, css, data]))}</script>"
    return ""


def items_of(facts: Iterable[Detail]) -> list[Item]:
    """Return what is known of a call as the page wants it: label, text, and of a display its other forms."""
    return [_item(fact.label, fact.text, fact.forms) for fact in facts]


def _item(label: str, text: str, forms: Mapping[str, str]) -> Item:
    return (label, visible(text), forms) if forms else (label, visible(text))


def _details(
    paths: Iterable[str], details: Callable[[str], Sequence[Detail]], code: Callable[[str], Code | None], room: Room
) -> dict[str, object]:
    """Return what is known of calls; code stands once, and is named there by its number."""
    found: dict[str, list[Item | tuple[str, int]]] = {}
    codes: dict[Code, int] = {}
    left, figures = room.facts, room.figures
    for path in paths:
        if left <= 0 or len(found) >= room.calls:
            break
        items: list[Item] = []
        for label, text, forms in details(path):
            size = sum(map(len, forms.values()))
            told = (
                text if len(text) <= room.fact else f"{text[: room.fact]}\n… {len(text) - room.fact:,} more characters"
            )
            items.append(_item(label, told, forms if size <= figures else {}))
            figures -= size if size <= figures else 0
        left -= sum(len(item[1]) for item in items)
        found[path] = [*items]
        one = code(path)
        if one is not None and (one in codes or len(one.text) <= left):
            left -= len(one.text) if one not in codes else 0
            found[path].append((visible(code_fact(one).label), codes.setdefault(one, len(codes))))
    return {"details": found, "codes": [visible(code_fact(one).text) for one in codes]}


@cache
def _page() -> tuple[str, str]:
    return _packed(module()), _packed((STATIC / "timeline.css").read_text(encoding="utf-8"))


def _packed(text: str) -> str:
    return b64encode(gzip.compress(text.encode(), 9, mtime=0)).decode("ascii")
