"""What the code of a call printed, logged, warned of and displayed, as it is kept with the call."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from nbflow.core.record import CallSettled, Output, Said

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from nbflow.core.record import Record

RICH = ("image/png", "image/svg+xml", "text/html")
"""Forms of a display that are more than its text, the best first."""
TEXT = 100_000
"""Characters of one part that are shown."""
# Colours, moves of the cursor, titles of windows: what terminals obey.
_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\^_])")
_OVERWRITTEN = re.compile(r"[^\n]*\r(?!\n)")


class Shown(NamedTuple):
    """A part of a call's output: texts that follow each other, or one display.

    Attributes:
        attempt: number of the attempt, from 1.
        text: what was printed, without what only terminals obey; of a display its text.
        forms: of a display, what it is beside text, by MIME type: PNG as base64, SVG, HTML. None of it is safe to be
            put into a page as it is.
        is_display: whether it is one.
    """

    attempt: int
    text: str
    forms: Mapping[str, str] = {}
    is_display: bool = False


def output_of(records: Iterable[Record], path: str) -> list[Shown]:
    """Return what the code of one call said, in order.

    What a body or a task that went on after a pause or a crash says again is there once, and what the call said when
    it ran before, for a result that no longer counts, is not.
    """
    said: list[Said] = []
    is_silent = False
    for record in records:
        if record.path != path:
            continue
        if isinstance(record, CallSettled):
            said, is_silent = ([] if is_silent else said), True
        elif isinstance(record, Output):
            is_silent = False
            new = _said(record)
            if record.is_new and said:
                first = {one.branch: one.step for one in reversed(new)}
                said = [one for one in said if one.step < first.get(one.branch, one.step + 1)]
            said += new
    return list(_shown(said))


def plain(text: str) -> str:
    """Return a text as a terminal would leave it: without colours, and of a line that was written over the last."""
    return _OVERWRITTEN.sub("", _ESCAPES.sub("", text))


def _said(record: Output) -> list[Said]:
    try:
        found = record.get()
        return [Said(*one) for one in found] if isinstance(found, (list, tuple)) else []
    except Exception as error:  # noqa: BLE001  # of a damaged file; this only shows
        return [Said("", 0, 1, "dropped", f"cannot be shown: {type(error).__name__}")]


def _shown(said: Iterable[Said]) -> Iterator[Shown]:
    texts: list[str] = []
    attempt = 0
    for one in said:
        forms = one.content if isinstance(one.content, dict) else None
        if texts and (one.attempt != attempt or forms is not None):
            yield Shown(attempt, _cut(plain("".join(texts))))
            texts = []
        attempt = one.attempt
        if forms is not None:
            yield _display(attempt, {str(form): str(text) for form, text in forms.items()})
        elif one.stream == "dropped":
            texts.append(f"\n… {one.content} …\n")
        else:
            texts.append(str(one.content))
    if texts:
        yield Shown(attempt, _cut(plain("".join(texts))))


def _display(attempt: int, forms: dict[str, str]) -> Shown:
    text = "\n".join(filter(None, (plain(forms.get("text/plain", "")), forms.get("dropped", ""))))
    rich = {form: forms[form] for form in RICH if form in forms}
    return Shown(attempt, _cut(text), rich, is_display=True)


def _cut(text: str) -> str:
    return text if len(text) <= TEXT else f"{text[:TEXT]}\n… {len(text) - TEXT:,} more characters"


__all__ = ["Shown", "output_of", "plain"]
