"""How long a run may still take, by the last one of its workflow: never where that one says nothing of it.

The work of a run is that of its calls without calls below them, each as long as half of its kind took in the last run.
What share of it is done says how much of the last run's time is left.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from nbflow.core.record import ROOT
from nbflow.core.states import OPEN
from nbflow.views.timing import timing_of

if TYPE_CHECKING:
    from nbflow.views.progress import RunView


class Estimate:
    """What one run says of how long another one of the same workflow takes.

    Args:
        last: a run that returned.

    Attributes:
        worked: seconds that it ran, gaps left out.
        is_usable: whether it says anything: all its tasks ran, none took its result from elsewhere.
    """

    def __init__(self, last: RunView) -> None:
        rows, timing = last.calls.rows, timing_of(last)
        self._callers = {rows[row.parent].name for row in rows.values() if row.parent in rows and row.parent != ROOT}
        leaves = [task for task in timing.tasks if task.name not in self._callers]
        self._medians = {task.name: task.median for task in leaves if task.median is not None}
        self._counts = {task.name: task.calls for task in timing.tasks}
        self.worked = timing.worked
        self._work = sum(median * self._counts[name] for name, median in self._medians.items())
        whole = len(self._medians) == len(leaves) and not any(task.taken or task.failed for task in leaves)
        self.is_usable = whole and self._work > 0 and last.progress.state == "done"

    def left(self, view: RunView, now: float) -> float | None:
        """Return how many seconds are left of a run that works; None where the last run says nothing of it.

        Args:
            view: the run.
            now: seconds since 1970.
        """
        done, seen = 0.0, Counter[str]()
        for row in tuple(view.calls.rows.values()):
            if row.path == ROOT:
                continue
            seen[row.name] += 1
            if seen[row.name] > self._counts.get(row.name, 0):  # calls that the last run did not have
                return None
            median = self._medians.get(row.name)
            if median is None:
                continue
            if row.state not in OPEN:
                done += median
            elif row.started and row.state == "running":
                done += min(median, max(0.0, now - row.started))
        return self.worked * (1 - done / self._work) if self.is_usable else None


__all__ = ["Estimate"]
