"""The timeline without a kernel: as HTML that survives saving and export, and as text."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from nbflow.views.progress import Progress, RunView, worked
from nbflow.views.spans import Rest, Span, capped, spans_of
from nbflow_widgets.markup import WIDTH, bar, colour, div, dot, duration, escape, listed, plural, span, visible
from nbflow_widgets.static_rows import CUT, ROW, SMALL, as_facts, bars, call, code_block, folded, label, state

if TYPE_CHECKING:
    from nbflow.views.code import Code
    from nbflow.views.details import Detail

LIMIT = 300


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
    lines = [f"{'  ' * item.depth}{call(item)}: {state(item)}" for item in shown if item.depth]
    lines += [
        f"  and {plural(sum(group.counts.values()), 'call')} of {group.name}: {listed(group.counts)}" for group in rest
    ]
    return visible("\n".join([summary(progress), *lines]))


def timeline_html(
    view: RunView,
    progress: Progress,
    *,
    times: bool,
    until: float,
    details: Callable[[str], Sequence[Detail]],
    script: str = "",
    code: Iterable[Code] = (),
) -> str:
    """Return a run as HTML.

    Args:
        view: the run.
        progress: how it stands.
        times: whether to show bars to scale, durations and what depends on them.
        until: seconds since 1970 where what still runs is cut.
        details: gives what is known of a call; not asked for all of many.
        script: what draws the run in the place of this, where scripts run; markup.
        code: the code that ran; shown with times alone.
    """
    if not progress.name:
        return div(SMALL, "no run")
    if times:
        body = bars(spans_of(view, until), details)
        ending = _ending(progress, details("0")) + code_block(code)
    else:
        shown, rest = capped(spans_of(view, until), LIMIT)
        body, ending = "".join([*(_plain_row(item) for item in shown if item.depth), *map(_rest_row, rest)]), ""
    frame = (
        f"max-width:{WIDTH};box-sizing:border-box;padding:10px 12px;border:1px solid #7d859044;border-radius:8px;"
        "font-size:13px"
    )
    whole = div(frame, _head(progress, until, times=times), div("margin-top:6px", body), ending)
    return f"<div>{whole}</div>{script}" if script else whole


def _head(progress: Progress, until: float, *, times: bool) -> str:
    known = progress.state
    if times and known == "running":  # whoever reads this may do so much later
        known = f"was running at {time.strftime('%H:%M:%S', time.localtime(until))}"
    facts = [known, plural(progress.total, "call"), *_notable(progress)]
    if times:
        facts.append(duration(worked(progress, until)))
        paused = sum(end - begin for begin, end in progress.gaps)
        facts += [f"paused {duration(paused)}"] if paused else []
    name = f"{dot(progress.state)}<b>{escape(progress.name)}</b>"
    thread = span(f"{SMALL};margin-left:8px", f"thread {progress.thread_id}") if progress.thread_id and times else ""
    line = div(
        f"display:flex;align-items:baseline;{CUT}",
        f'<span style="flex:0 1 auto;{CUT}">{name}{thread}</span>',
        span(f"{SMALL};flex:0 2 auto;min-width:40%;text-align:right;margin-left:auto;{CUT}", " · ".join(facts)),
    )
    total = max(progress.total, 1)
    return line + div("margin-top:7px", bar((state, 100 * n / total) for state, n in progress.counts.items()))


def _notable(progress: Progress) -> list[str]:
    """Return counts that are more than "all done"."""
    counts = {state: count for state, count in progress.counts.items() if state != "done"}
    facts = [f"{count:,} {state}" for state, count in counts.items()]
    return [*facts, f"{progress.retried:,} retried"] if progress.retried else facts


def _plain_row(item: Span) -> str:
    return div(ROW, label(item), span(f"flex:1 1 auto;{SMALL}", state(item)))


def _rest_row(group: Rest) -> str:
    count = sum(group.counts.values())
    return div(f"{ROW};{SMALL}", escape(f"and {plural(count, 'call')} of {group.name}: {listed(group.counts)}"))


def _ending(progress: Progress, facts: Sequence[Detail]) -> str:
    """Return what went in and what came out."""
    errors = [fact.text for fact in facts if fact.label == "error" and fact.text]
    last = errors[0].splitlines()[-1] if errors and progress.state == "failed" else ""
    loud = div(f"margin-top:6px;color:{colour('failed')}", escape(last)) if last else ""
    labels = list(dict.fromkeys(fact.label for fact in facts))
    return loud + div("margin-top:6px", folded(_and(labels), as_facts(facts)))


def _and(words: Sequence[str]) -> str:
    return " and ".join(part for part in (", ".join(words[:-1]), *words[-1:]) if part)
