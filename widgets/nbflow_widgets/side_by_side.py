"""Two runs side by side: a sentence, the calls that differ, the tasks by time, and the code that changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nbflow.views.diff import CodeDiff, RunDiff
from nbflow.views.progress import worked
from nbflow.views.timing import timing_of
from nbflow_widgets import tables
from nbflow_widgets.display import bundle_of
from nbflow_widgets.markup import FAINT, code_span, div, duration, escape, escaped, note, plural, span, visible

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nbflow_widgets.frames import RunFrame

LINES = 400
"""Lines of one function's change that are shown."""
_TONES = {"+": "background-color:#3fa37c2e", "-": "background-color:#dc5a522e", "@": FAINT}
_PRE = "margin:2px 0 8px 0;padding:4px 0;font-size:12px;background-color:transparent;border:1px solid #7d859044"
_LINE = "padding:0 8px;white-space:pre-wrap;overflow-wrap:anywhere"
_ORDER = ("changed", "only before", "only after", "equal")


class Diff:
    """Two runs side by side, shown as HTML and as text.

    Attributes:
        found: all of it.
        calls: their calls as a table: which are equal, changed, or of one run only; results and times of both.
        tasks: the same by task: how often, and how long together.
        code: by name, how the code of a function has changed, as ``diff -u`` shows it.
    """

    def __init__(self, found: RunDiff) -> None:
        self.found = found
        self.calls: RunFrame = tables.calls_side_by_side(found)
        self.tasks: RunFrame = tables.tasks_side_by_side(
            timing_of(found.before.view).tasks, timing_of(found.after.view).tasks
        )
        self.code = {one.after.name: "\n".join(one.lines) or one.reason for one in found.code}

    def __repr__(self) -> str:
        parts = [self.summary(), repr(self._differing()), repr(self.tasks)]
        parts += [visible(f"{name}\n{text}") for name, text in self.code.items()]
        return "\n\n".join(part for part in parts if part)

    def _repr_mimebundle_(self, **_options: object) -> dict[str, object]:
        return bundle_of(self.html(), repr(self))

    def summary(self) -> str:
        """Return in a sentence how many calls are equal, and how long each run worked."""
        counts = dict.fromkeys(_ORDER, 0)
        for call in self.found.calls[1:]:
            counts[call.change] += 1
        told = ", ".join(f"{count:,} {change}" for change, count in counts.items() if count) or "no calls"
        before, after = (side.view.progress for side in (self.found.before, self.found.after))
        times = [worked(one, one.ended or 0.0) if one.ended is not None else None for one in (before, after)]
        names = before.name if before.name == after.name else f"{before.name} and {after.name}"
        sentence = f"{names}: {told}; {before.state}, then {after.state}"
        if None not in times and times[0] is not None and times[1] is not None:
            sentence += f"; {duration(times[0])}, then {duration(times[1])}{_ratio(times[0], times[1])}"
        return visible(f"{sentence}.")

    def html(self) -> str:
        """Return it as HTML that survives saving and export."""
        frames = [self._differing(), *([self.tasks] if len(self.tasks) else [])]
        parts = [note(self.summary()), *(div("overflow-x:auto", frame._repr_html_()) for frame in frames)]
        return div("", *parts, *(code_html(one) for one in self.found.code))

    def _differing(self) -> RunFrame:
        """Return the calls that are not equal; all, where all are."""
        some = self.calls[self.calls["change"] != "equal"]
        shown = some if len(some) else self.calls
        has_states = shown["differs"].str.contains("state", na=False).any()
        return shown if has_states else shown.drop(columns=["state_before", "state_after"])


def code_html(one: CodeDiff) -> str:
    """Return how the code of a function has changed, in colours that read on light and dark pages."""
    places = dict.fromkeys(filter(None, [one.before.place, one.after.place]))
    head = f"{code_span(escaped(one.after.name))} {span(f'{FAINT};font-size:12px', ' → '.join(places))}"
    if not one.lines:
        return div("margin-top:6px", head, note(one.reason))
    shown = lines_html(one.lines[:LINES])
    rest = len(one.lines) - LINES
    more = note(f"and {plural(rest, 'line')} more in `diff(...).code[{one.after.name!r}]`") if rest > 0 else ""
    return div("margin-top:6px", head, shown, more)


def lines_html(lines: Sequence[str]) -> str:
    """Return the lines of a difference, as ``diff -u`` has them, in colours."""
    return f'<pre style="{_PRE}">{"".join(map(_line_html, lines))}</pre>'


def _line_html(line: str) -> str:
    tone = FAINT if line[:3] in {"+++", "---"} else _TONES.get(line[:1], "")
    return f'<div style="{_LINE};{tone}">{escape(line) or " "}</div>'


def _ratio(before: float, after: float) -> str:
    return f" ({after / before:.2f} times)" if before > _TINY else ""


_TINY = 1e-6
__all__ = ["Diff", "code_html"]
