"""The page of errors and their numbers, made from their docstrings.

``python -m tests.house.error_page`` rewrites ``docs/errors.md`` and adds new numbers to the committed list. A number
that is there stays what it is for ever, also when its class has gone: people search for it.
"""

from __future__ import annotations

import inspect
import re
import sys
from pathlib import Path

from nbflow import errors
from tests.house.sources import ROOT

PAGE = ROOT / "docs" / "errors.md"
COMMITTED = Path(__file__).with_name("error_numbers.txt")
KINDS = {
    "NBF-1": "Something is declared or called wrongly",
    "NBF-2": "A thread has something else to go on with",
    "NBF-3": "Runs and calls",
    "NBF-4": "Files and values",
    "NBF-5": "Graphs",
}
HEAD = """\
# Errors and warnings

Each error and warning of nbflow has a number, which stands at the end of its text and never changes: `[NBF-250]`. All
are in `nbflow.errors`; `error.number` has the number. What pauses, rests or stops a run (`GraphInterrupt` and its kin)
is no error and has none.

This page is made from the docstrings: `python -m tests.house.error_page`.
"""


def numbered() -> list[type[Exception]]:
    """Return the error and warning classes, by their numbers."""
    found = [one for name in errors.__all__ if isinstance(one := getattr(errors, name), type)]
    return sorted((one for one in found if issubclass(one, Exception)), key=number_of)


def number_of(kind: type[Exception]) -> str:
    """Return the number that a class has itself; empty for none."""
    return str(vars(kind).get("number", ""))


def numbers() -> dict[str, str]:
    """Return the names of the classes by their numbers."""
    return {number_of(kind): kind.__name__ for kind in numbered()}


def committed() -> dict[str, str]:
    """Return the numbers that were given so far, of classes that have gone too."""
    lines = COMMITTED.read_text(encoding="utf-8").splitlines() if COMMITTED.exists() else []
    return dict(line.split(" ", 1) for line in lines)


def sections(doc: str) -> dict[str, str]:
    """Return the parts of a docstring by the names of its sections; the first one is ``""``."""
    parts = re.split(r"^([A-Z]\w+):\n", doc, flags=re.MULTILINE)
    named = zip(parts[1::2], parts[2::2], strict=True)
    return {"": parts[0].strip(), **{name: inspect.cleandoc(f"\n{text}").strip() for name, text in named}}


def page() -> str:
    """Return the page."""
    lines = [HEAD]
    shown = ""
    for kind in numbered():
        group = next(name for name in KINDS if number_of(kind).startswith(name))
        if group != shown:
            shown = group
            lines.append(f"\n## {KINDS[group]}\n")
        lines.append(_entry(kind))
    return "\n".join(lines)


def _entry(kind: type[Exception]) -> str:
    parts = sections(inspect.getdoc(kind) or "")
    text = [f"### {number_of(kind)} {kind.__name__}\n", _joined(parts[""])]
    if "Example" in parts:
        text.append(f"```python\n{parts['Example']}\n```\n")
    text.append(f"**What to do.** {_joined(parts.get('Remedy', ''))}")
    if "Attributes" in parts:
        text.append(_listed(parts["Attributes"]))
    return "\n".join(text)


def _joined(text: str) -> str:
    """Return paragraphs with each on one line, and code as Markdown has it."""
    paragraphs = [" ".join(one.split()) for one in text.split("\n\n")]
    return "\n\n".join(paragraphs).replace("``", "`") + "\n"


def _listed(attributes: str) -> str:
    items = re.split(r"\n(?=\S)", attributes)
    pairs = [" ".join(item.split()).partition(": ") for item in items]
    return "\n".join(f"- `{name.replace(', ', '`, `')}`: {text.replace('``', '`')}" for name, _, text in pairs) + "\n"


def wrong(now: dict[str, str], given: dict[str, str]) -> list[str]:
    """Return what is wrong with the numbers of now, by those that were given so far."""
    by_name = {name: number for number, name in given.items()}
    moved = [
        f"{name} has {number}, and had {by_name[name]}" for number, name in now.items() if _moved(number, name, by_name)
    ]
    taken = [
        f"{number} of {name} was that of {given[number]}"
        for number, name in now.items()
        if number in given and given[number] != name
    ]
    return moved + taken


def _moved(number: str, name: str, by_name: dict[str, str]) -> bool:
    return name in by_name and by_name[name] != number


def main() -> None:
    """Rewrite the page, and add new numbers to the list."""
    problems = wrong(numbers(), committed())
    if problems:
        sys.exit("\n".join(problems))
    listed = sorted({**committed(), **numbers()}.items())
    COMMITTED.write_text("".join(f"{number} {name}\n" for number, name in listed), encoding="utf-8")
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
