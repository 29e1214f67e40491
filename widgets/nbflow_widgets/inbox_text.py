"""What the inbox says, as HTML and as text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from nbflow.views.details import answered_before
from nbflow_widgets.markup import BORDER, FAINT, escaped, moment, note, plural, preformatted
from nbflow_widgets.waiting import STATES

if TYPE_CHECKING:
    from nbflow import Interrupt
    from nbflow.views.code import CodeView
    from nbflow_widgets.waiting import Waiting

_BRIEF = 120


def count_text(number: int) -> str:
    """Return how much waits."""
    if not number:
        return "Nothing waits for you."
    return f"{number} run waits for you." if number == 1 else f"{number} runs wait for you."


def brief(items: Sequence[Waiting], mine: str, aside: int, *, grouped: bool = True) -> str:
    """Return in a line what waits, and in which notebooks if more than one is known."""
    groups = Counter(group_of(item.begun.notebook, mine) for item in items)
    text = count_text(len(items))
    if grouped and {item.begun.notebook for item in items} not in ({""}, {mine}, set()):
        text = f"{text[:-1]}: {', '.join(f'{count} in {name}' for name, count in groups.items())}."
    return text + (f" {aside} archived." if aside else "")


def head_line(items: Sequence[Waiting], mine: str, aside: int, *, folded: bool) -> str:
    """Return the line above the list."""
    edge = "" if folded else f";border-bottom:1px solid {BORDER};margin-bottom:4px"
    return (
        f'<div style="font-weight:600;line-height:1.5;padding:2px 0{edge}">{escaped(brief(items, mine, aside))}</div>'
    )


def count_html(number: int, aside: int) -> str:
    """Return the heading of a saved list."""
    more = f" {aside} archived." if aside else ""
    return (
        f'<div style="font-weight:600;border-bottom:1px solid {BORDER};padding:2px 0;margin-bottom:4px">'
        f"{escaped(count_text(number) + more)}</div>"
    )


def group_of(notebook: str, mine: str) -> str:
    """Return the name of a notebook for people; ``mine`` is the one that they look at."""
    if not notebook:
        return "no known notebook"
    return "this notebook" if notebook == mine else notebook


def group_html(notebook: str, mine: str) -> str:
    """Return the heading over the entries of a notebook."""
    return f'<div style="{FAINT};margin:6px 0 2px;font-weight:600">{escaped(group_of(notebook, mine))}</div>'


def title_html(item: Waiting, state: str = "", *, when: bool = False) -> str:
    """Return the heading of an entry; ``state`` is in the place of how it waits, ``when`` tells since when."""
    since = f"since {moment(item.run.log[-1].at)}" if when and not state else ""
    facts = [state or STATES[item.status], since, str(item.begun), f"thread {item.thread_id}"]
    told = " · ".join(filter(None, facts))
    return (
        f'<div style="line-height:1.5;overflow-wrap:anywhere"><b>{escaped(item.workflow)}</b> '
        f'<span style="{FAINT}">{escaped(told)}</span></div>'
    )


def item_html(item: Waiting, hint: str = "") -> str:
    """Return an entry without forms."""
    questions = "".join(map(_question, item.interrupts))
    return f"<div>{title_html(item)}{questions}{note(hint) if hint else ''}</div>"


def item_text(item: Waiting) -> str:
    """Return an entry as text."""
    place = f" ({item.begun})" if any(item.begun) else ""
    lines = [f"{item.thread_id}: {item.workflow} {STATES[item.status]}{place}"]
    return "\n".join([*lines, *(f"  {_brief(asked)}" for asked in item.interrupts)])


def code_html(code: CodeView) -> str:
    """Return the code that ran, folded; empty if none was kept."""
    kept = [one for one in code.kept.values() if one.text]
    shown = "".join(
        f'<div style="{FAINT}">{escaped(" · ".join(filter(None, [one.name, one.kind, one.place])))}</div>'
        f"{preformatted(one.text)}"
        for one in kept
    )
    summary = f'<summary style="{FAINT};cursor:pointer">The code that ran: {plural(len(kept), "function")}</summary>'
    return f"<details>{summary}{shown}</details>" if kept else ""


def module_html(module: str) -> str:
    """Return the code that would define the workflow, folded."""
    count = plural(len(module.splitlines()), "line")
    summary = f'<summary style="{FAINT};cursor:pointer">What its cell needs, to be run here: {count}</summary>'
    return f"<details>{summary}{preformatted(module)}</details>"


def _question(asked: Interrupt) -> str:
    return f'<div style="padding-left:12px;line-height:1.5">{escaped(_brief(asked))}</div>'


def _brief(asked: Interrupt) -> str:
    value = asked.value
    if isinstance(value, dict):
        value = next((value[key] for key in ("question", "prompt", "message", "text") if key in value), value)
    text = str(value)
    before = answered_before(asked.earlier, asked.response_schema)
    return (text if len(text) <= _BRIEF else f"{text[: _BRIEF - 1]}…") + (f" ({before})" if before else "")


__all__ = [
    "brief",
    "code_html",
    "count_html",
    "group_html",
    "group_of",
    "head_line",
    "item_html",
    "item_text",
    "module_html",
    "title_html",
]
