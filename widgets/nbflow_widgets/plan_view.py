"""A plan as people read it: what is there already, what would run and why, from where on it can't be known."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nbflow.views.plan import folded
from nbflow_widgets.display import bundle_of, show_once
from nbflow_widgets.markup import FAINT, div, dot, duration, escape, escaped, plural, span
from nbflow_widgets.toolkit import new_thread_id

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nbflow import RunnableConfig, Workflow
    from nbflow.views.plan import Plan, PlannedCall
    from nbflow_widgets.options import Options

REUSE = "--reuse"
"""How a cell asks for a run that takes results over."""
LIMIT = 200
"""Lines of calls that are listed; calls that follow each other for the same reason are one."""
_DOTS = {"runs": "running", "sleeps": "sleeping"}
_ROW = "display:flex;gap:8px;align-items:baseline;padding:1px 0;flex-wrap:wrap"


class PlanView:
    """A plan, shown as HTML and as text.

    Args:
        plan: to show.
        times: whether it says how long things took: not where an output must not vary.
    """

    def __init__(self, plan: Plan, *, times: bool = True) -> None:
        self.plan = plan if times else plan._replace(seconds=None)
        self._times = times

    def __repr__(self) -> str:
        return "\n".join(self.plan.lines(REUSE))

    def _repr_mimebundle_(self, **_options: object) -> dict[str, object]:
        return bundle_of(self.html(), repr(self))

    def html(self) -> str:
        """Return it as HTML without classes or scripts."""
        plan = self.plan
        runs = plural(len(plan.runs), "call") + (" run" if len(plan.runs) != 1 else " runs")
        taken = f"{len(plan.taken)} there already"
        about = f", about {duration(plan.seconds)} by the last run" if plan.seconds is not None else ""
        head = f"Plan of {plan.workflow}: {runs if plan.runs else 'nothing runs'}, {taken}{about}. Nothing has run."
        return div("line-height:1.5", div("font-weight:600", escaped(head)), *self._rows())

    def _rows(self) -> Iterator[str]:
        plan = self.plan
        groups = folded(plan.calls)
        for alike in groups[:LIMIT]:
            yield self._row(alike)
        if len(groups) > LIMIT:
            yield div(FAINT, f"and {sum(map(len, groups[LIMIT:])):,} more")
        if plan.spared:
            yield div(_ROW, span(FAINT, plan.spares(REUSE)))
        for text in plan.asks:
            yield div(_ROW, f"{dot('asking')}asks", span("", text))
        if plan.unknown or plan.after:
            told = next(line for line in plan.lines() if "can't be known" in line)
            yield div(_ROW, span(FAINT, told.strip()))
        if plan.error is not None:
            yield div(_ROW, f"{dot('failed')}the body raises", span("", repr(plan.error)))

    def _row(self, alike: list[PlannedCall]) -> str:
        call = alike[0]
        where = call.path if len(alike) == 1 else plural(len(alike), "call")
        name = f"{dot(_DOTS.get(call.action, call.action))}{escape(call.name)}{span(FAINT, f' {where}')}"
        took = f"{duration(call.seconds)} last time" if self._times and call.seconds is not None else ""
        why = f"{call.action}: {call.reason}" if call.reason else call.action
        return div(_ROW, div("min-width:180px", name), span("", why), span(FAINT, took))


def show_plan(workflow: Workflow, value: object, options: Options, *, times: bool) -> None:
    """Show what a cell would do with an input and its other options; ``times`` as of ``PlanView``."""
    config: RunnableConfig = {"configurable": {"thread_id": options.thread or new_thread_id(workflow.name)}}
    last = None if options.fresh or options.reuse else workflow.last_run(config)
    name = getattr(last.log[0], "workflow", "") if last is not None else ""
    goes_on = (
        last is not None
        and name == workflow.name
        and last.began_with(value)
        and (last.status != "done" or (last.is_current and not last.changed_files))
    )
    plan = workflow.plan(None if goes_on else value, config, on_divergence="rerun", reuse=options.reuse)
    view = PlanView(plan, times=times)
    show_once(bundle_of(view.html(), repr(view)))


__all__ = ["PlanView", "show_plan"]
