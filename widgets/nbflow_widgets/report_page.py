"""A run as one page that needs nothing else: no kernel, no network, no other file.

A policy in its head forbids requests, so that nothing which a run's values hold can make one.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from nbflow.views.calls import CallRow, Record, in_order
from nbflow.views.details import Detail, text_of_value
from nbflow.views.progress import Progress, worked
from nbflow.views.rows import QuestionRow, questions_of
from nbflow.views.timing import timing_of
from nbflow_widgets import packed, tables
from nbflow_widgets.callgraph import callgraph
from nbflow_widgets.markup import MUTED, colour, div, dot, duration, escape, span, with_code
from nbflow_widgets.pictures import as_image
from nbflow_widgets.run_feed import RunFeed
from nbflow_widgets.timeline import Timeline
from nbflow_widgets.timing import timing_text

if TYPE_CHECKING:
    from nbflow.views.code import Code

HEAD = "<!doctype html>\n<!-- nbflow report -->\n"
ROOM = packed.Room(data=8_000_000, calls=5_000, facts=20_000_000)
ERRORS, QUESTIONS = 50, 200
"""Failed calls, and questions, that are shown one by one."""
DRAWN = 20_000
"""Calls up to which the call graph is drawn."""
_ASKED = {"question", "answer", "refused answer"}
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline' blob:"


def report_html(records: Sequence[Record]) -> str:
    """Return the page of one run.

    Args:
        records: of the run.
    """
    feed = RunFeed(records)
    feed.flush()
    view, progress = feed.view, feed.progress
    times = timing_of(view)
    facts = [fact for fact in feed.details("0") if fact.label not in _ASKED]  # questions have a place of their own
    rows = in_order(view.calls.rows.values())
    failed = [row for row in rows if row.state == "failed" and row.parent]
    told = timing_text(progress, times)
    drawn = callgraph(records).svg() if 1 < len(rows) <= DRAWN else ""
    style = (packed.STATIC / "report.css").read_text(encoding="utf-8")
    script = (packed.STATIC / "report.js").read_text(encoding="utf-8")
    meta = f'<meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
    meta += '<meta name="viewport" content="width=device-width, initial-scale=1">'
    meta += f"<title>{escape(progress.name or 'no run')}: {escape(progress.state)}</title><style>{style}</style>"
    parts = [
        f"<script>{script}</script>",
        _heading(progress),
        f"<p>{with_code(told)}</p>" if told else "",
        Timeline(feed).html(script=True, room=ROOM),
        _section("Input and result", _facts(facts, loud="error")),
        _section("Questions", _questions(questions_of(records))),
        _section("Errors", "".join(_error(feed, row) for row in failed[:ERRORS]), _rest(failed, ERRORS)),
        _section("Tasks", _wide(tables.tasks_of(times)._repr_html_()) if times.tasks else ""),
        _section("Call graph", _wide(as_image(drawn, f"call graph of {progress.name}")) if drawn else ""),
        _section("Code", "".join(_code(one) for one in feed.code.kept.values())),
    ]
    return f'{HEAD}<html lang="en"><head>{meta}</head><body>{"".join(parts)}</body></html>\n'


def _heading(progress: Progress) -> str:
    if not progress.name:
        return "<h1>no run</h1>"
    ended = progress.ended
    facts = {
        "thread": progress.thread_id,
        "run": progress.run_id,
        "began": _moment(progress.started),
        "ended": _moment(ended) if ended is not None else "",
        "at work": duration(worked(progress, ended)) if ended is not None else "",
        "calls": f"{progress.total:,}",
    }
    state = f'<span class="state" style="background-color:{colour(progress.state)}">{escape(progress.state)}</span>'
    listed = "".join(f"<div><dt>{name}</dt><dd>{escape(text)}</dd></div>" for name, text in facts.items() if text)
    return f"<h1>{escape(progress.name)} {state}</h1><dl>{listed}</dl>"


def _moment(at: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(at))


def _section(title: str, *content: str) -> str:
    inner = "".join(content)
    return f"<section><h2>{title}</h2>{inner}</section>" if inner else ""


def _wide(inner: str) -> str:
    return f'<div class="wide">{inner}</div>'


def _facts(facts: Sequence[Detail], loud: str = "") -> str:
    return "".join(
        f"<h3>{escape(fact.label)}</h3><pre{' class=loud' if fact.label == loud else ''}>{escape(fact.text)}</pre>"
        for fact in facts
    )


def _questions(rows: Sequence[QuestionRow]) -> str:
    return "".join(map(_question, rows[:QUESTIONS])) + _rest(rows, QUESTIONS)


def _question(row: QuestionRow) -> str:
    when = f"{row.name} asked at {_moment(row.asked)}"
    if row.answered is not None:
        who = f" by {row.by}" if row.by else ""
        when += f", {row.state}{who} at {_moment(row.answered)} after {duration(max(0.0, row.answered - row.asked))}"
    else:
        when += f", {row.state}"
    answer = f'<pre class="answer">{escape(row.answer)}</pre>' if row.answer is not None else ""
    comment = f"<p>{escape(row.comment)}</p>" if row.comment else ""
    return f"<h3>{escape(when)}</h3><pre>{escape(row.question)}</pre>{answer}{comment}"


def _error(feed: RunFeed, row: CallRow) -> str:
    facts = [fact for fact in feed.details(row.path) if fact.label != "result"]
    told = text_of_value(row.value, brief=True) if row.value is not None else ""
    name = f"{dot('failed')}<b>{escape(row.name)}</b> {span(f'color:{MUTED}', f'call {row.path}')}"
    head = f"<summary>{name} {escape(told)}</summary>"
    return f"<details>{head}{_facts(facts, loud='error')}</details>"


def _rest(rows: Sequence[object], shown: int) -> str:
    return div(f"color:{MUTED}", f"and {len(rows) - shown:,} more") if len(rows) > shown else ""


def _code(code: Code) -> str:
    place = span(f"color:{MUTED};font-weight:normal", " · ".join(filter(None, [code.kind, code.place])))
    return f"<details><summary><b>{escape(code.name)}</b> {place}</summary><pre>{escape(code.text)}</pre></details>"


__all__ = ["HEAD", "report_html"]
