"""The timeline without a kernel: as HTML that survives saving and export, and as text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from nbflow.views.progress import Progress, RunView, worked
from nbflow.views.spans import Rest, Span, capped, spans_of
from nbflow_widgets.markup import MUTED, TRACK, bar, colour, div, dot, duration, escape, listed, plural, span

if TYPE_CHECKING:
    from nbflow.views.details import Detail

LIMIT = 300
WIDE = 60
_SMALL = f"font-size:12px;color:{MUTED}"
_ROW = "display:flex;align-items:center;height:22px;line-height:22px"
_CUT = "overflow:hidden;text-overflow:ellipsis;white-space:nowrap"
_CODE = "margin:2px 0 8px 0;white-space:pre-wrap;word-break:break-word;font-size:12px;background-color:transparent"


def summary(progress: Progress) -> str:
    """Return the run in one line: ``flow: done, 5 calls (4 done, 1 replayed)``."""
    if not progress.name:
        return "no run"
    line = f"{progress.name}: {progress.state}, {plural(progress.total, 'call')}"
    if progress.counts:
        line += f" ({listed(progress.counts)})"
    if progress.questions:
        line += f", {plural(progress.questions, 'open question')}"
    return line


def timeline_text(view: RunView, progress: Progress) -> str:
    """Return a run as text, without times, ids and the order in which calls ended."""
    shown, rest = capped(spans_of(view), LIMIT)
    lines = [f"{'  ' * item.depth}{_call(item)}: {_state(item)}" for item in shown if item.depth]
    lines += [f"  and {plural(sum(group.counts.values()), 'call')} of {group.name}: {_counts(group)}" for group in rest]
    return "\n".join([summary(progress), *lines])


def timeline_html(
    view: RunView, progress: Progress, *, times: bool, until: float, details: Callable[[str], Sequence[Detail]]
) -> str:
    """Return a run as HTML.

    Args:
        view: the run.
        progress: how it stands.
        times: whether to show bars to scale, durations and what depends on them.
        until: seconds since 1970 where what still runs is cut.
        details: gives what is known of a call; asked for few, those that matter most.
    """
    if not progress.name:
        return div(_SMALL, "no run")
    shown, rest = capped(spans_of(view, until), LIMIT)
    whole = max((item.end for item in shown), default=0.0) or 1e-9
    rows = [_row_with_details(item, whole, details) if times else _plain_row(item) for item in shown if item.depth]
    body = div("margin-top:6px", *rows, *(_rest_row(group, times=times) for group in rest))
    frame = "max-width:980px;padding:10px 12px;border:1px solid #7d859044;border-radius:8px;font-size:13px"
    ending = _ending(progress, details("0")) if times else ""
    return div(frame, _head(progress, until, times=times), body, ending)


def _head(progress: Progress, until: float, *, times: bool) -> str:
    facts = [progress.state, plural(progress.total, "call"), *_notable(progress)]
    if times:
        facts.append(duration(worked(progress, until)))
        paused = sum(end - begin for begin, end in progress.gaps)
        facts += [f"paused {duration(paused)}"] if paused else []
    name = f"{dot(progress.state)}<b>{escape(progress.name)}</b>"
    thread = span(f"{_SMALL};margin-left:8px", f"thread {progress.thread_id}") if progress.thread_id and times else ""
    line = div(
        f"display:flex;align-items:baseline;{_CUT}",
        f"<span>{name}{thread}</span>",
        span(f"{_SMALL};margin-left:auto;padding-left:12px", " · ".join(facts)),
    )
    total = max(progress.total, 1)
    return line + div("margin-top:7px", bar((state, 100 * n / total) for state, n in progress.counts.items()))


def _notable(progress: Progress) -> list[str]:
    """Return counts that are more than "all done"."""
    counts = {state: count for state, count in progress.counts.items() if state != "done"}
    facts = [f"{count:,} {state}" for state, count in counts.items()]
    return [*facts, f"{progress.retried:,} retried"] if progress.retried else facts


def _row_with_details(item: Span, whole: float, details: Callable[[str], Sequence[Detail]]) -> str:
    row = item.row
    left, width = 100 * item.begin / whole, 100 * (item.end - item.begin) / whole
    waits = 100 * (item.begin - item.requested) / whole
    track = div(
        f"flex:1 1 auto;display:flex;height:12px;background-color:{TRACK};border-radius:3px;overflow:hidden",
        f'<div style="flex:0 0 {left - waits:.3f}%"></div>',
        f'<div style="flex:0 0 {waits:.3f}%;margin-top:5px;height:2px;background-color:{colour("waiting")}"></div>',
        f'<div style="flex:0 0 {width:.3f}%;min-width:3px;height:12px;border-radius:3px;'
        f'background-color:{colour(row.state)}"></div>',
    )
    seconds = span(f"flex:0 0 72px;text-align:right;{_SMALL}", duration(item.end - item.begin))
    line = div(_ROW, _label(item), track, seconds, title=f"{_call(item)}: {_state(item)}")
    if row.state != "failed":
        return line
    return line + _more(14 * item.depth, f"why {row.name} failed", details(row.path))


def _more(indent: int, label: str, facts: Sequence[Detail]) -> str:
    """Return facts that open with a click."""
    lines = "".join(f'{span(_SMALL, fact.label)}<pre style="{_CODE}">{escape(fact.text)}</pre>' for fact in facts)
    summary_ = f'<summary style="{_SMALL};cursor:pointer">{escape(label)}</summary>'
    return f'<details style="margin-left:{indent}px">{summary_}{lines}</details>' if facts else ""


def _plain_row(item: Span) -> str:
    state = span(f"flex:1 1 auto;{_SMALL}", _state(item))
    return div(_ROW, _label(item), state)


def _label(item: Span) -> str:
    shown = span(f"{_SMALL};margin-left:6px", item.row.shown) if item.row.shown else ""
    name = f"{dot(item.row.state)}{escape(item.row.name)}{shown}"
    return div(
        f"flex:0 0 34%;padding-left:{14 * (item.depth - 1)}px;padding-right:10px;box-sizing:border-box;{_CUT}", name
    )


def _rest_row(group: Rest, *, times: bool) -> str:
    count = sum(group.counts.values())
    text = f"and {plural(count, 'call')} of {group.name}: {_counts(group)}"
    if times:
        text += f", {duration(group.seconds)} together"
    return div(f"{_ROW};{_SMALL}", escape(text))


def _ending(progress: Progress, facts: Sequence[Detail]) -> str:
    """Return what went in and what came out."""
    errors = [fact.text for fact in facts if fact.label == "error" and fact.text]
    last = errors[0].splitlines()[-1] if errors and progress.state == "failed" else ""
    loud = div(f"margin-top:6px;color:{colour('failed')}", escape(last)) if last else ""
    labels = [fact.label for fact in facts]
    return loud + div("margin-top:6px", _more(0, _and(labels), facts))


def _and(words: Sequence[str]) -> str:
    return " and ".join(part for part in (", ".join(words[:-1]), *words[-1:]) if part)


def _counts(group: Rest) -> str:
    return listed(group.counts)


def _call(item: Span) -> str:
    shown = item.row.shown
    return f"{item.row.name}({shown if len(shown) <= WIDE else f'{shown[: WIDE - 1]}…'})"


def _state(item: Span) -> str:
    row = item.row
    facts = [
        row.state,
        f"attempt {row.attempt}" if row.attempt > 1 else "",
        "changed its arguments" if row.changed else "",
    ]
    return ", ".join(fact for fact in facts if fact)
