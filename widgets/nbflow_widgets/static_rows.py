"""The calls of a run as HTML that survives saving and export: bars to scale that open with a click.

Few calls are a row each; of many, each function is a row, with its calls as a strip and, inside, those that a
reader must see. Of what is known of calls so much is written down as a file can bear.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from math import floor, log10
from typing import TYPE_CHECKING, NamedTuple

from nbflow.views.progress import URGENT
from nbflow.views.spans import ABOVE_ALL, Span
from nbflow_widgets.markup import MUTED, TRACK, colour, div, dot, duration, escape, listed, plural, span

if TYPE_CHECKING:
    from nbflow.views.code import Code
    from nbflow.views.details import Detail

ROWS = 60
"""Calls that are shown one by one; of more, their functions are."""
GROUPS = 40
SLOWEST = 10
CELLS = 60
FACT, FACTS = 1_000, 40_000
"""Characters of one fact, and of the markup of all together, that are written down."""
CODE, CODES = 3_000, 12_000
"""Characters of the code of one function, and of that of all together, likewise."""
SMALL = f"font-size:12px;color:{MUTED}"
ROW = "display:flex;align-items:center;height:22px;line-height:22px"
CUT = "overflow:hidden;text-overflow:ellipsis;white-space:nowrap"
_CODE = "margin:2px 0 8px 0;white-space:pre-wrap;word-break:break-word;font-size:12px;background-color:transparent"
_LABEL = f"flex:0 0 34%;padding-right:10px;box-sizing:border-box;{CUT}"
_TOOK = f"flex:0 1 118px;min-width:0;text-align:right;{CUT};{SMALL}"
_LINE = "flex:1 1 40%;min-width:0"
_BOX = "max-height:352px;overflow-y:auto"
_TICKS = 5


class Scale(NamedTuple):
    """The axis that all bars share.

    Attributes:
        whole: seconds from its left to its right end.
        step: seconds between two marks.
    """

    whole: float
    step: float

    def share(self, seconds: float) -> float:
        """Return seconds as percent of the axis."""
        return 100 * seconds / self.whole


def scale_of(spans: Iterable[Span]) -> Scale:
    """Return the axis for these bars, with a mark at round numbers of seconds."""
    whole = max((item.end for item in spans), default=0.0) or 1e-9
    power = 10.0 ** floor(log10(whole / _TICKS))
    step = next(k * power for k in (1, 2, 5, 10) if k * power * _TICKS >= whole * 0.999)
    return Scale(whole, step)


class Facts:
    """What is known of calls, until there is no room for more.

    Args:
        details: gives what is known of a call.
    """

    def __init__(self, details: Callable[[str], Sequence[Detail]]) -> None:
        self._details = details
        self._room = FACTS

    def of(self, path: str) -> str:
        """Return what is known of a call; empty where there is no room."""
        if self._room <= 0:
            return ""
        told = as_facts(self._details(path))
        self._room -= len(told)
        return told


def as_facts(facts: Sequence[Detail]) -> str:
    """Return what is known of a call, each under its label."""
    return "".join(f'{span(SMALL, fact.label)}<pre style="{_CODE}">{escape(_short(fact.text))}</pre>' for fact in facts)


def code_block(kept: Iterable[Code]) -> str:
    """Return the code of a run, folded: each function once, as far as there is room."""
    shown, room, left = "", CODES, 0
    for code in kept:
        text = _short(code.text, CODE)
        if len(text) > room:
            left += 1
            continue
        room -= len(text)
        head = " · ".join(filter(None, [code.name, code.place]))
        shown += f'{span(SMALL, head)}<pre style="{_CODE}">{escape(text)}</pre>'
    if left:
        shown += div(SMALL, f"and {plural(left, 'function')} more, in the thread")
    return folded("code", shown)


def _short(text: str, most: int = FACT) -> str:
    return text if len(text) <= most else f"{text[:most]}\n… {len(text) - most:,} more characters"


def bars(spans: Sequence[Span], details: Callable[[str], Sequence[Detail]]) -> str:
    """Return all calls but the body, under an axis."""
    calls = [item for item in spans if item.depth]
    if not calls:
        return ""
    scale, facts = scale_of(spans), Facts(details)
    if len(calls) <= ROWS:
        first = {item.row.path: facts.of(item.row.path) for item in calls if item.row.state in ABOVE_ALL}
        rows = "".join(_row(item, scale, first.get(item.row.path) or facts.of(item.row.path)) for item in calls)
    else:
        rows = _groups(calls, scale, facts)
    return _axis(scale) + div(_BOX, rows)


def folded(label: str, inner: str, indent: int = 0) -> str:
    """Return what opens with a click on its label; nothing without anything in it."""
    head = f'<summary style="{SMALL};cursor:pointer">{escape(label)}</summary>'
    return f'<details style="margin-left:{indent}px">{head}{inner}</details>' if inner else ""


def _axis(scale: Scale) -> str:
    count = int(scale.whole / scale.step * 0.999) + 1
    marks = "".join(
        div(f"flex:0 0 {scale.share(scale.step):.3f}%;{CUT}", _tick(number * scale.step)) for number in range(count)
    )
    line = div(f"{_LINE};display:flex;overflow:hidden;{SMALL};font-size:10px", marks)
    return div("display:flex", div(_LABEL), line, div(_TOOK))


def _tick(seconds: float) -> str:
    return duration(seconds).replace(".0 ", " ") if seconds else "0"


def _track(scale: Scale, *parts: str) -> str:
    grid = f"linear-gradient(90deg,{MUTED}55 1px,transparent 1px)"
    size = f"{scale.share(scale.step):.3f}% 100%"
    style = f"{_LINE};display:flex;height:12px;border-radius:3px;overflow:hidden;background-color:{TRACK}"
    return div(f"{style};background-image:{grid};background-size:{size}", *parts)


def _row(item: Span, scale: Scale, facts: str, indent: int = 0) -> str:
    row = item.row
    left, width = scale.share(item.begin), scale.share(item.end - item.begin)
    waits = scale.share(item.begin - item.requested)
    track = _track(
        scale,
        f'<div style="flex:0 0 {left - waits:.3f}%"></div>',
        f'<div style="flex:0 0 {waits:.3f}%;margin-top:5px;height:2px;background-color:{colour("waiting")}"></div>',
        f'<div style="flex:0 0 {width:.3f}%;min-width:3px;height:12px;border-radius:3px;'
        f'background-color:{colour(row.state)}"></div>',
    )
    line = div(ROW, label(item, indent), track, span(_TOOK, _took(item)), title=f"{call(item)}: {state(item)}")
    return opening(line, div(f"margin-left:{14 * item.depth + indent}px", facts)) if facts else line


def opening(line: str, inner: str) -> str:
    """Return a row that opens with a click."""
    return f'<details><summary style="cursor:pointer;list-style:none">{line}</summary>{inner}</details>'


def _took(item: Span) -> str:
    row, took = item.row, duration(item.end - item.begin)
    words = {"waiting": ["waits"], "asking": ["asks"], "sleeping": ["sleeps"]}
    words |= {ended: [took, ended] for ended in ("failed", "stopped")}
    tries = [f"attempt {row.attempt}"] if row.attempt > 1 else []
    return " · ".join([*words.get(row.state, [took]), *tries])


def label(item: Span, indent: int = 0) -> str:
    """Return the name and the arguments of a call, as deep as it stands and ``indent`` pixels further."""
    shown = span(f"{SMALL};margin-left:6px", item.row.shown) if item.row.shown else ""
    mark = f'<span style="{SMALL};margin-left:6px" title="has output">≡</span>' if item.printed else ""
    name = f"{dot(item.row.state)}{escape(item.row.name)}{mark}{shown}"
    return div(f"{_LABEL};padding-left:{14 * (item.depth - 1) + indent}px", name)


def call(item: Span, wide: int = 60) -> str:
    """Return a call as text: ``name(arguments)``."""
    shown = item.row.shown
    return f"{item.row.name}({shown if len(shown) <= wide else f'{shown[: wide - 1]}…'})"


def state(item: Span) -> str:
    """Return how a call stands, as text."""
    row = item.row
    attempt = f"attempt {row.attempt}" if row.attempt > 1 else ""
    return ", ".join(filter(None, [row.state, attempt, "changed its arguments" if row.changed else ""]))


def _groups(calls: Sequence[Span], scale: Scale, facts: Facts) -> str:
    found: dict[str, list[Span]] = {}
    for item in calls:
        found.setdefault(item.row.name, []).append(item)
    groups = list(found.items())
    rows = "".join(_group(name, members, scale, facts) for name, members in groups[:GROUPS])
    rest = sum(len(members) for _, members in groups[GROUPS:])
    functions = plural(len(groups) - GROUPS, "other function")
    return rows + (div(f"{ROW};{SMALL}", f"and {plural(rest, 'call')} of {functions}") if rest else "")


def _group(name: str, members: Sequence[Span], scale: Scale, facts: Facts) -> str:
    counts = _counts(members)
    worst = min(counts, key=URGENT.index)
    many = span(f"{SMALL};margin-left:6px", f"×{len(members):,}")  # noqa: RUF001  # the sign for "times"
    track = _track(scale, div(f"flex:1 1 auto;height:12px;background-image:{_strip(members, scale)}"))
    together = span(_TOOK, duration(sum(item.end - item.begin for item in members)))
    head = f"{dot(worst)}{escape(name)}{many}"
    line = div(ROW, div(_LABEL, head), track, together, title=f"{name}: {listed(counts)}")
    urgent = [item for item in members if item.row.state in ABOVE_ALL][:SLOWEST]
    slowest = sorted((item for item in members if item not in urgent), key=lambda item: item.begin - item.end)[:SLOWEST]
    rows = "".join(_row(item, scale, facts.of(item.row.path), 14) for item in [*urgent, *slowest])
    rest = len(members) - len(urgent) - len(slowest)
    told = f"{listed(counts)}; {plural(rest, 'call')} not shown" if rest else listed(counts)
    return opening(line, rows + div(f"{ROW};{SMALL};padding-left:14px", escape(told)))


def _counts(members: Iterable[Span]) -> Mapping[str, int]:
    counts: dict[str, int] = {}
    for item in members:
        counts[item.row.state] = counts.get(item.row.state, 0) + 1
    return counts


def _strip(members: Iterable[Span], scale: Scale) -> str:
    """Return calls as one gradient: each part of the time in the state that matters most there."""
    worst = [len(URGENT)] * CELLS
    for item in members:
        rank = URGENT.index(item.row.state)
        first = min(CELLS - 1, int(item.begin / scale.whole * CELLS))
        last = min(CELLS - 1, int(item.end / scale.whole * CELLS))
        for cell in range(first, last + 1):
            worst[cell] = min(worst[cell], rank)
    stops, begin = [], 0
    for cell in range(1, CELLS + 1):
        if cell < CELLS and worst[cell] == worst[begin]:
            continue
        tone = colour(URGENT[worst[begin]]) if worst[begin] < len(URGENT) else "transparent"
        stops.append(f"{tone} {100 * begin / CELLS:.4g}%,{tone} {100 * cell / CELLS:.4g}%")
        begin = cell
    return f"linear-gradient(90deg,{','.join(stops)})"
