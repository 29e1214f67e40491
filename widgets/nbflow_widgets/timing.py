"""Where the time of a run went, in a few words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nbflow.views.progress import worked
from nbflow_widgets.markup import duration, plural

if TYPE_CHECKING:
    from nbflow.views.progress import Progress
    from nbflow.views.timing import Timing

_SIDE_BY_SIDE = 1.05  # tasks at a time, from which on it is worth a word
_WORTH_A_WORD = 0.001  # seconds
_CALLS, _MANY = 3, 20_000  # calls from which on, and up to which, a card tells of a run's time by itself
_SECONDS = 1.0  # that such a run has worked


def is_worth_timing(progress: Progress) -> bool:
    """Whether a run has ended that took long enough, with calls enough, to wonder where its time went."""
    worth = _CALLS <= progress.total <= _MANY and progress.state == "done" and progress.ended is not None
    return worth and worked(progress, progress.ended or 0.0) >= _SECONDS


def timing_text(progress: Progress, found: Timing) -> str:
    """Return where the time of a run went, with code in backquotes; empty before it began."""
    if not progress.run_id:
        return ""
    name, seconds = found.bound
    part = "the body itself" if name == progress.name else f"`{name}`"
    sentences = [f"{duration(found.worked)} at work, bound by {part} ({duration(seconds)} of it)"]
    if found.parallel >= _SIDE_BY_SIDE:
        sentences[0] += f", {found.parallel:.1f} tasks at a time"
    waited = [("waited", found.paused, " for people"), ("stood still for", found.stood, "")]
    sentences += [f"{verb} {duration(spent)}{whom}" for verb, spent, whom in waited if spent > _WORTH_A_WORD]
    return "; ".join([*sentences, *_counts(found)]) + "."


def _counts(found: Timing) -> list[str]:
    retried, taken = (sum(getattr(task, what) for task in found.tasks) for what in ("retried", "taken"))
    told = [f"{plural(retried, 'call')} tried again"] if retried else []
    return [*told, f"{plural(taken, 'result')} taken from elsewhere"] if taken else told
