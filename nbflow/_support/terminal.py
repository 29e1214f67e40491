"""What the command line writes: plain lines; in a terminal with colours by state, where the package rich is there."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.text import Text

_STYLES = {
    "asking": "bold yellow", "crashed": "red", "done": "green", "failed": "red", "retrying": "yellow",
    "running": "cyan", "sleeping": "blue", "stopped": "magenta", "waiting": "blue",
}  # fmt: skip


def write_table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> None:
    """Write rows of texts in columns; a cell that names a state has its colour."""
    lines = [tuple(map(_plain, row)) for row in rows]
    screen = _screen()
    if screen is not None:
        from rich.table import Table  # noqa: PLC0415  # only where it is there

        table = Table(*head, box=None, pad_edge=False, padding=(0, 2, 0, 0))
        for line in lines:
            table.add_row(*map(_styled, line))
        screen.print(table)
        return
    widths = [max(map(len, column)) for column in zip(head, *lines, strict=True)]
    for line in [head, *lines]:
        sys.stdout.write("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() + "\n")


def write_line(*parts: str) -> None:
    """Write a line made of texts; one that names a state has its colour."""
    texts = [*map(_plain, parts)]
    screen = _screen()
    if screen is None:
        sys.stdout.write("".join(texts) + "\n")
        return
    from rich.text import Text  # noqa: PLC0415  # as above

    screen.print(Text.assemble(*map(_styled, texts)), soft_wrap=True)


def _screen() -> Any:  # noqa: ANN401  # of a package that may not be there
    """Return rich's console; None where nobody looks, or it is not installed."""
    if not sys.stdout.isatty():
        return None
    try:
        from rich.console import Console  # noqa: PLC0415  # as above
    except ImportError:
        return None
    return Console(file=sys.stdout, highlight=False)


def _styled(text: str) -> Text:
    from rich.text import Text  # noqa: PLC0415  # as above

    return Text(text, _STYLES.get(text, ""))


def _plain(text: str) -> str:
    """Return a text without what a terminal would obey."""
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text)
