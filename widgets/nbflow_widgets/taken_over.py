"""The line above a run that took results over: how many, what that saved, and why the others ran."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nbflow import read_run
from nbflow.views.plan import Planning, folded
from nbflow.views.rests import versions_of_taken
from nbflow_widgets.markup import duration, plural

if TYPE_CHECKING:
    from nbflow import Run

LISTED = 5


def taken_over_text(run: Run, *, times: bool) -> str:
    """Return how many calls of a run took their result over from an earlier one; empty where none could.

    Args:
        run: that has ended.
        times: whether it says what that saved.
    """
    started = run.log[0] if run.log else None
    source_id = getattr(started, "reuses", None)
    if source_id is None:
        return ""
    rows = [row for row in run.calls if row.parent and row.kind not in {"entrypoint", "graph", "map"}]
    reused = [row for row in rows if row.state == "reused"]
    saved = sum(getattr(record, "saved", 0.0) for record in run.log)
    source = read_run(run.workflow.saver("a card"), run.thread_id, source_id)
    ran = Planning(source, reuse=True, is_same=False).ran(run.log)
    text = f"{len(reused):,} of {plural(len(rows), 'call')} reused"
    if saved and times:
        text += f", {duration(saved)} saved"
    groups = folded(ran)
    listed = [
        f"{alike[0].name} ({alike[0].path if len(alike) == 1 else plural(len(alike), 'call')}): {alike[0].reason}"
        for alike in groups[:LISTED]
    ]
    rest = sum(map(len, groups[LISTED:]))
    more = [f"and {rest:,} more"] if rest else []
    if versions := versions_of_taken(run.log):
        text += f" (made with {versions})"
    return f"{text}. Ran: {'; '.join([*listed, *more])}." if ran else f"{text}."


__all__ = ["taken_over_text"]
